"""Pools of events. Twin of ``gateware/pooling.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.convolution import flat, greatest, in_windows
from golden.layer import Stateless
from golden.neuron import State
from snnhw.convolution import planes
from snnhw.model import ModelLayer
from snnhw.pooling import Pool2d, SMaxPool2d

Array = NDArray[Any]


class Windowed:
    """What all pools know: their windows, and the values that they send."""

    def __init__(self, layer: ModelLayer) -> None:
        assert isinstance(layer.synapse, Pool2d)
        self.size = layer.synapse.size
        self.planes = planes(layer.in_shape, layer.synapse.kind)
        self.dtype: Any = np.uint16 if layer.out_values.hi < 1 << 16 else np.uint32

    def images(self, values: Array) -> Array:
        """[B, channels, height, width] of [B, inputs]."""
        return values.reshape(len(values), *self.planes)


class Pool(Windowed, Stateless):
    """One event a window and step; it keeps nothing from step to step."""

    def accumulate(self, values: Array) -> Array:
        """The values of events [B, units] from those of one step [B, inputs]."""
        return self.pooled(self.images(values)).astype(self.dtype)

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


class SMaxPool(Windowed):
    """The value of the unit of each window that has sent most, or what the greatest sum has grown by.

    ``accumulated`` [B, inputs] holds the sums of the sample's values, ``greatest`` [B, units] those of the windows.
    """

    def __init__(self, layer: ModelLayer) -> None:
        super().__init__(layer)
        assert isinstance(layer.synapse, SMaxPool2d)
        self.lateral_inhibition = layer.synapse.lateral_inhibition
        self.inputs, self.units = layer.inputs, layer.units
        self.kept_dtype: Any = np.int32 if layer.kept_values.hi < 1 << 31 else np.int64

    def initial_state(self, batch: int) -> State:
        """Nothing has been sent."""
        sizes = {"accumulated": self.inputs, "greatest": self.units}
        return {name: np.zeros((batch, size), self.kept_dtype) for name, size in sizes.items()}

    def step(self, state: State, values: Array) -> tuple[State, Array]:
        """The new sums, and the values of events [B, units] from those of one step [B, inputs]."""
        accumulated = (state["accumulated"] + values).astype(self.kept_dtype)
        most = greatest(self.images(accumulated), self.size)
        value = most - state["greatest"] if self.lateral_inhibition else self._passed(values, accumulated)
        return {"accumulated": accumulated, "greatest": most}, value.astype(self.dtype)

    def _passed(self, values: Array, accumulated: Array) -> Array:
        """The values of the units with the greatest sums; of several in a window the greatest."""
        sums, own = (in_windows(self.images(part), self.size) for part in (accumulated, values))
        return flat(np.where(sums == sums.max(axis=(3, 5), keepdims=True), own, 0).max(axis=(3, 5)))
