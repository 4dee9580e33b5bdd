# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""The port of a camera: every event once and in its bin, whenever requests and ends of bins come."""

import random
import re
from functools import lru_cache

import numpy as np
import pytest

from gateware.aer import AerTop, BinEnds, Receiver
from gateware.encoder import sample_layout
from golden.encoder import binned
from golden.network import Golden
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.model import Model, tensor_shapes
from snnhw.network import AddressEvents, Conv2d, Dense, Events, Layer, MembraneReadout, Network, Neuron
from snnhw.shell import AerShell
from snnhw.verilog import emit
from tests.gateware.harness import drive
from tests.tools import lint

STEPS, SAMPLES = 3, 4
PLACES = {"x": 5, "y": 3, "polarity": 2}


def network(encoder=None):
    first = Layer(
        name="conv", synapse=Conv2d(channels=2, kernel=2, weight_bits=4), neuron=Neuron(threshold=3, reset="zero")
    )
    last = Layer(name="last", synapse=Dense(units=3, weight_bits=4), neuron=Neuron.integrator())
    return Network(
        input_shape=(2, 3, 5),
        encoder=encoder or AddressEvents(bits=2),
        stages=(first, last),
        readout=MembraneReadout(),
        num_steps=STEPS,
    )


@lru_cache
def design(encoder=None, **choices):
    numbers, chosen = np.random.default_rng(1), network(encoder)
    tensors = {name: numbers.integers(-8, 8, shape) for name, shape in tensor_shapes(chosen).items()}
    return Design.of(Model(chosen, tensors), **choices)


def recording(seed, most=30):
    """Events (x, y, polarity) of each bin of all samples: many of one place, and some of x = 5, where there is none."""
    chance = random.Random(seed)
    return [
        [
            (chance.choice((0, 0, 0, 0, 0, 1, 2, 3, 4, 5)), chance.choice((0, 0, 0, 1, 2)), chance.randrange(2))
            for _ in range(count)
        ]
        for count in (chance.randrange(most) for _ in range(STEPS * SAMPLES))
    ]


def expected(bins):
    """Golden's classes and scores, and what all samples together had dropped."""
    chosen, samples, dropped = design().network, [], np.zeros(2, int)
    for start in range(0, len(bins), STEPS):
        events = [(step, *event) for step, own in enumerate(bins[start : start + STEPS]) for event in own]
        table = np.array(events, np.int64).reshape(-1, 4).T
        made = binned(chosen, table[0], dict(zip(PLACES, table[1:], strict=True)))
        samples.append(made.sample)
        dropped += made.doubles, made.outside
    result = Golden(design().model).run(np.stack(samples))
    return result.scores.tolist(), dropped.tolist()


class Camera:
    """Both sides of an :class:`AerTop`: sends by handshake, after waits of its own, and takes results."""

    def __init__(self, top, seed):
        self.top, self.chance = top, random.Random(seed)
        self.scores, self.cycles = [], 0

    async def cycle(self, ctx):
        result = self.top.circuit.result.payload.shape()
        if ctx.get(self.top.result__valid) and ctx.get(self.top.result__ready):
            self.scores.append([ctx.get(score) for score in result(self.top.result__payload).scores])
        await ctx.tick()
        self.cycles += 1
        ctx.set(self.top.result__ready, self.chance.random() < 0.6)

    async def until(self, ctx, level):
        for _ in range(2000):
            if ctx.get(self.top.aer_acknowledge) == level:
                return
            await self.cycle(ctx)
        raise AssertionError("no acknowledge")

    async def send(self, ctx, event):
        for name, number in zip(PLACES, event, strict=True):
            ctx.set(getattr(self.top, f"aer_{name}"), number)
        ctx.set(self.top.aer_request, 1)
        await self.until(ctx, 1)
        ctx.set(self.top.aer_request, 0)
        await self.until(ctx, 0)
        for _ in range(self.chance.choice((0, 0, 0, 1, 5))):
            await self.cycle(ctx)

    async def finish(self, ctx):
        for _ in range(4000):
            if len(self.scores) == SAMPLES:
                break
            await self.cycle(ctx)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_camera_whose_bins_a_pin_cuts_gets_goldens_results(seed):
    bins, top = recording(seed), AerTop(design(), bin_cycles=0)
    camera, ends = Camera(top, seed), list[int]()

    async def bench(ctx):
        for events in bins:
            for event in events:
                await camera.send(ctx, event)
            ctx.set(top.bin_end, 1)
            await camera.cycle(ctx)
            ctx.set(top.bin_end, 0)
        await camera.finish(ctx)
        ends.extend(ctx.get(port) for port in (top.doubles, top.outside, top.circuit.encoder.error))

    drive(top, bench)
    scores, dropped = expected(bins)
    assert camera.scores == scores
    assert len(np.unique(scores)) > 3
    assert ends[:2] == dropped
    assert min(dropped) > 0


@pytest.mark.slow
def test_a_clock_cuts_bins():
    """Each bin's events come well within its cycles; the first bin begins with the circuit."""
    cycles, bins = 200, recording(3, most=10)
    top = AerTop(design(), bin_cycles=cycles)
    camera = Camera(top, 3)

    async def bench(ctx):
        for number, events in enumerate(bins, start=1):
            for event in events:
                await camera.send(ctx, event)
            assert camera.cycles < number * cycles - 5
            while camera.cycles < number * cycles + 5:
                await camera.cycle(ctx)
        await camera.finish(ctx)

    drive(top, bench)
    assert camera.scores == expected(bins)[0]


def test_every_cycle_of_a_handshake():
    """Two flip-flops, then the offer; the acknowledge in the cycle after it was taken, and away as the request is."""
    layout = sample_layout(network(), 1)
    dut, seen = Receiver(layout, layout), []

    async def bench(ctx):
        ctx.set(dut.request, 1)
        for cycle in range(12):
            ctx.set(dut.events.ready, cycle == 4)
            seen.append((ctx.get(dut.events.valid), ctx.get(dut.acknowledge)))
            if cycle == 7:
                ctx.set(dut.request, 0)
            await ctx.tick()

    drive(dut, bench)
    assert seen == [(0, 0)] * 2 + [(1, 0)] * 3 + [(0, 1)] * 5 + [(0, 0)] * 2


def test_ends_of_bins_go_before_events_that_wait_and_none_is_lost_in_silence():
    dut = BinEnds(sample_layout(network(), 1))
    ends, lost = [], []

    async def bench(ctx):
        ctx.set(dut.events.valid, 1)
        ctx.set(dut.tick, 1)
        for _ in range(BinEnds.MOST):
            await ctx.tick()
        lost.append(ctx.get(dut.lost))
        await ctx.tick()
        ctx.set(dut.tick, 0)
        lost.append(ctx.get(dut.lost))
        ctx.set(dut.sample.ready, 1)
        for _ in range(BinEnds.MOST + 3):
            if ctx.get(dut.sample.valid):
                ends.append(ctx.get(dut.sample.payload.end))
            await ctx.tick()

    drive(dut, bench)
    # The first event was taken with the first tick, before it counted.
    assert ends == [0] + [1] * BinEnds.MOST + [0] * 2
    assert lost == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("bin_cycles", [0, 1000])
def test_the_verilog_has_the_ports_of_the_shell_and_no_tool_warns(bin_cycles, tmp_path):
    shell = AerShell(bin_cycles=bin_cycles)
    circuit = emit(design(), shell=shell)
    body = re.search(r"^module snn\s*\(.*?\);\n(.*?)^endmodule", circuit.verilog, re.MULTILINE | re.DOTALL)[1]
    declared = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", body, re.MULTILINE)
    found = sorted((port, kind, int(high or 0) + 1) for kind, high, port in declared)
    assert found == sorted(tuple(port) for port in shell.ports(circuit.interface))
    circuit.write(tmp_path)
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()
    assert ("bin_end: 1 for a cycle" in circuit.verilog) == (bin_cycles == 0)


def test_what_no_camera_sends_is_refused():
    with pytest.raises(DescriptionError, match="is for networks with the encoder 'address_events', not 'events'"):
        AerTop(design(Events(bits=2)), bin_cycles=0)
    with pytest.raises(DescriptionError, match="no port for weights that are loaded"):
        AerTop(Design.of(design().model, memory={"last": "ram"}), bin_cycles=0)
