"""Bits from images: what the visible units of the spiking RBM are clamped to.

Images are uint8 [N, 28, 28]; bits are uint8 [N, units] of 0 and 1. The poolings make four values of every 2 x 2 pixels
and lay them out as four pictures of 14 x 14, tiled 2 x 2, after the student project whose experiments these are; a unit
is on where its value is above the mean, which is what standardisation and a threshold of 0 come to.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import DatasetError
from snnhw.srbm.cnn import FRONT_ENDS, load_front_end
from snnhw.wording import no_such

__all__ = ["FEATURES", "average", "bits", "combination", "digest", "maximum", "threshold"]

FEATURES = ("threshold", "average", "maximum", "combination", *FRONT_ENDS)
"""Every name that `bits` knows."""

_SIDE = 28


def threshold(images: NDArray[np.uint8], level: float) -> NDArray[np.uint8]:
    """Pixels above ``level``, which is in 0..1: one unit a pixel."""
    return (_flat(images) > level * 255).astype(np.uint8)


def average(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of every 2 x 2 pixels, four times; on where above the mean of the image."""
    sums = _blocks(images).sum(axis=(2, 4))
    return _above_mean(_tiled(sums, sums, sums, sums))


def maximum(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The greatest of every 2 x 2 pixels, four times; on where above the mean of these."""
    greatest = _blocks(images).max(axis=(2, 4))
    return _above_mean(_tiled(greatest, greatest, greatest, greatest))


def combination(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean twice, the greatest and the least of every 2 x 2 pixels; each on where above the mean of its own."""
    blocks = _blocks(images)
    sums, greatest, least = blocks.sum(axis=(2, 4)), blocks.max(axis=(2, 4)), blocks.min(axis=(2, 4))
    quarters = [
        _above_mean(values.reshape(len(values), -1)).reshape(values.shape) for values in (sums, greatest, least)
    ]
    return _tiled(quarters[0], quarters[0], quarters[1], quarters[2]).astype(np.uint8)


def bits(name: str, images: NDArray[np.uint8], level: float = 0.3) -> NDArray[np.uint8]:
    """The bits of that name; ``level`` is for ``threshold`` alone. Raises DatasetError for an unknown name."""
    if name == "threshold":
        return threshold(images, level)
    if name in FRONT_ENDS:
        return load_front_end(name).bits(_square(images))
    if name not in FEATURES:
        raise DatasetError(no_such("kind of features", name, FEATURES))
    return {"average": average, "maximum": maximum, "combination": combination}[name](images)


def digest(values: NDArray[np.uint8]) -> str:
    """SHA-256 over shape and packed bits, in hexadecimal: what a run was fed, frozen."""
    summed = hashlib.sha256(f"bits {values.shape}\n".encode())
    summed.update(np.packbits(values, axis=1).tobytes())
    return summed.hexdigest()


def _square(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if images.shape[1:] != (_SIDE, _SIDE):
        shape = " x ".join(map(str, images.shape[1:]))
        raise DatasetError(f"these features are of images of {_SIDE} x {_SIDE}, not {shape}")
    return images


def _flat(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images.reshape(len(images), -1)


def _blocks(images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The pixels as [N, 14, 2, 14, 2], each 2 x 2 block at axes 2 and 4."""
    half = _SIDE // 2
    blocks: NDArray[np.int64] = _square(images).astype(np.int64).reshape(len(images), half, 2, half, 2)
    return blocks


def _tiled(*quarters: NDArray[np.int64] | NDArray[np.uint8]) -> NDArray[np.int64]:
    """Four pictures [N, 14, 14] side by side and below each other, flat: quarter (k, l) at 28 i + j + 14 (28 k + l)."""
    first, second, third, fourth = quarters
    above = np.concatenate([first, second], axis=2)
    below = np.concatenate([third, fourth], axis=2)
    return np.concatenate([above, below], axis=1).astype(np.int64).reshape(len(first), -1)


def _above_mean(values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Where a value is above the mean of its row, exactly: both sides times the number of values."""
    above: NDArray[np.bool_] = values * values.shape[1] > values.sum(axis=1, keepdims=True)
    return above.astype(np.uint8)
