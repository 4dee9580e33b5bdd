"""New weights for a circuit that is built: the image that carries them, and the refusal of models that do not fit.

A layer whose memory is no ROM takes weights and biases; all else of the network is built in.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateware.weights import Contents, bias_rows, pack, weight_rows
from snnhw.errors import DescriptionError, ModelError
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.widths import Widths, widths

__all__ = ["contents", "image"]


def contents(model: Model, implementation: Implementation, built: Widths) -> Iterator[Contents]:
    """What stands in each memory that can be loaded, in the order of the image: layer by layer, weights before biases.

    A layer has a memory for each of its event lanes, and one of biases where it has any.
    """
    stages = zip(model.network.stages, implementation.layers, implementation.shapes(model.network), strict=True)
    for stage, chosen, shape in stages:
        if chosen.memory == "rom":
            continue
        ranges = built.layers[stage.name]
        for lane in range(chosen.event_lanes):
            rows = weight_rows(model.weight(stage.name).tolist(), shape, chosen.event_lanes, lane)
            yield Contents(rows, ranges.weight)
        if stage.bias:
            yield Contents(bias_rows(model.bias(stage.name).tolist(), shape), ranges.current)


def image(model: Model, built: Model, implementation: Implementation) -> bytes:
    """The bytes that make the circuit built from ``built`` compute ``model``, for its stream ``weights``.

    Raises ModelError, which says in what the models differ, where the circuit cannot compute it, and DescriptionError
    where no layer of it takes weights.
    """
    if all(layer.memory == "rom" for layer in implementation.layers):
        raise DescriptionError("no layer of this circuit takes new weights: build it with --memory LAYER=ram")
    made_for = widths(built, implementation)
    _check(model, built, implementation, made_for)
    octets = bytearray()
    for memory in contents(model, implementation, made_for):
        for row in memory.rows:
            octets += pack(row, memory.span.width).to_bytes(memory.segment.octets, "little")
    return bytes(octets)


def _check(model: Model, built: Model, implementation: Implementation, made_for: Widths) -> None:
    """Raise ModelError where a model differs in more than what can be loaded, or does not fit."""
    if model.network != built.network:
        names = [name for name in type(model.network).model_fields if _of(model, name) != _of(built, name)]
        raise ModelError(f"the circuit was built for another network: {', '.join(names)} differ; build it anew")
    loadable = {
        stage.name
        for stage, chosen in zip(built.network.stages, implementation.layers, strict=True)
        if chosen.memory != "rom"
    }
    for name, tensor in model.tensors.items():
        layer, _, kind = name.rpartition(".")
        if layer in loadable and kind == "weight":
            continue  # the description has said how many bits it has
        if layer in loadable and kind == "bias":
            span = made_for.biases[layer]
            if int(tensor.min()) not in span or int(tensor.max()) not in span:
                raise ModelError(
                    f"tensor '{name}' must lie in {span.lo}..{span.hi}, for which the circuit was built; it reaches "
                    f"{int(tensor.min())} to {int(tensor.max())}"
                )
        elif not np.array_equal(tensor, built.tensors[name]):
            advice = f"build it with --memory {layer}=ram" if kind in ("weight", "bias") else "build it anew"
            raise ModelError(f"tensor '{name}' is built into the circuit and differs: {advice}")


def _of(model: Model, field: str) -> object:
    return getattr(model.network, field)
