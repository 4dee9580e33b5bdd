"""The description of a spiking neural network: what is computed, in integers, and nothing of how.

Everything else in the project reads this: the trainer, the golden model, the gateware, the timing model and the
file format. All classes are frozen, validated and hashable; tensors live apart, in :class:`snnhw.model.Model`.
The meaning of every field, with its rounding and its order of operations, is in ``docs/numerics.md``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, ValidationError, model_validator

from snnhw.convolution import Conv2d
from snnhw.encoder import AddressEvents, Bernoulli, Direct, Encoder, Events, IntegrateFire, Latency, Rate
from snnhw.errors import DescriptionError
from snnhw.integers import INT32, PER_CHANNEL, PER_NEURON, Integer, Name, Parameter, Range, Shape, parameter_text
from snnhw.kinds import Frozen, by_kind
from snnhw.neunorm import NeuNormConv2d
from snnhw.neuron import Leak, Neuron, Spike, StateField
from snnhw.pooling import MaxPool2d, SMaxPool2d, SumPool2d
from snnhw.readout import CountReadout, FirstSpikeReadout, MembraneReadout, Readout, VoteReadout
from snnhw.synapse import Dense, Synapse
from snnhw.wording import did_you_mean, quoted, shown, sizes

__all__ = [
    "INT32",
    "PER_CHANNEL",
    "PER_NEURON",
    "STAGES_BESIDE_LAYERS",
    "AddressEvents",
    "Bernoulli",
    "Conv2d",
    "CountReadout",
    "Dense",
    "Direct",
    "Encoder",
    "Events",
    "FirstSpikeReadout",
    "Integer",
    "IntegrateFire",
    "Latency",
    "Layer",
    "Leak",
    "MaxPool2d",
    "MembraneReadout",
    "Name",
    "Network",
    "NeuNormConv2d",
    "Neuron",
    "Parameter",
    "PlacedLayer",
    "Range",
    "Rate",
    "Readout",
    "SMaxPool2d",
    "Shape",
    "Spike",
    "StateField",
    "SumPool2d",
    "Synapse",
    "VoteReadout",
    "first_complaint",
    "parameter_text",
    "parse_network",
]

STAGES_BESIDE_LAYERS = ("encoder", "readout")
"""The stages of every circuit, whose names no layer can have."""


class Layer(Frozen):
    """Synapses and the neurons they end on: events in, events out. ``bias``: a tensor [units] added at every step.

    Synapses that give events have neither: ``neuron`` is None and ``bias`` false.
    """

    name: Name
    synapse: Annotated[SerializeAsAny[Synapse], by_kind(Synapse)]
    bias: bool = True
    neuron: Neuron | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Layer:
        kind = self.synapse.kind
        if self.synapse.gives_currents and self.neuron is None:
            raise ValueError(f"layer '{self.name}' has no neuron, and synapses of kind '{kind}' need one")
        if not self.synapse.gives_currents and "bias" not in self.model_fields_set:
            self.__dict__["bias"] = False  # none is meant where no current can take one
        if not self.synapse.gives_currents and (self.neuron is not None or self.bias):
            surplus = "bias" if self.neuron is None else "neuron"
            raise ValueError(f"layer '{self.name}' takes no {surplus}: its kind '{kind}' gives events, not currents")
        if self.neuron is not None and not self.synapse.channelled:
            for name, sharing in self.neuron.tensor_sharing.items():
                if sharing == PER_CHANNEL:
                    raise ValueError(f"layer '{self.name}' has no channels: make its {name} per_neuron, not {sharing}")
        return self


class Network(Frozen):
    """A sequential network: encoder, layers, readout, over ``num_steps`` time steps. Ties go to the lowest class."""

    input_shape: Annotated[tuple[Annotated[Integer, Field(ge=1)], ...], Field(min_length=1, max_length=3)]
    encoder: Annotated[SerializeAsAny[Encoder], by_kind(Encoder)]
    stages: Annotated[tuple[Layer, ...], Field(min_length=1)]
    readout: Annotated[SerializeAsAny[Readout], by_kind(Readout)]
    num_steps: Integer = Field(ge=1, le=4096)

    @model_validator(mode="after")
    def _fits_together(self) -> Network:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"layer names must differ, '{name}' occurs {names.count(name)} times")
            if name in STAGES_BESIDE_LAYERS:
                raise ValueError(f"a layer cannot be named '{name}': another stage of the circuit is")
        for stage in self.stages[:-1]:
            if stage.neuron is not None and not stage.neuron.fires:
                raise ValueError(f"layer '{stage.name}' never fires, which only the last layer may")
        first, last = self.stages[0], self.stages[-1]
        if last.neuron is None:
            raise ValueError(f"the last layer needs neurons, which '{last.name}' has not")
        if first.neuron is None and self.encoder.once:
            raise ValueError(
                f"encoder '{self.encoder.kind}' sends its events once: the first layer needs neurons, "
                f"which '{first.name}' has not"
            )
        if first.synapse.remembers and self.encoder.once:
            raise ValueError(
                f"encoder '{self.encoder.kind}' sends its events once: the first layer cannot be of kind "
                f"'{first.synapse.kind}', which goes by the events of every step"
            )
        if self.encoder.repeats and not first.synapse.adds_events:
            raise ValueError(
                f"encoder '{self.encoder.kind}' counts beyond 1 and sends several events of an input in a step, which "
                f"layer '{first.name}' of kind '{first.synapse.kind}' does not add up: count with 1 bit"
            )
        if last.neuron.fires == self.readout.reads_membranes:
            wants = "one that never fires (threshold = null)" if last.neuron.fires else "a layer that fires"
            raise ValueError(f"readout '{self.readout.kind}' needs {wants} as the last layer, '{last.name}' is not")
        self.readout.classes_of(self.layers[-1].units)
        return self

    def __repr__(self) -> str:
        return shown(self, *self.shown_parts, f"{self.encoder.kind} encoder", f"{self.readout.kind} readout")

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: sizes, bits and time steps."""
        layers = self.layers
        bits = dict.fromkeys(str(layer.synapse.weight_range.width) for layer in layers if layer.has_weights)
        weights = f"weights of {' and '.join(bits)} bits" if len(bits) <= 2 else "weights of several widths"
        return (sizes([self.inputs, *(layer.units for layer in layers)]), weights, f"{self.num_steps} steps")

    def _repr_html_(self) -> str:
        """The table of layers that ``snnhw info`` prints, for a notebook."""
        from snnhw.summary import layer_table, summarise_network

        return layer_table(summarise_network(self)).html

    @property
    def inputs(self) -> int:
        """The number of inputs, ``input_shape`` flattened row by row."""
        return math.prod(self.input_shape)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample: ``input_shape``, with the time steps in front where the input is events."""
        return (self.num_steps, *self.input_shape) if self.encoder.takes_events else self.input_shape

    @property
    def flat_shape(self) -> tuple[int, ...]:
        """The same with the inputs in a row: [inputs], or [num_steps, inputs]."""
        return (self.num_steps, self.inputs) if self.encoder.takes_events else (self.inputs,)

    def takes(self, shape: Shape) -> bool:
        """Whether a sample of that shape is one of the network's.

        Dimensions of 1 may be missing or too many, and inputs may be flat where the network's are not, or the other way
        round, since they go row by row.
        """
        stepwise = self.encoder.takes_events and shape[:1] == (self.num_steps,)
        return _same_order(shape, self.sample_shape) or (stepwise and _same_order(shape[1:], self.input_shape))

    @property
    def layers(self) -> tuple[PlacedLayer, ...]:
        """The layers where they stand, each with the shapes and values of what goes in and out.

        Raises ValueError where a layer cannot take what the one before gives; of a network that is valid none does.
        """
        placed: list[PlacedLayer] = []
        shape, values = self.input_shape, self.encoder.value_range
        for index, stage in enumerate(self.stages):
            placed.append(PlacedLayer(self, index, stage, shape, values))
            try:
                shape, values = placed[-1].out_shape, placed[-1].out_values
            except ValueError as error:
                raise ValueError(f"layer '{stage.name}': {error}") from error
        return tuple(placed)

    @property
    def classes(self) -> int:
        """The number of scores."""
        return self.readout.classes_of(self.layers[-1].units)

    @property
    def constant_input(self) -> bool:
        """Whether the first layer sums its input once and applies the sum at every step (direct encoding)."""
        return self.encoder.once

    def silent(self, sent: Mapping[str, float]) -> tuple[str, ...]:
        """The layers that can send events, and sent none, by the numbers of events that encoder and layers sent.

        None where the encoder sent nothing: then it is the samples that are dark.
        """
        layers = self.layers if sent["encoder"] else ()
        return tuple(layer.name for layer in layers if layer.sends and not sent[layer.name])

    @property
    def allows_neuron_major(self) -> bool:
        """Whether neurons can go through all time steps one after the other."""
        return self.constant_input and all(layer.has_neuron and layer.synapse.all_steps for layer in self.layers)


def _same_order(one: Shape, other: Shape) -> bool:
    """Whether arrays of two shapes have the same numbers in the same order, as far as shapes tell."""
    first, second = ([size for size in shape if size != 1] for shape in (one, other))
    return first == second or (min(len(first), len(second)) <= 1 and math.prod(first) == math.prod(second))


@dataclass(frozen=True)
class PlacedLayer:
    """A layer where it stands in a network: what comes in, and what goes out."""

    network: Network
    index: int
    layer: Layer
    in_shape: Shape
    values: Range
    """Of the events that come in, 0 (no event) included."""

    def __repr__(self) -> str:
        return shown(self, *self.shown_parts)

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: name, shape and bits."""
        bits = f"weights of {self.synapse.weight_range.width} bits" if self.has_weights else ""
        return (f"'{self.name}'", f"{self.units} x {self.inputs}", bits)

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def synapse(self) -> Synapse:
        """What makes currents, or other events, of events."""
        return self.layer.synapse

    @property
    def has_neuron(self) -> bool:
        """Whether there are neurons that currents go to; without, events go out as the synapses give them."""
        return self.layer.neuron is not None

    @property
    def neuron(self) -> Neuron:
        """What the currents go to; raises ValueError where the layer has none."""
        if self.layer.neuron is None:
            raise ValueError(f"layer '{self.name}' has no neurons")
        return self.layer.neuron

    @property
    def sends(self) -> bool:
        """Whether events can go out: not from neurons that never fire."""
        return not self.has_neuron or self.neuron.fires

    @property
    def biased(self) -> bool:
        """Whether there is a tensor that is added at every step."""
        return self.layer.bias

    @property
    def has_weights(self) -> bool:
        """Whether its synapses have tensors."""
        return bool(self.synapse.tensor_ranges)

    @property
    def inputs(self) -> int:
        """The number of inputs, ``in_shape`` flattened row by row."""
        return math.prod(self.in_shape)

    @property
    def out_shape(self) -> Shape:
        """The shape of what goes out."""
        return self.synapse.out_shape(self.in_shape)

    @property
    def units(self) -> int:
        """The number of neurons, ``out_shape`` flattened row by row."""
        return math.prod(self.out_shape)

    @property
    def channels(self) -> int:
        """The neurons, or outputs, of one position: all of them where there are no channels."""
        return self.out_shape[0] if self.synapse.channelled else self.units

    @property
    def positions(self) -> int:
        """The places where each channel has a neuron, or an output; channels come one after the other in [units]."""
        return self.units // self.channels

    @property
    def out_values(self) -> Range:
        """The values of the events that go out, 0 (no event) included."""
        return self.neuron.spike.value_range if self.has_neuron else self.synapse.out_values(self.values)

    @property
    def kept_values(self) -> Range:
        """The numbers that its synapses keep from step to step; 0 alone where they keep none."""
        return self.synapse.kept_values(self.values, self.in_shape, self.network.num_steps)

    @property
    def constant(self) -> bool:
        """Whether its current is the same at every step, and is computed once (direct encoding)."""
        return self.index == 0 and self.network.constant_input

    @property
    def last(self) -> bool:
        """Whether the readout takes what it does."""
        return self.index == len(self.network.stages) - 1

    def event_lanes(self, visits: Literal["events", "windows"]) -> int:
        """The most events that its circuit can take a cycle where it goes over events, or over windows."""
        before = self.network.stages[self.index - 1].synapse if self.index else None
        return self.synapse.event_lanes(self.in_shape, visits, before)

    @property
    def tensor_shapes(self) -> dict[str, Shape]:
        """The tensors that a model must hold for it, in order: the synapses', ``bias``, and the neuron's.

        A bias is one number a channel, or a neuron where there are no channels; of the neuron's tensors each says
        itself which it is.
        """
        shapes = self.synapse.tensor_shapes(self.in_shape)
        shapes |= {"bias": (self.channels,)} if self.biased else {}
        own = self.neuron.tensor_sharing if self.has_neuron else {}
        return shapes | {
            name: (self.channels if sharing == PER_CHANNEL else self.units,) for name, sharing in own.items()
        }


def parse_network(document: Any, source: str = "description") -> Network:
    """Build a network from plain data (what JSON or TOML gives); ``DescriptionError`` of one line where it fails."""
    try:
        return Network.model_validate(document)
    except ValidationError as error:
        raise DescriptionError(f"{source}: {first_complaint(error)}") from error


def first_complaint(error: ValidationError, *within: str) -> str:
    """The first thing that pydantic found wrong, as one line: where (after ``within``), what must be, what came."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in (*within, *first["loc"]))
    message, value = first["msg"].removeprefix("Value error, "), first["input"]
    given = "" if first["type"] in ("value_error", "missing") else f", not {quoted(value)}"
    if first["type"] == "literal_error":
        given += did_you_mean(value, re.findall(r"'([^']+)'", first["ctx"]["expected"]))
    return f"{where + ': ' if where else ''}{message}{given}"
