"""The bank of leaky integrate-and-fire neurons. Twin of ``gateware/neuron.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.model import ModelLayer
from snnhw.network import Leak, Neuron

Array = NDArray[Any]
State = dict[str, Array]


@dataclass(frozen=True)
class NeuronStep:
    """What one step of the bank did, each [B, units]."""

    integrated: Array
    spike: Array
    """0 or 1; for bursts the number of spikes."""
    value: Array
    """What the event carries; 0 is no event."""
    state: State
    """The state after the step, by the names of ``Neuron.state_fields``."""


class NeuronBank:
    """The neurons of a layer, which share a description; state and arithmetic in int32 or, where ranges ask, int64."""

    def __init__(self, layer: ModelLayer) -> None:
        neuron, ranges = layer.neuron, layer.ranges
        spans = (ranges.leaked, ranges.unsaturated, ranges.membrane)
        factor_bits = neuron.leak.bits + 1 if neuron.leak.kind == "multiply" else 1
        width = max(span.width for span in spans) + factor_bits + neuron.spike.count_range.width
        self.dtype: Any = np.int32 if width <= 31 and neuron.spike.kind != "count" else np.int64
        self.units = layer.units
        self.neuron = neuron
        self.ranges = ranges
        self.parameters = {name: _scalar_if_equal(value.astype(self.dtype)) for name, value in layer.parameters.items()}
        self.fields = neuron.state_fields(ranges.membrane)

    def initial_state(self, batch: int) -> State:
        """The state before step 0, each field [batch, units]."""
        state: State = {}
        for field in self.fields:
            initial = self.parameters["initial"] if field.name == "membrane" else field.initial
            state[field.name] = np.broadcast_to(np.asarray(initial, self.dtype), (batch, self.units)).copy()
        return state

    def step(self, state: State, current: Array) -> NeuronStep:
        """One step of all neurons; ``current`` is [B, units]. The given state is left as it is."""
        neuron, parameters = self.neuron, self.parameters
        membrane = state["membrane"]
        leaked = leak(neuron.leak, parameters.get("leak_amount"), membrane)
        if neuron.reset_delay:
            leaked = reset(neuron, parameters, leaked, state["pending"])
        integrated = leaked + current.astype(self.dtype, copy=False)
        if neuron.membrane is not None and self.ranges.saturates:
            integrated = np.clip(integrated, neuron.membrane.lo, neuron.membrane.hi)
        active = state["refractory"] == 0 if neuron.refractory else None
        if active is not None:
            integrated = np.where(active, integrated, membrane)
        spike, value = self._fire(integrated, active)
        new: State = {"membrane": integrated}
        if neuron.reset_delay:
            new["pending"] = spike if active is None else np.where(active, spike, state["pending"])
        elif neuron.fires:
            new["membrane"] = reset(neuron, parameters, integrated, spike)
        if active is not None:
            new["refractory"] = np.where(spike > 0, neuron.refractory, np.maximum(state["refractory"] - 1, 0))
        return NeuronStep(integrated, spike, value, new)

    def _fire(self, integrated: Array, active: Array | None) -> tuple[Array, Array]:
        """The spikes and the values of their events."""
        neuron, parameters = self.neuron, self.parameters
        if not neuron.fires:
            silent = np.zeros_like(integrated)
            return silent, silent
        fired = integrated >= parameters["threshold"]
        if active is not None:
            fired &= active
        spike = fired.astype(self.dtype)
        if neuron.spike.kind == "binary":
            return spike, spike
        if neuron.spike.kind == "residue":
            residue = integrated - parameters["reset_amount"]
            return spike, np.minimum(residue, neuron.spike.value_range.hi) * spike
        for i in range(1, neuron.spike.bound):
            spike += fired & (integrated >= parameters["threshold"] + i * parameters["reset_amount"])
        return spike, spike


def leak(leak: Leak, leak_amount: Array | None, membrane: Array) -> Array:
    """The leaked membrane, see :class:`snnhw.network.Leak`."""
    if leak.kind == "none":
        return membrane
    if leak.kind == "subtract":
        return membrane - leak_amount
    product: Array = membrane if leak.kind == "shift" else membrane * leak_amount
    if leak.rounding == "toward_zero":
        product = product + ((product < 0) * ((1 << leak.bits) - 1)).astype(product.dtype)
    shifted: Array = product >> leak.bits
    return membrane - shifted if leak.kind == "shift" else shifted


def reset(neuron: Neuron, parameters: dict[str, Array], membrane: Array, spike: Array) -> Array:
    """The membrane after ``spike`` (a count) has reset it."""
    kept: Array = membrane
    if neuron.reset == "subtract":
        kept = membrane - spike * parameters["reset_amount"]
    elif neuron.reset == "zero":
        kept = membrane * (spike == 0)
    return kept


def _scalar_if_equal(values: Array) -> Array:
    """One number in the place of an array of equal ones: less to read for every batch."""
    return values[0] if (values == values[0]).all() else values
