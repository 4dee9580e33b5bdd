"""A reset in the middle of a sample: the next sample is as the first after power-up."""

from collections.abc import Sequence
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

QUIET = 60
"""Cycles after a result in which there must be no other."""


def run_rtl(case: str, moments: Sequence[int], memory: MemoryKind = "rom") -> list[dict[str, Any]]:
    """The results of the second sample, each time some cycles of the first one and a reset having gone before."""
    model, implementation, samples = circuits.model(case), circuits.implementation(case), circuits.samples(case, 2)
    layers = tuple(layer.model_copy(update={"memory": memory}) for layer in implementation.layers)
    implementation = implementation.model_copy(update={"layers": layers})
    circuit, reset, results = NetworkCircuit(Design(model, implementation)), Signal(), []
    layout, pixels = circuit.sample.payload.shape(), implementation.pixels_per_beat
    first, second = ([pack(layout, t) for t in transfers_of(model.network, pixels, [s])] for s in samples)

    async def send(ctx, words, cycles):
        """The results that are seen within those cycles, or some cycles after the first one."""
        queue, seen = list(words), []
        while cycles:
            ctx.set(circuit.sample.valid, bool(queue))
            if queue:
                ctx.set(circuit.sample.payload.as_value(), queue[0])
            if queue and ctx.get(circuit.sample.ready):
                queue.pop(0)
            if ctx.get(circuit.result.valid):
                seen.append(unpack(circuit.result.payload.shape(), ctx.get(circuit.result.payload.as_value())))
                cycles = min(cycles, QUIET)
            await ctx.tick()
            cycles -= 1
        return seen

    async def clockwork(ctx):
        ctx.set(circuit.result.ready, 1)
        for after in moments:
            await send(ctx, first, after)
            ctx.set(reset, 1)
            ctx.set(circuit.sample.valid, 0)
            await ctx.tick()
            ctx.set(reset, 0)
            (result,) = await send(ctx, second, PATIENCE)
            results.append(result)

    drive(ResetInserter(reset)(circuit), clockwork)
    return results


@pytest.mark.slow
@pytest.mark.parametrize("case", circuits.CASES)
def test_nothing_is_left_of_the_sample_before(case: str):
    check(case, run_rtl(case, [1, 3, 11, 40]), 4)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["direct", "integrate_fire", "neuron_major"])
def test_nothing_is_left_where_weights_can_be_loaded(case: str):
    check(case, run_rtl(case, [7, 13, 22], "ram"), 3)


def check(case: str, results: list[dict[str, Any]], count: int) -> None:
    expected = run_golden(circuits.model(case), circuits.samples(case, 2))
    assert results == [{"class": expected.classes[1], "scores": expected.scores[1].tolist()}] * count
