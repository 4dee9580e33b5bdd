"""Where the events of a layer with positions go: tables that are looked up by an event's address.

Without a twin: golden lays windows out side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from snnhw.convolution import Conv2d, planes

if TYPE_CHECKING:
    from snnhw.design import DesignLayer


@dataclass(frozen=True)
class Source:
    """What an address of the events that come in stands for: the lowest ``channel_bits`` of it are a channel.

    What is above them is a place. Of a source without such bits each address is a place with a channel of its own.
    """

    channel_bits: int
    places: tuple[tuple[int, int, int] | None, ...]
    """Of each place channel (0 where the bits say it), row and column; None where there is no input."""
    channels: int

    @classmethod
    def of(cls, layer: DesignLayer) -> Source:
        """That of the events that reach a layer."""
        channels, _, width = planes(layer.in_shape, layer.synapse.kind)
        bits = 0 if layer.before is None else layer.before.channel_bits
        found: list[tuple[int, int, int] | None] = []
        positions = layer.inputs // channels
        for place in layer.sources[:: 1 << bits]:
            if place is None:
                found.append(None)
                continue
            channel, position = divmod(place, positions)
            found.append((channel, *divmod(position, width)))
        return cls(bits, tuple(found), channels)


@dataclass(frozen=True)
class Reached:
    """Where an event adds a product: the ``bank`` of a position, its ``address`` there, and the kernel's tap.

    ``address`` is None where that position does not exist, ``tap`` where the kernel does not reach it.
    """

    bank: int
    address: int | None
    tap: tuple[int, int] | None


class Banks:
    """The positions of a convolution in banks, so that an event meets no bank twice in a cycle.

    With B rows (columns) of banks, position y lies in bank y mod B: an event reaches neighbours, and no more than B.
    """

    def __init__(self, layer: DesignLayer) -> None:
        synapse, lanes = layer.synapse, layer.chosen.position_lanes
        assert isinstance(synapse, Conv2d)
        self.kernel, self.stride, self.padding = synapse.kernel, synapse.stride, synapse.padding
        self.sides = synapse.convolved(layer.in_shape)
        self.reach = synapse.reach(layer.in_shape)
        self.banks = (self.reach[0] if lanes == math.prod(self.reach) else 1, self.reach[1] if lanes > 1 else 1)

    @property
    def count(self) -> int:
        """The number of banks."""
        return math.prod(self.banks)

    @cached_property
    def depth(self) -> int:
        """Positions in a bank."""
        return math.prod(-(-side // banks) for side, banks in zip(self.sides, self.banks, strict=True))

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Bank and address of a position."""
        (rows, columns), width = self.banks, -(-self.sides[1] // self.banks[1])
        return row % rows * columns + column % columns, row // rows * width + column // columns

    def reached(self, row: int, column: int) -> list[list[Reached]]:
        """For each pass of an event at a row and column of the input, what happens in each bank.

        Passes in which nothing is added are left out, but one where there is no other.
        """
        along = [list(self._along(axis, place)) for axis, place in enumerate((row, column))]
        pairs = [self._reached(y, x) for y in along[0] for x in along[1]]
        passes = [pairs[start : start + self.count] for start in range(0, len(pairs), self.count)]
        return [chosen for chosen in passes if any(one.address is not None for one in chosen)] or passes[:1]

    def _along(self, axis: int, place: int) -> Iterator[tuple[int, int]]:
        """Positions that an event may reach along an axis, some of which may not exist, and the kernel's tap there.

        Where fewer positions exist than a kernel could reach, those that there are.
        """
        padded, stride, side = place + self.padding[axis], self.stride[axis], self.sides[axis]
        highest = padded // stride
        if side == self.reach[axis]:
            highest = min(highest, side - 1)
        for position in range(highest, highest - self.reach[axis], -1):
            yield position, padded - position * stride

    def _reached(self, vertical: tuple[int, int], horizontal: tuple[int, int]) -> Reached:
        (row, i), (column, j) = vertical, horizontal
        exists = 0 <= row < self.sides[0] and 0 <= column < self.sides[1]
        touched = 0 <= i < self.kernel[0] and 0 <= j < self.kernel[1]
        bank, address = self.place(row, column)
        return Reached(bank, address if exists and touched else None, (i, j) if touched else None)
