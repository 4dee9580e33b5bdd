"""Readouts: what the last layer did becomes scores and a class. Twin of ``golden/readout.py``."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import result_layout, shape_of
from snnhw.implementation import LayerShape, address_width
from snnhw.network import Network, Range


class Readout(wiring.Component):
    """Takes in the last layer's words and gives the class and all scores in one transfer a sample.

    Accepts a word a cycle. After the last word it compares one score a cycle, so the result is offered
    ``classes + 1`` cycles after that word was taken; until the result has been taken no further word is.

    ``steps`` is the payload of the last layer's bank, ``scores`` the range of a score.
    """

    def __init__(self, network: Network, shape: LayerShape, steps: data.StructLayout, scores: Range):
        self.kind = network.readout.kind
        self.classes = network.classes
        self.num_steps = network.num_steps
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
        scores = [Signal(self._score_shape, name=f"score_{i}") for i in range(self.classes)]
        word, step = Signal(address_width(self.shape.words)), Signal(address_width(self.num_steps))
        comparing, candidate = Signal(), Signal(address_width(self.classes))
        taken, last_word, last_step = Signal(), Signal(), Signal()
        m.d.comb += [
            self.steps.ready.eq(~comparing & ~self.result.valid),
            taken.eq(self.steps.valid & self.steps.ready),
            last_word.eq(word == self.shape.words - 1),
            last_step.eq(step == self.num_steps - 1),
            *(self.result.payload.scores[i].eq(score) for i, score in enumerate(scores)),
        ]
        with m.If(taken):
            m.d.sync += word.eq(Mux(last_word, 0, word + 1))
            with m.If(last_word):
                m.d.sync += step.eq(Mux(last_step, 0, step + 1))
                with m.If(last_step):
                    m.d.sync += [comparing.eq(1), candidate.eq(0)]
            self._step(m, scores, word, step)
        with m.If(comparing):
            self._choose(m, scores, candidate)
            with m.If(candidate == self.classes - 1):
                m.d.sync += [comparing.eq(0), self.result.valid.eq(1)]
            with m.Else():
                m.d.sync += candidate.eq(candidate + 1)
        with m.If(self.result.valid & self.result.ready):
            m.d.sync += self.result.valid.eq(0)
        return m

    def _step(self, m, scores, word, step):
        """The scores after a word; each word brings neurons of its own."""
        for index, lanes in enumerate(self.shape.order):
            voters: dict[int, list[int]] = {}
            for lane, unit in enumerate(lanes):
                if unit is not None:
                    voters.setdefault(unit // self.population, []).append(lane)
            with m.If(word == index):
                for i, chosen in voters.items():
                    self._score(m, scores[i], step, chosen, starts=lanes[chosen[0]] == i * self.population)

    def _score(self, m, score, step, lanes, *, starts):
        """One score after the neurons in ``lanes``; ``starts`` where the first of them is the class's first neuron."""
        layer = self.steps.payload
        if self.kind == "membrane":
            with m.If(step == self.num_steps - 1):
                m.d.sync += score.eq(layer.membrane[lanes[0]])
        elif self.kind == "first_spike":
            before = Mux(step == 0, self.num_steps, score)
            fires = layer.spike[lanes[0]].any() & (before == self.num_steps)
            m.d.sync += score.eq(Mux(fires, step, before))
        else:
            before = Mux(step == 0, 0, score) if starts else score
            m.d.sync += score.eq(sum((layer.spike[lane] for lane in lanes), before))

    def _choose(self, m, scores, candidate):
        """Compare the next score with the best one; the first of equals stays."""
        best = Signal(self._score_shape)
        score = Array(scores)[candidate]
        better = score < best if self.kind == "first_spike" else score > best
        with m.If((candidate == 0) | better):
            m.d.sync += [best.eq(score), self.result.payload["class"].eq(candidate)]
