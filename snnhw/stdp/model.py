"""A learner by STDP with what it has learned, and the file that holds it.

One ``.safetensors`` file of four tensors, and text in the header's metadata:

===============  ===========================================================================================
``weight``       uint8: the weights [pixels, neurons], of ``weight_bits`` bits each, the lowest first, without gaps
``threshold``    uint32 [neurons], in 1/64
``readout``      int16 [neurons, classes]
``assigned``     uint8 [neurons]: the class of each neuron
``kind``         ``stdp``
``schema``       the version of this layout, :data:`SCHEMA`
``description``  the learner, as JSON
``state``        ``{"register": ...}``, with which training goes on
``provenance``   data set, seed, schedule, accuracy, ..., as JSON
``digest``       :attr:`StdpModel.digest`
===============  ===========================================================================================

How the file is written and read is said in :mod:`snnhw.container`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnhw import container
from snnhw.container import Schema, check_digest, parse_field, parse_object
from snnhw.errors import DescriptionError, ModelError, ModelFileError
from snnhw.network import Range
from snnhw.stdp.learner import Learner, parse_learner
from snnhw.wording import counted, quoted, shown

if TYPE_CHECKING:
    from golden.stdp import Stdp
    from golden.stdp_kernel import CompiledStdp

__all__ = ["KIND", "SCHEMA", "StdpModel", "load_stdp", "pack", "save_stdp", "unpack"]

KIND = "stdp"
"""What the files of these models say that they are."""

SCHEMA = "1"
"""The version of the file's layout that this release writes, and the only one that it reads."""

_SCHEMA = Schema(
    kind=KIND,
    called="learner by STDP",
    version=SCHEMA,
    fields=("description", "state"),
    types=("U8", "U32", "I16"),
    trained="learner",
    covers="this learner and these tensors",
)

_TENSORS = {"weight": np.uint8, "threshold": np.uint32, "readout": np.int16, "assigned": np.uint8}


@dataclass(frozen=True, eq=False)
class StdpModel:
    """A learner with its arrays (read-only) and the register with which training goes on; checked when it is made.

    ``weight`` uint8 [pixels, neurons], ``threshold`` uint32 [neurons] in 1/64, ``readout`` int16 [neurons, classes],
    ``assigned`` uint8 [neurons]. Raises ModelError.
    """

    learner: Learner
    weight: NDArray[np.uint8]
    threshold: NDArray[np.uint32]
    readout: NDArray[np.int16]
    assigned: NDArray[np.uint8]
    register: int
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return shown(self, *self.learner.shown_parts, counted(self.provenance))

    def __post_init__(self) -> None:
        learner = self.learner
        limits = {
            "weight": ((learner.pixels, learner.neurons), learner.weight),
            "threshold": ((learner.neurons,), learner.thresholds),
            "readout": ((learner.neurons, learner.classes), learner.readout),
            "assigned": ((learner.neurons,), Range(lo=0, hi=learner.classes - 1)),
        }
        for name, (shape, span) in limits.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), shape, span))
        if not isinstance(self.register, int) or not 1 <= self.register < 1 << 32:
            raise ModelError(f"register must be an integer in 1..{(1 << 32) - 1}, not {quoted(self.register)}")

    @classmethod
    def of(cls, learned: Stdp | CompiledStdp, provenance: Mapping[str, Any] | None = None) -> StdpModel:
        """The model of what a golden learner is now."""
        arrays: dict[str, Any] = {name: getattr(learned, name) for name in _TENSORS}
        return cls(learned.learner, register=learned.register, provenance=provenance or {}, **arrays)

    @property
    def reads_out(self) -> bool:
        """Whether the readout has learned anything; where it has not, the first spike's neuron gives the class."""
        return bool(self.readout.any())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the learner, its register and its arrays, in hexadecimal."""
        said = [self.learner.model_dump(mode="json"), self.register]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        for name, kind in _TENSORS.items():
            digest.update(getattr(self, name).astype(np.dtype(kind).newbyteorder("<")).tobytes())
        return digest.hexdigest()


def _checked(name: str, given: NDArray[Any], shape: tuple[int, ...], span: Range) -> NDArray[Any]:
    values = np.asarray(given)
    if values.dtype.kind not in "iu":
        raise ModelError(f"tensor '{name}' must hold integers, not {values.dtype}")
    if values.shape != shape:
        raise ModelError(f"tensor '{name}' must have shape {list(shape)}, not {list(values.shape)}")
    low, high = int(values.min()), int(values.max())
    if low < span.lo or high > span.hi:
        raise ModelError(
            f"tensor '{name}' must lie in {span.lo}..{span.hi}, it reaches {low if low < span.lo else high}"
        )
    values = np.array(values, _TENSORS[name], order="C")
    values.setflags(write=False)
    return values


def pack(weight: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Weights of so many bits, any shape, as bytes without gaps."""
    single = (weight.reshape(-1, 1) >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(single.astype(np.uint8), bitorder="little")


def unpack(packed: NDArray[np.uint8], bits: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """What ``pack`` was given. Raises ModelError where there are more bytes, or fewer."""
    count = shape[0] * shape[1]
    octets = -(-count * bits // 8)
    if packed.shape != (octets,):
        raise ModelError(
            f"tensor 'weight' must have shape [{octets}], {shape[0]} x {shape[1]} weights of {bits} bits, not "
            f"{list(packed.shape)}"
        )
    single = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    weight: NDArray[np.uint8] = (single << np.arange(bits, dtype=np.uint8)).sum(axis=1).astype(np.uint8)
    return weight.reshape(shape)


def save_stdp(model: StdpModel, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a model to ``path``, all or nothing, and return the path.

    Raises OutputError where the file is there already (unless ``overwrite``) or cannot be written.
    """
    fields = {"description": model.learner.model_dump(mode="json"), "state": {"register": model.register}}
    tensors: dict[str, NDArray[Any]] = {name: getattr(model, name) for name in _TENSORS}
    tensors["weight"] = pack(model.weight, model.learner.weight_bits)
    return container.write(path, _SCHEMA, fields, model.provenance, model.digest, tensors, overwrite=overwrite)


def load_stdp(path: str | os.PathLike[str]) -> StdpModel:
    """Read a model and check everything about it; raises ModelFileError, one line."""
    metadata, tensors = container.read(path, _SCHEMA)
    model = _assembled(path, metadata, tensors)
    check_digest(path, _SCHEMA, metadata, model.digest)
    return model


def _assembled(path: str | os.PathLike[str], metadata: dict[str, str], tensors: dict[str, NDArray[Any]]) -> StdpModel:
    for name in tensors:
        if name not in _TENSORS:
            raise ModelFileError(f"{path}: tensor '{name:.40}' is unknown; there are {', '.join(_TENSORS)}")
    for name in _TENSORS:
        if name not in tensors:
            raise ModelFileError(f"{path}: tensor '{name}' is missing; get the file again")
    state = parse_object(path, metadata, "state", ("register",))
    try:
        learner = parse_learner(parse_field(path, metadata, "description"), "description")
        weight = unpack(tensors["weight"], learner.weight_bits, (learner.pixels, learner.neurons))
        return StdpModel(
            learner,
            weight,
            tensors["threshold"],
            tensors["readout"],
            tensors["assigned"],
            register=state["register"],
            provenance=parse_object(path, metadata, "provenance"),
        )
    except (DescriptionError, ModelError) as error:
        raise ModelFileError(f"{path}: {error}") from error
