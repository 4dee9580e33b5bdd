"""A reset in the middle of a sample: the next sample is as the first after power-up."""

from typing import Any

import pytest
from amaranth.hdl import ResetInserter, Signal

from gateware.network import NetworkCircuit
from golden.network import run as run_golden
from snnhw.design import Design
from snnhw.implementation import MemoryKind
from tests import circuits
from tests.gateware.harness import drive, pack, unpack
from tests.gateware.samples import transfers_of

PATIENCE = 3000
"""Cycles in which any of these samples ends."""


def run_rtl(case: str, after: int, memory: MemoryKind = "rom") -> dict[str, Any]:
    """The result of the second sample, ``after`` cycles of the first one and a reset having gone before."""
    model, implementation, samples = circuits.model(case), circuits.implementation(case), circuits.samples(case, 2)
    layers = tuple(layer.model_copy(update={"memory": memory}) for layer in implementation.layers)
    implementation = implementation.model_copy(update={"layers": layers})
    circuit, reset, results = NetworkCircuit(Design(model, implementation)), Signal(), []
    layout = circuit.sample.payload.shape()
    pixels = implementation.pixels_per_beat
    first, second = ([pack(layout, t) for t in transfers_of(model.network, pixels, [s])] for s in samples)

    async def clockwork(ctx):
        ctx.set(circuit.result.ready, 1)
        queue = list(first)
        for cycle in range(PATIENCE):
            if cycle == after:
                ctx.set(reset, 1)
                ctx.set(circuit.sample.valid, 0)
                await ctx.tick()
                ctx.set(reset, 0)
                queue = list(second)
            ctx.set(circuit.sample.valid, bool(queue))
            if queue:
                ctx.set(circuit.sample.payload.as_value(), queue[0])
            if queue and ctx.get(circuit.sample.ready):
                queue.pop(0)
            if ctx.get(circuit.result.valid) and cycle >= after:
                results.append(unpack(circuit.result.payload.shape(), ctx.get(circuit.result.payload.as_value())))
            await ctx.tick()

    drive(ResetInserter(reset)(circuit), clockwork)
    (result,) = results
    return result


@pytest.mark.parametrize("after", [1, 3, 11, 40])
@pytest.mark.parametrize("case", circuits.CASES)
def test_nothing_is_left_of_the_sample_before(case: str, after: int):
    expected = run_golden(circuits.model(case), circuits.samples(case, 2))
    assert run_rtl(case, after) == {"class": expected.classes[1], "scores": expected.scores[1].tolist()}


@pytest.mark.parametrize("after", [7, 13, 22])
@pytest.mark.parametrize("case", ["direct", "integrate_fire", "neuron_major"])
def test_nothing_is_left_where_weights_can_be_loaded(case: str, after: int):
    expected = run_golden(circuits.model(case), circuits.samples(case, 2))
    result = run_rtl(case, after, "ram")
    assert result == {"class": expected.classes[1], "scores": expected.scores[1].tolist()}
