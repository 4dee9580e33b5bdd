"""A trained network: its description, its integer tensors and where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel

from snnhw.errors import ModelError
from snnhw.network import INT32, Network, PlacedLayer, Range
from snnhw.ranges import WIDEST, Bounds, LayerRanges, layer_ranges, magnitude_bound
from snnhw.wording import counted, no_such, shown

if TYPE_CHECKING:
    from snnhw.arrays import ArrayOptions


def tensor_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """The names (``LAYER.NAME``) and shapes of the tensors that a network's model must hold, in order."""
    return {f"{layer.name}.{name}": shape for layer in network.layers for name, shape in layer.tensor_shapes.items()}


@dataclass(frozen=True, eq=False)
class ModelLayer(PlacedLayer):
    """A layer with its tensors: all that its golden twin needs."""

    tensors: Mapping[str, NDArray[np.int64]]
    """By their names within the layer."""

    __repr__ = PlacedLayer.__repr__

    @property
    def weight(self) -> NDArray[np.int64]:
        """The weights, [units, inputs]."""
        return self.tensors["weight"]

    @property
    def bias(self) -> NDArray[np.int64]:
        """The bias of every neuron, [units]; zeros where it has none."""
        return self.of_each(self.tensors.get("bias", np.zeros(self.units, np.int64)))

    def of_each(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number of every neuron, [units], from as many, or from one of every channel."""
        return numbers if len(numbers) == self.units else numbers.repeat(self.positions)

    @cached_property
    def parameters(self) -> dict[str, NDArray[np.int64]]:
        """The neuron's parameters, each as an array [units], in the description's order."""
        values: dict[str, NDArray[np.int64]] = {}
        for name, value in self.neuron.parameters.items():
            tensor = self.neuron.tensor_of(name)
            values[name] = self.of_each(self.tensors[tensor]) if tensor else np.full(self.units, value, np.int64)
        return values

    @property
    def weight_span(self) -> Range:
        """The weights as they are, 0 included; 0 alone where it has none."""
        if "weight" not in self.tensors:
            return Range(lo=0, hi=0)
        return Range(lo=min(0, int(self.weight.min())), hi=max(0, int(self.weight.max())))

    @property
    def current_bounds(self) -> Bounds:
        """The least and the greatest current of each neuron; partial sums lie between."""
        low, high = self.synapse.current_bounds(self.tensors, self.values, self.in_shape)
        return self.bias + low, self.bias + high

    @cached_property
    def ranges(self) -> LayerRanges:
        """What numbers can occur."""
        return layer_ranges(self.neuron, self.parameters, self.weight_span, self.current_bounds, self.network.num_steps)


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
                raise ModelError(no_such("tensor", name, shapes))
        checked = {name: self._checked(name, shape) for name, shape in shapes.items()}
        object.__setattr__(self, "tensors", MappingProxyType(checked))
        object.__setattr__(self, "provenance", MappingProxyType(dict(self.provenance)))
        for layer in self.layers:
            _check_layer(layer)

    def __repr__(self) -> str:
        return shown(self, *self.network.shown_parts, counted(self.provenance))

    def _repr_html_(self) -> str:
        """The table of layers that ``snnhw info`` prints, for a notebook."""
        from snnhw.summary import layer_table, summarise

        return layer_table(summarise(self)).html

    def _checked(self, name: str, shape: tuple[int, ...]) -> NDArray[np.int64]:
        if name not in self.tensors:
            raise ModelError(f"tensor '{name}' is missing; it must be integers of shape {list(shape)}")
        given = np.asarray(self.tensors[name])
        if given.dtype.kind not in "iu":
            raise ModelError(f"tensor '{name}' must hold integers, not {given.dtype}; quantise it first")
        if given.shape != shape:
            turned = "; it is transposed, give its .T" if given.ndim == 2 and given.T.shape == shape else ""
            raise ModelError(f"tensor '{name}' must have shape {list(shape)}, not {list(given.shape)}{turned}")
        if int(given.max()) not in INT32 or int(given.min()) not in INT32:
            raise ModelError(f"tensor '{name}' must lie within 32 bits, it reaches {_extreme(given, INT32)}")
        tensor = given.astype(np.int64)
        tensor.setflags(write=False)
        return tensor

    @cached_property
    def layers(self) -> tuple[ModelLayer, ...]:
        """The layers with their tensors, in order."""
        return tuple(
            ModelLayer(
                **vars(layer), tensors={name: self.tensors[f"{layer.name}.{name}"] for name in layer.tensor_shapes}
            )
            for layer in self.network.layers
        )

    def layer(self, name: str) -> ModelLayer:
        """The layer of that name; raises KeyError for a name that there is not."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(no_such("layer", name, [layer.name for layer in self.layers]))

    @cached_property
    def score_range(self) -> Range:
        """What a score of the readout can be."""
        return self.score_range_of(self.layers[-1].ranges)

    def score_range_of(self, last: LayerRanges) -> Range:
        """What a score can be where the last layer's numbers have these ranges."""
        network, layer = self.network, self.layers[-1]
        counts = Range(lo=0, hi=layer.neuron.spike.count_range.hi * (layer.units // network.classes))
        return network.readout.score_range(last.membrane, counts, network.num_steps)

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
    def from_arrays(weights: Sequence[ArrayLike] | Mapping[str, ArrayLike], **options: Unpack[ArrayOptions]) -> Model:
        """A model from integer or float weights, [out, in] each: see :func:`snnhw.arrays.from_arrays`."""
        from snnhw.arrays import from_arrays

        return from_arrays(weights, **options)

    @staticmethod
    def from_state_dict(state: Mapping[str, Any], **options: Unpack[ArrayOptions]) -> Model:
        """A model from a torch state_dict of Linear layers: see :func:`snnhw.statedict.from_state_dict`."""
        from snnhw.statedict import from_state_dict

        return from_state_dict(state, **options)

    @staticmethod
    def from_ann(module: Any, data: Any, **options: Any) -> Model:
        """A model from a trained torch module with ReLUs: see :func:`snnhw.ann.convert.from_ann`."""
        from snnhw.ann.convert import from_ann

        return from_ann(module, data, **options)


def _check_layer(layer: ModelLayer) -> None:
    """Raise ModelError where a layer's tensors are out of range."""
    for name, allowed in layer.synapse.tensor_ranges.items():
        tensor = layer.tensors[name]
        if int(tensor.max()) not in allowed or int(tensor.min()) not in allowed:
            raise ModelError(
                f"tensor '{layer.name}.{name}' must lie in {allowed.lo}..{allowed.hi} ({allowed.width} bits), it "
                f"reaches {_extreme(tensor, allowed)}"
            )
    if layer.has_neuron:
        _check_neuron(layer)


def _check_neuron(layer: ModelLayer) -> None:
    """Raise ModelError where a neuron's parameters are out of range, or its numbers too wide."""
    neuron, values = layer.neuron, layer.parameters
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
    if neuron.spike.graded and (values["reset_amount"] > values["threshold"]).any():
        raise ModelError(f"{layer.name}.reset_amount must not exceed the threshold where spikes are residues")
    if neuron.membrane is not None and neuron.reset == "subtract" and not neuron.reset_delay:
        least = int((values["threshold"] - values["reset_amount"]).min())
        if least < neuron.membrane.lo:
            raise ModelError(f"{layer.name}: threshold - reset_amount falls below the membrane's range")
    bound = magnitude_bound(neuron, values, layer.current_bounds, layer.network.num_steps)
    if bound.bit_length() > WIDEST:
        raise ModelError(
            f"{layer.name}: its numbers may need {bound.bit_length()} bits, more than {WIDEST}; "
            "give it a membrane range"
        )


_LIMITS = {
    "threshold": Range(lo=1, hi=INT32.hi),
    "reset_amount": Range(lo=0, hi=INT32.hi),
    "initial": INT32,
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
