"""Neurons one after the other, each through all of its time steps. Twin of ``golden/neuron.py``."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from amaranth.hdl import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.neuron import NeuronLane, lane_parameters, neuron_numbers, step_layout
from gateware.stream import Mark, current_layout, each, lookup, shape_of
from snnhw.implementation import address_width

if TYPE_CHECKING:
    from snnhw.design import DesignLayer

Steps = list[dict[str, Any]]
"""What a neuron did, by name, one entry a step."""


class NeuronPipeline(wiring.Component):
    """``units`` neurons in words of ``neuron_lanes``, each word through all ``num_steps`` steps before the next.

    Takes in one word of currents at a time, in the order of ``LayerShape.order``: one number a lane, which it applies
    at every step (``constant``), or one a step, which one unit a lane takes in one after the other. Sends all steps of
    a word at once, marked EVENT, the sample's last word SAMPLE. It keeps no state between words: each starts from
    ``initial``.

    With ``step_lanes`` = ``num_steps`` the steps are stages of a pipeline: a word a cycle, offered 2 * ``num_steps``
    cycles after it was taken; it goes on until a word that was not taken at once has moved out of it, and holds while
    that waits, so that no ready passes through. With
    ``step_lanes`` = 1 one unit a lane does a step a cycle: a word every ``num_steps`` cycles, offered ``num_steps`` + 1
    cycles after it was taken or, where each step comes with a current, in the cycle after the last of these was taken;
    the next is worked on meanwhile and waits in its last step until the offered one is gone.
    A single step is a pipeline.
    """

    def __init__(self, layer: DesignLayer):
        neuron, ranges, num_steps = layer.neuron, layer.built, layer.network.num_steps
        self.shape = shape = layer.shape
        self.num_steps = num_steps
        self.constant = constant = layer.constant
        self.unrolled = layer.chosen.step_lanes == num_steps
        self.parameters = neuron_numbers(layer)
        self.arithmetic = NeuronLane(neuron, ranges)
        self.given = num_steps if self.unrolled and not constant else 1
        currents = current_layout(shape.neuron_lanes, ranges.current, self.given)
        super().__init__(
            {
                "currents": In(stream.Signature(currents)),
                "steps": Out(stream.Signature(step_layout(neuron, ranges, shape, num_steps))),
            }
        )
        fields = [field.name for field in self.arithmetic.fields]
        self.tap_strobe = Signal()
        self.taps = {
            name: Signal(len(self.steps.payload[name].as_value()), name=f"tap_{name}")
            for name in ("integrated", "spike", "value", *fields)
        }

    def elaborate(self, platform):
        m = Module()
        lanes, word, final = self._pipeline(m) if self.unrolled else self._ring(m)
        steps = self.steps
        m.d.comb += [
            steps.payload.mark.eq(Mux(final, Mark.SAMPLE, Mark.EVENT)),
            steps.payload.base.eq(lookup(word, self.shape.starts, steps.payload.base.shape())),
            self.tap_strobe.eq(steps.valid & steps.ready),
        ]
        for name, tap in self.taps.items():
            for lane, shown in enumerate(lanes):
                places = each(steps.payload[name][lane], self.num_steps)
                m.d.comb += [place.eq(step[name]) for place, step in zip(places, shown, strict=True)]
            m.d.comb += tap.eq(steps.payload[name])
        return m

    def _pipeline(self, m: Module) -> tuple[list[Steps], Value, Value]:
        """Two stages a step, integrate and fire; what a step gave goes along with the word to the end.

        So does whether the word is the last, which would be too late to find out there.
        """
        moves, waits, end = Signal(), Signal(), 2 * self.num_steps
        valid = [self.currents.valid, *(Signal(name=f"valid_{stage}") for stage in range(1, end + 1))]
        m.d.comb += [
            moves.eq(~waits),
            self.currents.ready.eq(moves),
            self.steps.valid.eq(waits | valid[-1]),
        ]
        m.d.sync += waits.eq(self.steps.valid & ~self.steps.ready)
        with m.If(moves):
            m.d.sync += [new.eq(old) for old, new in pairwise(valid)]
        next_word, _ = self._count(m, self.currents.valid & moves)
        word = _Traveller(m, moves, "word", next_word)
        final = _Traveller(m, moves, "final", next_word == self.shape.words - 1)
        lanes = [self._unrolled_lane(m, moves, lane, word) for lane in range(self.shape.neuron_lanes)]
        shown = [
            [{name: self._shown(m, waits, number, end) for name, number in step.items()} for step in lane]
            for lane in lanes
        ]
        return shown, self._shown(m, waits, word, end), self._shown(m, waits, final, end)

    def _shown(self, m, waits, traveller, end):
        """What is offered: the last stage or, where it had to wait, what moved on from there."""
        last = traveller.at(end)
        kept = Signal.like(last, name=f"waiting_{traveller.name}", reset_less=True)
        with m.If(~waits):
            m.d.sync += kept.eq(last)
        return Mux(waits, kept, last)

    def _unrolled_lane(self, m, moves, lane, word):
        """All steps of a lane, each number as it travels from the stage that gives it."""
        given = each(self.currents.payload.current[lane], self.given)
        currents = [_Traveller(m, moves, f"current_{lane}_{step}", value) for step, value in enumerate(given)]
        state = {
            name: _Traveller(m, moves, f"initial_{name}_{lane}", value)
            for name, value in self._initial(word.at(0), lane).items()
        }
        shown = []
        for step in range(self.num_steps):
            name, at = f"{lane}_{step}", 2 * step
            current = currents[0 if self.constant else step].at(at)
            before = {key: value.at(at) for key, value in state.items()}
            parameters = self._parameters(word.at(at), lane)
            integrated = self.arithmetic.integrate(m, name, parameters, before, current)
            integrated = _Traveller(m, moves, f"held_{name}", integrated, at).at(at + 1)
            # Of the old state the second half reads all but the membrane.
            before = {key: value.at(at + 1) for key, value in state.items() if key != "membrane"}
            parameters, exists = self._parameters(word.at(at + 1), lane), self._exists(word.at(at + 1), lane)
            result = self.arithmetic.fire(m, name, parameters, before, integrated, exists)
            shown.append({key: _Traveller(m, moves, f"{key}_{name}", value, at + 1) for key, value in result.items()})
            state = {key: shown[-1][key] for key in state}
        return shown

    def _ring(self, m: Module) -> tuple[list[Steps], Value, Value]:
        """One unit a lane."""
        final = Signal(reset_less=True)
        last, held, moves, done = Signal(), Signal(), Signal(), Signal()
        step, shown_word = Signal(range(self.num_steps)), Signal(address_width(self.shape.words), reset_less=True)
        word, next_word = self._count(m, done)
        m.d.comb += [
            last.eq(step == self.num_steps - 1),
            held.eq(last & self.steps.valid & ~self.steps.ready),
            done.eq(moves & last),
        ]
        currents = self._kept(m, moves, done, held) if self.constant else self.currents.payload
        if not self.constant:
            m.d.comb += [moves.eq(self.currents.valid & ~held), self.currents.ready.eq(~held)]
        with m.If(moves):
            m.d.sync += step.eq(Mux(last, 0, step + 1))
        with m.If(self.steps.ready | done):
            m.d.sync += self.steps.valid.eq(done)
        with m.If(done):
            m.d.sync += [shown_word.eq(word), final.eq(word == self.shape.words - 1)]
        lanes = []
        for lane in range(self.shape.neuron_lanes):
            result = self._ring_step(m, moves, done, lane, word, next_word, currents.current[lane])
            lanes.append(self._collect(m, moves, done, lane, result))
        return lanes, shown_word, final

    def _kept(self, m, moves, done, held):
        """A word's currents, kept for all of its steps."""
        busy, kept = Signal(), Signal(self.currents.payload.shape(), reset_less=True)
        m.d.comb += [moves.eq(busy & ~held), self.currents.ready.eq(~busy | done)]
        with m.If(self.currents.ready):
            m.d.sync += [busy.eq(self.currents.valid), kept.eq(self.currents.payload)]
        return kept

    def _ring_step(self, m, moves, done, lane, word, next_word, current):
        """What a lane's unit does in this cycle; a word's last step leaves the next word's initial state."""
        state: dict[str, Signal] = {}
        for field in self.arithmetic.fields:
            start = self.parameters["initial"][self.shape.order[0][lane]] if field.name == "membrane" else field.initial
            state[field.name] = Signal(shape_of(field.range), name=f"{field.name}_{lane}", init=start)
        parameters, name = self._parameters(word, lane), str(lane)
        integrated = self.arithmetic.integrate(m, name, parameters, state, current)
        result = self.arithmetic.fire(m, name, parameters, state, integrated, self._exists(word, lane))
        with m.If(done):
            m.d.sync += [state[key].eq(start) for key, start in self._initial(next_word, lane).items()]
        with m.Elif(moves):
            m.d.sync += [register.eq(result[key]) for key, register in state.items()]
        return result

    def _collect(self, m, moves, done, lane, result):
        """The results of all steps, from a shift register of those before the last."""
        shown: Steps = [{} for _ in range(self.num_steps)]
        for name, now in result.items():
            past = [
                Signal.like(now, name=f"past_{name}_{lane}_{t}", reset_less=True) for t in range(self.num_steps - 1)
            ]
            with m.If(moves):
                m.d.sync += [old.eq(new) for old, new in zip(past, [*past[1:], now], strict=True)]
            for t, value in enumerate([*past, now]):
                shown[t][name] = held = Signal.like(now, name=f"shown_{name}_{lane}_{t}", reset_less=True)
                with m.If(done):
                    m.d.sync += held.eq(value)
        return shown

    def _count(self, m: Module, moves: Value) -> tuple[Signal, Signal]:
        """Count words where ``moves``: the word, and what it becomes with the next clock."""
        words = self.shape.words
        word, following = Signal(address_width(words), name="word"), Signal(address_width(words), name="following")
        wraps = words == 1 << len(word)
        m.d.comb += following.eq(word)
        with m.If(moves):
            m.d.comb += following.eq(word + 1 if wraps else Mux(word == words - 1, 0, word + 1))
        m.d.sync += word.eq(following)
        return word, following

    def _parameters(self, word: Value, lane: int) -> dict[str, Value]:
        """The parameters of a word's neuron, by name."""
        return lane_parameters(self.parameters, self.shape.order, word, lane)

    def _exists(self, word: Value, lane: int) -> Value:
        """Whether a lane of a word holds a neuron."""
        return lookup(word, [lanes[lane] is not None for lanes in self.shape.order], unsigned(1))

    def _initial(self, word: Value, lane: int) -> dict[str, Value]:
        """The state before step 0, by name."""
        start = self._parameters(word, lane)["initial"]
        return {
            field.name: start if field.name == "membrane" else Const(field.initial, shape_of(field.range))
            for field in self.arithmetic.fields
        }


class _Traveller:
    """A value that goes along with its word: given at stage ``born``, in a register from each later stage on."""

    def __init__(self, m: Module, moves: Value, name: str, value: Value, born: int = 0) -> None:
        self.m = m
        self.moves = moves
        self.name = name
        self.born = born
        self.stages = [value]

    def at(self, stage: int) -> Value:
        """The value at a stage."""
        while self.born + len(self.stages) <= stage:
            new = Signal.like(self.stages[-1], name=f"{self.name}_{self.born + len(self.stages)}")
            with self.m.If(self.moves):
                self.m.d.sync += new.eq(self.stages[-1])
            self.stages.append(new)
        return self.stages[stage - self.born]
