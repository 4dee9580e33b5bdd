"""Model files: one ``.safetensors`` file holds a model's integers, its description and where it comes from.

The tensors are stored in the smallest of int8, int16 and int32. The header's metadata holds, as text:

===============  ===========================================================================================
``schema``       the version of this layout, :data:`SCHEMA`
``description``  the network, as JSON
``provenance``   data set, seed, accuracy as ``{"correct": 9871, "total": 10000}``, ..., as JSON
``digest``       :attr:`snnhw.model.Model.digest`
===============  ===========================================================================================

Reading executes nothing, and believes nothing: kinds, shapes, ranges, the schema version and the digest are checked.
The same model gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from snnhw.errors import DescriptionError, ModelError, ModelFileError, OutputError
from snnhw.files import write_atomically
from snnhw.model import Model
from snnhw.network import Network, Range, parse_network

__all__ = ["SCHEMA", "SUFFIX", "load", "save", "sorted_header"]

SCHEMA = "1"
"""The version of the file's layout that this release writes, and the only one that it reads."""

SUFFIX = ".safetensors"
"""What the names of model files end with."""

_FIELDS = ("schema", "description", "provenance", "digest")
_KINDS = ("I8", "I16", "I32")
_LENGTH_BYTES = 8


def save(model: Model, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a model to ``path``, all or nothing, and return the path.

    Raises OutputError where the file is there already (unless ``overwrite``) or cannot be written, and TypeError
    or ValueError where the provenance holds what JSON cannot.
    """
    destination = Path(path)
    if destination.exists() and not overwrite:
        raise OutputError(f"{destination} is there already; give another name, or say that it may be overwritten")
    metadata = {
        "schema": SCHEMA,
        "description": json.dumps(model.network.model_dump(mode="json")),
        "provenance": json.dumps(dict(model.provenance), sort_keys=True, allow_nan=False),
        "digest": model.digest,
    }
    tensors = {name: _smallest(tensor) for name, tensor in model.tensors.items()}
    return write_atomically(destination, sorted_header(to_safetensors(tensors, metadata)))


def load(path: str | os.PathLike[str]) -> Model:
    """Read a model and check everything about it.

    Raises ModelFileError: one line that says which field is wrong, what it must be and what came.
    """
    source = Path(path)
    metadata, tensors = read_file(source, _metadata, _tensor, "model")
    try:
        model = Model(_description(source, metadata["description"]), tensors, _provenance(source, metadata))
    except ModelError as error:
        raise ModelFileError(f"{source}: {error}") from error
    if model.digest != metadata["digest"]:
        raise ModelFileError(
            f"{source}: digest must be {model.digest} for this description and these tensors, not "
            f"{metadata['digest']!r:.80}; the file was changed after it was written"
        )
    return model


def read_file(
    source: Path,
    metadata: Callable[[Path, dict[str, str]], dict[str, str]],
    tensor: Callable[[Path, Any, str], NDArray[Any]],
    what: str,
) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """The header's metadata and the tensors of a file, checked by ``metadata`` and read by ``tensor``.

    ``what`` can be trained again where the file is damaged. Raises ModelFileError, one line.
    """
    if not source.is_file():
        found = "is a folder, not a model file" if source.is_dir() else "is not there"
        raise ModelFileError(f"model file {source} {found}; give the path of a {SUFFIX} file")
    try:
        source.open("rb").close()  # the library calls every file that it cannot open a missing one
        with safe_open(source, framework="numpy") as file:
            checked = metadata(source, file.metadata() or {})
            tensors = {name: tensor(source, file, name) for name in file.keys()}  # noqa: SIM118, it is no mapping
    except OSError as error:
        raise ModelFileError(f"cannot read model file {source}: {(error.strerror or str(error)).lower()}") from error
    except SafetensorError as error:
        raise ModelFileError(
            f"{source} is damaged or no {SUFFIX} file ({error}); get it again, or train the {what} again"
        ) from error
    return checked, tensors


def _smallest(tensor: NDArray[np.int64]) -> NDArray[Any]:
    """The same integers in the smallest signed kind that holds them."""
    width = Range(lo=min(-1, int(tensor.min())), hi=max(0, int(tensor.max()))).width
    kind = np.int8 if width <= 8 else np.int16 if width <= 16 else np.int32
    return np.ascontiguousarray(tensor.astype(kind))


def sorted_header(file: bytes) -> bytes:
    """The same safetensors file with its header's keys in order, which the library leaves to chance."""
    length = int.from_bytes(file[:_LENGTH_BYTES], "little")
    end = _LENGTH_BYTES + length
    header = json.dumps(json.loads(file[_LENGTH_BYTES:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _LENGTH_BYTES)
    return len(header).to_bytes(_LENGTH_BYTES, "little") + header + file[end:]


def _metadata(source: Path, metadata: dict[str, str]) -> dict[str, str]:
    """The header's fields, all there and of this schema version."""
    schema = metadata.get("schema")
    if "kind" in metadata:
        raise ModelFileError(
            f"{source} holds no network of layers but a machine of kind {metadata['kind']!r:.40}: `snnhw evaluate` and "
            "`snnhw verify` take it"
        )
    if schema is None:
        raise ModelFileError(f"{source} is no model of this project: its header has no field 'schema'")
    if schema != SCHEMA:
        raise ModelFileError(
            f"{source}: schema must be {SCHEMA}, not {schema!r:.40}; use the release of snnhw that wrote the file, "
            "or train the model again"
        )
    for name in _FIELDS:
        if name not in metadata:
            raise ModelFileError(f"{source}: the header's field '{name}' is missing; get the file again")
    return metadata


def _tensor(source: Path, file: Any, name: str) -> NDArray[Any]:
    kind = file.get_slice(name).get_dtype()
    if kind not in _KINDS:
        raise ModelFileError(f"{source}: tensor '{name}' must be one of {', '.join(_KINDS)}, not {kind}; quantise it")
    tensor: NDArray[Any] = file.get_tensor(name)
    return tensor


def _description(source: Path, text: str) -> Network:
    try:
        return parse_network(parse_field(source, "description", text), "description")
    except DescriptionError as error:
        raise ModelFileError(f"{source}: {error}") from error


def _provenance(source: Path, metadata: dict[str, str]) -> dict[str, Any]:
    provenance = parse_field(source, "provenance", metadata["provenance"])
    if not isinstance(provenance, dict):
        raise ModelFileError(f"{source}: provenance must be a JSON object, not {provenance!r:.60}")
    return provenance


def parse_field(source: Path, name: str, text: str) -> Any:
    """A field of the header as plain data. Raises ModelFileError where it is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{source}: the header's field '{name}' must be JSON ({error})") from error
