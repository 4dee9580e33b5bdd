"""What a dataset is once it is loaded, and whether it fits a network."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import DatasetError

__all__ = ["Dataset", "check_images"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with their labels, in the order in which they are counted.

    Integers of any type and booleans are accepted for all three arrays; they are kept as said below and are read-only.
    Raises DatasetError where they are of another kind, shape or range.
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

    def __post_init__(self) -> None:
        images = _integers(self.images, f"the images of {self.name}", np.uint8)
        if images.ndim < 2 or images.size == 0:
            raise DatasetError(
                f"the images of {self.name} must be an array [images, ...] and not empty, and came as {images.shape}"
            )
        object.__setattr__(self, "images", images)
        for field in ("labels", "indices"):
            values = getattr(self, field)
            if values is not None:
                values = _integers(values, f"the {field} of {self.name}", np.int64)
                if values.shape != (len(images),):
                    shape = (len(images),)
                    raise DatasetError(f"the {field} of {self.name} must be of shape {shape}, not {values.shape}")
                object.__setattr__(self, field, values)

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

    def first(self, limit: int | None) -> "Dataset":
        """The first `limit` images, or all of them where it is None or there are no more than that."""
        if limit is not None and limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        if limit is None or limit >= len(self):
            return self
        labels = None if self.labels is None else self.labels[:limit]
        indices = None if self.indices is None else self.indices[:limit]
        return Dataset(self.images[:limit], labels, self.name, self.split, indices)


def check_images(dataset: Dataset, shape: Sequence[int]) -> NDArray[np.uint8]:
    """The images as a network of input shape `shape` takes them: uint8, [B, *shape].

    Dimensions of 1 may be missing or too many, and images may be flat where the network is not, or the other way
    round, since pixels go in raster order. Raises DatasetError for every other difference.
    """
    wanted = tuple(shape)
    came = dataset.images.shape[1:]
    sizes = [[size for size in shape if size != 1] for shape in (came, wanted)]
    flat = min(map(len, sizes)) <= 1 and math.prod(came) == math.prod(wanted)
    if sizes[0] != sizes[1] and not flat:
        raise DatasetError(
            f"the network takes images of {_written(wanted)}, and those of {dataset.name} are of {_written(came)}: "
            "bring them to that size, or choose another dataset"
        )
    return dataset.images.reshape(len(dataset), *wanted)


def _written(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) + (" values" if len(shape) == 1 else "")


def _integers(values: Any, what: str, kind: type[np.integer[Any]]) -> NDArray[Any]:
    """`values` as a read-only array of `kind`, contiguous; DatasetError where they are no integers that fit it."""
    array = np.asarray(values)
    if array.dtype.kind not in "biu":
        raise DatasetError(f"{what} must be integers, not {array.dtype}: scale and round them first")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0:
        raise DatasetError(f"{what} must not be negative, and {low} is among them")
    if high > np.iinfo(kind).max:
        raise DatasetError(f"{what} must be at most {np.iinfo(kind).max}, and {high} is among them")
    converted = np.ascontiguousarray(array, dtype=kind).view()
    converted.flags.writeable = False
    return converted
