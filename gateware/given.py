"""What a command begins with: its picture and label, and a phase for every unit that may fire by its period.

Twin of how a command of ``golden/srbm.py`` begins.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.randomwalk import PHASE_BITS
from gateware.units import given_layout
from snnhw.implementation import address_width
from snnhw.srbm.grid import Grid


def picture_layout(grid: Grid, *fields: str) -> data.StructLayout:
    """A beat of a picture: bits of as many pixels as there are lanes, the first in lane 0."""
    return data.StructLayout(dict.fromkeys(fields, grid.lanes))


class Intake(wiring.Component):
    """Takes in a picture and draws the phases, a unit a cycle: first all rows, then the hidden biases.

    ``start`` begins; ``train``, ``label``, ``partial`` (each pixel comes with whether it is known) and ``known`` (else
    whether all of them are) must stay until ``done``. A beat of ``pixels`` is taken with the last unit of each word
    that has pixels. ``draw`` takes ``phase`` from the register. ``write`` fills ``given`` of the units, word by word.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        self.machine = grid.machine
        word = address_width(grid.unit_words)
        super().__init__(
            {
                "start": In(1),
                "train": In(1),
                "partial": In(1),
                "known": In(1),
                "label": In(address_width(grid.machine.classes)),
                "pixels": In(stream.Signature(picture_layout(grid, "on", "known"))),
                "draw": Out(1),
                "phase": In(PHASE_BITS),
                "write": Out(data.StructLayout({"valid": 1, "word": word, "given": given_layout(grid)})),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid, machine, lane_bits = self.grid, self.machine, self.grid.lanes.bit_length() - 1
        busy, unit, step = Signal(), Signal(address_width(grid.unit_words * grid.lanes)), Signal()
        lane, word, last_lane = unit[:lane_bits], unit[lane_bits:], Signal()
        begin = grid.row_words * grid.lanes
        last_word = grid.unit_words - 1 if machine.biases else grid.row_words - 1
        m.d.comb += [
            last_lane.eq(lane == grid.lanes - 1),
            step.eq(busy & (self.pixels.valid | (word >= grid.pixel_words))),
            self.pixels.ready.eq(busy & last_lane & (word < grid.pixel_words)),
            self.draw.eq(
                step & ((unit < machine.rows) | ((unit >= begin + machine.hidden) & (unit < begin + machine.columns)))
            ),
        ]
        with m.If(self.start):
            m.d.sync += [busy.eq(1), unit.eq(0)]
        with m.Elif(step):
            m.d.sync += unit.eq(unit + 1)
            with m.If(last_lane & (word == grid.row_words - 1)):
                m.d.sync += unit.eq(grid.bias_word * grid.lanes)
            with m.If(last_lane & (word == last_word)):
                m.d.sync += busy.eq(0)
        writing = self._assemble(m, step, unit, last_lane)
        m.d.comb += self.done.eq(~busy & ~writing)
        return m

    def _assemble(self, m, step, unit, last_lane):
        """Shift the lanes of a word together, a cycle after the draw; whether that is under way."""
        machine, periods, lane_bits = self.machine, self.machine.periods, self.grid.lanes.bit_length() - 1
        lane, pixels, given = unit[:lane_bits], self.pixels.payload, self.write.given
        is_pixel, is_label = unit < machine.pixels, unit < machine.visible
        period = Mux(is_pixel, periods.pixel, Mux(is_label, periods.label, periods.bias))
        on = Mux(is_pixel, Array(pixels.on)[lane], Mux(is_label, self._label_is_on(m, step, unit), 1))
        drawn, factor, drawn_on, drawn_known = Signal(PHASE_BITS), Signal(8), Signal(), Signal()
        moved, whole, drawn_word = Signal(), Signal(), Signal.like(self.write.word)
        m.d.sync += [moved.eq(step), whole.eq(step & last_lane), self.write.valid.eq(whole)]
        m.d.sync += [drawn_word.eq(unit[lane_bits:]), self.write.word.eq(drawn_word)]
        m.d.sync += [drawn.eq(self.phase), factor.eq(period), drawn_on.eq(on)]
        m.d.sync += drawn_known.eq(Mux(self.partial, Array(pixels.known)[lane], self.known))
        with m.If(moved):
            phases = Cat(Value.cast(given.phase)[8:], (drawn * factor)[PHASE_BITS:])
            m.d.sync += [
                given.phase.eq(phases),
                given.on.eq(Cat(given.on[1:], drawn_on)),
                given.known.eq(Cat(given.known[1:], drawn_known)),
            ]
        return moved | whole | self.write.valid

    def _label_is_on(self, m, step, unit):
        """Whether the unit, a label's, is one of the true class's."""
        machine = self.machine
        within, of_class = Signal(address_width(machine.labels_per_class)), Signal(address_width(machine.classes))
        with m.If(self.start):
            m.d.sync += [within.eq(0), of_class.eq(0)]
        with m.Elif(step & (unit >= machine.pixels)):
            m.d.sync += within.eq(within + 1)
            with m.If(within == machine.labels_per_class - 1):
                m.d.sync += [within.eq(0), of_class.eq(of_class + 1)]
        return self.train & (of_class == self.label)
