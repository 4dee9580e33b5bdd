"""Words of several lanes become single events, in order, without a cycle lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.serializer import Serializer
from golden import serializer as golden
from golden.serializer import ABORT, EVENT, SAMPLE, STEP
from snnhw.network import Range
from tests.gateware.harness import Stall, examples, simulate, stalls

BYTE = Range(lo=0, hi=255)


def run_rtl(lanes, addresses, values, words, stall=None):
    run = simulate(
        Serializer(addresses, lanes, values),
        {"words": [{"mark": mark, "base": base, "value": value} for mark, base, value in words]},
        stall,
    )
    return run, [(event["mark"], event["address"], event["value"]) for event in run.payloads("events")]


def run_golden(words):
    return golden.Serializer().serialize(words)


@st.composite
def streams(draw):
    """Lanes, addresses, a range of values, and words with many empty lanes."""
    lanes, values = draw(st.sampled_from([1, 2, 3, 8])), draw(st.sampled_from([Range(lo=0, hi=1), BYTE]))
    addresses = draw(st.integers(1, 40))
    words = []
    for _ in range(draw(st.integers(0, 12))):
        base = draw(st.integers(0, (addresses - 1) // lanes)) * lanes
        filled = min(lanes, addresses - base)
        value = draw(st.lists(st.sampled_from([0, 0, 1, values.hi]), min_size=filled, max_size=filled))
        words.append((draw(st.sampled_from([EVENT, EVENT, STEP, SAMPLE, ABORT])), base, value + [0] * (lanes - filled)))
    return lanes, addresses, values, words


@examples(60)
@given(streams(), stalls)
def test_events_and_marks_leave_in_order(config, stall):
    lanes, addresses, values, words = config
    assert run_rtl(lanes, addresses, values, words, stall)[1] == run_golden(words)


@pytest.mark.parametrize("mark", [EVENT, STEP, SAMPLE, ABORT])
@pytest.mark.parametrize("value", [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 3, 0, 255], [1, 2, 3, 4]], ids=str)
def test_a_word_takes_a_cycle_an_event_and_one_for_its_mark(mark, value):
    words = [(mark, 4 * index, value) for index in range(5)]
    run, events = run_rtl(4, 20, BYTE, words)
    assert events == run_golden(words)
    cost = max(1, sum(v > 0 for v in value) + (mark != EVENT))
    assert run.taken("words") == [cost * (index + 1) - 1 for index in range(5)]


def test_the_first_event_leaves_in_the_cycle_of_the_offer():
    run, _ = run_rtl(2, 8, BYTE, [(STEP, 2, [5, 6]), (EVENT, 0, [0, 7])])
    assert run.offered("words") == [0, 3]
    assert run.taken("events") == [0, 1, 2, 3]


def test_back_pressure_holds_the_word():
    words = [(STEP, 0, [9, 9, 9])] * 4
    run, events = run_rtl(3, 3, BYTE, words, Stall(sink=0.9, lazy=True, seed=3))
    assert events == run_golden(words)
    assert run.taken("words") == [cycle for cycle, event in zip(run.taken("events"), events, strict=True) if event[0]]


def test_a_word_without_event_or_mark_leaves_though_the_sink_waits():
    run, events = run_rtl(2, 4, BYTE, [(EVENT, 0, [0, 0])] * 6, Stall(sink=0.99))
    assert events == []
    assert run.taken("words") == list(range(6))
