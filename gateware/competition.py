"""The neurons of a learner, a word of lanes per cycle, and which of them is the best. Twin of ``golden/stdp.py``.

Membranes, thresholds and classes stand here; what happens in an image is decided in ``gateware/stdp.py``.
"""

from itertools import pairwise

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, enum, memory, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import saturate, shape_of
from gateware.sweep import currents_layout
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.learner import FRACTION_BITS

_BEFORE_RACE = 4
"""Cycles from a word's coming to the one in which its neurons enter the race."""


def pass_latency(grid: StdpGrid) -> int:
    """Cycles from the last word of a pass to its end: what is before the race, then the race."""
    return _BEFORE_RACE + grid.lane_bits + 1


class Move(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What happens to the threshold of the neuron that is pointed at."""

    NONE = 0
    RISE = 1
    """It won."""
    RAISE = 2
    """It won, and is of the wrong class."""
    LOWER = 3
    """It is of the right class, and has not won."""


def neuron_layout(grid: StdpGrid) -> data.StructLayout:
    """Which neuron."""
    return data.StructLayout({"lane": grid.lane_bits, "word": grid.neuron_bits - grid.lane_bits})


def kept_layout(grid: StdpGrid) -> data.StructLayout:
    """What a neuron keeps from image to image, its readout aside."""
    learner = grid.learner
    return data.StructLayout({"threshold": shape_of(learner.thresholds), "class": address_width(learner.classes)})


def best_layout(grid: StdpGrid) -> data.StructLayout:
    """The best neuron of those that may fire, and its class; ``key`` orders them, its top bit says whether one may."""
    return data.StructLayout(
        {
            "key": shape_of(grid.learner.excess).width + 1,
            "class": address_width(grid.learner.classes),
            "neuron": neuron_layout(grid),
        }
    )


def mode_layout(grid: StdpGrid) -> data.StructLayout:
    """What a pass is for; all of it must stay from its first word to ``over``.

    ``first``: membranes count as 0. ``forced``: all may fire that have not. ``of_class``: all of class ``label`` count,
    and no others. Of ``neuron``: that it has fired is kept where ``marks``; its threshold moves by ``move`` where
    ``adjusts``, after all have fallen where ``falls``.
    """
    flags = dict.fromkeys(("first", "forced", "of_class", "marks", "adjusts", "falls"), 1)
    label = address_width(grid.learner.classes)
    return data.StructLayout({**flags, "label": label, "move": Move, "neuron": neuron_layout(grid)})


def shown_layout(grid: StdpGrid) -> data.StructLayout:
    """What a step did to a word of neurons."""
    learner, lanes = grid.learner, grid.lanes
    return data.StructLayout(
        {
            "word": address_width(grid.column_words),
            "membrane": data.ArrayLayout(shape_of(learner.membrane), lanes),
            "excess": data.ArrayLayout(shape_of(learner.excess), lanes),
        }
    )


class Race(wiring.Component):
    """Finds the best of the candidates that come, the first of equals: a word of them per cycle.

    A word reaches ``best`` a cycle after it has gone through the tree, a level per cycle, and ``over`` is 1 then if it
    was the ``last``; ``begin`` forgets what came before.
    """

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        candidates = data.ArrayLayout(best_layout(grid), grid.lanes)
        super().__init__(
            {
                "begin": In(1),
                "valid": In(1),
                "last": In(1),
                "candidates": In(candidates),
                "over": Out(1),
                "best": Out(best_layout(grid)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        remaining = [self.candidates[lane] for lane in range(self.grid.lanes)]
        valid, last = self.valid, self.last
        for level in range(self.grid.lane_bits):
            winners = []
            for place, (one, other) in enumerate(zip(remaining[::2], remaining[1::2], strict=True)):
                winner = Signal(best_layout(self.grid), name=f"winner_{level}_{place}")
                m.d.sync += winner.eq(Mux(one.key >= other.key, one.as_value(), other.as_value()))
                winners.append(winner)
            flags = Signal(2, name=f"flags_{level}")
            m.d.sync += flags.eq(Cat(valid, last))
            remaining, valid, last = winners, flags[0], flags[1]
        m.d.sync += self.over.eq(valid & last)
        with m.If(self.begin):
            m.d.sync += self.best.eq(0)
        with m.Elif(valid & (remaining[0].key > self.best.key)):
            m.d.sync += self.best.eq(remaining[0])
        return m


class Competition(wiring.Component):
    """Passes over all words of neurons: with the currents that come, or after ``walk`` without.

    ``begin`` comes before a pass; ``over`` is 1 in the cycle in which its last word has gone through, `pass_latency`
    cycles after it came, and ``best`` then tells the best neuron. ``shown`` tells of each word of a pass with currents,
    where ``valid``.

    Between passes ``store`` writes what a neuron keeps, and ``kept`` is that of the neuron ``look`` of ``LOOKED``
    cycles before.
    """

    LOOKED = 2

    def __init__(self, grid: StdpGrid):
        self.grid = grid
        self.race = Race(grid)
        neuron, kept = neuron_layout(grid), kept_layout(grid)
        super().__init__(
            {
                "currents": In(currents_layout(grid.lanes, grid.column_words, grid.learner.membrane)),
                "begin": In(1),
                "walk": In(1),
                "mode": In(mode_layout(grid)),
                "over": Out(1),
                "best": Out(best_layout(grid)),
                "valid": Out(1),
                "shown": Out(shown_layout(grid)),
                "store": In(data.StructLayout({"valid": 1, "neuron": neuron, "kept": kept})),
                "look": In(neuron),
                "kept": Out(kept),
            }
        )
        self.state = data.StructLayout({"membrane": shape_of(grid.learner.membrane), "fired": 1})

    def elaborate(self, platform):
        m = Module()
        m.submodules.race = race = self.race
        stage = self._words(m)
        state, kept, write_state, write_kept = self._memories(m, stage)
        amount = self._amount(m)
        m.d.comb += [
            self.valid.eq(stage[4].valid & stage[4].integrates),
            self.shown.word.eq(stage[4].word),
            race.begin.eq(self.begin),
            race.valid.eq(stage[4].valid),
            race.last.eq(stage[4].last),
            self.over.eq(race.over),
            self.best.eq(race.best),
        ]
        for lane in range(self.grid.lanes):
            neuron = self._integrate(m, lane, stage[2], state[lane], kept[lane])
            self._judge(m, lane, stage[3], neuron)
            moved = self._moved(m, lane, stage[3], neuron, amount)
            m.d.comb += write_state.data[lane].eq(neuron.state)
            m.d.comb += write_kept.data[lane].eq(Mux(self.store.valid, self.store.kept.as_value(), moved.as_value()))
        return m

    def _words(self, m):
        """Which word is at each stage of the pipeline; the first is the one that comes."""
        word_bits, last_word = address_width(self.grid.column_words), self.grid.column_words - 1
        layout = data.StructLayout({"valid": 1, "integrates": 1, "last": 1, "word": word_bits})
        stage = [Signal(layout, name=f"stage_{number}") for number in range(_BEFORE_RACE + 1)]
        walking, word = Signal(), Signal(word_bits)
        with m.If(self.walk):
            m.d.sync += [walking.eq(1), word.eq(0)]
        with m.Elif(walking):
            m.d.sync += [word.eq(word + 1), walking.eq(word != last_word)]
        m.d.comb += [
            stage[0].valid.eq(self.currents.valid | walking),
            stage[0].integrates.eq(self.currents.valid),
            stage[0].word.eq(Mux(self.currents.valid, self.currents.word, word)),
            stage[0].last.eq(stage[0].word == last_word),
        ]
        m.d.sync += [later.eq(earlier) for earlier, later in pairwise(stage)]
        return stage

    def _memories(self, m, stage):
        """Of states and of what is kept: the word of two cycles before, of each, and both write ports."""
        grid, found, writes = self.grid, [], []
        for name, shape in (("state", self.state), ("keeps", kept_layout(grid))):
            words = data.ArrayLayout(shape, grid.lanes)
            m.submodules[name] = store = memory.Memory(shape=words, depth=grid.column_words, init=[])
            read = store.read_port()
            m.d.comb += read.addr.eq(Mux(stage[0].valid, stage[0].word, self.look.word))
            # What block RAM gives comes late in a cycle.
            found.append(Signal(words, name=f"{name}_read"))
            m.d.sync += found[-1].eq(read.data)
            writes.append(store.write_port(granularity=None if name == "state" else 1))
        looked, fetched = Signal.like(self.look), Signal.like(self.look)
        m.d.sync += [looked.eq(self.look), fetched.eq(looked)]
        stored, adjusted = self.store.neuron, stage[4].valid & self.mode.adjusts
        enables = [adjusted | (self.store.valid & (stored.lane == lane)) for lane in range(grid.lanes)]
        kept = [found[1][lane].as_value() for lane in range(grid.lanes)]
        m.d.comb += [
            self.kept.as_value().eq(Array(kept)[fetched.lane]),
            writes[0].addr.eq(stage[3].word),
            writes[0].en.eq(stage[3].valid),
            writes[1].addr.eq(Mux(self.store.valid, stored.word, stage[4].word)),
            writes[1].en.eq(Cat(enables)),
        ]
        return *found, *writes

    def _amount(self, m):
        """What the threshold of the neuron that is pointed at moves by."""
        learner, most = self.grid.learner, max(self.grid.learner.rise, self.grid.learner.nudge)
        amount = Signal(shape_of(Range(lo=-most - 1, hi=most)))
        amounts = {Move.RISE: learner.rise, Move.RAISE: learner.nudge, Move.LOWER: -learner.nudge}
        with m.Switch(self.mode.move):
            for move, value in amounts.items():
                with m.Case(move):
                    m.d.comb += amount.eq(value)
        return amount

    def _here(self, lane, word):
        """Whether a lane of a word is the neuron that is pointed at."""
        return Cat(Const(lane, self.grid.lane_bits), word) == self.mode.neuron.as_value()

    def _integrate(self, m, lane, stage, state, kept):
        """A neuron after a word's currents: state, what it keeps, and its threshold once it has fallen."""
        learner, mode, membrane = self.grid.learner, self.mode, shape_of(self.grid.learner.membrane)
        neuron = Signal(
            data.StructLayout({"state": self.state, "kept": kept.shape(), "fallen": kept.threshold.shape()}),
            name=f"neuron_{lane}",
        )
        currents = [Signal(membrane, name=f"current_{number}_{lane}") for number in range(2)]
        before = Signal(self.state, name=f"before_{lane}")
        starts = mode.first & stage.integrates
        integrated = before.membrane + currents[1] - learner.leakage
        fallen = kept.threshold - Mux(mode.falls, learner.fall, 0)
        m.d.comb += before.eq(Mux(starts, 0, state.as_value()))
        m.d.sync += [
            currents[0].eq(self.currents.current[lane]),
            currents[1].eq(currents[0]),
            neuron.state.membrane.eq(Mux(stage.integrates, Mux(integrated < 0, 0, integrated), before.membrane)),
            neuron.state.fired.eq(before.fired | (mode.marks & self._here(lane, stage.word))),
            neuron.kept.eq(kept),
            neuron.fallen.eq(Mux(fallen < 0, 0, fallen)),
        ]
        return neuron

    def _judge(self, m, lane, stage, neuron):
        """Let a neuron into the race, and show it."""
        learner, mode, candidate = self.grid.learner, self.mode, self.race.candidates[lane]
        excess = Signal(shape_of(learner.excess), name=f"excess_{lane}")
        m.d.comb += excess.eq(neuron.state.membrane - (neuron.kept.threshold >> FRACTION_BITS))
        exists = stage.word < -(-max(0, learner.neurons - lane) // self.grid.lanes)
        of_class = neuron.kept["class"] == mode.label
        may = Mux(mode.of_class, of_class, ~neuron.state.fired & (mode.forced | (excess >= 0)))
        entry = Signal(best_layout(self.grid), name=f"entry_{lane}")
        # Ordered as unsigned numbers: those that may fire above those that may not, then by their excess.
        m.d.sync += [
            entry.key.eq(Cat(excess[:-1], ~excess[-1], exists & may)),
            entry["class"].eq(neuron.kept["class"]),
            entry.neuron.eq(Cat(Const(lane, self.grid.lane_bits), stage.word)),
            self.shown.membrane[lane].eq(neuron.state.membrane),
            self.shown.excess[lane].eq(excess),
        ]
        m.d.comb += candidate.eq(entry)

    def _moved(self, m, lane, stage, neuron, amount):
        """What a neuron keeps after its threshold has moved."""
        moved = Signal(kept_layout(self.grid), name=f"moved_{lane}")
        here = self._here(lane, stage.word)
        risen = saturate(neuron.fallen + amount, self.grid.learner.thresholds)
        m.d.sync += [moved["class"].eq(neuron.kept["class"]), moved.threshold.eq(Mux(here, risen, neuron.fallen))]
        return moved
