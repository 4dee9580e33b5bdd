"""The weights of a learner in skewed banks. It computes nothing, and so has no twin."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gateware.banks import Bank, SinglePortBank, bank_address, rotated, tag_layout
from snnhw.implementation import address_width
from snnhw.stdp.grid import StdpGrid


def place_layout(grid: StdpGrid) -> data.StructLayout:
    """A word of synapses: of row ``offset`` of ``row_word`` where ``by_column`` is 0, else of a column of the other."""
    return data.StructLayout(
        {
            "by_column": 1,
            "row_word": address_width(grid.row_words),
            "column_word": address_width(grid.column_words),
            "offset": grid.lane_bits,
        }
    )


def reads_layout(grid: StdpGrid) -> data.StructLayout:
    """A request for a word of synapses, where ``valid``."""
    return data.StructLayout({"valid": 1, "place": place_layout(grid), "tag": tag_layout(grid.column_words)})


def weights_layout(grid: StdpGrid) -> data.ArrayLayout:
    """A word of weights."""
    return data.ArrayLayout(grid.learner.weight_bits, grid.lanes)


def writes_layout(grid: StdpGrid) -> data.StructLayout:
    """A word of new weights, where ``valid``."""
    return data.StructLayout({"valid": 1, "place": place_layout(grid), "weight": weights_layout(grid)})


class WeightArray(wiring.Component):
    """The weights in skewed banks, see :class:`snnhw.skewed.SkewedGrid`: a word read and a word written per cycle.

    A reply comes ``LATENCY`` cycles after its request: ``valid``, ``tag`` and ``weight``, lane n being column or row n
    of the word. A write is in the banks ``WRITTEN`` cycles after it came; whoever reads waits that long. Banks in
    single-port RAM are read and written in the same cycle by an update alone, whose reads are an odd number of row
    words ahead of its writes.
    """

    LATENCY = 4
    WRITTEN = 2

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        super().__init__(
            {
                "reads": In(reads_layout(grid)),
                "valid": Out(1),
                "tag": Out(tag_layout(grid.column_words)),
                "weight": Out(weights_layout(grid)),
                "writes": In(writes_layout(grid)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid, bits = self.grid, self.grid.learner.weight_bits
        asked, held = self._stages(m)
        writes, written = self.writes, Signal(self._located(), name="written")
        coming = Signal(weights_layout(grid))
        m.d.sync += [written.valid.eq(writes.valid), written.place.eq(writes.place)]
        m.d.sync += written.block.eq(self._block(writes.place))
        offset = writes.place.offset
        m.d.sync += coming.eq(rotated(m, writes.weight.as_value(), bits, offset, True, "in_banks"))
        kept = []
        for number in range(grid.lanes):
            kind = SinglePortBank if grid.memory == "spram" else Bank
            m.submodules[f"bank_{number}"] = bank = kind(data.ArrayLayout(bits, 1), grid.bank_depth)
            m.d.comb += [
                bank.reads.eq(asked.valid),
                bank.read_address.eq(_address(asked, number)),
                bank.writes.eq(written.valid),
                bank.write_address.eq(_address(written, number)),
                bank.coming.eq(coming[number]),
            ]
            if grid.memory == "spram":
                m.d.comb += bank.read_half.eq(asked.place.row_word[0])
                m.d.comb += bank.write_half.eq(written.place.row_word[0])
            kept.append(bank.kept.as_value())
        m.d.sync += self.weight.eq(rotated(m, Cat(kept), bits, held.place.offset, False, "in_lanes"))
        m.d.sync += [self.valid.eq(held.valid), self.tag.eq(held.tag)]
        return m

    def _stages(self, m):
        """Requests on their way, a cycle apart: asked for, fetched, held; the first of these and the last."""
        asked, fetched, held = (Signal(self._located(tag=True), name=name) for name in ("asked", "fetched", "held"))
        m.d.sync += [
            asked.valid.eq(self.reads.valid),
            asked.place.eq(self.reads.place),
            asked.tag.eq(self.reads.tag),
            asked.block.eq(self._block(self.reads.place)),
            fetched.eq(asked),
            held.eq(fetched),
        ]
        return asked, held

    def _located(self, tag=False):
        """A place with the number of its block."""
        fields = {"valid": 1, "place": place_layout(self.grid), "block": address_width(self.grid.blocks)}
        return data.StructLayout(fields | ({"tag": tag_layout(self.grid.column_words)} if tag else {}))

    def _block(self, place):
        """The number of a block, among those of the same half where banks have two."""
        row = place.row_word[1:] if self.grid.memory == "spram" else place.row_word
        return row * self.grid.column_words + place.column_word


def _address(stage, bank):
    """The address in a bank of the synapse that stands there of a word."""
    return bank_address(stage.place.by_column, stage.place.offset, stage.block, bank)
