"""The circuit in AXI against golden, with masters and slaves of AXI that others wrote."""

import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import run
from snnhw.packets import pack_samples, result_dtype, unpack_results
from snnhw.shell import AxiShell, sample_packet
from snnhw.simulate.simulation import patience
from snnhw.verilog import Emitted, emit
from tests.circuits import implementation, model, samples
from tests.cosimulation import runner

BENCH = "tests.cosimulation.axi_bench"
SAMPLES = 5

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@lru_cache
def emitted(case: str, tdata: int) -> Emitted:
    return emit(model(case), implementation(case), shell=AxiShell(tdata=tdata))


def vectors(case: str, tdata: int) -> dict[str, Any]:
    """The bytes of some samples, and those of golden's results."""
    network, interface, given = model(case).network, emitted(case, tdata).interface, samples(case, SAMPLES)
    golden = run(model(case), given)
    results = np.zeros(SAMPLES, result_dtype(interface))
    results["class"], results["scores"] = golden.classes, golden.scores
    classes, scores = unpack_results(interface, results.tobytes())
    np.testing.assert_array_equal(classes, golden.classes)
    np.testing.assert_array_equal(scores, golden.scores)
    packet = sample_packet(network, interface)
    return {
        "tdata": tdata,
        "events": packet.repeated,
        "record": packet.size,
        "outside": network.inputs.to_bytes(packet.size, "little").hex(),
        "samples": [sample.hex() for sample in pack_samples(network, interface, given)],
        "results": [result.tobytes().hex() for result in results],
        "digest": model(case).digest,
        "patience": 4 * patience(network, implementation(case)),
        "seed": 7,
    }


def outcome(folder: Path, simulator: str, case: str, given: dict[str, Any], *options: str) -> tuple[int, int]:
    return runner.outcome(folder, simulator, emitted(case, given["tdata"]), BENCH, given, *options)


@needs_icarus
@pytest.mark.parametrize(("case", "tdata"), [("integrate_fire", 8), ("bernoulli", 64), ("events", 32), ("latency", 32)])
def test_icarus(tmp_path: Path, case: str, tdata: int):
    ran, failed = outcome(tmp_path, "icarus", case, vectors(case, tdata), "-g2005")
    assert (ran > 10, failed) == (True, 0)


@needs_icarus
def test_a_wrong_expectation_fails(tmp_path: Path):
    given = vectors("direct", 32)
    given["results"][2] = given["results"][1]
    ran, failed = outcome(tmp_path, "icarus", "direct", given, "-g2005")
    assert 0 < failed < ran


@needs_make
@pytest.mark.verilator
def test_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runner.use_verilator(tmp_path, monkeypatch)
    ran, failed = outcome(tmp_path, "verilator", "direct", vectors("direct", 32), "-Wall")
    assert (ran > 10, failed) == (True, 0)
