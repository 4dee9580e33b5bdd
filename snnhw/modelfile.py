"""Model files: one ``.safetensors`` file holds a model's integers, its description and where it comes from.

The tensors are stored in the smallest of int8, int16 and int32, in their shapes; those of at most 4 bits as uint8 [n],
two integers of two's complement a byte, the first in the lower half. The header's metadata holds, as text:

===============  ===========================================================================================
``schema``       the version of this layout, :data:`SCHEMA`
``description``  the network, as JSON
``provenance``   data set, seed, accuracy as ``{"correct": 9871, "total": 10000}``, ..., as JSON
``digest``       :attr:`snnhw.model.Model.digest`
===============  ===========================================================================================

How the file is written and read is said in :mod:`snnhw.container`.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw import container
from snnhw.container import SUFFIX, Schema, check_digest, parse_field, parse_object
from snnhw.errors import DescriptionError, ModelError, ModelFileError
from snnhw.integers import Shape
from snnhw.model import Model, tensor_shapes
from snnhw.network import Network, Range, parse_network

__all__ = ["SCHEMA", "SUFFIX", "load", "save"]

SCHEMA = "1"
"""The version of the file's layout that this release writes, and the only one that it reads."""

_SCHEMA = Schema(
    kind=None,
    called="network of layers",
    version=SCHEMA,
    fields=("description",),
    types=("I8", "I16", "I32", "U8"),
    advice="; quantise it",
)

_HALF, _MASK, _SIGN = 4, 0xF, 0x8
"""Bits of half a byte, all of them, and the sign among them."""


def save(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a model to ``path``, all or nothing, and return the path.

    Raises OutputError where the file is there already (unless ``overwrite``) or cannot be written, and TypeError
    or ValueError where the provenance holds what JSON cannot.
    """
    fields = {"description": model.network.model_dump(mode="json")}
    tensors = {name: _smallest(tensor) for name, tensor in model.tensors.items()}
    return container.write(path, _SCHEMA, fields, model.provenance, model.digest, tensors, overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model and check everything about it.

    Raises ModelFileError: one line that says which field is wrong, what it must be and what came.
    """
    metadata, tensors = container.read(path, _SCHEMA)
    network = _description(path, metadata)
    shapes = tensor_shapes(network)
    packed = {name: tensor for name, tensor in tensors.items() if tensor.dtype == np.uint8 and name in shapes}
    try:
        tensors |= {name: _unpacked(name, tensor, shapes[name]) for name, tensor in packed.items()}
        model = Model(network, tensors, parse_object(path, metadata, "provenance"))
    except ModelError as error:
        raise ModelFileError(f"{path}: {error}") from error
    check_digest(path, _SCHEMA, metadata, model.digest)
    return model


def _smallest(tensor: NDArray[np.int64]) -> NDArray[Any]:
    """The same integers in the smallest signed kind that holds them, or packed."""
    width = Range(lo=min(-1, int(tensor.min())), hi=max(0, int(tensor.max()))).width
    if width <= _HALF:
        halves = np.append(tensor.ravel(), [0] * (tensor.size % 2)).astype(np.uint8) & _MASK
        return halves[0::2] | halves[1::2] << _HALF
    kind = np.int8 if width <= 8 else np.int16 if width <= 16 else np.int32
    return np.ascontiguousarray(tensor.astype(kind))


def _unpacked(name: str, tensor: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """The integers of a packed tensor; raises ModelError for one that is not of this shape's size."""
    count = math.prod(shape)
    size = -(-count // 2)
    if tensor.shape != (size,):
        raise ModelError(f"tensor '{name}', of uint8, must have {size} bytes, not shape {list(tensor.shape)}")
    halves = np.stack([tensor & _MASK, tensor >> _HALF], axis=1).ravel().astype(np.int8)
    if halves[count:].any():
        raise ModelError(f"tensor '{name}' must end with 4 bits of 0 after its {count} integers")
    return ((halves[:count] ^ _SIGN) - _SIGN).reshape(shape)


def _description(path: str | os.PathLike[str], metadata: dict[str, str]) -> Network:
    try:
        return parse_network(parse_field(path, metadata, "description"), "description")
    except DescriptionError as error:
        raise ModelFileError(f"{path}: {error}") from error
