"""A dataset as training takes it: checked against the network, and divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnhw.data import Dataset, check_images, check_labels
from snnhw.errors import DatasetError
from snnhw.network import Network

__all__ = ["Part", "image_size", "labelled", "split"]


@dataclass(frozen=True)
class Part:
    """Samples uint8 [B, *sample_shape] with their labels int64 [B]."""

    samples: NDArray[np.uint8]
    labels: NDArray[np.int64]


def labelled(network: Network, dataset: Dataset) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The samples [B, *sample_shape] and labels [B] of a dataset; DatasetError where they do not suit the network."""
    samples, labels = check_images(dataset, network), check_labels(dataset, network.classes)
    if labels is None:
        raise DatasetError(f"{dataset.name} has no labels, which training and accuracy need")
    return samples, labels


def split(network: Network, dataset: Dataset, validation: int) -> tuple[Part, Part | None]:
    """What to train on, and the last ``validation`` samples; None where that is 0."""
    samples, labels = labelled(network, dataset)
    kept = len(labels) - validation
    if kept < 1:
        raise DatasetError(
            f"{dataset.name} has {len(labels)} samples, and {validation} were to be kept for validation: keep fewer"
        )
    held = Part(samples[kept:], labels[kept:]) if validation else None
    return Part(samples[:kept], labels[:kept]), held


def image_size(dataset: Dataset) -> tuple[int, int, int]:
    """Channels, height and width of a dataset's images; DatasetError where they are not images."""
    shape = dataset.images.shape[1:]
    if len(shape) not in (2, 3):
        raise DatasetError(
            f"the samples of {dataset.name} are no images but of shape {list(shape)}, which a "
            "teacher and augmentation need: train without augmentation, and without a teacher"
        )
    return shape if len(shape) == 3 else (1, *shape)
