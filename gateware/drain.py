"""From accumulators to words of currents. Without a twin: golden has whole sums."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, NamedTuple

from amaranth.hdl import Array, Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.multiples import Term
from gateware.stream import current_layout, shape_of
from gateware.weights import WeightMemory, bias_rows
from snnhw.implementation import LayerShape, address_width
from snnhw.network import Range

if TYPE_CHECKING:
    from snnhw.design import DesignLayer


class Part(NamedTuple):
    """A number that is part of a current: it counts 1 << ``shift`` and is subtracted where ``negative``."""

    value: Value
    shift: int
    negative: bool


class Drain(wiring.Component):
    """Holds a group's accumulators, makes words of currents of them and sends these.

    ``load`` takes ``sums``, two cycles or more after ``reserve``; ``busy`` from the cycle after ``reserve`` until the
    group's last word has been taken. The first word is offered 2 + ``levels`` cycles after ``load``,
    one more where it ``clears``, then one a cycle.

    ``widths``: the bits of each term's sum. ``sums``: [lane][step][term].
    With several ``slots`` a word is sent step by step, else all steps at once. Where biases can be loaded, ``memories``
    holds the memory that takes them.
    """

    def __init__(self, layer: DesignLayer, terms: Sequence[Term], widths: Sequence[int]):
        self.shape = shape = layer.shape
        self.slots = layer.slots
        self.steps = layer.current_steps // self.slots
        self.terms = terms
        self._widths = widths
        currents, bias = layer.built.current, layer.bias.tolist()
        self._current = shape_of(currents)
        # What stands in lanes without a neuron; it takes no more bits.
        with_zero = currents | Range(lo=0, hi=0)
        self._biases, self.memories = None, []
        if layer.loadable and layer.biased:
            self._biases = WeightMemory(bias_rows(bias, shape), with_zero, "ram")
            self.memories = [self._biases]
        elif any(bias):
            self._biases = WeightMemory(bias_rows(bias, shape), with_zero)
        self.clears = clears(shape, self.slots)
        self.levels = levels(len(terms), self._biases is not None)
        self.sums = [
            [
                [Signal(width, name=f"sum_{lane}_{t}_{k}") for k, width in enumerate(widths)]
                for t in range(layer.current_steps)
            ]
            for lane in range(shape.synapse_lanes)
        ]
        super().__init__(
            {
                "reserve": In(1),
                "load": In(1),
                "busy": Out(1),
                "currents": Out(stream.Signature(current_layout(shape.neuron_lanes, currents, self.steps))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        move, leaves = Signal(), Signal()
        valid = Signal(1 + self.levels)
        final = Signal(1 + self.levels)
        m.d.comb += [
            move.eq(~valid[-1] | self.currents.ready),
            self.currents.valid.eq(valid[-1]),
            leaves.eq(valid[-1] & self.currents.ready & final[-1]),
        ]
        with m.If(self.reserve):
            m.d.sync += self.busy.eq(1)
        with m.Elif(leaves):
            m.d.sync += self.busy.eq(0)
        sends, last = Signal(), Signal()
        parts = self._words(m, move, sends, last)
        with m.If(move):
            m.d.sync += [valid.eq(Cat(sends, valid[:-1])), final.eq(Cat(last, final[:-1]))]
        biases = self._word_biases(m, move, sends, self._biases) if self._biases else None
        for lane in range(self.shape.neuron_lanes):
            bias = [] if biases is None else [Part(biases[lane], 0, False)]
            currents = [self._combine(m, move, parts[lane][t], bias) for t in range(self.steps)]
            m.d.comb += Cat(self.currents.payload.current[lane]).eq(Cat(currents))
        return m

    def _words(self, m, move, sends, last):
        """The group's words one after the other, as terms: [lane][step][term], each registered."""
        lanes = self.shape.neuron_lanes
        turns = [size * self.slots + self.clears for size in self.shape.group_sizes]
        turn, group = Signal(max(turns)), Signal(address_width(len(turns)))
        final_group, ends = group == len(turns) - 1, turns[0] != turns[-1]
        held: list[list[Signal]] = [[] for _ in range(lanes)]
        m.d.comb += last.eq(Mux(final_group, turn[turns[-1] - 1], turn[turns[0] - 1]))
        # A group is loaded where the one before has left, so that nothing holds the pipeline then.
        with m.If(move):
            m.d.sync += [
                turn.eq(Cat(self.load, turn[:-1] & ~last.replicate(len(turn) - 1) if ends else turn[:-1])),
                sends.eq((turn[0] if self.clears else self.load) | (sends & ~last)),
            ]
            with m.If(last):
                m.d.sync += group.eq(Mux(final_group, 0, group + 1))
        for lane, sums in enumerate(self.sums):
            for slot in range(self.slots):
                flat = Cat(sums[slot] if self.slots > 1 else sums)
                register = Signal(len(flat), name=f"held_{lane}_{slot}", reset_less=True)
                clear = turn[len(held[lane % lanes])] if self.clears else Const(0)
                with m.If(move & clear):
                    m.d.sync += register.eq(0)
                with m.Elif(self.load):
                    m.d.sync += register.eq(flat)
                held[lane % lanes].append(register)
        return [self._split(self._pick(m, move, turn, lane, choices)) for lane, choices in enumerate(held)]

    def _pick(self, m, move, turn, lane, held):
        """What ``held`` has for this turn; where it ``clears``, for the turn before."""
        part, now = (Signal.like(held[0], name=f"{name}_{lane}", reset_less=True) for name in ("part", "now"))
        picked = now
        if self.clears:
            before = Signal.like(now, name=f"before_{lane}", reset_less=True)
            with m.If(move):
                m.d.sync += before.eq(now)
            m.d.comb += now.eq(reduce(xor, held))
            picked = before ^ now
        else:
            index = Cat(Cat(turn[i] for i in range(len(turn)) if i >> bit & 1).any() for bit in range(2))
            m.d.comb += now.eq(Array(held)[index])
        with m.If(move):
            m.d.sync += part.eq(picked)
        return part

    def _split(self, flat):
        """The terms of each step in what was held as one number."""
        result: list[list[Value]] = []
        start = 0
        for _ in range(self.steps):
            result.append([])
            for width in self._widths:
                result[-1].append(flat[start : start + width])
                start += width
        return result

    def _word_biases(self, m, move, sends, store):
        """The biases of the word whose terms are there."""
        place, slot = Signal(address_width(self.shape.words)), Signal(range(self.slots))
        m.submodules.biases = store
        m.d.comb += [store.addr.eq(place), store.en.eq(move)]
        with m.If(move & sends):
            m.d.sync += slot.eq(Mux(slot == self.slots - 1, 0, slot + 1))
            with m.If(slot == self.slots - 1):
                m.d.sync += place.eq(Mux(place == self.shape.words - 1, 0, place + 1))
        return [store.data[lane] for lane in range(self.shape.neuron_lanes)]

    def _combine(self, m, move, sums, bias):
        """The current, ``levels`` cycles later: neighbours are added, level by level."""
        parts = [Part(value, term.shift, term.negative) for value, term in zip(sums, self.terms, strict=True)] + bias
        for _ in range(self.levels):
            added = [add(*parts[start : start + 2]) for start in range(0, len(parts), 2)]
            parts = [part._replace(value=self._register(m, move, part)) for part in added]
        (total,) = parts
        return (-total.value if total.negative else total.value)[: self._current.width]

    def _register(self, m, move, part):
        """A part's value a cycle later, without the bits that lie beyond a current's."""
        value = part.value
        shape = Shape(min(len(value), self._current.width - part.shift), value.shape().signed)
        register = Signal(shape, name="part", reset_less=True)
        with m.If(move):
            m.d.sync += register.eq(value)
        return register


def clears(shape: LayerShape, slots: int) -> bool:
    """Whether words are read by clearing them: what changes in the sum modulo 2 of all lanes is what one held.

    For more than a few words this takes less logic than choosing among them.
    """
    return max(shape.group_sizes) * slots > 4


def levels(term_count: int, biased: bool) -> int:
    """How often neighbours are added until one number is left of so many terms and, perhaps, a bias."""
    return (term_count + biased - 1).bit_length()


def add(one: Part, other: Part | None = None) -> Part:
    """The sum of two parts; bits of one that lie below the other's pass by the adder."""
    if other is None:
        return one
    low, high = sorted((one, other), key=lambda part: (part.shift, part.negative))
    distance = high.shift - low.shift
    upper = low.value >> distance
    total = upper + high.value if low.negative == high.negative else upper - high.value
    above = low.value[-1] if low.value.shape().signed else Const(0, 1)
    value = Cat(Cat(low.value, above.replicate(distance))[:distance], total)
    return Part(value.as_signed() if total.shape().signed else value, low.shift, low.negative)
