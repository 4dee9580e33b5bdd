"""A trained artificial network as a file: its description, its weights in floating point, and where they come from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw import container
from snnhw.ann.network import Ann, parse_ann
from snnhw.container import Schema, check_digest, parse_field, parse_object
from snnhw.errors import DescriptionError, ModelError, ModelFileError
from snnhw.integers import Shape
from snnhw.wording import no_such, shown

__all__ = ["KIND", "AnnModel", "load_ann", "save_ann"]

KIND = "ann"
"""What the header of a file says of its kind."""

_SCHEMA = Schema(kind=KIND, called="artificial network", version="1", fields=("network",), types=("F32",))


@dataclass(frozen=True, eq=False)
class AnnModel:
    """A description with its tensors (read-only, float32) and provenance; checked when it is made.

    Raises ModelError where a tensor is missing, unknown, of another shape, or holds what is no finite number.
    """

    ann: Ann
    tensors: Mapping[str, NDArray[np.float32]]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = self.ann.tensor_shapes
        for name in self.tensors:
            if name not in shapes:
                raise ModelError(no_such("tensor", name, shapes))
        checked = {name: self._checked(name, shape) for name, shape in shapes.items()}
        object.__setattr__(self, "tensors", MappingProxyType(checked))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))

    def __repr__(self) -> str:
        return shown(self, f"{'x'.join(map(str, self.ann.input_shape))} to {self.ann.classes}", self.digest[:12])

    def _checked(self, name: str, shape: Shape) -> NDArray[np.float32]:
        if name not in self.tensors:
            raise ModelError(f"tensor '{name}' is missing; it must be floats of shape {list(shape)}")
        tensor = np.array(self.tensors[name], np.float32)
        if tensor.shape != shape:
            raise ModelError(f"tensor '{name}' must have shape {list(shape)}, not {list(tensor.shape)}")
        if not np.isfinite(tensor).all():
            raise ModelError(f"tensor '{name}' must hold finite numbers")
        if name.endswith("running_var") and tensor.min() < 0:
            raise ModelError(f"tensor '{name}' must not hold negative variances")
        tensor.setflags(write=False)
        return tensor

    @property
    def digest(self) -> str:
        """SHA-256 over the description and the tensors, not the provenance."""
        sha = hashlib.sha256(json.dumps(self.ann.model_dump(mode="json"), sort_keys=True).encode())
        for name, tensor in sorted(self.tensors.items()):
            sha.update(f"\0{name}{list(tensor.shape)}".encode())
            sha.update(tensor.astype("<f4").tobytes())
        return sha.hexdigest()


def save_ann(model: AnnModel, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a model to ``path``, all or nothing, and return the path; raises OutputError."""
    fields = {"network": model.ann.model_dump(mode="json")}
    return container.write(path, _SCHEMA, fields, model.provenance, model.digest, model.tensors, overwrite=overwrite)


def load_ann(path: str | os.PathLike[str]) -> AnnModel:
    """Read a model; nothing in the file is executed. Raises ModelFileError, one line."""
    metadata, tensors = container.read(path, _SCHEMA)
    try:
        ann = parse_ann(parse_field(path, metadata, "network"))
        model = AnnModel(ann, tensors, parse_object(path, metadata, "provenance"))
    except (DescriptionError, ModelError) as error:
        raise ModelFileError(f"{path}: {error}") from error
    check_digest(path, _SCHEMA, metadata, model.digest)
    return model
