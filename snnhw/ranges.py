"""Which integers can occur in a layer, from its actual weights: from them come all widths of the circuit.

Interval arithmetic over the steps of a sample, each neuron by itself. What it yields is a proof that an accumulator
of that width cannot overflow; a membrane either saturates by name or is wide enough by the same proof.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnhw.network import Leak, Neuron, Range
from snnhw.wording import shown

Integers = NDArray[np.int64]

WIDEST = 62
"""The widest number: golden and the intervals here count in 64 bits; one is for the sign and one is kept free."""


@dataclass(frozen=True)
class LayerRanges:
    """The ranges of a layer's numbers, united over its neurons and over the steps of a sample."""

    weight: Range
    """Weights as they are, 0 included."""
    current: Range
    """The sum of weighted events and bias, after any part of a step's events."""
    leaked: Range
    """After the leak, before a delayed reset is removed."""
    unsaturated: Range
    """Leaked plus current, before saturation."""
    integrated: Range
    """What is compared with the threshold; where neurons are refractory, also the membrane that they hold."""
    membrane: Range
    """What is kept for the next step, the initial value included."""
    saturates: bool
    """Whether the circuit needs saturation at all."""

    def __repr__(self) -> str:
        spans = (("weight", self.weight), ("current", self.current), ("membrane", self.membrane))
        return shown(self, *(f"{name} {span.lo}..{span.hi}" for name, span in spans), "saturates" * self.saturates)


def leak_bounds(leak: Leak, amount: Integers, membrane: Integers) -> Integers:
    """The leaked membrane, as :class:`snnhw.network.Leak` defines it; non-decreasing, so that it maps bounds."""
    if leak.kind == "none":
        return membrane
    if leak.kind == "subtract":
        return membrane - amount
    factor = np.ones_like(membrane) if leak.kind == "shift" else amount
    product = membrane * factor
    shifted = product >> leak.bits
    if leak.rounding == "toward_zero":
        shifted = np.where(product < 0, -((-product) >> leak.bits), shifted)
    return membrane - shifted if leak.kind == "shift" else shifted


class _Span:
    """The union of the intervals that it has seen, one per neuron."""

    def __init__(self) -> None:
        self.low: Integers | None = None
        self.high: Integers | None = None

    def include(self, low: Integers, high: Integers) -> None:
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)

    @property
    def range(self) -> Range:
        assert self.low is not None
        assert self.high is not None
        return Range(lo=int(self.low.min()), hi=int(self.high.max()))


Bounds = tuple[Integers, Integers]
"""The least and the greatest of each neuron, both [units]."""


def magnitude_bound(neuron: Neuron, parameters: dict[str, Integers], currents: Bounds, num_steps: int) -> int:
    """What no number of a layer exceeds in magnitude, products of the leak included; coarse, and free of overflow."""
    low, high = currents
    largest = {name: int(np.abs(value).max()) for name, value in parameters.items()}
    change = max(int(np.abs(low).max()), int(np.abs(high).max()))
    change += neuron.spike.count_range.hi * largest.get("reset_amount", 0)
    change += largest["leak_amount"] if neuron.leak.kind == "subtract" else 0
    bound = largest["initial"] + num_steps * change
    if neuron.membrane is not None:
        bound = min(bound, max(-neuron.membrane.lo, neuron.membrane.hi) + change)
    return bound << (neuron.leak.bits if neuron.leak.kind == "multiply" else 0)


def layer_ranges(
    neuron: Neuron, parameters: dict[str, Integers], weights: Range, currents: Bounds, num_steps: int
) -> LayerRanges:
    """Propagate intervals through ``num_steps`` steps of a layer, from the bounds of a step's currents.

    A refractory neuron goes the same way in fewer steps: the union over all steps holds it too.

    ``parameters`` holds an array [units] for each of ``neuron.parameters``.
    """
    low_current, high_current = currents
    leaked, unsaturated, integrated, membrane = _Span(), _Span(), _Span(), _Span()
    low = high = parameters["initial"]
    membrane.include(low, high)
    amount = parameters.get("leak_amount", np.zeros_like(low))
    for _ in range(num_steps):
        low_leaked, high_leaked = leak_bounds(neuron.leak, amount, low), leak_bounds(neuron.leak, amount, high)
        leaked.include(low_leaked, high_leaked)
        low_base, high_base = _delayed_reset_bounds(neuron, parameters, amount, (low_leaked, high_leaked), high)
        low, high = low_base + low_current, high_base + high_current
        unsaturated.include(low, high)
        if neuron.membrane is not None:
            low, high = np.clip(low, *_ends(neuron)), np.clip(high, *_ends(neuron))
        integrated.include(low, high)
        low, high = _reset_bounds(neuron, parameters, low, high)
        membrane.include(low, high)
    saturated = integrated.range
    return LayerRanges(
        weight=weights,
        current=Range(lo=int(low_current.min()), hi=int(high_current.max())),
        leaked=leaked.range,
        unsaturated=unsaturated.range,
        integrated=saturated | membrane.range if neuron.refractory else saturated,
        membrane=membrane.range,
        saturates=saturated != unsaturated.range,
    )


def _ends(neuron: Neuron) -> tuple[int, int]:
    assert neuron.membrane is not None
    return neuron.membrane.lo, neuron.membrane.hi


def _spike_bounds(neuron: Neuron, parameters: dict[str, Integers]) -> list[tuple[int, Integers]]:
    """For each number of spikes k >= 1: k, and the least ``integrated`` that gives it."""
    return [
        (k, parameters["threshold"] + (k - 1) * parameters.get("reset_amount", 0))
        for k in range(1, neuron.spike.count_range.hi + 1)
    ]


def _reset_bounds(
    neuron: Neuron, parameters: dict[str, Integers], low: Integers, high: Integers
) -> tuple[Integers, Integers]:
    """The membrane after a reset in the same step, from the bounds of ``integrated``."""
    if not neuron.fires or neuron.reset == "none" or neuron.reset_delay:
        return low, high
    below = np.minimum(high, parameters["threshold"] - 1)
    quiet = low <= below
    if neuron.reset == "zero":
        fires = high >= parameters["threshold"]
        return (
            np.where(quiet, np.where(fires, np.minimum(low, 0), low), 0),
            np.where(quiet, below, 0),
        )
    new_low, new_high = np.where(quiet, low, np.iinfo(np.int64).max), np.where(quiet, below, np.iinfo(np.int64).min)
    thresholds = _spike_bounds(neuron, parameters)
    for k, least in thresholds:
        most = high if k == len(thresholds) else np.minimum(high, least + parameters["reset_amount"] - 1)
        from_ = np.maximum(low, least)
        fires = from_ <= most
        removed = k * parameters["reset_amount"]
        new_low = np.where(fires, np.minimum(new_low, from_ - removed), new_low)
        new_high = np.where(fires, np.maximum(new_high, most - removed), new_high)
    return new_low, new_high


def _delayed_reset_bounds(
    neuron: Neuron,
    parameters: dict[str, Integers],
    amount: Integers,
    leaked: tuple[Integers, Integers],
    high: Integers,
) -> tuple[Integers, Integers]:
    """The leaked membrane after a pending reset; ``high`` is the greatest membrane before the leak."""
    low_leaked, high_leaked = leaked
    if not neuron.reset_delay:
        return low_leaked, high_leaked
    if neuron.reset == "zero":
        fired = high >= parameters["threshold"]
        low_reset, high_reset = np.where(fired, 0, low_leaked), np.where(fired, 0, high_leaked)
        return np.minimum(low_leaked, low_reset), np.maximum(high_leaked, high_reset)
    for k, least in _spike_bounds(neuron, parameters):
        after = leak_bounds(neuron.leak, amount, least) - k * parameters["reset_amount"]
        low_leaked = np.where(high >= least, np.minimum(low_leaked, after), low_leaked)
    return low_leaked, high_leaked
