"""Loading a dataset by its name, or a user's own by its path."""

from __future__ import annotations

from functools import partial
from importlib import resources
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from snnhw.data.catalogue import (
    CATALOGUE,
    EVENT_SETS,
    IMAGE_SETS,
    NAMES,
    SACCADES,
    SAMPLE,
    SIMULATED_FROM,
    SPLITS,
    TORCHVISION,
)
from snnhw.data.dataset import Dataset
from snnhw.data.events import EventDataset
from snnhw.data.idx import decode_idx
from snnhw.data.own import read_own
from snnhw.data.places import read_checked
from snnhw.data.published import load_images, load_recorded
from snnhw.data.simulated import load_saccades
from snnhw.errors import DatasetError, ToolMissingError
from snnhw.wording import did_you_mean, no_such, one_of

if TYPE_CHECKING:
    from snnhw.network import Network

__all__ = ["load", "load_events"]


def load(
    name_or_path: str | PathLike[str], split: str = "test", limit: int | None = None, *, network: Network | None = None
) -> Dataset:
    """Load the first `limit` images (all, where it is None) of a dataset, with their labels.

    A name is one of `snnhw.data.NAMES`, or of `snnhw.data.catalogue.TORCHVISION`, which need the extra `train`;
    whatever else is given is a path, to what `snnhw.data.own` says. `split` is "test" or "train"; the sample has only
    the first, and a path has both only where it is a folder that says so. A set of events becomes the frames that
    `network` takes; `load_events` gives the events themselves.
    Raises DatasetError, in one line, where there is no such data or it is damaged.
    """
    _check(split, limit)
    name = fspath(name_or_path)
    if name in EVENT_SETS:
        if network is None:
            raise DatasetError(
                f"{name} holds events, not pixels: give a network that takes events, or choose another dataset"
            )
        return load_events(name, split, limit).framed_for(network)
    if name == SAMPLE:
        dataset = _sample(split)
    elif name in CATALOGUE:
        dataset = _published(name, split)
    elif name in IMAGE_SETS:
        dataset = load_images(name, split)
    elif name.startswith("torchvision:"):
        dataset = _torchvision(name, split)
    elif Path(name).exists():
        dataset = read_own(Path(name), split, limit)
    else:
        known = (*NAMES, *TORCHVISION)
        raise DatasetError(
            f"no dataset and no file is called {name}{did_you_mean(name, known)}: give one of {', '.join(known)}, or "
            "the path of a .npy, a .npz or a folder of .png"
        )
    return dataset.first(limit)


def load_events(name: str, split: str = "test", limit: int | None = None) -> EventDataset:
    """Load the first `limit` samples (all, where it is None) of a set of events, one of `snnhw.data.EVENT_SETS`.

    What is simulated is made when it is loaded first, and kept. Raises DatasetError, in one line, where there is no
    such data or it is damaged.
    """
    _check(split, limit)
    if name not in EVENT_SETS:
        raise DatasetError(no_such("set of events", name, EVENT_SETS))
    if name == SACCADES:
        return load_saccades(split, partial(_published, SIMULATED_FROM)).first(limit)
    return load_recorded(name, split).first(limit)


def _check(split: str, limit: int | None) -> None:
    if split not in SPLITS:
        raise DatasetError(one_of("a split", split, SPLITS))
    if limit is not None and limit < 1:
        raise DatasetError(f"the number of images must be at least 1, not {limit}")


def _published(name: str, split: str) -> Dataset:
    source = CATALOGUE[name]
    images, labels = source.files[split]
    return Dataset(
        images=decode_idx(read_checked(source, images), images.name, dimensions=3),
        labels=decode_idx(read_checked(source, labels), labels.name, dimensions=1).astype(np.int64),
        name=name,
        split=split,
    )


def _sample(split: str) -> Dataset:
    if split != "test":
        raise DatasetError("sample is a part of MNIST's test set and is not for training: use mnist")
    with (
        (resources.files("snnhw.data") / "sample.npz").open("rb") as stream,
        np.load(stream, allow_pickle=False) as npz,
    ):
        return Dataset(npz["images"], npz["labels"], SAMPLE, split, npz["indices"])


def _torchvision(name: str, split: str) -> Dataset:
    try:
        from snnhw.train.vision import read_torchvision
    except ImportError as error:
        raise ToolMissingError(f"{name} needs PyTorch and torchvision ({error}): pip install 'snnhw[train]'") from error
    return read_torchvision(name, split)
