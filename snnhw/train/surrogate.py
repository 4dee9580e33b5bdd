"""Surrogate gradients: the derivative that training pretends a spike to have, its own being 0 almost everywhere.

The forward pass is the hardware's, exactly; only the backward pass is smooth. ``u`` is the distance of the membrane
from the threshold in units of the surrogate's width, which the trainer sets to the threshold itself.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from snnhw.kinds import Frozen

__all__ = ["Surrogate", "burst", "fire", "residue"]


class Surrogate(Frozen):
    """The shape of the pretended derivative; every shape has an area of 1 over all ``u`` but the fast sigmoid's.

    ============  ==============================================  ==========================================
    kind          derivative at ``u``, with ``a`` the slope       from
    ============  ==============================================  ==========================================
    atan          (a / 2) / (1 + (pi * a * u / 2)**2)             Fang et al. 2021, arXiv:2007.05785
    fast_sigmoid  1 / (1 + a * abs(u))**2, an area of 2 / a       Zenke and Ganguli 2018, arXiv:1705.11146
    rectangular   a where abs(u) < 1 / (2 * a), else 0            Wu et al. 2018, arXiv:1706.02609
    ============  ==============================================  ==========================================
    """

    kind: Literal["atan", "fast_sigmoid", "rectangular"] = "atan"
    slope: float = Field(default=2.0, gt=0, le=1000, allow_inf_nan=False)

    def derivative(self, u: Tensor) -> Tensor:
        """The derivative at each of ``u``."""
        if self.kind == "atan":
            return (math.pi / 2 * self.slope * u).square_().add_(1).reciprocal_().mul_(self.slope / 2)
        if self.kind == "fast_sigmoid":
            return 1 / (1 + self.slope * u.abs()).square()
        return self.slope * (u.abs() < 0.5 / self.slope).to(u.dtype)


def fire(distance: Tensor, width: Tensor | float, surrogate: Surrogate) -> Tensor:
    """1 where ``distance`` (integrated - threshold) is at least 0, else 0; ``width`` broadcasts against it."""
    spike: Tensor = _Fire.apply(distance, width, surrogate)  # type: ignore[no-untyped-call]
    return spike


def residue(distance: Tensor, value: Tensor, top: int, width: Tensor | float, surrogate: Surrogate) -> Tensor:
    """``value`` (integrated - reset_amount) saturated to ``top`` where ``distance`` is at least 0, else 0.

    Its derivative to ``value`` is 1 where that is sent as it is. Where it is not, because the neuron is silent or the
    value saturates, the derivative is the surrogate's relative to its peak, so that it joins without a step. A jump
    at the threshold, of the threshold less the reset amount, has the derivative of a spike of that height.
    """
    sent: Tensor = _Residue.apply(distance, value, top, width, surrogate)  # type: ignore[no-untyped-call]
    return sent


def burst(distance: Tensor, spacing: Tensor | float, bound: int, width: Tensor | float, surrogate: Surrogate) -> Tensor:
    """How many of ``i * spacing``, i = 0 .. bound-1, are at most ``distance``; the surrogate of the nearest of them."""
    count: Tensor = _Burst.apply(distance, spacing, bound, width, surrogate)  # type: ignore[no-untyped-call]
    return count


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, distance: Tensor, width: Tensor | float, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(distance)
        ctx.width, ctx.surrogate = width, surrogate
        return (distance >= 0).to(distance.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (distance,) = ctx.saved_tensors
        return gradients[0] * (ctx.surrogate.derivative(distance / ctx.width) / ctx.width), None, None


class _Residue(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, distance: Tensor, value: Tensor, top: int, width: Tensor | float, surrogate: Surrogate
    ) -> Tensor:
        ctx.save_for_backward(distance, value)
        ctx.top, ctx.width, ctx.surrogate = top, width, surrogate
        return torch.where(distance >= 0, value.clamp(max=top), 0.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        distance, value = ctx.saved_tensors
        shape, width, sent = ctx.surrogate.derivative, ctx.width, (distance >= 0) & (value <= ctx.top)
        outside = torch.where(distance < 0, distance, value - ctx.top) / width
        peak = shape(torch.zeros((), dtype=distance.dtype))
        to_value = torch.where(sent, 1.0, shape(outside) / peak)
        to_distance = (value - distance) * (shape(distance / width) / width)
        return gradients[0] * to_distance, gradients[0] * to_value, None, None, None


class _Burst(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, distance: Tensor, spacing: Tensor | float, bound: int, width: Tensor | float, surrogate: Surrogate
    ) -> Tensor:
        step = torch.as_tensor(spacing, dtype=distance.dtype)
        crossed = torch.div(distance, step.clamp(min=1), rounding_mode="floor") + 1
        count = torch.where(step > 0, crossed.clamp(0, bound), (distance >= 0).to(distance.dtype) * bound)
        ctx.save_for_backward(distance, step)
        ctx.bound, ctx.width, ctx.surrogate = bound, width, surrogate
        return count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        distance, step = ctx.saved_tensors
        nearest = (distance / step.clamp(min=1)).round().clamp(0, ctx.bound - 1) * step
        slope = ctx.surrogate.derivative((distance - nearest) / ctx.width) / ctx.width
        return gradients[0] * slope, None, None, None, None
