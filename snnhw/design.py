"""A design: a model, and how it is built. Everything that is made of a circuit, or compared with it, takes one.

The numbers that a circuit has room for are those of its model, or all that weights which are loaded could make: a layer
whose memory is no ROM takes any weights that its weight bits allow. Of biases nothing is said in a description: there
is room for those as wide as the model's own, and as large as random weights on all inputs make a sum.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import DescriptionError
from snnhw.implementation import Choices, Implementation, LayerImplementation, LayerShape
from snnhw.model import Model, ModelLayer
from snnhw.network import Network, Range
from snnhw.ranges import WIDEST, LayerRanges, layer_ranges, magnitude_bound
from snnhw.wording import no_such, shown

__all__ = ["Design", "DesignLayer"]


@dataclass(frozen=True, eq=False)
class DesignLayer(ModelLayer):
    """A layer with its tensors and how it is built: all that its twins in gateware and timing need."""

    chosen: LayerImplementation
    """Lanes and memory."""
    neuron_major: bool
    """Whether its neurons go through all time steps one after the other."""
    out_lanes: int
    """Event lanes of what takes its events."""
    before: LayerShape | None = None
    """Of the layer whose events it takes; None where the encoder sends them."""
    splits: bool = False
    """Whether its neurons go through all steps one after the other, and yet send their events step by step."""

    def __repr__(self) -> str:
        lanes = f"{self.chosen.synapse_lanes} synapse and {self.chosen.neuron_lanes} neuron lanes"
        return shown(self, *self.shown_parts, lanes, self.chosen.memory)

    @cached_property
    def shape(self) -> LayerShape:
        """The order of its neurons in the circuit."""
        return LayerShape.of(self, self.chosen)

    @cached_property
    def sources(self) -> tuple[int | None, ...]:
        """The input of each address that its events can carry, None where there is none."""
        if self.before is None:
            return tuple(range(self.inputs))
        found: list[int | None] = [None] * self.before.addresses
        for unit in range(self.inputs):
            found[self.before.address(unit)] = unit
        return tuple(found)

    @property
    def current_steps(self) -> int:
        """Time steps of which an event, and so a current, carries values of its own."""
        return 1 if self.constant else self.steps

    @property
    def steps(self) -> int:
        """Time steps that a word of its neurons shows at once."""
        return self.network.num_steps if self.neuron_major else 1

    @property
    def slots(self) -> int:
        """Transfers that a word's currents take: one unit a neuron takes in the steps' one by one, if they differ."""
        return 1 if self.constant or self.chosen.step_lanes > 1 else self.steps

    @cached_property
    def weight_words(self) -> NDArray[np.int64]:
        """Words of weights, ``synapse_lanes`` times ``position_lanes`` each, that an event of an input reads: [inputs].

        0 where there are none to read: without weights, and where windows are visited, whose weights are wired in.
        """
        reads = self.has_weights and self.chosen.visits == "events"
        return self.event_passes * (self.shape.groups if reads else 0)

    @cached_property
    def event_passes(self) -> NDArray[np.int64]:
        """Cycles that an event of each input takes in each group, one where there are no positions: [inputs]."""
        return self.synapse.event_passes(self.in_shape, self.chosen.position_lanes)

    @property
    def loadable(self) -> bool:
        """Whether its weights and biases can be loaded while the circuit runs."""
        return self.chosen.memory != "rom"

    @cached_property
    def bias_range(self) -> Range:
        """The biases that can be loaded: as wide as the model's own, or as a product times the root of the fan-in."""
        if not self.biased:
            return Range(lo=0, hi=0)
        own = Range(lo=min(-1, int(self.bias.min())), hi=max(1, int(self.bias.max()))).width
        fan_in = self.synapse.fan_in(self.in_shape)
        sums = self.synapse.weight_range.width + self.values.width + fan_in.bit_length() // 2
        return Range.of_bits(max(own, sums), signed=True)

    @cached_property
    def built(self) -> LayerRanges:
        """The ranges that the circuit is built for.

        Raises DescriptionError where numbers of weights that are loaded could be too wide to be counted.
        """
        if not self.loadable:
            return self.ranges
        weights, biases, units = self.synapse.weight_range, self.bias_range, np.ones(self.units, np.int64)
        ends = ((weights.lo, biases.lo), (weights.hi, biases.hi))
        fan_in = self.synapse.fan_in(self.in_shape)
        low, high = (units * (fan_in * self.values.hi * weight + bias) for weight, bias in ends)
        steps = self.network.num_steps
        if magnitude_bound(self.neuron, self.parameters, (low, high), steps).bit_length() > WIDEST:
            raise DescriptionError(
                f"layer '{self.name}': with weights that are loaded its numbers may be too wide; give it a membrane "
                "range, or the memory rom"
            )
        return layer_ranges(self.neuron, self.parameters, weights, (low, high), steps)


@dataclass(frozen=True, eq=False)
class Design:
    """A model and its implementation. Raises DescriptionError where they do not fit together."""

    model: Model
    implementation: Implementation

    def __post_init__(self) -> None:
        self.implementation.check(self.network)

    def __repr__(self) -> str:
        return shown(self, *self.network.shown_parts, *self.implementation.shown_parts)

    @classmethod
    def of(cls, model: Model, **choices: Unpack[Choices]) -> Design:
        """A model with these choices, see :meth:`snnhw.implementation.Implementation.of`."""
        return cls(model, Implementation.of(model.network, **choices))

    @property
    def network(self) -> Network:
        """The description."""
        return self.model.network

    @cached_property
    def layers(self) -> tuple[DesignLayer, ...]:
        """The layers, in order."""
        chosen = self.implementation.layers
        lanes = [*(layer.event_lanes for layer in chosen[1:]), 1]
        shapes = [LayerShape.of(*pair) for pair in zip(self.network.layers, chosen, strict=True)]
        before = [None, *shapes[:-1]]
        splits = [not self.neuron_major and layer.step_lanes > 1 for layer in chosen]
        return tuple(
            DesignLayer(
                **{field.name: getattr(layer, field.name) for field in fields(ModelLayer)},
                chosen=chosen[layer.index],
                neuron_major=self.neuron_major or splits[layer.index],
                splits=splits[layer.index],
                out_lanes=lanes[layer.index],
                before=before[layer.index],
            )
            for layer in self.model.layers
        )

    def layer(self, name: str) -> DesignLayer:
        """The layer of that name; raises DescriptionError for a name that there is not."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise DescriptionError(no_such("layer", name, [layer.name for layer in self.layers]))

    @property
    def neuron_major(self) -> bool:
        """Whether neurons go through all time steps one after the other."""
        return self.implementation.schedule == "neuron_major"

    @property
    def steps(self) -> int:
        """Time steps that a word of neurons shows at once."""
        return self.layers[-1].steps

    @property
    def beats(self) -> int:
        """Transfers that carry one sample's pixels."""
        return -(-self.network.inputs // self.implementation.pixels_per_beat)

    @cached_property
    def scores(self) -> Range:
        """What a score of the circuit can be."""
        return self.model.score_range_of(self.layers[-1].built)
