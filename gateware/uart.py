"""A network behind a serial line: requests in, answers out. See docs/uart.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.frame import CHECK_BITS, HEADER, FrameReceiver, FrameTransmitter, Kind, bits_layout, octets_layout
from gateware.network import NetworkCircuit
from gateware.packet import result_bits
from gateware.serial import BitTime, Receiver, Transmitter
from gateware.stream import beat_layout, choose
from gateware.upload import Upload
from gateware.weights import WeightMemory
from snnhw import frames
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.shell import pixel_bits, result_packet

if TYPE_CHECKING:
    from snnhw.design import Design
    from snnhw.interface import Interface
    from snnhw.model import Model

TOO_LONG = CHECK_BITS + 8
"""Bits behind a request's contents that no good request has: the checksum, and what fills up the last byte before."""


class Refusal(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Why a request was not done, or that it was; ``snnhw.frames`` says each."""

    NONE = 0
    UNKNOWN = frames.Refusal.UNKNOWN
    BUSY = frames.Refusal.BUSY
    EMPTY = frames.Refusal.EMPTY


def reply_layout() -> data.StructLayout:
    """An answer that needs no network: the ``header`` of its frame, and the ``refusal``, if it is one."""
    return data.StructLayout({"header": HEADER, "refusal": Refusal})


NO = Const(0)


class Requests(wiring.Component):
    """Takes the bits of frames; passes on the pixels of those that classify, and asks for replies to the others.

    Pixels go to the network as they come, but for the last beat, which waits for the end of the frame: if that is good
    the beat goes as it should, and otherwise the sample is ended in such a way that the network drops it. While a
    sample is ``outstanding``, from its last beat until ``answered``, no other one is let through. ``number`` is the
    outstanding request's.

    With ``upload``, frames that load go there, each only after one that unlocks; an image in between locks again.

    A frame that is not good is passed over in silence, with ``error`` until one is. So is a request that needs a reply
    while one is waiting.
    """

    def __init__(self, inputs: int, pixels_per_beat: int, pixel_bits: int, upload: Upload | None = None):
        self.upload = upload
        self.pixels_per_beat = pixels_per_beat
        self.pixel_bits = pixel_bits
        self.beats = -(-inputs // pixels_per_beat)
        self.beat_bits = pixels_per_beat * pixel_bits
        self.final_bits = inputs * pixel_bits - (self.beats - 1) * self.beat_bits
        self.padding_bits = -inputs * pixel_bits % 8
        super().__init__(
            {
                "bits": In(stream.Signature(bits_layout())),
                "sample": Out(stream.Signature(beat_layout(pixels_per_beat))),
                "reply": Out(stream.Signature(reply_layout())),
                "outstanding": Out(1),
                "number": Out(4),
                "answered": In(1),
                "error": Out(1),
            }
        )
        self.header = Signal(HEADER)
        self.beat = Signal(self.beat_bits)
        self.count = Signal(range(max(self.beat_bits, TOO_LONG + 1)))
        self.index = Signal(address_width(self.beats))
        self.full = Signal()
        self.final = Signal()
        self.unlocked = Signal()
        self.loaded = Const(1) if upload is None else upload.loaded

    def elaborate(self, platform):
        m = Module()
        bits, sample, header = self.bits, self.sample, self.header
        if self.upload:
            m.d.comb += self.upload.bits.payload.eq(bits.payload)
        m.d.comb += [
            self.final.eq(self.index == self.beats - 1),
            *(lane.eq(pixel) for lane, pixel in zip(sample.payload.pixels, self._pixels(), strict=True)),
        ]
        with m.If(self.reply.valid & self.reply.ready):
            m.d.sync += self.reply.valid.eq(0)
        with m.If(self.answered):
            m.d.sync += self.outstanding.eq(0)
        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += bits.ready.eq(1)
                with m.If(bits.valid & ~bits.payload.end):
                    complete = Cat(header.as_value()[1:], bits.payload.bit)
                    m.d.sync += [header.eq(complete), self.count.eq(self.count + 1)]
                    with m.If(self.count == len(complete) - 1):
                        m.d.sync += self.count.eq(0)
                        m.next = "TAIL"
                        kind = data.View(HEADER, complete).kind
                        with m.If((kind == Kind.CLASSIFY) & self.loaded):
                            m.next = "PIXELS"
                        if self.upload:
                            with m.Elif((kind == Kind.LOAD) & self.unlocked):
                                m.next = "WEIGHTS"
                with m.Elif(bits.valid):
                    self._end(m, empty=self.count == 0)
            with m.State("PIXELS"):
                m.d.comb += [
                    sample.valid.eq(self.full),
                    bits.ready.eq(~self.full | (sample.ready & ~bits.payload.end)),
                ]
                with m.If(self.full & sample.ready):
                    m.d.sync += [self.full.eq(0), self.index.eq(self.index + 1)]
                with m.If(bits.valid & bits.ready):
                    with m.If(bits.payload.end):
                        self._end(m)
                    with m.Else():
                        self._pixel_bit(m)
            with m.State("TAIL"):
                m.d.comb += bits.ready.eq(1)
                with m.If(bits.valid & bits.payload.end):
                    self._end(m, fits=self._fits())
                with m.Elif(bits.valid & (self.count != TOO_LONG)):
                    m.d.sync += self.count.eq(self.count + 1)
            self._last_beats(m)
            if self.upload:
                self._weights(m, self.upload)
        return m

    def _pixels(self):
        """The pixels of a beat; in a final one that is not full the first ones lie higher in the register."""
        beat, bits = self.beat, self.pixel_bits
        if self.final_bits != self.beat_bits:
            beat = Mux(self.final, self.beat >> (self.beat_bits - self.final_bits), self.beat)
        return [Cat(Const(0, 8 - bits), beat.bit_select(lane * bits, bits)) for lane in range(self.pixels_per_beat)]

    def _pixel_bit(self, m):
        """Keep a bit; the last one of the final beat ends the pixels, that of any other sends the beat off."""
        m.d.sync += [self.beat.eq(Cat(self.beat[1:], self.bits.payload.bit)), self.count.eq(self.count + 1)]
        # A beat's first bit may come while the one before is handed over, and index is still that one's.
        final = self.final if self.final_bits > 1 else self.index + self.full == self.beats - 1
        with m.If(final & (self.count == self.final_bits - 1)):
            m.d.sync += self.count.eq(0)
            m.next = "TAIL"
        with m.Elif(self.count == self.beat_bits - 1):
            m.d.sync += [self.count.eq(0), self.full.eq(1)]

    def _fits(self):
        """Whether, when a frame ends, a request of its kind ends there."""
        kind = self.header.kind
        short = (kind == Kind.IDENTIFY) | (kind == Kind.UNLOCK) if self.upload else kind == Kind.IDENTIFY
        classifies = (kind == Kind.CLASSIFY) & (self.count == CHECK_BITS + self.padding_bits)
        return classifies | (short & (self.count == CHECK_BITS))

    def _end(self, m, *, fits=NO, empty=NO):
        """What follows a frame: the final beat, or a reply and the end of a sample that has begun."""
        kind, good = self.header.kind, self.bits.payload.good
        identifies, refusal = kind == Kind.IDENTIFY, Signal(Refusal)
        m.d.sync += self.count.eq(0)
        m.next = "HEADER"
        with m.If(~empty):
            m.d.sync += self.error.eq(~good)
        with m.If((kind == Kind.CLASSIFY) & ~self.loaded):
            m.d.comb += refusal.eq(Refusal.EMPTY)
        with m.Elif(~fits):
            m.d.comb += refusal.eq(Refusal.UNKNOWN)
        with m.Elif(~identifies & self.outstanding):
            m.d.comb += refusal.eq(Refusal.BUSY)
        if self.upload:
            with m.If(good & fits):
                m.d.sync += self.unlocked.eq((kind == Kind.UNLOCK) & ~self.outstanding)
        with m.If(good & (refusal == Refusal.NONE) & (kind == Kind.CLASSIFY)):
            m.next = "FINAL"
        with m.Else():
            with m.If(self.index != 0):
                m.next = "ABORT"
            with m.If(good):
                self._reply(m, refusal)

    def _reply(self, m, refusal):
        """Answer the request, unless a reply is waiting; with a refusal that is not none, by that."""
        reply, header = self.reply, self.header
        with m.If(~reply.valid):
            m.d.sync += [
                reply.valid.eq(1),
                reply.payload.header.number.eq(header.number),
                reply.payload.header.kind.eq(Mux(refusal == Refusal.NONE, header.kind, Kind.REFUSED)),
                reply.payload.refusal.eq(refusal),
            ]

    def _weights(self, m, upload):
        """Hand a frame over to the upload, and answer when that has finished."""
        with m.State("WEIGHTS"):
            m.d.comb += [upload.bits.valid.eq(self.bits.valid), self.bits.ready.eq(upload.bits.ready)]
            m.d.sync += self.unlocked.eq(0)
            with m.If(upload.finished):
                m.d.sync += self.error.eq(~upload.good)
                self._reply(m, Mux(upload.good, Refusal.NONE, Refusal.EMPTY))
                m.next = "HEADER"

    def _last_beats(self, m):
        """Where a sample ends: well, or in a place where the network does not expect it."""
        sample = self.sample
        with m.State("FINAL"):
            m.d.comb += [sample.valid.eq(1), sample.payload.last.eq(1)]
            with m.If(sample.ready):
                m.d.sync += [self.index.eq(0), self.outstanding.eq(1), self.number.eq(self.header.number)]
                m.next = "HEADER"
        with m.State("ABORT"):
            # In the place where it does expect the end, a beat that is none goes before.
            m.d.comb += [sample.valid.eq(1), sample.payload.last.eq(~self.final)]
            with m.If(sample.ready):
                m.d.sync += self.index.eq(0)
                with m.If(~self.final):
                    m.next = "HEADER"


class Answers(wiring.Component):
    """Sends the network's result as the answer to request ``number``, and replies while nothing is ``outstanding``.

    A result is taken when its last byte has been, and ``answered`` says so. ``cycles`` counts from the transfer of a
    sample's last beat to its result, and stops where only its highest bit is set.

    ``identity`` is the answer to who asks for it; where it is bytes it stands in block RAM, whose contents can be
    changed in a bitstream.
    """

    def __init__(self, interface: Interface, result: data.StructLayout, identity: Value | bytes, loads: bool = False):
        self.interface = interface
        self.identity = identity
        self.loads = loads
        size = len(identity) if isinstance(identity, bytes) else len(identity) // 8
        self.octet_count = 1 + max(result_packet(interface).size + frames.CYCLES_BYTES, size)
        super().__init__(
            {
                "result": In(stream.Signature(result)),
                "reply": In(stream.Signature(reply_layout())),
                "outstanding": In(1),
                "number": In(4),
                "answered": Out(1),
                "octets": Out(stream.Signature(octets_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        reply, octet = self.reply.payload, self.octets.payload
        index, header, last = Signal(range(self.octet_count)), Signal(HEADER), Signal()
        bodies = {
            Kind.CLASSIFY: Cat(result_bits(self.result.payload, self.interface), self._cycles(m)),
            Kind.IDENTIFY: Const(0, 0) if isinstance(self.identity, bytes) else self.identity,
            Kind.REFUSED: Cat(reply.refusal, Const(0, 6)),
        }
        if self.loads:
            bodies |= {Kind.LOAD: Const(0, 0), Kind.UNLOCK: Const(0, 0)}
        m.d.comb += octet.last.eq(last)
        with m.Switch(header.kind):
            for kind, body in bodies.items():
                with m.Case(kind):
                    octets = [header.as_value(), *(body[place : place + 8] for place in range(0, len(body), 8))]
                    m.d.comb += [octet.byte.eq(choose(octets, index)), last.eq(index == len(octets) - 1)]
        if isinstance(self.identity, bytes):
            with m.If((header.kind == Kind.IDENTIFY) & (index != 0)):
                m.d.comb += octet.byte.eq(self._identity(m, self.identity, index))
            with m.If(header.kind == Kind.IDENTIFY):
                m.d.comb += last.eq(index == len(self.identity))
        ends = self.octets.ready & last
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += index.eq(0)
                with m.If(self.outstanding & self.result.valid):
                    m.d.sync += [header.number.eq(self.number), header.kind.eq(Kind.CLASSIFY)]
                    m.next = "SEND"
                with m.Elif(~self.outstanding & self.reply.valid):
                    m.d.sync += header.eq(reply.header)
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += self.octets.valid.eq(1)
                with m.If(self.octets.ready):
                    m.d.sync += index.eq(index + 1)
                with m.If(ends):
                    with m.If(header.kind == Kind.CLASSIFY):
                        m.d.comb += [self.result.ready.eq(1), self.answered.eq(1)]
                    with m.Else():
                        m.d.comb += self.reply.ready.eq(1)
                    m.next = "IDLE"
        return m

    def _identity(self, m, identity, index):
        """Its byte of that index, read in the cycle in which the index becomes what it is."""
        m.submodules.identity = store = WeightMemory([[0], *([octet] for octet in identity)], Range(lo=0, hi=255))
        m.d.comb += [store.en.eq(1), store.addr.eq(index + (self.octets.valid & self.octets.ready))]
        return store.data[0]

    def _cycles(self, m):
        """Cycles from the transfer of a sample's last beat to its result."""
        cycles = Signal(8 * frames.CYCLES_BYTES)
        with m.If(~self.outstanding):
            m.d.sync += cycles.eq(0)
        with m.Elif(~self.result.valid & ~cycles[-1]):
            m.d.sync += cycles.eq(cycles + 1)
        return cycles


class UartTop(wiring.Component):
    """A network's circuit and the serial line to it: ``rx`` in, ``tx`` out, at ``baud`` with a clock of ``clock_hz``.

    ``busy`` from the last pixel of an image to the end of its answer, ``error`` from a frame that was not good to one
    that is: for LEDs. One image is in work at a time, while the next one is coming in.

    Raises DescriptionError for a baud that the clock is too slow for, and for a network whose input is events.
    """

    def __init__(self, design: Design, *, clock_hz: int, baud: int):
        self.time = BitTime.of(clock_hz, baud)
        model = design.model
        bits = pixel_bits(design.network)
        self.circuit = NetworkCircuit(design)
        digest = bytes.fromhex(model.digest)[: frames.DIGEST_BYTES]
        loader = self.circuit.loader
        self.upload = None if loader is None else Upload(digest, loader.octets)
        interface, loads = self.circuit.interface, self.upload is not None
        self.requests = Requests(model.network.inputs, design.implementation.pixels_per_beat, bits, self.upload)
        before, after = identity(model, interface, bits, loads)
        shown: Value | bytes = before + digest + after
        if self.upload:
            shown = Cat(constant(before), self.upload.digest, constant(after))
        self.answers = Answers(interface, self.circuit.result.payload.shape(), shown, loads)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.circuit = self.circuit
        m.submodules.receiver = receiver = Receiver(self.time)
        m.submodules.frames = frames = FrameReceiver()
        m.submodules.requests = requests = self.requests
        m.submodules.answers = answers = self.answers
        m.submodules.framer = framer = FrameTransmitter()
        m.submodules.transmitter = transmitter = Transmitter(self.time)
        wiring.connect(m, receiver.bytes, frames.bytes)
        wiring.connect(m, frames.bits, requests.bits)
        wiring.connect(m, requests.sample, self.circuit.sample)
        wiring.connect(m, self.circuit.result, answers.result)
        wiring.connect(m, requests.reply, answers.reply)
        wiring.connect(m, answers.octets, framer.octets)
        wiring.connect(m, framer.bytes, transmitter.bytes)
        if self.upload:
            m.submodules.upload = self.upload
            wiring.connect(m, self.upload.weights, self.circuit.weights)
            m.d.comb += self.upload.loaded.eq(self.circuit.loaded)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            answers.outstanding.eq(requests.outstanding),
            answers.number.eq(requests.number),
            requests.answered.eq(answers.answered),
            self.busy.eq(requests.outstanding),
            self.error.eq(requests.error),
        ]
        return m


def identity(model: Model, interface: Interface, pixel_bits: int, loads: bool) -> tuple[bytes, bytes]:
    """What the circuit says of itself before and after the model's digest: see docs/uart.md."""
    score, network = interface.result.field("scores"), model.network
    before, after = frames.MAGIC + bytes([frames.VERSION]), network.inputs.to_bytes(4, "little")
    after += network.classes.to_bytes(2, "little") + bytes([pixel_bits, score.width, score.signed | loads << 1])
    return before, after


def constant(octets: bytes) -> Const:
    """Bytes as a constant, byte 0 in the lowest bits."""
    return Const(int.from_bytes(octets, "little"), 8 * len(octets))
