"""Training a spiking RBM: the golden machine learns image by image, in integers alone.

The order of the images and the initial weights are drawn from a seed; all else is the machine's. A checkpoint is a
model file whose provenance says how far it has come, so that a training that is resumed ends as one that was not.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

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
from snnhw.srbm.evaluate import compiled, complete_halves, evaluate_srbm, inputs
from snnhw.srbm.model import SrbmModel, initial_levels, load_srbm, save_srbm
from snnhw.srbm.presets import SrbmPreset, Stage
from snnhw.wording import shown

__all__ = ["Point", "SrbmPlan", "SrbmTrained", "plan_srbm_training", "train_srbm"]

CHUNK = 500
"""Presentations between two calls of a progress function."""

EVERY = 10_000
"""Presentations between two checkpoints, which are points of the curve too."""

_DEPENDS_ON = "images, machine, schedule or seed"
"""What a checkpoint that is of another training differs in."""

Count = Annotated[int, Field(ge=0)]
Measure = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class SrbmPlan(TrainingFiles):
    """A training that can begin."""

    preset: SrbmPreset
    training: Dataset
    validation: Dataset | None
    """The last images of the training set, which are not trained on."""
    test: Dataset | None
    """Counted once, at the end."""
    out: Path
    """The model file. Beside it NAME.training.json, and NAME.checkpoint while it goes on."""
    threads: int
    complete: bool = False

    @property
    def identity(self) -> str:
        """A digest of all that the result depends on."""
        preset = asdict(replace(self.preset, machine=None))  # type: ignore[arg-type]
        said = [preset, self.preset.machine.model_dump(mode="json"), self.training.digest]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Point:
    """How far a training has come."""

    presentations: Count
    seconds: Measure
    """Of training alone, without counting."""
    validation: Count | None
    """Images of the validation set whose class was told."""
    data_rate: Measure
    """Spikes of a hidden unit a tick in the data phases since the last point, and in the model phases."""
    model_rate: Measure


_CURVE = TypeAdapter(tuple[Point, ...])


@dataclass(frozen=True)
class SrbmTrained:
    """What a training left."""

    model: SrbmModel
    curve: tuple[Point, ...]
    files: dict[str, Path]
    """``model`` and ``record``."""

    def __repr__(self) -> str:
        return shown(self, repr(self.model), f"files: {', '.join(self.files)}")

    @property
    def seconds(self) -> float:
        """Of training alone."""
        return self.curve[-1].seconds


def plan_srbm_training(
    preset: SrbmPreset,
    *,
    seed: int | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    validation: int | None = None,
    presentations: int | None = None,
    threads: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> SrbmPlan:
    """Prepare a training, so that what is wrong shows before it begins.

    ``validation`` of the last training images are kept (default: a twelfth, at most 5,000); ``presentations`` shortens
    or lengthens every stage alike. With ``resume``, a training that has ended is complete. Raises DatasetError and
    OutputError, ModelFileError where what has ended is another training, and ToolMissingError without numba.
    """
    chosen = replace(preset, seed=preset.seed if seed is None else seed)
    if presentations is not None:
        chosen = replace(chosen, stages=_of_length(chosen.stages, presentations))
    source = dataset or preset.dataset
    target = model_path(out, preset.name)
    images = load(source, "train", limit)
    if images.labels is None:
        raise DatasetError(f"{images.name} has no labels, which training needs")
    kept = len(images) - held_back(len(images), validation, images.name)
    held = images.part(slice(kept, None)) if kept < len(images) else None
    test = load(source, "test") if images.split is not None else None
    plan = SrbmPlan(chosen, images.part(slice(kept)), held, test, target, threads or os.cpu_count() or 1)
    if plan.ended(overwrite=overwrite, resume=resume):
        _ended(plan)
        return replace(plan, complete=True)
    compiled(_begin(plan))
    inputs(_begin(plan), images)
    plan.clear_way([plan.out, plan.record], overwrite=overwrite, resume=resume)
    return plan


def train_srbm(plan: SrbmPlan, on_progress: Callable[[int, int, str], None] | None = None) -> SrbmTrained:
    """Train, count the test set, and write the files; then the checkpoint is removed.

    A checkpoint that is there is gone on from; ModelFileError where it is of another training. What a plan that is
    complete has left is read instead.
    """
    if plan.complete:
        return _ended(plan)
    run = _Run(plan, on_progress)
    run_to_end(run, plan.checkpoint)
    return _finished(plan, run.model, run.curve)


class _Run:
    """A training between two checkpoints."""

    def __init__(self, plan: SrbmPlan, on_progress: Callable[[int, int, str], None] | None) -> None:
        self.plan = plan
        self.on_progress = on_progress
        self.model = _begin(plan)
        self.curve: tuple[Point, ...] = ()
        self.values, labels = inputs(self.model, plan.training)
        assert labels is not None
        self.labels = labels
        self.order = _order(plan, len(self.values))
        schedule = list(plan.preset.schedule())
        self.steps = np.array([step for step, _ in schedule])
        self.holds = np.array([hold for _, hold in schedule], np.bool_)

    @property
    def done(self) -> int:
        """Presentations so far."""
        return self.curve[-1].presentations if self.curve else 0

    @property
    def complete(self) -> bool:
        """Whether all of the schedule was presented."""
        return self.done >= len(self.steps)

    def begin(self) -> None:
        """Compile: what a first call does is no training."""
        first = slice(1)
        compiled(self.model).train(self.values[first], self.labels[first], self.steps[first], self.holds[first])

    def resume(self, checkpoint: Path) -> None:
        """Go on from the model in a checkpoint and its curve."""
        self.model, self.curve = read_progress(checkpoint, load_srbm, _CURVE, self.plan.identity, _DEPENDS_ON)
        self.begin()

    def advance(self) -> None:
        """Learn as far as the next checkpoint."""
        done, total = self.done, len(self.steps)
        end = min(done + EVERY, total)
        srbm, start = compiled(self.model), time.perf_counter()
        spikes = np.zeros(4)
        for first in range(done, end, CHUNK):
            part = slice(first, min(first + CHUNK, end))
            shown = self.order[part]
            counts = srbm.train(self.values[shown], self.labels[shown], self.steps[part], self.holds[part])
            rows, hidden = self.model.machine.rows, self.model.machine.hidden
            spikes += counts[:, :, rows : rows + hidden].sum(axis=(0, 2))
            if self.on_progress is not None:
                self.on_progress(part.stop, total, _text(self.plan, self.curve))
        seconds = time.perf_counter() - start + (self.curve[-1].seconds if self.curve else 0.0)
        gm = srbm.gm if self.model.machine.synapse.paired else None
        model = replace(self.model, gp=srbm.gp, gm=gm, walk=srbm.walk, refresh=srbm.refresh)
        self.curve = (*self.curve, _point(self.plan, model, end, seconds, spikes / (end - done)))
        self.model = replace(model, provenance=_provenance(self.plan, self.curve))

    def save(self, checkpoint: Path) -> None:
        """Write the model; its provenance says how far it has come."""
        save_srbm(self.model, checkpoint, overwrite=True)


def _begin(plan: SrbmPlan) -> SrbmModel:
    preset = plan.preset
    gp, gm = initial_levels(preset.machine, preset.sigma, preset.seed)
    return SrbmModel(preset.machine, gp, gm, pixels=preset.pixels)


def _order(plan: SrbmPlan, images: int) -> NDArray[np.int64]:
    """Which image each presentation shows: all of them in random order, again and again."""
    rng = np.random.default_rng([plan.preset.seed, 1])
    passes = -(-plan.preset.presentations // images)
    return np.concatenate([rng.permutation(images) for _ in range(passes)])


def _point(plan: SrbmPlan, model: SrbmModel, done: int, seconds: float, spikes: NDArray[np.float64]) -> Point:
    """``spikes`` are those of all hidden units in each phase of an image."""
    phases, hidden = model.machine.phases, model.machine.hidden
    counted = None
    if plan.validation is not None:
        counted = evaluate_srbm(model, plan.validation, threads=plan.threads).correct
    return Point(
        presentations=done,
        seconds=round(seconds, 3),
        validation=counted,
        data_rate=round(float(spikes[1]) / (hidden * phases.data), 6),
        model_rate=round(float(spikes[3]) / (hidden * phases.model), 6),
    )


def _finished(plan: SrbmPlan, model: SrbmModel, curve: tuple[Point, ...]) -> SrbmTrained:
    provenance = dict(model.provenance)
    if plan.test is not None:
        counted = evaluate_srbm(model, plan.test, threads=plan.threads)
        provenance["accuracy"] = {"dataset": plan.test.name, "correct": counted.correct, "total": counted.images}
        halves = complete_halves(model, plan.test, threads=plan.threads)
        provenance["completion"] = asdict(halves)
    seconds = curve[-1].seconds
    record = {
        "preset": plan.preset.name,
        "images_per_second": round(curve[-1].presentations / max(seconds, 1e-9), 1),
        **provenance,
    }
    model = replace(model, provenance=without_seconds(provenance))
    written = {"model": save_srbm(model, plan.out, overwrite=True)}
    text = json.dumps(record, indent=2) + "\n"
    written["record"] = write_atomically(plan.record, text)
    plan.checkpoint.unlink(missing_ok=True)
    return SrbmTrained(model, curve, written)


def _ended(plan: SrbmPlan) -> SrbmTrained:
    """What a training that ended left; raises ModelFileError where that is of another training."""
    model, curve = read_ended(plan, load_srbm, _CURVE, plan.identity, _DEPENDS_ON)
    return SrbmTrained(model, curve, {"model": plan.out, "record": plan.record})


def _provenance(plan: SrbmPlan, curve: tuple[Point, ...]) -> dict[str, Any]:
    preset = plan.preset
    return {
        "dataset": plan.training.name,
        "images": len(plan.training),
        "validation": 0 if plan.validation is None else len(plan.validation),
        "seed": preset.seed,
        "sigma": preset.sigma,
        "stages": [asdict(stage) for stage in preset.stages],
        "training": progress_of(plan.identity, curve),
    }


def _text(plan: SrbmPlan, curve: tuple[Point, ...]) -> str:
    if not curve or curve[-1].validation is None or plan.validation is None:
        return ""
    return f"{100 * curve[-1].validation / len(plan.validation):.2f} % in validation"


def _of_length(stages: tuple[Stage, ...], presentations: int) -> tuple[Stage, ...]:
    """The same stages, so many presentations together; none is left without any."""
    total = sum(stage.presentations for stage in stages)
    return tuple(
        replace(stage, presentations=max(1, round(stage.presentations * presentations / total))) for stage in stages
    )
