"""Recorded runs of experiments: their file, and what their tables are made of.

An experiment has a name and can be run with several seeds; a run says all that is needed to run it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from snnhw.errors import DescriptionError
from snnhw.files import write_atomically
from snnhw.network import first_complaint

__all__ = ["RecordedRun", "Runs", "load_runs", "record_run", "row", "spread"]


class RecordedRun(BaseModel):
    """The base of runs: what one experiment came to with one seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    seed: int


R = TypeVar("R", bound=RecordedRun)


class Runs(BaseModel, Generic[R]):
    """The runs, in the order of experiments and seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: list[R]

    def of(self, experiment: str) -> list[R]:
        """Those of one experiment."""
        return [run for run in self.runs if run.experiment == experiment]


def load_runs(path: str | os.PathLike[str], kind: type[R]) -> Runs[R]:
    """The runs of a file, none where it is not there; DescriptionError where it holds something else."""
    if not Path(path).exists():
        return Runs[kind](runs=[])  # type: ignore[valid-type]
    try:
        return Runs[kind].model_validate_json(Path(path).read_bytes())  # type: ignore[valid-type]
    except ValidationError as error:
        raise DescriptionError(f"{path}: {first_complaint(error)}") from error
    except OSError as error:
        raise DescriptionError(f"cannot read {path}: {error}") from error


def record_run(run: R, path: str | os.PathLike[str], order: Iterable[str]) -> Runs[R]:
    """Put a run into a file of runs, in the place of that of the same experiment and seed.

    ``order`` are the names of experiments in the order of the file.
    """
    kind = type(run)
    others = [kept for kept in load_runs(path, kind).runs if (kept.experiment, kept.seed) != (run.experiment, run.seed)]
    places = {name: place for place, name in enumerate(order)}
    ordered = sorted([*others, run], key=lambda run: (places.get(run.experiment, len(places)), run.seed))
    lines = ",\n".join(run.model_dump_json(exclude_defaults=True) for run in ordered)
    write_atomically(path, f'{{"runs": [\n{lines}\n]}}\n')
    return Runs[kind](runs=ordered)  # type: ignore[valid-type]


def row(cells: Iterable[str]) -> str:
    """A line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def spread(values: Sequence[float]) -> str:
    """The mean of several seeds' values with the least and the greatest; of one seed the value."""
    mean = sum(values) / len(values)
    return f"{mean:.1f}" if len(values) == 1 else f"{mean:.2f} ({min(values):.2f} to {max(values):.2f})"
