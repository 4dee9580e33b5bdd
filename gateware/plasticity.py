"""STDP: the update of all synapses of a neuron. Twin of the learning in ``golden/stdp.py``."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gateware.competition import neuron_layout
from gateware.latency import steps_layout
from gateware.lfsr import lfsr_advance
from gateware.stream import lookup, saturate, shape_of
from gateware.synapses import WeightArray, reads_layout, weights_layout, writes_layout
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.learner import MOST_AMPLITUDE, Window

DRAW_BITS = 8
"""Bits of the register that a synapse draws."""

LOUDEST = MOST_AMPLITUDE.bit_length()
"""The exponent of the largest strength: that of the largest amplitude with the largest factor, 2."""


class ColumnUpdate(wiring.Component):
    """Changes all synapses of a ``neuron`` that fires at ``step``, after ``start``; ``done`` when all are written.

    The strength of a change is 2 to the power of ``loudness`` less what the window takes off it, and nothing below
    that of 0; its sign turns where ``turns``. All of these must stay until ``done``. A word of synapses is read
    (``reads``, ``weight``), with the steps of its pixels (``address``, ``steps``), and written (``writes``) per cycle.
    ``register`` is the random one, which ``set`` changes to ``state``.
    """

    WRITES = WeightArray.LATENCY + 3
    """Cycles from a request to the write of its word."""

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        super().__init__(
            {
                "start": In(1),
                "done": Out(1),
                "neuron": In(neuron_layout(grid)),
                "step": In(address_width(grid.learner.num_steps)),
                "loudness": In(range(LOUDEST + 1)),
                "turns": In(1),
                "reads": Out(reads_layout(grid)),
                "weight": In(weights_layout(grid)),
                "address": Out(address_width(grid.row_words)),
                "steps": In(steps_layout(grid)),
                "writes": Out(writes_layout(grid)),
                "set": In(1),
                "state": In(32),
                "register": Out(32, init=grid.learner.seed),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stage = self._words(m)
        writes = stage[self.WRITES]
        draws = self._draws(m, stage[WeightArray.LATENCY - 1])
        for place in (self.reads.place, self.writes.place):
            m.d.comb += [
                place.by_column.eq(1),
                place.column_word.eq(self.neuron.word),
                place.offset.eq(self.neuron.lane),
            ]
        m.d.comb += [
            self.reads.valid.eq(stage[0].valid),
            self.reads.place.row_word.eq(stage[0].word),
            self.address.eq(stage[0].word),
            self.writes.valid.eq(writes.valid),
            self.writes.place.row_word.eq(writes.word),
            self.done.eq(~Cat(one.valid for one in stage).any()),
        ]
        for lane in range(self.grid.lanes):
            rises, strength, some = self._strength(m, lane)
            m.d.comb += self.writes.weight[lane].eq(self._changed(m, lane, rises, strength, some, draws[lane]))
        return m

    def _words(self, m):
        """Which word of pixels is at each stage of the pipeline, to where it is in the banks."""
        layout = data.StructLayout({"valid": 1, "word": address_width(self.grid.row_words)})
        stage = [Signal(layout, name=f"stage_{number}") for number in range(self.WRITES + WeightArray.WRITTEN)]
        with m.If(self.start):
            m.d.sync += [stage[0].valid.eq(1), stage[0].word.eq(0)]
        with m.Elif(stage[0].valid):
            m.d.sync += stage[0].word.eq(stage[0].word + 1)
            with m.If(stage[0].word == self.grid.row_words - 1):
                m.d.sync += stage[0].valid.eq(0)
        m.d.sync += [later.eq(earlier) for earlier, later in pairwise(stage)]
        return stage

    def _draws(self, m, stage):
        """A byte for each lane, drawn in a stage and there in the next one."""
        grid = self.grid
        draws = Signal(data.ArrayLayout(DRAW_BITS, grid.lanes))
        after = [lfsr_advance(m, self.register, DRAW_BITS * (lane + 1), f"after_{lane}") for lane in range(grid.lanes)]
        with m.If(self.set):
            m.d.sync += self.register.eq(self.state)
        with m.Elif(stage.valid):
            last = stage.word == grid.row_words - 1
            m.d.sync += [draws[lane].eq(after[lane]) for lane in range(grid.lanes)]
            m.d.sync += self.register.eq(Mux(last, after[grid.pixels_in_last_word - 1], after[-1]))
        return draws

    def _strength(self, m, lane):
        """Whether a synapse grows, the exponent of its strength, and whether there is any; by its pixel's step."""
        num_steps, at = self.grid.learner.num_steps, self.steps[lane]
        index = Signal(range(2 * num_steps), name=f"apart_{lane}")
        m.d.comb += index.eq(Mux(at == num_steps, 2 * num_steps - 1, at + (num_steps - 1) - self.step))
        less = lookup(index, losses(self.grid.learner.window, num_steps), shape_of(Range(lo=0, hi=LOUDEST + 1)))
        exponent = self.loudness - less
        ready = Signal(data.StructLayout({"rises": 1, "exponent": range(LOUDEST + 1), "some": 1}), name=f"ready_{lane}")
        used = Signal.like(ready, name=f"used_{lane}")
        m.d.sync += [
            ready.rises.eq((at <= self.step) ^ self.turns),
            ready.exponent.eq(exponent),
            ready.some.eq(exponent >= 0),
            used.eq(ready),
        ]
        return used.rises, used.exponent, used.some

    def _changed(self, m, lane, rises, strength, some, draw):
        """A weight after its change: the room that is left times the strength, rounded, added."""
        learner = self.grid.learner
        weight, top, fraction = self.weight[lane], learner.weight.hi, DRAW_BITS
        room = Mux(rises, top - weight, weight) if learner.bounds == "soft" else top
        layout = data.StructLayout({"rises": 1, "weight": learner.weight_bits, "draw": fraction})
        held = [Signal(layout, name=f"held_{number}_{lane}") for number in range(2)]
        product = Signal(learner.weight_bits + LOUDEST, name=f"product_{lane}")
        change, changed = Signal(range(top + 1), name=f"change_{lane}"), Signal(learner.weight_bits)
        m.d.sync += [
            product.eq(Mux(some, room << strength, 0) if learner.bounds == "soft" else Mux(some, top << strength, 0)),
            held[0].rises.eq(rises),
            held[0].weight.eq(weight),
            held[0].draw.eq(draw),
            change.eq((product + held[0].draw) >> fraction),
            held[1].eq(held[0]),
            changed.eq(saturate(Mux(held[1].rises, held[1].weight + change, held[1].weight - change), learner.weight)),
        ]
        return changed


def losses(window: Window, num_steps: int) -> list[int]:
    """What each distance takes off the exponent of the strength; above `LOUDEST` nothing is left.

    From a pixel that fires as many steps before the neuron as there are, less one, to one that fires as many later;
    then a silent one.
    """
    whole = MOST_AMPLITUDE << num_steps
    before = [window.plus(distance, whole) for distance in reversed(range(num_steps))]
    after = [window.minus(distance, whole) for distance in range(1, num_steps)]
    strengths = [*before, *after, window.silent * whole]
    return [min(LOUDEST + 1, (2 * whole).bit_length() - strength.bit_length()) for strength in strengths]
