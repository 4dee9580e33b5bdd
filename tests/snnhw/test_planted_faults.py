"""Circuits with one fault each: verify catches every one, and names the first number that is wrong."""

import re

import numpy as np
import pytest

from golden.network import LayerTrace, run
from snnhw.compare import Divergence
from snnhw.implementation import LayerImplementation
from snnhw.model import Model
from snnhw.network import Layer, Leak
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verify import Report, verify
from tests.circuits import implementation, model, samples

pytestmark = pytest.mark.verilator

MODEL, IMPLEMENTATION, SAMPLES = model("direct"), implementation("direct"), samples("direct", 400)
EVENTS = SAMPLES >> 4
FIRST, LAST = (stage.name for stage in MODEL.network.stages)


def circuit_of(faulty: Model) -> VerilatorSimulator:
    return VerilatorSimulator.of(faulty, IMPLEMENTATION)


def found_in(simulator: VerilatorSimulator) -> Report:
    report = verify(MODEL, IMPLEMENTATION, SAMPLES, simulator=simulator)
    assert not report.equal
    assert report.problems == ()
    return report


def with_neuron(**changes) -> Model:
    """The model with another neuron in its first layer."""
    first, *others = MODEL.network.stages
    plain = first.model_dump()
    changed = Layer.model_validate({**plain, "neuron": {**plain["neuron"], **changes}})
    network = MODEL.network.model_copy(update={"stages": (changed, *others)})
    return Model(network, MODEL.tensors)


def trace(layer: str) -> LayerTrace:
    return run(MODEL, SAMPLES, traces=True).traces[layer]


def test_the_circuit_without_a_fault_is_equal():
    report = verify(MODEL, IMPLEMENTATION, SAMPLES, simulator=circuit_of(MODEL))
    assert report.equal
    assert report.timing_mismatches == 0


def test_a_circuit_built_otherwise_is_equal_and_its_cycles_are_not_as_predicted():
    slowest = LayerImplementation(synapse_lanes=1, neuron_lanes=1)
    other = IMPLEMENTATION.model_copy(update={"layers": (slowest, IMPLEMENTATION.layers[1])})
    report = verify(MODEL, other, SAMPLES, simulator=circuit_of(MODEL))
    assert report.equal
    assert report.timing_mismatches is not None
    assert report.timing_mismatches >= len(SAMPLES)


def test_a_wrong_weight():
    weight = MODEL.weight(FIRST).copy()
    weight[4, 6] += 1 if weight[4, 6] < 0 else -1
    report = found_in(circuit_of(Model(MODEL.network, {**MODEL.tensors, f"{FIRST}.weight": weight})))
    touched = EVENTS[:, 6] > 0
    sample = int(np.flatnonzero(touched)[0])
    right = int(trace(FIRST).integrated[0, sample, 4])
    wrong = right + int(EVENTS[sample, 6]) * int(weight[4, 6] - MODEL.weight(FIRST)[4, 6])
    assert report.mismatches == int(touched.sum())
    assert report.divergence == Divergence("isolated", sample, 0, FIRST, 4, "integrated", right, wrong)


def test_a_wrong_leak():
    report = found_in(circuit_of(with_neuron(leak=Leak(kind="shift", bits=3, rounding="toward_zero"))))
    assert report.mismatches > 100
    assert report.divergence is not None
    assert (report.divergence.stage, report.divergence.field, report.divergence.step) == (FIRST, "integrated", 1)


def test_a_threshold_that_is_one_off():
    report = found_in(circuit_of(with_neuron(threshold=41, reset_amount=40)))
    at_threshold = trace(FIRST).integrated == 40
    touched = at_threshold.any(axis=(0, 2))
    sample = int(np.flatnonzero(touched)[0])
    step, neuron = np.argwhere(at_threshold[:, sample])[0].tolist()
    assert report.mismatches == int(touched.sum())
    assert report.divergence == Divergence("isolated", sample, step, FIRST, neuron, "spike", 1, 0)


def dropping(layer: str, address: int) -> VerilatorSimulator:
    """The circuit whose layer does not see the events of one address: they are taken, and lost."""
    simulator = circuit_of(MODEL)
    ports = r"(?:.*\n)*?    \.events__payload\((.*?)\),\n(?:.*\n)*?    \.events__valid\("
    verilog, count = re.subn(
        rf"(\\snn\.{layer}  {layer} \({ports})(.*?)\)",
        rf"\1\3 && \2[5:0] != {{4'd{address}, 2'd0}})",
        simulator.verilog,
    )
    assert count == 1
    return VerilatorSimulator(
        network=simulator.network, interface=simulator.interface, verilog=verilog, patience=simulator.patience
    )


def test_a_dropped_event():
    report = found_in(dropping(FIRST, 6))
    touched = EVENTS[:, 6] > 0
    sample = int(np.flatnonzero(touched)[0])
    weights = MODEL.weight(FIRST)[:, 6]
    neuron = int(np.flatnonzero(weights)[0])
    right = int(trace(FIRST).integrated[0, sample, neuron])
    wrong = right - int(EVENTS[sample, 6]) * int(weights[neuron])
    assert report.mismatches == int(touched.sum())
    assert report.divergence == Divergence("isolated", sample, 0, FIRST, neuron, "integrated", right, wrong)
