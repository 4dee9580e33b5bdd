"""A learner in AXI against golden, with masters and slaves of AXI that others wrote."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.stdp import Stdp
from snnhw.commandshell import CommandAxiShell
from snnhw.emission import EmittedCommandCircuit
from snnhw.payloads import pack_beats
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.learner import Learner
from snnhw.stdp.onboard import StdpOnBoard
from snnhw.stdp.verilog import emit
from tests.cosimulation import runner
from tests.tools import needs_icarus

BENCH = "tests.cosimulation.command_bench"
LEARNER = Learner.usual(6, 4, pixels=10, classes=3, spikes=3, num_steps=5)
LANES = 4


@pytest.fixture(scope="module")
def learner() -> EmittedCommandCircuit:
    return emit(LEARNER, LANES, "learner", shell=CommandAxiShell())


def vectors(circuit: EmittedCommandCircuit) -> dict[str, Any]:
    """A load, four images learned, two inferred, and all read back: beats of each stream, and golden's."""
    draw, interface = np.random.default_rng(3), circuit.interface
    golden = Stdp(LEARNER, readout=draw.integers(-2048, 2048, (6, 3)), assigned=draw.integers(0, 3, 6))
    machine = StdpOnBoard(golden, LANES, 32)
    images = draw.integers(0, 256, (6, 10)).astype(np.uint8)
    commands = [*machine.load(), *(machine.learn(image, 0) for image in images[:4])]
    commands += [*(machine.infer(image) for image in images[4:]), *machine.dump()]
    nothing: dict[str, Any] = {
        "answer": 0,
        "scores": np.zeros(3, np.int64),
        "fired": 0,
        "winner": 0,
        "step": 0,
        "assigned": 0,
    }
    nothing["register"] = golden.register
    results: list[Any] = [nothing, nothing]
    results += [nothing | dict(machine.learned(image, 0)) for image in images[:4]]
    results += [machine.inferred(image) for image in images[4:]]
    sends: dict[str, list[str]] = {port.name: [] for port in interface.streams if port.direction == "in"}
    for command in commands:
        for name, fields in command.inputs(interface).items():
            sends[name].append(pack_beats(interface.stream(name), fields).hex())
    grid = StdpGrid(LEARNER, LANES)
    words = np.zeros((grid.rows, grid.column_words * LANES), np.int64)
    words[:, : grid.columns] = golden.weight
    kept = {"threshold": golden.threshold, "class": golden.assigned, "readout": golden.readout}
    gives = {
        "result": [_result(interface.stream("result"), result) for result in results],
        "weights_out": [pack_beats(interface.stream("weights_out"), {"weight": words.reshape(-1, LANES)}).hex()],
        "neurons_out": [pack_beats(interface.stream("neurons_out"), kept).hex()],
    }
    return {"sends": sends, "gives": gives, "digest": circuit.digest, "patience": 2000}


def _result(port: Any, result: Any) -> str:
    named = {("class" if name == "answer" else name): np.array([value]) for name, value in result.items()}
    return pack_beats(port, {field.name: named[field.name] for field in port.fields}).hex()


@pytest.mark.slow
@needs_icarus
def test_masters_that_others_wrote(tmp_path: Path, learner: EmittedCommandCircuit):
    assert runner.outcome(tmp_path, "icarus", learner, BENCH, vectors(learner)) == (2, 0)


@pytest.mark.long
@needs_icarus
def test_a_fault_is_found(tmp_path: Path, learner: EmittedCommandCircuit):
    given = vectors(learner)
    given["gives"]["weights_out"][0] = "f" + given["gives"]["weights_out"][0][1:]
    assert runner.outcome(tmp_path, "icarus", learner, BENCH, given) == (2, 2)
