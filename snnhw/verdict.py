"""What reports of a comparison with golden have in common: the verdict, spreads of cycles, and how they become JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snnhw.tables import Table
from snnhw.wording import shown, spread

__all__ = ["CommandVerdict", "Positive", "Spread", "Verdict"]

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


class CommandVerdict(Verdict):
    """The base of reports on circuits of commands, which have the cycles of each command as ``COMMAND_cycles``."""

    COMMANDS: ClassVar[Mapping[str, str]]
    """What each command is called, such as "a training image"."""

    lanes: int
    timing_mismatches: int | None
    """Commands whose cycles are not as predicted; None where sources and sinks stalled."""
    divergence: Any
    seconds: float
    build_seconds: float

    @property
    def compared(self) -> str:
        """How many values of each kind were compared."""
        raise NotImplementedError

    @property
    def table(self) -> Table:
        """The report for people."""
        record, rows = self.to_json(), []
        for command, called in self.COMMANDS.items():
            if record[f"{command}_cycles"] is not None:
                rows.append((f"cycles of {called}", f"{spread(record[f'{command}_cycles'])} (min / mean / max)"))
        rows.append(("cycles predicted", _predicted(self.timing_mismatches)))
        rows.append(("compared", f"{self.compared}, {self.lanes} lanes"))
        rows.append(("time", f"{self.build_seconds:.1f} s to build the circuit, {self.seconds:.1f} s to run it"))
        rows += [("problem", problem) for problem in self.problems]
        rows += [("first difference", str(self.divergence))] if self.divergence is not None else []
        return Table((*rows, ("equal" if self.equal else "NOT EQUAL", ", ".join(self.shown_parts))))

    def _repr_html_(self) -> str:
        """The table that ``snnhw verify`` prints, for a notebook."""
        return self.table.html


def _predicted(mismatches: int | None) -> str:
    if mismatches is None:
        return "not compared: sources and sinks paused"
    return f"{mismatches} are not as predicted" if mismatches else "all as predicted"


def _plain(value: Any) -> Any:
    """A field as JSON writes it."""
    if is_dataclass(value):
        return {name: _plain(part) for name, part in vars(value).items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else value
