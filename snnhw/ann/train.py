"""Training of artificial networks: cross-entropy, Adam, a rate that falls along a cosine, the last epoch kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, ValidationError
from torch.nn import functional

from snnhw.ann.build import classes_of, images_of, module_of, pixels, tensors_of
from snnhw.ann.model import AnnModel, load_ann, save_ann
from snnhw.ann.presets import AnnPreset
from snnhw.data import Dataset, check_labels, load
from snnhw.errors import DatasetError, DescriptionError
from snnhw.kinds import Frozen
from snnhw.network import first_complaint
from snnhw.resumable import TrainingFiles, check_told, held_back, model_path, run_to_end
from snnhw.train.augment import Augmenter
from snnhw.train.batches import Batches
from snnhw.train.checkpoint import check_identity, read_checkpoint, read_ended, write_checkpoint
from snnhw.train.evaluate import computing_threads
from snnhw.train.options import Augmentation
from snnhw.train.record import EpochRecord, Record, Score, versions, write_record
from snnhw.wording import shown

__all__ = ["AnnPlan", "AnnProgress", "AnnRecord", "AnnTrained", "AnnTraining", "plan_ann_training", "train_ann"]

_STATE = ("network", "optimiser", "generators")
"""What a training's state consists of, beside its record."""


class AnnTraining(Frozen):
    """How an artificial network is trained; a change of any option gives other numbers."""

    model_config = ConfigDict(strict=True)

    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=0.004, gt=0, allow_inf_nan=False)
    """Of Adam at the start, falling to 0 along a cosine."""
    seed: int = Field(default=1, ge=0, lt=1 << 63)
    """Of initial weights, order of images and augmentation."""
    validation: int | None = Field(default=None, ge=0)
    """Images at the end of the data that are not trained on; None: a twelfth, at most 5,000."""
    augment: Augmentation | None = Augmentation()
    threads: int = Field(default=1, ge=1, le=1024)


class AnnRecord(Record[AnnTraining]):
    """All there is to know about the training of an artificial network but the weights."""


@dataclass(frozen=True)
class AnnProgress:
    """How far a training is: after every batch, and once more after an epoch with what it scored."""

    epoch: int
    """From 1."""
    epochs: int
    batch: int
    """From 1."""
    batches: int
    loss: float
    """The mean of this epoch so far."""
    scored: EpochRecord | None = None


OnProgress = Callable[[AnnProgress], None]


@dataclass(frozen=True)
class AnnPlan(TrainingFiles):
    """A training that can begin."""

    preset: AnnPreset
    options: AnnTraining
    images: Dataset
    held: int
    """So many of the images, the last, are not trained on."""
    test: Dataset | None
    """Counted once, at the end."""
    out: Path
    """The model file. Beside it NAME.training.json, and NAME.checkpoint while it goes on."""
    complete: bool = False

    @property
    def training(self) -> Dataset:
        """What is trained on."""
        return self.images.part(slice(len(self.images) - self.held))

    @property
    def validation(self) -> Dataset | None:
        """What is not; None where nothing is kept."""
        return self.images.part(slice(len(self.images) - self.held, None)) if self.held else None

    def new_record(self) -> AnnRecord:
        """The record of this training before it begins."""
        return AnnRecord(
            network=self.preset.ann.model_dump(mode="json"),
            dataset=self.images.name,
            dataset_digest=self.images.digest,
            samples=len(self.images) - self.held,
            options=self.options,
            versions=versions(),
        )


@dataclass(frozen=True)
class AnnTrained:
    """What a training left."""

    model: AnnModel
    record: AnnRecord
    files: dict[str, Path]
    """``model`` and ``record``."""

    def __repr__(self) -> str:
        return shown(self, repr(self.model), f"files: {', '.join(self.files)}")


def plan_ann_training(
    preset: AnnPreset,
    *,
    options: Mapping[str, Any] | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> AnnPlan:
    """Prepare a training, so that what is wrong shows before it begins.

    ``options`` are fields of :class:`AnnTraining`, before those of the preset. With ``resume``, a training that has
    ended is complete. Raises DescriptionError, DatasetError, OutputError, and ModelFileError where what has ended is
    another training.
    """
    try:
        chosen = AnnTraining.model_validate({**preset.training, **(options or {})})
    except ValidationError as error:
        raise DescriptionError(f"training options: {first_complaint(error)}") from error
    source, target = dataset or preset.dataset, model_path(out, preset.name)
    images = load(source, "train", limit)
    held = held_back(len(images), chosen.validation, images.name)
    test = load(source, "test") if images.split is not None else None
    for part in (images, test):
        if part is not None:
            _labelled(preset, part)
    plan = AnnPlan(preset, chosen, images, held, test, target)
    if plan.ended(overwrite=overwrite, resume=resume):
        _ended(plan)
        return replace(plan, complete=True)
    plan.clear_way([plan.out, plan.record], overwrite=overwrite, resume=resume)
    return plan


def train_ann(plan: AnnPlan, on_progress: OnProgress | None = None) -> AnnTrained:
    """Train, count the test set, and write the files; then the checkpoint is removed.

    A checkpoint that is there is gone on from, and the end is the same; ModelFileError where it is damaged or of
    another training. What a plan that is complete has left is read instead.
    """
    if plan.complete:
        return _ended(plan)
    with computing_threads(plan.options.threads):
        run = _Run(plan, on_progress)
        run_to_end(run, plan.checkpoint)
        provenance: dict[str, Any] = {
            "dataset": run.record.dataset,
            "dataset_digest": run.record.dataset_digest,
            "samples": run.record.samples,
            "seed": plan.options.seed,
            "epochs": plan.options.epochs,
            "versions": run.record.versions,
        }
        for name, part in (("validation", plan.validation), ("accuracy", plan.test)):
            if part is not None:
                provenance[name] = {"dataset": part.name, **run.count(part).model_dump()}
    model = AnnModel(plan.preset.ann, tensors_of(run.module), provenance)
    files = {"model": save_ann(model, plan.out, overwrite=True), "record": write_record(run.record, plan.record)}
    plan.checkpoint.unlink(missing_ok=True)
    return AnnTrained(model, run.record, files)


def _ended(plan: AnnPlan) -> AnnTrained:
    """What a training that ended left; raises ModelFileError where that is of another training."""
    record = read_ended(plan.record, plan.new_record())
    model = load_ann(plan.out)
    said = {"dataset_digest": record.dataset_digest, "seed": record.options.seed, "epochs": record.kept}
    check_told(plan, told=model.ann == plan.preset.ann and said.items() <= model.provenance.items())
    return AnnTrained(model, record, {"model": plan.out, "record": plan.record})


def _labelled(preset: AnnPreset, dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The images [B, channels, height, width] and labels [B] of a dataset; raises DatasetError."""
    images, labels = images_of(preset.ann, dataset), check_labels(dataset, preset.ann.classes)
    if labels is None:
        raise DatasetError(f"{dataset.name} has no labels, which training and accuracy need")
    return images, labels


class _Run:
    """A training between two epochs; ``run_to_end`` drives it."""

    def __init__(self, plan: AnnPlan, on_progress: OnProgress | None) -> None:
        self.plan, self.on_progress, self.record = plan, on_progress, plan.new_record()
        chosen = plan.options
        images, labels = _labelled(plan.preset, plan.training)
        augment = None if chosen.augment is None else chosen.augment.of_size(*images.shape[-2:])
        with torch.random.fork_rng():
            torch.manual_seed(chosen.seed)
            self.module = module_of(plan.preset.ann)
        self.batches = Batches(
            samples=torch.from_numpy(images.reshape(len(images), -1).copy()),
            labels=torch.from_numpy(labels.copy()),
            size=chosen.batch_size,
            generator=torch.Generator().manual_seed(chosen.seed),
            augmenter=None if augment is None else Augmenter(augment, *images.shape[1:]),
            prefetch=False,
        )
        self.optimiser = torch.optim.Adam(self.module.parameters(), chosen.learning_rate, fused=True)

    @property
    def complete(self) -> bool:
        """Whether this was the last epoch."""
        return len(self.record.epochs) >= self.plan.options.epochs

    def begin(self) -> None:
        """There is nothing to do before the first epoch."""

    def advance(self) -> None:
        """One pass over the images in a new order, and its score."""
        start = time.perf_counter()
        number, epochs, batches = len(self.record.epochs) + 1, self.plan.options.epochs, len(self.batches)
        total, seen = 0.0, 0
        self.module.train()
        for index, batch in enumerate(self.batches.epoch()):
            self._set_learning_rate(((number - 1) * batches + index) / (batches * epochs))
            images = pixels(batch.samples).reshape(-1, *self.plan.preset.ann.shapes[0])
            loss = functional.cross_entropy(self.module(images), batch.labels)
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimiser.step()
            total += float(loss.detach()) * len(batch.labels)
            seen += len(batch.labels)
            if not math.isfinite(total):
                raise DescriptionError(f"the training diverged in epoch {number}: give a smaller learning rate")
            self._tell(AnnProgress(number, epochs, index + 1, batches, total / seen))
        held = self.plan.validation
        validation = None if held is None else self.count(held)
        seconds = time.perf_counter() - start
        scored = EpochRecord(epoch=number, loss=total / seen, validation=validation, test=None, seconds=seconds)
        self.record.epochs.append(scored)
        self.record.kept = number
        self._tell(AnnProgress(number, epochs, batches, batches, scored.loss, scored))

    def _tell(self, progress: AnnProgress) -> None:
        if self.on_progress is not None:
            self.on_progress(progress)

    def _set_learning_rate(self, done: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.options.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def count(self, dataset: Dataset) -> Score:
        """How many images of a dataset get their label."""
        images, labels = _labelled(self.plan.preset, dataset)
        return Score(correct=int((classes_of(self.module.eval(), images) == labels).sum()), total=len(labels))

    def save(self, checkpoint: Path) -> None:
        """Write the record, and what a later run needs besides."""
        state = {
            "network": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generators": {"batches": self.batches.generator.get_state()},
        }
        write_checkpoint(checkpoint, self.record, state)

    def resume(self, checkpoint: Path) -> None:
        """Go on from a record and the state that belongs to it."""
        record, state = read_checkpoint(checkpoint, AnnRecord, _STATE)
        check_identity(checkpoint, record, self.record)
        self.record = record
        self.module.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.batches.generator.set_state(state["generators"]["batches"])
