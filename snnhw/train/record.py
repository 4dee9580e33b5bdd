"""The record of a training: what was chosen, with what it was computed, and how it went."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator

from snnhw.files import replacing, write_atomically
from snnhw.train.options import TrainOptions
from snnhw.wording import shown

__all__ = [
    "EpochRecord",
    "Record",
    "Score",
    "TeacherRecord",
    "TrainingRecord",
    "plot_record",
    "versions",
    "write_record",
]


class Score(BaseModel):
    """How many samples were classified as they are labelled, and of how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    correct: int
    total: int

    @property
    def percent(self) -> float:
        """The accuracy."""
        return 100 * self.correct / self.total


class EpochRecord(BaseModel):
    """One pass over the training samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int
    """From 1."""
    loss: float
    """The mean cross-entropy of the samples as they were trained on."""
    validation: Score | None
    """Of the integers after this epoch; None where nothing was kept for it."""
    test: Score | None
    """Likewise, on the samples that were given as a test; it chooses nothing."""
    seconds: float
    """Of computing the epoch, the scores included."""


class TeacherRecord(BaseModel):
    """The teacher, where there is one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: Score | None
    seconds: float


Options = TypeVar("Options", bound=BaseModel)


class Record(BaseModel, Generic[Options]):
    """All there is to know about a training with these options but the numbers that it found, as JSON."""

    model_config = ConfigDict(extra="forbid")

    network: dict[str, Any]
    """The description."""
    dataset: str
    dataset_digest: str
    """SHA-256 of what was trained and validated on."""
    samples: int
    """So many were trained on."""
    options: Options
    versions: dict[str, str]
    epochs: list[EpochRecord] = []
    kept: int | None = None
    """The epoch whose numbers the model holds."""

    @model_validator(mode="after")
    def _check(self) -> Record[Options]:
        if self.kept is not None and not 1 <= self.kept <= len(self.epochs):
            raise ValueError(f"kept must be one of the {len(self.epochs)} epochs, not {self.kept}")
        return self

    def __repr__(self) -> str:
        epochs = f"{len(self.epochs)} epochs, kept {self.kept}"
        return shown(self, self.dataset, f"{self.samples} samples", epochs)

    def __str__(self) -> str:
        return repr(self)

    @property
    def best(self) -> EpochRecord | None:
        """What is known about the epoch that is kept."""
        return None if self.kept is None else self.epochs[self.kept - 1]

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return sum(epoch.seconds for epoch in self.epochs)


class TrainingRecord(Record[TrainOptions]):
    """All there is to know about the training of a spiking network but the integers."""

    teacher: TeacherRecord | None = None

    @property
    def seconds(self) -> float:
        """Of all epochs, the teacher's included."""
        return super().seconds + (self.teacher.seconds if self.teacher else 0)


def versions() -> dict[str, str]:
    """The versions of what computes a training."""
    found = {"python": platform.python_version()}
    for package in ("snnhw", "torch", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed as a package"
    return found


def write_record(record: Record[Any], path: str | os.PathLike[str]) -> Path:
    """Write a record as JSON, all or nothing; raises OutputError."""
    return write_atomically(path, json.dumps(record.model_dump(mode="json"), indent=1) + "\n")


def plot_record(record: Record[Any], path: str | os.PathLike[str]) -> Path:
    """Draw loss and accuracies over the epochs as PNG (matplotlib, which the extra ``plot`` installs).

    Raises ImportError where it is missing, OutputError where the file cannot be written, and ValueError where the
    record has no epoch.
    """
    if not record.epochs:
        raise ValueError("a record must have at least one epoch to be drawn")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    losses = figure.add_subplot()
    numbers = [epoch.epoch for epoch in record.epochs]
    losses.plot(numbers, [epoch.loss for epoch in record.epochs], color="tab:grey", label="loss")
    losses.set(xlabel="epoch", ylabel="loss (cross-entropy)", yscale="log")
    accuracies = losses.twinx()
    for name, color in (("validation", "tab:blue"), ("test", "tab:orange")):
        points = [(epoch.epoch, score.percent) for epoch in record.epochs if (score := getattr(epoch, name))]
        if points:
            accuracies.plot(*zip(*points, strict=True), color=color, label=f"{name} accuracy")
    accuracies.set_ylabel("accuracy of the integers (%)")
    if record.kept is not None:
        losses.axvline(record.kept, color="tab:grey", linestyle=":", label="kept")
    figure.legend(loc="outside upper center", ncols=4)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    return Path(path)
