"""What a model, a network or a dataset is, in numbers: layers, ranges, widths, parameters and a circuit's memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data import Dataset, EventDataset
from snnhw.model import Model, ModelLayer, tensor_shapes
from snnhw.network import Network, PlacedLayer, Range
from snnhw.semantics import network_semantics, semantics
from snnhw.shipped import SHIPPED
from snnhw.subject import load_subject, preset_summary
from snnhw.tables import Table

__all__ = [
    "layer_table",
    "summarise",
    "summarise_dataset",
    "summarise_events",
    "summarise_network",
    "summarise_shipped",
]

_COLUMNS = ("current", "integrated", "membrane")
_SPANS = ("weight", "current", "leaked", "unsaturated", "integrated", "membrane")


def summarise(model: Model) -> dict[str, Any]:
    """The summary as plain data for JSON.

    Ranges are those that can occur, from the actual integers; a width is in bits. ``memory_bits`` counts weights and
    biases at the width of their range, and the state of every neuron.
    """
    network = model.network
    layers = [{**_structure(layer), **_numbers(layer)} for layer in model.layers]
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
            {**_structure(layer), "ranges": None, "saturates": None, "memory_bits": None} for layer in network.layers
        ],
        "scores": None,
        "memory_bits": None,
        "provenance": {},
    }


def layer_table(record: dict[str, Any]) -> Table:
    """The layers of a summary for people: shape, bits and ranges of each."""
    rows = []
    for layer in record["layers"]:
        cells = [f"{layer['weight_bits']} bits"] + ["unknown"] * (len(_COLUMNS) + 1)
        if layer["ranges"] is not None:
            cells = [_span_text(layer["ranges"][name]) for name in ("weight", *_COLUMNS)]
            cells.append("yes" if layer["saturates"] else "no")
        rows.append((layer["name"], f"{layer['units']} x {layer['inputs']}", *cells))
    return Table(tuple(rows), ("layer", "shape", "weights", *_COLUMNS, "saturates"), right=("shape",))


def _span_text(span: dict[str, int]) -> str:
    return f"{span['lo']}..{span['hi']} ({span['width']} bits)"


def summarise_shipped() -> list[dict[str, Any]]:
    """The models that ship as plain data for JSON: ``accuracy`` is what was counted of the test images."""
    return [
        {
            "name": name,
            "kind": str(kind),
            "summary": preset_summary(name),
            "accuracy": {part: load_subject(name).provenance["accuracy"][part] for part in ("correct", "total")},
        }
        for name, kind in SHIPPED.items()
    ]


def summarise_dataset(dataset: Dataset) -> dict[str, Any]:
    """The summary as plain data for JSON; ``labels`` counts the images of each, None where they are not known."""
    return {
        "name": dataset.name,
        "split": dataset.split,
        "images": len(dataset),
        "shape": list(dataset.images.shape[1:]),
        "labels": None if dataset.labels is None else _counted(dataset.labels),
        "notes": list(dataset.notes),
        "digest": dataset.digest,
    }


def summarise_events(dataset: EventDataset) -> dict[str, Any]:
    """The same of a set of events, of which the shape is the sensor's; without a digest, which is that of frames."""
    return {
        "name": dataset.name,
        "split": dataset.split,
        "images": len(dataset),
        "shape": list(dataset.shape),
        "labels": _counted(dataset.labels),
        "notes": list(dataset.notes),
        "digest": None,
    }


def _counted(labels: NDArray[np.int64]) -> dict[str, int]:
    """How many samples have each label."""
    values, counts = np.unique(labels, return_counts=True)
    return {str(value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}


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


def _structure(layer: PlacedLayer) -> dict[str, Any]:
    """What the description alone tells of a layer."""
    return {
        "name": layer.name,
        "inputs": layer.inputs,
        "units": layer.units,
        "parameters": sum(math.prod(shape) for shape in layer.tensor_shapes.values()),
        "weight_bits": layer.synapse.weight_range.width if layer.has_weights else None,
    }


def _numbers(layer: ModelLayer) -> dict[str, Any]:
    """What a layer's integers tell."""
    if not layer.has_neuron:
        return {"ranges": None, "saturates": None, "memory_bits": {"weights": 0, "biases": 0, "state": 0}}
    ranges, bias = layer.ranges, layer.bias
    bias_range = Range(lo=int(bias.min()), hi=int(bias.max())) if layer.biased else None
    state = layer.neuron.state_fields(ranges.membrane)
    return {
        "ranges": {name: _span(getattr(ranges, name)) for name in _SPANS},
        "saturates": ranges.saturates,
        "memory_bits": {
            "weights": layer.weight.size * ranges.weight.width + _others(layer),
            "biases": layer.units * bias_range.width if bias_range else 0,
            "state": layer.units * sum(field.range.width for field in state),
        },
    }


def _others(layer: ModelLayer) -> int:
    """Bits of what synapses have beside weights, at the width that the description gives them."""
    spans = {name: span for name, span in layer.synapse.tensor_ranges.items() if name != "weight"}
    return sum(layer.tensors[name].size * span.width for name, span in spans.items())


def _span(span: Range) -> dict[str, int]:
    return {"lo": span.lo, "hi": span.hi, "width": span.width}
