"""What a layer does in a step: its synapses, then its neurons where it has any. Twin of ``gateware/layer.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from golden.neuron import NeuronBank, NeuronStep, State
from snnhw.kinds import twin
from snnhw.model import ModelLayer

Array = NDArray[Any]


class Synapses(Protocol):
    """What golden's twin of every kind of synapses does; it is made from a ModelLayer."""

    def initial_state(self, batch: int) -> State:
        """What is kept from step to step, before step 0: each array [batch, ...]; empty where nothing is."""
        ...

    def step(self, state: State, values: Array) -> tuple[State, Array]:
        """From one step's events [B, inputs] the new state, and currents or values of events [B, units].

        The given state is left as it is.
        """
        ...

    def operations(self, state: State) -> NDArray[np.int64] | int:
        """The weights that a step adds because of what is kept, [B], after the step; 0 where nothing of it is sent.

        Asked of those with weights alone.
        """
        ...


class Stateless:
    """Synapses that keep nothing: their currents come of the step's events alone, by ``accumulate``."""

    def initial_state(self, batch: int) -> State:
        """Nothing."""
        return {}

    def step(self, state: State, values: Array) -> tuple[State, Array]:
        """The currents, and nothing kept."""
        return state, self.accumulate(values)

    def operations(self, state: State) -> int:
        """Nothing."""
        return 0

    def accumulate(self, values: Array) -> Array:
        """Currents [B, units] of one step's events [B, inputs]."""
        raise NotImplementedError


@dataclass(frozen=True)
class EventStep:
    """What a step of a layer without neurons did."""

    value: Array
    """[B, units] what the event carries; 0 is no event."""
    state: State
    """The state after the step, of the synapses."""


@dataclass
class LayerState:
    """What a layer keeps from step to step."""

    synapses: State
    neurons: State
    current: Array | None = None
    """Of the first step, where it is the same at every step."""


class Layer:
    """A layer made ready to compute; safe to share between threads."""

    def __init__(self, layer: ModelLayer) -> None:
        self.name = layer.name
        self.constant = layer.constant
        self.synapses: Synapses = twin(layer.synapse, "golden")(layer)
        self.neurons = NeuronBank(layer) if layer.has_neuron else None
        fan_outs = layer.synapse.fan_outs(layer.in_shape)
        self.weighted = layer.has_weights
        self.fan_out: int | None = int(fan_outs[0]) if np.all(fan_outs == fan_outs[0]) else None
        self.fan_outs = fan_outs.astype(np.float64)

    def operations(self, values: Array, state: LayerState) -> NDArray[np.int64]:
        """The weights that one step's events [B, inputs] are added with: [B], each event once for every neuron.

        ``state`` is that after the step: what synapses send of it within the layer is counted as well.
        """
        counted: NDArray[np.int64]
        if self.fan_out is not None:
            counted = np.count_nonzero(values, axis=1) * self.fan_out
        else:
            counted = ((values != 0).astype(np.float64) @ self.fan_outs).astype(np.int64)
        return counted + self.synapses.operations(state.synapses)

    def initial_state(self, batch: int) -> LayerState:
        """The state before step 0."""
        return LayerState(self.synapses.initial_state(batch), self.neurons.initial_state(batch) if self.neurons else {})

    def shown(self, state: LayerState) -> State:
        """What the synapses have kept, where neurons are what is shown of the layer otherwise."""
        return state.synapses if self.neurons else {}

    def step(self, state: LayerState, values: Array) -> NeuronStep | EventStep:
        """One step from its events [B, inputs]; the state is brought up to date."""
        if state.current is not None:
            current = state.current
        else:
            state.synapses, current = self.synapses.step(state.synapses, values)
        if self.neurons is None:
            return EventStep(current, state.synapses)
        state.current = current if self.constant else None
        step = self.neurons.step(state.neurons, current)
        state.neurons = step.state
        return step
