"""The two ends of a row of bytes of which each has a position, so that a part that comes twice counts once.

A position is the number of bytes that went before in that direction, modulo 2 to the power of ``POSITION_BITS``.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from snnhw.frames import POSITION_BYTES

POSITION_BITS = 8 * POSITION_BYTES


def _check_depth(depth: int) -> None:
    if depth < 2 or depth & (depth - 1) or depth >= 1 << (POSITION_BITS - 1):
        raise ValueError(f"depth must be a power of two of 2 to {1 << (POSITION_BITS - 2)}, not {depth}")


class Inbox(wiring.Component):
    """Keeps bytes of which it is not known yet whether they count, and gives those that do, once and in order.

    ``write`` puts ``byte`` behind those before it; where there is no room, it and all later ones are dropped until the
    next ``keep`` or ``drop``, of which one makes all that was put count and the other forgets it. ``position`` is
    that of the first byte that does not count yet. ``bytes`` gives a byte in two cycles.
    """

    def __init__(self, depth: int):
        _check_depth(depth)
        self.depth = depth
        super().__init__(
            {
                **{name: In(1) for name in ("write", "keep", "drop")},
                "byte": In(8),
                "position": Out(POSITION_BITS),
                "bytes": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        head, ahead, full, loaded = Signal(POSITION_BITS), Signal(POSITION_BITS), Signal(), Signal()
        room = Signal()
        m.submodules.store = store = memory.Memory(shape=8, depth=self.depth, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            room.eq(((ahead - head)[:POSITION_BITS] != self.depth) & ~full),
            write.en.eq(self.write & room),
            write.addr.eq(ahead),
            write.data.eq(self.byte),
            read.addr.eq(head),
            self.bytes.valid.eq(loaded),
            self.bytes.payload.eq(read.data),
        ]
        with m.If(self.write):
            m.d.sync += [ahead.eq(ahead + room), full.eq(~room)]
        with m.If(self.keep):
            m.d.sync += [self.position.eq(ahead), full.eq(0)]
        with m.If(self.drop):
            m.d.sync += [ahead.eq(self.position), full.eq(0)]
        with m.If(loaded & self.bytes.ready):
            m.d.sync += [loaded.eq(0), head.eq(head + 1)]
        with m.Elif(head != self.position):
            m.d.sync += loaded.eq(1)
        return m


class Outbox(wiring.Component):
    """Keeps bytes until the other end has said that it has them.

    There are ``count`` bytes from position ``start`` on; ``byte`` is the one of ``index`` among them, of the cycle
    before. ``release`` forgets those before the position ``until``, where that lies among them or behind the last.
    """

    def __init__(self, depth: int):
        _check_depth(depth)
        self.depth = depth
        super().__init__(
            {
                "bytes": In(stream.Signature(8)),
                "start": Out(POSITION_BITS),
                "count": Out(range(depth + 1)),
                "index": In(range(depth)),
                "byte": Out(8),
                "release": In(1),
                "until": In(POSITION_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        end, gone = Signal(POSITION_BITS), Signal(POSITION_BITS)
        m.submodules.store = store = memory.Memory(shape=8, depth=self.depth, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            self.count.eq(end - self.start),
            gone.eq(self.until - self.start),
            self.bytes.ready.eq(self.count != self.depth),
            write.en.eq(self.bytes.valid & self.bytes.ready),
            write.addr.eq(end),
            write.data.eq(self.bytes.payload),
            read.addr.eq(self.start + self.index),
            self.byte.eq(read.data),
        ]
        m.d.sync += end.eq(end + write.en)
        with m.If(self.release & (gone <= self.count)):
            m.d.sync += self.start.eq(self.until)
        return m
