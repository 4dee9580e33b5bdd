"""Readouts: what the last layer did becomes scores and a class. Twin of ``golden/readout.py``."""

from dataclasses import dataclass

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, each, lookup, result_layout, shape_of
from snnhw.implementation import LayerShape, address_width
from snnhw.kinds import twin
from snnhw.network import Network, Range


def completed_classes(shape: LayerShape, classes: int) -> list[list[int]]:
    """The classes that each word completes: those whose last neuron it brings."""
    population = shape.units // classes
    ends = [[unit + 1 for unit in lanes if unit is not None and (unit + 1) % population == 0] for lanes in shape.order]
    return [[end // population - 1 for end in word] for word in ends]


def readout_latency(shape: LayerShape, classes: int) -> int:
    """Cycles from the transfer of a sample's last word to the offer of its result."""
    most = max(map(len, completed_classes(shape, classes)))
    return 2 + (most - 1).bit_length()


@dataclass(frozen=True)
class _Candidate:
    """A class and its score; where ``valid`` is 0 there is none."""

    score: Value
    index: Value
    valid: Value


class Readout(wiring.Component):
    """Takes in the last layer's words and gives the class and all scores in one transfer a sample.

    Accepts a word a cycle and compares while words come: the classes that a word completes in a tree of a register a
    level, its winner with the best so far. The result is offered ``readout_latency`` cycles after the last word was
    taken, 2 + ceil(log2(the most classes that a word completes)); until the result has been taken no further word is.
    The marks of the words tell steps and samples apart.

    ``steps`` is the payload of the last layer's neurons, ``scores`` the range of a score. ``steps_a_word`` is 1, or
    ``num_steps`` where a word brings all of its neurons' steps.
    """

    def __init__(
        self, network: Network, shape: LayerShape, steps: data.StructLayout, scores: Range, steps_a_word: int = 1
    ):
        if steps_a_word not in (1, network.num_steps):
            raise ValueError(f"steps_a_word must be 1 or all {network.num_steps} steps, not {steps_a_word}")
        self.rule = twin(network.readout, "gateware")(network.num_steps, steps_a_word)
        self.lowest_wins = network.readout.lowest_wins
        self.classes = network.classes
        self.num_steps = network.num_steps
        self.steps_a_word = steps_a_word
        self.shape = shape
        self.population = shape.units // network.classes
        super().__init__(
            {
                "steps": In(stream.Signature(steps)),
                "result": Out(stream.Signature(result_layout(network.classes, scores))),
            }
        )
        self._score_shape = shape_of(scores)

    def elaborate(self, platform):
        m = Module()
        word, step = Signal(address_width(self.shape.words)), Signal(address_width(self.num_steps))
        taken, closing, mark = Signal(), Signal(), self.steps.payload.mark
        m.d.comb += [
            self.steps.ready.eq(~closing & ~self.result.valid),
            taken.eq(self.steps.valid & self.steps.ready),
        ]
        with m.If(taken):
            m.d.sync += [word.eq(word + 1), closing.eq(mark == Mark.SAMPLE)]
            with m.If(mark != Mark.EVENT):
                m.d.sync += [word.eq(0), step.eq(Mux(mark == Mark.SAMPLE, 0, step + 1))]
        now = step if self.steps_a_word == 1 else Const(0)
        keep = self._keep if self.population == 1 else self._keep_votes
        last_word, fresh, ends = Signal.like(word), Signal(), Signal(Mark)
        m.d.sync += [last_word.eq(word), fresh.eq(taken), ends.eq(mark)]
        candidates = keep(m, taken, word, now, last_word)
        while len(candidates) > 1:
            candidates, fresh, ends = self._level(m, candidates, fresh, ends)
        self._choose(m, candidates[0], fresh, ends)
        with m.If(fresh & (ends == Mark.SAMPLE)):
            m.d.sync += [closing.eq(0), self.result.valid.eq(1)]
        with m.If(self.result.valid & self.result.ready):
            m.d.sync += self.result.valid.eq(0)
        return m

    def _keep(self, m, taken, word, step, last_word):
        """Scores of single neurons go round, a lane's in as many registers as there are words; the newest is last."""
        order, scores = self.shape.order, self.result.payload.scores
        candidates = []
        for lane in range(self.shape.neuron_lanes):
            held = [
                Signal(self._score_shape, name=f"score_{lane}_{index}", reset_less=True) for index in range(len(order))
            ]
            with m.If(taken):
                new = self._score(held[0], step, [lane], starts=True)
                m.d.sync += [register.eq(value) for register, value in zip(held, [*held[1:], new], strict=True)]
            classes = [lanes[lane] for lanes in order]
            m.d.comb += [scores[i].eq(score) for i, score in zip(classes, held, strict=True) if i is not None]
            candidates.append(self._candidate(last_word, [held[-1]] * len(order), classes))
        return candidates

    def _keep_votes(self, m, taken, word, step, last_word):
        """Scores of populations, each in a register; a word adds to those whose neurons it brings."""
        scores = [Signal(self._score_shape, name=f"score_{i}", reset_less=True) for i in range(self.classes)]
        m.d.comb += [self.result.payload.scores[i].eq(score) for i, score in enumerate(scores)]
        for index, lanes in enumerate(self.shape.order):
            voters: dict[int, list[int]] = {}
            for lane, unit in enumerate(lanes):
                if unit is not None:
                    voters.setdefault(unit // self.population, []).append(lane)
            with m.If(taken & (word == index)):
                for i, chosen in voters.items():
                    starts = lanes[chosen[0]] == i * self.population
                    m.d.sync += scores[i].eq(self._score(scores[i], step, chosen, starts=starts))
        completed, candidates = completed_classes(self.shape, self.classes), []
        for place in range(max(map(len, completed))):
            classes = [done[place] if place < len(done) else None for done in completed]
            chosen = [scores[i or 0] for i in classes]
            candidates.append(self._candidate(last_word, chosen, classes))
        return candidates

    def _candidate(self, word, scores, classes):
        """What a word brings to be compared, from the score and the class that each word completes in one place."""
        known = next(i for i in classes if i is not None)
        indices = [known if i is None else i for i in classes]
        return _Candidate(
            score=scores[0] if all(score is scores[0] for score in scores) else Array(scores)[word],
            index=lookup(word, indices, unsigned(address_width(self.classes))),
            valid=lookup(word, [i is not None for i in classes], unsigned(1)),
        )

    def _score(self, before, step, lanes, *, starts):
        """A score after the neurons in ``lanes``; ``starts`` where the first of them is the class's first neuron."""
        return self.rule.score(before, step, self.steps.payload, lanes, starts)

    def _better(self, score, best):
        """Whether a score of a higher class wins."""
        return score < best if self.lowest_wins else score > best

    def _level(self, m, candidates, fresh, ends):
        """A level of the tree: of each two neighbours the better one, the first of equals, a cycle later."""
        next_fresh, next_ends = Signal(), Signal(Mark)
        m.d.sync += [next_fresh.eq(fresh), next_ends.eq(ends)]
        winners = []
        for first, second in zip(candidates[::2], [*candidates[1::2], None], strict=False):
            winner = _Candidate(
                Signal(self._score_shape, name="winner_score"),
                Signal(address_width(self.classes), name="winner_index"),
                Signal(name="winner_valid"),
            )
            second = second or first
            overtakes = second.valid & self._better(second.score, first.score)
            m.d.sync += [
                winner.score.eq(Mux(overtakes, second.score, first.score)),
                winner.index.eq(Mux(overtakes, second.index, first.index)),
                winner.valid.eq(first.valid),
            ]
            winners.append(winner)
        return winners, next_fresh, next_ends

    def _choose(self, m, candidate, fresh, ends):
        """Compare a word's winner with the best so far; a step begins with none."""
        best, none = Signal(self._score_shape, reset_less=True), Signal(init=1)
        with m.If(fresh):
            m.d.sync += none.eq((ends != Mark.EVENT) | (none & ~candidate.valid))
            with m.If(candidate.valid & (none | self._better(candidate.score, best))):
                m.d.sync += [best.eq(candidate.score), self.result.payload["class"].eq(candidate.index)]


class Scores:
    """What is done to a score; ``steps_a_word`` is that of :class:`Readout`."""

    def __init__(self, num_steps: int, steps_a_word: int):
        self.num_steps = num_steps
        self.steps_a_word = steps_a_word

    def _spikes(self, layer, lanes):
        """Of each lane's neuron the spikes at each step that the word shows."""
        return [spike for lane in lanes for spike in each(layer.spike[lane], self.steps_a_word)]


class MembraneScores(Scores):
    """Twin of golden's: the membranes after the last step."""

    def score(self, before, step, layer, lanes, starts):
        """The score after a word."""
        return each(layer.membrane[lanes[0]], self.steps_a_word)[-1]


class FirstSpikeScores(Scores):
    """Twin of golden's: the step of each neuron's first spike; ``num_steps`` until it comes."""

    def score(self, before, step, layer, lanes, starts):
        """The score after a word."""
        spikes, count = self._spikes(layer, lanes), self.steps_a_word
        first = self.num_steps if count > 1 else Mux(step == 0, self.num_steps, before)
        for t in reversed(range(count)):
            at = t if count > 1 else step
            first = Mux(spikes[t].any() & ((first == self.num_steps) | (count > 1)), at, first)
        return first


class CountScores(Scores):
    """Twin of golden's: the spikes of each class's neurons, which are neighbours."""

    def score(self, before, step, layer, lanes, starts):
        """The score after a word; ``starts`` where its first neuron is the class's first."""
        return sum(self._spikes(layer, lanes), Mux(step == 0, 0, before) if starts else before)
