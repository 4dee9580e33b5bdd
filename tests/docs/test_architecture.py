"""docs/architecture.md against the modules that there are."""

from __future__ import annotations

import ast

import pytest

from tests.docs.markdown import ROOT, code, page, sections, tables

KINDS = sections(page("docs/architecture.md"))["Kinds of circuit"]
SHARED, MODULES, PARTS = tables(KINDS)


@pytest.mark.parametrize("package", ["srbm", "stdp"])
def test_every_module_of_a_machine_that_learns_is_named(package: str):
    named = {name for row in MODULES[1:] for name in code(row[0])}
    there = {path.name for path in (ROOT / "snnhw" / package).glob("*.py")} - {"__init__.py"}
    assert there <= named


def imported(package: str, module: str) -> set[str]:
    """The modules of a package that a module of it imports."""
    nodes = ast.walk(ast.parse((ROOT / package / module).read_text()))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {f"{name.partition('.')[2]}.py" for name in names if name.startswith(f"{package}.")}


@pytest.mark.parametrize("column", [1, 2], ids=["golden", "gateware"])
@pytest.mark.parametrize("row", [2, 3], ids=["srbm", "stdp"])
def test_what_a_circuit_is_made_of_is_named(row: int, column: int):
    package = PARTS[0][column]
    whole, *parts = code(PARTS[row][column])
    common = {name for name in code(PARTS[1][column]) if name.endswith(".py")}
    assert all((ROOT / package / name).exists() for name in (whole, *parts, *common))
    assert imported(package, whole) - {"stream.py"} <= {*parts, *common}
