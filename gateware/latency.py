"""When pixels fire, and the rows of synapses that a step wants. Twin of ``spike_steps`` in ``golden/stdp.py``."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import shape_of
from gateware.sweep import WordList
from gateware.synapses import reads_layout
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.stdp.grid import StdpGrid


def beat_layout(grid: StdpGrid) -> data.StructLayout:
    """A beat of an image: as many pixels as there are lanes, the first in lane 0, the last beat filled up."""
    return data.StructLayout({"pixels": data.ArrayLayout(8, grid.lanes)})


def steps_layout(grid: StdpGrid) -> data.ArrayLayout:
    """The steps in which a word of pixels fires, ``num_steps`` for a pixel that is silent."""
    return data.ArrayLayout(shape_of(Range(lo=0, hi=grid.learner.num_steps)), grid.lanes)


def listed_layout(grid: StdpGrid) -> data.StructLayout:
    """Pixels ``mask`` of a ``word`` that fire in step ``to``, where ``valid``."""
    steps, word = address_width(grid.learner.num_steps), address_width(grid.row_words)
    return data.StructLayout({"valid": 1, "to": steps, "word": word, "mask": grid.lanes})


class SpikeTimes(wiring.Component):
    """Takes in an image after ``start``; ``done`` when it is not at work.

    ``listed`` gives the pixels that fire, word by word, one step of a word per cycle; a beat of ``pixels`` is taken
    with the last of the word before. ``steps`` are those of the word ``address`` of two cycles before.
    """

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        super().__init__(
            {
                "start": In(1),
                "done": Out(1),
                "pixels": In(stream.Signature(beat_layout(grid))),
                "listed": Out(listed_layout(grid)),
                "address": In(address_width(grid.row_words)),
                "steps": Out(steps_layout(grid)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid = self.grid
        busy, word, left, taken = Signal(), Signal(address_width(grid.row_words)), Signal(grid.lanes), Signal()
        coming, steps = Signal(steps_layout(grid)), Signal(steps_layout(grid))
        held = Signal.like(word)
        m.submodules.kept = store = memory.Memory(shape=steps_layout(grid), depth=grid.row_words, init=[])
        write, read = store.write_port(), store.read_port()
        later = self._list(m, steps, left)
        last = word == grid.row_words - 1
        exists = Cat(~last | (lane < grid.pixels_in_last_word) for lane in range(grid.lanes))
        m.d.comb += [
            self.pixels.ready.eq(busy & ~later.any()),
            taken.eq(self.pixels.valid & self.pixels.ready),
            write.addr.eq(word),
            write.data.eq(coming),
            write.en.eq(taken),
            read.addr.eq(self.address),
            self.listed.word.eq(held),
            self.done.eq(~busy & ~left.any()),
        ]
        for lane in range(grid.lanes):
            m.d.comb += coming[lane].eq(self._step(self.pixels.payload.pixels[lane]))
        # What block RAM gives comes late in a cycle.
        m.d.sync += [left.eq(later), self.steps.eq(read.data)]
        with m.If(self.start):
            m.d.sync += [busy.eq(1), word.eq(0)]
        with m.Elif(taken):
            lit = Cat(pixel.any() for pixel in self.pixels.payload.pixels)
            m.d.sync += [steps.eq(coming), left.eq(lit & exists), held.eq(word)]
            m.d.sync += [word.eq(word + 1), busy.eq(~last)]
        return m

    def _list(self, m, steps, left):
        """Show the pixels of the lowest lane's step; those that are left after it."""
        chosen = Signal(len(steps[0]))
        for lane in reversed(range(self.grid.lanes)):
            with m.If(left[lane]):
                m.d.comb += chosen.eq(steps[lane])
        same = left & Cat(step == chosen for step in steps)
        m.d.comb += [
            self.listed.valid.eq(left.any()),
            self.listed.to.eq(chosen[: len(self.listed.to)]),
            self.listed.mask.eq(same),
        ]
        return left & ~same

    def _step(self, pixel):
        """The step in which a pixel fires: the brighter the earlier."""
        steps = self.grid.learner.num_steps
        return Mux(pixel.any(), (~pixel * steps)[8:], steps)


class StepSweep(wiring.Component):
    """Keeps the lists of pixels that fire, and asks for the synapses that a step wants, one word of a row per cycle.

    ``clear`` forgets the lists, ``listed`` adds to them. After ``start`` come, for each word of neurons, the rows of
    all pixels that fire in ``step``, the first request two cycles later; a word for which nothing fires is asked for
    once, ``blank``. ``step`` must stay until the last one.
    """

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        super().__init__(
            {
                "clear": In(1),
                "listed": In(listed_layout(grid)),
                "start": In(1),
                "step": In(address_width(grid.learner.num_steps)),
                "reads": Out(reads_layout(grid)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid, place, tag = self.grid, self.reads.place, self.reads.tag
        m.submodules.lists = lists = WordList(grid.row_words, grid.lanes, grid.learner.num_steps)
        if grid.learner.num_steps > 1:
            m.d.comb += [lists.to.eq(self.listed.to), lists.at.eq(self.step)]
        loading, running, first, last = Signal(), Signal(), Signal(), Signal()
        word = Signal(address_width(grid.column_words))
        m.d.comb += [
            lists.clear.eq(self.clear),
            lists.push.eq(self.listed.valid),
            lists.coming.word.eq(self.listed.word),
            lists.coming.mask.eq(self.listed.mask),
            lists.rewind.eq(self.start),
            lists.next_lane.eq(running),
            last.eq((lists.last_word & lists.last_lane) | lists.empty),
            self.reads.valid.eq(running),
            place.row_word.eq(lists.word),
            place.column_word.eq(word),
            place.offset.eq(lists.lane),
            tag.target.eq(word),
            tag.adds.eq(1),
            tag.first.eq(first),
            tag.last.eq(last),
            tag.blank.eq(lists.empty),
        ]
        m.d.sync += loading.eq(self.start)
        with m.If(loading):
            m.d.sync += [running.eq(1), word.eq(0), first.eq(1)]
        with m.Elif(running):
            m.d.sync += first.eq(last)
            with m.If(last):
                m.d.sync += [word.eq(word + 1), running.eq(word != grid.column_words - 1)]
        return m
