"""A build takes its place when it is whole; an older one is replaced only where that is said, and not by a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snnhw.errors import FitError, OutputError, ToolError
from snnhw.fpga.folder import check_place, failed_folder, filled_beside, place_of
from snnhw.fpga.parts import find_part
from snnhw.fpga.report import REPORT, BuildReport, Timing, load
from snnhw.implementation import Implementation, LayerImplementation
from snnhw.shell import PLAIN


def report(name: str, fmax_mhz: float = 50.0) -> BuildReport:
    """The report of a build that asks for 24 MHz."""
    return BuildReport(
        name=name,
        digest="0",
        semantics=(),
        implementation=Implementation(layers=(LayerImplementation(synapse_lanes=1, neuron_lanes=1),)),
        shell=PLAIN,
        board=None,
        programmer=(),
        part=find_part("up5k"),
        stages={},
        harness=None,
        placed={},
        clock_mhz=24,
        timing=Timing(asked_mhz=24, fmax_mhz=fmax_mhz, worst_path_ns=20, worst_path=("hidden",)),
        cycles=None,
        work=None,
        seed=1,
        tools={},
        bitstream=None,
        bitstream_sha256=None,
        seconds={},
    )


def fill(out: str, name: str, *, fmax_mhz: float = 50.0, overwrite: bool = False) -> None:
    """A build with nothing but its Verilog and its report."""
    with filled_beside(out, overwrite=overwrite) as folder:
        (folder / "snn.v").write_text(name)
        (folder / REPORT).write_text(report(name, fmax_mhz).model_dump_json())


def fail(error: BaseException, *, overwrite: bool = True) -> None:
    """A build of ``x`` that fails when there is a log."""
    with filled_beside("x", overwrite=overwrite) as folder:
        (folder / "yosys.log").write_text("ERROR: no")
        raise error


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_build_appears_when_it_is_whole(here: Path):
    with filled_beside("deep/x", overwrite=False) as folder:
        assert not Path("deep/x").exists()
        assert folder.parent == Path("deep")
        (folder / REPORT).write_text(report("new").model_dump_json())
    assert load("deep/x").name == "new"
    assert os.listdir("deep") == ["x"]


def test_an_older_build_is_replaced_as_a_whole_and_only_where_that_is_said(here: Path):
    fill("x", "old")
    Path("x/snn.old.hex").write_text("0")
    with pytest.raises(OutputError, match="x is there already; give another name with --out, or say --overwrite"):
        fill("x", "new")
    assert Path("x/snn.v").read_text() == "old"
    fill("x", "new", overwrite=True)
    assert sorted(os.listdir("x")) == [REPORT, "snn.v"]
    assert Path("x/snn.v").read_text() == "new"
    assert os.listdir(here) == ["x"]


@pytest.mark.parametrize("error", [ToolError("yosys failed"), FitError("too small"), OSError("disk"), ValueError("no")])
def test_what_fails_leaves_the_older_build_and_its_own_logs(error: Exception, here: Path):
    fill("x", "old")
    with pytest.raises(type(error)) as raised:
        fail(error)
    known = isinstance(error, (ToolError, FitError))
    assert str(raised.value) == f"{error}{'; the files and logs of this build are in x-failed' if known else ''}"
    assert (Path("x/snn.v").read_text(), load("x").name) == ("old", "old")
    assert Path("x-failed/yosys.log").read_text() == "ERROR: no"
    assert sorted(os.listdir(here)) == ["x", "x-failed"]
    with pytest.raises(type(error)):
        fail(error)
    assert sorted(os.listdir(here)) == ["x", "x-failed"], "the last one is kept"
    fill("x", "new", overwrite=True)
    assert os.listdir(here) == ["x"], "what failed is no longer of interest"


def test_what_fails_before_it_has_written_leaves_nothing(here: Path):
    with pytest.raises(ToolError, match=r"^no$"), filled_beside("x", overwrite=False):
        raise ToolError("no")
    assert os.listdir(here) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_the_older_build_alone(interruption: type[BaseException], here: Path):
    with pytest.raises(interruption):
        fail(interruption())
    assert os.listdir(here) == []
    fill("x", "old")
    with pytest.raises(interruption):
        fail(interruption())
    assert os.listdir(here) == ["x"]
    assert load("x").name == "old"


@pytest.mark.parametrize("renames", [1, 2])
def test_an_interruption_while_one_takes_the_place_of_the_other(
    renames: int, here: Path, monkeypatch: pytest.MonkeyPatch
):
    fill("x", "old")
    rename, done = Path.rename, []

    def interrupted(path: Path, target: Path) -> Path:
        renamed = rename(path, target)
        done.append(target)
        if len(done) == renames:
            raise KeyboardInterrupt
        return renamed

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fill("x", "new", overwrite=True)
    assert os.listdir(here) == ["x"]
    assert load("x").name == {1: "old", 2: "new"}[renames]


def test_a_missed_clock_does_not_replace_one_that_is_met(here: Path):
    fill("x", "slow", fmax_mhz=20)
    assert place_of("x", load("x")) == Path("x"), "there was no other"
    fill("x", "slower", fmax_mhz=19, overwrite=True)
    assert load("x").name == "slower"
    fill("x", "good", overwrite=True)
    fill("x", "slow", fmax_mhz=20, overwrite=True)
    assert load("x").name == "good"
    assert load("x-failed").name == "slow"
    assert place_of("x", load("x-failed")) == failed_folder("x") == Path("x-failed")
    fill("x", "better", overwrite=True)
    assert os.listdir(here) == ["x"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_of_no_build_is_never_removed(overwrite: bool, here: Path):
    for folder in ("x", "x-failed"):
        fill("x", "old", overwrite=True)
        Path(folder).mkdir(exist_ok=True)
        Path(folder, "thesis.tex").write_text("years")
        with pytest.raises(OutputError, match=f"{folder} holds thesis.tex, which is of no build: give another folder"):
            check_place("x", overwrite=overwrite)
        Path(folder, "thesis.tex").unlink()
    Path("file").write_text("")
    with pytest.raises(OutputError, match="file is there and is no folder"):
        check_place("file", overwrite=overwrite)
    Path("mine-failed").mkdir()
    fill("mine-failed", "good", overwrite=True)
    with pytest.raises(OutputError, match="mine-failed holds a build, and a failed one of mine would go there"):
        check_place("mine", overwrite=overwrite)


def test_what_came_meanwhile_stays(here: Path):
    def fill_both() -> None:
        with filled_beside("x", overwrite=False) as folder:
            (folder / REPORT).write_text(report("slow").model_dump_json())
            fill("x", "quick")

    with pytest.raises(OutputError, match=r"x is there already; .*; the files and logs of this build are in x-failed"):
        fill_both()
    assert (load("x").name, load("x-failed").name) == ("quick", "slow")


def test_places_that_cannot_be_replaced(here: Path):
    for place in (".", "..", str(here)):
        with pytest.raises(OutputError, match=r"holds|cannot be replaced as a whole: give a folder in it with --out"):
            check_place(place, overwrite=True)
    Path("file").write_text("")
    with pytest.raises(OutputError, match="cannot write file/x: not a directory; choose a place"):
        check_place("file/x", overwrite=False)
    assert os.listdir(here) == ["file"]


def test_an_empty_folder_and_a_link_are_filled(here: Path):
    Path("empty").mkdir()
    fill("empty", "new")
    Path("real").mkdir()
    Path("link").symlink_to("real")
    fill("link", "new")
    assert Path("link").is_symlink()
    assert load("real").name == load("empty").name == "new"
