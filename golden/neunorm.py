"""Convolutions with NeuNorm: events become currents, less a moving average of them. Twin of ``gateware/neunorm.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.convolution import Convolution
from golden.neuron import State
from snnhw.convolution import planes
from snnhw.model import ModelLayer
from snnhw.neunorm import NeuNormConv2d, auxiliary, spiking

Array = NDArray[Any]


class NeuNormConvolution:
    """The convolution of the events, less that of the auxiliary neurons' states; see :class:`NeuNormConv2d`.

    ``auxiliary`` [B, height * width] holds the states.
    """

    def __init__(self, layer: ModelLayer) -> None:
        synapse = layer.synapse
        assert isinstance(synapse, NeuNormConv2d)
        self.spiking = Convolution(spiking(layer))
        self.auxiliary = AuxiliaryNeurons(layer)
        self.shift = synapse.shift
        full = synapse.form == "full"
        weighing = spiking(layer) if full else auxiliary(layer)
        self.weighing = FullConvolution(layer) if full else Convolution(weighing)
        positions = self.auxiliary.planes[1] * self.auxiliary.planes[2]
        self.fan_outs = weighing.synapse.fan_outs(weighing.in_shape).reshape(-1, positions).sum(axis=0)

    def initial_state(self, batch: int) -> State:
        """Nothing has been sent."""
        return {"auxiliary": self.auxiliary.initial_state(batch)}

    def step(self, state: State, values: Array) -> tuple[State, Array]:
        """The new states, and the currents [B, units] of one step's events [B, inputs]."""
        kept, weighed = self.auxiliary.step(state["auxiliary"], values)
        subtracted = self.weighing.accumulate(weighed) >> self.shift
        return {"auxiliary": kept}, self.spiking.accumulate(values) - subtracted

    def operations(self, state: State) -> NDArray[np.int64]:
        """The products with what the auxiliary neurons send, [B]; of a full form those of every input channel."""
        sent = self.auxiliary.weighed(state["auxiliary"]) != 0
        counted: NDArray[np.int64] = (sent.astype(np.float64) @ self.fan_outs).astype(np.int64)
        return counted


class AuxiliaryNeurons:
    """At each position a leaky sum of what all channels send from there."""

    def __init__(self, layer: ModelLayer) -> None:
        synapse = layer.synapse
        assert isinstance(synapse, NeuNormConv2d)
        self.planes = planes(layer.in_shape, synapse.kind)
        self.decay_bits = synapse.decay_bits
        self.position = layer.tensors["position"].ravel() if "position" in layer.tensors else None
        self.dtype: Any = np.int32 if synapse.auxiliary_values(layer.values, layer.in_shape).hi < 1 << 31 else np.int64

    def initial_state(self, batch: int) -> Array:
        """Zeros, [batch, height * width]."""
        return np.zeros((batch, self.planes[1] * self.planes[2]), self.dtype)

    def step(self, state: Array, values: Array) -> tuple[Array, Array]:
        """The new states, and what each position weighs in with, both [B, height * width]."""
        channels, height, width = self.planes
        sent = values.reshape(len(values), channels, height * width).sum(axis=1, dtype=self.dtype)
        kept = state - ((state + ((1 << self.decay_bits) - 1)) >> self.decay_bits) + sent
        return kept, self.weighed(kept)

    def weighed(self, state: Array) -> Array:
        """What positions weigh in with: their states [B, height * width], times their numbers where they have some."""
        return state if self.position is None else state * self.position.astype(self.dtype)


class FullConvolution(Convolution):
    """N of a full form: the weights' convolution of ``U[c, q] * X(q)``, which every input channel has of its own."""

    def __init__(self, layer: ModelLayer) -> None:
        super().__init__(spiking(layer))
        number = layer.tensors["auxiliary"]
        bound = int(layer.synapse.largest_sums(layer.tensors, layer.values, layer.in_shape).max())
        self.set_bound(bound)
        self.bias = np.zeros_like(self.bias)
        self.number = number.reshape(len(number), -1)

    def accumulate(self, values: Array) -> Array:
        """N [B, units] of the auxiliary neurons' states [B, height * width]."""
        weighed = values[:, None] * self.number
        return super().accumulate(weighed.reshape(len(values), self.number.size))
