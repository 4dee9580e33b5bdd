"""The payloads that travel between the blocks, each defined once, and arithmetic that all blocks share."""

from collections.abc import Iterable, Sequence

from amaranth.hdl import Array, Cat, Const, Mux, Shape, Value, signed, unsigned
from amaranth.lib import data, enum

from snnhw import interface
from snnhw.implementation import address_width
from snnhw.network import Range

LUT_RAM_BITS = 1 << 12
"""The most bits of a memory for which synthesis chooses what it stands in."""

LUT_RAM_WORDS = 32
"""The most words for which it does: a LUT holds as many."""

LUT_INPUTS = 6
"""Bits that a table of one LUT takes."""


class Mark(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What a transfer of an event stream is."""

    EVENT = interface.EVENT
    """A spike: address and value count."""
    STEP = interface.STEP
    """The end of a time step."""
    SAMPLE = interface.SAMPLE
    """The end of a sample's last time step."""
    ABORT = interface.ABORT
    """The end of a sample that was ill-framed: forget what came of it."""


def shape_of(span: Range) -> Shape:
    """The narrowest shape that holds a range."""
    return signed(span.width) if span.signed else unsigned(span.width)


def several(shape: Shape | data.ArrayLayout, count: int) -> Shape | data.ArrayLayout:
    """``count`` numbers of a shape; one is the shape itself. See ``each``."""
    return shape if count == 1 else data.ArrayLayout(shape, count)


def each(value: Value | data.View, count: int) -> list[Value]:
    """The numbers in what ``several`` has laid out."""
    return [value] if count == 1 else [value[index] for index in range(count)]


def event_layout(addresses: int, values: Range, lanes: int = 1, steps: int = 1) -> data.StructLayout:
    """An event stream's payload: ``mark``, and per lane ``address`` and ``value`` within ``values``.

    With several lanes, lane k carries events of addresses that leave k when divided by ``lanes``; ``address`` is the
    quotient, ``value`` 0 where the lane is empty, and at least one lane is not. With several steps ``value`` holds
    what the event carries at each, not all of them 0; the only marks are then SAMPLE and ABORT.
    """
    address = several(address_width(-(-addresses // lanes)), lanes)
    value = several(several(shape_of(values), steps), lanes)
    return data.StructLayout({"mark": Mark, "address": address, "value": value})


def word_layout(addresses: int, lanes: int, values: Range, steps: int = 1) -> data.StructLayout:
    """Several neighbours at once: ``value`` of each lane, ``base``, the address of lane 0, and ``mark``.

    ``filled`` says which lanes carry an event, which is what has a value other than 0; it travels along because whoever
    makes the word has time to find out. The mark comes after the word's events. With several steps each lane's value
    holds one number a step.
    """
    value = data.ArrayLayout(several(shape_of(values), steps), lanes)
    return data.StructLayout({"mark": Mark, "base": address_width(addresses), "filled": lanes, "value": value})


def filled(values: Iterable[Value | data.View]) -> Value:
    """Which lanes of a word carry an event, from what their values come from."""
    return Cat(Value.cast(value).any() for value in values)


def beat_layout(pixels: int) -> data.StructLayout:
    """Input pixels, first in lane 0; ``last`` on a sample's last beat."""
    return data.StructLayout({"pixels": data.ArrayLayout(8, pixels), "last": 1})


def current_layout(lanes: int, currents: Range, steps: int = 1) -> data.StructLayout:
    """The currents of one word of neurons, with several steps those of each."""
    return data.StructLayout({"current": data.ArrayLayout(several(shape_of(currents), steps), lanes)})


def result_layout(classes: int, scores: Range) -> data.StructLayout:
    """The winning class and every score, in one transfer."""
    return data.StructLayout({"class": address_width(classes), "scores": data.ArrayLayout(shape_of(scores), classes)})


def large(bits: int, words: int) -> bool:
    """Whether LUTs would be wasted on a memory of so many bits in all: it is to stand in block RAM."""
    return bits > LUT_RAM_BITS and words > LUT_RAM_WORDS


def saturate(value: Value, span: Range) -> Value:
    """The member of ``span`` nearest to ``value``."""
    return Mux(value > span.hi, span.hi, Mux(value < span.lo, span.lo, value))


def lookup(index: Value, values: Sequence[int], shape: Shape) -> Value:
    """``values[index]`` of constants.

    Of values that repeat after a power of two of them only the lowest bits of the index are looked at. Where they begin
    at 0, and each repetition is greater by a power of two that is beyond them all, the other bits stand above what
    these find.
    """
    period = 1
    while list(values) != [values[place % period] for place in range(len(values))]:
        period *= 2
    if period == 1:
        return Const(values[0], shape)
    for bits in range((len(values) - 1).bit_length()):
        first, step = values[: 1 << bits], values[1 << bits] - values[0]
        rising = [first[place % len(first)] + (place >> bits) * step for place in range(len(values))]
        if first[0] == 0 <= min(first) and step > max(first) and not step & (step - 1) and list(values) == rising:
            low = Value.cast(lookup(index[:bits], first, unsigned(step.bit_length() - 1)))
            return Cat(low, Const(0, step.bit_length() - 1 - len(low)), index[bits:])[: shape.width]
    constants = [Const(value, shape) for value in values[:period]]
    return Array(constants)[index[: (period - 1).bit_length()] if period < len(values) else index]


def choose(values: Sequence[Value], index: Value) -> Value:
    """``values[index]`` by as few multiplexers as there are; an index beyond the last gives any of them."""
    for bit in index:
        values = [
            Mux(bit, *values[place : place + 2][::-1]) if place + 1 < len(values) else values[place]
            for place in range(0, len(values), 2)
        ]
    return values[0]
