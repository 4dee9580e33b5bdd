"""Builds of circuits that learn: what the tools get, what the report says, what is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gateware.srbm
import gateware.stdp
from golden.stdp import Stdp, spike_steps
from snnhw.cli.app import run
from snnhw.fpga import place, synthesis
from snnhw.fpga.learners import MOST_IMAGES
from snnhw.fpga.parts import Family
from snnhw.fpga.report import CommandImplementation, load
from snnhw.fpga.stages import Stages
from snnhw.fpga.synthesis import Netlist
from snnhw.srbm.model import save_srbm
from snnhw.stdp.evaluate import golden
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.learner import Learner
from snnhw.stdp.model import StdpModel, save_stdp
from snnhw.stdp.timing import Timing
from tests.snnhw.srbm.small import bars
from tests.snnhw.srbm.small import small_model as small_machine
from tests.snnhw.stdp.small import small_model as small_learner

KINDS: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "stdp": ("l.safetensors", small_learner, gateware.stdp.PARTS),
    "srbm": ("m.safetensors", small_machine, gateware.srbm.PARTS),
}
"""By the circuit's top module: the file of a small model, what makes the model, and the circuit's parts."""
ULX3S = ["--board", "ulx3s-25f", "--lanes", "2", "--out", "x"]


@dataclass
class Faked:
    """Synthesis and place and route that take no time."""

    types: dict[str, int] = field(default_factory=lambda: {"LUT4": 9, "DP16KD": 1})
    sources: dict[str, str] = field(default_factory=dict)
    placed: int = 0

    def synthesise(self, sources: list[str], top: str, family: Family, folder: Path, stages: Stages, *_: object) -> Any:
        self.sources = {name: (folder / name).read_text() for name in sources}
        return Netlist(
            {stages.stage(name): self.types for name in ("core.circuit.array.x", "core.inbox.x", "waited_x")}
        )

    def place(self, *_: object) -> place.Placement:
        self.placed += 1
        return place.Placement({"DP16KD": (3, 56)}, 60.0, place.WorstPath(16.7, ("array.bank_0", "sums")))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with small models and images of their shape."""
    monkeypatch.chdir(tmp_path)
    save_stdp(small_learner(), KINDS["stdp"][0])
    save_srbm(small_machine(), KINDS["srbm"][0])
    np.save("bars.npy", bars(MOST_IMAGES + 5, 1)[0])


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Faked:
    """Tools that take no time."""
    tools = Faked()
    monkeypatch.setattr(synthesis, "synthesise", tools.synthesise)
    monkeypatch.setattr(place, "place", tools.place)
    monkeypatch.setattr(place, "pack", lambda *_: b"bits")
    return tools


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, list[str]]:
    """Exit status, JSON and the lines on standard error of a command."""
    status = run([*words, "--json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else None, captured.err.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_circuit_that_learns_on_a_board(kind: str, faked: Faked, capsys: pytest.CaptureFixture[str]):
    name, make, parts = KINDS[kind]
    status, record, lines = command(capsys, "build", name, *ULX3S, "--dataset", "bars.npy")
    assert status == 0
    assert [line.partition(" ")[2].split()[0] for line in lines if line.startswith("snnhw: ")] == [
        "predicting",
        "elaborating",
        "synthesising",
        "placing",
        "packing",
    ]
    assert set(faked.sources) == {f"{kind}.v", "board.v"}
    assert f"{kind} core (" in faked.sources["board.v"]
    assert "rx, tx: serial, 1000000 baud" in Path(f"x/{kind}.v").read_text()
    assert Path("x/snn.bit").read_bytes() == b"bits"
    assert json.loads(Path(f"x/{kind}.json").read_text())["lanes"] == 2
    assert (record["digest"], record["implementation"]) == (make().digest, {"lanes": 2, "memory": "bram"})
    assert set(record["stages"]) == {"board", "shell", "array"} and "array" in parts
    assert (record["total"]["lut"], record["total"]["bram"], record["work"]) == (27, 3, None)
    cycles = record["cycles"]
    assert (cycles["images"], cycles["interval"]["min"]) == (MOST_IMAGES, cycles["latency"]["min"] + 1)
    assert record["time"]["latency_us"] == pytest.approx(cycles["latency"]["mean"] / record["clock_mhz"])
    assert load("x").implementation == CommandImplementation(lanes=2)
    assert run(["report", "x"]) == 0
    text = capsys.readouterr().out
    assert text == Path("x/report.txt").read_text()
    assert "\n2 lanes, synapses in bram; what is learned is loaded when it runs\n" in text
    assert f"{MOST_IMAGES} images of bars.npy" in text and "synaptic operations" not in text
    assert command(capsys, "build", name, *ULX3S)[2] == [
        "snnhw: x is there already; give another name with --out, or say --overwrite"
    ]
    assert command(capsys, "build", name, *ULX3S, "--overwrite")[1]["cycles"] is None, "the sample is of another shape"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("snnhw.fpga.patch.load_base", None)
        assert command(capsys, "patch", "x", "mnist-mlp", "--out", "y")[2] == [
            "snnhw: x is of a circuit that learns, into which weights are loaded when it runs: snnhw run"
        ]


@pytest.mark.slow
@pytest.mark.usefixtures("faked")
def test_the_cycles_are_those_of_inferences(capsys: pytest.CaptureFixture[str]):
    words = ["--board", "none", "--part", "lfe5u-25f", "--lanes", "4", "--dataset", "bars.npy", "--out", "x"]
    latency = command(capsys, "build", "l.safetensors", *words)[1]["cycles"]["latency"]
    model = small_learner()
    timing, learner = Timing(StdpGrid(model.learner, 4)), golden(model)
    images = bars(MOST_IMAGES + 5, 1)[0][:MOST_IMAGES].reshape(MOST_IMAGES, -1)
    cycles = [timing.infer(spike_steps(image, model.learner.num_steps), learner.infer(image)) for image in images]
    assert latency == {"min": min(cycles), "mean": sum(cycles) / len(cycles), "max": max(cycles)}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_board_it_has_plain_streams_behind_a_harness(
    kind: str, faked: Faked, capsys: pytest.CaptureFixture[str]
):
    words = ["--board", "none", "--part", "lfe5u-25f", "--lanes", "2", "--out", "x"]
    status, record, _ = command(capsys, "build", KINDS[kind][0], *words)
    assert (status, record["bitstream"], record["shell"]["kind"]) == (0, None, "stream")
    assert set(faked.sources) == {f"{kind}.v", "harness.v"}
    assert "command__payload" in faked.sources["harness.v"]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "cell"), [("stdp", "DP16KD"), ("srbm", "LUT4")])
def test_what_has_no_room_is_refused_before_it_is_placed(
    kind: str, cell: str, faked: Faked, capsys: pytest.CaptureFixture[str]
):
    faked.types = {cell: 9000}
    status, record, lines = command(capsys, "build", KINDS[kind][0], *ULX3S)
    assert (status, record, faked.placed) == (2, None, 0)
    assert lines[-1].startswith("snnhw: the circuit needs 27,000 ") and lines[-1].endswith(" are in x-failed")
    assert "and the lfe5u-25f has" in lines[-1]
    assert "--lanes N" in lines[-1] and "another board or part (--board)" in lines[-1]
    assert "--fit" not in lines[-1] and "LAYER" not in lines[-1]


CANNOT: dict[str, tuple[list[str], str]] = {
    "single-port RAM that the part lacks": (
        ["l.safetensors", *ULX3S, "--spram"],
        "weights are to stand in single-port RAM, and the lfe5u-25f has none: leave spram out, or take a board or part",
    ),
    "lanes": (["m.safetensors", *ULX3S[:2], "--lanes", "3"], "--lanes of a spiking RBM must be a power of two"),
    "images": (["l.safetensors", *ULX3S, "--dataset", "sample"], "an image of sample has 784 pixels"),
    "images of a machine": (["m.safetensors", *ULX3S, "--dataset", "sample"], "and the machine has 36 pixels"),
    "fit": (["l.safetensors", *ULX3S, "--fit"], "--fit is not for a learner by STDP"),
    "clock": (["l.safetensors", *ULX3S, "--clock", "1"], "makes 1 MHz from 25 MHz"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_is_one_line_before_anything_is_elaborated(
    case: str, faked: Faked, capsys: pytest.CaptureFixture[str]
):
    words, message = CANNOT[case]
    status, record, lines = command(capsys, "build", *words)
    assert (status, record, len(lines), faked.sources) == (2, None, 1, {})
    assert message in lines[0]
    assert not Path("x").exists() and not Path("x-failed").exists()


@pytest.mark.long
def test_a_learner_in_single_port_ram_from_verilog_to_a_bitstream(capsys: pytest.CaptureFixture[str]):
    learner = Learner.usual(3, 4, pixels=4, classes=2, spikes=2)
    save_stdp(StdpModel.of(Stdp(learner), {}), "tiny.safetensors")
    words = ["--board", "icebreaker", "--clock", "12", "--lanes", "1", "--spram", "--out", "x"]
    status, record, _ = command(capsys, "build", "tiny.safetensors", *words)
    assert status == 0
    assert len(Path("x/snn.bin").read_bytes()) == 104_090, "the size of every bitstream of an up5k"
    assert record["timing"]["met"]
    assert (record["implementation"]["memory"], record["stages"]["array"]["spram"]) == ("spram", 2)
    assert {"board", "shell", "competition", "update", "association"} <= set(record["stages"])
    assert record["placed"]["ICESTORM_RAM"][0] == record["total"]["bram"]
