"""A learner by STDP, assembled. Twin of ``golden/stdp.py``."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.association import MOST_RATE, Association
from gateware.competition import Competition, Move
from gateware.exchange import NeuronExchange, WeightExchange, neuron_layout, word_layout
from gateware.latency import SpikeTimes, StepSweep, beat_layout
from gateware.plasticity import LOUDEST, ColumnUpdate
from gateware.stream import shape_of
from gateware.sweep import Accumulators
from gateware.synapses import WeightArray
from snnhw.implementation import address_width
from snnhw.stdp.grid import StdpGrid, WeightMemory
from snnhw.stdp.learner import Learner

TOP = "stdp"

PARTS = ("times", "sweep", "array", "sums", "competition", "update", "association", "weights", "neurons")


class Kind(enum.Enum, shape=3):  # type: ignore[call-arg]
    """What a command asks for."""

    TRAIN = 0
    TEACH = 1
    INFER = 2
    TRAIN_READOUT = 3
    LOAD_WEIGHTS = 4
    LOAD_NEURONS = 5
    DUMP_WEIGHTS = 6
    DUMP_NEURONS = 7


def command_layout(learner: Learner) -> data.StructLayout:
    """``amplitude`` and ``rate`` as powers of two, ``label`` of an image; ``register``, not 0, of a load of weights."""
    return data.StructLayout(
        {
            "kind": Kind,
            "label": address_width(learner.classes),
            "amplitude": range(LOUDEST),
            "rate": range(MOST_RATE + 1),
            "register": 32,
        }
    )


def result_layout(grid: StdpGrid) -> data.StructLayout:
    """The readout's class and scores; how many neurons fired, the first of them, its class and step; the register."""
    learner = grid.learner
    classes = address_width(learner.classes)
    return data.StructLayout(
        {
            "class": classes,
            "scores": data.ArrayLayout(shape_of(learner.scores), learner.classes),
            "fired": range(learner.spikes + 1),
            "winner": grid.neuron_bits,
            "assigned": classes,
            "step": address_width(learner.num_steps),
            "register": 32,
        }
    )


def tap_layout(grid: StdpGrid, shown: data.StructLayout) -> data.StructLayout:
    """A word of neurons in a step, ``place`` being the word; or where ``spike`` the neuron that fires after it."""
    return data.StructLayout(
        {"spike": 1, "place": grid.neuron_bits, "membrane": shown["membrane"].shape, "excess": shown["excess"].shape}
    )


class StdpCircuit(wiring.Component):
    """A learner of ``lanes`` lanes that learns and infers; one command after the other.

    ``command`` is taken when the one before is done. TRAIN, TEACH, INFER and TRAIN_READOUT take an image from
    ``pixels``. LOAD_WEIGHTS takes all weights from ``weights_in``, row by row, DUMP_WEIGHTS gives them on
    ``weights_out``; LOAD_NEURONS and DUMP_NEURONS do the same with what neurons keep. Every command but a dump ends
    with a ``result``; of TRAIN, TEACH and loads class and scores are 0, and so are winner, its class and its step where
    nothing fired. Back-pressure stops what waits for it and nothing else.

    Weights, thresholds, classes and readout are those of loads; before them they are 0, weights in single-port RAM
    (``memory``) anything.

    The floor, with one word of synapses read a cycle, of an image of which n pixels fire in a step:

        column_words * n of every step up to the last one that is needed, then row_words for each neuron that learns.

    A step takes some 17 cycles more, and counts as one of a pixel where n is 0; ``snnhw/stdp/timing.py`` has the whole
    of it.
    """

    def __init__(self, learner: Learner, lanes: int, memory: WeightMemory = "bram"):
        self.learner = learner
        self.grid = grid = StdpGrid(learner, lanes, memory)
        word, neuron = stream.Signature(word_layout(grid)), stream.Signature(neuron_layout(grid))
        super().__init__(
            {
                "command": In(stream.Signature(command_layout(learner))),
                "pixels": In(stream.Signature(beat_layout(grid))),
                "weights_in": In(word),
                "neurons_in": In(neuron),
                "result": Out(stream.Signature(result_layout(grid))),
                "weights_out": Out(word),
                "neurons_out": Out(neuron),
            }
        )
        self.times = SpikeTimes(grid)
        self.sweep = StepSweep(grid)
        self.array = WeightArray(grid)
        self.sums = Accumulators(lanes, grid.column_words, learner.weight, learner.membrane)
        self.competition = Competition(grid)
        self.update = ColumnUpdate(grid)
        self.association = Association(grid)
        self.weights = WeightExchange(grid)
        self.neurons = NeuronExchange(grid)
        self.asked = Signal(command_layout(learner))
        best, step = self.competition.best, address_width(learner.num_steps)
        self.step = Signal(step)
        self.first = Signal(
            data.StructLayout({"neuron": grid.neuron_bits, "class": address_width(learner.classes), "step": step})
        )
        self.picking, self.again, self.passed = Signal(), Signal(), Signal()
        self.chosen = Signal(data.StructLayout({"neuron": best.neuron.shape(), "turns": 1, "move": Move}))
        self.tapped = tap_layout(grid, self.competition.shown.shape())
        self.tap_strobe = Signal()
        self.taps = {name: Signal(field.width, name=f"tap_{name}") for name, field in self.tapped}

    def elaborate(self, platform):
        m = Module()
        for name in PARTS:
            m.submodules[name] = getattr(self, name)
        association, update, over = self.association, self.update, self.competition.over
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.comb += self.command.ready.eq(1)
                with m.If(self.command.valid):
                    self._begin(m)
            with m.State("INTAKE"), m.If(self.times.done):
                m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += [self.sweep.start.eq(1), self.competition.begin.eq(1)]
                m.next = "STEP"
            with m.State("STEP"), m.If(over):
                self._decide(m)
            with m.State("RIGHT"), m.If(over):
                self._teach(m)
            with m.State("UPDATE"):
                m.d.comb += [update.start.eq(1), self.competition.walk.eq(1)]
                m.d.sync += self.passed.eq(0)
                m.next = "UPDATING"
            with m.State("UPDATING"):
                m.d.sync += self.passed.eq(self.passed | over)
                with m.If(update.done & self.passed):
                    m.next = "RESULT"
                    with m.If(self.again):
                        self._unlearn(m)
            with m.State("SCORE"):
                m.d.comb += association.score.eq(1)
                m.next = "SCORING"
            with m.State("SCORING"), m.If(association.done):
                m.d.comb += association.learn.eq((self.asked.kind == Kind.TRAIN_READOUT) & association.close)
                m.next = "LEARNING"
            with m.State("LEARNING"), m.If(association.done):
                m.next = "RESULT"
            with m.State("EXCHANGE"), m.If(self.weights.done & self.neurons.done):
                m.next = "IDLE"
                with m.If((self.asked.kind == Kind.LOAD_WEIGHTS) | (self.asked.kind == Kind.LOAD_NEURONS)):
                    m.next = "RESULT"
            with m.State("RESULT"):
                m.d.comb += self.result.valid.eq(1)
                with m.If(self.result.ready):
                    m.next = "IDLE"
        self._connect(m, fsm)
        return m

    def _begin(self, m):
        """Take a command, and start what does it."""
        command = self.command.payload
        m.d.sync += [self.asked.eq(command), self.first.eq(0), self.step.eq(0)]
        m.d.sync += [self.picking.eq(0), self.again.eq(0)]
        m.d.comb += [self.association.clear.eq(1), self.sweep.clear.eq(1)]
        m.next = "EXCHANGE"
        with m.Switch(command.kind):
            with m.Case(Kind.LOAD_WEIGHTS):
                m.d.comb += [self.weights.load.eq(1), self.update.set.eq(1)]
            with m.Case(Kind.LOAD_NEURONS):
                m.d.comb += self.neurons.load.eq(1)
            with m.Case(Kind.DUMP_WEIGHTS):
                m.d.comb += self.weights.dump.eq(1)
            with m.Case(Kind.DUMP_NEURONS):
                m.d.comb += self.neurons.dump.eq(1)
            with m.Default():
                m.d.comb += self.times.start.eq(1)
                m.next = "INTAKE"

    def _decide(self, m):
        """After a pass of a step: whether its best neuron fires, and what comes then."""
        best, learns = self.competition.best, self._is(Kind.TRAIN, Kind.TEACH)
        with m.If(best.key[-1]):
            m.d.comb += [self.association.spike.eq(1), self.competition.begin.eq(1)]
            m.d.sync += [self.chosen.neuron.eq(best.neuron), self.chosen.turns.eq(0), self.chosen.move.eq(Move.RISE)]
            m.d.sync += self.picking.eq(1)
            with m.If(self.association.count == 0):
                m.d.sync += [self.first.neuron.eq(best.neuron), self.first["class"].eq(best["class"])]
                m.d.sync += self.first.step.eq(self.step)
            with m.If(self.asked.kind == Kind.TRAIN):
                m.next = "UPDATE"
            with m.Elif(self.asked.kind == Kind.TEACH):
                m.d.comb += self.competition.walk.eq(1)
                m.next = "RIGHT"
            with m.Elif(self.association.count == self.learner.spikes - 1):
                m.next = "SCORE"
            with m.Else():
                m.d.comb += self.competition.walk.eq(1)
        with m.Elif(self.step == self.learner.num_steps - 1):
            m.next = "SCORE"
            with m.If(learns):
                m.next = "RESULT"
        with m.Else():
            m.d.sync += [self.step.eq(self.step + 1), self.picking.eq(0)]
            m.next = "BEGIN"

    def _teach(self, m):
        """After the search for the best neuron of the label's class: it learns, and a wrong winner unlearns."""
        best, wrong = self.competition.best, self.first["class"] != self.asked.label
        won = best.neuron.as_value() == self.first.neuron
        m.next = "RESULT"
        with m.If(wrong):
            self._unlearn(m)
        with m.If(best.key[-1]):
            m.d.sync += [self.chosen.neuron.eq(best.neuron), self.chosen.turns.eq(0), self.again.eq(wrong)]
            m.d.sync += self.chosen.move.eq(Mux(won, Move.NONE, Move.LOWER))
            m.next = "UPDATE"

    def _unlearn(self, m):
        """Begin the update of a winner that is of the wrong class."""
        m.d.sync += [self.chosen.neuron.eq(self.first.neuron), self.chosen.turns.eq(1), self.again.eq(0)]
        m.d.sync += self.chosen.move.eq(Move.RAISE)
        m.next = "UPDATE"

    def _is(self, *kinds):
        """Whether the command is one of these."""
        return Cat(self.asked.kind == kind for kind in kinds).any()

    def _connect(self, m, fsm):
        """All wires that stay as they are."""
        times, sweep, array, update = self.times, self.sweep, self.array, self.update
        wiring.connect(m, wiring.flipped(self.pixels), times.pixels)
        wiring.connect(m, wiring.flipped(self.weights_in), self.weights.words_in)
        wiring.connect(m, self.weights.words_out, wiring.flipped(self.weights_out))
        wiring.connect(m, wiring.flipped(self.neurons_in), self.neurons.neurons_in)
        wiring.connect(m, self.neurons.neurons_out, wiring.flipped(self.neurons_out))
        m.d.comb += [
            sweep.listed.eq(times.listed),
            sweep.step.eq(self.step),
            times.address.eq(update.address),
            update.steps.eq(times.steps),
            update.weight.eq(array.weight),
            update.neuron.eq(self.chosen.neuron),
            update.turns.eq(self.chosen.turns),
            update.step.eq(self.first.step),
            update.loudness.eq(self.asked.amplitude + ~self.chosen.turns),
            update.state.eq(self.command.payload.register),
            self.weights.valid.eq(array.valid),
            self.weights.weight.eq(array.weight),
            self.sums.valid.eq(array.valid),
            self.sums.tag.eq(array.tag),
            self.sums.weight.eq(array.weight),
            # One of them works at a time.
            array.reads.eq(Mux(sweep.reads.valid, sweep.reads.as_value(), self._other("reads"))),
            array.writes.eq(self._other("writes")),
        ]
        self._connect_neurons(m, fsm)
        self._show(m)

    def _other(self, name):
        """Reads, or writes, of the update, or else of the exchange of weights."""
        one, other = getattr(self.update, name), getattr(self.weights, name)
        return Mux(one.valid, one.as_value(), other.as_value())

    def _connect_neurons(self, m, fsm):
        """What goes to the neurons and their readout, and back."""
        competition, association, exchange = self.competition, self.association, self.neurons
        mode, keeps, coming = competition.mode, competition.kept, exchange.neurons_in.payload
        forced = self.step == self.learner.num_steps - 1 if self.learner.forced else 0
        m.d.comb += [
            competition.currents.eq(self.sums.write),
            mode.first.eq(self.step == 0),
            mode.forced.eq(forced),
            mode.of_class.eq(fsm.ongoing("RIGHT")),
            mode.marks.eq(self.picking),
            mode.adjusts.eq(fsm.ongoing("UPDATING")),
            mode.falls.eq(self.asked.kind == Kind.TRAIN),
            mode.label.eq(self.asked.label),
            mode.move.eq(self.chosen.move),
            mode.neuron.eq(self.chosen.neuron),
            competition.store.valid.eq(exchange.stores),
            competition.store.neuron.eq(exchange.neuron),
            competition.store.kept.threshold.eq(coming.threshold),
            competition.store.kept["class"].eq(coming["class"]),
            competition.look.eq(exchange.neuron),
            association.store.valid.eq(exchange.stores),
            association.store.neuron.eq(exchange.neuron),
            association.store.row.eq(coming.readout),
            association.look.eq(exchange.neuron),
            association.neuron.eq(competition.best.neuron),
            association.label.eq(self.asked.label),
            association.rate.eq(self.asked.rate),
            exchange.shown.threshold.eq(keeps.threshold),
            exchange.shown["class"].eq(keeps["class"]),
            exchange.shown.readout.eq(association.row),
        ]

    def _show(self, m):
        """The result, and the tap."""
        result, shown, spike = self.result.payload, self.competition.shown, self.association.spike
        m.d.comb += [
            result["class"].eq(getattr(self.association, "class")),
            result.scores.eq(self.association.scores),
            result.fired.eq(self.association.count),
            result.winner.eq(self.first.neuron),
            result.assigned.eq(self.first["class"]),
            result.step.eq(self.first.step),
            result.register.eq(self.update.register),
            self.tap_strobe.eq(self.competition.valid | spike),
            self.taps["spike"].eq(spike),
            self.taps["place"].eq(Mux(spike, self.competition.best.neuron.as_value(), shown.word)),
            self.taps["membrane"].eq(shown.membrane),
            self.taps["excess"].eq(shown.excess),
        ]
