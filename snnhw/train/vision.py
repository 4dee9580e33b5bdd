"""MNIST's relatives from torchvision, as datasets: ``torchvision:KMNIST`` and the others of ``NAMES``.

torchvision fetches and checks them. Only sets whose files are plain arrays (IDX) are named here: loading a file
executes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch

from snnhw.data.dataset import Dataset
from snnhw.data.places import root
from snnhw.errors import DatasetError, DownloadError, ToolMissingError

__all__ = ["NAMES", "PREFIX", "read_torchvision"]

PREFIX = "torchvision:"

NAMES = ("MNIST", "FashionMNIST", "KMNIST")
"""What follows the prefix."""

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_DAMAGED = (AssertionError, TypeError, ValueError, KeyError)
"""What torchvision raises where a file is not what its name says, beside errors of a download."""

_KEPT: list[torch.library.Library] = []
"""Definitions last as long as these."""


def read_torchvision(name: str, split: str) -> Dataset:
    """Load a set, fetching it where it is not there yet; ``name`` with the prefix, ``split`` "test" or "train".

    Raises DatasetError for another name or damaged files, DownloadError where it cannot be had, ToolMissingError
    without torchvision.
    """
    chosen = name.removeprefix(PREFIX)
    if chosen not in NAMES:
        raise DatasetError(f"{name} is not known: give {PREFIX} and one of {', '.join(NAMES)}")
    kind = getattr(_torchvision().datasets, chosen)
    raw = root() / chosen / "raw"
    try:
        loaded = kind(root(), train=split == "train", download=True)
    except (OSError, RuntimeError, *_DAMAGED) as error:
        if all((raw / Path(file).stem).is_file() for file, _ in kind.resources):
            raise DatasetError(f"the files of {name} in {raw} are damaged: remove them to have them fetched") from error
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadError(f"{name} could not be fetched ({reason}): put its four IDX files into {raw}") from error
    return Dataset(loaded.data.numpy(), loaded.targets.numpy(), name, split)


def _torchvision() -> Any:
    """torchvision, also beside a CPU build of torch.

    The wheel's operators are built for CUDA and do not load there; its import then stops at two that are registered
    but were never defined. Their schemas are enough: datasets do not call them.
    """
    try:
        if not _KEPT and not hasattr(torch.ops.torchvision, "nms") and torch.version.cuda is None:
            _KEPT.append(torch.library.Library("torchvision", "FRAGMENT"))
            for schema in _SCHEMAS:
                _KEPT[0].define(schema)
        import torchvision
    except ImportError as error:
        raise ToolMissingError(f"this dataset needs torchvision ({error}): pip install 'snnhw[train]'") from error
    return torchvision
