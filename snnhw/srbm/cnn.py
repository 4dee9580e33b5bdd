"""The convolutional front ends: small networks of integers whose thresholded features are the machine's visible units.

A convolution takes activations uint8 and weights int8, 3 x 3, without padding; a right shift and a clip bring its sums
back to uint8; the last one is only compared with 0. Sums stay far below 2^53, so floats hold them exactly, whatever
order they are added in: the bits are the same on every machine. How they are trained is in ``snnhw.train.frontend``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from snnhw.errors import ModelFileError
from snnhw.files import write_atomically
from snnhw.wording import no_such, quoted

__all__ = ["FRONT_ENDS", "Convolution", "FrontEnd", "load_front_end", "read_front_end", "save_front_end"]

FRONT_ENDS = ("cnn1", "cnn2", "cnn2-dense")
"""The front ends that ship: mode 1, two convolutions and a pooling, and mode 2, two more convolutions behind them.

The third is of mode 2 too, and was trained without its threshold.
"""
KERNEL = 3
POOL = 2
_TOP = 255
_CHUNK = 1000


@dataclass(frozen=True, eq=False)
class Convolution:
    """One layer: sums of ``weight`` int8 [out, in, 3, 3] and ``bias`` int32 [out], shifted right, pooled where said."""

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    shift: int
    pooled: bool

    def sums(self, activations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The integers before shift and clip, [N, out, height - 2, width - 2], of uint8 [N, in, height, width]."""
        windows = np.lib.stride_tricks.sliding_window_view(activations, (KERNEL, KERNEL), axis=(2, 3))
        count, _, height, width = windows.shape[:4]
        columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(count * height * width, -1).astype(np.float64)
        weight = self.weight.reshape(len(self.weight), -1).T.astype(np.float64)
        sums: NDArray[np.float64] = (columns @ weight + self.bias).reshape(count, height, width, -1)
        return np.ascontiguousarray(sums.transpose(0, 3, 1, 2))


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """Convolutions in their order, and what is known of them."""

    convolutions: tuple[Convolution, ...]
    provenance: Mapping[str, Any]

    def bits(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The features 0 or 1, uint8 [N, features], channel by channel, of images uint8 [N, height, width]."""
        parts = [self._chunk(images[start : start + _CHUNK]) for start in range(0, len(images), _CHUNK)]
        return np.concatenate(parts)

    def _chunk(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        activations = images[:, None]
        for convolution in self.convolutions[:-1]:
            shifted = np.floor_divide(convolution.sums(activations), 1 << convolution.shift)
            activations = _pooled(convolution, np.clip(shifted, 0, _TOP).astype(np.uint8))
        last = self.convolutions[-1]
        features = _pooled(last, (last.sums(activations) > 0).astype(np.uint8))
        return features.reshape(len(images), -1)

    @property
    def digest(self) -> str:
        """SHA-256 over shapes and numbers, in hexadecimal: the same for the same front end anywhere."""
        digest = hashlib.sha256()
        for layer in self.convolutions:
            digest.update(f"{layer.weight.shape} {layer.shift} {layer.pooled}\n".encode())
            digest.update(layer.weight.tobytes() + layer.bias.astype("<i4").tobytes())
        return digest.hexdigest()


def _pooled(convolution: Convolution, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The greatest of every 2 x 2 values, where the layer pools."""
    if not convolution.pooled:
        return values
    count, channels, height, width = values.shape
    blocks = values.reshape(count, channels, height // POOL, POOL, width // POOL, POOL)
    return np.asarray(blocks.max(axis=(3, 5)), np.uint8)


def save_front_end(front_end: FrontEnd, path: str | os.PathLike[str]) -> Path:
    """Write a front end: its tensors, and beside them in the header its shifts, provenance and digest."""
    tensors: dict[str, NDArray[Any]] = {}
    for index, layer in enumerate(front_end.convolutions):
        tensors |= {f"{index}.weight": layer.weight, f"{index}.bias": layer.bias}
    layers = [{"shift": layer.shift, "pooled": layer.pooled} for layer in front_end.convolutions]
    header = {
        "layers": json.dumps(layers),
        "provenance": json.dumps(dict(front_end.provenance), sort_keys=True),
        "digest": front_end.digest,
    }
    return write_atomically(path, to_safetensors(tensors, header))


def read_front_end(path: str | os.PathLike[str]) -> FrontEnd:
    """Read a front end; ModelFileError where the file is none, or holds other numbers than its digest says."""
    try:
        with safe_open(Path(path), framework="numpy") as file:
            header = file.metadata() or {}
            layers = [
                Convolution(
                    file.get_tensor(f"{index}.weight"),
                    file.get_tensor(f"{index}.bias"),
                    int(layer["shift"]),
                    bool(layer["pooled"]),
                )
                for index, layer in enumerate(json.loads(header["layers"]))
            ]
            front_end, digest = FrontEnd(tuple(layers), json.loads(header["provenance"])), header["digest"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelFileError(f"{path} is no front end ({error}); make one with snnhw.train.frontend") from error
    if front_end.digest != digest:
        raise ModelFileError(f"{path}: the digest is {front_end.digest}, and the header says {quoted(digest)}")
    return front_end


@cache
def load_front_end(name: str) -> FrontEnd:
    """The front end of that name that ships; ModelFileError where there is none."""
    if name not in FRONT_ENDS:
        raise ModelFileError(no_such("front end", name, FRONT_ENDS))
    with as_file(files("snnhw") / "srbm" / "frontends" / f"{name}.safetensors") as path:
        return read_front_end(path)
