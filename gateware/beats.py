"""Streams of a circuit as one row of bytes, and back: see docs/uart.md, section "Circuits that do commands"."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from snnhw.commandshell import MOST_BEATS, beat_packet
from snnhw.interface import StreamPort


def raw(port: StreamPort) -> stream.Signature:
    """A stream whose payload is bits without names."""
    return stream.Signature(port.width)


class BeatReader(wiring.Component):
    """Makes beats of bytes: the number of a stream, that of its beats less 1, then these beats, over and over.

    Takes a byte a cycle, but for one cycle a beat, in which the beat is offered. A number that no stream has is passed
    over, alone. A beat that is not taken stops all that comes behind it.
    """

    def __init__(self, ports: Sequence[StreamPort]):
        self.ports = tuple(ports)
        self.sizes = [beat_packet(port).size for port in ports]
        super().__init__({"bytes": In(stream.Signature(8)), **{port.name: Out(raw(port)) for port in ports}})

    def elaborate(self, platform):
        m = Module()
        most, byte = max(self.sizes), self.bytes.payload
        chosen = Signal(range(max(2, len(self.ports))))
        left, missing = Signal(range(MOST_BEATS)), Signal(range(max(2, most)))
        beat, taken = Signal(8 * most), Signal()
        with m.FSM():
            with m.State("NUMBER"):
                m.d.comb += self.bytes.ready.eq(1)
                m.d.sync += chosen.eq(byte)
                with m.If(self.bytes.valid & (byte < len(self.ports))):
                    m.next = "COUNT"
            with m.State("COUNT"):
                m.d.comb += self.bytes.ready.eq(1)
                m.d.sync += [left.eq(byte), missing.eq(self._size(m, chosen) - 1)]
                with m.If(self.bytes.valid):
                    m.next = "BYTES"
            with m.State("BYTES"):
                m.d.comb += self.bytes.ready.eq(1)
                with m.If(self.bytes.valid):
                    m.d.sync += [beat.eq(Cat(beat[8:], byte)), missing.eq(missing - 1)]
                    with m.If(missing == 0):
                        m.next = "OFFER"
            with m.State("OFFER"):
                for number, port in enumerate(self.ports):
                    with m.If(chosen == number):
                        m.d.comb += getattr(self, port.name).valid.eq(1)
                        m.d.comb += taken.eq(getattr(self, port.name).ready)
                with m.If(taken):
                    m.d.sync += [left.eq(left - 1), missing.eq(self._size(m, chosen) - 1)]
                    m.next = "BYTES"
                    with m.If(left == 0):
                        m.next = "NUMBER"
        for port, size in zip(self.ports, self.sizes, strict=True):
            m.d.comb += getattr(self, port.name).payload.eq(beat[8 * (most - size) :])
        return m

    def _size(self, m, chosen):
        """The bytes of a beat of the stream that was chosen."""
        size = Signal(range(max(self.sizes) + 1))
        with m.Switch(chosen):
            for number, bytes_of in enumerate(self.sizes):
                with m.Case(number):
                    m.d.comb += size.eq(bytes_of)
        return size


class BeatWriter(wiring.Component):
    """Makes bytes of beats: the number of a stream, then a beat of it, over and over.

    A beat is taken when the bytes of the one before are gone, of several streams that offer one the first's.
    """

    def __init__(self, ports: Sequence[StreamPort]):
        self.ports = tuple(ports)
        self.sizes = [beat_packet(port).size for port in ports]
        super().__init__({"bytes": Out(stream.Signature(8)), **{port.name: In(raw(port)) for port in ports}})

    def elaborate(self, platform):
        m = Module()
        most, streams = max(self.sizes), [getattr(self, port.name) for port in self.ports]
        chosen, left, beat = Signal(range(max(2, len(streams)))), Signal(range(max(2, most))), Signal(8 * most)
        with m.FSM():
            with m.State("WAIT"):
                before = Const(0)
                for number, (each, size) in enumerate(zip(streams, self.sizes, strict=True)):
                    m.d.comb += each.ready.eq(~before)
                    with m.If(each.valid & ~before):
                        m.d.sync += [chosen.eq(number), left.eq(size - 1), beat.eq(each.payload)]
                        m.next = "NUMBER"
                    before = before | each.valid
            with m.State("NUMBER"):
                m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(chosen)]
                with m.If(self.bytes.ready):
                    m.next = "BYTES"
            with m.State("BYTES"):
                m.d.comb += [self.bytes.valid.eq(1), self.bytes.payload.eq(beat[:8])]
                with m.If(self.bytes.ready):
                    m.d.sync += [left.eq(left - 1), beat.eq(beat >> 8)]
                    with m.If(left == 0):
                        m.next = "WAIT"
        return m
