"""A trained network: its description, its integer tensors and where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel

from snnhw.errors import ModelError
from snnhw.network import Layer, Network, Range
from snnhw.ranges import WIDEST, LayerRanges, layer_ranges, magnitude_bound

_INT32 = Range.of_bits(32, signed=True)


def tensor_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the tensors that a network's model must hold, in order.

    ``LAYER.weight`` [units, inputs], ``LAYER.bias`` [units], and [units] for each ``per_neuron`` parameter.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for index, layer in enumerate(network.stages):
        shapes[f"{layer.name}.weight"] = (layer.units, network.fan_in(index))
        if layer.bias:
            shapes[f"{layer.name}.bias"] = (layer.units,)
        for parameter in layer.neuron.parameters:
            if tensor := layer.neuron.tensor_of(parameter):
                shapes[f"{layer.name}.{tensor}"] = (layer.units,)
    return shapes


@dataclass(frozen=True, eq=False)
class Model:
    """A description with its tensors (read-only, int64) and provenance; checked when it is made.

    Raises ModelError where a tensor is missing, unknown, of another shape or kind, or out of range.
    """

    network: Network
    tensors: Mapping[str, NDArray[np.int64]]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = tensor_shapes(self.network)
        for name in self.tensors:
            if name not in shapes:
                raise ModelError(f"tensor '{name}' is unknown to the description; it asks for {', '.join(shapes)}")
        checked = {name: self._checked(name, shape) for name, shape in shapes.items()}
        object.__setattr__(self, "tensors", MappingProxyType(checked))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))
        for index, layer in enumerate(self.network.stages):
            self._check_layer(layer, self.network.input_value_range(index))

    def _checked(self, name: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
        if name not in self.tensors:
            raise ModelError(f"tensor '{name}' is missing; it must be integers of shape {list(shape)}")
        given = np.asarray(self.tensors[name])
        if given.dtype.kind not in "iu":
            raise ModelError(f"tensor '{name}' must hold integers, not {given.dtype}; quantise it first")
        if given.shape != shape:
            raise ModelError(f"tensor '{name}' must have shape {list(shape)}, not {list(given.shape)}")
        if int(given.max()) not in _INT32 or int(given.min()) not in _INT32:
            raise ModelError(f"tensor '{name}' must lie within 32 bits, it reaches {_extreme(given, _INT32)}")
        tensor = given.astype(np.int64)
        tensor.setflags(write=False)
        return tensor

    def _check_layer(self, layer: Layer, inputs: Range) -> None:
        weight, allowed = self.weight(layer.name), layer.synapse.weight_range
        if int(weight.max()) not in allowed or int(weight.min()) not in allowed:
            raise ModelError(
                f"tensor '{layer.name}.weight' must lie in {allowed.lo}..{allowed.hi} ({layer.synapse.weight_bits} "
                f"bits), it reaches {_extreme(weight, allowed)}"
            )
        neuron, values = layer.neuron, self.parameters(layer.name)
        for name, value in values.items():
            limits = neuron.leak.amount_range if name == "leak_amount" else _LIMITS[name]
            if int(value.min()) not in limits or int(value.max()) not in limits:
                raise ModelError(
                    f"{layer.name}.{name} must lie in {limits.lo}..{limits.hi}, it reaches {_extreme(value, limits)}"
                )
            kept = neuron.membrane if name in ("threshold", "initial") else None
            if kept is not None and not (int(value.min()) in kept and int(value.max()) in kept):
                extreme = f"{layer.name}.{name} {_extreme(value, kept)}"
                raise ModelError(f"{extreme} does not fit the membrane's range {kept.lo}..{kept.hi}")
        if neuron.spike.kind == "residue" and (values["reset_amount"] > values["threshold"]).any():
            raise ModelError(f"{layer.name}.reset_amount must not exceed the threshold where spikes are residues")
        if neuron.membrane is not None and neuron.reset == "subtract" and not neuron.reset_delay:
            least = int((values["threshold"] - values["reset_amount"]).min())
            if least < neuron.membrane.lo:
                raise ModelError(f"{layer.name}: threshold - reset_amount falls below the membrane's range")
        bound = magnitude_bound(neuron, values, weight, self.bias(layer.name), inputs, self.network.num_steps)
        if bound.bit_length() > WIDEST:
            raise ModelError(
                f"{layer.name}: its numbers may need {bound.bit_length()} bits, more than {WIDEST}; "
                "give it a membrane range"
            )

    def weight(self, layer: str) -> NDArray[np.int64]:
        """The weights of a layer, [units, inputs]."""
        return self.tensors[f"{layer}.weight"]

    def bias(self, layer: str) -> NDArray[np.int64]:
        """The biases of a layer, [units]; zeros where it has none."""
        weight = self.weight(layer)
        return self.tensors.get(f"{layer}.bias", np.zeros(weight.shape[0], np.int64))

    def parameters(self, layer: str) -> dict[str, NDArray[np.int64]]:
        """The neuron's parameters of a layer, each as an array [units], in the description's order."""
        stage = self.stage(layer)
        values: dict[str, NDArray[np.int64]] = {}
        for name, value in stage.neuron.parameters.items():
            tensor = stage.neuron.tensor_of(name)
            values[name] = self.tensors[f"{layer}.{tensor}"] if tensor else np.full(stage.units, value, np.int64)
        return values

    def stage(self, name: str) -> Layer:
        """The layer of that name."""
        for layer in self.network.stages:
            if layer.name == name:
                return layer
        raise KeyError(f"no layer '{name}'; there are {', '.join(layer.name for layer in self.network.stages)}")

    @cached_property
    def ranges(self) -> dict[str, LayerRanges]:
        """What numbers can occur, by layer."""
        return {
            layer.name: layer_ranges(
                layer.neuron,
                self.parameters(layer.name),
                self.weight(layer.name),
                self.bias(layer.name),
                self.network.input_value_range(index),
                self.network.num_steps,
            )
            for index, layer in enumerate(self.network.stages)
        }

    @cached_property
    def score_range(self) -> Range:
        """What a score of the readout can be."""
        network, last = self.network, self.network.stages[-1]
        if network.readout.kind == "membrane":
            return self.ranges[last.name].membrane
        if network.readout.kind == "first_spike":
            return Range(lo=0, hi=network.num_steps)
        return Range(lo=0, hi=network.num_steps * last.neuron.spike.count_range.hi * (last.units // network.classes))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the canonical description and the tensors (as little-endian int64), not the provenance.

        A field at its default is left out, so that a field which a later version adds changes no digest.
        """
        sha = hashlib.sha256()
        sha.update(json.dumps(_canonical(self.network), sort_keys=True, separators=(",", ":")).encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            sha.update(f"\0{name}{list(tensor.shape)}".encode())
            sha.update(tensor.astype("<i8").tobytes())
        return sha.hexdigest()

    @classmethod
    def from_tensors(
        cls, network: Network, tensors: Mapping[str, ArrayLike], provenance: Mapping[str, Any] | None = None
    ) -> Model:
        """A model from anything array-like that holds integers."""
        return cls(network, {name: np.asarray(value) for name, value in tensors.items()}, provenance or {})

    @staticmethod
    def from_arrays(weights: Sequence[ArrayLike] | Mapping[str, ArrayLike], **options: Any) -> Model:
        """A model from integer or float weights, [out, in] each: see :func:`snnhw.arrays.from_arrays`."""
        from snnhw.arrays import from_arrays

        return from_arrays(weights, **options)

    @staticmethod
    def from_state_dict(state: Mapping[str, Any], **options: Any) -> Model:
        """A model from a torch state_dict of Linear layers: see :func:`snnhw.statedict.from_state_dict`."""
        from snnhw.statedict import from_state_dict

        return from_state_dict(state, **options)


_LIMITS = {
    "threshold": Range(lo=1, hi=_INT32.hi),
    "reset_amount": Range(lo=0, hi=_INT32.hi),
    "initial": _INT32,
}


def _extreme(values: NDArray[np.integer[Any]], allowed: Range) -> int:
    """The value that is farthest outside of what is allowed."""
    low, high = int(values.min()), int(values.max())
    return low if allowed.lo - low > high - allowed.hi else high


def _canonical(part: Any) -> Any:
    """A description as plain data: the fields that differ from their defaults, and every ``kind``."""
    if isinstance(part, BaseModel):
        fields = type(part).model_fields
        values = {name: getattr(part, name) for name in fields}
        return {k: _canonical(v) for k, v in values.items() if k == "kind" or v != fields[k].get_default()}
    return [_canonical(item) for item in part] if isinstance(part, tuple) else part
