"""New weights for a circuit that is built: the image that carries them, and the refusal of models that do not fit.

A layer whose memory is no ROM takes weights and biases; all else of the network is built in.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateware.weights import Contents, pack
from snnhw.design import Design, DesignLayer
from snnhw.errors import DescriptionError, ModelError
from snnhw.kinds import twin
from snnhw.model import Model, ModelLayer

__all__ = ["contents", "image", "layer_contents"]


def contents(design: Design, model: Model | None = None) -> Iterator[Contents]:
    """What stands in each memory that can be loaded, in the order of the image: layer by layer, weights before biases.

    The numbers are those of ``model``, of the design's own unless told.
    """
    for layer, numbers in zip(design.layers, (model or design.model).layers, strict=True):
        if layer.loadable:
            yield from layer_contents(layer, numbers)


def layer_contents(layer: DesignLayer, numbers: ModelLayer) -> Iterator[Contents]:
    """What stands in each memory of a layer that reads weights, whether it can be loaded or not, weights first.

    What memories a layer has its twin in gateware knows.
    """
    yield from twin(layer.synapse, "gateware").contents(layer, numbers)


def image(model: Model, built: Design) -> bytes:
    """The bytes that make the circuit of ``built`` compute ``model``, for its stream ``weights``.

    Raises ModelError, which says in what the models differ, where the circuit cannot compute it, and DescriptionError
    where no layer of it takes weights.
    """
    if not any(layer.loadable for layer in built.layers):
        raise DescriptionError("no layer of this circuit takes new weights: build it with --memory LAYER=ram")
    _check(model, built)
    octets = bytearray()
    for memory in contents(built, model):
        for row in memory.rows:
            octets += pack(row, memory.span.width).to_bytes(memory.segment.octets, "little")
    return bytes(octets)


def _check(model: Model, built: Design) -> None:
    """Raise ModelError where a model differs in more than what can be loaded, or does not fit."""
    if model.network != built.network:
        names = [name for name in type(model.network).model_fields if _of(model, name) != _of(built.model, name)]
        raise ModelError(f"the circuit was built for another network: {', '.join(names)} differ; build it anew")
    for layer, given in zip(built.layers, model.layers, strict=True):
        for kind, tensor in given.tensors.items():
            name = f"{layer.name}.{kind}"
            if layer.loadable and kind == "weight":
                continue  # the description has said how many bits it has
            if layer.loadable and kind == "bias":
                span = layer.bias_range
                if int(tensor.min()) not in span or int(tensor.max()) not in span:
                    raise ModelError(
                        f"tensor '{name}' must lie in {span.lo}..{span.hi}, for which the circuit was built; it "
                        f"reaches {int(tensor.min())} to {int(tensor.max())}"
                    )
            elif not np.array_equal(tensor, layer.tensors[kind]):
                advice = f"build it with --memory {layer.name}=ram" if kind in ("weight", "bias") else "build it anew"
                raise ModelError(f"tensor '{name}' is built into the circuit and differs: {advice}")


def _of(model: Model, field: str) -> object:
    return getattr(model.network, field)
