"""Training a learner by STDP: golden learns image by image, in integers alone.

Images come in the order of their set, again and again, and all randomness is the learner's own register. A training
has stages: ``learn`` without labels, ``assign`` a class to each neuron, ``teach`` with labels where that is asked for,
and ``read``, in which the readout learns. A checkpoint is a model file whose provenance says how far it has come.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from golden.stdp import Stdp
from snnhw.data import Dataset, load
from snnhw.errors import DatasetError
from snnhw.files import write_atomically
from snnhw.resumable import (
    TrainingFiles,
    held_back,
    model_path,
    progress_of,
    read_ended,
    read_progress,
    run_to_end,
    without_seconds,
)
from snnhw.stdp.evaluate import by_assignment, compiled, evaluate_stdp, inputs
from snnhw.stdp.model import StdpModel, load_stdp, save_stdp
from snnhw.stdp.presets import StdpPreset
from snnhw.wording import shown

__all__ = ["Point", "StdpPlan", "StdpRun", "StdpTrained", "assign", "plan_stdp_training", "train_stdp"]

EVERY = 10_000
"""The most presentations between two checkpoints, which are points of the curve too."""

VALIDATION = 5000
"""Training images that are kept to validate with, unless told."""

ON_THE_WAY = 10_000
"""Training images that tell the classes of neurons for a point of the curve; at the end of learning all do."""

_DEPENDS_ON = "images, learner, schedule or seed"
"""What a checkpoint that is of another training differs in."""

Count = Annotated[int, Field(ge=0)]
Measure = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Stage = Literal["learn", "teach", "read"]


@dataclass(frozen=True)
class StdpPlan(TrainingFiles):
    """A training that can begin."""

    preset: StdpPreset
    training: Dataset
    validation: Dataset | None
    """The last images of the training set, which are not trained on."""
    test: Dataset | None
    """Counted once, at the end."""
    out: Path
    """The model file. Beside it NAME.training.json, and NAME.checkpoint while it goes on."""
    supervised: bool = False
    complete: bool = False

    @property
    def identity(self) -> str:
        """A digest of all that the result depends on."""
        preset = asdict(replace(self.preset, learner=None))  # type: ignore[arg-type]
        said = [preset, self.preset.learner.model_dump(mode="json"), self.training.digest, self.supervised]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def portions(self) -> Iterator[Portion]:
        """What happens between two checkpoints, in order."""
        for stage, blocks in (("learn", self.preset.learning), ("teach", self.preset.teaching)):
            begin = 0
            for block in blocks if stage == "learn" or self.supervised else ():
                end = begin + block.presentations
                for first in range(begin, end, EVERY):
                    yield Portion(stage, block.amplitude, first, min(first + EVERY, end))  # type: ignore[arg-type]
                begin = end
        for rate in self.preset.reading:
            yield Portion("read", rate, 0, self.labels)

    @property
    def labels(self) -> int:
        """The first so many images, whose labels are used."""
        return min(self.preset.labels or len(self.training), len(self.training))


@dataclass(frozen=True)
class Portion:
    """Presentations ``first`` to ``end`` of a stage, with an amplitude, or a rate of the readout."""

    stage: Stage
    strength: int
    first: int
    end: int


@dataclass(frozen=True)
class Point:
    """How far a training has come."""

    stage: Stage
    strength: Count
    """The amplitude, or the rate of the readout."""
    presentations: Count
    """Of the stage; of a pass of the readout its images."""
    seconds: Measure
    """Of training alone, without counting."""
    validation: Count | None
    """Images of the validation set whose class was told: by the neurons' classes, or when reading by the readout."""
    step: Measure | None = None
    """The step in which winners fired: the mean."""
    mute: Count = 0
    """Images in which no neuron fired."""


_CURVE = TypeAdapter(tuple[Point, ...])


@dataclass(frozen=True)
class StdpTrained:
    """What a training left."""

    model: StdpModel
    curve: tuple[Point, ...]
    files: dict[str, Path]
    """``model`` and ``record``."""

    def __repr__(self) -> str:
        return shown(self, repr(self.model), f"files: {', '.join(self.files)}")

    @property
    def seconds(self) -> float:
        """Of training alone."""
        return self.curve[-1].seconds


def plan_stdp_training(
    preset: StdpPreset,
    *,
    seed: int | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    validation: int | None = None,
    presentations: int | None = None,
    supervised: bool = False,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> StdpPlan:
    """Prepare a training, so that what is wrong shows before it begins.

    ``validation`` of the last training images are kept (default: a twelfth, at most 5,000); ``presentations`` shortens
    or lengthens all blocks without labels alike. With ``resume``, a training that has ended is complete. Raises
    DatasetError and OutputError, ModelFileError where what has ended is another training, and ToolMissingError without
    numba.
    """
    chosen = preset.seeded(preset.seed if seed is None else seed)
    if presentations is not None:
        chosen = chosen.lasting(presentations)
    source, target = dataset or preset.dataset, model_path(out, preset.name)
    images = load(source, "train", limit)
    kept = len(images) - held_back(len(images), validation, images.name)
    held = images.part(slice(kept, None)) if kept < len(images) else None
    test = load(source, "test") if images.split is not None else None
    plan = StdpPlan(chosen, images.part(slice(kept)), held, test, target, supervised)
    if plan.ended(overwrite=overwrite, resume=resume):
        _ended(plan)
        return replace(plan, complete=True)
    StdpRun(plan)
    for other in (held, test):
        if other is not None:
            inputs(chosen.learner, other)
    plan.clear_way([plan.out, plan.record], overwrite=overwrite, resume=resume)
    return plan


def labelled(preset: StdpPreset, dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pixels and labels to train with; raises DatasetError where there are none, or none of some class."""
    images, labels = inputs(preset.learner, dataset)
    if labels is None:
        raise DatasetError(f"{dataset.name} has no labels, which training needs")
    lacking = sorted(set(range(preset.learner.classes)) - set(labels.tolist()))
    if lacking:
        raise DatasetError(
            f"no training image of {dataset.name} is of class {', '.join(map(str, lacking))}: no neuron could be given "
            "it; take more images, or another dataset"
        )
    return images, labels


def assign(fired: NDArray[np.int32], labels: NDArray[np.int64], neurons: int, classes: int) -> NDArray[np.uint8]:
    """The class of each neuron, [neurons]: that of whose images it fired first most often, the lowest of equals.

    A neuron that never fires first gets class 0; no answer depends on it until it does.
    """
    counts = np.zeros((neurons, classes), np.int64)
    first = fired[:, 0, 0]
    np.add.at(counts, (first[first >= 0], labels[first >= 0]), 1)
    classes_of: NDArray[np.uint8] = counts.argmax(axis=1).astype(np.uint8)
    return classes_of


def train_stdp(plan: StdpPlan, on_progress: Callable[[int, int, str], None] | None = None) -> StdpTrained:
    """Train, count the test set, and write the files; then the checkpoint is removed.

    A checkpoint that is there is gone on from; ModelFileError where it is of another training. What a plan that is
    complete has left is read instead.
    """
    if plan.complete:
        return _ended(plan)
    run = StdpRun(plan, on_progress)
    run_to_end(run, plan.checkpoint)
    return _finished(plan, run.model, run.curve)


class StdpRun:
    """A training between two checkpoints; ``run_to_end`` drives it. Raises DatasetError."""

    def __init__(self, plan: StdpPlan, on_progress: Callable[[int, int, str], None] | None = None) -> None:
        self.plan, self.on_progress = plan, on_progress
        self.images, self.labels = labelled(plan.preset, plan.training)
        self.portions = tuple(plan.portions())
        self.model = StdpModel.of(Stdp(plan.preset.learner))
        self.learner = compiled(self.model)
        self.curve: tuple[Point, ...] = ()
        self._fired: NDArray[np.int32] | None = None

    @property
    def complete(self) -> bool:
        """Whether all portions were trained."""
        return len(self.curve) == len(self.portions)

    def begin(self) -> None:
        """Compile: what a first call does is no training."""
        other, one = compiled(self.model), slice(1)
        other.train(self.images[one], 1)
        other.teach(self.images[one], self.labels[one], 1)
        other.train_readout(other.infer(self.images[one])[0], self.labels[one], 1)

    def resume(self, checkpoint: Path) -> None:
        """Go on from the model in a checkpoint and its curve."""
        self.model, self.curve = read_progress(checkpoint, load_stdp, _CURVE, self.plan.identity, _DEPENDS_ON)
        self.learner = compiled(self.model)
        self.begin()

    def advance(self) -> None:
        """Train a portion, and count the validation set."""
        portion, start = self.portions[len(self.curve)], time.perf_counter()
        found = self._train(portion)
        seconds = time.perf_counter() - start + (self.curve[-1].seconds if self.curve else 0.0)
        done = len(self.curve) + 1
        if portion.stage == "learn":
            last = done == len(self.portions) or self.portions[done].stage != "learn"
            self._assign(self.plan.labels if last else min(self.plan.labels, ON_THE_WAY))
        won = found[found[:, 0] >= 0, 1]
        point = Point(
            stage=portion.stage,
            strength=portion.strength,
            presentations=portion.end,
            seconds=round(seconds, 3),
            validation=self._validate(portion.stage),
            step=round(float(won.mean()), 3) if len(won) else None,
            mute=len(found) - len(won),
        )
        self.curve = (*self.curve, point)
        self.model = StdpModel.of(self.learner, _provenance(self.plan, self.curve))
        if self.on_progress is not None:
            self.on_progress(done, len(self.portions), _text(self.plan, point))

    def save(self, checkpoint: Path) -> None:
        """Write the model; its provenance says how far it has come."""
        save_stdp(self.model, checkpoint, overwrite=True)

    def shown(self, portion: Portion) -> NDArray[np.int64]:
        """Which images a portion of learning, with labels or without, shows, in order."""
        images = len(self.images) if portion.stage == "learn" else self.plan.labels
        return np.arange(portion.first, portion.end) % images

    def _train(self, portion: Portion) -> NDArray[np.int32]:
        """Who fired first, and when, [n, 2]; -1 where none did."""
        if portion.stage == "read":
            if self._fired is None:
                self._fired = self.learner.infer(self.images[: portion.end])[0]
            self.learner.train_readout(self._fired, self.labels[: portion.end], portion.strength)
            return self._fired[:, 0]
        shown = self.shown(portion)
        if portion.stage == "teach":
            return self.learner.teach(self.images[shown], self.labels[shown], portion.strength)
        return self.learner.train(self.images[shown], portion.strength)

    def _assign(self, images: int) -> None:
        fired, labels = self.learner.infer(self.images[:images])[0], self.labels[:images]
        self.learner.assigned[:] = assign(fired, labels, self.learner.learner.neurons, self.learner.learner.classes)

    def _validate(self, stage: Stage) -> int | None:
        if self.plan.validation is None:
            return None
        images, labels = inputs(self.learner.learner, self.plan.validation)
        fired, _, answers = self.learner.infer(images)
        given = answers if stage == "read" else by_assignment(self.learner.assigned, fired)
        return int((given == labels).sum())


def _finished(plan: StdpPlan, model: StdpModel, curve: tuple[Point, ...]) -> StdpTrained:
    provenance = dict(model.provenance)
    if plan.test is not None:
        counted = evaluate_stdp(model, plan.test)
        for name, correct in (("accuracy", counted.correct), ("assignment", counted.assigned_correct)):
            provenance[name] = {"dataset": plan.test.name, "correct": correct, "total": counted.images}
    learned = [point for point in curve if point.stage == "learn"][-1]
    record = {
        "preset": plan.preset.name,
        "images_per_second": round(learned.presentations / max(learned.seconds, 1e-9), 1),
        **provenance,
    }
    model = replace(model, provenance=without_seconds(provenance))
    written = {"model": save_stdp(model, plan.out, overwrite=True)}
    written["record"] = write_atomically(plan.record, json.dumps(record, indent=2) + "\n")
    plan.checkpoint.unlink(missing_ok=True)
    return StdpTrained(model, curve, written)


def _ended(plan: StdpPlan) -> StdpTrained:
    """What a training that ended left; raises ModelFileError where that is of another training."""
    model, curve = read_ended(plan, load_stdp, _CURVE, plan.identity, _DEPENDS_ON)
    return StdpTrained(model, curve, {"model": plan.out, "record": plan.record})


def _provenance(plan: StdpPlan, curve: tuple[Point, ...]) -> dict[str, Any]:
    preset = plan.preset
    return {
        "dataset": plan.training.name,
        "images": len(plan.training),
        "validation": 0 if plan.validation is None else len(plan.validation),
        "seed": preset.seed,
        "learning": [asdict(block) for block in preset.learning],
        "teaching": [asdict(block) for block in preset.teaching] if plan.supervised else [],
        "reading": list(preset.reading),
        "training": progress_of(plan.identity, curve),
    }


def _text(plan: StdpPlan, point: Point) -> str:
    if point.validation is None or plan.validation is None:
        return point.stage
    return f"{point.stage}, {100 * point.validation / len(plan.validation):.2f} % in validation"
