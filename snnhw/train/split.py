"""A dataset as training takes it: checked against the network, divided, and with options that suit it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnhw.data import Dataset, check_images, check_labels
from snnhw.errors import DatasetError
from snnhw.network import Network
from snnhw.resumable import held_back
from snnhw.train.augment import Augmenter, Shifter
from snnhw.train.options import Augmentation, TrainOptions

__all__ = ["Part", "augmenter", "fitted", "image_size", "labelled", "shared", "split"]

_LEAST_BATCH, _LEAST_BATCHES = 16, 64
"""The least size of a batch that was not given, and number of them in an epoch: with fewer, too few steps are taken."""
_LEAST_SIDE = 4
"""The least height and width of an image: what has less is a row of numbers, or has its channels last."""


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
    held = Part(samples[kept:], labels[kept:]) if validation else None
    return Part(samples[:kept], labels[:kept]), held


def fitted(options: TrainOptions, network: Network, dataset: Dataset) -> TrainOptions:
    """The options with those that were not given as they suit the dataset.

    No more than a twelfth of the samples is kept to validate with; a batch is the greatest power of 2 that makes an
    epoch of at least 64 batches, from 16 up to the default; images are deformed as their size asks, frames of events
    shifted, and all else is left. Raises DatasetError where nothing would be left to train on.
    """
    given, chosen = options.model_fields_set, dict[str, Any]()
    asked = options.validation if "validation" in given else None
    chosen["validation"] = held_back(len(dataset), asked, dataset.name)
    if "batch_size" not in given:
        most = max(_LEAST_BATCH, (len(dataset) - chosen["validation"]) // _LEAST_BATCHES)
        chosen["batch_size"] = min(options.batch_size, 1 << (most.bit_length() - 1))
    if options.augment is not None:
        chosen["augment"] = _fitted_augment(options.augment, network, dataset, given="augment" in given)
    return options.model_copy(update=chosen)


def _fitted_augment(augment: Augmentation, network: Network, dataset: Dataset, *, given: bool) -> Augmentation | None:
    if _are_frames(network):
        return (augment if given else augment.of_size(*network.input_shape[-2:])).of_frames()
    if given:
        return augment
    return augment.of_size(*_sizes(dataset)[-2:]) if _are_images(network, dataset) else None


def augmenter(options: Augmentation, network: Network, dataset: Dataset) -> Augmenter | Shifter:
    """What deforms the samples of a dataset; raises DatasetError where they cannot be."""
    if _are_frames(network):
        *channels, height, width = network.input_shape
        return Shifter(int(options.shift), math.prod(channels), height, width)
    return Augmenter(options, *image_size(network, dataset))


def shared(array: NDArray[Any]) -> Tensor:
    """A tensor of the same memory, which nobody may write to: samples are many, and a copy would double them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def image_size(network: Network, dataset: Dataset) -> tuple[int, int, int]:
    """Channels, height and width of a dataset's images; DatasetError where they are not images."""
    if not _are_images(network, dataset):
        raise DatasetError(
            f"the samples of {dataset.name} are {_instead(network, dataset)}, which a teacher and augmentation need: "
            "train without augmentation, and without a teacher"
        )
    *channels, height, width = _sizes(dataset)
    return math.prod(channels), height, width


def _are_frames(network: Network) -> bool:
    """Whether samples are events in rows and columns, such as can be shifted."""
    shape = network.input_shape
    return network.encoder.takes_events and len(shape) in (2, 3) and min(shape[-2:]) >= _LEAST_SIDE


def _are_images(network: Network, dataset: Dataset) -> bool:
    """Whether samples are pixels in rows and columns, such as can be deformed; channels come first."""
    sizes = _sizes(dataset)
    return not network.encoder.takes_events and len(sizes) in (2, 3) and min(sizes[-2:]) >= _LEAST_SIDE


def _instead(network: Network, dataset: Dataset) -> str:
    """What samples are that are no images."""
    shape = list(dataset.images.shape[1:])
    return "events and no images" if network.encoder.takes_events else f"no images but of shape {shape}"


def _sizes(dataset: Dataset) -> list[int]:
    """The sizes of a sample without channels of which there is one, wherever they stand."""
    shape = dataset.images.shape[1:]
    return [size for size in shape if size != 1] if len(shape) == 3 else list(shape)
