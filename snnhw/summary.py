"""What a model or a dataset is, in numbers: for a model layers, ranges, widths, parameters and a circuit's memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from snnhw.data import Dataset
from snnhw.model import Model
from snnhw.network import Layer, Range
from snnhw.semantics import semantics

__all__ = ["summarise", "summarise_dataset"]

_SPANS = ("weight", "current", "leaked", "unsaturated", "integrated", "membrane")


def summarise(model: Model) -> dict[str, Any]:
    """The summary as plain data for JSON.

    Ranges are those that can occur, from the actual integers; a width is in bits. ``memory_bits`` counts weights and
    biases at the width of their range, and the state of every neuron.
    """
    network = model.network
    layers = [_layer(model, index, layer) for index, layer in enumerate(network.stages)]
    return {
        "digest": model.digest,
        "semantics": semantics(model),
        "network": network.model_dump(mode="json"),
        "inputs": network.inputs,
        "classes": network.classes,
        "num_steps": network.num_steps,
        "layers": layers,
        "scores": _span(model.score_range),
        "parameters": sum(layer["parameters"] for layer in layers),
        "memory_bits": {
            kind: sum(layer["memory_bits"][kind] for layer in layers) for kind in ("weights", "biases", "state")
        },
        "provenance": dict(model.provenance),
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
        "digest": dataset.digest,
    }


def _layer(model: Model, index: int, layer: Layer) -> dict[str, Any]:
    ranges = model.ranges[layer.name]
    fan_in = model.network.fan_in(index)
    bias = model.tensors.get(f"{layer.name}.bias")
    bias_range = None if bias is None else Range(lo=int(bias.min()), hi=int(bias.max()))
    own = [tensor.size for name, tensor in model.tensors.items() if name.startswith(f"{layer.name}.")]
    state = layer.neuron.state_fields(ranges.membrane)
    return {
        "name": layer.name,
        "inputs": fan_in,
        "units": layer.units,
        "parameters": sum(own),
        "weight_bits": layer.synapse.weight_bits,
        "ranges": {name: _span(getattr(ranges, name)) for name in _SPANS},
        "saturates": ranges.saturates,
        "memory_bits": {
            "weights": layer.units * fan_in * ranges.weight.width,
            "biases": layer.units * bias_range.width if bias_range else 0,
            "state": layer.units * sum(field.range.width for field in state),
        },
    }


def _span(span: Range) -> dict[str, int]:
    return {"lo": span.lo, "hi": span.hi, "width": span.width}
