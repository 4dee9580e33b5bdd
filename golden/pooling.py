"""Pools of events. Twin of ``gateware/pooling.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.convolution import flat, greatest, in_windows
from golden.layer import Stateless
from snnhw.convolution import planes
from snnhw.model import ModelLayer
from snnhw.pooling import Pool2d

Array = NDArray[Any]


class Pool(Stateless):
    """One event a window and step; it keeps nothing from step to step."""

    def __init__(self, layer: ModelLayer) -> None:
        assert isinstance(layer.synapse, Pool2d)
        self.size = layer.synapse.size
        self.planes = planes(layer.in_shape, layer.synapse.kind)
        self.dtype: Any = np.uint16 if layer.out_values.hi < 1 << 16 else np.uint32

    def accumulate(self, values: Array) -> Array:
        """The values of events [B, units] from those of one step [B, inputs]."""
        return self.pooled(values.reshape(len(values), *self.planes)).astype(self.dtype)

    def pooled(self, values: Array) -> Array:
        """The values of windows [B, units] from [B, channels, height, width]."""
        raise NotImplementedError


class MaxPool(Pool):
    """The greatest value of each window."""

    def pooled(self, values: Array) -> Array:
        """The greatest."""
        return greatest(values, self.size)


class SumPool(Pool):
    """The sum of each window."""

    def pooled(self, values: Array) -> Array:
        """The sum, counted in as many bits as it needs."""
        return flat(in_windows(values, self.size).sum(axis=(3, 5), dtype=self.dtype))
