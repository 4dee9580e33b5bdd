"""The dense synapse crossbar: events become currents. Twin of ``gateware/crossbar.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.layer import Stateless
from snnhw.model import ModelLayer

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53


class Crossbar(Stateless):
    """``current = bias + weight @ values``, exact, as integers.

    Products go through floating-point BLAS, many times faster than integer products, where every partial sum in
    any order is an integer that the format holds: sum |weight| * value + |bias| below 2**24 for float32, 2**53 for
    float64.

    ``layer`` is the description's dense layer with its tensors.
    """

    def __init__(self, layer: ModelLayer) -> None:
        weight, bias = layer.weight, layer.bias
        bound = int((layer.synapse.largest_sums(layer.tensors, layer.values, layer.in_shape) + np.abs(bias)).max())
        self.dtype: Any = np.float32 if bound < FLOAT32_EXACT else np.float64 if bound < FLOAT64_EXACT else np.int64
        self.out_dtype: Any = np.int32 if bound < 1 << 31 else np.int64
        self.weight = np.ascontiguousarray(weight.T.astype(self.dtype))
        self.bias = bias.astype(self.dtype)

    def accumulate(self, values: NDArray[Any]) -> NDArray[Any]:
        """Currents [B, units] (int32, or int64 where they need it) of one step's events [B, inputs]."""
        current = values.astype(self.dtype) @ self.weight
        current += self.bias
        return current.astype(self.out_dtype)
