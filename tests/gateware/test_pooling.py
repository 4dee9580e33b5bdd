# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Pools of events: the same words as golden's whatever the lanes, the stalls and what came before."""

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal

from gateware.pooling import MaxPool, SMaxPool, SumPool
from golden import pooling as golden
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.network import MaxPool2d, SMaxPool2d, SumPool2d
from tests.convolutions import built, events, model, network
from tests.gateware.harness import Stall, drive, from_words, in_steps, pack, simulate, unpack

POOLS = {
    "max": (MaxPool2d, MaxPool, golden.MaxPool),
    "sum": (SumPool2d, SumPool, golden.SumPool),
}
SHAPES = {"even": ((2, 4, 4), 2), "odd": ((3, 5, 7), (2, 3)), "one": ((5, 2, 2), 2), "single": ((1, 3, 3), 1)}


def layer_of(kind, shape, size, bits, **choices):
    return built(model(network(POOLS[kind][0](size=size), shape, bits)), **choices)


def transfers_of(values, marks):
    """Values [steps, inputs] as transfers, in the order of addresses but for odd steps, which go backwards."""
    transfers = []
    for step, (row, mark) in enumerate(zip(values, marks, strict=True)):
        sent = [{"mark": EVENT, "address": address, "value": int(value)} for address, value in enumerate(row) if value]
        transfers += sent[::-1] if step % 2 else sent
        transfers.append({"mark": mark, "address": 0, "value": 0})
    return transfers


def run_rtl(kind, layer, values, marks, stall=None):
    run = simulate(POOLS[kind][1](layer), {"events": transfers_of(values, marks)}, stall, patience=500)
    words = run.payloads("steps")
    steps = in_steps(words, layer.shape.words)
    assert [word["base"] for word in words] == [*layer.shape.starts] * len(steps)
    assert [[word["mark"] for word in step] for step in steps] == [
        [EVENT] * (layer.shape.words - 1) + [mark] for mark in marks if mark != ABORT
    ]
    return run, [from_words(layer.shape, [word["value"] for word in step]) for step in steps]


def run_golden(kind, layer, values, marks):
    kept = [row for row, mark in zip(values, marks, strict=True) if mark != ABORT]
    return POOLS[kind][2](layer).accumulate(np.array(kept)).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("bits", [1, 3])
@pytest.mark.parametrize("lanes", [1, 2, 5])
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kind", POOLS)
def test_words_are_goldens(kind, name, lanes, bits):
    shape, size = SHAPES[name]
    layer = layer_of(kind, shape, size, bits, neuron_lanes=min(lanes, shape[0]))
    values, marks = events(layer.inputs, bits, 5, seed=bits), [STEP, SAMPLE, ABORT, STEP, SAMPLE]
    for stall in (Stall(), Stall(0.3, 0.8, seed=2)):
        assert run_rtl(kind, layer, values, marks, stall)[1] == run_golden(kind, layer, values, marks)


def test_every_cycle():
    """Two cycles from the mark to the first word, one a word, and the next event after the last was read."""
    layer = layer_of("max", (1, 4, 4), 2, 1, neuron_lanes=1)
    values = np.zeros((2, 16), np.int64)
    values[:, 3] = 1
    run, found = run_rtl("max", layer, values, [STEP, SAMPLE])
    assert found == [[0, 1, 0, 0]] * 2
    start = run.taken("events")[0]
    assert run.taken("events") == [start, start + 1, start + 5, start + 6]
    offered = run.offered("steps")
    assert offered[:4] == [start + 3, start + 4, start + 5, start + 6]


def spiking_layer(lateral_inhibition, name, bits, lanes=1, num_steps=3):
    shape, size = SHAPES[name]
    pool = SMaxPool2d(size=size, lateral_inhibition=lateral_inhibition)
    return built(model(network(pool, shape, bits, num_steps=num_steps)), neuron_lanes=min(lanes, shape[0]))


def shown_of(layer, words):
    """What words of steps show, by name, step by step."""
    names, steps = ("value", "greatest"), in_steps(words, layer.shape.words)
    return [{name: from_words(layer.shape, [word[name] for word in step]) for name in names} for step in steps]


def spiking_golden(layer, values, marks):
    """The same from golden; a sample that is aborted is as if it had not been."""
    twin, shown = golden.SMaxPool(layer), []
    state = twin.initial_state(1)
    for row, mark in zip(values, marks, strict=True):
        state, value = twin.step(state, np.asarray(row)[None])
        if mark != ABORT:
            shown.append({"value": value[0].tolist(), "greatest": state["greatest"][0].tolist()})
        if mark != STEP:
            state = twin.initial_state(1)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lanes", "bits"), [("even", 2, 1), ("odd", 2, 3), ("one", 3, 2), ("single", 1, 1)])
@pytest.mark.parametrize("lateral_inhibition", [False, True])
def test_a_spiking_maximum_shows_goldens_words(lateral_inhibition, name, lanes, bits):
    """Over steps of three samples, two of them aborted, and two more; sinks and sources waiting."""
    layer = spiking_layer(lateral_inhibition, name, bits, lanes)
    marks = [STEP, STEP, SAMPLE, STEP, ABORT, ABORT, STEP, STEP, SAMPLE]
    values = events(layer.inputs, bits, len(marks), seed=bits)
    run = simulate(SMaxPool(layer), {"events": transfers_of(values, marks)}, Stall(0.3, 0.7, seed=2), patience=500)
    words = run.payloads("steps")
    assert shown_of(layer, words) == spiking_golden(layer, values, marks)
    assert [word["mark"] for word in words if word["mark"] != EVENT] == [mark for mark in marks if mark != ABORT]


@pytest.mark.parametrize("lateral_inhibition", [False, True])
def test_sums_of_a_spiking_maximum_reach_their_greatest_value(lateral_inhibition):
    layer = spiking_layer(lateral_inhibition, "one", 3, lanes=2)
    values, marks = np.full((6, 20), 7), [STEP, STEP, SAMPLE] * 2
    run = simulate(SMaxPool(layer), {"events": transfers_of(values, marks)}, patience=100)
    shown = shown_of(layer, run.payloads("steps"))
    assert [step["greatest"] for step in shown] == [[total] * 5 for total in (7, 14, 21)] * 2
    assert [step["value"] for step in shown] == [[7] * 5] * 6


@pytest.mark.slow
@pytest.mark.parametrize("lateral_inhibition", [False, True])
def test_a_reset_of_one_cycle_leaves_nothing_of_a_spiking_maximum(lateral_inhibition):
    """Reset after so many cycles of one sample, then fed another."""
    layer = spiking_layer(lateral_inhibition, "even", 2, lanes=1)
    dut, reset, found = SMaxPool(layer), Signal(), []
    before, after = events(layer.inputs, 2, 3, seed=1)[[2, 0, 2]], events(layer.inputs, 2, 3, seed=4)
    marks, layout = [STEP, STEP, SAMPLE], dut.events.payload.shape()

    async def feed(ctx, values, cycles, ready):
        queue = [pack(layout, transfer) for transfer in transfers_of(values, marks)]
        ctx.set(dut.steps.ready, ready)
        words = []
        for _ in range(cycles):
            may = bool(queue) and not ctx.get(dut.settles)
            ctx.set(dut.events.valid, may)
            if may:
                ctx.set(dut.events.payload.as_value(), queue[0])
                if ctx.get(dut.events.ready):
                    queue.pop(0)
            if ctx.get(dut.steps.valid):
                words.append(unpack(dut.steps.payload.shape(), ctx.get(dut.steps.payload.as_value())))
            await ctx.tick()
        return words

    async def clockwork(ctx):
        for cut in range(10, 110, 7):
            await feed(ctx, before, cut, ready=cut % 2)
            ctx.set(dut.events.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            found.append(shown_of(layer, await feed(ctx, after, 130, ready=1)))

    drive(ResetInserter(reset)(dut), clockwork)
    assert found == [spiking_golden(layer, after, marks)] * 15


@pytest.mark.parametrize("lateral_inhibition", [False, True])
def test_every_cycle_of_a_spiking_maximum(lateral_inhibition):
    """Those of any pool, at the end of a sample too: four words from two cycles after the mark."""
    layer = spiking_layer(lateral_inhibition, "even", 1, lanes=2, num_steps=2)
    values = np.zeros((4, 32), np.int64)
    values[:, 3] = 1
    run = simulate(SMaxPool(layer), {"events": transfers_of(values, [STEP, SAMPLE, STEP, SAMPLE])})
    start = run.taken("events")[0]
    assert run.taken("events") == [start + 5 * step + cycle for step in range(4) for cycle in (0, 1)]
    assert run.offered("steps") == [start + 5 * step + cycle for step in range(4) for cycle in (3, 4, 5, 6)]
