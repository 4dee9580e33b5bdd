"""What `doctor` finds, on machines that lack something."""

import shutil
from pathlib import Path

import pytest

from snnhw import doctor
from snnhw.doctor import Check, dataset_states, examine


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches of this test's own."""
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path / "data"))
    return tmp_path


def found(name: str) -> Check:
    return next(check for check in examine().checks if check.name == name)


def test_datasets_that_are_not_there_say_how_to_get_them(places: Path):
    states = dataset_states()
    assert [(state.name, state.present) for state in states] == [("mnist", False), ("fashion-mnist", False)]
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


def test_a_tool_that_says_nothing():
    assert doctor._first_line(["true"]) == "of unknown version"
    assert doctor._first_line(["/no/such/tool"]) == "of unknown version"
