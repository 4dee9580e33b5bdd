# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Events become currents: the same sums whatever the lanes, the steps, the stalls and the order of the events."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from hypothesis import given
from hypothesis import strategies as st

from gateware.crossbar import Crossbar, crossbar_latency
from golden import crossbar as golden
from snnhw.implementation import LayerShape
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.network import Range
from tests.gateware.harness import Stall, drive, examples, from_words, in_steps, pack, simulate, stalls, unpack
from tests.layers import built, dense
from tests.strategies import tensor

BINARY, GRADED = Range(lo=0, hi=1), Range(lo=0, hi=255)
END = [STEP, SAMPLE]
APART = None
"""Between two events that shall not be one transfer."""


class Config(NamedTuple):
    weight: Any
    bias: Any
    shape: LayerShape
    values: Range
    event_lanes: int = 1
    steps: int = 1
    serial: bool = False


def crossbar(config):
    """The component, in the widths that follow from its weights."""
    return Crossbar(layer_of(config))


def layer_of(config):
    layer = dense(config.weight, config.bias, config.values, num_steps=config.steps)
    return built(
        layer,
        config.shape,
        event_lanes=config.event_lanes,
        step_lanes=1 if config.serial else config.steps,
        neuron_major=config.steps > 1,
    )


def rows_of(config, events):
    """Events as transfers, a dict from event lane to event each: neighbours share one where their lanes differ."""
    rows: list[dict[int, Any]] = []
    joins = False
    for event in events:
        if event is APART:
            joins = False
            continue
        lane = event[0] % config.event_lanes
        if joins and lane not in rows[-1]:
            rows[-1][lane] = event
        else:
            rows.append({lane: event})
        joins = True
    return rows


def transfers_of(config, marked):
    """``marked``: a list of ([(address, value), ...], mark) each; with several steps a value is a tuple."""
    lanes, nothing = config.event_lanes, 0 if config.steps == 1 else (0,) * config.steps
    transfers = []
    for events, mark in marked:
        for row, kind in [*((row, EVENT) for row in rows_of(config, events)), ({}, mark)]:
            sides = [row.get(lane, (0, nothing)) for lane in range(lanes)]
            addresses, values = [address // lanes for address, _ in sides], [value for _, value in sides]
            several = lanes > 1
            transfers.append(
                {
                    "mark": kind,
                    "address": addresses if several else addresses[0],
                    "value": values if several else values[0],
                }
            )
    return transfers


def currents_of(config, words):
    """The currents of each mark, [unit], or with several steps [step][unit]."""
    shape, steps = config.shape, config.steps
    if steps == 1:
        return [from_words(shape, mark) for mark in in_steps(words, shape.words)]
    if config.serial:
        words = [list(zip(*word, strict=True)) for word in in_steps(words, steps)]
    marks = in_steps(words, shape.words)
    return [[from_words(shape, [[lane[t] for lane in word] for word in mark]) for t in range(steps)] for mark in marks]


def run_rtl(config, marked, stall=None):
    patience = 2 * config.shape.groups * (config.weight.shape[1] + 2) + 60
    run = simulate(crossbar(config), {"events": transfers_of(config, marked)}, stall, patience=patience)
    return run, currents_of(config, [word["current"] for word in run.payloads("currents")])


def run_golden(config, marked):
    dense = np.zeros((config.steps, len(marked), config.weight.shape[1]), np.int64)
    for index, (events, _) in enumerate(marked):
        for address, value in filter(None, events):
            dense[:, index, address] = value
    layer = golden.Crossbar(layer_of(config))
    currents = np.stack([layer.accumulate(step) for step in dense], axis=1).tolist()
    kept = [steps for steps, (_, mark) in zip(currents, marked, strict=True) if mark != ABORT]
    return kept if config.steps > 1 else [only for (only,) in kept]


def shape_of(units, synapse_lanes, neuron_lanes):
    return LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=neuron_lanes)


@st.composite
def shapes(draw, most=9):
    units = draw(st.integers(1, most))
    synapse_lanes = draw(st.integers(1, units))
    return shape_of(units, synapse_lanes, draw(st.integers(1, synapse_lanes)))


@st.composite
def configs(draw):
    """Any crossbar, and marked steps of events in any order and company, some of them aborted."""
    shape, inputs, values = draw(shapes()), draw(st.integers(1, 9)), draw(st.sampled_from([BINARY, GRADED]))
    bits = draw(st.sampled_from([1, 2, 4, 8, 16]))
    spans = [Range.of_bits(bits, signed=True), Range(lo=0, hi=3), Range(lo=-9, hi=-2), Range(lo=0, hi=0)]
    ends = draw(st.sampled_from(spans))
    weight = draw(tensor((shape.units, inputs), ends.lo, ends.hi))
    bias = draw(st.one_of(st.just(np.zeros(shape.units, np.int64)), tensor((shape.units,), -300, 300)))
    steps = draw(st.sampled_from([1, 1, 3]))
    config = Config(
        weight, bias, shape, values, draw(st.sampled_from([1, 2])), steps, steps > 1 and draw(st.booleans())
    )
    number = st.sampled_from([1, values.hi])
    value = number if steps == 1 else st.tuples(*[st.sampled_from([0, values.hi])] * (steps - 1), number)
    marks = [*END, ABORT] if steps == 1 else [SAMPLE, ABORT]
    marked = []
    for _ in range(draw(st.integers(1, 5))):
        addresses = draw(st.permutations(range(inputs)))[: draw(st.integers(0, inputs))]
        events = [(address, draw(value)) for address in addresses]
        if config.event_lanes > 1 and draw(st.booleans()):
            events.insert(draw(st.integers(0, len(events))), APART)
        marked.append((events, draw(st.sampled_from(marks))))
    return config, marked


@pytest.mark.slow
@examples(60)
@given(configs(), stalls)
def test_currents_are_equal(drawn, stall):
    config, marked = drawn
    assert run_rtl(config, marked, stall)[1] == run_golden(config, marked)


SHAPES = {
    "all lanes": shape_of(7, 7, 7),
    "one neuron": shape_of(1, 1, 1),
    "one lane": shape_of(5, 1, 1),
    "lanes that do not divide the fan-out": shape_of(7, 3, 3),
    "neuron lanes that do not divide the synapse lanes": shape_of(8, 4, 3),
    "neither divides": shape_of(10, 4, 3),
    "a last group of one word": shape_of(9, 4, 2),
    "words that are cleared": shape_of(10, 10, 2),
    "groups of words that are cleared": shape_of(12, 6, 1),
    "words that are cleared, the last part empty": shape_of(16, 11, 2),
}

WAYS = {
    "one by one": {},
    "two event lanes": {"event_lanes": 2},
    "steps": {"steps": 3},
    "two event lanes, steps": {"event_lanes": 2, "steps": 2},
    "steps one by one": {"event_lanes": 2, "steps": 3, "serial": True},
}


def random_config(shape, inputs=6, values=GRADED, seed=0, **options):
    random = np.random.default_rng(seed)
    weight = random.integers(-8, 8, (shape.units, inputs))
    return Config(weight, random.integers(-50, 50, shape.units), shape, values, **options)


def random_steps(config, count, seed=0):
    """Steps of no, one, all and any number of events."""
    random, inputs = np.random.default_rng(seed), config.weight.shape[1]
    marked = []
    for index in range(count):
        size = [0, inputs, 1, int(random.integers(inputs + 1))][index % 4]
        addresses = random.permutation(inputs)[:size].tolist()
        values = random.integers(1, 256, (size, config.steps)).tolist()
        events = [(a, tuple(v) if config.steps > 1 else v[0]) for a, v in zip(addresses, values, strict=True)]
        marked.append((events, END[index % 2] if config.steps == 1 else SAMPLE))
    return marked


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape(name):
    stalls = [Stall(), Stall(sink=0.9, seed=1), Stall(0.5, 0.5, True, 2)]
    for index, options in enumerate(WAYS.values()):
        config = random_config(SHAPES[name], inputs=7, **options)
        marked = random_steps(config, 7)
        assert run_rtl(config, marked, stalls[index % 3])[1] == run_golden(config, marked)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [shape_of(4, 4, 2), shape_of(4, 2, 1)], ids=["a group", "groups"])
@pytest.mark.parametrize("bits", [1, 2, 4, 16])
@pytest.mark.parametrize("values", [BINARY, GRADED], ids=["binary", "graded"])
@pytest.mark.parametrize("event_lanes", [1, 2])
@pytest.mark.parametrize("biased", [True, False], ids=["bias", "no bias"])
def test_accumulators_reach_both_proven_bounds(shape, bits, values, event_lanes, biased):
    ends = Range.of_bits(bits, signed=True)
    weight = np.array([[ends.lo, ends.hi] * 3, [ends.hi, ends.lo] * 3, [ends.lo] * 6, [ends.hi] * 6])
    config = Config(weight, np.array([-1, 0, -7, 9]) * biased, shape, values, event_lanes)
    negative = [(i, values.hi) for i in range(0, 6, 2)]
    positive = [(i, values.hi) for i in range(1, 6, 2)]
    mixed = [event for pair in zip(negative, positive, strict=True) for event in pair]
    marked = [(chosen, STEP) for chosen in (negative, positive, negative + positive, [], mixed)]
    low, high = layer_of(config).current_bounds
    result = np.array(run_rtl(config, marked)[1])
    assert result.tolist() == run_golden(config, marked)
    assert result.min() == low.min() and result.max() == high.max()


@pytest.mark.slow
@pytest.mark.parametrize("event_lanes", [1, 2])
@pytest.mark.parametrize("values", [BINARY, GRADED], ids=["binary", "graded"])
def test_weights_that_are_never_negative_never_positive_or_nothing(values, event_lanes):
    for weight in ([[0, 0, 0], [0, 0, 0]], [[3, 1, 2], [0, 2, 1]], [[-3, -1, 0], [-1, -2, -1]], [[-1, 0, -1]] * 2):
        for bias in ([5, 6], [0, 0]):
            config = Config(np.array(weight), np.array(bias), shape_of(2, 1, 1), values, event_lanes)
            marked = [([(0, 1)], STEP), ([], STEP), ([(1, values.hi), (0, 1), (2, 1)], SAMPLE)]
            assert run_rtl(config, marked)[1] == run_golden(config, marked)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [shape_of(6, 6, 3), shape_of(6, 4, 2), shape_of(6, 1, 1), shape_of(6, 6, 1)], ids=str)
def test_an_aborted_sample_leaves_nothing_behind(shape, way):
    config = random_config(shape, **WAYS[way])
    good = random_steps(config, 3, seed=5)
    bad = [(events, ABORT) for events, _ in random_steps(config, 4, seed=6)]
    marked = [bad[1], good[0], good[1], bad[3], bad[0], good[2], bad[2]]
    stall = Stall(0.2, 0.8, seed=6) if shape.groups == 2 else Stall()
    assert run_rtl(config, marked, stall)[1] == run_golden(config, good) == run_golden(config, marked)


# Resets


def words_after_resets(config, before, after, cuts):
    """The words that come of ``after``, each time after so many cycles of ``before`` and a reset of one cycle."""
    dut, reset = crossbar(config), Signal()
    events, currents = dut.events, dut.currents
    count = sum(mark != ABORT for _, mark in after) * config.shape.words * (config.steps if config.serial else 1)
    found: list[list[Any]] = []

    async def feed(ctx, transfers, cycles, ready):
        """Offer transfers for so many cycles, and take what comes."""
        ctx.set(currents.ready, ready)
        queue = [pack(events.payload.shape(), transfer) for transfer in transfers]
        for _ in range(cycles):
            ctx.set(events.valid, bool(queue))
            if queue:
                ctx.set(events.payload.as_value(), queue[0])
                if ctx.get(events.ready):
                    queue.pop(0)
            if ctx.get(currents.valid):
                found[-1].append(unpack(currents.payload.shape(), ctx.get(currents.payload.as_value()))["current"])
            await ctx.tick()

    async def clockwork(ctx):
        for cut in cuts:
            found.append([])
            await feed(ctx, transfers_of(config, before), cut, ready=cut % 2)
            ctx.set(events.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            found[-1].clear()
            await feed(ctx, transfers_of(config, after), 40 + 8 * count, ready=1)

    drive(ResetInserter(reset)(dut), clockwork)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [shape_of(4, 4, 2), shape_of(4, 2, 1), shape_of(5, 5, 1)], ids=str)
def test_a_reset_of_one_cycle_leaves_nothing_of_what_was_on_its_way(shape, way):
    """Whatever the pipeline holds then: events, marks, words that wait."""
    config = random_config(shape, inputs=4, **WAYS[way])
    bright = (255,) * config.steps if config.steps > 1 else 255
    before = [([(address, bright) for address in range(4)], SAMPLE)] * 4
    after = random_steps(config, 2, seed=3)
    for words in words_after_resets(config, before, after, range(1, 22)):
        assert currents_of(config, words) == run_golden(config, after)


# Cycles


def cycles_of(config, marked, latency):
    """When transfers are taken and when words are offered, nothing waiting outside; of one event lane."""
    sizes = [size * (config.steps if config.serial else 1) for size in config.shape.group_sizes]
    taken: list[int] = []
    offered: list[int] = []
    now = drained = 0
    for events, _ in marked:
        count = len(events)
        taken += range(now, now + count)
        let_in = now + count
        if len(sizes) > 1:
            taken.append(let_in)
            let_in += 1
        for group, size in enumerate(sizes):
            let_in = max(let_in if group == 0 else let_in + count + 1, drained)
            offered += range(let_in + latency, let_in + latency + size)
            drained = let_in + latency + size
        if len(sizes) == 1:
            taken.append(let_in)
        now = let_in + 1
    return taken, offered


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "latency"),
    [
        (shape_of(6, 6, 6), 6),
        (shape_of(8, 8, 2), 6),
        (shape_of(10, 10, 2), 7),
        (shape_of(6, 3, 3), 8),
        (shape_of(6, 2, 1), 8),
        (shape_of(5, 1, 1), 8),
        (shape_of(10, 6, 1), 9),
    ],
    ids=str,
)
def test_every_cycle(shape, latency):
    """Four bits of weights are three terms, which with the bias are added in two cycles."""
    for options in ({}, {"steps": 2}):
        config = random_config(shape, **options)
        marked = random_steps(config, 8)
        run, currents = run_rtl(config, marked)
        assert currents == run_golden(config, marked)
        assert (run.taken("events"), run.offered("currents")) == cycles_of(config, marked, latency)


@pytest.mark.parametrize(("groups", "latency"), [(1, 6), (2, 8)])
def test_steps_one_by_one_take_a_cycle_each(groups, latency):
    config = random_config(shape_of(4, 4 // groups, 4 // groups), steps=3, serial=True)
    marked = random_steps(config, 6)
    run, currents = run_rtl(config, marked)
    assert currents == run_golden(config, marked)
    assert (run.taken("events"), run.offered("currents")) == cycles_of(config, marked, latency)


@pytest.mark.parametrize(
    ("shape", "weights", "values", "event_lanes", "biased", "latency"),
    [
        (shape_of(4, 4, 1), Range(lo=-8, hi=7), BINARY, 1, False, 5),
        (shape_of(4, 4, 1), Range(lo=0, hi=7), BINARY, 1, False, 4),
        (shape_of(4, 4, 1), Range(lo=0, hi=7), BINARY, 1, True, 5),
        (shape_of(5, 5, 1), Range(lo=0, hi=7), BINARY, 1, True, 6),
        (shape_of(4, 2, 1), Range(lo=0, hi=7), BINARY, 1, True, 7),
        (shape_of(4, 4, 1), Range(lo=-8, hi=7), GRADED, 1, False, 6),
        (shape_of(4, 4, 1), Range(lo=-8, hi=7), GRADED, 2, False, 6),
        (shape_of(4, 4, 1), Range(lo=-8, hi=7), GRADED, 2, True, 7),
        (shape_of(4, 4, 1), Range(lo=-8, hi=7), BINARY, 2, True, 7),
        (shape_of(4, 4, 1), Range(lo=-(1 << 15), hi=0), GRADED, 2, True, 9),
        (shape_of(4, 4, 1), Range(lo=-1, hi=0), GRADED, 1, False, 4),
        (shape_of(4, 4, 1), Range(lo=0, hi=0), GRADED, 1, False, 4),
    ],
)
def test_the_latency_from_mark_to_word(shape, weights, values, event_lanes, biased, latency):
    weight = np.array([[weights.lo, weights.hi]] * shape.units)
    config = Config(weight, np.full(shape.units, 3 * biased), shape, values, event_lanes)
    assert crossbar_latency(layer_of(config)) == latency
    run, currents = run_rtl(config, [([], STEP)])
    assert currents == [[3 * biased] * shape.units]
    assert run.offered("currents")[0] == run.taken("events")[-1] + latency + (shape.groups > 1)


def two_lanes(synapse_lanes, events):
    """The taken transfers of a step and a mark, and the words' offers, with two event lanes; latency 7, or 9."""
    config = random_config(shape_of(4, synapse_lanes, synapse_lanes), event_lanes=2)
    run, currents = run_rtl(config, [(events, STEP)])
    assert currents == run_golden(config, [(events, STEP)])
    return run.taken("events"), run.offered("currents")


def test_two_event_lanes_use_a_transfer_a_cycle():
    assert two_lanes(4, [(0, 1), (1, 2), (3, 3), (2, 4), (4, 5)]) == ([0, 1, 2, 3], [3 + 7])


def test_lists_of_two_event_lanes_that_grow_alike_are_gone_through_as_they_grow():
    """Let in at 4 and, after three items more, at 8."""
    events = [(0, 1), (1, 2), (3, 3), (2, 4), (4, 5), (5, 6)]
    assert two_lanes(2, events) == ([0, 1, 2, 3], [4 + 9, max(8, 4 + 9 + 1) + 9])


def test_a_list_waits_for_the_other_until_it_can_grow_no_more():
    """Three events in one lane: their items are issued from cycle 4 on, after the mark in cycle 3, which is then 7."""
    assert two_lanes(2, [(0, 1), (2, 2), (4, 3)]) == ([0, 1, 2, 3], [7 + 9, 17 + 9])
    assert two_lanes(2, [(0, 1), (2, 2), (4, 3), (1, 4)])[1] == [6 + 9, 16 + 9]


@pytest.mark.parametrize("synapse_lanes", [4, 2], ids=["a group", "groups"])
def test_words_that_wait_stop_the_input_at_the_next_mark_only(synapse_lanes):
    shape = shape_of(4, synapse_lanes, 1)
    config = random_config(shape)
    marked = random_steps(config, 3)
    run, result = run_rtl(config, marked, Stall(sink=0.98, seed=8))
    assert result == run_golden(config, marked)
    # A group's words have left; the next mark is let in with the next cycle.
    ends = [run.taken("currents")[index - 1] for index in np.cumsum(shape.group_sizes * 3)]
    starts = [run.offered("currents")[index] for index in np.cumsum((0, *(shape.group_sizes * 3)[:-1]))]
    latency = 6 if shape.groups == 1 else 8
    assert starts[1:] == [end + 1 + latency for end in ends[:-1]]
    taken = run.taken("events")
    if shape.groups == 1:
        assert taken[:7] == list(range(7)) and taken[7] == ends[0] + 1
    else:
        assert taken[:2] == [0, starts[1] - latency + 1]
