"""Float layers become integer layers: a scale from the weights, and every other number folded into it.

A float network computes ``membrane = leak(membrane) + weight @ values + bias`` and compares with a threshold. Its
integers count in steps: a membrane of n stands for ``n * scale``. The scale comes from the weights, so that the
largest uses all of ``weight_bits``, one a layer or one a row; every other number of the neuron is divided by it:
threshold, amount of a reset, amount of a subtracted leak, initial membrane, bias. What a layer sends is 1 in both
worlds where spikes are binary or counts; a residue counts in the scale of its sender, which goes into the weights
that read it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import ModelError
from snnhw.network import Leak, Range, Spike

__all__ = ["Comparator", "LayerNumbers", "fires_at", "leak_of_beta", "quantised"]

Array = NDArray[Any]
Comparator = Literal[">=", ">"]
"""Whether a network fires at its threshold or only above it."""

_SLACK = 1e-6
"""How far, relatively, a float32 quotient that was meant to be an integer lies from it."""
_MOST_SLACK = 0.1
"""The part of a step that this may amount to."""


@dataclass(frozen=True)
class LayerNumbers:
    """A layer's arrays and choices; ``threshold`` None where it never fires, each array [] or [units]."""

    name: str
    weight: Array
    bias: Array | None
    threshold: Array | None
    reset_amount: Array | None
    leak: Leak
    leak_amount: Array | None
    initial: Array
    reset: Any
    reset_delay: bool
    refractory: int
    spike: Spike
    membrane: Range | None
    weight_bits: int


def quantised(
    layer: LayerNumbers, values: Array, rows: bool, comparator: Comparator
) -> tuple[LayerNumbers, NDArray[np.float64]]:
    """The layer in integers, and its scale [units]: one a row where ``rows``, else the same for all.

    An event of value 1 stands for ``values``, [] or [inputs], in the float network. The threshold is rounded up, so
    that weights that are multiples of the scale fire exactly where the float network does.
    """
    name, inputs, bits = layer.name, layer.weight.shape[1], layer.weight_bits
    if not isinstance(bits, int) or not 2 <= bits <= 16:
        raise ModelError(f"layer '{name}': weight_bits of float weights must lie in 2..16, not {bits}")
    if values.shape not in ((), (inputs,)):
        raise ModelError(f"layer '{name}' takes {inputs} inputs, the layer before sends {values.size}")
    allowed = Range.of_bits(bits, signed=True)
    weight = layer.weight.astype(np.float64) * values
    axis = 1 if rows else None
    scale = np.maximum(weight.max(axis=axis) / allowed.hi, weight.min(axis=axis) / allowed.lo)
    scale = np.broadcast_to(np.where(scale > 0, scale, 1.0), (len(weight),))

    def rounded(number: Array | None) -> Array | None:
        return None if number is None else np.rint(number / scale)

    reset_amount = layer.threshold if layer.reset_amount is None else layer.reset_amount
    threshold = None if layer.threshold is None else layer.threshold / scale
    if threshold is not None:
        slack = np.minimum(threshold * _SLACK, _MOST_SLACK)
        threshold = np.floor(threshold + slack) + 1 if comparator == ">" else np.ceil(threshold - slack)
    initial = rounded(layer.initial)
    assert initial is not None
    integers = replace(
        layer,
        weight=np.rint(weight / scale[:, None]).clip(allowed.lo, allowed.hi),
        bias=rounded(layer.bias),
        threshold=threshold,
        reset_amount=rounded(reset_amount),
        leak_amount=rounded(layer.leak_amount) if layer.leak.kind == "subtract" else layer.leak_amount,
        initial=initial,
    )
    return integers, scale


def fires_at(layer: LayerNumbers) -> LayerNumbers:
    """The same layer of integers, that fires above its threshold, as one that fires at it."""
    if layer.threshold is None:
        return layer
    amount = layer.threshold if layer.reset_amount is None else layer.reset_amount
    return replace(layer, threshold=layer.threshold + 1, reset_amount=amount)


def leak_of_beta(beta: Array | float, bits: int = 8) -> tuple[Leak, NDArray[np.int64] | None]:
    """The leak that multiplies by ``beta`` (scalar or [units], 0 to 1), and its amounts where it has them.

    1 is no leak and 1 - 2**-k a shift; anything else is rounded to ``bits`` fractional bits.
    """
    factors = np.asarray(beta, np.float64)
    if not ((factors >= 0) & (factors <= 1)).all():
        raise ModelError(f"betas must lie in 0..1, not {factors.min():g}..{factors.max():g}")
    lost = float(1 - factors.flat[0])
    if (factors == factors.flat[0]).all():
        if lost == 0:
            return Leak(), None
        shift = round(-float(np.log2(lost)))
        if 1 <= shift <= 16 and abs(lost * 2.0**shift - 1) < _SLACK:
            return Leak(kind="shift", bits=shift), None
    return Leak(kind="multiply", bits=bits), np.rint(factors * 2.0**bits).astype(np.int64)
