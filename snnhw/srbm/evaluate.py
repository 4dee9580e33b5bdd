"""What a spiking RBM makes of images, by the golden machine: accuracy, confusion, spikes, completed halves, speed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data import Dataset, check_labels
from snnhw.errors import DatasetError, ToolMissingError
from snnhw.labels import confusion
from snnhw.srbm.features import bits
from snnhw.srbm.model import SrbmModel
from snnhw.wording import percent, shown

if TYPE_CHECKING:
    from golden.srbm_kernel import CompiledSrbm

__all__ = ["Completion", "SrbmEvaluation", "compiled", "complete_halves", "evaluate_srbm", "half_masks", "inputs"]

_PORTION = 1000
"""Images between two calls of a progress function."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SrbmEvaluation:
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
    ticks: int
    """Of an inference."""
    hidden_rate: float
    """Spikes of a hidden unit a tick: the mean."""
    images_per_second: float

    def __repr__(self) -> str:
        right = "labels not known" if self.correct is None else f"{percent(self.correct, self.images)} correct"
        return shown(self, self.dataset, f"{self.images} images", right)

    def record(self) -> dict[str, Any]:
        """The evaluation as plain data for JSON; without the class of each image."""
        return {
            "dataset": self.dataset,
            "images": self.images,
            "correct": self.correct,
            "accuracy": None if self.correct is None else self.correct / self.images,
            "ticks": self.ticks,
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "hidden_rate": self.hidden_rate,
            "images_per_second": self.images_per_second,
        }


@dataclass(frozen=True)
class Completion:
    """What a model made of B images of which it saw one half, left, right, upper and lower ones in turn."""

    images: int
    wrong: int
    """Unknown pixels that came out otherwise than they were."""
    unknown: int
    on: int
    """Unknown pixels that were on: what is wrong where all are left off."""
    correct: int | None
    """Images whose class was told; None where the labels are not known."""


def compiled(model: SrbmModel) -> CompiledSrbm:
    """The machine compiled; raises ToolMissingError without numba."""
    try:
        from golden.srbm_kernel import CompiledSrbm
    except ImportError as error:
        raise ToolMissingError(f"the compiled machine needs numba ({error}): pip install 'snnhw[srbm]'") from error
    return CompiledSrbm(model.machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)


def inputs(model: SrbmModel, dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """The bits [B, pixels] and labels of a dataset; raises DatasetError where they do not fit the machine."""
    machine = model.machine
    values = bits(model.pixels.name, dataset.images, model.pixels.level)
    if values.shape[1] != machine.pixels:
        raise DatasetError(
            f"an image of {dataset.name} makes {values.shape[1]} bits, and the machine has {machine.pixels} pixels: "
            "choose another dataset or model"
        )
    return values, check_labels(dataset, machine.classes)


def evaluate_srbm(
    model: SrbmModel, dataset: Dataset, *, threads: int | None = None, on_progress: Progress | None = None
) -> SrbmEvaluation:
    """Infer every image of a dataset.

    ``threads``: as many as there are processors, unless told. Raises DatasetError, and ToolMissingError without numba.
    """
    values, labels = inputs(model, dataset)
    machine, srbm = model.machine, compiled(model)
    threads = threads or os.cpu_count() or 1
    srbm.infer(values[:1])  # what is compiled at the first call is not the machine's speed
    classes: list[NDArray[np.int64]] = []
    spikes, seconds = 0, 0.0
    for start in range(0, len(values), _PORTION):
        before = time.perf_counter()
        response = srbm.infer(values[start : start + _PORTION], threads=threads)
        seconds += time.perf_counter() - before
        classes.append(response.classes)
        spikes += int(response.spikes[:, machine.rows : machine.rows + machine.hidden].sum())
        if on_progress is not None:
            on_progress(min(start + _PORTION, len(values)), len(values))
    given = np.concatenate(classes)
    return SrbmEvaluation(
        dataset=dataset.name,
        images=len(values),
        correct=None if labels is None else int((given == labels).sum()),
        confusion=None if labels is None else confusion(labels, given, machine.classes),
        classes=given,
        ticks=machine.inference_ticks,
        hidden_rate=spikes / (len(values) * machine.hidden * machine.inference_ticks),
        images_per_second=len(values) / max(seconds, 1e-9),
    )


def half_masks(height: int, width: int) -> NDArray[np.uint8]:
    """Which pixels are known, [4, height * width]: those of the left, right, upper and lower half."""
    rows, columns = np.indices((height, width))
    halves = (columns < width // 2, columns >= width // 2, rows < height // 2, rows >= height // 2)
    return np.array([half.ravel() for half in halves], np.uint8)


def complete_halves(model: SrbmModel, dataset: Dataset, *, threads: int | None = None) -> Completion:
    """Complete every image of a dataset from one of its halves, in turn. Raises as :func:`evaluate_srbm`."""
    values, labels = inputs(model, dataset)
    height, width = dataset.images.shape[1:]
    known = half_masks(height, width)[np.arange(len(values)) % 4]
    response = compiled(model).regenerate(values * known, known, threads=threads or os.cpu_count() or 1)
    hidden = known == 0
    return Completion(
        images=len(values),
        wrong=int((response.images != values)[hidden].sum()),
        unknown=int(hidden.sum()),
        on=int(values[hidden].sum()),
        correct=None if labels is None else int((response.classes == labels).sum()),
    )
