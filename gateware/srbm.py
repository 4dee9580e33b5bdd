"""The spiking restricted Boltzmann machine, assembled. Twin of ``golden/srbm.py``."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.differential import DifferentialArray, levels_layout
from gateware.given import Intake, picture_layout
from gateware.learning import Gate
from gateware.levels import Refresh, Transfer
from gateware.outcome import Picture, Scores, score_range
from gateware.randomwalk import RandomWalk
from gateware.stream import shape_of
from gateware.sweep import Accumulators, Sweep
from gateware.units import Units
from snnhw.implementation import address_width
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine

TOP = "srbm"

PARTS = ("phases", "walk", "units", "sweep", "array", "sums", "intake", "tally", "picture", "transfer", "refresh")
TAPPED = ("word", "spike", "membrane")


class Kind(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What a command asks for."""

    TRAIN = 0
    INFER = 1
    REGENERATE = 2
    LOAD = 3
    DUMP = 4


def command_layout(machine: Machine) -> data.StructLayout:
    """``label``, ``step`` and ``hold`` of a training image; ``walk``, not 0, and ``refresh``, a row, of a load."""
    return data.StructLayout(
        {
            "kind": Kind,
            "label": address_width(machine.classes),
            "step": machine.synapse.bits,
            "hold": 1,
            "walk": 32,
            "refresh": address_width(machine.rows),
        }
    )


def result_layout(grid: Grid) -> data.StructLayout:
    """Winner and scores, and what goes on from one training image to the next: ``walk`` and ``refresh``."""
    machine = grid.machine
    return data.StructLayout(
        {
            "class": address_width(machine.classes),
            "scores": data.ArrayLayout(shape_of(score_range(grid)), machine.classes),
            "walk": 32,
            "refresh": address_width(machine.rows),
        }
    )


class SrbmCircuit(wiring.Component):
    """A machine of ``lanes`` lanes that learns, infers and regenerates; one command after the other.

    ``command`` is taken when the one before is done. TRAIN, INFER and REGENERATE take a picture from ``pixels``, bits
    ``on`` and, for REGENERATE, ``known``; LOAD takes all levels from ``levels_in``, row by row, DUMP gives them on
    ``levels_out``. REGENERATE gives a picture on ``image``. Every command but DUMP ends with a ``result``; of TRAIN and
    LOAD class and scores are 0. Back-pressure stops what waits for it and nothing else.

    Levels are those of a load; before it they are 0.

    The floor, with one word of synapses read a cycle, of a tick in which n rows and m columns fire, f row words have a
    unit that is free in the next tick, o row words a row that is open to an update and d columns are due for one:

        row_words (the units' pass) + hidden_words n (LIF) + f m (BLIF) + o d (STDP).

    The columns' pass goes on beside LIF. A tick takes 8 cycles more, and n and m count as 1 where they are 0, for then
    currents are written all the same; ``snnhw/srbm/timing.py`` has the whole of it.
    """

    def __init__(self, machine: Machine, lanes: int):
        self.machine = machine
        self.grid = grid = Grid(machine, lanes)
        levels = levels_layout(machine.synapse)
        super().__init__(
            {
                "command": In(stream.Signature(command_layout(machine))),
                "pixels": In(stream.Signature(picture_layout(grid, "on", "known"))),
                "levels_in": In(stream.Signature(levels)),
                "result": Out(stream.Signature(result_layout(grid))),
                "image": Out(stream.Signature(picture_layout(grid, "on"))),
                "levels_out": Out(stream.Signature(levels)),
            }
        )
        self.phases = Gate(machine)
        self.walk = RandomWalk(machine.noise, lanes, [grid.drawing(word) for word in range(grid.unit_words)])
        self.units = Units(grid, self.phases)
        self.sweep = Sweep(grid, self.phases)
        self.array = DifferentialArray(grid)
        currents = machine.row_current | machine.column_current
        self.sums = Accumulators(lanes, grid.unit_words, machine.synapse.weight, currents)
        self.intake = Intake(grid)
        self.tally = Scores(grid)
        self.picture = Picture(grid)
        self.transfer = Transfer(grid)
        self.refresh = Refresh(grid)
        self.asked = Signal(command_layout(machine))
        self.saved = Signal(32, init=machine.seed)
        shown = self.units.report
        self.tap_strobe = Signal()
        self.taps = {name: Signal(len(Value.cast(shown[name])), name=f"tap_{name}") for name in TAPPED}

    def elaborate(self, platform):
        m = Module()
        for name in PARTS:
            m.submodules[name] = getattr(self, name)
        self._connect(m)
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.comb += self.command.ready.eq(1)
                with m.If(self.command.valid):
                    self._begin(m)
            with m.State("INTAKE"), m.If(self.intake.done):
                self._tick(m)
                m.next = "TICK"
            with m.State("TICK"):
                with m.If(self.sweep.done & self.phases.last & ~self.array.busy):
                    self._finish(m)
                # The next pass reads the first words before the last currents have come; those it must not want.
                with m.If(self.sweep.done & ~self.phases.last & ~self.array.early):
                    m.d.comb += self.phases.advance.eq(1)
                    self._tick(m)
            with m.State("REFRESH"), m.If(self.refresh.done & ~self.array.busy):
                m.next = "RESULT"
            with m.State("IMAGE"), m.If(self.picture.done):
                m.next = "JUDGE"
            with m.State("JUDGE"), m.If(self.tally.done):
                m.next = "RESULT"
            with m.State("TRANSFER"), m.If(self.transfer.done & ~self.array.busy):
                m.next = "IDLE"
                with m.If(self.asked.kind == Kind.LOAD):
                    m.next = "RESULT"
            with m.State("RESULT"):
                m.d.comb += self.result.valid.eq(1)
                with m.If(self.result.ready):
                    m.next = "IDLE"
        self._share_array(m, fsm)
        return m

    def _begin(self, m):
        """Take a command, and start what does it."""
        command = self.command.payload
        m.d.sync += self.asked.eq(command)
        m.d.comb += [self.phases.start.eq(1), self.tally.clear.eq(1)]
        m.next = "TRANSFER"
        with m.Switch(command.kind):
            with m.Case(Kind.LOAD):
                m.d.comb += [self.transfer.load.eq(1), self.refresh.set.eq(1)]
                m.d.sync += self.saved.eq(command.walk)
            with m.Case(Kind.DUMP):
                m.d.comb += self.transfer.dump.eq(1)
            with m.Default():
                m.d.comb += [self.walk.load.eq(1), self.intake.start.eq(1)]
                m.next = "INTAKE"

    def _tick(self, m):
        """Begin a tick."""
        m.d.comb += [self.units.start.eq(1), self.sweep.start.eq(1)]

    def _finish(self, m):
        """After the last tick of a command."""
        m.d.comb += self.tally.judge.eq(1)
        m.next = "JUDGE"
        with m.Switch(self.asked.kind):
            with m.Case(Kind.TRAIN):
                m.d.comb += self.refresh.start.eq(1)
                m.d.sync += self.saved.eq(self.walk.register)
                m.next = "REFRESH"
            with m.Case(Kind.REGENERATE):
                m.d.comb += self.picture.start.eq(1)
                m.next = "IMAGE"

    def _share_array(self, m, fsm):
        """The array's requests come from one of three, of which one works at a time; its replies go to all."""
        array = self.array
        sources = {"TICK": self.sweep.requests, "REFRESH": self.refresh.requests, "TRANSFER": self.transfer.requests}
        for state, requests in sources.items():
            with m.If(fsm.ongoing(state)):
                wiring.connect(m, requests, array.requests)
        m.d.comb += [
            self.sums.valid.eq(array.valid),
            self.sums.tag.eq(array.tag),
            self.sums.weight.eq(array.weight),
            self.transfer.valid.eq(array.valid),
            self.transfer.levels.eq(array.levels),
        ]

    def _connect(self, m):
        """All wires that stay as they are."""
        units, walk, intake, result = self.units, self.walk, self.intake, self.result.payload
        command = self.command.payload
        wiring.connect(m, wiring.flipped(self.pixels), intake.pixels)
        wiring.connect(m, wiring.flipped(self.levels_in), self.transfer.levels_in)
        wiring.connect(m, self.transfer.levels_out, wiring.flipped(self.levels_out))
        wiring.connect(m, self.picture.image, wiring.flipped(self.image))
        for follower in (self.sweep, self.tally, self.picture):
            m.d.comb += [follower.valid.eq(units.valid), follower.report.eq(units.report)]
        m.d.comb += [
            self.phases.train.eq(command.kind == Kind.TRAIN),
            self.refresh.new_row.eq(command.refresh),
            walk.state.eq(Mux(command.kind == Kind.TRAIN, self.saved, self.machine.seed)),
            walk.draw.eq(units.draw),
            walk.count.eq(units.count),
            walk.draw_phase.eq(intake.draw),
            units.noise.eq(walk.noise),
            units.write_given.eq(intake.write),
            units.write_current.eq(self.sums.write),
            intake.phase.eq(walk.phase),
            intake.train.eq(self.asked.kind == Kind.TRAIN),
            intake.partial.eq(self.asked.kind == Kind.REGENERATE),
            intake.known.eq((self.asked.kind == Kind.INFER) | self.asked.hold),
            intake.label.eq(self.asked.label),
            self.sweep.step.eq(self.asked.step),
            self.tally.counts.eq(~self.phases.training),
            result["class"].eq(getattr(self.tally, "class")),
            result.scores.eq(self.tally.scores),
            result.walk.eq(self.saved),
            result.refresh.eq(self.refresh.row),
            self.tap_strobe.eq(units.valid),
            *(tap.eq(units.report[name]) for name, tap in self.taps.items()),
        ]
