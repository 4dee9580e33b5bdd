"""The bank of neurons, differentiable: the steps of :mod:`golden.neuron` on integers in floating point."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snnhw.network import Leak, Neuron
from snnhw.train.integratefire import can_integrate_and_fire, integrate_and_fire
from snnhw.train.quantise import shift
from snnhw.train.surrogate import Surrogate, burst, fire, residue

__all__ = ["Activity", "run_neurons"]

Parameters = dict[str, Tensor | float]
"""A neuron's parameters by name, integers in floating point: one number, or a tensor [units]."""


@dataclass(frozen=True)
class Activity:
    """What a layer's neurons did over all steps."""

    spikes: list[Tensor]
    """A tensor [B, units] for each step: 0 or 1, for bursts the number of spikes; empty where neurons never fire."""
    values: list[Tensor]
    """What the events of each step carry, likewise; 0 is no event."""
    membrane: Tensor | None
    """[B, units], after the last step; None where the layer has no neurons."""
    together: Tensor | None = None
    """The values as one tensor [num_steps, B, units], where they came as one."""

    @property
    def events(self) -> Tensor:
        """The values of all steps, [num_steps, B, units]."""
        return torch.stack(self.values) if self.together is None else self.together

    @property
    def last_membrane(self) -> Tensor:
        """The membrane of a layer that has neurons."""
        assert self.membrane is not None
        return self.membrane


def run_neurons(
    neuron: Neuron, parameters: Parameters, currents: Tensor, num_steps: int, surrogate: Surrogate
) -> Activity:
    """Run a bank of neurons from its initial state.

    Args:
        neuron: what is computed.
        parameters: an entry for each of ``neuron.parameters``.
        currents: [num_steps, B, units], or [1, B, units] where the same current comes at every step.
        num_steps: the number of time steps.
        surrogate: the derivative of a spike; its width is the threshold.

    Gradients do not flow through resets, which keeps what a spike did from being counted twice: they flow through
    the membrane that is left.
    """
    if can_integrate_and_fire(neuron):
        events, membrane = integrate_and_fire(neuron, parameters, currents, num_steps, surrogate)
        return Activity(list(events.unbind()), list(events.unbind()), membrane, events)
    steps = currents.unbind() if len(currents) == num_steps else currents.unbind() * num_steps
    membrane = torch.zeros_like(steps[0]) + parameters["initial"]
    pending = refractory = torch.zeros_like(steps[0])
    spikes: list[Tensor] = []
    values: list[Tensor] = []
    for current in steps:
        leaked = _leak(neuron.leak, parameters, membrane)
        if neuron.reset_delay:
            leaked = _reset(neuron, parameters, leaked, pending)
        integrated = leaked + current
        if neuron.membrane is not None:
            integrated = integrated.clamp(neuron.membrane.lo, neuron.membrane.hi)
        if neuron.refractory:
            integrated = torch.where(refractory == 0, integrated, membrane)
        if not neuron.fires:
            membrane = integrated
            continue
        spike, value = _send(neuron, parameters, integrated, surrogate)
        if neuron.refractory:
            spike, value = spike * (refractory == 0), value * (refractory == 0)
        spikes.append(spike)
        values.append(value)
        fired = spike.detach()
        if neuron.reset_delay:
            membrane, pending = integrated, torch.where(refractory == 0, fired, pending)
        else:
            membrane = _reset(neuron, parameters, integrated, fired)
        if neuron.refractory:
            refractory = torch.where(fired > 0, neuron.refractory, (refractory - 1).clamp(min=0))
    return Activity(spikes, values, membrane)


def _leak(leak: Leak, parameters: Parameters, membrane: Tensor) -> Tensor:
    """The leaked membrane, see :class:`snnhw.network.Leak`."""
    if leak.kind == "none":
        return membrane
    if leak.kind == "subtract":
        return membrane - parameters["leak_amount"]
    if leak.kind == "shift":
        return membrane - shift(membrane, leak.bits, leak.rounding)
    return shift(membrane * parameters["leak_amount"], leak.bits, leak.rounding)


def _reset(neuron: Neuron, parameters: Parameters, membrane: Tensor, fired: Tensor) -> Tensor:
    """The membrane after ``fired`` (a count) has reset it."""
    if neuron.reset == "subtract":
        return membrane - fired * parameters["reset_amount"]
    if neuron.reset == "zero":
        return membrane * (fired == 0)
    return membrane


def _send(neuron: Neuron, parameters: Parameters, integrated: Tensor, surrogate: Surrogate) -> tuple[Tensor, Tensor]:
    """The spikes, and the values that their events carry."""
    threshold = parameters["threshold"]
    distance = integrated - threshold
    width = threshold.detach() if isinstance(threshold, Tensor) else threshold
    if neuron.spike.kind == "residue":
        above = integrated - parameters["reset_amount"]
        sent = residue(distance, above, neuron.spike.value_range.hi, width, surrogate)
        return fire(distance, width, surrogate), sent
    if neuron.spike.kind == "count":
        spacing = parameters["reset_amount"]
        spacing = spacing.detach() if isinstance(spacing, Tensor) else spacing
        spike = burst(distance, spacing, neuron.spike.bound, width, surrogate)
    else:
        spike = fire(distance, width, surrogate)
    return spike, spike
