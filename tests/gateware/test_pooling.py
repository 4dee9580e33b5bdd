"""Pools of events: the same words as golden's whatever the lanes, the stalls and what came before."""

import numpy as np
import pytest

from gateware.pooling import MaxPool, SumPool
from golden import pooling as golden
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.network import MaxPool2d, SumPool2d
from tests.convolutions import built, events, model, network
from tests.gateware.harness import Stall, from_words, in_steps, simulate

POOLS = {
    "max": (MaxPool2d, MaxPool, golden.MaxPool),
    "sum": (SumPool2d, SumPool, golden.SumPool),
}
SHAPES = {"even": ((2, 4, 4), 2), "odd": ((3, 5, 7), (2, 3)), "one": ((5, 2, 2), 2), "single": ((1, 3, 3), 1)}


def layer_of(kind, shape, size, bits, **choices):
    return built(model(network(POOLS[kind][0](size=size), shape, bits)), **choices)


def run_rtl(kind, layer, values, marks, stall=None):
    transfers = []
    for row, mark in zip(values, marks, strict=True):
        transfers += [{"mark": EVENT, "address": a, "value": int(value)} for a, value in enumerate(row) if value]
        transfers.append({"mark": mark, "address": 0, "value": 0})
    run = simulate(POOLS[kind][1](layer), {"events": transfers}, stall, patience=500)
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
