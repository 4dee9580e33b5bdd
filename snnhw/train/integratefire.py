"""Neurons that leak, integrate, fire and reset, all steps in one function with a backward pass of its own.

The spikes are those of :func:`snnhw.train.neuron.run_neurons`, step by step, and so are the gradients: what is summed
over the samples of a batch alone, the gradients of thresholds and reset amounts, is summed in another order where a
batch is so large that it is computed in parts. A part stays in a core's cache through all steps, which is most of the
time that this saves. What is saved is a tensor for every operation of every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from snnhw.network import Neuron
from snnhw.train.surrogate import Surrogate

__all__ = ["can_integrate_and_fire", "integrate_and_fire"]

_TOGETHER = 1 << 16
"""Neurons of a part, at most: several arrays of so many numbers fit a core's cache."""


def can_integrate_and_fire(neuron: Neuron) -> bool:
    """Whether neurons do no more than leak by a constant, integrate, send binary spikes and reset at once."""
    fires = neuron.fires and neuron.spike.kind == "binary" and not neuron.reset_delay
    plain = not neuron.refractory and neuron.membrane is None and isinstance(neuron.leak.amount, int)
    return fires and plain and neuron.tensor_of("initial") is None


def integrate_and_fire(
    neuron: Neuron, parameters: dict[str, Tensor | float], currents: Tensor, num_steps: int, surrogate: Surrogate
) -> tuple[Tensor, Tensor]:
    """The spikes [num_steps, B, units], 0 or 1, and the membrane [B, units] after the last step.

    ``currents`` are [num_steps, B, units], or [1, B, units] where the same current comes at every step; of the
    ``parameters`` threshold and reset amount are one number or [units]. Gradients do not flow through resets, but to
    the amount. ``neuron`` is one that :func:`can_integrate_and_fire`.
    """
    names = ("threshold", "reset_amount")
    numbers = [torch.as_tensor(parameters.get(name, 0.0), dtype=currents.dtype) for name in names]
    rule = _Rule(neuron, float(neuron.initial), num_steps, surrogate)
    made: tuple[Tensor, Tensor] = _IntegrateAndFire.apply(currents, *numbers, rule)  # type: ignore[no-untyped-call]
    return made


@dataclass(frozen=True)
class _Rule:
    """What is the same for all neurons of a layer."""

    neuron: Neuron
    initial: float
    num_steps: int
    surrogate: Surrogate

    def leak(self, membrane: Tensor) -> None:
        """The membrane leaks, in place, see :class:`snnhw.network.Leak`."""
        leak = self.neuron.leak
        if leak.kind == "subtract":
            membrane -= float(leak.amount)
        elif leak.kind == "shift":
            membrane -= self._shifted(membrane * 2.0**-leak.bits)
        elif leak.kind == "multiply":
            self._shifted(membrane.mul_(float(leak.amount)).mul_(2.0**-leak.bits))

    def leak_back(self, gradient: Tensor) -> Tensor:
        """The gradient to the membrane before the leak, as if nothing had been rounded."""
        leak = self.neuron.leak
        if leak.kind == "shift":
            return gradient - gradient * 2.0**-leak.bits
        if leak.kind == "multiply":
            return gradient * 2.0**-leak.bits * float(leak.amount)
        return gradient

    def _shifted(self, quotient: Tensor) -> Tensor:
        return quotient.floor_() if self.neuron.leak.rounding == "floor" else quotient.trunc_()

    def parts(self, batch: int, units: int) -> Iterator[slice]:
        """The samples of a batch that are computed together."""
        size = max(1, _TOGETHER // units)
        return (slice(start, start + size) for start in range(0, batch, size))


class _IntegrateAndFire(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, currents: Tensor, threshold: Tensor, reset_amount: Tensor, rule: _Rule
    ) -> tuple[Tensor, Tensor]:
        membranes = torch.full_like(currents[0], rule.initial)
        spikes, distances = (currents.new_empty(rule.num_steps, *membranes.shape) for _ in range(2))
        for part in rule.parts(*membranes.shape):
            membrane = membranes[part]
            for step, (spike, distance) in enumerate(zip(spikes[:, part], distances[:, part], strict=True)):
                rule.leak(membrane)
                membrane += currents[step if len(currents) > 1 else 0, part]
                torch.sub(membrane, threshold, out=distance)
                torch.ge(distance, 0, out=spike)
                if rule.neuron.reset == "subtract":
                    membrane.addcmul_(spike, reset_amount, value=-1)
                elif rule.neuron.reset == "zero":
                    membrane.mul_(1 - spike)
        ctx.save_for_backward(distances, spikes, threshold)
        ctx.constant, ctx.amounts, ctx.rule = len(currents) == 1, reset_amount.shape, rule
        return spikes, membranes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        distances, spikes, threshold = ctx.saved_tensors
        by_spikes, by_membranes = gradients
        rule = ctx.rule
        by_currents = torch.empty_like(distances[:1] if ctx.constant else distances)
        by_threshold, by_amount = torch.zeros_like(threshold), threshold.new_zeros(ctx.amounts)
        for part in rule.parts(*by_membranes.shape):
            by_membrane = by_membranes[part]
            for step in reversed(range(len(distances))):
                spike, distance = spikes[step, part], distances[step, part]
                if rule.neuron.reset == "subtract":
                    by_amount -= (by_membrane * spike).sum_to_size(by_amount.shape)
                elif rule.neuron.reset == "zero":
                    by_membrane = by_membrane * (1 - spike)
                by_distance = rule.surrogate.derivative(distance / threshold).div_(threshold)
                by_distance.mul_(by_spikes[step, part])
                by_threshold -= by_distance.sum_to_size(by_threshold.shape)
                by_current = by_distance.add_(by_membrane)
                if not ctx.constant or step == len(distances) - 1:
                    by_currents[0 if ctx.constant else step, part] = by_current
                else:
                    by_currents[0, part] += by_current
                by_membrane = rule.leak_back(by_current)
        return by_currents, by_threshold, by_amount, None
