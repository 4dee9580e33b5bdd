"""Float layers become integer layers: a scale from the weights, and every other number folded into it.

A float network computes ``membrane = leak(membrane) + weight @ values + bias`` and compares with a threshold. Its
integers count in steps: a membrane of n stands for ``n * scale``. The scale comes from the weights, so that the
largest uses all of ``weight_bits``, one a layer or one a row; every other number of the neuron is divided by it:
threshold, amount of a reset, amount of a subtracted leak, initial membrane, bias. Where all weights are zero, the
largest of these numbers gives the scale. What a layer sends is 1 in both worlds where spikes are binary or counts; a
residue counts in the scale of its sender, which goes into the weights that read it.

A factor on the membrane (beta) is chosen last, since how many bits it needs depends on the integers beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import ModelError
from snnhw.network import INT32, Dense, Leak, Range, Spike

__all__ = [
    "MOST_BETA_BITS",
    "BetaError",
    "Comparator",
    "LayerNumbers",
    "coarse_numbers",
    "fires_at",
    "leak_of_beta",
    "quantised",
    "with_leak_of_beta",
    "with_least_error",
]

Array = NDArray[Any]
Comparator = Literal[">=", ">"]
"""Whether a network fires at its threshold or only above it."""

_SLACK = 1e-6
"""How far, relatively, a float32 quotient that was meant to be an integer lies from it."""
_MOST_SLACK = 0.1
"""The part of a step that this may amount to."""
_BARE_BITS = 12
"""Bits of the largest number of a row, or layer, without weights: finer than what weights of 8 bits make of others."""
_FEW_STEPS = 10
"""A threshold of fewer steps than this, and no whole number of them, is off by more than a tenth."""
MOST_BETA_BITS = 16
"""What a leak can have."""
_PARTS = np.linspace(1, 0.4, 31)
"""Of the step that holds the largest weight: the steps that are tried. With less than the last, too much is cut off."""
_SMALL = 0.01
"""The part of a threshold that an error of the membrane may reach before it is worth a word."""


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
    beta: Array | None
    """The factor on the membrane that ``leak`` is to become; None where ``leak`` says it already."""
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
    name, bits = layer.name, layer.weight_bits
    if not isinstance(bits, int) or not 2 <= bits <= 16:
        raise ModelError(f"layer '{name}': weight_bits of float weights must lie in 2..16, not {bits}")
    allowed = Range.of_bits(bits, signed=True)
    weight = layer.weight.astype(np.float64) * values
    axis = 1 if rows else None
    scale = np.maximum(weight.max(axis=axis) / allowed.hi, weight.min(axis=axis) / allowed.lo)
    bare = _largest_beside_weights(layer).max(axis=None if axis is None else 0) / (1 << _BARE_BITS)
    scale = np.where(scale > 0, scale, np.where(bare > 0, bare, 1.0))
    scale = np.broadcast_to(scale, (len(weight),))

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
        leak_amount=rounded(layer.leak_amount) if layer.leak.subtracts else layer.leak_amount,
        initial=initial,
    )
    _check_reach(layer, integers, scale)
    return integers, scale


def with_least_error(layer: LayerNumbers, values: Array, rows: bool) -> LayerNumbers:
    """The layer with its weights cut off where that makes them, rounded to their bits, err least in the mean square.

    Where the largest weight is far above the others, steps that just hold it are coarse for all: it is better cut off,
    at a limit for each row where ``rows``, else for all; ``values`` as in :func:`quantised`.
    """
    allowed = Range.of_bits(layer.weight_bits, signed=True)
    weight = layer.weight.astype(np.float64) * values
    groups = weight if rows else weight.reshape(1, -1)
    widest = np.maximum(groups.max(axis=1) / allowed.hi, groups.min(axis=1) / allowed.lo)[:, None]
    best, least = widest, np.full(widest.shape, np.inf)
    for part in _PARTS:
        step = np.where(widest > 0, widest * part, 1.0)
        error = np.square(np.rint(groups / step).clip(allowed.lo, allowed.hi) * step - groups).sum(axis=1)[:, None]
        best, least = np.where(error < least, step, best), np.minimum(error, least)
    kept = groups.clip(best * allowed.lo, best * allowed.hi).reshape(weight.shape)
    return replace(layer, weight=np.divide(kept, values, out=np.zeros_like(kept), where=values != 0))


def _check_reach(layer: LayerNumbers, integers: LayerNumbers, scale: NDArray[np.float64]) -> None:
    """Raise ModelError where a number is more steps of the weights than 32 bits count."""
    pairs = {
        "thresholds": (layer.threshold, integers.threshold),
        "biases": (layer.bias, integers.bias),
        "reset_amounts": (layer.reset_amount, integers.reset_amount),
        "initial": (layer.initial, integers.initial),
    }
    for what, (given, steps) in pairs.items():
        if given is None or steps is None or np.abs(steps).max() <= INT32.hi:
            continue
        worst = int(np.abs(steps).argmax())
        number, step = np.broadcast_to(given, scale.shape)[worst], scale[worst]
        raise ModelError(
            f"{what} of layer '{layer.name}' reach {number:g}, too far from its weights, which are whole multiples of "
            f"{step:.2g}: 32 bits count to {INT32.hi}; scale them alike"
        )


def coarse_numbers(layer: LayerNumbers, integers: LayerNumbers, scale: NDArray[np.float64]) -> list[str]:
    """What of a layer is too small beside its weights to be the same in integers of this ``scale``, as phrases."""
    if layer.threshold is None:
        return []
    phrases = []
    steps = np.broadcast_to(layer.threshold / scale, (len(scale),))
    coarse = (steps < _FEW_STEPS) & (np.abs(steps - np.rint(steps)) > np.minimum(steps * _SLACK, _MOST_SLACK))
    if coarse.any():
        phrases.append(f"{np.count_nonzero(coarse)} thresholds of only {steps[coarse].min():.2g} steps were rounded")
    if layer.bias is not None and integers.bias is not None:
        lost = (layer.bias != 0) & (integers.bias == 0) & (np.abs(layer.bias) > _SMALL * layer.threshold)
        if lost.any():
            phrases.append(f"{np.count_nonzero(lost)} biases were rounded to 0")
    return phrases


def fires_at(layer: LayerNumbers) -> LayerNumbers:
    """The same layer of integers, that fires above its threshold, as one that fires at it."""
    if layer.threshold is None:
        return layer
    amount = layer.threshold if layer.reset_amount is None else layer.reset_amount
    return replace(layer, threshold=layer.threshold + 1, reset_amount=amount)


def leak_of_beta(beta: Array, bits: int) -> tuple[Leak, NDArray[np.int64] | None]:
    """The leak that multiplies by ``beta`` (scalar or [units], 0 to 1), and its amounts where it has them.

    1 is no leak and 1 - 2**-k a shift; anything else is rounded to ``bits`` fractional bits.
    """
    factors = np.asarray(beta, np.float64)
    lost = float(1 - factors.flat[0])
    if (factors == factors.flat[0]).all():
        if lost == 0:
            return Leak(), None
        shift = round(-float(np.log2(lost)))
        if 1 <= shift <= 16 and abs(lost * 2.0**shift - 1) < _SLACK:
            return Leak(kind="shift", bits=shift), None
    return Leak(kind="multiply", bits=bits), np.rint(factors * 2.0**bits).astype(np.int64)


@dataclass(frozen=True)
class BetaError:
    """What the rounding of a layer's betas, and of its membranes at every step, amounts to.

    ``rounding`` and ``factor`` bound the error of a membrane before the first spike that differs, in steps of the
    layer's integers: with S the sum of beta**t over the time steps, each step's rounding adds up to S, and a beta that
    is off by d adds d * S * (the largest membrane).
    """

    bits: int
    """Fraction bits of the amounts."""
    beta: float
    """The largest difference between a beta and what stands for it."""
    rounding: float
    factor: float
    threshold: float | None
    """The sum of both as a part of the threshold; None where the layer never fires."""

    @property
    def enough(self) -> bool:
        """Whether more bits would not help, or are not needed."""
        return self.beta == 0 or self.small or self.factor <= self.rounding

    @property
    def small(self) -> bool:
        """Whether a membrane is off by less than one per cent of the threshold."""
        return self.threshold is not None and self.threshold <= _SMALL

    @classmethod
    def of(cls, layer: LayerNumbers, amount: NDArray[np.int64], bits: int, values: Range, num_steps: int) -> BetaError:
        """The error of a layer of integers whose betas became ``amount``, with ``bits`` fraction bits."""
        beta = np.asarray(layer.beta, np.float64)
        total = (beta[..., None] ** np.arange(num_steps)).sum(axis=-1)
        bias = 0.0 if layer.bias is None else np.abs(layer.bias)
        synapse = Dense(units=len(layer.weight), weight_bits=layer.weight_bits)
        inputs = layer.weight.shape[1:]
        ends = synapse.current_bounds({"weight": layer.weight.astype(np.int64)}, values, inputs)
        current = bias + np.abs(ends).max(axis=0)
        membrane = np.abs(layer.initial) + total * current
        if layer.membrane is not None:
            membrane = np.minimum(membrane, max(-layer.membrane.lo, layer.membrane.hi))
        off = np.abs(amount / 2.0**bits - beta)
        rounding, factor = total, off * total * membrane
        relative = None if layer.threshold is None else float(((rounding + factor) / layer.threshold).max())
        return cls(bits, float(off.max()), float(rounding.max()), float(factor.max()), relative)


def with_leak_of_beta(
    layer: LayerNumbers, values: Range, num_steps: int, bits: int | None
) -> tuple[LayerNumbers, BetaError | None]:
    """The layer of integers with the leak that stands for its ``beta``, and its error, where there is any.

    ``values`` are those of the events that the layer takes in. ``bits`` None: the fewest with which a membrane is off
    by less than one per cent of the threshold, or with which the error of beta adds no more than rounding does, and
    :data:`MOST_BETA_BITS` where there are none such. Raises ModelError for bits that a leak cannot have.
    """
    if bits is not None and not (isinstance(bits, int) and 1 <= bits <= MOST_BETA_BITS):
        raise ModelError(f"beta_bits must lie in 1..{MOST_BETA_BITS}, or be None to be chosen, not {bits}")
    if layer.beta is None:
        return layer, None
    for tried in (bits,) if bits else range(1, MOST_BETA_BITS + 1):
        leak, amount = leak_of_beta(layer.beta, tried)
        if amount is None:
            return replace(layer, leak=leak), None
        error = BetaError.of(layer, amount, tried, values, num_steps)
        if error.enough:
            break
    return replace(layer, leak=leak, leak_amount=amount), error if error.beta else None


def _largest_beside_weights(layer: LayerNumbers) -> NDArray[np.float64]:
    """The largest magnitude among the numbers of each neuron, [units], weights left out."""
    leak = layer.leak_amount if layer.leak.subtracts else None
    numbers = (layer.bias, layer.threshold, layer.reset_amount, layer.initial, leak)
    given = [np.broadcast_to(np.abs(number), (len(layer.weight),)) for number in numbers if number is not None]
    largest: NDArray[np.float64] = np.max(given, axis=0).astype(np.float64)
    return largest
