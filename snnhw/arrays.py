"""Anybody's weights become a model: integer arrays as they are, floats quantised.

>>> import numpy as np
>>> from snnhw.model import Model
>>> rng = np.random.default_rng(1)
>>> weights = [rng.normal(size=(128, 784)), rng.normal(size=(10, 128))]
>>> model = Model.from_arrays(weights, thresholds=1.0, betas=0.75, num_steps=4, weight_bits=4)
>>> [layer.name for layer in model.network.stages]
['hidden', 'output']
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from snnhw.arraynumbers import are_floats, check_inputs, layer_numbers, named_weights
from snnhw.arrayoptions import EVERYWHERE, WHERE_IT_FIRES, ArrayOptions, by_layer, checked_options
from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    Dense,
    Encoder,
    Layer,
    Leak,
    Network,
    Neuron,
    Parameter,
    first_complaint,
)
from snnhw.quantise import (
    MOST_BETA_BITS,
    BetaError,
    LayerNumbers,
    coarse_numbers,
    fires_at,
    quantised,
    with_leak_of_beta,
)

__all__ = ["ArrayOptions", "from_arrays"]

LOG = logging.getLogger(__name__)
"""Says what was assumed of a network that comes from elsewhere, and what became less exact."""

_FINE_STEPS = "more weight_bits or per_row=True make its steps finer"

Array = NDArray[Any]


def from_arrays(weights: Sequence[ArrayLike] | Mapping[str, ArrayLike], **options: Unpack[ArrayOptions]) -> Model:
    """Build a model, its description included, from ``weights`` ([out, in] each, in order or by name).

    All integers: taken as they are. All floats: quantised, see :mod:`snnhw.quantise`; the scales are kept in the
    provenance as ``scales``. Betas that are not exact are logged, and kept there as ``betas``. ``options`` are
    those of :class:`ArrayOptions`. Raises ModelError or DescriptionError, one line each, and TypeError for an option
    that is not there.
    """
    named = named_weights(weights)
    chosen = checked_options(options)
    is_float = are_floats(named)
    check_inputs(named, chosen["input_shape"])
    layers = _layers(named, chosen)
    origin = dict(chosen.get("provenance") or {})
    if is_float:
        layers, scales = _all_quantised(layers, chosen)
        origin["scales"] = scales
    elif chosen["comparator"] == ">":
        layers = [fires_at(layer) for layer in layers]
    layers, errors = _all_leaking(layers, chosen)
    if errors:
        origin["betas"] = {name: asdict(error) for name, error in errors.items()}
        LOG.warning("%s", beta_note(errors))
    shape = tuple(chosen.get("input_shape") or (int(layers[0].weight.shape[1]),))
    return _model(layers, shape, chosen, origin)


def _layers(named: Mapping[str, Array], chosen: Mapping[str, Any]) -> list[LayerNumbers]:
    """The layers in the units they were given in."""
    names = list(named)
    firing = names[:-1] if chosen["readout"].reads_membranes else names
    values = {option: by_layer(option, chosen.get(option), names, names) for option in EVERYWHERE}
    values |= {option: by_layer(option, chosen.get(option), names, firing) for option in WHERE_IT_FIRES}
    layers = []
    for name, weight in named.items():
        options = {option: value.get(name) for option, value in values.items()}
        layers.append(layer_numbers(name, weight, options, name in firing, chosen["comparator"]))
    return layers


def _all_quantised(layers: list[LayerNumbers], chosen: Mapping[str, Any]) -> tuple[list[LayerNumbers], dict[str, Any]]:
    """The layers in integers, and their scales by name."""
    values: Array = np.asarray(_input_scale(chosen["encoder"], chosen.get("input_scale")))
    integers, scales = [], {}
    for layer in layers:
        rows = chosen["per_row"] and layer.threshold is not None
        integer, scale = quantised(layer, values, rows, chosen["comparator"])
        integers.append(integer)
        if phrases := coarse_numbers(layer, integer, scale):
            LOG.warning("layer '%s': %s; %s", layer.name, ", ".join(phrases), _FINE_STEPS)
        scales[layer.name] = scale.tolist() if rows else float(scale[0])
        values = scale if layer.spike.graded else np.asarray(1.0)
    return integers, scales


def _all_leaking(
    layers: list[LayerNumbers], chosen: Mapping[str, Any]
) -> tuple[list[LayerNumbers], dict[str, BetaError]]:
    """The layers of integers with the leaks that their betas become, and the errors of those that are not exact."""
    values, leaking, errors = chosen["encoder"].value_range, [], {}
    for layer in layers:
        done, error = with_leak_of_beta(layer, values, chosen["num_steps"], chosen.get("beta_bits"))
        leaking.append(done)
        if error is not None:
            errors[layer.name] = error
        values = layer.spike.value_range
    return leaking, errors


def beta_note(errors: Mapping[str, BetaError]) -> str:
    """One line on the betas of layers that are not exact, and on what that does to membranes."""
    parts, finer = [], set()
    for name, error in errors.items():
        reach = f"{error.rounding + error.factor:.3g} steps"
        if error.threshold is not None:
            reach = f"{100 * error.threshold:.3g} % of the threshold"
            if not error.small:
                finer.add(
                    "beta_bits" if error.factor > error.rounding and error.bits < MOST_BETA_BITS else "weight_bits"
                )
        parts.append(f"layer '{name}': {error.bits} bits, off by {error.beta:.1g}, its membranes by at most {reach}")
    advice = f"; above 1 % spikes can change, more {' and '.join(sorted(finer))} lower it" if finer else ""
    return f"betas were rounded (beta_bits): {'; '.join(parts)}{advice}"


def _input_scale(encoder: Encoder, given: float | None) -> float:
    if given is None:
        return encoder.unit
    if not (np.isfinite(given) and given > 0):
        raise ModelError(f"input_scale must be above 0, not {given}")
    return given


def _model(
    layers: list[LayerNumbers],
    input_shape: tuple[int, ...],
    chosen: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> Model:
    """The description and tensors of layers that are integers by now."""
    tensors: dict[str, Array] = {}
    stages = []
    for layer in layers:
        numbers = {
            "weight": layer.weight,
            "bias": layer.bias,
            "threshold": layer.threshold,
            "reset_amount": layer.reset_amount,
            "leak_amount": layer.leak_amount,
            "initial": layer.initial,
        }
        for name, number in numbers.items():
            if number is not None:
                shape = number.shape if name == "weight" else (len(layer.weight),)
                tensors[f"{layer.name}.{name}"] = np.broadcast_to(_to_int64(number), shape)
        stages.append(_stage(layer))
    try:
        network = Network(
            input_shape=input_shape,
            encoder=chosen["encoder"],
            stages=tuple(stages),
            readout=chosen["readout"],
            num_steps=chosen["num_steps"],
        )
    except ValidationError as error:
        raise DescriptionError(first_complaint(error)) from error
    used = tensor_shapes(network)
    return Model(network, {name: tensor for name, tensor in tensors.items() if name in used}, provenance)


def _stage(layer: LayerNumbers) -> Layer:
    """The description of a layer of integers."""
    threshold, amount = _parameter(layer.threshold), _parameter(layer.reset_amount)
    if layer.reset_amount is not None and np.all(layer.reset_amount == layer.threshold):
        amount = None
    leak = layer.leak
    leak_amount = _parameter(layer.leak_amount)
    initial = _parameter(layer.initial)
    assert initial is not None
    try:
        return Layer(
            name=layer.name,
            synapse=Dense(units=len(layer.weight), weight_bits=layer.weight_bits),
            bias=layer.bias is not None,
            neuron=Neuron(
                leak=leak if leak_amount is None else Leak(**{**leak.model_dump(), "amount": leak_amount}),
                threshold=threshold,
                reset=layer.reset,
                reset_amount=amount,
                reset_delay=layer.reset_delay,
                refractory=layer.refractory,
                spike=layer.spike,
                membrane=layer.membrane,
                initial=initial,
            ),
        )
    except ValidationError as error:
        raise DescriptionError(f"layer '{layer.name}': {first_complaint(error)}") from error


def _parameter(numbers: Array | None) -> Parameter | None:
    """One integer where all neurons have the same, else the mark of a tensor."""
    if numbers is None:
        return None
    integers = _to_int64(numbers)
    first = int(integers.flat[0])
    return first if (integers == first).all() else "per_neuron"


def _to_int64(numbers: Array) -> NDArray[np.int64]:
    limit = float(1 << 62)
    return np.clip(numbers, -limit, limit).astype(np.int64) if numbers.dtype.kind == "f" else numbers.astype(np.int64)
