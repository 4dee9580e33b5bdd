"""Neurons that only integrate, fire and subtract, all steps in one function with a backward pass of its own.

The spikes are those of :func:`snnhw.train.neuron.run_neurons`, step by step, and so are the gradients, to the last bit:
every sum is taken in the same order. What is saved is a tensor for every operation of every step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snnhw.train.surrogate import Surrogate

__all__ = ["integrate_and_fire"]


def integrate_and_fire(
    currents: Tensor,
    threshold: Tensor | float,
    reset_amount: Tensor | float,
    initial: float,
    num_steps: int,
    surrogate: Surrogate,
) -> tuple[Tensor, Tensor]:
    """The spikes [num_steps, B, units], 0 or 1, and the membrane [B, units] after the last step.

    ``currents`` are [num_steps, B, units], or [1, B, units] where the same current comes at every step; threshold and
    reset amount are one number or [units]. Gradients do not flow through resets, but to the amount.
    """
    numbers = [torch.as_tensor(number, dtype=currents.dtype) for number in (threshold, reset_amount)]
    made: tuple[Tensor, Tensor] = _IntegrateAndFire.apply(  # type: ignore[no-untyped-call]
        currents, *numbers, initial, num_steps, surrogate
    )
    return made


class _IntegrateAndFire(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        currents: Tensor,
        threshold: Tensor,
        reset_amount: Tensor,
        initial: float,
        num_steps: int,
        surrogate: Surrogate,
    ) -> tuple[Tensor, Tensor]:
        membrane = torch.full_like(currents[0], initial)
        spikes, distances = (membrane.new_empty(num_steps, *membrane.shape) for _ in range(2))
        for step, (spike, distance) in enumerate(zip(spikes, distances, strict=True)):
            membrane += currents[step if len(currents) > 1 else 0]
            torch.sub(membrane, threshold, out=distance)
            torch.ge(distance, 0, out=spike)
            membrane.addcmul_(spike, reset_amount, value=-1)
        ctx.save_for_backward(distances, spikes, threshold)
        ctx.constant, ctx.amounts, ctx.surrogate = len(currents) == 1, reset_amount.shape, surrogate
        return spikes, membrane

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        distances, spikes, threshold = ctx.saved_tensors
        by_spike, by_membrane = gradients
        by_currents = torch.empty_like(distances[:1] if ctx.constant else distances)
        by_threshold, by_amount = torch.zeros_like(threshold), threshold.new_zeros(ctx.amounts)
        for step in reversed(range(len(distances))):
            by_amount -= (by_membrane * spikes[step]).sum_to_size(by_amount.shape)
            by_distance = ctx.surrogate.derivative(distances[step] / threshold).div_(threshold).mul_(by_spike[step])
            by_threshold -= by_distance.sum_to_size(by_threshold.shape)
            by_membrane = by_distance.add_(by_membrane)
            if not ctx.constant or step == len(distances) - 1:
                by_currents[0 if ctx.constant else step] = by_membrane
            else:
                by_currents[0] += by_membrane
        return by_currents, by_threshold, by_amount, None, None, None
