"""The emitted Verilog in other simulators, driven by cocotb through its ports alone, against golden."""

import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from golden.network import Result, run
from snnhw.design import Design
from snnhw.interface import StreamPort
from snnhw.simulate.samples import pack
from snnhw.simulate.simulation import patience
from tests.circuits import emitted, implementation, model, samples
from tests.cosimulation import runner
from tests.tools import needs_icarus

SAMPLES = 5
TESTS = 5

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def vectors(case: str) -> dict[str, object]:
    """The beats of some samples, and what golden makes of them, as payloads."""
    given, circuit = samples(case, SAMPLES), emitted(case)
    beats = pack(model(case).network, circuit.interface.sample, given)
    payloads = [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in beats.words]
    starts = [0, *np.cumsum(beats.counts).tolist()]
    return {
        "samples": [payloads[start:end] for start, end in pairwise(starts)],
        "results": result_payloads(circuit.interface.result, run(model(case), given)),
        "patience": patience(Design(model(case), implementation(case))),
        "framed": model(case).network.encoder.kind != "events",
        "seed": 7,
    }


def result_payloads(port: StreamPort, result: Result) -> list[int]:
    payloads = []
    for chosen, scores in zip(result.classes.tolist(), result.scores.tolist(), strict=True):
        payload = 0
        for name, numbers in (("class", [chosen]), ("scores", scores)):
            field = port.field(name)
            for lane, number in enumerate(numbers):
                payload |= (number & (1 << field.width) - 1) << field.offset + lane * field.width
        payloads.append(payload)
    return payloads


def outcome(folder: Path, simulator: str, case: str, given: dict[str, object], *options: str) -> tuple[int, int]:
    """Build the circuit in a simulator and run the bench: tests that ran, and tests that failed."""
    return runner.outcome(folder, simulator, emitted(case), "tests.cosimulation.bench", given, *options)


@needs_icarus
@pytest.mark.slow
@pytest.mark.parametrize("case", ["direct", "bernoulli", "events"])
def test_icarus(tmp_path: Path, case: str):
    assert outcome(tmp_path, "icarus", case, vectors(case), "-g2005") == (TESTS, 0)


@needs_icarus
@pytest.mark.slow
def test_a_wrong_expectation_fails(tmp_path: Path):
    given = vectors("direct")
    results = given["results"]
    assert isinstance(results, list)
    results[2] ^= 1
    assert outcome(tmp_path, "icarus", "direct", given, "-g2005") == (TESTS, TESTS - 1)


@needs_make
@pytest.mark.long
def test_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runner.use_verilator(tmp_path, monkeypatch)
    assert outcome(tmp_path, "verilator", "direct", vectors("direct"), "-Wall") == (TESTS, 0)
