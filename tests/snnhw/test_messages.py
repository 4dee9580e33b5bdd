"""What the program says names nothing of the repository that an installed wheel does not have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("snnhw", "gateware", "golden")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TEXTS = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in (".v", ".cpp", ".h", ".txt")
)
LEFT_BEHIND = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {*PACKAGES, "build", "dist"}
"""What stands at the top of the repository and in no wheel; ``constraints`` is in one at another place."""
CHECKOUT = re.compile(r"pip install -e|`make\b|[\w/-]+\.md\b")
"""What only a checkout can do, and pages of docs/, which no wheel has."""


def said(tree: ast.Module, helps: bool) -> Iterator[str]:
    """Every text in a module that is no docstring; ``helps``: docstrings of functions are the help of commands."""
    shown = (ast.FunctionDef,) if helps else ()
    silent = {
        statement.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and not isinstance(node, shown)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in silent)
    yield from (text.value for text in texts if isinstance(text.value, str))


def named(text: str) -> Iterator[str]:
    """What a text names that is in the repository alone."""
    yield from CHECKOUT.findall(text)
    for word in re.findall(r"[\w.-]+(?:/[\w-]+(?:\.\w+)?)+|LICENSE|Makefile", text):
        if not word.endswith(".md") and word.partition("/")[0] in LEFT_BEHIND and (ROOT / word).exists():
            yield word


SOURCE = '''"""See docs/uart.md."""
NAME = 1
"""See docs/uart.md."""
def show():
    """See docs/uart.md."""
    return f"{NAME}: constraints/parts.toml takes more"
'''


def test_the_check_finds_what_it_is_for():
    quiet, helps = (
        [word for text in said(ast.parse(SOURCE), helps) for word in named(text)] for helps in (False, True)
    )
    assert quiet == ["constraints/parts.toml"] and sorted(helps) == ["constraints/parts.toml", "docs/uart.md"]
    for text in ("see boards.md", "`make test`", "pip install -e '.[fpga]'", "examples/digits.toml", "LICENSE"):
        assert list(named(text)), text
    assert not list(named("snnhw/models, report.json and build/snn.v, or `pip install 'snnhw[fpga]'`"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_message_names_a_file_that_a_wheel_lacks(path: Path):
    helps = path.relative_to(ROOT).as_posix().startswith("snnhw/cli/")
    assert [word for text in said(ast.parse(path.read_text()), helps) for word in named(text)] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_text_beside_the_modules_does(path: Path):
    assert list(named(path.read_text())) == []
