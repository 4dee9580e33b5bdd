"""Sets that are made from others by a simulated sensor: made once, and kept in the folder of datasets.

A file is made anew where it is of other images, or of another sensor, than those of today.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data.catalogue import CATALOGUE, SACCADES, SIMULATED_FROM, SPLITS
from snnhw.data.dataset import Dataset
from snnhw.data.events import EventDataset, Packed
from snnhw.data.places import folder_of
from snnhw.data.saccades import BINS, CHANNELS, SIZE, parameters, saccades
from snnhw.errors import DatasetError
from snnhw.files import replacing
from snnhw.npzfile import open_npz

__all__ = ["is_made", "load_saccades", "simulate_events"]

LOG = logging.getLogger(__name__)

_NOTE = "saccades-mnist is simulated: its events are computed from MNIST's images, and no camera has sent them"

_TOGETHER = 100
_TOLD = 10_000
"""Samples between two notes on how far it is."""
_ARRAYS = ("address", "t", "offsets", "labels")


def load_saccades(split: str, source: Callable[[str], Dataset]) -> EventDataset:
    """The events of a split, made from the images of ``source(split)`` where they are not kept."""
    path = _path(split)
    if not is_made(split):
        made = simulate_events(source(split))
        with replacing(path) as temporary:
            np.savez(temporary, allow_pickle=False, made_from=_made_from(split), **made)
        del made  # it is as large as what is read now
    try:
        with open_npz(path, DatasetError) as kept:
            address, t, offsets, labels = (kept[name] for name in _ARRAYS)
    except DatasetError as error:
        raise DatasetError(f"{path} is damaged: remove it, and it is made anew") from error
    return EventDataset(
        samples=Packed(address, t, offsets, BINS),
        labels=labels,
        shape=(CHANNELS, SIZE, SIZE),
        name=SACCADES,
        split=split,
        bins=BINS,
        notes=(_NOTE,),
    )


def simulate_events(dataset: Dataset) -> dict[str, NDArray[Any]]:
    """The events that the simulated sensor sends of a dataset's images, in its order; notes tell how far it is.

    Arrays ``address`` and ``t`` [E], ``offsets`` [B + 1] as :class:`snnhw.data.events.Packed` has them, ``labels`` [B].
    """
    images, split = dataset.images, dataset.split or SPLITS[0]
    addresses, times, lengths = [], [], []
    for start in range(0, len(images), _TOGETHER):
        if start % _TOLD == 0:
            LOG.warning("%s is made, once: %d of %d samples for %s", SACCADES, start, len(images), split)
        counted = saccades(images[start : start + _TOGETHER], SPLITS.index(split), start)
        flat = counted.reshape(-1)
        place = np.flatnonzero(flat != 0)
        bins, address = np.divmod(np.repeat(place, flat[place]), CHANNELS * SIZE * SIZE)
        addresses.append(address.astype(np.uint16))
        times.append((bins % BINS).astype(np.uint8))
        lengths.append(counted.reshape(len(counted), -1).sum(axis=1, dtype=np.int64))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    arrays = (np.concatenate(addresses), np.concatenate(times), offsets, np.asarray(dataset.labels))
    return dict(zip(_ARRAYS, arrays, strict=True))


def is_made(split: str) -> bool:
    """Whether the events of a split are kept, and are those of today's images and sensor."""
    path = _path(split)
    if not path.is_file():
        return False
    try:
        with open_npz(path, DatasetError) as kept:
            return kept.keys() == {"made_from", *_ARRAYS} and bool(np.array_equal(kept["made_from"], _made_from(split)))
    except DatasetError:
        return False


def _path(split: str) -> Path:
    return folder_of(SACCADES) / f"{split}.npz"


def _made_from(split: str) -> NDArray[np.uint8]:
    """The digests of the files and of the sensor that the events of a split depend on."""
    files = " ".join(file.sha256 for file in CATALOGUE[SIMULATED_FROM].files[split])
    return np.frombuffer(f"{files} {parameters()}".encode(), np.uint8)
