# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Convolutions, event-driven: the same currents as golden's whatever the lanes, the stalls and what came before."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from gateware.convolution import DRAINED, Convolution, Plan, reading_latency
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from tests.convolutions import (
    CASES,
    PAIRS,
    after_channels,
    built,
    conv,
    in_two_lanes,
    model,
    network,
    pairs_of,
    run_golden,
    transfers_of,
    values_of,
    words_after_resets,
)
from tests.gateware.harness import Stall, from_words, in_steps, simulate

LANES: dict[str, dict[str, Any]] = {
    "all at once": {},
    "a row": {"position_lanes": 1},
    "one": {"position_lanes": 2, "neuron_lanes": 1},
    "groups": {"synapse_lanes": 2, "neuron_lanes": 1},
    "one channel": {"synapse_lanes": 1, "neuron_lanes": 1, "position_lanes": 2},
}


def layer_of(case, lanes):
    """The layer of a case; ``position_lanes`` are the number of the choice, the most first."""
    synapse, shape, bits = CASES[case]
    choices = dict(LANES[lanes])
    possible = synapse.position_lanes(shape)
    choices["position_lanes"] = possible[min(choices.get("position_lanes", 0), len(possible) - 1)]
    return built(model(network(synapse, shape, bits), seed=3), **choices)


def pairs_layer(case):
    """The layer of a case that takes two events a cycle."""
    synapse, shape, bits, words, choices = PAIRS[case]
    return in_two_lanes(model(after_channels(synapse, shape, bits), seed=3), words, **choices)


def transfers(layer, values, marks):
    return transfers_of(values, marks) if layer.chosen.event_lanes == 1 else pairs_of(layer, values, marks)


def run_rtl(layer, values, marks, stall=None):
    patience = 4000 if stall and stall.sink > 0.5 else 400
    run = simulate(Convolution(layer), {"events": transfers(layer, values, marks)}, stall, patience=patience)
    words = [word["current"] for word in run.payloads("currents")]
    return run, [from_words(layer.shape, step) for step in in_steps(words, layer.shape.words)]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("case", CASES)
def test_currents_are_goldens(case, lanes):
    layer = layer_of(case, lanes)
    values = values_of(layer, 5)
    stall = [Stall(), Stall(sink=0.9, seed=1), Stall(0.5, 0.5, True, 2)][(len(case) + len(lanes)) % 3]
    marks = [STEP, SAMPLE, STEP, STEP, SAMPLE]
    assert run_rtl(layer, values, marks, stall)[1] == run_golden(layer, values)


@pytest.mark.slow
@pytest.mark.parametrize("case", PAIRS)
def test_currents_of_two_events_a_cycle_are_goldens(case):
    """No event in the second step, every one in the third; words of odd numbers of events, and of one channel more."""
    layer = pairs_layer(case)
    values, marks = values_of(layer, 4), [STEP, SAMPLE, STEP, SAMPLE]
    sent = [transfer["value"] for transfer in pairs_of(layer, values, marks)]
    assert {(even > 0, odd > 0) for even, odd in sent} == {(a, b) for a in (False, True) for b in (False, True)}
    stall = [Stall(), Stall(0.5, 0.5, True, 2)][len(case) % 2]
    assert run_rtl(layer, values, marks, stall)[1] == run_golden(layer, values)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["all at once", "groups"])
@pytest.mark.parametrize("case", ["stride 1", "stride 2, padding 2", "a pool", "42 positions"])
def test_an_aborted_sample_leaves_nothing_behind(case, lanes):
    layer = layer_of(case, lanes)
    values, marks = values_of(layer, 6), [STEP, ABORT, ABORT, SAMPLE, ABORT, STEP]
    values[1] = values[2]
    for stall in (Stall(), Stall(0.3, 0.7, seed=6)):
        assert run_rtl(layer, values, marks, stall)[1] == run_golden(layer, values, marks)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["all at once", "graded, groups"])
def test_of_two_events_a_cycle_nothing_is_left_by_an_abort_or_a_reset(case):
    layer = pairs_layer(case)
    values, marks = values_of(layer, 4)[[2, 0, 2, 3]], [STEP, ABORT, ABORT, SAMPLE]
    assert run_rtl(layer, values, marks, Stall(0.2, 0.4, seed=6))[1] == run_golden(layer, values, marks)

    given = partial(pairs_of, layer)
    for words in words_after_resets(Convolution(layer), values[:2], values[3:], (31, 62), 200, given):
        assert [from_words(layer.shape, words)] == run_golden(layer, values[3:])


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["all at once", "groups"])
@pytest.mark.parametrize(("case", "apart"), [("stride 2, padding 2", 9), ("42 positions", 41)])
def test_a_reset_of_one_cycle_leaves_nothing_of_what_was_on_its_way(case, apart, lanes):
    layer = layer_of(case, lanes)
    before, after = values_of(layer, 3, seed=1)[[2, 0, 2]], values_of(layer, 2, seed=4)
    for words in words_after_resets(Convolution(layer), before, after, range(20, 11 * apart, apart)):
        assert [from_words(layer.shape, step) for step in in_steps(words, layer.shape.words)] == run_golden(
            layer, after
        )


def test_what_was_read_is_looked_up_early_where_it_is_read_again_much_later():
    """Also in the last group, which has fewest words."""
    channels = conv(40, 2)
    for synapse, shape, lanes, early in (
        (conv(2, 2, padding=1), (1, 5, 4), 1, False),
        (conv(2, 2, padding=1), (1, 5, 6), 1, True),
        (channels, (1, 2, 2), 40, True),
        (channels, (1, 2, 2), 39, False),
    ):
        layer = built(model(network(synapse, shape), seed=3), synapse_lanes=lanes, neuron_lanes=1)
        assert Plan(layer).ahead == early, (shape, lanes)


def in_one_lane(bits):
    return built(model(network(conv(2, 3), (1, 4, 4), bits)), neuron_lanes=2)


def in_two(bits):
    return in_two_lanes(model(after_channels(conv(2, 3), (3, 4, 4), bits)), 2, neuron_lanes=2)


@pytest.mark.parametrize(
    ("made", "bits", "latency"), [(in_one_lane, 1, 3), (in_one_lane, 2, 4), (in_two, 1, 4), (in_two, 2, 5)]
)
def test_every_cycle_of_a_transfer_a_cycle(made, bits, latency):
    """Words are read from when the mark has come to the sums, one a cycle, and all events stand still meanwhile."""
    layer = made(bits)
    assert reading_latency(layer) == latency
    values, ends = values_of(layer, 3, seed=2), [STEP, STEP, SAMPLE]
    run, currents = run_rtl(layer, values, ends)
    assert currents == run_golden(layer, values)
    taken, reads = run.taken("events"), 4
    marks = [place for place, sent in enumerate(transfers(layer, values, ends)) if sent["mark"] != EVENT]
    # The first is taken while all sums are read once after the reset, and waits.
    assert taken[0] == 0
    assert taken[1 : marks[0] + 1] == list(range(taken[1], taken[1] + marks[0]))
    starts: list[int] = []
    for mark in marks:
        starts.append(run.offered("currents")[len(starts) * reads])
        assert starts[-1] >= taken[mark] + latency + DRAINED
    assert starts[0] == taken[marks[0]] + latency + DRAINED
    assert run.offered("currents")[:reads] == list(range(starts[0], starts[0] + reads))


def test_an_event_meets_each_bank_once_in_a_cycle():
    for case, lanes in ((case, lanes) for case in CASES for lanes in LANES):
        plan = Plan(layer_of(case, lanes))
        for passes in plan.routes:
            for reached in passes:
                assert sorted(one.bank for one in reached) == list(range(plan.banks.count))


def test_an_event_takes_as_many_cycles_as_it_needs():
    """Nothing is added in none of them, and their number is what timing counts with."""
    layers = [layer_of(case, lanes) for case in CASES for lanes in LANES] + [pairs_layer(case) for case in PAIRS]
    for layer in layers:
        plan = Plan(layer)
        sources = {unit: address >> plan.source.channel_bits for address, unit in enumerate(layer.sources)}
        assert [len(plan.routes[sources[unit]]) for unit in range(layer.inputs)] == layer.event_passes.tolist()
        for passes in plan.routes:
            empty = [all(one.address is None for one in reached) for reached in passes]
            assert not any(empty) or empty == [True]


def test_what_is_reached_is_what_the_kernel_says():
    """Every tap of every position once, spelled out."""
    for case, lanes in ((case, lanes) for case in CASES for lanes in LANES):
        layer = layer_of(case, lanes)
        plan, synapse = Plan(layer), layer.synapse
        height, width = synapse.convolved(layer.in_shape)
        places = {plan.banks.place(y, x): (y, x) for y in range(height) for x in range(width)}
        assert len(places) == height * width
        for place, passes in zip(plan.source.places, plan.routes, strict=True):
            found = {
                (*places[one.bank, one.address], *one.tap)
                for reached in passes
                for one in reached
                if one.address is not None
            }
            (_, row, column), (down, right) = place, synapse.padding
            wanted = {
                (y, x, row - y * synapse.stride[0] + down, column - x * synapse.stride[1] + right)
                for y in range(height)
                for x in range(width)
            }
            inside = {one for one in wanted if 0 <= one[2] < synapse.kernel[0] and 0 <= one[3] < synapse.kernel[1]}
            assert found == inside


def test_weights_are_kept_once_for_each_rotation():
    """5 x 5 at stride 2: 3 x 3 banks, 2 x 3 phases in each direction, as many rows as those times input channels."""
    layer = built(model(network(conv(4, 5, stride=2, padding=2), (3, 12, 12))))
    plan = Plan(layer)
    assert (plan.banks.banks, len(plan.rotations)) == ((3, 3), 36)
    rows = np.array(plan.weight_rows(layer.weight.tolist(), 0))
    assert rows.shape == (36 * 3, 9 * 4)
    assert (plan.shift, rows.min(), rows.max()) == (3, 0, 15)
    assert rows.sum() == 9 * (layer.weight + 8).sum()


def test_each_event_lane_has_the_weights_of_its_channels():
    """Of five channels the odd lane has two, and a row of none in each rotation."""
    chosen = model(after_channels(conv(2, 3, stride=2), (5, 4, 4)))
    one, two = Plan(built(chosen)), Plan(in_two_lanes(chosen, 2))
    weight = chosen.layer("first").weight.tolist()
    together = np.array(one.weight_rows(weight, 0)).reshape(len(one.rotations), 5, -1)
    even, odd = (np.array(two.weight_rows(weight, lane)).reshape(len(one.rotations), 3, -1) for lane in range(2))
    assert (even == together[:, 0::2]).all()
    assert (odd[:, :2] == together[:, 1::2]).all()
    assert not odd[:, 2].any()
