"""Where random choices come from: a source of integers, members and arrays, which Hypothesis or NumPy stands behind.

What a random network is stands once, in :mod:`tests.kinds`, and asks such a source; `tests/strategies.py` gives it one
that shrinks, and the soak one that is fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Draws(Protocol):
    """A source of random choices; the simplest is the first option, the least integer, an array of zeros."""

    def integer(self, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``, both included."""
        ...

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        ...

    def array(self, shape: tuple[int, ...], low: int, high: int, often: Sequence[int] = ()) -> NDArray[np.int64]:
        """Integers int64 of a shape from ``low`` to ``high``; those of ``often``, or else the ends, more often."""
        ...


def flag(draws: Draws) -> bool:
    """False, or true."""
    return draws.choice((False, True))


class RandomDraws:
    """Choices of a NumPy generator, of which the share ``ends`` of integers is an end of where it lies.

    An array is all one of its often values with a quarter of that chance.
    """

    def __init__(self, random: np.random.Generator, ends: float = 0.0) -> None:
        self._random = random
        self._ends = ends

    def integer(self, low: int, high: int) -> int:
        """See :class:`Draws`."""
        if self._random.random() < self._ends:
            return low if self._random.random() < 1 / 2 else high
        return low + int(self._random.integers(0, high - low, endpoint=True))

    def choice(self, options: Sequence[T]) -> T:
        """See :class:`Draws`."""
        return options[int(self._random.integers(len(options)))]

    def array(self, shape: tuple[int, ...], low: int, high: int, often: Sequence[int] = ()) -> NDArray[np.int64]:
        """See :class:`Draws`."""
        often = often or (low, high)
        if self._random.random() < self._ends / 4:
            return np.full(shape, self.choice(often), np.int64)
        numbers = self._random.integers(low, high, shape, np.int64, endpoint=True)
        return np.where(self._random.random(shape) < 1 / 3, self._random.choice(often, shape), numbers)
