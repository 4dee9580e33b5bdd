"""What a dataset is once it is loaded, and whether it fits a network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snnhw.data import convert
from snnhw.errors import DatasetError
from snnhw.wording import shown

if TYPE_CHECKING:
    from snnhw.network import Network

__all__ = ["Dataset", "check_images", "check_labels", "remarks"]

_DIM = 64
"""Images of which no pixel reaches this are hardly meant so, 255 being white."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels, in the order in which they are counted.

    The arrays are kept as said below and are read-only. Integers of any type are taken as they are. Images may be
    booleans or floats too, and labels floats, text or one-hot, where it is certain which integers are meant: `notes`
    say what was assumed. Raises DatasetError where they are of another kind, shape or range.
    """

    images: NDArray[np.uint8]
    """uint8, [B, *shape], with B of at least 1."""
    labels: NDArray[np.int64] | None
    """int64, [B], not negative; None where nobody knows them."""
    name: str
    """The name or path that was loaded, for messages and records."""
    split: str | None = None
    """"test" or "train", where the name has both."""
    indices: NDArray[np.int64] | None = None
    """int64, [B]: where each image stands in the set that these were taken from; None where they are the set."""
    notes: tuple[str, ...] = ()
    """What was assumed of the data as they came, and how to have it otherwise: a line each, for the user."""
    form: convert.Form = "integers"
    """How the images came: 255 times as much is kept of all but integers."""
    label_range: tuple[int, int] | None = None
    """The least and the greatest label of the set that these were taken from; of these, where none is given."""

    def __repr__(self) -> str:
        known = "" if self.labels is None else f"labels of {len(np.unique(self.labels))} classes"
        shape = " x ".join(map(str, self.images.shape[1:]))
        return shown(self, repr(self.name), self.split or "", f"{len(self)} images of {shape}", known)

    def __post_init__(self) -> None:
        images = convert.pixels(self.images, f"the images of {self.name}")
        if images.values.ndim < 2 or images.values.size == 0:
            raise DatasetError(
                f"the images of {self.name} must be an array [images, ...] and not empty, and came as "
                f"{images.values.shape}"
            )
        notes, span = self.notes + images.notes, self.label_range
        object.__setattr__(self, "images", images.values)
        if images.form != "integers":
            object.__setattr__(self, "form", images.form)
        if self.labels is not None:
            labels = convert.labels(self.labels, len(images.values), f"the labels of {self.name}")
            object.__setattr__(self, "labels", labels.values)
            notes += labels.notes
            span = span or (int(labels.values.min()), int(labels.values.max()))
        object.__setattr__(self, "label_range", span)
        object.__setattr__(self, "notes", notes)
        if self.indices is not None:
            indices = convert.integers(self.indices, f"the indices of {self.name}", np.int64)
            if indices.shape != (len(images.values),):
                raise DatasetError(
                    f"the indices of {self.name} must be of shape {(len(images.values),)}, not {indices.shape}"
                )
            object.__setattr__(self, "indices", indices)

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the shape, the images and the labels, in hexadecimal: the same for the same data anywhere."""
        digest = hashlib.sha256(f"images {self.images.shape}\n".encode())
        digest.update(self.images.data)
        if self.labels is not None:
            digest.update(b"labels\n" + self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def first(self, limit: int | None) -> Dataset:
        """The first `limit` images, or all of them where it is None or there are no more than that."""
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        return self if limit is None or limit >= len(self) else self.part(slice(limit))

    def part(self, chosen: slice) -> Dataset:
        """Some of the images, with what belongs to them."""
        labels = None if self.labels is None else self.labels[chosen]
        indices = None if self.indices is None else self.indices[chosen]
        return replace(self, images=self.images[chosen], labels=labels, indices=indices)


def check_images(dataset: Dataset, network: Network) -> NDArray[np.uint8]:
    """The images as a network takes them: uint8, [B, *sample_shape], pixels or events.

    Raises DatasetError for a shape that the network does not take, see :meth:`snnhw.network.Network.takes`, and for
    events of a value that the network's have not.
    """
    wanted, came = network.sample_shape, dataset.images.shape[1:]
    if not network.takes(came):
        kept, fitting = ([size for size in shape if size != 1] for shape in (came, wanted))
        coloured = any(
            size in (3, 4) and rest == fitting for size, rest in ((came[0], kept[1:]), (came[-1], kept[:-1]))
        )
        remedy = "make them grey, of one channel" if coloured else "bring them to that size"
        raise DatasetError(
            f"the network takes images of {_written(wanted)}, and those of {dataset.name} are of {_written(came)}: "
            f"{remedy}, or choose another dataset"
        )
    images = dataset.images.reshape(len(dataset), *wanted)
    return _events(dataset, images, network) if network.encoder.takes_events else images


def check_labels(dataset: Dataset, classes: int) -> NDArray[np.int64] | None:
    """The labels, int64 [B]; None where they are not known.

    Raises DatasetError where the set that they are of has a label that is none of so many classes, counted from 0.
    """
    if dataset.labels is None or dataset.label_range is None:
        return None
    low, high = dataset.label_range
    if high >= classes:
        counted = high == classes and low > 0
        remedy = "subtract 1 from each" if counted else "choose another dataset, or a model of more classes"
        reach = f"go from {low} to {high}" if counted else f"reach {high}"
        raise DatasetError(
            f"the labels of {dataset.name} {reach}, and the network has classes 0 to {classes - 1}: {remedy}"
        )
    return dataset.labels


def remarks(dataset: Dataset, network: Network | None = None) -> tuple[str, ...]:
    """What is assumed of a dataset, or hardly meant so, where it goes into a network: a line each, for the user.

    None stands for a spiking RBM or a learner by STDP, whose input is pixels too.
    """
    high = int(dataset.images.max())
    if not 0 < high < _DIM or (network is not None and network.encoder.takes_events):
        return dataset.notes
    dim = f"no pixel of {dataset.name} is above {high}, and 255 is white: scale them to 0..255 where {high} is meant so"
    return (*dataset.notes, dim)


def _events(dataset: Dataset, images: NDArray[np.uint8], network: Network) -> NDArray[np.uint8]:
    """Images as the values of events, 0 meaning none."""
    highest = network.encoder.value_range.hi
    values = images // 255 if dataset.form == "binary" else images
    if dataset.form == "fractions" or int(values.max()) > highest:
        reach = "are floats between 0 and 1" if dataset.form == "fractions" else f"reach {values.max()}"
        raise DatasetError(
            f"the network takes events, integers of 0 to {highest}, and those of {dataset.name} {reach}: save such "
            "integers, or choose another dataset"
        )
    return values


def _written(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + (" values" if len(shape) == 1 else "")
