# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Words of several lanes become events, in order, without a cycle lost."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.serializer import Serializer
from golden import serializer as golden
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.network import Range
from tests.gateware.harness import Stall, events_of, examples, filled_lanes, simulate, stalls

BYTE = Range(lo=0, hi=255)
MARKS = [EVENT, STEP, SAMPLE, ABORT]


class Config(NamedTuple):
    lanes: int
    addresses: int
    values: Range = BYTE
    event_lanes: int = 1
    steps: int = 1
    stride: int = 1


def run_rtl(config, words, stall=None):
    lanes, addresses, values, *options = config
    run = simulate(
        Serializer(addresses, lanes, values, *options),
        {
            "words": [
                {"mark": mark, "base": base, "filled": filled_lanes(value), "value": value}
                for mark, base, value in words
            ]
        },
        stall,
    )
    return run, events_of(run)


def run_golden(config, words):
    return golden.Serializer(config.event_lanes, config.steps).serialize(words)


@st.composite
def streams(draw):
    """Lanes, addresses, values, event lanes and steps, a stride of bases; and words with many empty lanes."""
    lanes = draw(st.sampled_from([1, 2, 3, 4, 6, 8]))
    event_lanes = draw(st.sampled_from([1, 2] if lanes > 1 else [1]))
    stride = draw(st.sampled_from([lanes, lanes, 1, 2, 4, 6]).filter(lambda stride: stride % event_lanes == 0))
    config = Config(
        lanes,
        addresses=draw(st.integers(1, 40)),
        values=draw(st.sampled_from([Range(lo=0, hi=1), BYTE])),
        event_lanes=event_lanes,
        steps=draw(st.sampled_from([1, 1, 3])),
        stride=stride,
    )
    number = st.sampled_from([0, 0, 1, config.values.hi])
    value = number if config.steps == 1 else st.tuples(*[number] * config.steps)
    words = []
    for _ in range(draw(st.integers(0, 12))):
        base = draw(st.integers(0, (config.addresses - 1) // stride)) * stride
        filled = min(lanes, config.addresses - base)
        values = draw(st.lists(value, min_size=filled, max_size=filled))
        empty = 0 if config.steps == 1 else (0,) * config.steps
        words.append((draw(st.sampled_from([EVENT, *MARKS])), base, values + [empty] * (lanes - filled)))
    return config, words


@pytest.mark.slow
@examples(80)
@given(streams(), stalls)
def test_events_and_marks_leave_in_order(drawn, stall):
    config, words = drawn
    assert run_rtl(config, words, stall)[1] == run_golden(config, words)


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("value", [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 3, 0, 255], [1, 2, 3, 4]], ids=str)
def test_a_word_takes_a_cycle_an_event_and_one_for_its_mark(mark, value):
    config, words = Config(4, 20), [(mark, 4 * index, value) for index in range(5)]
    run, events = run_rtl(config, words)
    assert events == run_golden(config, words)
    cost = max(1, sum(v > 0 for v in value) + (mark != EVENT))
    assert run.taken("words") == [cost * (index + 1) - 1 for index in range(5)]


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([0, 0, 0, 0], 0),
        ([1, 0, 0, 0], 1),
        ([5, 0, 9, 0], 2),
        ([0, 3, 0, 255], 2),
        ([1, 2, 3, 4], 2),
        ([0, 2, 3, 4], 2),
    ],
    ids=str,
)
def test_events_of_even_and_odd_addresses_leave_side_by_side(mark, value, rows):
    config, words = Config(4, 20, event_lanes=2, stride=4), [(mark, 4 * index, value) for index in range(5)]
    run, events = run_rtl(config, words)
    assert events == run_golden(config, words)
    cost = max(1, rows + (mark != EVENT))
    assert run.taken("words") == [cost * (index + 1) - 1 for index in range(5)]


def test_two_lanes_by_hand():
    config = Config(5, 12, event_lanes=2, stride=6)
    _, events = run_rtl(config, [(STEP, 6, [1, 0, 2, 3, 4])])
    assert events == [
        (EVENT, (3, 4), (1, 3)),
        (EVENT, (4, 0), (2, 0)),
        (EVENT, (5, 0), (4, 0)),
        (STEP, (0, 0), (0, 0)),
    ]


def test_an_event_of_several_steps_leaves_once_whatever_the_steps():
    config = Config(3, 6, steps=2, stride=3)
    words = [(EVENT, 3, [(0, 7), (0, 0), (8, 0)]), (SAMPLE, 0, [(1, 2), (0, 0), (0, 0)])]
    run, events = run_rtl(config, words)
    assert events == [(EVENT, 3, (0, 7)), (EVENT, 5, (8, 0)), (EVENT, 0, (1, 2)), (SAMPLE, 0, (0, 0))]
    assert run.taken("words") == [1, 3]


@pytest.mark.parametrize("event_lanes", [1, 2])
@pytest.mark.parametrize(("lanes", "stride"), [(4, 4), (4, 8), (2, 4), (4, 2), (6, 6), (3, 6), (8, 4)])
def test_every_address_of_every_base(lanes, stride, event_lanes):
    """Where words begin at multiples of a power of two of lanes, addresses need no adder; else they do."""
    config = Config(lanes, 32, event_lanes=event_lanes, stride=stride)
    words = [(EVENT, base, [1 if base + lane < 32 else 0 for lane in range(lanes)]) for base in range(0, 32, stride)]
    assert run_rtl(config, words)[1] == run_golden(config, words)
    dut = Serializer(32, lanes, BYTE, event_lanes, 1, stride)
    assert dut.aligned == ((lanes, stride) in {(4, 4), (4, 8), (2, 4)})


@pytest.mark.parametrize("stride", [1, 3, 5])
def test_words_that_begin_at_odd_addresses_cannot_feed_two_lanes(stride):
    with pytest.raises(ValueError, match=f"stride must be a multiple of the 2 event lanes, not {stride}"):
        Serializer(10, 5, BYTE, event_lanes=2, stride=stride)


@pytest.mark.parametrize("event_lanes", [1, 2])
def test_the_first_event_leaves_in_the_cycle_of_the_offer(event_lanes):
    config = Config(2, 8, event_lanes=event_lanes, stride=2)
    run, _ = run_rtl(config, [(STEP, 2, [5, 6]), (EVENT, 0, [0, 7])])
    second = 4 - event_lanes
    assert run.offered("words") == [0, second]
    assert run.taken("events") == list(range(second + 1))


@pytest.mark.parametrize("event_lanes", [1, 2])
def test_back_pressure_holds_the_word(event_lanes):
    config, words = Config(4, 4, event_lanes=event_lanes, stride=4), [(STEP, 0, [9, 9, 9, 0])] * 4
    run, events = run_rtl(config, words, Stall(sink=0.9, lazy=True, seed=3))
    assert events == run_golden(config, words)
    assert run.taken("words") == [cycle for cycle, event in zip(run.taken("events"), events, strict=True) if event[0]]


def test_a_word_without_event_or_mark_leaves_though_the_sink_waits():
    run, events = run_rtl(Config(2, 4), [(EVENT, 0, [0, 0])] * 6, Stall(sink=0.99))
    assert events == []
    assert run.taken("words") == list(range(6))
