"""What comes of an inference: the spikes of each class, the winner, and the picture.

Twin of how ``infer`` and ``regenerate`` of ``golden/srbm.py`` end.
"""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.given import picture_layout
from gateware.stream import shape_of
from gateware.units import report_layout
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.srbm.grid import Grid


def score_range(grid: Grid) -> Range:
    """The spikes that the label units of a class can send in an inference."""
    machine = grid.machine
    most = -(-machine.inference_ticks // (machine.neuron.refractory + 1))
    return Range(lo=0, hi=most * machine.labels_per_class)


class Scores(wiring.Component):
    """Counts the spikes of each class's label units where ``counts``; ``clear`` sets all to 0.

    ``judge`` begins to look for the winner, the first of equals, a class a cycle; ``done`` when that is known.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        classes = grid.machine.classes
        super().__init__(
            {
                "clear": In(1),
                "counts": In(1),
                "valid": In(1),
                "report": In(report_layout(grid)),
                "judge": In(1),
                "done": Out(1),
                "class": Out(address_width(classes)),
                "scores": Out(data.ArrayLayout(shape_of(score_range(grid)), classes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        machine, grid = self.grid.machine, self.grid
        winner, best = getattr(self, "class"), Signal.like(self.scores[0])
        place, judging = Signal(address_width(machine.classes)), Signal()
        score = Array(self.scores[number] for number in range(machine.classes))[place]
        m.d.comb += self.done.eq(~judging)
        with m.If(self.clear):
            m.d.sync += [self.scores.eq(0), winner.eq(0)]
        with m.Elif(self.valid & self.counts), m.Switch(self.report.word):
            for word in range(machine.pixels // grid.lanes, -(-machine.visible // grid.lanes)):
                with m.Case(word):
                    m.d.sync += self._counted(word)
        with m.If(self.judge):
            m.d.sync += [judging.eq(1), place.eq(0), best.eq(0)]
        with m.Elif(judging):
            m.d.sync += [place.eq(place + 1), judging.eq(place != machine.classes - 1)]
            with m.If(score > best):
                m.d.sync += [best.eq(score), winner.eq(place)]
        return m

    def _counted(self, word):
        """The scores after a word of rows."""
        machine, lanes = self.grid.machine, self.grid.lanes
        of_class: dict[int, list[int]] = {}
        for lane in range(lanes):
            label = word * lanes + lane - machine.pixels
            if 0 <= label < machine.labels:
                of_class.setdefault(label // machine.labels_per_class, []).append(lane)
        for number, its_lanes in of_class.items():
            spikes = [self.report.spike[lane] for lane in its_lanes]
            yield self.scores[number].eq(self.scores[number] + sum(spikes[1:], spikes[0]))


class Picture(wiring.Component):
    """Keeps which pixels are on, by the last tick's reports, and sends them after ``start``; ``done`` when sent."""

    def __init__(self, grid: Grid):
        self.grid = grid
        super().__init__(
            {
                "valid": In(1),
                "report": In(report_layout(grid)),
                "start": In(1),
                "done": Out(1),
                "image": Out(stream.Signature(picture_layout(grid, "on"))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid = self.grid
        m.submodules.kept = store = memory.Memory(shape=grid.lanes, depth=grid.pixel_words, init=[])
        write, read = store.write_port(), store.read_port()
        word, coming, sent = Signal(address_width(grid.pixel_words)), Signal(), Signal()
        exists = [grid.lanes * (grid.pixel_words - 1) + lane < grid.machine.pixels for lane in range(grid.lanes)]
        last = word == grid.pixel_words - 1
        m.d.comb += [
            write.addr.eq(self.report.word),
            write.data.eq(self.report.on),
            write.en.eq(self.valid & (self.report.word < grid.pixel_words)),
            read.addr.eq(word),
            self.image.payload.on.eq(read.data & (~last.replicate(grid.lanes) | Cat(exists))),
            sent.eq(self.image.valid & self.image.ready),
            self.done.eq(~coming & ~self.image.valid),
        ]
        with m.If(self.start):
            m.d.sync += [word.eq(0), coming.eq(1)]
        with m.Elif(coming):
            m.d.sync += [coming.eq(0), self.image.valid.eq(1)]
        with m.Elif(sent):
            m.d.sync += self.image.valid.eq(0)
            with m.If(~last):
                m.d.sync += [word.eq(word + 1), coming.eq(1)]
        return m
