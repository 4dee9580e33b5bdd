"""Model files: one ``.safetensors`` file holds a model's integers, its description and where it comes from.

The tensors are stored in the smallest of int8, int16 and int32. The header's metadata holds, as text:

===============  ===========================================================================================
``schema``       the version of this layout, :data:`SCHEMA`
``description``  the network, as JSON
``provenance``   data set, seed, accuracy as ``{"correct": 9871, "total": 10000}``, ..., as JSON
``digest``       :attr:`snnhw.model.Model.digest`
===============  ===========================================================================================

How the file is written and read is said in :mod:`snnhw.container`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw import container
from snnhw.container import SUFFIX, Schema, check_digest, parse_field, parse_object
from snnhw.errors import DescriptionError, ModelError, ModelFileError
from snnhw.model import Model
from snnhw.network import Network, Range, parse_network

__all__ = ["SCHEMA", "SUFFIX", "load", "save"]

SCHEMA = "1"
"""The version of the file's layout that this release writes, and the only one that it reads."""

_SCHEMA = Schema(
    kind=None,
    called="network of layers",
    version=SCHEMA,
    fields=("description",),
    types=("I8", "I16", "I32"),
    advice="; quantise it",
)


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
    try:
        model = Model(_description(path, metadata), tensors, parse_object(path, metadata, "provenance"))
    except ModelError as error:
        raise ModelFileError(f"{path}: {error}") from error
    check_digest(path, _SCHEMA, metadata, model.digest)
    return model


def _smallest(tensor: NDArray[np.int64]) -> NDArray[Any]:
    """The same integers in the smallest signed kind that holds them."""
    width = Range(lo=min(-1, int(tensor.min())), hi=max(0, int(tensor.max()))).width
    kind = np.int8 if width <= 8 else np.int16 if width <= 16 else np.int32
    return np.ascontiguousarray(tensor.astype(kind))


def _description(path: str | os.PathLike[str], metadata: dict[str, str]) -> Network:
    try:
        return parse_network(parse_field(path, metadata, "description"), "description")
    except DescriptionError as error:
        raise ModelFileError(f"{path}: {error}") from error
