"""What a model makes of a dataset, by the golden model alone: accuracy, confusion, activity, speed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import Golden
from snnhw.data import Dataset, check_images, check_labels
from snnhw.labels import confusion
from snnhw.model import Model
from snnhw.wording import percent, shown

__all__ = ["Evaluation", "Progress", "evaluate"]

Progress = Callable[[int, int], None]
"""Called with the images that are done and those that there are."""

_PORTION = 2048
"""Images between two calls of a progress function."""


@dataclass(frozen=True)
class Evaluation:
    """What a model made of B images."""

    dataset: str
    images: int
    """B"""
    correct: int | None
    """None where the labels are not known."""
    confusion: NDArray[np.int64] | None
    """[classes, classes]: how many images of the row's class were given the column's."""
    classes: NDArray[np.int64]
    """[B]: the class of each image."""
    over_time: tuple[int, ...] | None
    """How many images are correct after each step; None where the labels are not known."""
    events: dict[str, float]
    """Events an image, by ``encoder`` and each layer: the mean."""
    silent: tuple[str, ...]
    """Layers that can send events, and sent none for any of the images."""
    synaptic_operations: float
    """Weights added an image: each event once for every neuron that it reaches; the mean. What is the same at every
    step is added once."""
    images_per_second: float
    provenance_accuracy: dict[str, Any]
    """What the model's provenance knows of accuracies: ``accuracy`` of the integers, ``float_accuracy`` of the network
    that they came from; each ``{"correct": ..., "total": ...}``."""

    def __repr__(self) -> str:
        right = "labels not known" if self.correct is None else f"{percent(self.correct, self.images)} correct"
        return shown(self, self.dataset, f"{self.images} images", right)

    @property
    def accuracy(self) -> float | None:
        """The part of the images that is correct; None where that is not known."""
        return None if self.correct is None else self.correct / self.images

    @property
    def float_accuracy(self) -> tuple[int, int] | None:
        """How many images of how many the network in floating point had right, where the model knows of one."""
        known = self.provenance_accuracy.get("float_accuracy")
        if not (isinstance(known, dict) and known.keys() >= {"correct", "total"}):
            return None
        return known["correct"], known["total"]

    def record(self) -> dict[str, Any]:
        """The evaluation as plain data for JSON; without the class of each image."""
        return {
            "dataset": self.dataset,
            "images": self.images,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "correct_over_time": None if self.over_time is None else list(self.over_time),
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "events_per_image": self.events,
            "silent_layers": list(self.silent),
            "synaptic_operations_per_image": self.synaptic_operations,
            "images_per_second": self.images_per_second,
            "provenance": self.provenance_accuracy,
        }


def evaluate(
    model: Model, dataset: Dataset, *, threads: int | None = None, on_progress: Progress | None = None
) -> Evaluation:
    """Run the golden model on every image of a dataset.

    ``threads``: as many as there are processors, unless told. Raises DatasetError where images or labels do not fit
    the network.
    """
    network = model.network
    images, labels = check_images(dataset, network), check_labels(dataset, network.classes)
    golden = Golden(model)
    threads = threads or os.cpu_count() or 1
    over_time, seconds = [], 0.0
    events: dict[str, int] = {}
    operations = 0
    for start in range(0, len(images), _PORTION):
        portion = images[start : start + _PORTION]
        before = time.perf_counter()
        result = golden.run(portion, threads=threads)
        seconds += time.perf_counter() - before
        over_time.append(result.over_time)
        for stage, counts in result.events.items():
            events[stage] = events.get(stage, 0) + int(counts.sum())
        operations += sum(int(counts.sum()) for counts in result.operations.values())
        if on_progress is not None:
            on_progress(start + len(portion), len(images))
    by_step = np.concatenate(over_time, axis=1)
    given = by_step[-1]
    per_image = {stage: count / len(images) for stage, count in events.items()}
    return Evaluation(
        dataset=dataset.name,
        images=len(images),
        correct=None if labels is None else int((given == labels).sum()),
        confusion=None if labels is None else confusion(labels, given, network.classes),
        classes=given,
        over_time=None if labels is None else tuple((by_step == labels).sum(axis=1).tolist()),
        events=per_image,
        silent=network.silent(events),
        synaptic_operations=operations / len(images),
        images_per_second=len(images) / max(seconds, 1e-9),
        provenance_accuracy={
            name: model.provenance[name] for name in ("accuracy", "float_accuracy") if name in model.provenance
        },
    )
