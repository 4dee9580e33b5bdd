"""Products of weights and event values: choices among multiples that all neurons share, or tables.

Where all neurons share an event, a weight never meets a multiplier: pairs of its bits choose one of the multiples 0, q,
2q, 3q of the event's value q or, with two events a cycle, the same bit of both weights one of 0, q0, q1, q0 + q1. The
multiples are computed once a cycle, and each ``Term`` is accumulated on its own: one table look-up and one carry chain.
Without a twin: golden multiplies.
"""

from collections.abc import Sequence
from typing import NamedTuple

from amaranth.hdl import Array, Cat, Const, Mux, Shape, Value

from gateware.stream import LUT_INPUTS
from snnhw.network import Range


class Term(NamedTuple):
    """A part of every product: the weight's ``bits``, the lowest of which counts 1 << ``shift``."""

    bits: tuple[tuple[int, int], ...]
    """The event lane and the place of each bit; those of one lane are neighbours, lowest first."""
    shift: int
    negative: bool
    """Whether it is subtracted: the sign bit of two's complement."""

    def most(self, weights: Sequence[Sequence[int]], values: Range) -> int:
        """The greatest sum of the term over all events: ``weights`` has those of each event lane."""
        ones = (
            sum((weight >> place) & 1 for weight in weights[lane]) << (place - self.shift) for lane, place in self.bits
        )
        return sum(ones) * values.hi


def terms(weight: Shape, values: Range, event_lanes: int) -> list[Term]:
    """The terms of a product, the lowest first."""
    sign = [weight.width - 1] if weight.signed else []
    plain = range(weight.width - len(sign))
    lanes = range(event_lanes)
    if event_lanes > 1:
        planes = [*plain, *sign]
        return [Term(tuple((lane, place) for lane in lanes), place, place in sign) for place in planes]
    size = 2 if values.hi > 1 else max(1, len(plain))
    fields = [plain[start : start + size] for start in range(0, len(plain), size)]
    chosen = [Term(tuple((0, place) for place in field), field[0], False) for field in fields]
    return [*chosen, *(Term(((0, place),), place, True) for place in sign)]


def multiples(values: Sequence[Value]) -> list[Value]:
    """What the bits of a term choose among, from the values of this cycle's events: of the first bit, of both."""
    if len(values) == 1:
        return [values[0], values[0] + (values[0] << 1)]
    return [values[0], values[1], values[0] + values[1]]


def accumulate(total: Value, choice: Value) -> Value:
    """``total + choice``, in the width of ``total``.

    Written as 2 * total - (2 * ~choice + 1), halved: synthesis passes a minuend straight to the carry
    chain, which leaves the adder's table to the choice.
    """
    wide = Cat(choice, Const(0, len(total)))[: len(total)]
    return (Cat(Const(0, 1), total) - Cat(Const(1, 1), ~wide))[1 : len(total) + 1]


def choose(term: Term, weights: Sequence[Value], table: Sequence[Value]) -> Value:
    """The term: ``weights`` of each event lane, ``table`` from ``multiples``."""
    bits = [weights[lane][place] for lane, place in term.bits]
    if len(table) == 2 and len(table[0]) == 1:
        return Mux(table[0], Cat(bits), 0)
    if len(bits) == 1:
        return Mux(bits[0], table[0], 0)
    second = table[1] if len(table) == 3 else table[0] << 1
    return Mux(bits[1], Mux(bits[0], table[-1], second), Mux(bits[0], table[0], 0))


def product(one: Value, other: Value) -> Value:
    """``one * other``, by a table where a LUT takes the bits of both: synthesis would make it a sum with a carry."""
    if len(one) + len(other) > LUT_INPUTS:
        return one * other
    found = (one * other).shape()
    return Array(Const(a * b, found) for b in _numbers(other) for a in _numbers(one))[Cat(one, other)]


def _numbers(value: Value) -> list[int]:
    """What the bits of a value stand for, in the order of the numbers that they are without a sign."""
    half = 1 << (len(value) - 1)
    return [*range(half), *range(-half, 0)] if value.shape().signed else [*range(2 * half)]
