"""The synapse array: rows and columns joined by conductances. Twin of ``golden/differential.py``."""

from itertools import pairwise

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.banks import Bank, bank_address, either, rotated, tag_layout
from gateware.stream import saturate, shape_of
from snnhw.implementation import address_width
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Synapse


class Mode(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What a request does with a word of synapses."""

    READ = 0
    """Nothing: LIF and BLIF want their weights."""
    STDP = 1
    """A step up or down where ``mask`` is 1."""
    REFRESH = 2
    """Pairs get their range back where ``mask`` is 1."""
    WRITE = 3
    """New levels where ``mask`` is 1."""


def levels_layout(synapse: Synapse) -> data.StructLayout:
    """The levels of a synapse: ``gp`` and, where it has two devices, ``gm``."""
    return data.StructLayout(dict.fromkeys(("gp", "gm") if synapse.paired else ("gp",), synapse.bits))


def request_layout(grid: Grid) -> data.StructLayout:
    """One access to a word of synapses.

    Of a row where ``by_column`` is 0: row ``offset`` of ``row_word`` with the columns of ``column_word``; else the
    other way round. ``up`` and ``step`` are what STDP does, ``levels`` what WRITE writes. ``target``, ``first``,
    ``last`` and ``blank`` are for who adds up the weights, see :class:`gateware.sweep.Accumulators`.
    """
    return data.StructLayout(
        {
            "mode": Mode,
            "by_column": 1,
            "row_word": address_width(grid.row_words),
            "column_word": address_width(grid.column_words),
            "offset": grid.lanes.bit_length() - 1,
            "mask": grid.lanes,
            "up": 1,
            "step": grid.machine.synapse.bits,
            "levels": levels_layout(grid.machine.synapse),
            "tag": tag_layout(grid.unit_words),
        }
    )


class DifferentialArray(wiring.Component):
    """The levels in skewed banks, see :class:`snnhw.srbm.grid.Grid`; a request a cycle, of any mode after any other.

    A reply comes ``LATENCY`` cycles after its request, without waiting: ``valid``, ``tag``, ``weight`` of the lanes,
    lane n being column or row n of the word, and ``levels``, those of the only lane in ``mask``. A request for synapses
    that an earlier one is still changing waits until they are written; so nobody sees a level that is out of date.
    ``busy`` is 1 until the last reply is out and all is written, ``early`` while a reply will come that adds to one of
    the first ``LATENCY`` unit words.
    """

    LATENCY = 6

    def __init__(self, grid: Grid):
        self.grid = grid
        self.synapse = grid.machine.synapse
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(grid))),
                "valid": Out(1),
                "tag": Out(tag_layout(grid.unit_words)),
                "weight": Out(data.ArrayLayout(shape_of(self.synapse.weight), grid.lanes)),
                "levels": Out(levels_layout(self.synapse)),
                "busy": Out(1),
                "early": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        flight, go, coming = self._pipeline(m)
        asked, _, held, changed = flight
        mask = rotated(m, held.request.mask, 1, held.request.offset, True, "mask")
        weights, chosen = [], []
        for number in range(self.grid.lanes):
            m.submodules[f"bank_{number}"] = bank = Bank(levels_layout(self.synapse), self.grid.bank_depth)
            weight = Signal(shape_of(self.synapse.weight), name=f"weight_{number}")
            updated = Signal(levels_layout(self.synapse), name=f"updated_{number}")
            writes = Signal(name=f"writes_{number}")
            m.d.comb += [bank.read_address.eq(_address(asked, number)), bank.reads.eq(go)]
            m.d.comb += [bank.write_address.eq(_address(changed, number)), bank.writes.eq(writes)]
            m.d.comb += bank.coming.eq(updated)
            m.d.sync += weight.eq(self._weight(bank.kept))
            m.d.sync += updated.eq(self._updated(m, held, bank.kept, number))
            m.d.sync += writes.eq(held.valid & (held.request.mode != Mode.READ) & mask[number])
            weights.append(weight)
            chosen.append(Mux(mask[number], bank.kept.as_value(), 0))
        levels = Signal(levels_layout(self.synapse), name="chosen")
        m.d.sync += [levels.eq(either(chosen)), self.levels.eq(levels), self.tag.eq(changed.request.tag)]
        in_lanes = rotated(m, Cat(weights), len(weights[0]), changed.request.offset, False, "in_lanes")
        m.d.sync += [self.weight.eq(in_lanes), self.valid.eq(changed.valid)]
        pending = [(stage.valid, stage.request.tag) for stage in (coming, *flight)] + [(self.valid, self.tag)]
        soon = [valid & tag.adds & (tag.target < self.LATENCY) for valid, tag in pending]
        m.d.comb += [self.busy.eq(Cat(valid for valid, _ in pending).any()), self.early.eq(Cat(soon).any())]
        return m

    def _pipeline(self, m):
        """Requests on their way: asked for, read, at hand, changed; whether the first may be read, and if one waits."""
        layout = data.StructLayout(
            {"valid": 1, "block": address_width(self.grid.blocks), "request": request_layout(self.grid)}
        )
        flight = [Signal(layout, name=name) for name in ("asked", "fetched", "held", "changed")]
        coming = Signal(data.StructLayout({"valid": 1, "request": request_layout(self.grid)}))
        request = coming.request
        asked, go, moves = flight[0], Signal(), Signal()
        conflict = Cat(self._meet(asked, stage) for stage in flight[1:]).any()
        m.d.comb += [go.eq(asked.valid & ~conflict), moves.eq(~asked.valid | go)]
        m.d.comb += self.requests.ready.eq(~coming.valid | moves)
        with m.If(self.requests.ready):
            m.d.sync += [coming.valid.eq(self.requests.valid), request.eq(self.requests.payload)]
        with m.If(moves):
            block = request.row_word * self.grid.column_words + request.column_word
            m.d.sync += [asked.valid.eq(coming.valid), asked.request.eq(request), asked.block.eq(block)]
        for earlier, later in pairwise(flight):
            m.d.sync += later.eq(earlier)
        m.d.sync += flight[1].valid.eq(go)
        return flight, go, coming

    def _meet(self, asked, stage):
        """Whether a request may want to know of a synapse that one further on changes.

        A row and a column of a block meet somewhere; two rows of it, or two columns, only where they are the same.
        """
        one, other = asked.request, stage.request
        same = (one.by_column != other.by_column) | (one.offset == other.offset)
        wants = (one.mode != Mode.WRITE) & (other.mode != Mode.READ)
        return stage.valid & wants & (asked.block == stage.block) & same

    def _weight(self, levels):
        """W."""
        return levels.gp - (levels.gm if self.synapse.paired else self.synapse.reference)

    def _updated(self, m, stage, levels, number):
        """The levels of a synapse after a request that changes it."""
        request, synapse = stage.request, self.synapse
        updated = Signal(levels_layout(synapse), name=f"coming_{number}")
        with m.Switch(request.mode):
            with m.Case(Mode.STDP):
                m.d.comb += updated.gp.eq(self._stepped(levels.gp, request.up, request.step))
                if synapse.paired:
                    m.d.comb += updated.gm.eq(self._stepped(levels.gm, ~request.up, request.step))
            with m.Case(Mode.REFRESH):
                m.d.comb += updated.eq(self._refreshed(levels) if synapse.paired else levels)
            with m.Default():
                m.d.comb += updated.eq(request.levels)
        return updated

    def _stepped(self, level, rises, step):
        """A level after STDP that wants it to rise, or the weight to go the other way."""
        risen = saturate(level + step, self.synapse.levels)
        if self.synapse.update == "set":
            return Mux(rises, risen, level)
        return Mux(rises, risen, saturate(level - step, self.synapse.levels) if self.synapse.update == "gradual" else 0)

    def _refreshed(self, levels):
        """A pair after a refresh: its weight, less decay, in one device."""
        synapse = self.synapse
        positive = levels.gp >= levels.gm
        magnitude = Mux(positive, levels.gp - levels.gm, levels.gm - levels.gp)[: synapse.bits]
        left = magnitude
        full = (levels.gp >= synapse.refresh_level) | (levels.gm >= synapse.refresh_level)
        if synapse.decay_shift:
            left, full = (magnitude - (magnitude >> synapse.decay_shift))[: synapse.bits], Const(1)
        gp, gm = Mux(full, Mux(positive, left, 0), levels.gp), Mux(full, Mux(positive, 0, left), levels.gm)
        return Cat(gp, gm)


def _address(stage, bank):
    """The address in a bank of the synapse that a request wants there."""
    return bank_address(stage.request.by_column, stage.request.offset, stage.block, bank)
