"""The spikes of an image, and the classes that a readout gives to them. Twin of ``score`` in ``golden/stdp.py``."""

from itertools import pairwise

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import saturate, shape_of
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.stdp.grid import StdpGrid

MOST_RATE = 3
"""The largest exponent of a rate of the readout."""


def row_layout(grid: StdpGrid) -> data.ArrayLayout:
    """A neuron's weights in the readout, one per class."""
    return data.ArrayLayout(shape_of(grid.learner.readout), grid.learner.classes)


class Judge(wiring.Component):
    """Finds the winner of ``scores``, the first of equals, after ``start``, a class per cycle; ``done`` when found.

    ``rival`` is the best class that is not ``label``; ``close`` says whether the label's score is above that one's by
    no more than the margin. Without ``start`` since ``clear`` the winner is 0.
    """

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        learner = grid.learner
        index = address_width(learner.classes)
        super().__init__(
            {
                "clear": In(1),
                "start": In(1),
                "scores": In(data.ArrayLayout(shape_of(learner.scores), learner.classes)),
                "label": In(index),
                "done": Out(1),
                "winner": Out(index),
                "rival": Out(index),
                "close": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        learner, score = self.grid.learner, Signal(shape_of(self.grid.learner.scores))
        best, second, own = Signal.like(score), Signal.like(score), Signal.like(score)
        place, judging, ending, some = Signal.like(self.winner), Signal(), Signal(), Signal()
        m.d.comb += [
            score.eq(Array(self.scores[number] for number in range(learner.classes))[place]),
            self.done.eq(~judging & ~ending),
        ]
        m.d.sync += ending.eq(judging)
        m.d.sync += self.close.eq(some & (own - second <= learner.margin * learner.spikes**2))
        with m.If(self.clear):
            m.d.sync += self.winner.eq(0)
        with m.If(self.start):
            m.d.sync += [judging.eq(1), place.eq(0), some.eq(0)]
        with m.Elif(judging):
            m.d.sync += [place.eq(place + 1), judging.eq(place != learner.classes - 1)]
            with m.If((place == 0) | (score > best)):
                m.d.sync += [best.eq(score), self.winner.eq(place)]
            with m.If(place == self.label):
                m.d.sync += own.eq(score)
            with m.Elif(~some | (score > second)):
                m.d.sync += [second.eq(score), self.rival.eq(place), some.eq(1)]
        return m


class Association(wiring.Component):
    """Lists spikes, scores classes by them, and learns.

    ``clear`` forgets spikes and scores, ``spike`` appends ``neuron``; ``count`` of them are listed. ``score`` adds up
    the scores and finds the winner, ``class``; ``close`` then says whether ``label`` is to gain, which it does after
    ``learn``, by 2 to the power of ``rate``. ``done`` when it is not at work.

    Between commands ``store`` writes the readout's weights of a neuron; ``row`` are those of the neuron ``look`` of
    ``LOOKED`` cycles before.
    """

    LOOKED = 2
    LATENCY = 5
    """Cycles from the one that fetches a spike to the one in which all that comes of it is done."""

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        learner = grid.learner
        classes, row = address_width(learner.classes), row_layout(grid)
        super().__init__(
            {
                "clear": In(1),
                "spike": In(1),
                "neuron": In(grid.neuron_bits),
                "count": Out(range(learner.spikes + 1)),
                "score": In(1),
                "learn": In(1),
                "label": In(classes),
                "rate": In(range(MOST_RATE + 1)),
                "done": Out(1),
                "class": Out(classes),
                "scores": Out(data.ArrayLayout(shape_of(learner.scores), learner.classes)),
                "close": Out(1),
                "store": In(data.StructLayout({"valid": 1, "neuron": grid.neuron_bits, "row": row})),
                "look": In(grid.neuron_bits),
                "row": Out(row),
            }
        )
        self.judge = Judge(grid)

    def elaborate(self, platform):
        m = Module()
        m.submodules.judge = judge = self.judge
        learning = Signal()
        with m.If(self.score | self.learn):
            m.d.sync += learning.eq(self.learn)
        stage, write = self._walk(m)
        last = stage[4]
        m.d.comb += [
            judge.clear.eq(self.clear),
            judge.start.eq(last.valid & (last.left == 1) & ~learning),
            judge.scores.eq(self.scores),
            judge.label.eq(self.label),
            getattr(self, "class").eq(judge.winner),
            self.close.eq(judge.close),
            self.done.eq(~Cat(one.valid for one in stage).any() & judge.done),
            write.en.eq(self.store.valid | (last.valid & last.listed & learning)),
            write.addr.eq(Mux(self.store.valid, self.store.neuron, last.neuron)),
        ]
        change, learner = stage[3].left << self.rate, self.grid.learner
        currents = shape_of(Range(lo=learner.spikes * learner.readout.lo, hi=learner.spikes * learner.readout.hi))
        for number in range(learner.classes):
            weight, current = self.row[number], Signal(currents, name=f"current_{number}")
            gains, loses = self.label == number, judge.rival == number
            moved = Signal(shape_of(learner.readout), name=f"moved_{number}")
            changed = weight + Mux(gains, change, Mux(loses, -change, 0))
            m.d.sync += moved.eq(saturate(changed, learner.readout))
            m.d.comb += write.data[number].eq(Mux(self.store.valid, self.store.row[number], moved))
            with m.If(self.clear):
                m.d.sync += [current.eq(0), self.scores[number].eq(0)]
            with m.Elif(~learning):
                # Registers that stay as they are take no cells, numbers that are masked before an adder do.
                with m.If(stage[3].valid & stage[3].listed):
                    m.d.sync += current.eq(current + weight)
                with m.If(last.valid):
                    m.d.sync += self.scores[number].eq(self.scores[number] + current)
        return m

    def _walk(self, m):
        """Go through all places for spikes: which one is at each stage, from its fetching on; a row's write port."""
        learner, bits = self.grid.learner, self.grid.neuron_bits
        layout = data.StructLayout({"valid": 1, "listed": 1, "left": range(learner.spikes + 1), "neuron": bits})
        stage = [Signal(layout, name=f"stage_{number}") for number in range(self.LATENCY)]
        m.submodules.spikes = spikes = memory.Memory(shape=bits, depth=learner.spikes, init=[])
        m.submodules.rows = rows = memory.Memory(shape=self.row.shape(), depth=learner.neurons, init=[])
        append, fetch = spikes.write_port(), spikes.read_port()
        write, read = rows.write_port(), rows.read_port()
        running, place = Signal(), Signal(address_width(learner.spikes))
        m.d.comb += [
            append.addr.eq(self.count),
            append.data.eq(self.neuron),
            append.en.eq(self.spike),
            fetch.addr.eq(place),
            stage[0].valid.eq(running),
            stage[0].listed.eq(place < self.count),
            stage[0].left.eq(learner.spikes - place),
            read.addr.eq(Mux(stage[1].valid, fetch.data, self.look)),
        ]
        m.d.sync += [later.eq(earlier) for earlier, later in pairwise(stage)]
        # What block RAM gives comes late in a cycle.
        m.d.sync += [stage[2].neuron.eq(fetch.data), self.row.eq(read.data)]
        with m.If(self.score | self.learn):
            m.d.sync += [running.eq(1), place.eq(0)]
        with m.Elif(running):
            m.d.sync += [place.eq(place + 1), running.eq(place != learner.spikes - 1)]
        with m.If(self.clear):
            m.d.sync += self.count.eq(0)
        with m.Elif(self.spike):
            m.d.sync += self.count.eq(self.count + 1)
        return stage, write
