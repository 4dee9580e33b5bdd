"""A network behind AXI: samples and results over AXI4-Stream, registers over AXI4-Lite.

``docs/interfaces.md`` says what goes over the wires, ``snnhw/shell.py`` says it as data.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

from amaranth.hdl import ClockDomain, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.encoder import names_no_input, sample_layout
from gateware.network import NetworkCircuit
from gateware.packet import result_bits
from gateware.registers import COUNTS, FLAGS, Registers
from gateware.stream import Mark
from gateware.weights import load_layout
from gateware.width import Narrow, Skid, Widen, cut_layout, marked_layout
from snnhw.implementation import address_width
from snnhw.network import Network
from snnhw.shell import (
    IDENTITY,
    LITE_PORTS,
    REGISTERS_VERSION,
    AxiShell,
    Packet,
    digest_words,
    registers_of,
    result_packet,
    sample_packet,
)

if TYPE_CHECKING:
    from snnhw.design import Design


def word_layout(size: int) -> data.StructLayout:
    """A transfer of an AXI4-Stream of ``size`` bytes, under AXI's names without the T."""
    return data.StructLayout({"data": 8 * size, "keep": size, "last": 1})


class PacketCheck(wiring.Component):
    """Holds the words of packets against what they must be, and marks the last good one SAMPLE, a bad one ABORT.

    ``size``: bytes of a word. A packet's words are full but for its last, which has LAST and as many bytes as are left,
    the lowest; where the packet is ``repeated``, a word may end after any of them, and no word is marked SAMPLE. Words
    after a bad one are swallowed up to LAST. ``words`` leave as pieces of ``piece`` bytes. Combinational, a word a
    cycle.

    ``raised`` shows in the cycle of a bad word which of ``short``, ``long``, ``keep`` it is. ``first`` is the strobe of
    a packet's first word. ``clear`` lets a packet that has begun be swallowed up to its end.
    """

    def __init__(self, packet: Packet, size: int, piece: int):
        self.repeated = packet.repeated
        self.size = size
        self.final = -(-packet.size // size) - 1
        self.full = (1 << size) - 1
        """TKEEP of a full word."""
        if packet.repeated and size > packet.size:
            sizes = range(packet.size, size + 1, packet.size)
        else:
            sizes = range(packet.size - self.final * size, packet.size - self.final * size + 1)
        self.endings = {(1 << count) - 1: -(-count // piece) - 1 for count in sizes}
        """TKEEP of a last word, and its last piece."""
        self.pieces = size // piece
        super().__init__(
            {
                "packets": In(stream.Signature(word_layout(size))),
                "words": Out(stream.Signature(cut_layout(8 * piece, self.pieces))),
                "clear": In(1),
                "raised": Out(data.StructLayout({"short": 1, "long": 1, "keep": 1})),
                "first": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        given, word = self.packets.payload, self.words.payload
        index, inside, skipping = Signal(address_width(self.final + 1)), Signal(), Signal()
        taken, final, good, gap = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            final.eq(index == self.final),
            word.data.eq(given.data),
            word.mark.eq(Mux(good, Mux(final & given.last & (not self.repeated), Mark.SAMPLE, Mark.EVENT), Mark.ABORT)),
            gap.eq(Mux(given.last, (given.keep & (given.keep + 1)).any(), given.keep != self.full)),
            self.words.valid.eq(self.packets.valid & ~skipping & ~self.clear),
            self.packets.ready.eq((self.words.ready | skipping) & ~self.clear),
            taken.eq(self.words.valid & self.words.ready),
            self.first.eq(taken & ~inside),
        ]
        with m.If(given.last), m.Switch(given.keep):
            for keep, pieces in self.endings.items():
                with m.Case(keep):
                    m.d.comb += [good.eq(final), word.final.eq(Mux(final, pieces, 0))]
        with m.Elif((given.keep == self.full) & (~final | self.repeated)):
            m.d.comb += [good.eq(1), word.final.eq(self.pieces - 1)]
        with m.If(taken):
            m.d.sync += [index.eq(Mux(given.last | final | ~good, 0, index + 1)), skipping.eq(~good & ~given.last)]
            most = max(self.endings)
            longer = ~given.last | (final & (given.keep > most if most < self.full else 0))
            with m.If(~good):
                m.d.comb += [
                    self.raised.keep.eq(gap),
                    self.raised.long.eq(~gap & longer),
                    self.raised.short.eq(~gap & ~longer),
                ]
        with m.If(self.packets.valid & self.packets.ready):
            m.d.sync += inside.eq(~given.last)
            with m.If(skipping & given.last):
                m.d.sync += skipping.eq(0)
        with m.If(self.clear):
            m.d.sync += [index.eq(0), skipping.eq(inside)]
        return m


class PixelFraming(wiring.Component):
    """Makes beats of pixels, the last of which is marked, a sample of the circuit; combinational, a beat a cycle.

    After an ABORT the circuit must drop what it has of the sample: it does so where ``last`` comes too early, or,
    after what would have been the last beat, too late, which costs a beat more.
    """

    def __init__(self, network: Network, pixels: int):
        self.final = -(-network.inputs // pixels) - 1
        super().__init__(
            {
                "beats": In(stream.Signature(marked_layout(8 * pixels))),
                "sample": Out(stream.Signature(sample_layout(network, pixels))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat, sample = self.beats.payload, self.sample.payload
        index, closing, late = Signal(address_width(self.final + 1)), Signal(), Signal()
        m.d.comb += [
            late.eq((beat.mark == Mark.ABORT) & (index == self.final) & ~closing),
            sample.pixels.eq(beat.data),
            sample.last.eq((beat.mark != Mark.EVENT) & ~late),
            self.sample.valid.eq(self.beats.valid),
            self.beats.ready.eq(self.sample.ready & ~late),
        ]
        with m.If(self.sample.valid & self.sample.ready):
            m.d.sync += [index.eq(Mux(beat.mark == Mark.EVENT, index + 1, Mux(late, index, 0))), closing.eq(late)]
        return m


class EventFraming(wiring.Component):
    """Makes records of events the circuit's events, and drops those that were cut; combinational, one a cycle.

    ``first`` and ``final`` are strobes of a sample's first record and of its last, the end of its last step;
    ``outside`` of an event with an address that does not exist, which the circuit drops.
    """

    def __init__(self, network: Network, size: int):
        self.network = network
        super().__init__(
            {
                "beats": In(stream.Signature(marked_layout(8 * size))),
                "sample": Out(stream.Signature(sample_layout(network, 1))),
                "first": Out(1),
                "final": Out(1),
                "outside": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        sample, taken, inside = self.sample.payload, Signal(), Signal()
        cut = self.beats.payload.mark == Mark.ABORT
        step, last_step = Signal(address_width(self.network.num_steps)), self.network.num_steps - 1
        m.d.comb += [
            sample.as_value().eq(self.beats.payload.data),
            self.sample.valid.eq(self.beats.valid & ~cut),
            self.beats.ready.eq(self.sample.ready | cut),
            taken.eq(self.sample.valid & self.sample.ready),
            self.first.eq(taken & ~inside),
            self.final.eq(taken & sample.end & (step == last_step)),
            self.outside.eq(taken & names_no_input(self.network, sample)),
        ]
        with m.If(taken):
            m.d.sync += inside.eq(~self.final)
            with m.If(sample.end):
                m.d.sync += step.eq(Mux(self.final, 0, step + 1))
        return m


class Intake(wiring.Component):
    """AXI4-Stream packets become a circuit's samples, whatever the widths of both.

    Words are cut into pieces of the greatest number of bytes that divides both widths, and these are put together: a
    piece a cycle. ``first``, ``whole`` and ``drop`` are strobes: of a sample's first word, of the last of one that is
    good, and of what is dropped, for the reason that ``raised`` shows in the order of
    :data:`gateware.registers.FLAGS`; ``over``: with ``whole``, and where a sample is dropped. ``clear`` forgets the
    sample that has begun, and what of it is still to come.
    """

    def __init__(self, network: Network, packet: Packet, size: int, pixels: int):
        out = packet.size if packet.repeated else pixels
        piece = gcd(size, out)
        self.check = PacketCheck(packet, size, piece)
        self.narrow = Narrow(8 * piece, size // piece)
        self.widen = Widen(8 * piece, out // piece)
        self.framing = EventFraming(network, out) if packet.repeated else PixelFraming(network, out)
        super().__init__(
            {
                "packets": In(stream.Signature(word_layout(size))),
                "sample": Out(stream.Signature(self.framing.sample.payload.shape())),
                "clear": In(1),
                "raised": Out(len(FLAGS)),
                **{name: Out(1) for name in ("first", "whole", "drop", "over")},
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.check = check = self.check
        m.submodules.narrow = ResetInserter(self.clear)(self.narrow)
        m.submodules.widen = ResetInserter(self.clear)(self.widen)
        m.submodules.framing = ResetInserter(self.clear)(self.framing)
        wiring.connect(m, wiring.flipped(self.packets), check.packets)
        wiring.connect(m, check.words, self.narrow.words)
        wiring.connect(m, self.narrow.pieces, self.widen.pieces)
        wiring.connect(m, self.widen.beats, self.framing.beats)
        wiring.connect(m, self.framing.sample, wiring.flipped(self.sample))
        m.d.comb += [check.clear.eq(self.clear), self.raised[:3].eq(check.raised), self.drop.eq(self.raised.any())]
        if isinstance(self.framing, EventFraming):
            framing = self.framing
            m.d.comb += [self.raised[3].eq(framing.outside), self.first.eq(framing.first), self.whole.eq(framing.final)]
            m.d.comb += self.over.eq(self.whole)
        else:
            taken = check.words.valid & check.words.ready
            m.d.comb += [self.first.eq(check.first), self.whole.eq(taken & (check.words.payload.mark == Mark.SAMPLE))]
            m.d.comb += self.over.eq(self.whole | self.drop)
        return m


class Counts(wiring.Component):
    """What the registers count, from strobes: samples, results, drops, and the cycles of results.

    ``latency`` is of the last sample that began while nothing else was in the circuit.
    """

    def __init__(self):
        super().__init__(
            {name: In(1) for name in ("first", "whole", "drop", "over", "result")}
            | {name: Out(32) for name in COUNTS}
            | {"busy": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        begun, timed, cycles, since = Signal(), Signal(), Signal(32), Signal(32)
        idle = (self.samples == self.results) & ~begun
        m.d.comb += self.busy.eq(~idle)
        m.d.sync += [
            begun.eq((begun | self.first) & ~self.over),
            self.samples.eq(self.samples + self.whole),
            self.dropped.eq(self.dropped + self.drop),
            self.results.eq(self.results + self.result),
            cycles.eq(Mux(idle, 1, cycles + 1)),
            since.eq(Mux(self.result, 1, since + 1)),
        ]
        with m.If(idle):
            m.d.sync += timed.eq(self.first)
        with m.If(self.result):
            m.d.sync += timed.eq(0)
            with m.If(timed):
                m.d.sync += self.latency.eq(cycles)
            with m.If(self.results != 0):
                m.d.sync += self.interval.eq(since)
        return m


class AxiTop(wiring.Component):
    """A network with the ports of :class:`snnhw.shell.AxiShell`.

    All outputs of the streams come from registers, and stay as they are until they have been taken. A soft reset
    forgets every sample that has begun, swallows what is still to come of a packet, and lets a result that is being
    sent go out whole.
    """

    def __init__(self, design: Design, tdata: int):
        self.size = tdata // 8
        self.circuit = NetworkCircuit(design)
        interface = self.circuit.interface
        self.result = result_packet(interface)
        sample = sample_packet(design.network, interface)
        self.intake = Intake(design.network, sample, self.size, design.implementation.pixels_per_beat)
        self.registers = Registers(
            registers_of(interface),
            {
                "identity": [IDENTITY],
                "version": [REGISTERS_VERSION],
                "sample_bytes": [sample.size],
                "result_bytes": [self.result.size],
                "digest": digest_words(design.model.digest),
            },
        )
        ports = AxiShell(tdata=tdata).ports(interface)
        super().__init__({port.name: (In if port.direction == "input" else Out)(port.width) for port in ports})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        m.submodules.registers = registers = self.registers
        for port in LITE_PORTS:
            inner, outer = getattr(registers, port.name), getattr(self, port.name)
            m.d.comb += inner.eq(outer) if port.direction == "input" else outer.eq(inner)
        counts, reset = Counts(), registers.reset
        m.submodules.counts = ResetInserter(reset)(counts)
        m.submodules.circuit = ResetInserter(reset)(self.circuit)
        self._take(m, counts)
        if self.circuit.loader is not None:
            self._load(m)
        self._give(m, counts)
        m.d.comb += [getattr(registers, name).eq(getattr(counts, name)) for name in COUNTS]
        m.d.comb += [getattr(registers, name).eq(getattr(self.circuit, name)) for name in self.circuit.interface.counts]
        return m

    def _take(self, m, counts):
        """Samples in."""
        m.submodules.skid = skid = Skid(word_layout(self.size))
        m.submodules.intake = intake = self.intake
        wiring.connect(m, skid.given, intake.packets)
        wiring.connect(m, intake.sample, self.circuit.sample)
        m.d.comb += [
            skid.taken.valid.eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(skid.taken.ready),
            *(skid.taken.payload[name].eq(getattr(self, f"s_axis_t{name}")) for name in ("data", "keep", "last")),
            intake.clear.eq(self.registers.reset),
            self.registers.raised.eq(intake.raised),
            *(getattr(counts, name).eq(getattr(intake, name)) for name in ("first", "whole", "drop", "over")),
        ]

    def _load(self, m):
        """Weights in."""
        m.submodules.skid_weights = skid = Skid(load_layout())
        wiring.connect(m, skid.given, self.circuit.weights)
        m.d.comb += [
            skid.taken.valid.eq(self.s_axis_weights_tvalid),
            self.s_axis_weights_tready.eq(skid.taken.ready),
            skid.taken.payload.byte.eq(self.s_axis_weights_tdata),
            skid.taken.payload.last.eq(self.s_axis_weights_tlast),
            self.registers.empty.eq(~self.circuit.loaded),
        ]

    def _give(self, m, counts):
        """Results out."""
        pieces = -(-self.result.size // self.size)
        m.submodules.sender = sender = Narrow(8 * self.size, pieces)
        word, piece, result = sender.words.payload, sender.pieces.payload, self.circuit.result
        rest = self.result.size - (pieces - 1) * self.size
        m.d.comb += [
            word.data.eq(result_bits(result.payload, self.circuit.interface)),
            word.final.eq(pieces - 1),
            word.mark.eq(Mark.SAMPLE),
            sender.words.valid.eq(result.valid),
            result.ready.eq(sender.words.ready),
            counts.result.eq(sender.words.valid & sender.words.ready),
            self.registers.busy.eq(counts.busy | sender.pieces.valid),
            self.m_axis_tvalid.eq(sender.pieces.valid),
            sender.pieces.ready.eq(self.m_axis_tready),
            self.m_axis_tdata.eq(piece.data),
            self.m_axis_tlast.eq(piece.mark == Mark.SAMPLE),
            self.m_axis_tkeep.eq(Mux(self.m_axis_tlast, (1 << rest) - 1, (1 << self.size) - 1)),
        ]
