"""What a learner by STDP makes of images, by the golden model: accuracy of both answers, confusion, spikes, speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data import Dataset, check_labels
from snnhw.errors import DatasetError, ToolMissingError
from snnhw.labels import UNANSWERED, confusion
from snnhw.stdp.learner import Learner
from snnhw.stdp.model import StdpModel
from snnhw.wording import percent, shown

if TYPE_CHECKING:
    from golden.stdp import Stdp
    from golden.stdp_kernel import CompiledStdp

__all__ = ["UNANSWERED", "StdpEvaluation", "by_assignment", "compiled", "evaluate_stdp", "golden", "inputs"]

_PORTION = 1000
"""Images between two calls of a progress function."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class StdpEvaluation:
    """What a model made of B images."""

    dataset: str
    images: int
    """B"""
    answer: str
    """Whose ``correct`` and ``confusion`` are: ``readout`` where it has learned, else ``assignment``."""
    correct: int | None
    """None where the labels are not known, as the next three."""
    assigned_correct: int | None
    """Images whose first spike came from a neuron of their class."""
    readout_correct: int | None
    confusion: NDArray[np.int64] | None
    """[classes, classes]: how many images of the row's class were given the column's; unanswered ones are in none."""
    classes: NDArray[np.int64]
    """[B]: the answer; UNANSWERED where there is none."""
    spikes: float
    """Spikes of an image: the mean."""
    first_step: float
    """The step of an image's first spike: the mean of those that have one."""
    images_per_second: float

    def __repr__(self) -> str:
        right = "labels not known" if self.correct is None else f"{percent(self.correct, self.images)} correct"
        return shown(self, self.dataset, f"{self.images} images", right)

    def record(self) -> dict[str, Any]:
        """The evaluation as plain data for JSON; without the class of each image."""
        return {
            "dataset": self.dataset,
            "images": self.images,
            "answer": self.answer,
            "correct": self.correct,
            "accuracy": None if self.correct is None else self.correct / self.images,
            "assigned_correct": self.assigned_correct,
            "readout_correct": self.readout_correct,
            "confusion": None if self.confusion is None else self.confusion.tolist(),
            "spikes": self.spikes,
            "first_step": self.first_step,
            "images_per_second": self.images_per_second,
        }


def golden(model: StdpModel) -> Stdp:
    """The plain golden learner with what the model has learned."""
    from golden.stdp import Stdp

    arrays = (model.weight, model.threshold, model.readout)
    return Stdp(model.learner, *arrays, register=model.register, assigned=model.assigned)


def compiled(model: StdpModel) -> CompiledStdp:
    """The golden learner compiled; raises ToolMissingError without numba."""
    try:
        from golden.stdp_kernel import CompiledStdp
    except ImportError as error:
        raise ToolMissingError(f"the compiled learner needs numba ({error}): pip install 'snnhw[stdp]'") from error
    return CompiledStdp(golden(model))


def inputs(learner: Learner, dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None]:
    """The pixels [B, pixels] and labels of a dataset; raises DatasetError where they do not fit the learner."""
    images = dataset.images.reshape(len(dataset), -1)
    if images.shape[1] != learner.pixels:
        raise DatasetError(
            f"an image of {dataset.name} has {images.shape[1]} pixels, and the learner takes {learner.pixels}: "
            "choose another dataset or model"
        )
    return images, check_labels(dataset, learner.classes)


def by_assignment(assigned: NDArray[Any], fired: NDArray[np.int32]) -> NDArray[np.int64]:
    """The classes [B] of the neurons that fired first; ``fired`` [B, spikes, 2] is of ``CompiledStdp.infer``."""
    first = fired[:, 0, 0]
    return np.where(first >= 0, assigned.astype(np.int64)[first], UNANSWERED)


def evaluate_stdp(model: StdpModel, dataset: Dataset, *, on_progress: Progress | None = None) -> StdpEvaluation:
    """Infer every image of a dataset. Raises DatasetError, and ToolMissingError without numba."""
    images, labels = inputs(model.learner, dataset)
    learner = compiled(model)
    learner.infer(images[:1])  # what is compiled at the first call is not the learner's speed
    fired, read = [], []
    seconds = 0.0
    for start in range(0, len(images), _PORTION):
        before = time.perf_counter()
        found, _, told = learner.infer(images[start : start + _PORTION])
        seconds += time.perf_counter() - before
        fired.append(found)
        read.append(told)
        if on_progress is not None:
            on_progress(min(start + _PORTION, len(images)), len(images))
    spikes = np.concatenate(fired)
    answers = {"assignment": by_assignment(model.assigned, spikes), "readout": np.concatenate(read).astype(np.int64)}
    answer = "readout" if model.reads_out else "assignment"
    given = answers[answer]
    counts = {} if labels is None else {name: int((found == labels).sum()) for name, found in answers.items()}
    fires, answered = spikes[:, 0, 0] >= 0, given != UNANSWERED
    return StdpEvaluation(
        dataset=dataset.name,
        images=len(images),
        answer=answer,
        correct=counts.get(answer),
        assigned_correct=counts.get("assignment"),
        readout_correct=counts.get("readout"),
        confusion=None if labels is None else confusion(labels[answered], given[answered], model.learner.classes),
        classes=given,
        spikes=float((spikes[:, :, 0] >= 0).sum()) / len(images),
        first_step=float(spikes[fires, 0, 1].mean()) if fires.any() else 0.0,
        images_per_second=len(images) / max(seconds, 1e-9),
    )
