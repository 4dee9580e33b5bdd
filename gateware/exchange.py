"""What a learner keeps, in and out: its weights by rows, and its neurons. It computes nothing, and so has no twin."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.association import Association, row_layout
from gateware.competition import Competition, kept_layout
from gateware.synapses import reads_layout, weights_layout, writes_layout
from snnhw.implementation import address_width
from snnhw.stdp.grid import StdpGrid

WAITING = 16
"""Words of a dump that may wait for their consumer: more than are on their way through the array."""


def word_layout(grid: StdpGrid) -> data.StructLayout:
    """Weights of a pixel to as many neurons as there are lanes, the first in lane 0, the last word filled up."""
    return data.StructLayout({"weight": weights_layout(grid)})


def neuron_layout(grid: StdpGrid) -> data.StructLayout:
    """All that a neuron keeps: threshold, class, and its weights in the readout."""
    kept = kept_layout(grid)
    fields = {name: kept[name].shape for name in ("threshold", "class")}
    return data.StructLayout({**fields, "readout": row_layout(grid)})


class WeightExchange(wiring.Component):
    """Loads or dumps all weights, row by row, a word per cycle.

    ``load`` or ``dump`` starts it, ``done`` is 1 when it is not at work. A load takes words from ``words_in``; a dump
    sends them to ``words_out``, of the array's replies (``valid``, ``weight``).
    """

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        word = stream.Signature(word_layout(grid))
        super().__init__(
            {
                "load": In(1),
                "dump": In(1),
                "done": Out(1),
                "words_in": In(word),
                "words_out": Out(word),
                "reads": Out(reads_layout(grid)),
                "valid": In(1),
                "weight": In(weights_layout(grid)),
                "writes": Out(writes_layout(grid)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid = self.grid
        row, word = Signal(grid.lane_bits + address_width(grid.row_words)), Signal(address_width(grid.column_words))
        loading, dumping, room = Signal(), Signal(), Signal(range(WAITING + 1), init=WAITING)
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=len(self.weight.as_value()), depth=WAITING)
        sent, goes = self.words_out.valid & self.words_out.ready, Signal()
        for one in (self.reads, self.writes):
            m.d.comb += [
                one.place.row_word.eq(row[grid.lane_bits :]),
                one.place.offset.eq(row[: grid.lane_bits]),
                one.place.column_word.eq(word),
            ]
        m.d.comb += [
            self.words_in.ready.eq(loading),
            self.writes.valid.eq(loading & self.words_in.valid),
            self.writes.weight.eq(self.words_in.payload.weight),
            self.reads.valid.eq(dumping & room.any()),
            queue.w_en.eq(self.valid & (room != WAITING)),
            queue.w_data.eq(self.weight),
            self.words_out.valid.eq(queue.r_rdy),
            self.words_out.payload.eq(queue.r_data),
            queue.r_en.eq(self.words_out.ready),
            self.done.eq(~loading & ~dumping & (room == WAITING)),
            goes.eq(self.writes.valid | self.reads.valid),
        ]
        m.d.sync += room.eq(room + sent - self.reads.valid)
        with m.If(self.load | self.dump):
            m.d.sync += [loading.eq(self.load), dumping.eq(self.dump), row.eq(0), word.eq(0)]
        with m.Elif(goes):
            m.d.sync += word.eq(word + 1)
            with m.If(word == grid.column_words - 1):
                m.d.sync += [word.eq(0), row.eq(row + 1)]
                with m.If(row == grid.rows - 1):
                    m.d.sync += [loading.eq(0), dumping.eq(0)]
        return m


class NeuronExchange(wiring.Component):
    """Loads what all neurons keep, one per cycle, or dumps it, one in ``LOOKED`` + 2 cycles.

    ``load`` or ``dump`` starts it, ``done`` is 1 when it is not at work. ``neuron`` is the one that is loaded where
    ``stores``, from ``neurons_in``, or looked at: ``shown`` is what it keeps, ``LOOKED`` cycles later.
    """

    LOOKED = max(Association.LOOKED, Competition.LOOKED)

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        layout = neuron_layout(grid)
        super().__init__(
            {
                "load": In(1),
                "dump": In(1),
                "done": Out(1),
                "neurons_in": In(stream.Signature(layout)),
                "neurons_out": Out(stream.Signature(layout)),
                "neuron": Out(grid.neuron_bits),
                "stores": Out(1),
                "shown": In(layout),
            }
        )

    def elaborate(self, platform):
        m = Module()
        loading, waited = Signal(), Signal(range(self.LOOKED + 1))
        last = self.neuron == self.grid.columns - 1
        m.d.comb += [self.neurons_in.ready.eq(loading), self.stores.eq(loading & self.neurons_in.valid)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.done.eq(~loading)
                m.d.sync += waited.eq(0)
                with m.If(self.load):
                    m.d.sync += [loading.eq(1), self.neuron.eq(0)]
                with m.Elif(self.stores):
                    m.d.sync += [self.neuron.eq(self.neuron + 1), loading.eq(~last)]
                with m.If(self.dump):
                    m.d.sync += self.neuron.eq(0)
                    m.next = "LOOK"
            with m.State("LOOK"):
                m.d.sync += waited.eq(waited + 1)
                with m.If(waited == self.LOOKED):
                    m.d.sync += [self.neurons_out.payload.eq(self.shown), waited.eq(0)]
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += self.neurons_out.valid.eq(1)
                with m.If(self.neurons_out.ready):
                    m.d.sync += self.neuron.eq(self.neuron + 1)
                    m.next = "LOOK"
                    with m.If(last):
                        m.next = "IDLE"
        return m
