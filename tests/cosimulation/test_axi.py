"""The circuit in AXI against golden, with masters and slaves of AXI that others wrote."""

import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from golden.network import run
from snnhw.design import Design
from snnhw.interface import Interface
from snnhw.model import Model
from snnhw.packets import pack_samples, result_dtype, unpack_results
from snnhw.shell import AxiShell, sample_packet
from snnhw.simulate.simulation import patience
from snnhw.verilog import Emitted, emit
from snnhw.weights import image
from tests.circuits import implementation, model, samples
from tests.cosimulation import runner
from tests.families import family
from tests.tools import needs_icarus

BENCH = "tests.cosimulation.axi_bench"
SAMPLES = 5
TDATA = {"integrate_fire": 8, "bernoulli": 64, "events": 32, "latency": 32}

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@lru_cache
def emitted(case: str, tdata: int) -> Emitted:
    return emit(Design(model(case), implementation(case)), shell=AxiShell(tdata=tdata))


def vectors(case: str, interface: Interface, tdata: int, computed: Model | None = None) -> dict[str, Any]:
    """The bytes of some samples, and those of golden's results, of the model of the case unless told."""
    network, given = model(case).network, samples(case, SAMPLES)
    golden = run(computed or model(case), given)
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
        "image": "",
        "patience": 4 * patience(Design(model(case), implementation(case))),
        "seed": 7,
    }


@needs_icarus
@pytest.mark.slow
@pytest.mark.parametrize("case", family(TDATA, always=["integrate_fire", "events"]))
def test_icarus(tmp_path: Path, case: str):
    circuit = emitted(case, TDATA[case])
    given = vectors(case, circuit.interface, TDATA[case])
    ran, failed = runner.outcome(tmp_path, "icarus", circuit, BENCH, given, "-g2005")
    assert (ran > 10, failed) == (True, 0)


@needs_icarus
@pytest.mark.slow
def test_new_weights(tmp_path: Path):
    built, chosen = model("direct"), implementation("direct")
    layers = tuple(layer.model_copy(update={"memory": "ram"}) for layer in chosen.layers)
    chosen = chosen.model_copy(update={"layers": layers})
    weights = {name: -1 - tensor for name, tensor in built.tensors.items() if name.endswith(".weight")}
    new = Model(built.network, {**built.tensors, **weights})
    circuit = emit(Design(built, chosen), shell=AxiShell(tdata=32))
    given = vectors("direct", circuit.interface, 32, new)
    given["image"] = image(new, Design(built, chosen)).hex()
    ran, failed = runner.outcome(tmp_path, "icarus", circuit, BENCH, given, "-g2005")
    assert (ran > 10, failed) == (True, 0)


@needs_icarus
@pytest.mark.slow
def test_a_wrong_expectation_fails(tmp_path: Path):
    circuit = emitted("direct", 32)
    given = vectors("direct", circuit.interface, 32)
    given["results"][2] = given["results"][1]
    ran, failed = runner.outcome(tmp_path, "icarus", circuit, BENCH, given, "-g2005")
    assert 0 < failed < ran


@needs_make
@pytest.mark.long
def test_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    runner.use_verilator(tmp_path, monkeypatch)
    circuit = emitted("direct", 32)
    given = vectors("direct", circuit.interface, 32)
    ran, failed = runner.outcome(tmp_path, "verilator", circuit, BENCH, given, "-Wall")
    assert (ran > 10, failed) == (True, 0)
