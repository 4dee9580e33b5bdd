"""What a network in floating point makes of a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from snnhw.ann.build import classes_of, images_of, trained_module
from snnhw.ann.model import AnnModel
from snnhw.data import Dataset, check_labels

__all__ = ["AnnEvaluation", "evaluate_ann"]


@dataclass(frozen=True)
class AnnEvaluation:
    """What a network in floating point made of images."""

    dataset: str
    images: int
    correct: int | None
    """None where the labels are not known."""


def evaluate_ann(model: AnnModel, dataset: Dataset) -> AnnEvaluation:
    """Run a network in floating point; raises DatasetError for images that do not suit it."""
    images, labels = images_of(model.ann, dataset), check_labels(dataset, model.ann.classes)
    given = classes_of(trained_module(model), images)
    correct = None if labels is None else int((given == labels).sum())
    return AnnEvaluation(dataset.name, len(images), correct)
