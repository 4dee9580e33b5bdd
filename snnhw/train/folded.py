"""A network with its time steps folded away: layers send counts of spikes, in one pass instead of one a step.

A layer of neurons that only integrate, fire and subtract their threshold sends, over all steps together, about
``clip(floor(total / threshold), 0, num_steps)`` spikes, ``total`` being the sum of its currents. A network of such
layers is trained on these counts in one pass, with batch normalisation of the totals, which costs about a
``num_steps``-th of training through time. Then the normalisation is folded into a threshold and a bias of each channel,
and what is left is a spiking network. The counts are exact for a first layer whose current is the same at every step,
and where there is one step; later layers see spikes in an order that counts know nothing of, which some epochs of
training through time make good.

In one step neurons may send bursts, ``clip(floor(total / threshold), 0, bound)`` spikes: then what is trained is an
artificial network with quantised and clipped activations (Bu et al. 2022, ICLR), and the spiking network is the same
function.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from snnhw.errors import DescriptionError
from snnhw.kinds import twin
from snnhw.network import PER_CHANNEL, PER_NEURON, Network, PlacedLayer
from snnhw.train.dropout import NOTHING_DROPPED, Factors, thinned
from snnhw.train.network import Outcome, TrainableNetwork
from snnhw.train.quantise import clamp_latent, integers

__all__ = ["FoldedNetwork", "check_counted", "check_foldable"]

_MOMENTUM, _EPSILON = 0.1, 1e-5
_GAIN = 0.8
"""The spread of a layer's counts at the start, as a part of half of the most that a neuron can send."""


def check_foldable(network: Network) -> None:
    """Raise DescriptionError, which names the layer, where a network cannot be trained with its steps folded."""
    check_counted(network)
    for layer in network.layers:
        if not layer.has_neuron or not layer.neuron.fires:
            continue
        neuron = layer.neuron
        learned = neuron.threshold in (PER_NEURON, PER_CHANNEL) and layer.biased and neuron.initial == 0
        if not (learned and (neuron.spike.kind == "binary" or network.num_steps == 1)):
            raise DescriptionError(
                f"steps cannot be folded: layer '{layer.name}' needs binary spikes (in one step also bursts), biases, "
                'thresholds "per_channel" (or "per_neuron"), and to start at 0'
            )


def check_counted(network: Network) -> None:
    """Raise DescriptionError, which names the layer, where counts over all steps stand for nothing in a network."""
    if network.encoder.takes_events:
        raise DescriptionError("steps cannot be folded where the input is events")
    if not network.readout.reads_membranes:
        raise DescriptionError(f"steps cannot be folded with the readout '{network.readout.kind}': it needs membrane")
    for layer in network.layers:
        if not layer.has_neuron:
            continue
        neuron = layer.neuron
        if neuron.leak.kind != "none" or neuron.refractory or neuron.membrane is not None:
            raise DescriptionError(
                f"steps cannot be folded: neurons of layer '{layer.name}' must not leak, saturate or be refractory"
            )
        plain = neuron.reset == "subtract" and neuron.reset_amount is None and not neuron.reset_delay
        if neuron.fires and (neuron.spike.kind == "residue" or not plain):
            raise DescriptionError(
                f"steps cannot be folded: layer '{layer.name}' needs spikes that are binary or bursts, and a reset "
                "that subtracts the threshold at once"
            )


class FoldedLayer(nn.Module):
    """Synapses and, where neurons fire, the normalisation of what reaches them; else a bias.

    The weights are latent, in units of the integers that they become.
    """

    def __init__(self, layer: PlacedLayer) -> None:
        super().__init__()
        self.layer = layer
        self.steps = layer.network.num_steps
        self.ranges = layer.synapse.tensor_ranges
        for name in self.ranges:
            self.register_parameter(name, nn.Parameter(torch.zeros(layer.tensor_shapes[name])))
        self.normalised = layer.has_neuron and layer.neuron.fires
        if self.normalised:
            self.most = self.steps * layer.neuron.spike.count_range.hi
            channels = layer.channels if layer.neuron.threshold == PER_CHANNEL else layer.units
            self.gain = nn.Parameter(torch.ones(channels))
            self.offset = nn.Parameter(torch.zeros(channels))
            self.register_buffer("mean", torch.zeros(channels))
            self.register_buffer("variance", torch.ones(channels))
        elif layer.has_neuron and layer.biased:
            self.bias = nn.Parameter(torch.zeros(layer.channels))

    def forward(self, counts: Tensor) -> Tensor:
        """The counts of a step's worth of all steps [1, B, units], or the totals where no neuron fires."""
        tensors = {name: integers(self.get_parameter(name), span) for name, span in self.ranges.items()}
        total: Tensor = twin(self.layer.synapse, "training")(self.layer, tensors, counts)
        if self.normalised:
            channels = len(self.gain)
            by_channel = total.reshape(total.shape[1], channels, -1)
            normal = functional.batch_norm(
                by_channel,
                self.get_buffer("mean"),
                self.get_buffer("variance"),
                self.gain.abs(),
                self.offset,
                self.training,
                _MOMENTUM,
                _EPSILON,
            )
            counted: Tensor = _Count.apply(normal, self.most)  # type: ignore[no-untyped-call]
            return counted.reshape(total.shape)
        if self.layer.has_neuron and self.layer.biased:
            return total + self.steps * self.bias
        return total

    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """The layer's tensors as they would be, weights latent, the others in integers that are not rounded yet.

        A neuron sends floor(gain * (total - mean) / deviation + offset) spikes: its threshold is deviation / gain, and
        what each step adds beside the current is (threshold * offset - mean) / steps.
        """
        found = {name: self.get_parameter(name).detach().clone() for name in self.ranges}
        if self.normalised:
            threshold = (self.get_buffer("variance") + _EPSILON).sqrt() / self.gain.abs().clamp(min=1e-6)
            threshold = threshold.clamp(1, 1 << 20)
            bias = (threshold * self.offset - self.get_buffer("mean")) / self.steps
            found |= {"threshold": threshold, "bias": bias}
        elif self.layer.has_neuron and self.layer.biased:
            found["bias"] = self.bias.detach().clone()
        return found


class FoldedNetwork(nn.Module):
    """All layers of a network whose steps can be folded; raises DescriptionError for another."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        check_foldable(network)
        self.network = network
        self.layers = nn.ModuleList(FoldedLayer(layer) for layer in network.layers)
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.encoder = TrainableNetwork(network).events

    def each_layer(self) -> list[FoldedLayer]:
        """The layers, in order."""
        return [layer for layer in self.layers if isinstance(layer, FoldedLayer)]

    def initialise(self, samples: Tensor, generator: torch.Generator) -> None:
        """Random weights, and logits of spread 1 on these samples, as `TrainableNetwork.events` takes them."""
        with torch.no_grad():
            for layer in self.each_layer():
                for name, span in layer.ranges.items():
                    weight = layer.get_parameter(name)
                    weight.copy_(
                        torch.randn(weight.shape, generator=generator) * max(0.5, 0.3 * max(-span.lo, span.hi))
                    )
                if layer.normalised:
                    layer.gain.fill_(max(1.0, _GAIN * layer.most / 2))
            self.train()
            spread = float(self(samples).std(correction=0))
            self.log_scale.fill_(-float(np.log(max(spread, 1e-3))))

    def forward(self, samples: Tensor) -> Tensor:
        """The scores [B, classes] that the counts make."""
        return self.run(samples).scores

    def run(self, samples: Tensor, factors: Factors = NOTHING_DROPPED) -> Outcome:
        """The scores, and the synaptic operations, as `TrainableNetwork.run`; ``factors`` drop whole counts."""
        network = self.network
        events = self.encoder(samples)
        counts = events.sum(dim=0, keepdim=True) * (network.num_steps if network.constant_input else 1)
        operations = torch.zeros(())
        for index, layer in enumerate(self.each_layer()):
            if index and layer.layer.has_weights:
                operations = operations + counts.sum(dim=2).mean() * layer.layer.synapse.fan_out(layer.layer.in_shape)
            counts = thinned(layer(counts), layer.layer.name, factors)
        return Outcome(counts[0], operations)

    def logits(self, scores: Tensor) -> Tensor:
        """What the cross-entropy is taken of."""
        return scores * self.log_scale.exp()

    def clamp_latent(self) -> None:
        """Keep latent weights next to the integers that they may be; called after each step of the optimiser."""
        for layer in self.each_layer():
            for name, allowed in layer.ranges.items():
                clamp_latent(layer.get_parameter(name).data, allowed)

    def unfolded(self, **options: Any) -> TrainableNetwork:
        """The spiking network that these counts stand for; ``options`` are those of `TrainableNetwork`."""
        network = TrainableNetwork(self.network, **options)
        for folded, layer in zip(self.each_layer(), network.each_layer(), strict=True):
            for name, value in folded.tensors().items():
                unit = float(value.abs().mean().clamp(min=1.0)) if name in layer.scaled else 1.0
                layer.set_tensor(name, value, unit)
        with torch.no_grad():
            network.log_scale.copy_(self.log_scale)
        return network

    def tensors(self) -> dict[str, NDArray[np.int64]]:
        """The integers as they are now, as :class:`snnhw.model.Model` takes them."""
        return self.unfolded().tensors()


class _Count(torch.autograd.Function):
    """``clip(floor(x), 0, most)``; the gradient is passed on where x lies within half a count of that range."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, most: int) -> Tensor:
        ctx.save_for_backward((value > -0.5) & (value < most + 1.5))
        return value.floor().clamp_(0, most)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (inside,) = ctx.saved_tensors
        return gradients[0] * inside, None
