"""Weights beside a description: ``NAME.npz`` next to ``NAME.toml`` or ``NAME.json`` makes a model of both.

``NAME.pt`` or ``NAME.pth``, a state_dict that torch saved, does so too.

The arrays are called and shaped as :func:`snnhw.model.tensor_shapes` says, ``LAYER.weight`` [units, inputs] first, and
hold integers of any type:

>>> import numpy as np
>>> np.savez("net.npz", **{"hidden.weight": w1, "hidden.bias": b1, "output.weight": w2, "output.bias": b2})
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from snnhw.arraylike import to_array
from snnhw.descriptionfile import SUFFIXES, is_description, load_description
from snnhw.errors import ModelError, ModelFileError
from snnhw.model import Model, tensor_shapes
from snnhw.network import Network
from snnhw.npzfile import open_npz
from snnhw.statefile import STATE_SUFFIXES, is_state_file, read_state_file

__all__ = ["description_beside", "lacks_tensors", "load_described", "tensor_file", "wanted"]


def tensor_file(description: str | os.PathLike[str]) -> Path:
    """Where the weights of a description file lie, or would; raises ModelFileError where there are several such."""
    named = [Path(description).with_suffix(suffix) for suffix in (".npz", *STATE_SUFFIXES)]
    there = [path for path in named if path.exists()]
    if len(there) > 1:
        raise ModelFileError(f"{description} has weights in {there[0]} and in {there[1]}: keep one of them")
    return (there or named)[0]


def lacks_tensors(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a description's by its name, without weights beside it."""
    return is_description(path) and not tensor_file(path).exists()


def wanted(network: Network, description: str | os.PathLike[str]) -> str:
    """What would make a model of a description that has no weights, in words."""
    arrays = ", ".join(f"{name} {list(shape)}" for name, shape in tensor_shapes(network).items())
    return (
        f"put integers into {tensor_file(description)} as arrays {arrays}; "
        f"or let `snnhw train {description}` make a model"
    )


def load_described(path: str | os.PathLike[str]) -> Model:
    """Read a description and the weights beside it.

    Raises DescriptionError where the first, and ModelFileError where the second is missing or wrong: one line that
    says what it must be and what came.
    """
    network, source = load_description(path), tensor_file(path)
    if not source.exists():
        raise ModelFileError(f"{path} has no weights beside it: {wanted(network, path)}")
    try:
        tensors = _tensors(source)
        return Model(network, tensors, {"description": Path(path).name, "tensors": source.name})
    except ModelError as error:
        raise ModelFileError(f"{source}: {error}") from error


def _tensors(source: Path) -> dict[str, NDArray[Any]]:
    if is_state_file(source):
        return {name: to_array(value, f"tensor '{name}'") for name, value in read_state_file(source).items()}
    with open_npz(source, ModelFileError) as arrays:
        return {name: arrays[name] for name in arrays}


def description_beside(weights: str | os.PathLike[str]) -> Path | None:
    """The description whose weights a file holds by its name; None where there is none."""
    named = [Path(weights).with_suffix(suffix) for suffix in SUFFIXES]
    return next((path for path in named if path.is_file()), None)
