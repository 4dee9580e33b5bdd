"""The wheel holds all that the program needs, and works where nothing else of the project is."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest

from snnhw.fpga.boards import board_names
from tests import tools

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]


def run(folder: Path, *command: str | Path) -> str:
    """What a program prints that finds no package of this checkout, and no cache but that of these tests."""
    caches = {name: str(folder.parent / name) for name in ("SNNHW_CACHE", "SNNHW_DATA")}
    return tools.run(folder, *command, PYTHONPATH="", **caches)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(folder, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel, and what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    run(folder, sys.executable, "-m", "venv", "environment")
    programs = folder / "environment" / "bin"
    run(folder, programs / "python", "-m", "pip", "install", "--quiet", wheel)
    return programs


def test_it_holds_every_file_of_the_packages_and_nothing_else(wheel: Path):
    packages = [path for name in ("snnhw", "gateware", "golden") for path in (ROOT / name).rglob("*")]
    expected = {path.relative_to(ROOT).as_posix() for path in packages if path.is_file()}
    boards = (ROOT / "constraints").rglob("*")
    expected |= {f"snnhw/{path.relative_to(ROOT).as_posix()}" for path in boards if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {name for name in expected if "__pycache__" not in name}


def test_it_is_what_runs(installed: Path, tmp_path: Path):
    packages = "snnhw", "gateware", "golden"
    program = f"import json, {', '.join(packages)}; print(json.dumps([{', '.join(f'{p}.__file__' for p in packages)}]))"
    for place in json.loads(run(tmp_path, installed / "python", "-c", program)):
        assert Path(place).is_relative_to(installed.parent)


def test_the_program_says_what_it_is_and_what_is_missing(installed: Path, tmp_path: Path):
    assert run(tmp_path, installed / "snnhw", "--version").split()[-1][0].isdigit()
    report = json.loads(run(tmp_path, installed / "snnhw", "doctor", "--json"))
    assert report["healthy"]
    missing = {check["name"] for check in report["checks"] if check["found"] is None}
    assert "torch" in missing, "the environment has more than the wheel asks for"


def test_a_shipped_model_is_emitted_and_verified(installed: Path, tmp_path: Path):
    run(tmp_path, installed / "snnhw", "verilog", "mnist-mlp", "--testbench", "--out", "build")
    assert {"snn.v", "snn_tb.v"} <= {path.name for path in (tmp_path / "build").iterdir()}
    report = json.loads(run(tmp_path, installed / "snnhw", "verify", "mnist-mlp", "--limit", "9", "--json"))
    assert report["equal"] and report["images"] == 9
    assert (report["engine"], report["timing_mismatches"]) == ("verilator", 0)


def test_the_demo_runs(installed: Path, tmp_path: Path):
    assert "equal: 5 of 5 images" in run(tmp_path, installed / "snnhw", "demo", "--limit", "5")


def test_every_board_is_known(installed: Path, tmp_path: Path):
    program = "from snnhw.fpga.boards import *; print(*map(find_board, board_names()), sep='\\n')"
    assert len(run(tmp_path, installed / "python", "-c", program).splitlines()) == len(board_names())
