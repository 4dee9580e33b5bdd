"""How much the layers of a network fire, and what to change where that is too little or too much."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snnhw.network import PlacedLayer
from snnhw.train.network import TrainableNetwork
from snnhw.train.neuron import Activity

__all__ = ["Firing", "advice", "firing_of", "layer_firing"]

_LEAST = 0.2
"""The least `Firing.reached` to start a training from: gradients reach a neuron that hardly ever fires too seldom."""
_MOST = 0.8
"""The most `Firing.full` to start a training from."""
_SILENT = 0.9
"""The `Firing.silent` above which a layer has fallen silent; the last layer may mean a class by it."""
_SATURATED = 0.95
"""The `Firing.full` above which a layer is saturated."""


@dataclass(frozen=True)
class Firing:
    """How much a layer fires over some samples; each number is from 0 to 1."""

    reached: float
    """Part of the samples in which a neuron fires at least once, the mean of all neurons."""
    silent: float
    """Part of the samples in which no neuron of the layer fires."""
    full: float
    """Part of the steps in which a neuron sends the largest value that it can, of those that its refractory time
    leaves it, the mean of all neurons."""

    @property
    def too_little(self) -> bool:
        """Whether a training had better not start from here, because too few neurons fire."""
        return self.reached < _LEAST

    @property
    def too_much(self) -> bool:
        """Whether a training had better not start from here, because neurons fire all the time."""
        return self.full > _MOST

    @property
    def is_silent(self) -> bool:
        """Whether the layer has fallen silent."""
        return self.silent > _SILENT

    @property
    def start(self) -> str | None:
        """What is wrong with a layer that starts like this, in words; None where nothing is."""
        if self.too_little:
            reached, least = f"{100 * self.reached:.1f} %", f"{100 * _LEAST:.0f} %"
            return f"starts with neurons that fire in {reached} of the samples, below {least}"
        if self.too_much:
            return (
                f"starts with neurons that send the most they can at {100 * self.full:.0f} % of the steps, above "
                f"{100 * _MOST:.0f} %"
            )
        return None

    @property
    def fault(self) -> str | None:
        """What is wrong with a layer that fires like this during training, in words; None where nothing is."""
        if self.is_silent:
            return f"is silent in {100 * self.silent:.0f} % of the samples"
        if self.full > _SATURATED:
            return f"is saturated: its neurons send the most they can at {100 * self.full:.0f} % of the steps"
        return None


def layer_firing(layer: PlacedLayer, activity: Activity) -> Firing | None:
    """How much a layer fired; None where it has no neurons, or such as never fire."""
    if not activity.spikes:
        return None
    spikes, values = torch.stack(activity.spikes).detach(), activity.events.detach()
    fires = spikes.amax(dim=0) > 0
    steps, interval = len(spikes), layer.neuron.refractory + 1
    most = -(-steps // interval) / steps
    return Firing(
        reached=_part(fires),
        silent=_part(~fires.any(dim=1)),
        full=_part(values >= layer.out_values.hi) / most,
    )


@torch.no_grad()
def firing_of(network: TrainableNetwork, samples: Tensor) -> dict[PlacedLayer, Firing]:
    """How much each layer that has neurons which fire does so, of samples as `TrainableNetwork.events` takes them."""
    events, found = network.events(samples), {}
    for layer in network.each_layer():
        activity = network.run_layer(layer, events)
        if activity.values:
            events = activity.events
        if (firing := layer_firing(layer.layer, activity)) is not None:
            found[layer.layer] = firing
    return found


def advice(layer: PlacedLayer, *, more: bool) -> str:
    """What to change in a description so that a layer fires more, or less."""
    neuron, network = layer.neuron, layer.network
    change = "lower" if more else "raise"
    steps = [f"{change} its threshold ({neuron.threshold})"] if isinstance(neuron.threshold, int) else []
    if neuron.leak.kind != "none" and more:
        steps.append("weaken its leak")
    if layer.has_weights:
        steps.append(f"give its weights {'more' if more else 'fewer'} bits ({layer.synapse.weight_range.width})")
    for before in [other for other in network.layers[: layer.index] if other.has_neuron][-1:]:
        if more and before.neuron.refractory:
            steps.append(f"shorten the refractory time of layer '{before.name}' ({before.neuron.refractory})")
    return " or ".join(steps) or "change the layer before it"


def _part(which: Tensor) -> float:
    return float(which.float().mean())
