"""What a model, a network or a dataset is, in numbers: layers, ranges, widths, parameters and a circuit's memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from snnhw.data import Dataset
from snnhw.model import Model, tensor_shapes
from snnhw.network import Layer, Network, Range
from snnhw.semantics import network_semantics, semantics

__all__ = ["summarise", "summarise_dataset", "summarise_network"]

_SPANS = ("weight", "current", "leaked", "unsaturated", "integrated", "membrane")


def summarise(model: Model) -> dict[str, Any]:
    """The summary as plain data for JSON.

    Ranges are those that can occur, from the actual integers; a width is in bits. ``memory_bits`` counts weights and
    biases at the width of their range, and the state of every neuron.
    """
    network = model.network
    layers = [
        {**structure, **_numbers(model, layer)}
        for structure, layer in zip(_structures(network), network.stages, strict=True)
    ]
    memory = {kind: sum(layer["memory_bits"][kind] for layer in layers) for kind in ("weights", "biases", "state")}
    return {
        "digest": model.digest,
        "semantics": semantics(model),
        **_description(network),
        "layers": layers,
        "scores": _span(model.score_range),
        "memory_bits": memory,
        "provenance": dict(model.provenance),
    }


def summarise_network(network: Network) -> dict[str, Any]:
    """The same of a network without weights: None for what depends on them."""
    return {
        "digest": None,
        "semantics": network_semantics(network),
        **_description(network),
        "layers": [
            {**structure, "ranges": None, "saturates": None, "memory_bits": None} for structure in _structures(network)
        ],
        "scores": None,
        "memory_bits": None,
        "provenance": {},
    }


def summarise_dataset(dataset: Dataset) -> dict[str, Any]:
    """The summary as plain data for JSON; ``labels`` counts the images of each, None where they are not known."""
    labels = None
    if dataset.labels is not None:
        values, counts = np.unique(dataset.labels, return_counts=True)
        labels = {str(value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}
    return {
        "name": dataset.name,
        "split": dataset.split,
        "images": len(dataset),
        "shape": list(dataset.images.shape[1:]),
        "labels": labels,
        "notes": list(dataset.notes),
        "digest": dataset.digest,
    }


def _description(network: Network) -> dict[str, Any]:
    """What the description alone tells."""
    shapes = tensor_shapes(network)
    return {
        "network": network.model_dump(mode="json"),
        "inputs": network.inputs,
        "classes": network.classes,
        "num_steps": network.num_steps,
        "tensors": {name: list(shape) for name, shape in shapes.items()},
        "parameters": sum(math.prod(shape) for shape in shapes.values()),
    }


def _structures(network: Network) -> list[dict[str, Any]]:
    """What the description alone tells of each layer."""
    shapes = tensor_shapes(network)
    return [
        {
            "name": layer.name,
            "inputs": network.fan_in(index),
            "units": layer.units,
            "parameters": sum(math.prod(shape) for name, shape in shapes.items() if name.startswith(f"{layer.name}.")),
            "weight_bits": layer.synapse.weight_bits,
        }
        for index, layer in enumerate(network.stages)
    ]


def _numbers(model: Model, layer: Layer) -> dict[str, Any]:
    """What a layer's integers tell."""
    ranges = model.ranges[layer.name]
    bias = model.tensors.get(f"{layer.name}.bias")
    bias_range = None if bias is None else Range(lo=int(bias.min()), hi=int(bias.max()))
    state = layer.neuron.state_fields(ranges.membrane)
    return {
        "ranges": {name: _span(getattr(ranges, name)) for name in _SPANS},
        "saturates": ranges.saturates,
        "memory_bits": {
            "weights": model.weight(layer.name).size * ranges.weight.width,
            "biases": layer.units * bias_range.width if bias_range else 0,
            "state": layer.units * sum(field.range.width for field in state),
        },
    }


def _span(span: Range) -> dict[str, int]:
    return {"lo": span.lo, "hi": span.hi, "width": span.width}
