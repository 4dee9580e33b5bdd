"""Where training starts: random weights of a size that suits the thresholds, found by running some samples."""

from __future__ import annotations

import logging
import math

import torch
from torch import Tensor

from snnhw.network import PER_CHANNEL, PER_NEURON, PlacedLayer
from snnhw.train.activity import advice, layer_firing
from snnhw.train.network import TrainableLayer, TrainableNetwork
from snnhw.train.neuron import Activity

__all__ = ["initialise"]

LOG = logging.getLogger(__name__)

_SPREAD = 0.3
"""The spread of the weights at the start, as a part of the largest, where no threshold asks for another."""
_LEAST = 0.5
"""The least spread of the weights, in integers: with less, all of them would be rounded to 0."""
_LEAK = {"subtract": 1 / 16, "multiply": 7 / 8}
"""The amount of a leak where each neuron learns its own: of the threshold, and of ``2**bits``."""
_STEP, _TRIES = 2**0.25, 40
"""The factor between two sizes that are tried where neurons fire too little or too much, and the number of them."""


@torch.no_grad()
def initialise(network: TrainableNetwork, samples: Tensor, generator: torch.Generator, gain: float = 0.6) -> None:
    """Set all latent tensors, layer by layer, from the events that ``samples`` cause in the layers before.

    ``samples`` is as :meth:`TrainableNetwork.events` takes it; a few hundred are enough. Biases and initial membranes
    start at 0, and thresholds that are learned where the current makes neurons fire. Where a layer then fires too
    little or too much to start from, its weights are scaled, or its thresholds where they are learned, until it does
    not; where nothing helps, a note says which layer it is and what to change. ``gain`` is the spread of a layer's
    current as a part of its threshold.
    """
    events = network.events(samples)
    for layer in network.each_layer():
        starts = layer.layer.synapse.starts(layer.layer.in_shape)
        for name, number in starts.items():
            layer.set_tensor(name, number)
        shapes = {name: layer.get_parameter(name).shape for name in layer.ranges if name not in starts}
        weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
        has_neuron = layer.layer.has_neuron
        activity = _start(network, layer, events, weights, gain) if has_neuron else network.run_layer(layer, events)
        if activity.values:
            events = activity.events
    network.log_scale.fill_(-math.log(_spread(network.scores(activity))))


def _start(
    network: TrainableNetwork, layer: TrainableLayer, events: Tensor, weights: dict[str, Tensor], gain: float
) -> Activity:
    """Set the tensors of a layer so that its neurons fire, and return what they do on ``events``."""
    unit_current = _spread(layer.transmit(events, {**layer.synapse_tensors(), **weights}))
    sizes = _set_tensors(layer, weights, unit_current, gain, 1.0)
    activity = network.run_layer(layer, events)
    firing = layer_firing(layer.layer, activity)
    if firing is None or firing.start is None:
        return activity
    more = firing.too_little
    for tried in range(1, _TRIES + 1):
        before, sizes = sizes, _set_tensors(layer, weights, unit_current, gain, _STEP ** (tried if more else -tried))
        if sizes == before:
            break
        activity = network.run_layer(layer, events)
        firing = layer_firing(layer.layer, activity)
        assert firing is not None
        if not (firing.too_little if more else firing.too_much):
            break
    if firing.start is not None:
        reason = "no event reaches it: look at the samples, and at the layers before it"
        if bool((events > 0).any()):
            reason = advice(layer.layer, more=firing.too_little)
        LOG.warning("layer '%s' %s: %s", layer.layer.name, firing.start, reason)
    return activity


def _set_tensors(
    layer: TrainableLayer, weights: dict[str, Tensor], unit_current: float, gain: float, drive: float
) -> tuple[float, float]:
    """Set weights and what neurons learn for themselves, so that currents are ``drive`` times the usual.

    ``weights`` are of spread 1, and cause currents of the spread ``unit_current``. Returns the spread of the weights,
    and that of the currents as a part of a threshold that is learned.
    """
    fixed = isinstance(layer.layer.neuron.threshold, int)
    spread = _weight_spread(layer.layer, unit_current, gain, drive)
    for name, weight in weights.items():
        layer.set_tensor(name, weight * spread)
    gain *= 1.0 if fixed else drive
    _set_parameters(layer, spread * unit_current, gain)
    return spread, gain


def _weight_spread(layer: PlacedLayer, unit_current: float, gain: float, drive: float) -> float:
    """The spread of the weights: at first at most half of the largest, with a ``drive`` at most the largest."""
    largest = max(1, layer.synapse.weight_range.hi)
    threshold = layer.neuron.threshold
    wanted = gain * threshold / unit_current if isinstance(threshold, int) else _SPREAD * largest
    usual = min(max(wanted, _LEAST), max(_LEAST, largest / 2))
    return min(max(usual * drive, _LEAST), largest)


def _set_parameters(layer: TrainableLayer, current: float, gain: float) -> None:
    """Start biases at 0 and what neurons learn for themselves at what suits a current of this spread."""
    neuron = layer.layer.neuron
    threshold = float(neuron.threshold) if isinstance(neuron.threshold, int) else max(1.0, round(current / gain))
    amounts = {"threshold": threshold, "reset_amount": threshold, "bias": 0.0, "initial": 0.0}
    if neuron.leak.amount in (PER_NEURON, PER_CHANNEL):
        whole = threshold if neuron.leak.subtracts else 1 << neuron.leak.bits
        amounts["leak_amount"] = _LEAK[neuron.leak.kind] * whole
    for name in layer.scaled:
        unit = max(1.0, amounts[name]) if amounts[name] else max(1.0, current)
        layer.set_tensor(name, amounts[name], unit)


def _spread(values: Tensor) -> float:
    """The standard deviation, at least a small number where nothing varies."""
    return max(float(values.std(correction=0)), 1e-3)
