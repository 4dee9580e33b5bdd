"""Circuits with one fault each: verify catches every one, and names the first number that is wrong."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
from amaranth.hdl import Const, Value

from gateware.multiples import Term, choose, terms
from gateware.stream import shape_of
from golden.network import LayerTrace, run
from snnhw.compare import Divergence
from snnhw.design import Design
from snnhw.implementation import LayerImplementation
from snnhw.model import Model
from snnhw.network import Layer, Leak
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import Report, verify
from tests.circuits import implementation, model, samples

pytestmark = pytest.mark.slow

MODEL, IMPLEMENTATION, SAMPLES = model("direct"), implementation("direct"), samples("direct", 400)
EVENTS = SAMPLES >> 4
FIRST, LAST = (stage.name for stage in MODEL.network.stages)


def circuit_of(faulty: Model) -> VerilatorSimulator:
    return replace(VerilatorSimulator.of(Design(faulty, IMPLEMENTATION)), optimise=False)


def found_in(simulator: VerilatorSimulator) -> Report:
    report = verify(Design(MODEL, IMPLEMENTATION), SAMPLES, simulator=simulator)
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
    report = verify(Design(MODEL, IMPLEMENTATION), SAMPLES, simulator=circuit_of(MODEL))
    assert report.equal
    assert report.timing_mismatches == 0


def test_a_circuit_built_otherwise_is_equal_and_its_cycles_are_not_as_predicted():
    slowest = LayerImplementation(synapse_lanes=1, neuron_lanes=1)
    other = IMPLEMENTATION.model_copy(update={"layers": (slowest, IMPLEMENTATION.layers[1])})
    report = verify(Design(MODEL, other), SAMPLES, simulator=circuit_of(MODEL))
    assert report.equal
    assert report.timing_mismatches is not None
    assert report.timing_mismatches >= len(SAMPLES)


def test_a_wrong_weight():
    weight = MODEL.layer(FIRST).weight.copy()
    weight[4, 6] += 1 if weight[4, 6] < 0 else -1
    report = found_in(circuit_of(Model(MODEL.network, {**MODEL.tensors, f"{FIRST}.weight": weight})))
    touched = EVENTS[:, 6] > 0
    sample = int(np.flatnonzero(touched)[0])
    right = int(trace(FIRST).integrated[0, sample, 4])
    wrong = right + int(EVENTS[sample, 6]) * int(weight[4, 6] - MODEL.layer(FIRST).weight[4, 6])
    assert report.mismatches == int(touched.sum())
    assert report.divergence == Divergence("isolated", sample, 0, FIRST, 4, "integrated", right, wrong)


@pytest.mark.long
def test_a_wrong_leak():
    report = found_in(circuit_of(with_neuron(leak=Leak(kind="shift", bits=3, rounding="toward_zero"))))
    assert report.mismatches > 100
    assert report.divergence is not None
    assert (report.divergence.stage, report.divergence.field, report.divergence.step) == (FIRST, "integrated", 1)


@pytest.mark.long
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
    return replace(simulator, verilog=verilog)


def test_a_dropped_event():
    report = found_in(dropping(FIRST, 6))
    touched = EVENTS[:, 6] > 0
    sample = int(np.flatnonzero(touched)[0])
    weights = MODEL.layer(FIRST).weight[:, 6]
    neuron = int(np.flatnonzero(weights)[0])
    right = int(trace(FIRST).integrated[0, sample, neuron])
    wrong = right - int(EVENTS[sample, 6]) * int(weights[neuron])
    assert report.mismatches == int(touched.sum())
    assert report.divergence == Divergence("isolated", sample, 0, FIRST, neuron, "integrated", right, wrong)


# Two events a cycle, neuron by neuron

BY_NEURON, BY_NEURON_IMPLEMENTATION = model("neuron_major"), implementation("neuron_major")
BY_NEURON_SAMPLES = samples("neuron_major", 100)


def terms_of(index: int) -> list[Term]:
    """The accumulators of each neuron and step of a layer."""
    layer = Design(BY_NEURON, BY_NEURON_IMPLEMENTATION).layers[index]
    return terms(shape_of(layer.built.weight), layer.values, layer.chosen.event_lanes)


def accumulators(index: int) -> int:
    """How many a layer has: the first adds up what is the same at every step."""
    steps = 1 if index == 0 else BY_NEURON.network.num_steps
    return steps * BY_NEURON_IMPLEMENTATION.layers[index].synapse_lanes * len(terms_of(index))


def found_in_accumulator(monkeypatch: pytest.MonkeyPatch, number: int, change) -> Report:
    """Verify a circuit in which one accumulator, counted in the order in which they are built, adds something else."""
    built = count()

    def chosen(term: Term, weights: Sequence[Value], table: Sequence[Value]) -> Value:
        return (change if next(built) == number else choose)(term, weights, table)

    monkeypatch.setattr("gateware.crossbar.choose", chosen)
    faulty = replace(VerilatorSimulator.of(Design(BY_NEURON, BY_NEURON_IMPLEMENTATION)), optimise=False)
    assert next(built) == sum(map(accumulators, range(len(BY_NEURON.network.stages))))
    report = verify(Design(BY_NEURON, BY_NEURON_IMPLEMENTATION), BY_NEURON_SAMPLES, simulator=faulty)
    assert not report.equal
    assert report.problems == ()
    return report


def test_an_accumulator_that_misses_the_second_event_of_a_cycle_at_one_step(monkeypatch: pytest.MonkeyPatch):
    """Of the second layer, neuron 1, step 1, the weight's bit 1: events of odd addresses are not added."""
    layer, neuron, step, place = BY_NEURON.network.stages[1].name, 1, 1, 1
    parts, lanes = terms_of(1), BY_NEURON_IMPLEMENTATION.layers[1].synapse_lanes
    number = accumulators(0) + (step * lanes + neuron) * len(parts) + place
    report = found_in_accumulator(
        monkeypatch,
        number,
        lambda term, weights, table: choose(term, [weights[0], Const(0, len(weights[1]))], table),
    )
    traces = run(BY_NEURON, BY_NEURON_SAMPLES, traces=True).traces
    bits = BY_NEURON.layer(layer).weight[neuron, 1::2] >> place & 1
    lost = traces[BY_NEURON.network.stages[0].name].value[step, :, 1::2].astype(np.int64) @ bits << place
    assert not parts[place].negative
    sample = int(np.flatnonzero(lost)[0])
    right = int(traces[layer].integrated[step, sample, neuron])
    wrong = right - int(lost[sample])
    assert report.mismatches == np.count_nonzero(lost)
    assert report.divergence == Divergence("isolated", sample, step, layer, neuron, "integrated", right, wrong)


@pytest.mark.long
def test_an_accumulator_whose_lowest_bit_is_not_added(monkeypatch: pytest.MonkeyPatch):
    """Of the first layer, neuron 1, the weight's bit 0."""
    number = len(terms_of(0))
    report = found_in_accumulator(
        monkeypatch, number, lambda term, weights, table: choose(term, weights, table) >> 1 << 1
    )
    found = report.divergence
    assert found is not None
    assert (found.step, found.stage, found.neuron, found.field) == (0, "layer0", 1, "integrated")
    assert found.circuit is not None and found.circuit < found.golden
