"""Where training starts: random weights of a size that suits the thresholds, found by running some samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from snnhw.network import PER_NEURON, PlacedLayer
from snnhw.train.network import TrainableLayer, TrainableNetwork

__all__ = ["initialise"]

_GAIN = 0.6
"""The spread of a layer's current at the start, as a part of its threshold."""
_SPREAD = 0.3
"""The spread of the weights at the start, as a part of the largest, where no threshold asks for another."""
_LEAST = 0.5
"""The least spread of the weights, in integers: with less, all of them would be rounded to 0."""
_LEAK = {"subtract": 1 / 16, "multiply": 7 / 8}
"""The amount of a leak where each neuron learns its own: of the threshold, and of ``2**bits``."""


@torch.no_grad()
def initialise(network: TrainableNetwork, samples: Tensor, generator: torch.Generator) -> None:
    """Set all latent tensors, layer by layer, from the events that ``samples`` cause in the layers before.

    ``samples`` is as :meth:`TrainableNetwork.events` takes it; a few hundred are enough. Biases and initial membranes
    start at 0, and thresholds that are learned where the current makes neurons fire.
    """
    events = network.events(samples)
    for layer in network.each_layer():
        shapes = {name: layer.get_parameter(name).shape for name in layer.ranges}
        weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
        if layer.layer.has_neuron:
            spread, current = _sizes(layer.layer, _spread(layer.transmit(events, weights)))
            for name, weight in weights.items():
                layer.set_tensor(name, weight * spread)
            _set_parameters(layer, current)
        activity = network.run_layer(layer, events)
        if activity.values:
            events = torch.stack(activity.values)
    network.log_scale.fill_(-math.log(_spread(network.scores(activity))))


def _sizes(layer: PlacedLayer, unit_current: float) -> tuple[float, float]:
    """The spread of the weights, and of the currents, from that of the currents which weights of spread 1 cause."""
    largest = max(1, layer.synapse.weight_range.hi)
    threshold = layer.neuron.threshold
    wanted = _GAIN * threshold / unit_current if isinstance(threshold, int) else _SPREAD * largest
    spread = min(max(wanted, _LEAST), max(_LEAST, largest / 2))
    return spread, spread * unit_current


def _set_parameters(layer: TrainableLayer, current: float) -> None:
    """Start biases at 0 and what neurons learn for themselves at what suits a current of this spread."""
    neuron = layer.layer.neuron
    threshold = float(neuron.threshold) if isinstance(neuron.threshold, int) else max(1.0, round(current / _GAIN))
    amounts = {"threshold": threshold, "reset_amount": threshold, "bias": 0.0, "initial": 0.0}
    if neuron.leak.amount == PER_NEURON:
        whole = threshold if neuron.leak.subtracts else 1 << neuron.leak.bits
        amounts["leak_amount"] = _LEAK[neuron.leak.kind] * whole
    for name in layer.scaled:
        unit = max(1.0, amounts[name]) if amounts[name] else max(1.0, current)
        layer.set_tensor(name, amounts[name], unit)


def _spread(values: Tensor) -> float:
    """The standard deviation, at least a small number where nothing varies."""
    return max(float(values.std(correction=0)), 1e-3)
