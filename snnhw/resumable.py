"""Trainings that go on after an interruption as if there had been none: their files, their loop, their checkpoints.

A checkpoint is a file of the trainer's own, or a model file whose provenance says how far its training has come.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from snnhw.container import SUFFIX
from snnhw.errors import DatasetError, ModelFileError, OutputError
from snnhw.files import make_folder
from snnhw.wording import quoted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "Training",
    "TrainingFiles",
    "check_told",
    "held_back",
    "model_path",
    "progress_of",
    "read_ended",
    "read_progress",
    "run_to_end",
    "without_seconds",
]

_VALIDATION, _PARTS = 5000, 12
"""At most so many samples are kept to validate with unless told, and at most one of so many, as of MNIST's 60,000."""

Points = TypeVar("Points")


class Provenanced(Protocol):
    """A model that says where it comes from."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Data set, seed, ..., as plain data."""
        ...


Trained = TypeVar("Trained", bound=Provenanced)


class TrainingFiles:
    """The base of plans: a training whose model file is ``out``, with files of the same name beside it."""

    out: Path
    complete: bool
    """Whether the training is to go on and has ended: its results are there, and nothing is left to train."""

    @property
    def checkpoint(self) -> Path:
        """What an interrupted training goes on from."""
        return self.out.with_suffix(".checkpoint")

    @property
    def record(self) -> Path:
        """How the training went."""
        return self.out.with_suffix(".training.json")

    def ended(self, *, overwrite: bool, resume: bool) -> bool:
        """Whether a training that is to go on has ended: its model and record are there, and no checkpoint."""
        there = self.out.exists() and self.record.exists() and not self.checkpoint.exists()
        return there and resume and not overwrite

    def clear_way(self, results: Sequence[Path], *, overwrite: bool, resume: bool) -> None:
        """Make the folder, and remove the checkpoint of a training that is begun anew.

        Raises OutputError where one of ``results`` is there already, or a checkpoint, and neither option says what to
        do with it.
        """
        make_folder(self.out.parent)
        for path in results:
            if path.exists() and not overwrite:
                raise OutputError(f"{path} is there already; give another name with --out, or say --overwrite")
        if self.checkpoint.exists() and not resume:
            if not overwrite:
                raise OutputError(
                    f"{self.checkpoint} holds an interrupted training; say --resume to go on with it, or --overwrite "
                    "to begin anew"
                )
            self.checkpoint.unlink()


def model_path(out: str | Path | None, name: str) -> Path:
    """Where a model goes: ``out``, or a file of that name here. Raises OutputError for a name of another suffix."""
    target = Path(out) if out is not None else Path(f"{name}{SUFFIX}")
    if target.suffix != SUFFIX:
        raise OutputError(f"the name of a model file must end with {SUFFIX}, not {quoted(target.name)}")
    return target


def held_back(samples: int, asked: int | None, name: str) -> int:
    """Number of samples of the dataset ``name`` that are kept to validate with: as ``asked``, or else what suits it.

    Raises DatasetError where none would be left to train on.
    """
    held = min(_VALIDATION, samples // _PARTS) if asked is None else asked
    if samples - held < 1:
        raise DatasetError(f"{name} has {samples} samples, and {held} were to be kept for validation: keep fewer")
    return held


class Training(Protocol):
    """A training between two portions of it."""

    @property
    def complete(self) -> bool:
        """Whether no portion is left."""
        ...

    def begin(self) -> None:
        """Do what comes before the first portion."""
        ...

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint; raises ModelFileError where it is damaged or of another training."""
        ...

    def advance(self) -> None:
        """Train a portion."""
        ...

    def save(self, checkpoint: Path) -> None:
        """Write a checkpoint, in the place of the one before."""
        ...


def run_to_end(training: Training, checkpoint: Path | None) -> None:
    """Train to the end: from the checkpoint where it is there, else from the beginning.

    The checkpoint is written after each portion, and left there; None: none is kept.
    """
    if checkpoint is not None and checkpoint.exists():
        training.resume(checkpoint)
    else:
        training.begin()
    while not training.complete:
        training.advance()
        if checkpoint is not None:
            training.save(checkpoint)


def progress_of(identity: str, curve: Sequence[DataclassInstance]) -> dict[str, Any]:
    """What the provenance of a checkpoint says as ``training``: a digest of all that it depends on, and its points."""
    return {"identity": identity, "curve": [asdict(point) for point in curve]}


def without_seconds(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance whose points have no ``seconds``: the same training gives the same model file."""
    training = provenance["training"]
    curve = [{name: value for name, value in point.items() if name != "seconds"} for point in training["curve"]]
    return {**provenance, "training": {**training, "curve": curve}}


def read_progress(
    path: Path, load: Callable[[Path], Trained], points: TypeAdapter[Points], identity: str, depends_on: str
) -> tuple[Trained, Points]:
    """The model in a checkpoint and the points of its curve.

    Raises ModelFileError where it is damaged, or of another training: something of ``depends_on`` differs.
    """
    anew = "to train anew, remove it, or say --overwrite and not --resume"
    try:
        model = load(path)
    except ModelFileError as error:
        reason, _, _ = str(error).partition(";")  # what follows is advice for a model
        raise ModelFileError(f"{reason}; {anew}") from error
    try:
        training = model.provenance["training"]
        found, curve = training["identity"], points.validate_python(training["curve"])
    except (KeyError, TypeError, ValidationError) as error:
        raise ModelFileError(f"{path} is no checkpoint of a training; {anew}") from error
    if found != identity:
        raise ModelFileError(
            f"{path} is of another training: {depends_on} differ; choose as before to go on, or, {anew}"
        )
    return model, curve


def read_ended(
    files: TrainingFiles, load: Callable[[Path], Trained], points: TypeAdapter[Points], identity: str, depends_on: str
) -> tuple[Trained, Points]:
    """The model that a training which ended has left, and the points of its curve, from its record.

    Raises ModelFileError where one of them cannot be read, or is of another training.
    """
    _, curve = read_progress(files.record, _read_record, points, identity, depends_on)
    model = load(files.out)
    check_told(files, told=model.provenance.get("training", {}).get("identity") == identity)
    return model, curve


def check_told(files: TrainingFiles, *, told: bool) -> None:
    """Raise ModelFileError unless the model that is there is the one that the record tells of, as the caller found."""
    if not told:
        raise ModelFileError(
            f"{files.out} is not the model that {files.record} tells of; give another name with --out, or say "
            "--overwrite to train anew"
        )


@dataclass(frozen=True)
class _Record:
    """What is known of a training that ended."""

    provenance: Mapping[str, Any]


def _read_record(path: Path) -> _Record:
    """The record that a training wrote when it ended; raises ModelFileError."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path} is no record of a training that can be read") from error
    return _Record(document if isinstance(document, dict) else {})
