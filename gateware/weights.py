"""The memories that crossbars read their weights from, and what fills them while the circuit runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from amaranth.hdl import Array, Cat, ClockSignal, Const, Instance, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import shape_of
from snnhw.implementation import LayerShape, MemoryKind, address_width
from snnhw.network import Range

COLUMN_BITS = {1024: None, 2048: 18, 4096: 8, 8192: 4, 16384: 2}
"""The width of a column by its greatest depth; deeper ones have one bit, and None stands for a whole word.

A column of that depth is one block RAM of 32 kbit, or two of 16 kbit side by side, so that no multiplexers are needed
between blocks.
"""

SPRAM_BITS, SPRAM_DEPTH = 16, 1 << 14
"""Each of iCE40UP5K's SB_SPRAM256KA."""


def write_signature(depth: int, bits: int) -> wiring.Signature:
    """What writes a word of ``bits`` in each cycle in which ``en`` is 1."""
    return wiring.Signature({"en": Out(1), "addr": Out(address_width(depth)), "data": Out(bits)})


def column_bits(depth: int, bits: int, kind: MemoryKind) -> int:
    """The width of every column but the last of a memory of so many words of ``bits``."""
    if kind == "spram":
        return SPRAM_BITS
    return next((width or bits for words, width in COLUMN_BITS.items() if depth <= words), 1)


class WeightMemory(wiring.Component):
    """Words of weights, one of them a cycle: ``data`` is row ``addr`` of the last cycle in which ``en`` was 1.

    ``rom``: the contents are part of the circuit. ``ram``: they are what it starts with, and ``write`` changes them.
    ``spram``: the large memories of iCE40UP5K, which hold nothing until ``write`` has filled them. A cycle that
    writes does not read, and leaves ``data`` unknown.

    Deep memories are built in columns of :data:`COLUMN_BITS`.

    ``rows`` is [depth][lanes], plain ints in ``weights``. Raises ValueError for others, and for what SPRAM, 16,384
    words at most, cannot hold.
    """

    def __init__(self, rows: Sequence[Sequence[int]], weights: Range, kind: MemoryKind = "rom"):
        lanes = len(rows[0])
        for row in rows:
            if len(row) != lanes or any(value not in weights for value in row):
                raise ValueError(f"rows must be {lanes} integers in {weights.lo}..{weights.hi} each")
        if kind == "spram" and len(rows) > SPRAM_DEPTH:
            raise ValueError(f"an spram holds {SPRAM_DEPTH} words, not {len(rows)}")
        self.kind = kind
        self.depth = len(rows)
        self.bits = weights.width * lanes
        self._words = [pack(row, weights.width) for row in rows]
        ports = {
            "addr": In(address_width(self.depth)),
            "en": In(1),
            "data": Out(data.ArrayLayout(shape_of(weights), lanes)),
        }
        super().__init__(ports | ({} if kind == "rom" else {"write": In(write_signature(self.depth, self.bits))}))

    @property
    def segment(self) -> "Segment":
        """Its part of an image."""
        return Segment(self.depth, self.bits)

    @property
    def column_bits(self) -> int:
        """The width of every column but the last."""
        return column_bits(self.depth, self.bits, self.kind)

    def elaborate(self, platform):
        m = Module()
        reads, writes = Signal(), Const(0) if self.kind == "rom" else self.write.en
        m.d.comb += reads.eq(self.en & ~writes)
        columns = []
        for number, start in enumerate(range(0, self.bits, self.column_bits)):
            end = min(start + self.column_bits, self.bits)
            column = Signal(end - start, name=f"data_{number}")
            columns.append(column)
            written = None if self.kind == "rom" else self.write.data[start:end]
            if self.kind == "spram" and platform is not None:
                self._spram(m, f"column_{number}", column, written)
            else:
                self._block(m, f"column_{number}", start, reads, column, written)
        m.d.comb += self.data.eq(Cat(columns))
        return m

    def _block(self, m, name, start, reads, column, written):
        """A column in block RAM, or, where there are no cells of a part, what stands for SPRAM in simulation."""
        mask = (1 << len(column)) - 1
        init = [] if self.kind == "spram" else [word >> start & mask for word in self._words]
        m.submodules[name] = store = memory.Memory(
            shape=len(column), depth=self.depth, init=init, attrs={"ram_style": "block"}
        )
        read = store.read_port()
        m.d.comb += [read.addr.eq(self.addr), read.en.eq(reads), column.eq(read.data)]
        if written is not None:
            write = store.write_port()
            m.d.comb += [write.addr.eq(self.write.addr), write.data.eq(written), write.en.eq(self.write.en)]

    def _spram(self, m, name, column, written):
        """A column in an SPRAM of its own; it keeps its output where it is not selected."""
        out = Signal(SPRAM_BITS, name=f"{name}_out")
        m.d.comb += column.eq(out)
        m.submodules[name] = Instance(
            "SB_SPRAM256KA",
            i_CLOCK=ClockSignal(),
            i_ADDRESS=Cat(Mux(self.write.en, self.write.addr, self.addr), Const(0, 14))[:14],
            i_DATAIN=Cat(written, Const(0, SPRAM_BITS))[:SPRAM_BITS],
            i_MASKWREN=Const(0b1111, 4),
            i_WREN=self.write.en,
            i_CHIPSELECT=self.write.en | self.en,
            i_STANDBY=Const(0),
            i_SLEEP=Const(0),
            i_POWEROFF=Const(1),
            o_DATAOUT=out,
        )


@dataclass(frozen=True)
class Segment:
    """One memory's part of an image: ``depth`` words of ``bits`` each, in order of addresses."""

    depth: int
    bits: int

    @property
    def octets(self) -> int:
        """Bytes of a word."""
        return -(-self.bits // 8)


def load_layout() -> data.StructLayout:
    """A byte of an image; ``last`` on its last."""
    return data.StructLayout({"byte": 8, "last": 1})


class WeightLoader(wiring.Component):
    """Writes an image, a byte a cycle, into memories: ``write_0`` gets the first segment, and so on.

    Each word comes as whole bytes, lowest first, and is written in the cycle after its last. The byte marked ``last``
    ends an image wherever it comes, and the next byte begins one anew; surplus bytes before it are dropped. ``loaded``
    falls as an image begins, and rises once one has ended that was neither short nor long; before the first image it
    is ``initially``. A reset changes nothing, as it does not change the memories: an image under way goes on.

    ``writes``: a word is being written, and its memory reads nothing. That is so in the cycle in which ``loaded`` rises
    too: who reads must wait for it.
    """

    def __init__(self, segments: Sequence[Segment], initially: bool):
        if not segments:
            raise ValueError("an image must have a segment at least")
        self.segments = tuple(segments)
        self.octets = sum(segment.depth * segment.octets for segment in segments)
        """Bytes of an image."""
        self.initially = initially
        writes = {f"write_{i}": Out(write_signature(s.depth, s.bits)) for i, s in enumerate(segments)}
        ports = {"load": In(stream.Signature(load_layout())), "loaded": Out(1), "writes": Out(1)}
        super().__init__(ports | writes)

    def elaborate(self, platform):
        m = Module()
        segments, count = self.segments, len(self.segments)
        octets, depth = max(segment.octets for segment in segments), max(segment.depth for segment in segments)
        loaded = Signal(init=self.initially, reset_less=True)
        word = Signal(8 * octets, reset_less=True)
        octet = Signal(range(octets), reset_less=True)
        address = Signal(range(depth), reset_less=True)
        segment = Signal(address_width(count), reset_less=True)
        surplus = Signal(reset_less=True)
        strobe = Signal(reset_less=True)
        fills, ends, completes, taken = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.load.ready.eq(1),
            self.loaded.eq(loaded),
            self.writes.eq(strobe),
            taken.eq(self.load.valid),
            fills.eq(octet == Array(s.octets - 1 for s in segments)[segment]),
            ends.eq(fills & (address == Array(s.depth - 1 for s in segments)[segment])),
            completes.eq(ends & (segment == count - 1) & ~surplus),
        ]
        target, place = Signal.like(segment, name="target"), Signal.like(address, name="place")
        m.d.sync += strobe.eq(taken & fills & ~surplus)
        with m.If(taken):
            m.d.sync += [
                word.eq(Cat(word, self.load.payload.byte)[8:]),
                target.eq(segment),
                place.eq(address),
                octet.eq(Mux(fills, 0, octet + 1)),
                loaded.eq(completes & self.load.payload.last),
            ]
            with m.If(fills):
                m.d.sync += address.eq(Mux(ends, 0, address + 1))
            with m.If(ends):
                m.d.sync += [segment.eq(Mux(segment == count - 1, 0, segment + 1)), surplus.eq(surplus | completes)]
            with m.If(self.load.payload.last):
                m.d.sync += [octet.eq(0), address.eq(0), segment.eq(0), surplus.eq(0)]
        for number, part in enumerate(segments):
            write = getattr(self, f"write_{number}")
            m.d.comb += [
                write.en.eq(strobe & (target == number)),
                write.addr.eq(place),
                # The latest bytes are the highest: a word of fewer lies at the end.
                write.data.eq(word[len(word) - 8 * part.octets :]),
            ]
        return m


class Contents(NamedTuple):
    """What stands in a memory: ``rows`` [depth][lanes] of plain ints in ``span``."""

    rows: list[list[int]]
    span: Range

    @property
    def segment(self) -> Segment:
        """Its part of an image."""
        return Segment(len(self.rows), self.span.width * len(self.rows[0]))


def weight_rows(weight: Sequence[Sequence[int]], shape: LayerShape, event_lanes: int, lane: int) -> list[list[int]]:
    """The memory of an event lane: a row of ``synapse_lanes`` for each of its inputs, in every group of neurons.

    ``weight`` is [units][inputs]. Groups begin at multiples of a power of two, so that an address is put together from
    group and input without an adder; the rows between them are 0.
    """
    units, lanes = shape.units, shape.synapse_lanes
    inputs = range(lane, len(weight[0]), event_lanes)
    stride = 1 << address_width(-(-len(weight[0]) // event_lanes))
    rows = [[0] * lanes for _ in range((shape.groups - 1) * stride + max(1, len(inputs)))]
    for unit in range(units):
        group, column = divmod(unit, lanes)
        for place, source in enumerate(inputs):
            rows[group * stride + place][column] = weight[unit][source]
    return rows


def bias_rows(bias: Sequence[int], shape: LayerShape) -> list[list[int]]:
    """The memory of biases: a row for each word of neurons."""
    return [[0 if unit is None else bias[unit] for unit in word] for word in shape.order]


def pack(row: Sequence[int], width: int) -> int:
    """Numbers side by side, ``width`` bits each, the first lowest."""
    return sum((value & ((1 << width) - 1)) << (lane * width) for lane, value in enumerate(row))
