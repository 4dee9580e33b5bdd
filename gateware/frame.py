"""Frames on a serial line: where they begin and end, and whether they are whole. See docs/uart.md.

Twin of ``snnhw/host/protocol.py``.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.crc import Crc
from snnhw import frames
from snnhw.frames import CHECK_BYTES, ESCAPE, FLAG, FLIP, NUMBER_BITS

CHECK_BITS = 8 * CHECK_BYTES
"""At the end of each frame."""


class Kind(enum.Enum, shape=8 - NUMBER_BITS):  # type: ignore[call-arg]
    """What a frame asks for or answers; ``snnhw.frames`` says each."""

    IDENTIFY = frames.Kind.IDENTIFY
    CLASSIFY = frames.Kind.CLASSIFY
    LOAD = frames.Kind.LOAD
    UNLOCK = frames.Kind.UNLOCK
    EXCHANGE = frames.Kind.EXCHANGE
    RESET = frames.Kind.RESET
    REFUSED = frames.Kind.REFUSED


HEADER = data.StructLayout({"number": NUMBER_BITS, "kind": Kind})
"""The first byte of each frame."""


def bits_layout() -> data.StructLayout:
    """A ``bit`` of a frame, or with ``end`` its end: then ``good`` says whether the frame is what was sent."""
    return data.StructLayout({"bit": 1, "end": 1, "good": 1})


def octets_layout() -> data.StructLayout:
    """A byte of a frame; ``last`` on its last."""
    return data.StructLayout({"byte": 8, "last": 1})


class FrameReceiver(wiring.Component):
    """Takes bytes from the line and gives the bits of each frame, the checksum's among them, and its end.

    The first bit of a byte is offered in the cycle after the byte. Whatever comes between two flags is a frame, an
    empty one too, and good if its checksum is. A byte that comes before all bits of the one before were taken is lost.
    """

    def __init__(self):
        super().__init__(
            {
                "bytes": In(stream.Signature(8, always_ready=True)),
                "bits": Out(stream.Signature(bits_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        received, item = self.bytes, self.bits.payload
        byte, left = Signal(8), Signal(range(9))
        escaped, taken = Signal(), Signal()
        m.d.comb += [
            self.bits.valid.eq((left != 0) | item.end),
            taken.eq(self.bits.valid & self.bits.ready),
            item.bit.eq(byte[0]),
            item.good.eq(crc.good),
            crc.bit.eq(byte[0]),
            crc.step.eq(taken & ~item.end),
            crc.clear.eq(taken & item.end),
        ]
        with m.If(taken):
            with m.If(item.end):
                m.d.sync += item.end.eq(0)
            with m.Else():
                m.d.sync += [byte.eq(byte[1:]), left.eq(left - 1)]
        with m.If(received.valid & ~self.bits.valid):
            with m.If(received.payload == FLAG):
                m.d.sync += [item.end.eq(1), escaped.eq(0)]
            with m.Elif(received.payload == ESCAPE):
                m.d.sync += escaped.eq(1)
            with m.Else():
                m.d.sync += [byte.eq(received.payload ^ Mux(escaped, FLIP, 0)), left.eq(8), escaped.eq(0)]
        return m


class FrameTransmitter(wiring.Component):
    """Takes the bytes of a frame and sends them between two flags, escaped, with the checksum at the end.

    A byte is taken once the one before has gone, and goes 9 cycles later.
    """

    def __init__(self):
        super().__init__({"octets": In(stream.Signature(octets_layout())), "bytes": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        out = self.bytes
        byte, escaped, special, last, checking = Signal(8), Signal(), Signal(), Signal(), Signal()
        bit, place = Signal(range(8)), Signal(range(CHECK_BYTES))
        m.d.comb += [
            special.eq((byte == FLAG) | (byte == ESCAPE)),
            crc.bit.eq(byte[0]),
            crc.drain.eq(checking),
            out.payload.eq(FLAG),
        ]
        with m.FSM():
            with m.State("BEGIN"):
                m.d.comb += [crc.clear.eq(1), out.valid.eq(self.octets.valid)]
                m.d.sync += checking.eq(0)
                with m.If(out.valid & out.ready):
                    m.next = "TAKE"
            with m.State("TAKE"):
                m.d.comb += self.octets.ready.eq(1)
                m.d.sync += [byte.eq(self.octets.payload.byte), last.eq(self.octets.payload.last)]
                with m.If(self.octets.valid):
                    m.next = "SHIFT"
            with m.State("SHIFT"):
                # A byte goes around through the checksum; then the checksum's bytes come out of it.
                m.d.comb += crc.step.eq(1)
                m.d.sync += [byte.eq(Cat(byte[1:], Mux(checking, crc.next, byte[0]))), bit.eq(bit + 1)]
                with m.If(bit == 7):
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += out.valid.eq(1)
                m.d.comb += out.payload.eq(Mux(special & ~escaped, ESCAPE, byte ^ Mux(escaped, FLIP, 0)))
                with m.If(out.ready):
                    m.d.sync += escaped.eq(special & ~escaped)
                with m.If(out.ready & (~special | escaped)):
                    m.d.sync += [checking.eq(last), place.eq(place + checking)]
                    m.next = "SHIFT"
                    with m.If(~last):
                        m.next = "TAKE"
                    with m.Elif(checking & (place == CHECK_BYTES - 1)):
                        m.next = "END"
            with m.State("END"):
                m.d.comb += out.valid.eq(1)
                with m.If(out.ready):
                    m.next = "BEGIN"
        return m
