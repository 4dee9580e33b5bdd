"""Weights beside a description: ``NAME.npz`` next to ``NAME.toml`` or ``NAME.json`` makes a model of both.

The arrays are called and shaped as :func:`snnhw.model.tensor_shapes` says, ``LAYER.weight`` [units, inputs] first, and
hold integers of any type:

>>> import numpy as np
>>> np.savez("net.npz", **{"hidden.weight": w1, "hidden.bias": b1, "output.weight": w2, "output.bias": b2})
"""

from __future__ import annotations

import os
from pathlib import Path

from snnhw.descriptionfile import is_description, load_description
from snnhw.errors import ModelError, ModelFileError
from snnhw.model import Model, tensor_shapes
from snnhw.network import Network
from snnhw.npzfile import open_npz

__all__ = ["lacks_tensors", "load_described", "tensor_file", "wanted"]


def tensor_file(description: str | os.PathLike[str]) -> Path:
    """Where the weights of a description file lie, or would."""
    return Path(description).with_suffix(".npz")


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
    with open_npz(source, ModelFileError) as arrays:
        tensors = {name: arrays[name] for name in arrays}
    try:
        return Model(network, tensors, {"description": Path(path).name, "tensors": source.name})
    except ModelError as error:
        raise ModelFileError(f"{source}: {error}") from error
