# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Weights are read where they were put: by the circuit itself, or by an image that was sent."""

import random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gateware.weights import Segment, WeightLoader, WeightMemory, load_layout, pack
from snnhw.network import Range
from tests.gateware.harness import Stall, drive, simulate

SPAN = Range.of_bits(4, signed=True)
KINDS = ("rom", "ram", "spram")


def rows_of(depth, lanes, seed=0):
    rng = random.Random(seed)
    return [[rng.randint(SPAN.lo, SPAN.hi) for _ in range(lanes)] for _ in range(depth)]


def image_of(*tables):
    """What the loader takes: each row's weights from the lowest bit, in whole bytes, the lowest first."""
    octets = [pack(row, 4).to_bytes(-(-4 * len(row) // 8), "little") for rows in tables for row in rows]
    return b"".join(octets)


def transfers(image, last=True):
    return [{"byte": byte, "last": int(last and place == len(image) - 1)} for place, byte in enumerate(image)]


def run(dut, script):
    async def bench(ctx):
        await script(ctx)

    drive(dut, bench)


async def contents(ctx, dut):
    found = []
    for address in range(dut.depth):
        ctx.set(dut.addr, address)
        ctx.set(dut.en, 1)
        await ctx.tick()
        found.append([int(lane) for lane in ctx.get(dut.data)])
    return found


@pytest.mark.parametrize(
    ("depth", "lanes", "columns"),
    [(1, 3, 12), (5, 1, 4), (1024, 9, 36), (1025, 9, 18), (2049, 6, 8), (4097, 3, 4), (8193, 2, 2), (16385, 1, 1)],
)
def test_every_row_is_read_whatever_the_columns(depth, lanes, columns):
    rows = rows_of(depth, lanes)
    dut = WeightMemory(rows, SPAN)
    assert dut.column_bits == columns
    rng = random.Random(depth)
    chosen = [0, depth - 1, *(rng.randrange(depth) for _ in range(40))]

    async def script(ctx):
        for address in chosen:
            ctx.set(dut.addr, address)
            ctx.set(dut.en, 1)
            await ctx.tick()
            assert list(ctx.get(dut.data)) == rows[address]
            ctx.set(dut.addr, 0)
            ctx.set(dut.en, 0)
            await ctx.tick()
            assert list(ctx.get(dut.data)) == rows[address], "a row must hold while en is 0"

    run(dut, script)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_what_is_written_is_read(kind):
    before, after = rows_of(6, 5, seed=1), rows_of(6, 5, seed=2)
    dut = WeightMemory(before, SPAN, kind)

    async def script(ctx):
        assert await contents(ctx, dut) == (before if kind == "ram" else [[0] * 5] * 6)
        for address, row in enumerate(after):
            ctx.set(dut.write.addr, address)
            ctx.set(dut.write.data, pack(row, 4))
            ctx.set(dut.write.en, 1)
            await ctx.tick()
        ctx.set(dut.write.en, 0)
        assert await contents(ctx, dut) == after

    run(dut, script)


def test_rows_are_checked():
    with pytest.raises(ValueError, match=r"2 integers in -8\.\.7"):
        WeightMemory([[0, 1], [2]], SPAN)
    with pytest.raises(ValueError, match=r"in -8\.\.7"):
        WeightMemory([[8]], SPAN)
    with pytest.raises(ValueError, match="holds 16384 words, not 16385"):
        WeightMemory([[0]] * 16385, SPAN, "spram")


class Loaded(wiring.Component):
    """A loader and the memories that it fills, each read at ``addr``."""

    def __init__(self, tables):
        self.memories = [WeightMemory(rows, SPAN, "ram") for rows in tables]
        segments = [Segment(memory.depth, memory.bits) for memory in self.memories]
        self.loader = WeightLoader(segments, initially=True)
        super().__init__({"load": In(self.loader.load.signature.flip()), "loaded": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = self.loader
        wiring.connect(m, wiring.flipped(self.load), self.loader.load)
        m.d.comb += self.loaded.eq(self.loader.loaded)
        for number, memory in enumerate(self.memories):
            m.submodules[f"memory_{number}"] = memory
            wiring.connect(m, getattr(self.loader, f"write_{number}"), memory.write)
        return m


SIZES = ((4, 2), (3, 5), (1, 1), (2, 7))
"""Depth and lanes: words of 1, 3, 1 and 4 bytes."""


def tables(seed):
    return [rows_of(depth, lanes, seed) for depth, lanes in SIZES]


def send(streams, stall=0.0):
    """The contents after these transfers, and ``loaded`` in the end and while they went on."""
    dut = Loaded(tables(1))
    rng = random.Random(5)
    found, seen = [], []

    async def script(ctx):
        for transfer in streams:
            while rng.random() < stall:
                ctx.set(dut.load.payload, load_layout().const({"byte": rng.randrange(256), "last": 1}))
                ctx.set(dut.load.valid, 0)
                await ctx.tick()
            ctx.set(dut.load.payload, load_layout().const(transfer))
            ctx.set(dut.load.valid, 1)
            await ctx.tick()
            seen.append(ctx.get(dut.loaded))
        ctx.set(dut.load.valid, 0)
        await ctx.tick()
        found.extend([await contents(ctx, memory) for memory in dut.memories])

    run(dut, script)
    return found, seen


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_an_image_fills_the_memories_in_order(stall):
    image = image_of(*tables(2))
    found, seen = send(transfers(image), stall)
    assert found == tables(2)
    assert seen == [0] * (len(image) - 1) + [1]


def test_an_image_follows_another_at_once():
    found, seen = send([*transfers(image_of(*tables(2))), *transfers(image_of(*tables(3)))])
    assert found == tables(3)
    assert sum(seen) == 2


@pytest.mark.parametrize("length", [1, 4, 5, 13])
def test_an_image_that_broke_off_is_repeated(length):
    image = image_of(*tables(2))
    found, seen = send([*transfers(image_of(*tables(3))[:length]), *transfers(image)])
    assert found == tables(2)
    assert seen == [0] * (length + len(image) - 1) + [1]


@pytest.mark.parametrize("surplus", [1, 2, 30])
def test_surplus_bytes_are_dropped_and_told_of(surplus):
    image = image_of(*tables(2))
    found, seen = send(transfers(image + bytes(range(1, surplus + 1))))
    assert found == tables(2)
    assert not any(seen)
    found, seen = send([*transfers(image + bytes(surplus)), *transfers(image_of(*tables(3)))])
    assert found == tables(3)
    assert seen[-1]


def loaded_after(steps, tables_sent):
    """``loaded`` and the contents once bytes of an image, ``last`` or not, and resets (None) have gone in."""
    dut, reset = Loaded(tables(1)), Signal()
    found = []

    async def script(ctx):
        for step in steps:
            ctx.set(reset, step is None)
            ctx.set(dut.load.valid, step is not None)
            if step is not None:
                ctx.set(dut.load.payload, load_layout().const(step))
            await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(dut.load.valid, 0)
        await ctx.tick()
        found.extend([await contents(ctx, memory) for memory in dut.memories])
        found.append(ctx.get(dut.loaded))

    run(ResetInserter(reset)(dut), script)
    return found[-1], found[:-1] == tables_sent


@pytest.mark.parametrize("after", [1, 4, 5, 6, 13, 19])
def test_a_reset_does_not_break_an_image_off(after):
    sent = transfers(image_of(*tables(2)))
    assert loaded_after([*sent[:after], None], tables(2)) == (0, False)
    assert loaded_after([*sent[:after], None, None, *sent[after:]], tables(2)) == (1, True)


def test_a_reset_leaves_what_was_loaded():
    assert loaded_after([None], tables(1)) == (1, True)
    assert loaded_after([*transfers(image_of(*tables(2))), None], tables(2)) == (1, True)


def test_an_image_that_is_sent_anew_after_a_reset_counts_from_the_second_time():
    sent = transfers(image_of(*tables(2)))
    assert loaded_after([*sent[:7], None, *sent], tables(2))[0] == 0
    assert loaded_after([*sent[:7], None, *sent, *sent], tables(2)) == (1, True)


def test_the_loader_is_always_ready():
    image = image_of(*tables(2))
    result = simulate(Loaded(tables(1)), {"load": transfers(image)}, Stall(source=0.3))
    assert result.taken("load") == result.offered("load")
