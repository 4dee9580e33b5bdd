"""Two-dimensional convolutions: events become currents. Twin of ``gateware/convolution.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from golden.crossbar import FLOAT32_EXACT, FLOAT64_EXACT
from golden.layer import Stateless
from snnhw.convolution import Conv2d, planes
from snnhw.model import ModelLayer

Array = NDArray[Any]

TOGETHER = 1 << 18
"""Numbers of windows that are laid out at once: they stay in a core's cache, and bound the memory."""


class Convolution(Stateless):
    """``current = bias + weight (correlated with) values``, exact, as integers; then the greatest of each pool.

    Windows are laid out side by side and multiplied through floating-point BLAS where the format holds every partial
    sum, as in :class:`golden.crossbar.Crossbar`; what fits the cache is multiplied at once. Channels come last in what
    is laid out, so that a row of a window is copied in one piece.

    ``layer`` is the description's convolution with its tensors.
    """

    def __init__(self, layer: ModelLayer) -> None:
        synapse = layer.synapse
        assert isinstance(synapse, Conv2d)
        bias = layer.bias[:: layer.positions]
        sums = synapse.largest_sums(layer.tensors, layer.values, layer.in_shape)
        by_place = layer.weight.transpose(2, 3, 1, 0).reshape(-1, layer.channels)
        self.weight, self.bias = np.ascontiguousarray(by_place), bias
        self.set_bound(int((sums + np.abs(layer.bias)).max()))
        self.planes = planes(layer.in_shape, synapse.kind)
        self.kernel, self.stride, self.padding, self.pool = (
            synapse.kernel,
            synapse.stride,
            synapse.padding,
            synapse.max_pool,
        )
        self.convolved = synapse.convolved(layer.in_shape)
        self.out_shape = layer.out_shape

    def set_bound(self, bound: int) -> None:
        """Compute in the format that holds every partial sum, none of which exceeds ``bound`` in magnitude."""
        self.dtype: Any = np.float32 if bound < FLOAT32_EXACT else np.float64 if bound < FLOAT64_EXACT else np.int64
        self.out_dtype: Any = np.int32 if bound < 1 << 31 else np.int64
        self.weight, self.bias = self.weight.astype(self.dtype), self.bias.astype(self.dtype)

    def accumulate(self, values: Array) -> Array:
        """Currents [B, units] (int32, or int64 where they need it) of one step's events [B, inputs]."""
        height, width = self.convolved
        together = max(1, TOGETHER // (len(self.weight) * height * width))
        parts = [self._some(values[start : start + together]) for start in range(0, len(values), together)]
        return np.concatenate(parts) if parts else np.zeros((0, int(np.prod(self.out_shape))), self.out_dtype)

    def _some(self, values: Array) -> Array:
        """The same of as many samples as are laid out at once."""
        batch, (height, width) = len(values), self.convolved
        current = self._windows(values) @ self.weight
        current += self.bias
        by_channel = current.reshape(batch, height, width, -1).transpose(0, 3, 1, 2).astype(self.out_dtype, order="C")
        return flat(by_channel) if self.pool == (1, 1) else greatest(by_channel, self.pool)

    def _windows(self, values: Array) -> Array:
        """The windows side by side: [B * height * width, kernel height * kernel width * input channels]."""
        batch, (height, width) = len(values), self.convolved
        (channels, rows, columns), (py, px), (sy, sx) = self.planes, self.padding, self.stride
        images = np.zeros((batch, rows + 2 * py, columns + 2 * px, channels), self.dtype)
        inside = images[:, py : py + rows, px : px + columns]
        inside[:] = values.reshape(batch, *self.planes).transpose(0, 2, 3, 1)
        sample, row, column, channel = images.strides
        shape = (batch, height, width, self.kernel[0], self.kernel[1] * channels)
        windows = as_strided(images, shape, (sample, row * sy, column * sx, row, channel), writeable=False)
        return np.ascontiguousarray(windows).reshape(batch * height * width, -1)


def greatest(values: Array, size: tuple[int, int]) -> Array:
    """The greatest of each window of [B, channels, height, width], flat: [B, units]."""
    return flat(in_windows(values, size).max(axis=(3, 5)))


def flat(values: Array) -> Array:
    """[B, channels, height, width], of any B, as [B, units]."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def in_windows(values: Array, size: tuple[int, int]) -> Array:
    """Windows side by side: [B, channels, windows, size, windows, size]; what fills none is left out."""
    batch, channels, height, width = values.shape
    (ny, sy), (nx, sx) = ((side // step, step) for side, step in zip((height, width), size, strict=True))
    return values[:, :, : ny * sy, : nx * sx].reshape(batch, channels, ny, sy, nx, sx)
