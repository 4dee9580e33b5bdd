"""Running experiments: what one of them came to is a `Run`, which says all that is needed to run it again.

The last `VALIDATION` training images alone choose; the test set is looked at for headlines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snnhw.data import Dataset, check_labels
from snnhw.errors import DatasetError
from snnhw.recorded import RecordedRun
from snnhw.srbm.baselines import complete, logistic_regression, train_rbm, wrong_pixels
from snnhw.srbm.devices import Devices
from snnhw.srbm.evaluate import compiled, half_masks
from snnhw.srbm.experiments import Experiment
from snnhw.srbm.features import bits as features_of
from snnhw.srbm.features import digest
from snnhw.srbm.machine import Machine
from snnhw.srbm.model import SrbmModel, initial_levels
from snnhw.srbm.optimisers import Weights

__all__ = ["VALIDATION", "Run", "run"]

VALIDATION = 5000
_CHUNK = 1000
_POINTS = 5
_ON_THE_WAY = 1000
"""Validation images of the points of a curve before the last, which takes all of them; and of completions."""

Bits = NDArray[np.uint8]
Labels = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the presentations that are done, and all."""


class Run(RecordedRun):
    """What one experiment came to with one seed."""

    machine: dict[str, Any]
    """What the machine has other than the default."""
    schedule: list[tuple[int, int]]
    hold: int = 0
    held: int = 100
    features: str
    bits_digest: str
    images: int
    correct: int | None
    """Of `images`: those of validation, or of training where there are few. None where classes are not told."""
    test_correct: int | None = None
    wrong: float | None = None
    """The part of unknown pixels that come out wrong where a half of an image is completed, each half in turn; of
    validation images, the first 1,000."""
    test_wrong: float | None = None
    curve: list[tuple[int, float]] = Field(default_factory=list)
    """Presentations, and the part that is right of validation images, the first 1,000 until the last."""
    hidden_rate: float | None = None
    """Spikes of a hidden unit a tick, in the data phases of the last fifth."""
    clamped_rate: float | None = None
    """Spikes of a pixel a tick in those phases, and in the model phases."""
    free_rate: float | None = None
    set_pulses: int | None = None
    reset_pulses: int | None = None
    seconds: float = 0.0


def run(
    experiment: Experiment, training: Dataset, test: Dataset | None, *, seed: int = 1, progress: Progress | None = None
) -> Run:
    """Run an experiment on the training set of MNIST or its like; ``test`` is looked at for headlines alone.

    Raises DatasetError for images or labels that do not suit it.
    """
    bits, labels = _bits(experiment, training), _labels(training)
    for dataset in (training, *([] if test is None else [test])):
        check_labels(dataset, experiment.described(bits.shape[1]).classes)
    kept = len(bits) - min(VALIDATION, len(bits) // 4)
    seen = kept if experiment.images is None else min(experiment.images, kept)
    held = slice(kept, None) if experiment.images is None else slice(seen)
    parts = _Parts(bits[:seen], labels[:seen], bits[held], labels[held])
    start = time.perf_counter()
    known: dict[str, Any] = {
        "experiment": experiment.name,
        "seed": seed,
        "schedule": list(experiment.schedule),
        "hold": experiment.hold,
        "held": experiment.held,
        "features": experiment.features,
        "bits_digest": digest(bits)[:16],
        "images": len(parts.held),
    }
    shown = test if experiment.headline else None
    if experiment.baseline is None:
        known |= _trained(experiment, parts, shown, seed, progress)
    elif experiment.completes:
        known |= {"machine": {}, "schedule": [], "correct": None} | _copied(experiment, parts, shown)
    else:
        known |= {"machine": {}, "schedule": []} | _baseline(experiment, parts, shown, seed)
    return Run(**known, seconds=round(time.perf_counter() - start, 1))


@dataclass(frozen=True)
class _Parts:
    bits: Bits
    labels: Labels
    held: Bits
    held_labels: Labels


def _bits(experiment: Experiment, dataset: Dataset) -> Bits:
    return features_of(experiment.features, dataset.images, experiment.level)


def _labels(dataset: Dataset) -> Labels:
    if dataset.labels is None:
        raise DatasetError(f"{dataset.name} has no labels, which experiments need")
    return dataset.labels


def _baseline(experiment: Experiment, parts: _Parts, test: Dataset | None, seed: int) -> dict[str, Any]:
    """How many of the validation and test images a baseline tells: fields of a run."""
    sets = [(parts.held, parts.held_labels)]
    if test is not None:
        sets.append((_bits(experiment, test), _labels(test)))
    shown = np.concatenate([bits for bits, _ in sets])
    if experiment.baseline == "logistic":
        told = logistic_regression(parts.bits, parts.labels, shown, seed=seed)
    else:
        told = train_rbm(parts.bits, parts.labels, epochs=10, seed=seed).classes(shown)
    right = told == np.concatenate([labels for _, labels in sets])
    count = len(parts.held)
    return {"correct": int(right[:count].sum()), "test_correct": None if test is None else int(right[count:].sum())}


def _copied(experiment: Experiment, parts: _Parts, test: Dataset | None) -> dict[str, Any]:
    """How well copying completes images, from the nearest training image or from an empty one: fields of a run."""
    training = parts.bits if experiment.baseline == "nearest" else np.zeros_like(parts.bits[:1])

    def wrong(bits: Bits) -> float:
        halves = [(bits[n::4], known) for n, known in enumerate(_halves())]
        parts_wrong = [wrong_pixels(shown, complete(shown, known, training), known) for shown, known in halves]
        return round(float(np.mean(parts_wrong)), 5)

    return {
        "wrong": wrong(parts.held[:_ON_THE_WAY]),
        "test_wrong": None if test is None else wrong(_bits(experiment, test)),
    }


def _halves() -> Bits:
    """What is known of images of 28 x 28, [4, 784]: each half."""
    return half_masks(28, 28)


def _trained(
    experiment: Experiment, parts: _Parts, test: Dataset | None, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """Train the machine and evaluate it: fields of a run."""
    machine = experiment.described(parts.bits.shape[1])
    steps = np.concatenate([np.full(count, step) for step, count in experiment.schedule])
    index = np.arange(len(steps))
    chosen_to_hold = (index + 1) * experiment.held // 100 > index * experiment.held // 100
    holds = (index >= len(steps) - experiment.hold) & chosen_to_hold
    order = _order(len(parts.bits), len(steps), seed)
    learner = _Learner(experiment, machine, seed)
    curve, rates = [], np.zeros(3)
    ends = sorted({len(steps) * point // _POINTS for point in range(_POINTS + 1)})
    for begin, end in pairwise(ends):
        rates = np.zeros(3)
        for chunk in _chunks(begin, end):
            chosen = order[chunk]
            rates += learner.learn(parts.bits[chosen], parts.labels[chosen], steps[chunk], holds[chunk])
            if progress is not None:
                progress(chunk.stop, len(steps))
        rates /= end - begin
        if end < len(steps):
            few = min(_ON_THE_WAY, len(parts.held))
            curve.append((end, learner.correct(parts.held[:few], parts.held_labels[:few]) / few))
    learner.finish()
    correct = learner.correct(parts.held, parts.held_labels)
    curve.append((len(steps), correct / len(parts.held)))
    pulses = learner.devices
    return {
        "machine": machine.model_dump(mode="json", exclude_defaults=True),
        "correct": correct,
        "test_correct": None if test is None else learner.correct(_bits(experiment, test), _labels(test)),
        "wrong": learner.wrong(parts.held[:_ON_THE_WAY]) if experiment.completes else None,
        "curve": curve,
        "hidden_rate": round(float(rates[0]), 5),
        "clamped_rate": round(float(rates[1]), 5),
        "free_rate": round(float(rates[2]), 5),
        "set_pulses": None if pulses is None else pulses.set_pulses,
        "reset_pulses": None if pulses is None else pulses.reset_pulses,
    }


def _order(images: int, presentations: int, seed: int) -> NDArray[np.int64]:
    """Which image is shown when: every one once before any comes again."""
    generator = np.random.default_rng(seed)
    rounds = [generator.permutation(images) for _ in range(-(-presentations // images))]
    return np.concatenate(rounds)[:presentations]


def _chunks(begin: int, end: int) -> Iterator[slice]:
    for start in range(begin, end, _CHUNK):
        yield slice(start, min(start + _CHUNK, end))


class _Learner:
    """A machine that learns, with perfect devices or through `Devices` or an optimiser, which come in by the image."""

    def __init__(self, experiment: Experiment, machine: Machine, seed: int) -> None:
        first, second = initial_levels(machine, experiment.sigma, seed)
        levels = np.stack([first, np.asarray(second)]).astype(np.int32)
        self.devices: Devices | None = None
        self.weights: Weights | None = None
        if experiment.devices is not None:
            self.devices = Devices(machine, experiment.devices, seed)
            levels = self.devices.begin(levels)
        if experiment.optimiser is not None:
            self.weights = Weights(experiment.optimiser(), levels, machine.synapse.bits)
        if self.devices is not None or self.weights is not None:
            synapse = machine.synapse.model_copy(update={"refresh_rows": 0})
            machine = machine.model_copy(update={"synapse": synapse})
        self._machine = machine
        self._srbm = compiled(SrbmModel(machine, *levels.astype(np.uint16)))

    def learn(
        self, bits: Bits, labels: Labels, steps: NDArray[np.int64], holds: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Learn images in order; the sums of the rates of hidden units, clamped pixels and free pixels."""
        if self.devices is None and self.weights is None:
            return self._rates(self._srbm.train(bits, labels, steps, holds))
        rates = np.zeros(3)
        before = self._levels()
        for n in range(len(bits)):
            only = slice(n, n + 1)
            rates += self._rates(self._srbm.train(bits[only], labels[only], steps[only], holds[only]))
            after = self._levels()
            if self.devices is not None:
                before = self.devices.write(before, after, int(steps[n]))
            elif self.weights is not None:
                change = after - before
                before = self.weights.write(change[0] - change[1])
            self._load(before)
        return rates

    def finish(self) -> None:
        """Let the devices age."""
        if self.devices is not None:
            self._load(self.devices.aged(self._levels()))

    def correct(self, bits: Bits, labels: Labels) -> int:
        """How many images it tells."""
        return int((self._srbm.infer(bits).classes == labels).sum())

    def wrong(self, bits: Bits) -> float:
        """The part of unknown pixels that come out wrong, where a half of each image is completed."""
        known = _halves()[np.arange(len(bits)) % 4]
        completed = self._srbm.regenerate(bits * known, known).images
        return round(float((completed != bits)[known == 0].mean()), 5)

    def _levels(self) -> NDArray[np.int32]:
        return np.stack([self._srbm.gp, self._srbm.gm]).astype(np.int32)

    def _load(self, levels: NDArray[np.int32]) -> None:
        gp, gm = levels.astype(np.uint16)
        self._srbm = type(self._srbm)(self._machine, gp, gm, walk=self._srbm.walk)

    def _rates(self, spikes: NDArray[np.int32]) -> NDArray[np.float64]:
        machine, phases = self._machine, self._machine.phases
        hidden = spikes[:, 1, machine.rows : machine.rows + machine.hidden].mean(axis=1).sum()
        clamped, free = spikes[:, 1, : machine.pixels], spikes[:, 3, : machine.pixels]
        return np.array(
            [hidden / phases.data, clamped.mean(axis=1).sum() / phases.data, free.mean(axis=1).sum() / phases.model]
        )
