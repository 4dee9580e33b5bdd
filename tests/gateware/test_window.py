# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""The two ends of a row of bytes with positions, against a few lines of Python, strobe by strobe."""

from random import Random
from typing import Any

import pytest

from gateware.window import Inbox, Outbox
from tests.gateware.harness import drive

ALL = 1 << 16


@pytest.mark.parametrize("depth", [2, 16])
@pytest.mark.parametrize("ready", [0.05, 0.5, 1.0])
def test_what_is_kept_comes_out_once_and_in_order(depth: int, ready: float):
    inbox, random = Inbox(depth), Random(depth)
    kept, taken = bytearray(), bytearray()
    ahead, full, position = bytearray(), False, 0

    async def bench(ctx: Any) -> None:
        nonlocal ahead, full, position
        for left in reversed(range(1500)):
            act = random.choice(["write"] * 6 + ["keep", "drop", "none"]) if left > 100 else "none"
            ctx.set(inbox.byte, byte := random.randrange(256))
            for name in ("write", "keep", "drop"):
                ctx.set(getattr(inbox, name), act == name)
            ctx.set(inbox.bytes.ready, takes := random.random() < ready or left < 100)
            assert ctx.get(inbox.position) == position % ALL
            if act == "write":
                full = full or len(kept) + len(ahead) - len(taken) == depth
                ahead += b"" if full else bytes([byte])
            if ctx.get(inbox.bytes.valid) and takes:
                taken.append(ctx.get(inbox.bytes.payload))
            if act in ("keep", "drop"):
                kept.extend(ahead if act == "keep" else b"")
                position = len(kept)
                ahead, full = bytearray(), False
            await ctx.tick()

    drive(inbox, bench)
    assert taken == kept
    assert len(kept) > 20


@pytest.mark.parametrize("depth", [2, 8])
def test_what_is_released_is_gone_and_nothing_else(depth: int):
    outbox, random = Outbox(depth), Random(depth)
    kept, start = bytearray(), 0

    async def bench(ctx: Any) -> None:
        nonlocal start
        for _ in range(1500):
            count = len(kept) - start
            assert (ctx.get(outbox.start), ctx.get(outbox.count)) == (start % ALL, count)
            ctx.set(outbox.bytes.valid, comes := random.random() < 0.5)
            ctx.set(outbox.bytes.payload, byte := random.randrange(256))
            until = start + random.choice([-3, -1, 0, 1, 2, depth, depth + 1, 40_000])
            ctx.set(outbox.until, until % ALL)
            ctx.set(outbox.release, released := random.random() < 0.3)
            ctx.set(outbox.index, index := random.randrange(depth))
            assert ctx.get(outbox.bytes.ready) == (count < depth)
            expected = kept[start + index] if index < count else None
            if comes and count < depth:
                kept.append(byte)
            if released and 0 <= until - start <= count:
                start = until
            await ctx.tick()
            if expected is not None:
                assert ctx.get(outbox.byte) == expected

    drive(outbox, bench)
    assert start > 50


@pytest.mark.parametrize("box", [Inbox, Outbox])
@pytest.mark.parametrize("depth", [0, 1, 12, 1 << 15])
def test_a_depth_that_positions_cannot_tell_is_refused(box: Any, depth: int):
    with pytest.raises(ValueError, match=f"depth must be a power of two of 2 to 16384, not {depth}"):
        box(depth)
