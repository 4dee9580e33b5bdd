"""Imports flow one way: the description, then golden and gateware, then what joins them; torch is for training."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("snnhw", "gateware", "golden") for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HEAVY = {"amaranth", "gateware", "golden", "matplotlib", "numpy", "pydantic", "rich", "safetensors", "torch", "typer"}
DESCRIPTION = tuple(
    f"snnhw.{name}"
    for name in (
        "network",
        "convolution",
        "neunorm",
        "pooling",
        "kinds",
        "wording",
        "naming",
        "implementation",
        "interface",
        "model",
        "ranges",
        "samples",
        "shell",
        "commandshell",
        "errors",
        "frames",
        "design",
        "skewed",
        "srbm.grid",
        "srbm.machine",
        "stdp.grid",
        "stdp.learner",
    )
)
LEAVES = [f"{module.replace('.', '/')}.py" for module in (*DESCRIPTION, "snnhw.files")]


def imported(tree: ast.AST, inside_functions: bool) -> Iterator[str]:
    """Every module that `tree` imports, by its full name; those inside functions only where asked for.

    What stands below ``if TYPE_CHECKING`` is for the type checker alone, and is passed over.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imported(node, inside_functions)


def imports(path: Path, inside_functions: bool = True) -> list[str]:
    return list(imported(ast.parse(path.read_text(), str(path)), inside_functions))


def names(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def top(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("path", [path for path in MODULES if names(path) in LEAVES], ids=names)
def test_a_leaf_imports_nothing_that_joins(path: Path):
    assert not {top(name) for name in imports(path)} & {"golden", "gateware", "amaranth", "torch"}


@pytest.mark.parametrize("path", [path for path in MODULES if names(path).startswith("golden/")], ids=names)
def test_golden_imports_numpy_and_the_description(path: Path):
    compilers = {"numba"} if path.name == "compiled.py" else set()
    check_twin(path, own="golden", libraries={"numpy", "threadpoolctl"} | compilers)


@pytest.mark.parametrize("path", [path for path in MODULES if names(path).startswith("gateware/")], ids=names)
def test_gateware_imports_amaranth_and_the_description(path: Path):
    check_twin(path, own="gateware", libraries={"amaranth"})


def check_twin(path: Path, own: str, libraries: set[str]) -> None:
    for name in imports(path):
        package = top(name)
        assert package in {own, "snnhw"} | libraries or package in sys.stdlib_module_names, name
        if package == "snnhw":
            assert any(f"{name}.".startswith(f"{module}.") for module in DESCRIPTION), name


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in MODULES if not names(path).startswith(("snnhw/train/", "snnhw/ann/"))], ids=names
)
def test_torch_is_imported_by_training_and_conversion_alone(path: Path):
    assert not {top(name) for name in imports(path)} & {"torch", "torchvision"}
    at_import = imports(path, inside_functions=False)
    loaded = [name for name in at_import if f"{name}.".startswith("snnhw.train.")]
    assert not loaded, "train is loaded when it is called"


def test_what_tests_share_is_in_modules_of_its_own():
    """A test file, or a conftest, that another module imports would be loaded twice."""
    for path in TESTS:
        found = [name for name in imports(path) if any(is_collected(part) for part in name.split("."))]
        assert not found, f"{names(path)}: {found}"


def is_collected(module: str) -> bool:
    """Whether pytest itself loads modules of that name."""
    return module == "conftest" or module.startswith("test_")


@pytest.mark.parametrize("module", ["snnhw", "snnhw.errors", "snnhw.files"])
def test_nothing_heavy_is_loaded_by(module: str):
    assert loaded_by(module) & HEAVY == set()


def test_the_description_loads_neither_twin():
    assert loaded_by("snnhw.network") & {"golden", "gateware", "amaranth", "torch", "numpy", "rich"} == set()


def test_data_loads_no_framework():
    assert loaded_by("snnhw.data") & {"torch", "torchvision", "amaranth", "golden", "gateware"} == set()


def loaded_by(module: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after importing `module`."""
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(result.stdout.split())
