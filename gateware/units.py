"""The units of the machine, visible and hidden, biases among them, a word of lanes a cycle.

Twin of ``golden.srbm.Units``, of the traces and delays of ``golden/learning.py``, and of the units that fire by their
period.
"""

from itertools import pairwise

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from gateware.learning import Gate, pulse
from gateware.neuron import reaches
from gateware.stream import shape_of
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.srbm.grid import Grid

NAMES = ("given", "current", "state")
"""The memories, of a word of units each."""

KINDS = ("pixel", "label", "hidden", "row", "column")


def given_layout(grid: Grid) -> data.StructLayout:
    """What stays with a word of units for a command: phases, which are on, and which pixels are never free."""
    return data.StructLayout({"phase": data.ArrayLayout(8, grid.lanes), "on": grid.lanes, "known": grid.lanes})


def current_layout(grid: Grid) -> data.ArrayLayout:
    """The currents of a word of units."""
    return data.ArrayLayout(shape_of(grid.machine.row_current | grid.machine.column_current), grid.lanes)


def report_layout(grid: Grid) -> data.StructLayout:
    """What a word of units did in a tick.

    Bits of lanes: which units fired (``spike``); of rows, which are ``open`` to an update, will be ``free`` in the next
    tick, and are ``on`` in a regenerated picture if the tick was the last; of columns, which are ``due`` for an update.
    """
    lanes = dict.fromkeys(("spike", "open", "due", "free", "on"), grid.lanes)
    membrane = data.ArrayLayout(shape_of(grid.machine.neuron.membrane), grid.lanes)
    return data.StructLayout({"word": address_width(grid.unit_words), "membrane": membrane, **lanes})


class Units(wiring.Component):
    """Passes over all unit words, rows first, a word a cycle, in each tick.

    ``start`` begins a pass; the report of a word comes ``LATENCY`` cycles after the cycle in which its noise was drawn
    (``draw``, ``count``), the first of which follows ``start``. ``write_given`` and ``write_current`` fill the words of
    ``given`` and of currents that the passes read. In a command's first tick all state counts as 0.
    """

    LATENCY = 5

    def __init__(self, grid: Grid, gate: Gate):
        self.grid = grid
        self.machine = machine = grid.machine
        self.gate = gate
        address = address_width(grid.unit_words)
        super().__init__(
            {
                "start": In(1),
                "draw": Out(1),
                "count": Out(range(grid.lanes + 1)),
                "noise": In(data.ArrayLayout(shape_of(machine.noise.range), grid.lanes)),
                "write_given": In(data.StructLayout({"valid": 1, "word": address, "given": given_layout(grid)})),
                "write_current": In(data.StructLayout({"valid": 1, "word": address, "current": current_layout(grid)})),
                "valid": Out(1),
                "report": Out(report_layout(grid)),
            }
        )
        neuron, slots = machine.neuron, 2 * (machine.neuron.refractory + 1)
        self.often = machine.inference_ticks // slots + 1
        self.state = data.StructLayout(
            {
                "membrane": shape_of(neuron.membrane),
                "refractory": shape_of(Range(lo=0, hi=neuron.refractory)),
                "timer": shape_of(Range(lo=0, hi=max(machine.window.visible, machine.window.hidden))),
                "count": shape_of(Range(lo=0, hi=self.often)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        grid = self.grid
        stage = self._words(m)
        given, current, state, write = self._memories(m)
        m.d.comb += [write.addr.eq(stage[5].word), write.en.eq(stage[5].valid)]
        with m.Switch(self.draw_word):
            for word in range(grid.unit_words):
                if grid.drawing(word):
                    with m.Case(word):
                        m.d.comb += self.count.eq(grid.drawing(word))
        m.d.comb += [self.valid.eq(stage[5].valid), self.report.word.eq(stage[5].word)]
        for lane in range(grid.lanes):
            is_a = {kind: Signal(name=f"{kind}_{lane}") for kind in KINDS}
            m.d.sync += [is_a[kind].eq(value) for kind, value in self._kinds(stage[1].word, lane).items()]
            unit, integrated = self._integrate(m, lane, is_a, given, current, state[lane])
            new = Signal(self.state, name=f"new_{lane}")
            m.d.comb += write.data[lane].eq(new)
            self._fire(m, lane, unit, integrated, new)
        return m

    def _words(self, m):
        """Which word is at each stage of the pipeline; the first is the one whose noise is drawn."""
        layout = data.StructLayout({"valid": 1, "word": address_width(self.grid.unit_words)})
        stage = [Signal(layout, name=f"stage_{number}") for number in range(6)]
        self.draw_word = stage[0].word
        with m.If(self.start):
            m.d.sync += [stage[0].valid.eq(1), stage[0].word.eq(0)]
        with m.Elif(stage[0].valid):
            m.d.sync += stage[0].word.eq(stage[0].word + 1)
            with m.If(stage[0].word == self.grid.unit_words - 1):
                m.d.sync += stage[0].valid.eq(0)
        m.d.sync += [later.eq(earlier) for earlier, later in pairwise(stage)]
        m.d.comb += self.draw.eq(stage[0].valid)
        return stage

    def _memories(self, m):
        """What is given, currents and state, two cycles after a word's noise is drawn; the state's write port."""
        depth, reads = self.grid.unit_words, []
        states = data.ArrayLayout(self.state, self.grid.lanes)
        for name, shape in zip(NAMES, (given_layout(self.grid), current_layout(self.grid)), strict=False):
            m.submodules[name] = store = memory.Memory(shape=shape, depth=depth, init=[])
            write, coming = store.write_port(), getattr(self, f"write_{name}")
            m.d.comb += [write.addr.eq(coming.word), write.en.eq(coming.valid), write.data.eq(coming[name])]
            reads.append(store.read_port())
        m.submodules.state = store = memory.Memory(shape=states, depth=depth, init=[])
        write = store.write_port()
        reads.append(store.read_port())
        m.d.comb += [read.addr.eq(self.draw_word) for read in reads]
        # What block RAM gives comes late in a cycle.
        kept = [Signal(read.data.shape(), name=f"{name}_read") for name, read in zip(NAMES, reads, strict=True)]
        m.d.sync += [register.eq(read.data) for register, read in zip(kept, reads, strict=True)]
        return *kept, write

    def _kinds(self, word, lane):
        """What the unit of a lane of a word is."""
        machine, grid = self.machine, self.grid

        def end(units):
            return -(-max(0, units - lane) // grid.lanes)

        rows = [end(units) for units in (machine.pixels, machine.visible, machine.rows)]
        columns = [grid.row_words + end(units) for units in (machine.hidden, machine.columns)]
        bounds = {"pixel": (0, rows[0]), "label": (rows[0], rows[1]), "hidden": (grid.row_words, columns[0])}
        bounds |= {"row": (0, rows[2]), "column": (grid.row_words, columns[1])}
        return {
            kind: (word >= begin) & (word < end) if begin < end else Const(0) for kind, (begin, end) in bounds.items()
        }

    def _integrate(self, m, lane, is_a, given, current, state):
        """Leak, current and noise of a lane's unit, in two cycles more, and beside that what firing needs to know."""
        neuron, gate = self.machine.neuron, self.gate
        old = Signal(self.state, name=f"old_{lane}")
        known, visible = given.known[lane], is_a["pixel"] | is_a["label"]
        unclamped, unclamped_next = (
            visible & ~(gate.training & clamped) & (is_a["label"] | ~known)
            for clamped in (gate.clamped, gate.clamped_next)
        )
        free = unclamped | is_a["hidden"]
        time = Mux(is_a["pixel"], gate.pixel_time, Mux(is_a["label"], gate.label_time, gate.bias_time))
        exists = is_a["row"] | is_a["column"]
        m.d.comb += old.eq(Mux(gate.first, 0, state.as_value()))
        values = {
            "alive": free & (old.refractory == 0),
            "periodic": ~free & exists & given.on[lane] & (given.phase[lane] == time),
            "refractory": Mux(free & old.refractory.any(), old.refractory - 1, 0),
            "timer": old.timer,
            "window": Mux(is_a["row"], self.machine.window.visible, self.machine.window.hidden),
            "row": is_a["row"],
            "due": is_a["column"] & (old.timer == 1),
            "count": old.count,
            "free_next": unclamped_next & ~gate.last,
            "known": known,
            "on": given.on[lane],
        }
        widths = {name: len(Value.cast(value)) for name, value in values.items()}
        widths |= {"refractory": len(old.refractory), "timer": len(old.timer), "window": len(old.timer)}
        ready = [Signal(data.StructLayout(widths), name=f"{name}_{lane}") for name in ("leaking", "deciding")]
        ranges, currents = neuron.membrane, self.machine.row_current | self.machine.column_current
        driven = _sum(currents, self.machine.noise.range)
        leaked = Signal(shape_of(ranges), name=f"leaked_{lane}")
        drive = Signal(shape_of(driven), name=f"drive_{lane}")
        integrated = Signal(shape_of(_sum(ranges, driven)), name=f"integrated_{lane}")
        noise = Signal(shape_of(self.machine.noise.range), name=f"noise_{lane}")
        m.d.sync += [
            noise.eq(self.noise[lane]),
            *(ready[0][name].eq(value) for name, value in values.items()),
            leaked.eq(old.membrane - (old.membrane >> neuron.leak_shift)),
            drive.eq(Mux(gate.first, 0, current[lane]) + noise),
            ready[1].eq(ready[0]),
            integrated.eq(leaked + drive),
        ]
        return ready[1], integrated

    def _fire(self, m, lane, unit, integrated, new):
        """Floor, threshold and reset of a lane's unit: its new state and what there is to report of it."""
        neuron, report, lowest = self.machine.neuron, self.report, self.machine.neuron.membrane.lo
        spike, state = Signal(name=f"spike_{lane}"), Signal(self.state, name=f"state_{lane}")
        m.d.comb += [
            spike.eq(Mux(unit.alive, reaches(integrated, Const(neuron.threshold)), unit.periodic)),
            state.membrane.eq(Mux(unit.alive & ~spike, Mux(integrated < lowest, lowest, integrated), 0)),
            state.refractory.eq(Mux(unit.alive & spike, neuron.refractory, unit.refractory)),
            state.timer.eq(pulse(unit.timer, spike, unit.window)),
            state.count.eq(Mux(unit.count == self.often, unit.count, unit.count + spike)),
            report.membrane[lane].eq(new.membrane),
        ]
        m.d.sync += [
            new.eq(state),
            report.spike[lane].eq(spike),
            report.open[lane].eq(unit.row & state.timer.any()),
            report.due[lane].eq(unit.due),
            report.free[lane].eq(unit.free_next),
            report.on[lane].eq(Mux(unit.known, unit.on, state.count == self.often)),
        ]


def _sum(one: Range, other: Range) -> Range:
    """What the sum of two numbers can be."""
    return Range(lo=one.lo + other.lo, hi=one.hi + other.hi)
