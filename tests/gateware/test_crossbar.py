# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Events become currents: the same sums whatever the lanes, the stalls and the order of the events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.crossbar import Crossbar
from golden import crossbar as golden
from golden.serializer import ABORT, EVENT, SAMPLE, STEP
from snnhw.implementation import LayerShape
from snnhw.network import Range
from snnhw.ranges import current_bounds
from tests.gateware.harness import Stall, examples, from_words, in_steps, simulate, stalls
from tests.strategies import tensor

BINARY, GRADED = Range(lo=0, hi=1), Range(lo=0, hi=255)
END = [STEP, SAMPLE]


def crossbar(weight, bias, shape, values):
    """The component, in the widths that follow from its weights."""
    low, high = current_bounds(weight, bias, values)
    weights = Range(lo=min(0, int(weight.min())), hi=max(0, int(weight.max())))
    currents = Range(lo=int(low.min()), hi=int(high.max()))
    return Crossbar(weight.tolist(), bias.tolist(), shape, values, weights, currents)


def run_rtl(config, steps, stall=None):
    """``steps``: a list of ([(address, value), ...], mark) each."""
    weight, bias, shape, values = config
    transfers = []
    for events, mark in steps:
        transfers += [{"mark": EVENT, "address": address, "value": value} for address, value in events]
        transfers.append({"mark": mark, "address": 0, "value": 0})
    patience = 2 * shape.groups * (weight.shape[1] + 2) + 60
    run = simulate(crossbar(weight, bias, shape, values), {"events": transfers}, stall, patience=patience)
    words = [word["current"] for word in run.payloads("currents")]
    return run, [from_words(shape, step) for step in in_steps(words, shape.words)]


def run_golden(config, steps):
    weight, bias, _, values = config
    dense = np.zeros((len(steps), weight.shape[1]), np.int64)
    for index, (events, _) in enumerate(steps):
        for address, value in events:
            dense[index, address] = value
    currents = golden.Crossbar(weight, bias, values).accumulate(dense)
    return [current.tolist() for current, (_, mark) in zip(currents, steps, strict=True) if mark != ABORT]


def shape_of(units, synapse_lanes, neuron_lanes):
    return LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=neuron_lanes)


@st.composite
def shapes(draw, most=9):
    units = draw(st.integers(1, most))
    synapse_lanes = draw(st.integers(1, units))
    return shape_of(units, synapse_lanes, draw(st.integers(1, synapse_lanes)))


@st.composite
def configs(draw):
    """Weights, biases, a shape and event values; and steps of events in any order, some of them aborted."""
    shape, inputs, values = draw(shapes()), draw(st.integers(1, 9)), draw(st.sampled_from([BINARY, GRADED]))
    bits = draw(st.sampled_from([1, 2, 4, 8]))
    ends = draw(st.sampled_from([Range.of_bits(bits, signed=True), Range(lo=0, hi=3), Range(lo=-9, hi=-2)]))
    weight, bias = draw(tensor((shape.units, inputs), ends.lo, ends.hi)), draw(tensor((shape.units,), -300, 300))
    steps = []
    for _ in range(draw(st.integers(1, 5))):
        addresses = draw(st.permutations(range(inputs)))[: draw(st.integers(0, inputs))]
        events = [(address, draw(st.sampled_from([1, values.hi]))) for address in addresses]
        steps.append((events, draw(st.sampled_from([*END, ABORT]))))
    return (weight, bias, shape, values), steps


@examples(60)
@given(configs(), stalls)
def test_currents_are_equal(drawn, stall):
    config, steps = drawn
    assert run_rtl(config, steps, stall)[1] == run_golden(config, steps)


SHAPES = {
    "all lanes": shape_of(7, 7, 7),
    "one neuron": shape_of(1, 1, 1),
    "one lane": shape_of(5, 1, 1),
    "lanes that do not divide the fan-out": shape_of(7, 3, 3),
    "neuron lanes that do not divide the synapse lanes": shape_of(8, 4, 3),
    "neither divides": shape_of(10, 4, 3),
    "a last group of one word": shape_of(9, 4, 2),
}


def random_config(shape, inputs=6, values=GRADED, seed=0):
    random = np.random.default_rng(seed)
    weight = random.integers(-8, 8, (shape.units, inputs))
    return weight, random.integers(-50, 50, shape.units), shape, values


def random_steps(inputs, count, seed=0):
    """Steps of no, one, all and any number of events."""
    random = np.random.default_rng(seed)
    steps = []
    for index in range(count):
        size = [0, inputs, 1, int(random.integers(inputs + 1))][index % 4]
        events = [(int(a), int(random.integers(1, 256))) for a in random.permutation(inputs)[:size]]
        steps.append((events, END[index % 2]))
    return steps


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize(
    "stall", [Stall(), Stall(sink=0.9, seed=1), Stall(0.5, 0.5, True, 2)], ids=["free", "slow sink", "both"]
)
def test_every_shape(name, stall):
    config, steps = random_config(SHAPES[name]), random_steps(6, 7)
    assert run_rtl(config, steps, stall)[1] == run_golden(config, steps)


@pytest.mark.parametrize("shape", [shape_of(4, 4, 2), shape_of(4, 2, 1)], ids=["a group", "groups"])
@pytest.mark.parametrize("bits", [1, 2, 4, 16])
@pytest.mark.parametrize("values", [BINARY, GRADED], ids=["binary", "graded"])
def test_accumulators_reach_both_proven_bounds(shape, bits, values):
    ends = Range.of_bits(bits, signed=True)
    weight = np.array([[ends.lo, ends.hi] * 3, [ends.hi, ends.lo] * 3, [ends.lo] * 6, [ends.hi] * 6])
    config = (weight, np.array([-1, 0, -7, 9]), shape, values)
    negative = [(i, values.hi) for i in range(0, 6, 2)]
    positive = [(i, values.hi) for i in range(1, 6, 2)]
    steps = [(chosen, STEP) for chosen in (negative, positive, negative + positive, [], positive + negative)]
    low, high = current_bounds(weight, config[1], values)
    result = np.array(run_rtl(config, steps)[1])
    assert result.tolist() == run_golden(config, steps)
    assert result.min() == low.min() and result.max() == high.max()


def test_weights_that_are_never_negative_or_never_positive():
    for weight in ([[0, 0], [0, 0]], [[3, 1], [0, 2]], [[-3, -1], [-1, -2]]):
        config = (np.array(weight), np.array([5, 6]), shape_of(2, 1, 1), BINARY)
        steps = [([(0, 1)], STEP), ([], STEP), ([(1, 1), (0, 1)], SAMPLE)]
        assert run_rtl(config, steps)[1] == run_golden(config, steps)


@pytest.mark.parametrize("shape", [shape_of(6, 6, 3), shape_of(6, 4, 2), shape_of(6, 1, 1)], ids=str)
def test_an_aborted_sample_leaves_nothing_behind(shape):
    config, good = random_config(shape), random_steps(6, 3, seed=5)
    bad = [([(2, 77), (0, 3)], ABORT), ([], ABORT)]
    steps = [bad[0], good[0], good[1], bad[0], bad[1], good[2], bad[1]]
    for stall in (Stall(), Stall(0.2, 0.8, seed=6)):
        assert run_rtl(config, steps, stall)[1] == run_golden(config, good) == run_golden(config, steps)


def test_one_group_uses_events_as_they_come():
    config, steps = random_config(shape_of(6, 6, 6)), random_steps(6, 8)
    run, _ = run_rtl(config, steps)
    assert run.taken("events") == list(range(sum(len(events) + 1 for events, _ in steps)))


@pytest.mark.parametrize("lanes", [6, 3, 2, 1])
def test_a_step_takes_its_events_and_a_mark_for_each_group(lanes):
    shape = shape_of(6, lanes, lanes)
    config, steps = random_config(shape), random_steps(6, 8)
    run, _ = run_rtl(config, steps)
    starts, marks, cycle = [], [], 0
    for events, _ in steps:
        starts.append(cycle)
        marks += [cycle + (len(events) + 1) * (group + 1) - 1 for group in range(shape.groups)]
        cycle += (len(events) + 1) * shape.groups
    first_of_step = np.cumsum([0, *(len(events) + 1 for events, _ in steps)])[:-1]
    assert [run.taken("events")[index] for index in first_of_step] == starts
    assert run.offered("currents") == [mark + 2 for mark in marks]


def test_words_of_a_group_come_one_a_cycle():
    run, _ = run_rtl(random_config(shape_of(8, 8, 2)), random_steps(6, 1))
    assert run.taken("currents") == [2, 3, 4, 5]


def test_words_that_wait_stop_the_input_at_the_next_mark_only():
    shape = shape_of(4, 4, 1)
    config, steps = random_config(shape), random_steps(6, 3)
    run, result = run_rtl(config, steps, Stall(sink=0.98, seed=8))
    assert result == run_golden(config, steps)
    drained, taken = run.taken("currents")[shape.words - 1], run.taken("events")
    waiting = sum(len(events) + 1 for events, _ in steps[:2])
    assert drained > waiting
    assert taken[:waiting] == list(range(waiting)) and taken[waiting] == drained
    assert run.offered("currents")[shape.words] == drained + 1


@pytest.mark.parametrize(
    ("weight", "bias", "complaint"),
    [
        ([[1], [2], [3]], [0, 0], "weight must have 2 rows, not 3"),
        ([[1], [2, 3]], [0, 0], "weight rows must be 1 integers in -2..1"),
        ([[1], [2]], [0, 0], "weight rows must be 1 integers in -2..1"),
        ([[1], [-2]], [0, 0, 0], "bias must be 2 integers in -4..3"),
        ([[1], [-2]], [0, 4], "bias must be 2 integers in -4..3"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(weight, bias, complaint):
    with pytest.raises(ValueError, match=complaint):
        Crossbar(weight, bias, shape_of(2, 2, 1), BINARY, Range(lo=-2, hi=1), Range(lo=-4, hi=3))
