"""A spiking RBM with its levels, and the file that holds it.

One ``.safetensors`` file: the tensors ``gp`` and, where a synapse has two devices, ``gm``, unsigned, [rows, columns];
and as text in the header's metadata:

===============  ===========================================================================================
``kind``         ``srbm``
``schema``       the version of this layout, :data:`SCHEMA`
``description``  the machine, as JSON
``features``     what its pixels are: a name that :func:`snnhw.srbm.features.bits` knows, and the threshold
``state``        ``{"walk": ..., "refresh": ...}``, with which training goes on
``provenance``   data set, seed, schedule, accuracy, ..., as JSON
``digest``       :attr:`SrbmModel.digest`
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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw import container
from snnhw.container import Schema, check_digest, parse_field, parse_object
from snnhw.errors import DescriptionError, ModelError, ModelFileError
from snnhw.kinds import plain
from snnhw.srbm.features import FEATURES
from snnhw.srbm.machine import Machine, parse_machine
from snnhw.wording import counted, no_such, one_of, quoted, shown

__all__ = ["KIND", "SCHEMA", "Pixels", "SrbmModel", "initial_levels", "load_srbm", "save_srbm"]

KIND = "srbm"
"""What the files of these models say that they are."""

SCHEMA = "1"
"""The version of the file's layout that this release writes, and the only one that it reads."""

_SCHEMA = Schema(
    kind=KIND,
    called="spiking RBM",
    version=SCHEMA,
    fields=("description", "features", "state"),
    types=("U8", "U16"),
    trained="machine",
    covers="this machine and these levels",
)


@dataclass(frozen=True)
class Pixels:
    """How images become a machine's pixels, see :func:`snnhw.srbm.features.bits`."""

    name: str = "threshold"
    level: float = 0.3

    def __post_init__(self) -> None:
        if self.name not in FEATURES:
            raise ModelError(one_of("features", self.name, FEATURES))
        if not isinstance(self.level, int | float) or not 0 <= self.level <= 1:
            raise ModelError(f"the threshold of pixels must lie in 0..1, not {quoted(self.level)}")


@dataclass(frozen=True, eq=False)
class SrbmModel:
    """A machine with its levels (uint16, read-only) and what training goes on with; checked when it is made.

    ``gm`` is None where a synapse has one device; ``walk`` is the register (the machine's seed where it is None) and
    ``refresh`` the row that is refreshed next. Raises ModelError.
    """

    machine: Machine
    gp: NDArray[np.uint16]
    gm: NDArray[np.uint16] | None = None
    walk: int | None = None
    refresh: int = 0
    pixels: Pixels = Pixels()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return shown(self, *self.machine.shown_parts, counted(self.provenance))

    def __post_init__(self) -> None:
        machine = self.machine
        if (self.gm is None) == machine.synapse.paired:
            raise ModelError(
                f"a {machine.synapse.cell} cell has {'two devices' if machine.synapse.paired else 'one device'}: gm "
                f"must {'be' if machine.synapse.paired else 'not be'} given"
            )
        object.__setattr__(self, "gp", self._checked("gp", self.gp))
        if self.gm is not None:
            object.__setattr__(self, "gm", self._checked("gm", self.gm))
        object.__setattr__(self, "walk", machine.seed if self.walk is None else plain(self.walk))
        object.__setattr__(self, "refresh", plain(self.refresh))
        for name, value, low, high in (
            ("walk", self.walk, 1, (1 << 32) - 1),
            ("refresh", self.refresh, 0, machine.rows - 1),
        ):
            if not isinstance(value, int) or not low <= value <= high:
                raise ModelError(f"{name} must be an integer in {low}..{high}, not {quoted(value)}")

    def _checked(self, name: str, given: NDArray[Any]) -> NDArray[np.uint16]:
        levels = np.asarray(given)
        shape, top = (self.machine.rows, self.machine.columns), self.machine.synapse.levels.hi
        if levels.dtype.kind not in "iu":
            raise ModelError(f"tensor '{name}' must hold integers, not {levels.dtype}")
        if levels.shape != shape:
            raise ModelError(f"tensor '{name}' must have shape {list(shape)}, not {list(levels.shape)}")
        if int(levels.min()) < 0 or int(levels.max()) > top:
            bits = self.machine.synapse.bits
            raise ModelError(
                f"tensor '{name}' must lie in 0..{top} ({bits} bits), it reaches "
                f"{levels.min() if levels.min() < 0 else levels.max()}"
            )
        levels = np.array(levels, np.uint16, order="C")
        levels.setflags(write=False)
        return levels

    @property
    def weights(self) -> NDArray[np.int64]:
        """[rows, columns]."""
        second = self.machine.synapse.reference if self.gm is None else self.gm.astype(np.int64)
        weights: NDArray[np.int64] = self.gp.astype(np.int64) - second
        return weights

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the machine, its pixels, its state and its levels, in hexadecimal."""
        said = [self.machine.model_dump(mode="json"), self.pixels.name, self.pixels.level, self.walk, self.refresh]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
        for levels in (self.gp, self.gm):
            if levels is not None:
                digest.update(levels.astype("<u2").tobytes())
        return digest.hexdigest()


def initial_levels(machine: Machine, sigma: float, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """The levels that a training starts with: weights of a normal distribution, rounded; bias to bias 0.

    Two devices hold a weight w as (w, 0) or (0, -w). Raises DescriptionError where sigma is no width of levels.
    """
    if not 0 <= sigma <= machine.synapse.levels.hi:
        raise DescriptionError(f"sigma must lie in 0..{machine.synapse.levels.hi} levels, not {sigma}")
    spread = np.random.default_rng(seed).normal(0, sigma, (machine.rows, machine.columns))
    limits = machine.synapse.weight
    weights = np.clip(np.rint(spread), limits.lo, limits.hi).astype(np.int64)
    weights[machine.visible :, machine.hidden :] = 0
    if not machine.synapse.paired:
        return (weights + machine.synapse.reference).astype(np.uint16), None
    return np.maximum(weights, 0).astype(np.uint16), np.maximum(-weights, 0).astype(np.uint16)


def save_srbm(model: SrbmModel, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a model to ``path``, all or nothing, and return the path.

    Raises OutputError where the file is there already (unless ``overwrite``) or cannot be written.
    """
    fields = {
        "description": model.machine.model_dump(mode="json"),
        "features": {"name": model.pixels.name, "level": model.pixels.level},
        "state": {"walk": model.walk, "refresh": model.refresh},
    }
    kind = np.uint8 if model.machine.synapse.bits <= 8 else np.uint16
    tensors = {name: levels.astype(kind) for name, levels in (("gp", model.gp), ("gm", model.gm)) if levels is not None}
    return container.write(path, _SCHEMA, fields, model.provenance, model.digest, tensors, overwrite=overwrite)


def load_srbm(path: str | os.PathLike[str]) -> SrbmModel:
    """Read a model and check everything about it; raises ModelFileError, one line."""
    metadata, tensors = container.read(path, _SCHEMA)
    model = _assembled(path, metadata, tensors)
    check_digest(path, _SCHEMA, metadata, model.digest)
    return model


def _assembled(path: str | os.PathLike[str], metadata: dict[str, str], tensors: dict[str, NDArray[Any]]) -> SrbmModel:
    for name in tensors:
        if name not in ("gp", "gm"):
            raise ModelFileError(f"{path}: {no_such('tensor', name, ('gp', 'gm'))}")
    if "gp" not in tensors:
        raise ModelFileError(f"{path}: tensor 'gp' is missing; get the file again")
    features = parse_object(path, metadata, "features", ("name", "level"))
    state = parse_object(path, metadata, "state", ("walk", "refresh"))
    try:
        return SrbmModel(
            parse_machine(parse_field(path, metadata, "description"), "description"),
            tensors["gp"],
            tensors.get("gm"),
            walk=state["walk"],
            refresh=state["refresh"],
            pixels=Pixels(features["name"], features["level"]),
            provenance=parse_object(path, metadata, "provenance"),
        )
    except (DescriptionError, ModelError) as error:
        raise ModelFileError(f"{path}: {error}") from error
