"""Sets of events, as an event camera or a silicon cochlea sends them, and the frames that a network takes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data.dataset import Dataset
from snnhw.errors import DatasetError
from snnhw.wording import shown

if TYPE_CHECKING:
    from snnhw.network import Network

__all__ = ["EventDataset", "Events", "Packed", "Recordings"]


@dataclass(frozen=True)
class Events:
    """The events of one sample, E of them, in any order."""

    address: NDArray[Any]
    """Unsigned, [E]: where each event came from, as the index into the sensor's flattened shape; of a camera this is
    (channel * height + y) * width + x, with channel 0 for darker and 1 for brighter."""
    t: NDArray[Any]
    """Unsigned, [E]: the time of each event since the beginning of the sample, in ticks."""
    duration: int
    """The time of the sample in ticks, which the steps of a network divide; at least 1."""


@dataclass(frozen=True)
class Packed(Sequence[Events]):
    """Samples in memory, one after the other."""

    address: NDArray[Any]
    """[E]"""
    t: NDArray[Any]
    """[E]"""
    offsets: NDArray[np.int64]
    """[B + 1]: where the events of each sample begin, and at last their number."""
    duration: int
    """Of every sample."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            chosen = slice(self.offsets[index], self.offsets[index + 1])
            return Events(self.address[chosen], self.t[chosen], self.duration)
        start, stop, _ = index.indices(len(self))
        return replace(self, offsets=self.offsets[start : stop + 1])


@dataclass(frozen=True)
class Recordings(Sequence[Events]):
    """Samples in files, each read when it is asked for: together they may be larger than the memory."""

    each: tuple[Callable[[], Events], ...]

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, index: Any) -> Any:
        return Recordings(self.each[index]) if isinstance(index, slice) else self.each[index]()


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Samples of events with their labels, in the order in which they are counted."""

    samples: Sequence[Events]
    """B of them."""
    labels: NDArray[np.int64]
    """int64, [B]."""
    shape: tuple[int, ...]
    """Of the sensor: of a camera channels, height and width."""
    name: str
    """The name that was loaded, for messages and records."""
    split: str | None = None
    """"test" or "train", where the name has both."""
    bins: int | None = None
    """The number of bins that time is counted in; None where it is a clock's, which can be divided at will."""
    notes: tuple[str, ...] = ()
    """What the user is to know of the data: a line each."""
    label_range: tuple[int, int] | None = None
    """The least and the greatest label of the set that these were taken from; of these, where none is given."""

    def __post_init__(self) -> None:
        if not len(self.samples) == len(self.labels) > 0:
            raise DatasetError(f"{self.name} has {len(self.samples)} samples and {len(self.labels)} labels")
        if self.label_range is None:
            object.__setattr__(self, "label_range", (int(self.labels.min()), int(self.labels.max())))

    def __repr__(self) -> str:
        shape, classes = " x ".join(map(str, self.shape)), len(np.unique(self.labels))
        count = f"{len(self)} samples of events of {shape}"
        return shown(self, repr(self.name), self.split or "", count, f"labels of {classes} classes")

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[Events]:
        return iter(self.samples)

    def first(self, limit: int | None) -> EventDataset:
        """The first `limit` samples, or all of them where it is None or there are no more than that."""
        if limit is None or limit >= len(self):
            return self
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        return replace(self, samples=self.samples[:limit], labels=self.labels[:limit])

    def framed(self, num_steps: int, bits: int = 1, factor: int = 1) -> Dataset:
        """Frames uint8 [B, num_steps, *shape]: how many events an address sends in a step, at most ``2^bits - 1``.

        With a ``factor`` a pixel of a frame is a square of so many pixels of a camera; what fills none is left out.
        The steps are equal parts of each sample's duration; what comes later counts into the last. Raises DatasetError
        where bins of time cannot be divided so.
        """
        if self.bins is not None and self.bins % num_steps:
            usual = ", ".join(str(steps) for steps in range(1, self.bins + 1) if not self.bins % steps)
            raise DatasetError(
                f"the {self.bins} bins of {self.name} cannot be divided into {num_steps} equal steps: choose a number "
                f"of steps that divides them ({usual})"
            )
        shape, kept = self._smaller(factor)
        most, size = (1 << bits) - 1, math.prod(shape)
        frames = np.empty((len(self), num_steps * size), np.uint8)
        for frame, events in zip(frames, self, strict=True):
            step = np.minimum(events.t.astype(np.int64) * num_steps // events.duration, num_steps - 1)
            address = kept[events.address]
            inside = address >= 0
            counted = np.bincount(step[inside] * size + address[inside], minlength=len(frame))
            np.minimum(counted, most, out=frame, casting="unsafe")
        return Dataset(
            images=frames.reshape(len(self), num_steps, *shape),
            labels=self.labels,
            name=self.name,
            split=self.split,
            notes=self.notes,
            label_range=self.label_range,
        )

    def _smaller(self, factor: int) -> tuple[tuple[int, ...], NDArray[np.int64]]:
        """The shape of frames, and the address there of each of the sensor's; -1 for what is left out."""
        if factor == 1:
            return self.shape, np.arange(math.prod(self.shape))
        channels, height, width = self.shape
        rows, columns = height // factor, width // factor
        channel, y, x = np.indices(self.shape)
        inside = (y // factor < rows) & (x // factor < columns)
        address = (channel * rows + y // factor) * columns + x // factor
        return (channels, rows, columns), np.where(inside, address, -1).ravel()

    def framed_for(self, network: Network) -> Dataset:
        """The frames that a network takes; DatasetError where it takes pixels, or has steps that these cannot have.

        A network of fewer pixels than a camera has takes squares of them, as large as they can be.
        """
        if not network.encoder.takes_events:
            raise DatasetError(
                f"{self.name} holds events, and the network takes pixels: give it the encoder 'events' or "
                "'address_events', or choose another dataset"
            )
        wanted, factor = network.input_shape, 1
        if len(wanted) == len(self.shape) == 3:
            factor = max(1, min(own // side for own, side in zip(self.shape[1:], wanted[1:], strict=True)))
        return self.framed(network.num_steps, network.encoder.value_bits, factor)
