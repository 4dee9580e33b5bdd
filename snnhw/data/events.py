"""Sets of events, as an event camera or a silicon cochlea sends them, and the frames that a network takes of them."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data import convert
from snnhw.data.dataset import Dataset
from snnhw.errors import DatasetError
from snnhw.wording import shown

if TYPE_CHECKING:
    from snnhw.network import Network

__all__ = ["EventDataset"]


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Samples of events, in the order in which they are counted, one after the other: addresses and times.

    The arrays are read-only. Raises DatasetError where they do not belong together.
    """

    address: NDArray[np.uint16]
    """uint16, [E]: (channel * height + y) * width + x."""
    t: NDArray[Any]
    """Unsigned, [E]: the time of each event from the start of its sample, below the sample's duration."""
    offsets: NDArray[np.int64]
    """int64, [B + 1]: where the events of each sample begin, and at last their number."""
    durations: NDArray[np.int64]
    """int64, [B]: the time of each sample, which the steps of a network divide."""
    labels: NDArray[np.int64]
    """int64, [B]."""
    shape: tuple[int, int, int]
    """Channels, height and width of the sensor; of a camera the channels are darker and brighter."""
    name: str
    """The name that was loaded, for messages and records."""
    split: str | None = None
    """"test" or "train", where the name has both."""
    bins: int | None = None
    """The number of bins that the times are those of; None where they are of a clock."""
    notes: tuple[str, ...] = ()
    """What the user is to know of the data: a line each."""
    label_range: tuple[int, int] | None = None
    """The least and the greatest label of the set that these were taken from; of these, where none is given."""

    def __post_init__(self) -> None:
        count, events = len(self.durations), len(self.address)
        lengths = np.diff(self.offsets)
        fitting = (
            count > 0
            and len(self.t) == events
            and self.offsets.shape == (count + 1,)
            and self.offsets[0] == 0
            and self.offsets[-1] == events
            and bool((lengths >= 0).all())
            and int(self.address.max(initial=0)) < math.prod(self.shape)
            and bool((self.durations > 0).all())
        )
        if not fitting:
            raise DatasetError(f"the events of {self.name} do not belong together: get its files anew")
        labels = convert.labels(self.labels, count, f"the labels of {self.name}").values
        object.__setattr__(self, "labels", labels)
        if self.label_range is None:
            object.__setattr__(self, "label_range", (int(labels.min()), int(labels.max())))
        for name in ("address", "t", "offsets", "durations"):
            kept = getattr(self, name).view()
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)

    def __repr__(self) -> str:
        shape, classes = " x ".join(map(str, self.shape)), len(np.unique(self.labels))
        count = f"{len(self)} samples of {len(self.address)} events of {shape}"
        return shown(self, repr(self.name), self.split or "", count, f"labels of {classes} classes")

    def __len__(self) -> int:
        return len(self.durations)

    @property
    def x(self) -> NDArray[np.uint16]:
        """The column of each event, [E]."""
        return self.address % np.uint16(self.shape[2])

    @property
    def y(self) -> NDArray[np.uint16]:
        """The row of each event, [E]."""
        return self.address // np.uint16(self.shape[2]) % np.uint16(self.shape[1])

    @property
    def polarity(self) -> NDArray[np.uint16]:
        """The channel of each event, [E]: of a camera 0 for darker, 1 for brighter."""
        return self.address // np.uint16(self.shape[1] * self.shape[2])

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the shape, the events and the labels, in hexadecimal: the same for the same data anywhere."""
        digest = hashlib.sha256(f"events {self.shape} of {len(self)}\n".encode())
        for array in (self.offsets, self.durations, self.labels, self.t):
            digest.update(array.astype("<i8").tobytes())
        digest.update(self.address.astype("<u2").tobytes())
        return digest.hexdigest()

    def first(self, limit: int | None) -> EventDataset:
        """The first `limit` samples, or all of them where it is None or there are no more than that."""
        if limit is None or limit >= len(self):
            return self
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        end = int(self.offsets[limit])
        return replace(
            self,
            address=self.address[:end],
            t=self.t[:end],
            offsets=self.offsets[: limit + 1],
            durations=self.durations[:limit],
            labels=self.labels[:limit],
        )

    def framed(self, num_steps: int, bits: int = 1) -> Dataset:
        """Frames uint8 [B, num_steps, *shape]: how many events an address sends in a step, at most ``2^bits - 1``.

        The steps are equal parts of each sample's duration. Raises DatasetError where bins of time cannot be divided
        so, or a step has no time.
        """
        if self.bins is not None and self.bins % num_steps:
            usual = ", ".join(str(steps) for steps in range(1, self.bins + 1) if not self.bins % steps)
            raise DatasetError(
                f"the {self.bins} bins of {self.name} cannot be divided into {num_steps} equal steps: choose a number "
                f"of steps that divides them ({usual})"
            )
        if num_steps > int(self.durations.min()):
            raise DatasetError(
                f"a sample of {self.name} lasts {self.durations.min()} ticks, and is to be divided into {num_steps} "
                "steps: choose fewer"
            )
        most, size = (1 << bits) - 1, math.prod(self.shape)
        frames = np.empty((len(self), num_steps * size), np.uint8)
        for frame, start, end, duration in zip(
            frames, self.offsets[:-1].tolist(), self.offsets[1:].tolist(), self.durations.tolist(), strict=True
        ):
            step = self.t[start:end].astype(np.int64) * num_steps // duration
            counted = np.bincount(step * size + self.address[start:end], minlength=len(frame))
            np.minimum(counted, most, out=frame, casting="unsafe")
        return Dataset(
            images=frames.reshape(len(self), num_steps, *self.shape),
            labels=self.labels,
            name=self.name,
            split=self.split,
            notes=self.notes,
            label_range=self.label_range,
        )

    def framed_for(self, network: Network) -> Dataset:
        """The frames that a network takes; DatasetError where it takes pixels, or has steps that these cannot have."""
        if not network.encoder.takes_events:
            raise DatasetError(
                f"{self.name} holds events, and the network takes pixels: give it the encoder 'events', or choose "
                "another dataset"
            )
        return self.framed(network.num_steps, network.encoder.value_bits)
