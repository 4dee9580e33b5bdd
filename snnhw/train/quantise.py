"""Rounding that gradients pass through: forward the hardware's integer, backward as if there were no rounding."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from snnhw.network import Range

__all__ = ["LATENT_MARGIN", "clamp_latent", "integers", "shift"]

LATENT_MARGIN = 0.49
"""How far a latent number may lie outside of the integers that it is rounded to: less than what changes the result."""


def integers(latent: Tensor, limits: Range) -> Tensor:
    """The nearest integers within ``limits``, halves to even; the gradient is passed on unchanged."""
    rounded: Tensor = _Round.apply(latent, limits.lo, limits.hi)  # type: ignore[no-untyped-call]
    return rounded


def clamp_latent(latent: Tensor, limits: Range) -> None:
    """Bring latent numbers back, in place, to where a small step still changes what they round to."""
    latent.clamp_(limits.lo - LATENT_MARGIN, limits.hi + LATENT_MARGIN)


def shift(value: Tensor, bits: int, rounding: Literal["floor", "toward_zero"] = "floor") -> Tensor:
    """``value >> bits`` of integers in floating point; the gradient is that of the division by ``2**bits``."""
    shifted: Tensor = _Shift.apply(value, bits, rounding)  # type: ignore[no-untyped-call]
    return shifted


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, latent: Tensor, low: int, high: int) -> Tensor:
        return latent.round().clamp_(low, high)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0], None, None


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, bits: int, rounding: str) -> Tensor:
        ctx.factor = 2.0**-bits
        quotient: Tensor = value * ctx.factor
        return quotient.floor_() if rounding == "floor" else quotient.trunc_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0] * float(ctx.factor), None, None
