"""The numbers that a circuit has room for: those of its model, or all that weights which are loaded could make.

A layer whose memory is no ROM takes any weights that its weight bits allow. Of biases nothing is said in a description:
there is room for those as wide as the model's own, and as large as random weights on all inputs make a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from snnhw.errors import DescriptionError
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.network import Range
from snnhw.ranges import LayerRanges, loadable_ranges

__all__ = ["Widths", "widths"]


@dataclass(frozen=True)
class Widths:
    """The ranges that a circuit is built for."""

    layers: Mapping[str, LayerRanges]
    biases: Mapping[str, Range]
    """Of the layers that take new ones; 0 alone where a layer has none."""
    scores: Range


def widths(model: Model, implementation: Implementation) -> Widths:
    """What the circuit of a model is built for: its own numbers, and where weights can be loaded, all that may come.

    Raises DescriptionError where such numbers could be too wide to be counted.
    """
    layers, biases = dict(model.ranges), {}
    for index, (stage, chosen) in enumerate(zip(model.network.stages, implementation.layers, strict=True)):
        if chosen.memory == "rom":
            continue
        inputs = model.network.input_value_range(index)
        fan_in = model.network.fan_in(index)
        biases[stage.name] = _bias_range(model, stage.name, inputs, fan_in)
        found = loadable_ranges(
            stage.neuron,
            model.parameters(stage.name),
            stage.synapse.weight_range,
            biases[stage.name],
            fan_in,
            inputs,
            model.network.num_steps,
        )
        if found is None:
            raise DescriptionError(
                f"layer '{stage.name}': with weights that are loaded its numbers may be too wide; give it a membrane "
                "range, or the memory rom"
            )
        layers[stage.name] = found
    last = model.network.stages[-1].name
    scores = layers[last].membrane if model.network.readout.kind == "membrane" else model.score_range
    return Widths(layers, biases, scores)


def _bias_range(model: Model, layer: str, inputs: Range, fan_in: int) -> Range:
    """As wide as the model's own biases, or as a product of weight and input times the square root of the fan-in."""
    stage = model.stage(layer)
    if not stage.bias:
        return Range(lo=0, hi=0)
    bias = model.bias(layer)
    own = Range(lo=min(-1, int(bias.min())), hi=max(1, int(bias.max()))).width
    return Range.of_bits(max(own, stage.synapse.weight_bits + inputs.width + fan_in.bit_length() // 2), signed=True)
