"""Training: from a description and a dataset to a model, epoch by epoch."""

from __future__ import annotations

import copy
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from snnhw.data import Dataset
from snnhw.errors import DescriptionError
from snnhw.kinds import twin
from snnhw.model import Model
from snnhw.network import Network
from snnhw.resumable import run_to_end
from snnhw.train.activity import advice, firing_of
from snnhw.train.batches import Batch, Batches
from snnhw.train.checkpoint import check_identity, read_checkpoint, write_checkpoint
from snnhw.train.dropout import Dropout
from snnhw.train.evaluate import computing_threads, count_correct
from snnhw.train.folded import FoldedNetwork
from snnhw.train.initial import initialise
from snnhw.train.network import TrainableNetwork
from snnhw.train.notes import chance_note
from snnhw.train.options import TrainOptions
from snnhw.train.record import EpochRecord, Score, TeacherRecord, TrainingRecord, versions
from snnhw.train.split import Part, augmenter, fitted, image_size, labelled, shared, split
from snnhw.train.teacher import Teacher, distillation, teach

__all__ = ["STATE", "Progress", "best_of", "new_record", "train"]

LOG = logging.getLogger(__name__)

STATE = ("network", "averaged", "optimiser", "generator", "teacher", "best")
"""What a checkpoint holds beside the record."""

_TOGETHER = 1000
"""Images that the teacher judges together."""
_OPERATIONS = 100_000
"""Synaptic operations that the penalty of spikes is for."""
_INITIAL_SAMPLES = 512
"""So many samples choose the size of the initial weights, and show after each epoch how much the layers fire."""


@dataclass(frozen=True)
class Progress:
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
    """The epoch as it goes into the record; None while it goes on."""
    teacher: bool = False
    """Whether these are epochs of the teacher, which come before the network's."""


OnProgress = Callable[[Progress], None]


def train(
    network: Network,
    dataset: Dataset,
    options: TrainOptions | None = None,
    *,
    test: Dataset | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[Model, TrainingRecord]:
    """Train a network and return the model of the epoch that is kept, with the training's record.

    The same arguments give the same integers on the same machine and versions. Notes, of layers that fall silent and
    the like, go to Python's logger ``snnhw``.

    Args:
        network: what is trained; its integers stay as they are, its tensors are found.
        dataset: what is trained and validated on.
        options: see there; its defaults where None.
        test: samples that are scored after each epoch, for the record; they choose nothing.
        checkpoint: a file that is written after each epoch. Where it is there, the training goes on from it and
            ends with the same integers as one that was never interrupted. It is left there; :func:`best_of` gives
            the model that an interrupted training keeps so far.
        on_progress: called after each batch and each epoch.

    Raises:
        DatasetError: for data that does not suit the network or the options.
        DescriptionError: for a loss, folded steps or layers of dropout that do not suit the network.
        CheckpointError: for a checkpoint that is damaged or of another training.
        OutputError: for a checkpoint that cannot be written.
    """
    options = options or TrainOptions()
    _check_loss(network, options)
    with computing_threads(options.threads - options.prefetches):
        run = _Run(network, dataset, options, test, on_progress)
        run_to_end(run, None if checkpoint is None else Path(checkpoint))
        if (note := chance_note(run.record, run.part.labels)) is not None:
            LOG.warning("%s", note)
        return _model(run.record, run.best), run.record


def _check_loss(network: Network, options: TrainOptions) -> None:
    """Raise DescriptionError for a loss that needs spikes which there are not."""
    loss, last = options.loss, network.layers[-1]
    if not loss.of_spikes:
        return
    if not last.neuron.fires:
        raise DescriptionError(f"the loss '{loss.kind}' needs a last layer that fires, '{last.name}' does not")
    if options.folded is not None:
        raise DescriptionError(f"the loss '{loss.kind}' needs the spikes of each step: train without folded steps")


def new_record(network: Network, dataset: Dataset, options: TrainOptions) -> TrainingRecord:
    """The record of a training that has not begun, with the options as the dataset makes them; raises DatasetError."""
    options = fitted(options, network, dataset)
    return TrainingRecord(
        network=network.model_dump(mode="json"),
        dataset=dataset.name,
        dataset_digest=dataset.digest,
        samples=len(dataset) - options.validation,
        options=options,
        versions=versions(),
    )


def best_of(checkpoint: str | os.PathLike[str]) -> tuple[Model, TrainingRecord]:
    """The model that is kept so far, and the record so far, in a checkpoint; raises CheckpointError."""
    record, state = read_checkpoint(checkpoint, TrainingRecord, STATE)
    return _model(record, state["best"]), record


def _model(record: TrainingRecord, tensors: dict[str, Tensor]) -> Model:
    """A model with the provenance that training knows."""
    best = record.best
    provenance: dict[str, Any] = {
        "dataset": record.dataset,
        "dataset_digest": record.dataset_digest,
        "samples": record.samples,
        "seed": record.options.seed,
        "epochs": record.options.epochs + (record.options.folded.epochs if record.options.folded else 0),
        "epoch": record.kept,
        "versions": record.versions,
    }
    if best is not None and best.validation is not None:
        provenance["validation"] = best.validation.model_dump()
    network = Network.model_validate(record.network)
    return Model(network, {name: tensor.numpy() for name, tensor in tensors.items()}, provenance)


class _Run:
    """A training between two epochs."""

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        options: TrainOptions,
        test: Dataset | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.record = new_record(network, dataset, options)
        if options.augment is not None and self.record.options.augment is None:
            LOG.warning("the samples of %s are no images, so none is deformed in training", dataset.name)
        self.options = options = self.record.options
        self.on_progress = on_progress
        self.part, self.validation = split(network, dataset, options.validation)
        self.test = None if test is None else Part(*labelled(network, test))
        samples = self.part.samples.reshape(len(self.part.samples), *network.flat_shape)
        self.batches = Batches(
            samples=shared(samples),
            labels=shared(self.part.labels),
            size=options.batch_size,
            generator=torch.Generator().manual_seed(options.seed),
            augmenter=None if options.augment is None else augmenter(options.augment, network, dataset),
            dropout=Dropout(network, options.dropout),
            prefetch=options.prefetches,
        )
        self.teacher: Teacher | None = None
        if options.teacher is not None:
            self.teacher = Teacher(image_size(network, dataset), network.classes, options.seed, options.teacher.width)
        self.folded_epochs = options.folded.epochs if options.folded else 0
        self._train_now(FoldedNetwork(network) if options.folded else TrainableNetwork(network, options.surrogate))
        self.best: dict[str, Tensor] = {}
        self.faulty: set[str] = set()
        """The layers that were told to be silent or saturated."""

    def _train_now(self, network: TrainableNetwork | FoldedNetwork) -> None:
        """Train this network from now on, with an average and an optimiser of its own."""
        self.network = network
        self.averaged = copy.deepcopy(network)
        folded = self.options.folded if isinstance(network, FoldedNetwork) else None
        rate = folded.learning_rate if folded else self.options.learning_rate
        self.optimiser = torch.optim.Adam(_groups(network, rate), betas=self.options.betas, fused=True)

    def _unfold(self) -> None:
        """Train through time from now on, from the average of the counts; nothing where that is so already."""
        if isinstance(self.averaged, FoldedNetwork):
            self._train_now(self.averaged.unfolded(surrogate=self.options.surrogate))

    @property
    def epochs(self) -> int:
        """All of them."""
        return self.folded_epochs + self.options.epochs

    @property
    def complete(self) -> bool:
        """Whether this was the last epoch."""
        return len(self.record.epochs) >= self.epochs

    def begin(self) -> None:
        """Choose the initial weights, then train the teacher, where there is one."""
        samples, generator = self.batches.samples[:_INITIAL_SAMPLES], self.batches.generator
        if isinstance(self.network, FoldedNetwork):
            self.network.initialise(samples, generator)
        else:
            initialise(self.network, samples, generator, self.options.initial_gain)
        self.averaged.load_state_dict(self.network.state_dict())
        self._teach()

    def _teach(self) -> None:
        """Train the teacher, where there is one, and ask it from then on."""
        chosen = self.options.teacher
        if self.teacher is None or chosen is None:
            return
        start, epochs, total = time.perf_counter(), chosen.epochs, len(self.batches)

        def after_batch(number: int, batch: int, loss: float) -> None:
            if self.on_progress is not None:
                self.on_progress(Progress(number, epochs, batch, total, loss, teacher=True))

        def epoch() -> Iterator[tuple[Tensor, Tensor]]:
            return ((batch.samples, batch.labels) for batch in self.batches.epoch())

        teach(self.teacher, epoch, epochs, total, after_batch)
        validation = self.validation and self._count_teacher(self.validation)
        self.record.teacher = TeacherRecord(validation=validation, seconds=time.perf_counter() - start)
        self.batches.teacher = self.teacher

    def advance(self) -> None:
        """One pass over the samples in a new order, and its scores."""
        start = time.perf_counter()
        number, batches = len(self.record.epochs) + 1, len(self.batches)
        before, epochs = 0, self.folded_epochs
        if number > self.folded_epochs:
            self._unfold()
            before, epochs = self.folded_epochs, self.options.epochs
        total, seen = 0.0, 0
        for index, batch in enumerate(self.batches.epoch()):
            step = (number - 1 - before) * batches + index
            self._set_learning_rate(step / (batches * epochs))
            total += self._improve(batch) * len(batch.labels)
            seen += len(batch.labels)
            self._average(step)
            if self.on_progress is not None:
                self.on_progress(Progress(number, self.epochs, index + 1, batches, total / seen))
        scored = self._score(number, total / seen, start)
        self._tell_of_layers(number)
        if self.on_progress is not None:
            self.on_progress(Progress(number, self.epochs, batches, batches, scored.loss, scored))

    def _improve(self, batch: Batch) -> float:
        """Improve the network on a batch, and return the mean loss that it had."""
        outcome = self.network.run(batch.samples, batch.factors)
        logits = self.network.logits(outcome.scores)
        loss: Tensor = twin(self.options.loss, "training")(self.options.loss, outcome, logits, batch.labels)
        if batch.opinion is not None and self.options.teacher is not None:
            chosen = self.options.teacher
            loss = torch.lerp(loss, distillation(logits, batch.opinion, chosen.temperature), chosen.weight)
        told = float(loss.detach())
        if self.options.spike_penalty:
            loss = loss + self.options.spike_penalty * outcome.operations / _OPERATIONS
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        self.network.clamp_latent()
        return told

    @torch.no_grad()
    def _average(self, step: int) -> None:
        """Move the average towards the latest numbers, faster in the first steps so that it forgets the start."""
        kept = min(self.options.average, (step + 1) / (step + 10))
        for average, latest in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            average.lerp_(latest, 1 - kept)
        for counted, newest in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            counted.copy_(newest)

    def _set_learning_rate(self, done: float) -> None:
        """A cosine from the rate at the start to 0 where all is done, of the counts and through time each; or none."""
        part = 0.5 * (1 + math.cos(math.pi * done)) if self.options.schedule == "cosine" else 1.0
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * part

    def _score(self, number: int, loss: float, start: float) -> EpochRecord:
        """Score the averaged integers, keep them where they are what is to be kept so far, and record the epoch."""
        tensors = self.averaged.tensors()
        model = Model(self.network.network, tensors)
        scores = [part and self._count(model, part) for part in (self.validation, self.test)]
        scored = EpochRecord(
            epoch=number, loss=loss, validation=scores[0], test=scores[1], seconds=time.perf_counter() - start
        )
        if self.options.keep == "last" or _at_least(scored.validation, self.record.best):
            self.record.kept = number
            self.best = {name: torch.from_numpy(value) for name, value in tensors.items()}
        self.record.epochs.append(scored)
        return scored

    def _tell_of_layers(self, number: int) -> None:
        """Note, once, each layer that is silent or saturated after this epoch; of counts, after the last one."""
        network = self.averaged
        if isinstance(network, FoldedNetwork):
            if not self.complete:
                return
            network = network.unfolded()
        for layer, firing in firing_of(network, self.batches.samples[:_INITIAL_SAMPLES]).items():
            if firing.fault is not None and layer.name not in self.faulty:
                self.faulty.add(layer.name)
                change = advice(layer, more=firing.is_silent)
                LOG.warning("after epoch %d, layer '%s' %s: %s", number, layer.name, firing.fault, change)

    def _count(self, model: Model, part: Part) -> Score:
        return Score(correct=count_correct(model, part.samples, part.labels), total=len(part.labels))

    @torch.no_grad()
    def _count_teacher(self, part: Part) -> Score:
        assert self.teacher is not None
        samples = torch.from_numpy(part.samples.copy())
        chosen = torch.cat([self.teacher(chunk).argmax(dim=1) for chunk in torch.split(samples, _TOGETHER)])
        return Score(correct=int((chosen.numpy() == part.labels).sum()), total=len(part.labels))

    def save(self, checkpoint: Path) -> None:
        """Write the record, and what a later run needs besides."""
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.batches.generator.get_state(),
            "teacher": self.teacher.state_dict() if self.teacher else {},
            "best": self.best,
        }
        write_checkpoint(checkpoint, self.record, state)

    def resume(self, checkpoint: Path) -> None:
        """Go on from a record and the state that belongs to it."""
        record, state = read_checkpoint(checkpoint, TrainingRecord, STATE)
        check_identity(checkpoint, record, self.record)
        self.record, self.best = record, state["best"]
        if len(record.epochs) > self.folded_epochs:
            self._unfold()
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.batches.generator.set_state(state["generator"])
        if self.teacher is not None:
            self.teacher.load_state_dict(state["teacher"])
            self.batches.teacher = self.teacher.eval()


def _at_least(validation: Score | None, best: EpochRecord | None) -> bool:
    """Whether an epoch is to be kept: it validates as well as the best before, or nothing can be compared."""
    if validation is None or best is None or best.validation is None:
        return True
    return validation.correct >= best.validation.correct


def _groups(network: TrainableNetwork | FoldedNetwork, rate: float) -> list[dict[str, Any]]:
    """What the optimiser moves, and how fast: weights in integers, all else in its own units."""
    groups: list[dict[str, Any]] = []
    others: list[nn.Parameter] = [network.log_scale]
    for layer in network.each_layer():
        for name, span in layer.ranges.items():
            groups.append({"params": [layer.get_parameter(name)], "lr": rate * max(-span.lo, span.hi)})
        others += [number for name, number in layer.named_parameters() if name not in layer.ranges]
    groups.append({"params": others, "lr": rate})
    return [{**group, "initial_lr": group["lr"]} for group in groups]
