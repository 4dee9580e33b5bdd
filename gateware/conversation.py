"""Requests to a circuit that does commands, and their answers: what frames mean. See docs/uart.md.

Twin of ``snnhw/host/commands.py``.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.frame import CHECK_BITS, HEADER, Kind, bits_layout, octets_layout
from gateware.stream import choose
from gateware.window import POSITION_BITS
from snnhw.frames import POSITION_BYTES, Refusal

HEAD_BYTES = 1 + 2 * POSITION_BYTES
"""Bytes of an exchange before what it carries: header and two positions, in a request and in its answer."""


def contents_layout() -> data.StructLayout:
    """A ``byte`` of a frame, or with ``end`` its end: then ``good`` says whether the frame is what was sent."""
    return data.StructLayout({"byte": 8, "end": 1, "good": 1})


class Contents(wiring.Component):
    """Makes bytes of the bits of frames, and keeps each frame's last four, its checksum, to itself.

    A byte is offered when the four behind it are there; ready of the end of a frame waits for that of ``octets``.
    """

    def __init__(self):
        super().__init__(
            {
                "bits": In(stream.Signature(bits_layout())),
                "octets": Out(stream.Signature(contents_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(CHECK_BITS + 8)
        count, whole = Signal(range(len(held) + 1)), Signal()
        bit, octet = self.bits.payload, self.octets.payload
        m.d.comb += [
            whole.eq(count == len(held)),
            octet.byte.eq(held[:8]),
            octet.good.eq(bit.good),
            octet.end.eq(~whole),
            self.octets.valid.eq(whole | (self.bits.valid & bit.end)),
            self.bits.ready.eq(~whole & (~bit.end | self.octets.ready)),
        ]
        with m.If(self.bits.valid & self.bits.ready):
            m.d.sync += [held.eq(Cat(held[1:], bit.bit)), count.eq(Mux(bit.end, 0, count + 1))]
        with m.If(whole & self.octets.ready):
            m.d.sync += count.eq(CHECK_BITS)
        return m


class Sort(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What becomes of a request."""

    UNKNOWN = 0
    IDENTIFY = 1
    EXCHANGE = 2
    RESET = 3


class Conversation(wiring.Component):
    """Takes the bytes of requests and gives those of answers: one for each good request, in their order.

    An exchange brings two positions, and bytes that stand from the first one on. They are written to an inbox as they
    come where that is the inbox's ``position``, and kept when the frame was good. Bytes before the second one are
    released from an outbox. The answer holds the inbox's position, that of the first byte in the outbox, and all bytes
    there. So a request that comes again, or an answer, changes nothing.

    ``reset`` is 1 for a cycle after a request of that kind: for the circuit and both boxes. The end of a good request
    waits until the answer before it has gone. A frame that is not good is passed over in silence, with ``error`` until
    one is.
    """

    def __init__(self, identity: bytes, most: int):
        self.identity = identity
        self.most = most
        super().__init__(
            {
                "octets": In(stream.Signature(contents_layout())),
                "answer": Out(stream.Signature(octets_layout())),
                **{name: Out(1) for name in ("write", "keep", "drop", "release", "reset", "error")},
                "byte": Out(8),
                "position": In(POSITION_BITS),
                "until": Out(POSITION_BITS),
                "start": In(POSITION_BITS),
                "count": In(range(most + 1)),
                "index": Out(range(most)),
                "stored": In(8),
            }
        )
        self.pending = Signal()
        self.sort = Signal(Sort)
        self.asked = Signal(HEADER)

    def elaborate(self, platform):
        m = Module()
        self._hear(m)
        self._answer(m)
        return m

    def _hear(self, m):
        """Take requests."""
        octet, taken, index = self.octets.payload, Signal(), Signal(range(HEAD_BYTES + 1))
        begin, sort, place, request = Signal(HEADER), Signal(Sort), Signal(POSITION_BITS), Signal()
        m.d.comb += [
            request.eq(octet.end & octet.good & (index != 0)),
            self.octets.ready.eq(~(request & self.pending)),
            taken.eq(self.octets.valid & self.octets.ready),
            self.byte.eq(octet.byte),
            self.write.eq(
                taken & ~octet.end & (index == HEAD_BYTES) & (begin.kind == Kind.EXCHANGE) & (place == self.position)
            ),
        ]
        with m.If((begin.kind == Kind.IDENTIFY) & (index == 1)):
            m.d.comb += sort.eq(Sort.IDENTIFY)
        with m.If((begin.kind == Kind.RESET) & (index == 1)):
            m.d.comb += sort.eq(Sort.RESET)
        with m.If((begin.kind == Kind.EXCHANGE) & (index == HEAD_BYTES)):
            m.d.comb += sort.eq(Sort.EXCHANGE)
        with m.If(taken & ~octet.end):
            m.d.sync += index.eq(Mux(index == HEAD_BYTES, index, index + 1))
            with m.If(index == 0):
                m.d.sync += begin.eq(octet.byte)
            with m.Elif(index != HEAD_BYTES):
                both = Cat(place, self.until)
                m.d.sync += both.eq(Cat(both[8:], octet.byte))
        with m.If(taken & octet.end):
            with m.If(index != 0):
                m.d.sync += self.error.eq(~octet.good)
            with m.If(request):
                m.d.sync += [self.pending.eq(1), self.asked.eq(begin), self.sort.eq(sort)]
                m.d.comb += [
                    self.keep.eq(sort == Sort.EXCHANGE),
                    self.release.eq(sort == Sort.EXCHANGE),
                    self.reset.eq(sort == Sort.RESET),
                ]
            m.d.comb += self.drop.eq(~self.keep)
            m.d.sync += index.eq(0)

    def _answer(self, m):
        """Give the answer to the request that is pending."""
        octet, index = self.answer.payload, Signal(range(max(HEAD_BYTES + self.most, 1 + len(self.identity)) + 1))
        count, steady, last = Signal.like(self.count), Signal(), Signal.like(index)
        header = Signal(HEADER)
        head = Cat(header, self.position, self.start)
        identity = Const(int.from_bytes(self.identity, "little"), 8 * len(self.identity))
        m.d.comb += [
            header.number.eq(self.asked.number),
            header.kind.eq(Mux(self.sort == Sort.UNKNOWN, Kind.REFUSED, self.asked.kind)),
            self.index.eq(index - HEAD_BYTES),
            self.answer.valid.eq(steady),
            octet.last.eq(index == last),
            octet.byte.eq(choose(_octets(head), index)),
        ]
        with m.Switch(self.sort):
            with m.Case(Sort.EXCHANGE):
                m.d.comb += last.eq(HEAD_BYTES - 1 + count)
                with m.If(index >= HEAD_BYTES):
                    m.d.comb += octet.byte.eq(self.stored)
            with m.Case(Sort.IDENTIFY):
                m.d.comb += last.eq(len(self.identity))
                with m.If(index != 0):
                    m.d.comb += octet.byte.eq(choose([Const(0, 8), *_octets(identity)], index))
            with m.Case(Sort.UNKNOWN):
                m.d.comb += last.eq(1)
                with m.If(index != 0):
                    m.d.comb += octet.byte.eq(Refusal.UNKNOWN)
        # What the outbox keeps is there a cycle after its index; its count stays as it was when the answer began.
        with m.If(self.answer.valid & self.answer.ready):
            m.d.sync += [steady.eq(0), index.eq(index + 1)]
            with m.If(octet.last):
                m.d.sync += self.pending.eq(0)
        with m.Elif(self.pending):
            m.d.sync += steady.eq(1)
            with m.If((index == 0) & ~steady):
                m.d.sync += count.eq(self.count)
        with m.Else():
            m.d.sync += index.eq(0)


def _octets(value: Value) -> list[Value]:
    """The bytes of a value, the lowest first."""
    return [value[place : place + 8] for place in range(0, len(value), 8)]
