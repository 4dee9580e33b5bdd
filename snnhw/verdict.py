"""What reports of a comparison with golden have in common: the verdict, spreads of cycles, and how they become JSON."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snnhw.wording import shown

__all__ = ["Positive", "Spread", "Verdict"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""What is divided by, where it is read from a file."""


@dataclass(frozen=True)
class Spread:
    """Least, mean and greatest of a number of cycles; checked where it is part of a file."""

    min: int
    mean: Positive
    max: int

    @classmethod
    def of(cls, cycles: NDArray[np.int64]) -> Spread:
        """The spread of counts [n], n > 0."""
        return cls(min=int(cycles.min()), mean=float(cycles.mean()), max=int(cycles.max()))

    @classmethod
    def rounded(cls, cycles: NDArray[np.int64]) -> Spread | None:
        """The spread of counts [n], its mean to two decimals; None where n is 0."""
        if not len(cycles):
            return None
        exact = cls.of(cycles)
        return cls(exact.min, round(exact.mean, 2), exact.max)


class Verdict:
    """The base of reports: dataclasses that hold counts, spreads, the first divergence and problems.

    What differs counts as ``mismatches``; ``problems`` went wrong beside values, each in one line.
    """

    mismatches: int
    problems: tuple[str, ...]

    def __repr__(self) -> str:
        return shown(self, "equal" if self.equal else "NOT EQUAL", *self.shown_parts)

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What was compared, in a line."""
        return (f"{self.mismatches} mismatches",)

    @property
    def equal(self) -> bool:
        """Whether the circuit is golden's equal on what was compared."""
        return not (self.mismatches or self.problems)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data: its fields in their order, then ``equal``."""
        return {**{name: _plain(value) for name, value in vars(self).items()}, "equal": self.equal}


def _plain(value: Any) -> Any:
    """A field as JSON writes it."""
    if is_dataclass(value):
        return {name: _plain(part) for name, part in vars(value).items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value
