"""A network that can be trained: latent floating-point tensors that are rounded to a model's integers at every use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from golden.encoder import encode
from snnhw.kinds import twin
from snnhw.model import Model
from snnhw.network import INT32, Network, PlacedLayer, Range
from snnhw.train.dropout import NOTHING_DROPPED, Factors, thinned
from snnhw.train.neuron import Activity, Parameters, run_neurons
from snnhw.train.quantise import clamp_latent, integers
from snnhw.train.surrogate import Surrogate

__all__ = ["Outcome", "TrainableLayer", "TrainableNetwork"]

_EXACT = {torch.float32: Range(lo=-(1 << 24), hi=1 << 24), torch.float64: INT32}
"""The integers that a latent number of each format can be rounded to: a model's, where the format holds them."""


def dense(layer: PlacedLayer, tensors: Mapping[str, Tensor], events: Tensor) -> Tensor:
    """The currents [S, B, units] of events [S, B, inputs], exact where the format holds every partial sum.

    ``tensors`` are the integers of ``weight`` and, where there is one, of ``bias``.
    """
    return functional.linear(events, tensors["weight"], tensors.get("bias"))


@dataclass(frozen=True)
class Outcome:
    """What a network made of a batch."""

    scores: Tensor
    """[B, classes]"""
    operations: Tensor
    """The synaptic operations of a sample, on average: an event counts as the most neurons that one reaches, those of
    the encoder not at all. The gradient is that of the values that events carry."""
    activity: Activity | None = None
    """Of the last layer; None where steps are folded away."""

    @property
    def class_spikes(self) -> Tensor:
        """The spikes of each class in each step, [num_steps, B, classes]; of a population all together."""
        assert self.activity is not None
        spikes = torch.stack(self.activity.spikes)
        return spikes.reshape(*spikes.shape[:2], self.scores.shape[1], self.population).sum(dim=3)

    @property
    def population(self) -> int:
        """The neurons of each class."""
        assert self.activity is not None
        return self.activity.spikes[0].shape[1] // self.scores.shape[1]


class TrainableLayer(nn.Module):
    """Synapses, and their neurons where they have any, as latent tensors.

    The synapses' own tensors are in units of the integers that they become. Each other tensor is in units of its buffer
    ``NAME_unit``, so that one learning rate suits biases, thresholds and amounts alike, whatever the size of their
    integers.
    """

    def __init__(self, layer: PlacedLayer) -> None:
        super().__init__()
        self.layer = layer
        self.ranges = layer.synapse.tensor_ranges
        for name in self.ranges:
            self.register_parameter(name, nn.Parameter(torch.zeros(layer.tensor_shapes[name])))
        self.scaled = [name for name in self.names if name not in self.ranges]
        for name in self.scaled:
            self.register_parameter(name, nn.Parameter(torch.zeros(layer.tensor_shapes[name])))
            self.register_buffer(f"{name}_unit", torch.ones(()))

    @property
    def names(self) -> tuple[str, ...]:
        """The model's tensors of this layer, without the layer's name, in the model's order."""
        return tuple(self.layer.tensor_shapes)

    def set_tensor(self, name: str, value: Tensor | float, unit: Tensor | float = 1.0) -> None:
        """Set a tensor to ``value``, in integers, and what it is kept in units of."""
        with torch.no_grad():
            if name in self.scaled:
                self.get_buffer(f"{name}_unit").fill_(unit)
                value = value / self.get_buffer(f"{name}_unit")
            self.get_parameter(name).copy_(torch.as_tensor(value))

    def integer(self, name: str) -> Tensor:
        """The integers of a tensor, in floating point, with the gradient of no rounding."""
        if name in self.ranges:
            return integers(self.get_parameter(name), self.ranges[name])
        latent = self.get_parameter(name) * self.get_buffer(f"{name}_unit")
        return integers(latent, self._limits(name))

    def clamp_latent(self) -> None:
        """Keep the synapses' latent numbers next to the integers that they may be."""
        for name, allowed in self.ranges.items():
            clamp_latent(self.get_parameter(name).data, allowed)

    def parameters_by_name(self) -> Parameters:
        """The neuron's parameters, each one number or as the model's tensor, such as a model may hold together."""
        neuron = self.layer.neuron
        values: Parameters = {}
        for name, value in neuron.parameters.items():
            tensor = neuron.tensor_of(name)
            values[name] = self.integer(tensor) if tensor else float(value)
        amount = values.get("reset_amount")
        if isinstance(amount, Tensor) and neuron.reset_amount is not None:
            most = torch.as_tensor(values["threshold"] - self._least_excess, dtype=amount.dtype)
            if most.ndim and len(most) != len(amount):  # one of a channel's neurons, the other of the channel
                layer = self.layer
                most = most.reshape(layer.channels, -1).amin(1) if len(most) == layer.units else self.of_each(most)
            values["reset_amount"] = torch.minimum(amount, most)
        return values

    def of_each(self, numbers: Tensor) -> Tensor:
        """A number of every neuron, [units], from as many, or from one of every channel."""
        return numbers if len(numbers) == self.layer.units else numbers.repeat_interleave(self.layer.positions)

    def tensors(self) -> dict[str, NDArray[np.int64]]:
        """The integers as they are now, by their names in a model."""
        with torch.no_grad():
            values: dict[str, Tensor | float] = {**self.synapse_tensors()}
            if self.layer.has_neuron:
                values |= self.parameters_by_name()
            return {f"{self.layer.name}.{name}": _to_numpy(values[name]) for name in self.names}

    def synapse_tensors(self) -> dict[str, Tensor]:
        """The integers of the synapses' tensors and of the bias, such as the layer has."""
        names = [*self.ranges, *(["bias"] if self.layer.biased else [])]
        return {name: self.integer(name) for name in names}

    def transmit(self, events: Tensor, tensors: Mapping[str, Tensor] | None = None) -> Tensor:
        """What the synapses make of events [S, B, inputs]: currents, or values of events, [S, B, units].

        ``tensors`` are the layer's own unless told.
        """
        made: Tensor = twin(self.layer.synapse, "training")(
            self.layer, self.synapse_tensors() if tensors is None else tensors, events
        )
        return made

    @property
    def _least_excess(self) -> int:
        """The least that a description allows for the threshold less the reset amount."""
        neuron = self.layer.neuron
        if neuron.spike.kind == "residue":
            return 0
        stored = neuron.reset == "subtract" and not neuron.reset_delay
        return neuron.membrane.lo if neuron.membrane is not None and stored else INT32.lo

    def _limits(self, name: str) -> Range:
        """The integers that a tensor may hold, as far as the format holds them."""
        neuron, exact = self.layer.neuron, _EXACT[self.get_parameter(name).dtype]
        allowed = exact
        if name == "leak_amount":
            allowed = neuron.leak.amount_range
        elif name in ("threshold", "initial") and neuron.membrane is not None:
            allowed = neuron.membrane
        lowest = allowed.lo
        if name == "reset_amount":
            lowest = 0
        elif name == "threshold":
            given = neuron.reset_amount if isinstance(neuron.reset_amount, int) else 1
            lowest = max(1, given + self._least_excess)
        return Range(lo=max(lowest, exact.lo), hi=min(allowed.hi, exact.hi))


class TrainableNetwork(nn.Module):
    """All layers of a network. What it computes is what :class:`golden.network.Golden` computes, in floating point.

    The numbers are exact where the format holds them all; :func:`snnhw.train.evaluate.exact_format` says which does.
    """

    def __init__(self, network: Network, surrogate: Surrogate | None = None) -> None:
        super().__init__()
        self.network = network
        self.surrogate = surrogate or Surrogate()
        self.layers = nn.ModuleList(TrainableLayer(layer) for layer in network.layers)
        self.log_scale = nn.Parameter(torch.zeros(()))
        """The logarithm of what the scores are multiplied by to become logits; in training alone."""

    @classmethod
    def of(cls, model: Model, dtype: torch.dtype) -> TrainableNetwork:
        """A network that holds a model's integers, in a format that does so exactly."""
        network = cls(model.network).to(dtype)
        for layer in network.each_layer():
            for name in layer.names:
                values = torch.from_numpy(model.tensors[f"{layer.layer.name}.{name}"].copy())
                layer.set_tensor(name, values.to(dtype))
        return network

    def each_layer(self) -> Iterator[TrainableLayer]:
        """The layers, in order."""
        for layer in self.layers:
            assert isinstance(layer, TrainableLayer)
            yield layer

    def tensors(self) -> dict[str, NDArray[np.int64]]:
        """The integers as they are now, as :class:`snnhw.model.Model` takes them."""
        return {name: value for layer in self.each_layer() for name, value in layer.tensors().items()}

    def clamp_latent(self) -> None:
        """Keep latent weights next to the integers that they may be; called after each step of the optimiser."""
        for layer in self.each_layer():
            layer.clamp_latent()

    def events(self, samples: Tensor) -> Tensor:
        """The encoder's events [S, B, inputs] of samples uint8 [B, inputs], or [B, num_steps, inputs] if events.

        S is the number of steps, or 1 where the encoder's output is constant.
        """
        dtype = self.log_scale.dtype
        steps = [torch.from_numpy(np.ascontiguousarray(step)) for step in encode(self.network, samples.numpy())]
        return torch.stack(steps).to(dtype)

    def run_layer(self, layer: TrainableLayer, events: Tensor) -> Activity:
        """What a layer makes of events [S, B, inputs]."""
        if not layer.layer.has_neuron:
            values = layer.transmit(events)
            return Activity(spikes=[], values=list(values.unbind()), membrane=None, together=values)
        given = layer.parameters_by_name()
        parameters = {
            name: layer.of_each(number) if isinstance(number, Tensor) else number for name, number in given.items()
        }
        return run_neurons(
            layer.layer.neuron, parameters, layer.transmit(events), self.network.num_steps, self.surrogate
        )

    def forward(self, samples: Tensor) -> Tensor:
        """The scores [B, classes] of samples uint8, as :meth:`events` takes them: integers in floating point."""
        return self.run(samples).scores

    def run(self, samples: Tensor, factors: Factors = NOTHING_DROPPED) -> Outcome:
        """The scores, and what they come of; ``factors`` drop events of layers, see :mod:`snnhw.train.dropout`."""
        events = self.events(samples)
        operations = torch.zeros((), dtype=events.dtype)
        for layer in self.each_layer():
            if layer.layer.index and layer.layer.has_weights:
                reached = layer.layer.synapse.fan_out(layer.layer.in_shape)
                operations = operations + events.sum(dim=(0, 2)).mean() * reached
            activity = self.run_layer(layer, events)
            if activity.values:
                events = thinned(activity.events, layer.layer.name, factors)
        return Outcome(self.scores(activity), operations, activity)

    def scores(self, activity: Activity) -> Tensor:
        """The scores [B, classes] of what the last layer did; first spikes by how many steps precede them."""
        scores: Tensor = twin(self.network.readout, "training")(activity, self.network.classes)
        return scores

    def logits(self, scores: Tensor) -> Tensor:
        """What the cross-entropy is taken of: scores by a learned positive factor, the earliest spike highest."""
        sign = -1.0 if self.network.readout.lowest_wins else 1.0
        return scores * (sign * self.log_scale.exp())


def _to_numpy(values: Tensor | float) -> NDArray[np.int64]:
    assert isinstance(values, Tensor)
    return values.numpy().astype(np.int64)
