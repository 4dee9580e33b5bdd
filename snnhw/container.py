"""The container of every kind of model: one ``.safetensors`` file of integers, with text in the header's metadata.

Each kind has a :class:`Schema`. The header holds the schema's version, the fields that the schema names and the
provenance, both as JSON, and the digest of the model. Reading executes nothing, and believes nothing: kinds, shapes,
ranges, the schema version and the digest are checked. The same model gives the same bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from snnhw.errors import ModelFileError, OutputError
from snnhw.files import write_atomically
from snnhw.kinds import plain
from snnhw.wording import quoted

__all__ = [
    "SUFFIX",
    "Schema",
    "check_digest",
    "check_readable",
    "kind_of",
    "parse_field",
    "parse_object",
    "read",
    "write",
]

SUFFIX = ".safetensors"
"""What the names of model files end with."""

_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Schema:
    """How the files of a kind of model are laid out."""

    kind: str | None
    """The header's field ``kind``; None: it has none, which says that the file holds a network of layers."""
    called: str
    """What a complaint calls a file of this kind, such as "spiking RBM"."""
    version: str
    """The version of the layout that this release writes, and the only one that it reads."""
    fields: tuple[str, ...]
    """The fields that a header must have beside ``kind``, ``schema``, ``provenance`` and ``digest``."""
    types: tuple[str, ...]
    """The types that tensors may have, by safetensors' names."""
    trained: str = "model"
    """What can be trained again where the file is damaged."""
    covers: str = "this description and these tensors"
    """What the digest is of."""
    advice: str = ""
    """What to do with a tensor of another type, from a semicolon on."""


def write(
    path: str | os.PathLike[str],
    schema: Schema,
    fields: Mapping[str, Any],
    provenance: Mapping[str, Any],
    digest: str,
    tensors: Mapping[str, NDArray[Any]],
    *,
    overwrite: bool = False,
) -> Path:
    """Write a model of a kind to ``path``, all or nothing, and return the path.

    ``fields`` are plain data, one for each of the schema's. Raises OutputError where the file is there already (unless
    ``overwrite``) or cannot be written, and TypeError or ValueError where the provenance holds what JSON cannot.
    """
    destination = Path(path)
    if destination.exists() and not overwrite:
        raise OutputError(f"{destination} is there already; give another name, or say that it may be overwritten")
    metadata = {
        **({} if schema.kind is None else {"kind": schema.kind}),
        "schema": schema.version,
        **{name: json.dumps(fields[name]) for name in schema.fields},
        "provenance": json.dumps(dict(provenance), sort_keys=True, allow_nan=False, default=_as_plain),
        "digest": digest,
    }
    return write_atomically(destination, _sorted_header(to_safetensors(dict(tensors), metadata)))


def read(path: str | os.PathLike[str], schema: Schema) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """The header's metadata, in which every field of the schema is there, and the tensors, of the schema's types.

    Raises ModelFileError, one line.
    """
    source = Path(path)
    with _opened(source, schema.trained) as file:
        metadata = file.metadata() or {}
        _check_metadata(source, schema, metadata)
        tensors = {name: _tensor(source, schema, file, name) for name in file.keys()}  # noqa: SIM118, it is no mapping
    return metadata, tensors


def check_readable(path: str | os.PathLike[str]) -> None:
    """Check that this is a file of the container, of whatever kind; raises ModelFileError where it is none."""
    with _opened(Path(path), "model"):
        pass


@contextmanager
def _opened(source: Path, trained: str) -> Iterator[Any]:
    """A file that is open to read; ModelFileError, also from within the block, where it cannot be read."""
    if not source.is_file():
        found = "is a folder, not a model file" if source.is_dir() else "is not there"
        raise ModelFileError(f"model file {source} {found}; give the path of a {SUFFIX} file")
    try:
        source.open("rb").close()  # the library calls every file that it cannot open a missing one
        with safe_open(source, framework="numpy") as file:
            yield file
    except OSError as error:
        raise ModelFileError(f"cannot read model file {source}: {(error.strerror or str(error)).lower()}") from error
    except SafetensorError as error:
        raise ModelFileError(
            f"{source} is damaged or no {SUFFIX} file ({error}); get it again, or train the {trained} again"
        ) from error


def _as_plain(value: Any) -> Any:
    """A number of a numeric library as JSON takes it; TypeError for what is none."""
    if (number := plain(value)) is value:
        raise TypeError(f"a provenance holds what JSON has, not {quoted(value)}")
    return number


def check_digest(path: str | os.PathLike[str], schema: Schema, metadata: Mapping[str, str], digest: str) -> None:
    """Check that the header says the digest of what was read; raises ModelFileError."""
    if digest != metadata["digest"]:
        raise ModelFileError(
            f"{path}: digest must be {digest} for {schema.covers}, not {quoted(metadata['digest'])}; the file was "
            "changed after it was written"
        )


def kind_of(path: str | os.PathLike[str]) -> str | None:
    """The kind that a file says of itself; None for a network of layers, and for what cannot be read."""
    try:
        with safe_open(Path(path), framework="numpy") as file:
            return (file.metadata() or {}).get("kind")
    except (OSError, SafetensorError):
        return None


def parse_field(path: str | os.PathLike[str], metadata: Mapping[str, str], name: str) -> Any:
    """A field of the header as plain data. Raises ModelFileError where it is no JSON."""
    try:
        return json.loads(metadata[name])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: the header's field '{name}' must be JSON ({error})") from error


def parse_object(
    path: str | os.PathLike[str], metadata: Mapping[str, str], name: str, keys: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """A field of the header that is an object, of exactly those ``keys`` where they are given; or ModelFileError."""
    value = parse_field(path, metadata, name)
    if not isinstance(value, dict) or (keys is not None and set(value) != set(keys)):
        what = f" with {' and '.join(keys)}" if keys else ""
        raise ModelFileError(f"{path}: {name} must be a JSON object{what}, not {quoted(value)}")
    return value


def _check_metadata(source: Path, schema: Schema, metadata: Mapping[str, str]) -> None:
    """Check that a header is of this kind and version, and has all fields."""
    kind = metadata.get("kind")
    if kind != schema.kind:
        raise ModelFileError(_other_kind(source, schema, kind))
    if schema.kind is None and "schema" not in metadata:
        raise ModelFileError(f"{source} is no model of this project: its header has no field 'schema'")
    if metadata.get("schema", schema.version) != schema.version:
        raise ModelFileError(
            f"{source}: schema must be {schema.version}, not {quoted(metadata['schema'])}; use the release of snnhw "
            f"that wrote the file, or train the {schema.trained} again"
        )
    for name in ("schema", *schema.fields, "provenance", "digest"):
        if name not in metadata:
            raise ModelFileError(f"{source}: the header's field '{name}' is missing; get the file again")


def _other_kind(source: Path, schema: Schema, kind: str | None) -> str:
    """What there is to say of a file of another kind."""
    if schema.kind is not None:
        return f"{source} is no {schema.called}: its header's kind is {quoted(kind)}"
    return f"{source} holds no {schema.called} but a machine of kind {quoted(kind)}: `snnhw info {source}` shows it"


def _tensor(source: Path, schema: Schema, file: Any, name: str) -> NDArray[Any]:
    found = file.get_slice(name).get_dtype()
    if found not in schema.types:
        raise ModelFileError(
            f"{source}: tensor {quoted(name)} must be one of {', '.join(schema.types)}, not {found}{schema.advice}"
        )
    tensor: NDArray[Any] = file.get_tensor(name)
    return tensor


def _sorted_header(file: bytes) -> bytes:
    """The same safetensors file with its header's keys in order, which the library leaves to chance."""
    length = int.from_bytes(file[:_LENGTH_BYTES], "little")
    end = _LENGTH_BYTES + length
    header = json.dumps(json.loads(file[_LENGTH_BYTES:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _LENGTH_BYTES)
    return len(header).to_bytes(_LENGTH_BYTES, "little") + header + file[end:]
