"""Layers by themselves: what twins take, without the network that would usually be around."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from numpy.typing import NDArray

from snnhw.design import DesignLayer
from snnhw.implementation import LayerImplementation, LayerShape, MemoryKind
from snnhw.model import ModelLayer
from snnhw.network import CountReadout, Dense, Direct, Events, Layer, MembraneReadout, Network, Neuron, Range

WIDEST_WEIGHT = 16


def dense(
    weight: NDArray[Any],
    bias: NDArray[Any],
    values: Range,
    neuron: Neuron | None = None,
    num_steps: int = 1,
    **tensors: NDArray[Any],
) -> ModelLayer:
    """Synapses with these weights [units, inputs] and biases [units], and neurons; of size nothing is checked."""
    units, inputs = weight.shape
    neuron = neuron or Neuron(threshold=1)
    stage = Layer(name="layer", synapse=Dense(units=units, weight_bits=WIDEST_WEIGHT), neuron=neuron)
    readout = CountReadout() if neuron.fires else MembraneReadout()
    network = Network(input_shape=(inputs,), encoder=Events(), stages=(stage,), readout=readout, num_steps=num_steps)
    return ModelLayer(network, 0, stage, (inputs,), values, {"weight": weight, "bias": bias, **tensors})


def built(
    layer: ModelLayer,
    shape: LayerShape,
    *,
    constant: bool = False,
    event_lanes: int = 1,
    step_lanes: int = 1,
    neuron_major: bool = False,
    memory: MemoryKind = "rom",
) -> DesignLayer:
    """The layer built with these lanes; ``constant``: as if its input were the same at every step."""
    given = {field.name: getattr(layer, field.name) for field in fields(ModelLayer)}
    given["network"] = layer.network.model_copy(update={"encoder": Direct() if constant else Events()})
    chosen = LayerImplementation(
        synapse_lanes=shape.synapse_lanes,
        neuron_lanes=shape.neuron_lanes,
        event_lanes=event_lanes,
        step_lanes=step_lanes,
        memory=memory,
    )
    return DesignLayer(**given, chosen=chosen, neuron_major=neuron_major, out_lanes=1)


def shape_of(units: int, synapse_lanes: int | None = None, neuron_lanes: int | None = None) -> LayerShape:
    """A layer's words; all units at once where nothing else is said."""
    synapse_lanes = synapse_lanes or units
    return LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=neuron_lanes or synapse_lanes)
