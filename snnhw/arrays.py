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
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    Dense,
    Direct,
    Encoder,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Parameter,
    Range,
    Readout,
    Spike,
    first_complaint,
)
from snnhw.quantise import (
    MOST_BETA_BITS,
    BetaError,
    Comparator,
    LayerNumbers,
    coarse_numbers,
    fires_at,
    quantised,
    with_leak_of_beta,
)
from snnhw.wording import no_such, quoted

__all__ = ["ArrayOptions", "from_arrays"]

FLOAT_WEIGHT_BITS = 8
"""What float weights are quantised to unless told otherwise."""

LOG = logging.getLogger(__name__)
"""Says what was assumed of a network that comes from elsewhere, and what became less exact."""

_FINE_STEPS = "more weight_bits or per_row=True make its steps finer"

Array = NDArray[Any]


class ArrayOptions(TypedDict, total=False):
    """What is to be known beside the weights.

    An option of layers is a list with one entry a layer (or one a layer that fires), a mapping by name, or one value
    for all that fire (``biases``, ``weight_bits``: for all). With a membrane readout, which is the default, the last
    layer never fires; it leaks only where a list or mapping says so.
    """

    biases: Any
    """[units], added at every step."""
    thresholds: Any
    """A number or [units]; float networks have 1.0 unless told."""
    comparator: Comparator
    """``">="`` unless told; ``">"``: the given network fires above its threshold and not at it."""
    leak: Any
    """A :class:`snnhw.network.Leak`."""
    leak_amounts: Any
    """A number or [units] in the place of the leak's amount; alone: what is subtracted from the membrane."""
    betas: Any
    """Factors from 0 to 1 on the membrane, instead of ``leak``: exact where 1 - 2**-k, else of ``beta_bits`` bits."""
    beta_bits: int | None
    """1 to 16; None: as many as the error asks for that they make, see :func:`snnhw.quantise.with_leak_of_beta`."""
    reset: Any
    """``"subtract"`` (unless told), ``"zero"`` or ``"none"``."""
    reset_amounts: Any
    """A number or [units]; the threshold unless told."""
    reset_delay: Any
    refractory: Any
    spike: Any
    """A :class:`snnhw.network.Spike`; its bits and bound count in integers."""
    membrane: Any
    """The :class:`snnhw.network.Range` of integers that the membrane saturates to."""
    initial: Any
    """The membrane before the first step: a number or [units]."""
    weight_bits: Any
    """8 for floats; what the integers need otherwise."""
    per_row: bool
    """A scale for each neuron, in every layer but one whose membranes are the scores; not so unless told."""
    input_shape: Sequence[int] | None
    """``(inputs,)`` unless told."""
    encoder: Encoder
    """Pixels as they are unless told."""
    input_scale: float | None
    """What the encoder's 1 stands for in the float network: unless told 1 / (2**bits - 1) for pixels, so that white
    is 1.0, and 1 for spikes."""
    num_steps: int
    """8 unless told."""
    readout: Readout
    """The last membranes unless told."""
    provenance: Mapping[str, Any] | None


DEFAULTS: ArrayOptions = {
    "comparator": ">=",
    "per_row": False,
    "encoder": Direct(),
    "num_steps": 8,
    "readout": MembraneReadout(),
}
"""What is taken of options that are left out, where that is not None."""

_EVERYWHERE = ("biases", "weight_bits")
_WHERE_IT_FIRES = (
    "thresholds", "leak", "leak_amounts", "betas", "reset", "reset_amounts", "reset_delay", "refractory", "spike",
    "membrane", "initial",
)  # fmt: skip


def from_arrays(weights: Sequence[ArrayLike] | Mapping[str, ArrayLike], **options: Unpack[ArrayOptions]) -> Model:
    """Build a model, its description included, from ``weights`` ([out, in] each, in order or by name).

    All integers: taken as they are. All floats: quantised, see :mod:`snnhw.quantise`; the scales are kept in the
    provenance as ``scales``. Betas that are not exact are logged, and kept there as ``betas``. ``options`` are
    those of :class:`ArrayOptions`. Raises ModelError or DescriptionError, one line each, and TypeError for an option
    that is not there.
    """
    named = _named(weights)
    chosen = _options(options)
    is_float = _is_float(named)
    layers = _layers(named, chosen, is_float)
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


def _options(options: ArrayOptions) -> ArrayOptions:
    for name in options:
        if name not in ArrayOptions.__annotations__:
            raise TypeError(no_such("option", name, ArrayOptions.__annotations__))
    chosen: ArrayOptions = {**DEFAULTS, **options}
    if chosen["comparator"] not in (">=", ">"):
        raise ModelError(f"comparator must be '>=' or '>', not {quoted(chosen['comparator'])}")
    return chosen


def _layers(named: Mapping[str, Array], chosen: ArrayOptions, is_float: bool) -> list[LayerNumbers]:
    """The layers in the units they were given in."""
    names = list(named)
    firing = names[:-1] if chosen["readout"].reads_membranes else names
    values = {option: _by_layer(option, chosen.get(option), names, names) for option in _EVERYWHERE}
    values |= {option: _by_layer(option, chosen.get(option), names, firing) for option in _WHERE_IT_FIRES}
    layers = []
    for name, weight in named.items():
        options = {option: value.get(name) for option, value in values.items()}
        layers.append(_numbers(name, weight, options, name in firing, is_float))
    return layers


def _all_quantised(layers: list[LayerNumbers], chosen: ArrayOptions) -> tuple[list[LayerNumbers], dict[str, Any]]:
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


def _all_leaking(layers: list[LayerNumbers], chosen: ArrayOptions) -> tuple[list[LayerNumbers], dict[str, BetaError]]:
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


def _named(weights: Sequence[ArrayLike] | Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The weights by layer name, each checked to be a matrix of numbers."""
    if not isinstance(weights, Mapping):
        count = len(weights)
        hidden = ["hidden"] if count == 2 else [f"hidden{index + 1}" for index in range(count - 1)]
        weights = dict(zip([*hidden, "output"], weights, strict=True)) if count else {}
    if not weights:
        raise ModelError("weights must hold at least one layer's, [out, in]")
    named = {name: np.asarray(weight) for name, weight in weights.items()}
    for name, weight in named.items():
        if weight.ndim != 2 or not weight.size:
            raise ModelError(f"weights of layer '{name}' must have shape [out, in], not {list(weight.shape)}")
        if weight.dtype.kind not in "iuf":
            raise ModelError(f"weights of layer '{name}' must be integers or floats, not {weight.dtype}")
        if not np.isfinite(weight).all():
            raise ModelError(f"weights of layer '{name}' must be finite; some are infinite or not numbers")
    return named


def _is_float(named: Mapping[str, Array]) -> bool:
    kinds = {name: weight.dtype.kind == "f" for name, weight in named.items()}
    if len(set(kinds.values())) > 1:
        floats = ", ".join(name for name, is_float in kinds.items() if is_float)
        raise ModelError(f"weights must be all integers or all floats; floats are those of {floats}")
    return any(kinds.values())


def _by_layer(option: str, value: Any, names: list[str], default: list[str]) -> dict[str, Any]:
    """An option's value for each layer; a single one holds for the layers of ``default``."""
    if isinstance(value, Mapping):
        for name in value:
            if name not in names:
                raise ModelError(f"{option}: {no_such('layer', name, names)}")
        return dict(value)
    if not isinstance(value, list | tuple):
        return dict.fromkeys(default, value)
    for candidates in (names, default):
        if len(value) == len(candidates):
            return dict(zip(candidates, value, strict=True))
    raise ModelError(f"{option} must hold one entry for each of {', '.join(names)}, not {len(value)}")


def _numbers(name: str, weight: Array, options: dict[str, Any], fires: bool, is_float: bool) -> LayerNumbers:
    """A layer's arrays, checked for kind and shape, in the units they were given in."""
    arrays = {
        option: _array(f"{option} of layer '{name}'", options[option], len(weight), is_float)
        for option in ("biases", "thresholds", "reset_amounts", "initial")
    }
    if not fires and arrays["thresholds"] is not None:
        raise ModelError(f"layer '{name}' never fires, its membranes are the scores: it takes no threshold")
    if fires and arrays["thresholds"] is None:
        if not is_float:
            raise ModelError(f"layer '{name}' has integer weights and needs a threshold: give thresholds")
        arrays["thresholds"] = np.asarray(1.0)
    leak, amount = _leak(name, options, len(weight), is_float)
    bits = options["weight_bits"]
    if bits is None:
        needed = Range(lo=min(-1, int(weight.min())), hi=max(0, int(weight.max()))) if not is_float else None
        bits = needed.width if needed else FLOAT_WEIGHT_BITS
    return LayerNumbers(
        name=name,
        weight=weight,
        bias=arrays["biases"],
        threshold=arrays["thresholds"],
        reset_amount=arrays["reset_amounts"],
        leak=leak,
        leak_amount=amount,
        beta=_beta(name, options, len(weight)),
        initial=np.asarray(0) if arrays["initial"] is None else arrays["initial"],
        reset=(options["reset"] or "subtract") if fires else "none",
        reset_delay=bool(options["reset_delay"]) and fires,
        refractory=(options["refractory"] or 0) if fires else 0,
        spike=(options["spike"] or Spike()) if fires else Spike(),
        membrane=options["membrane"],
        weight_bits=bits,
    )


def _leak(name: str, options: dict[str, Any], units: int, is_float: bool) -> tuple[Leak, Array | None]:
    """The kind of a layer's leak, and its amounts where they are given apart from it."""
    leak = options["leak"]
    takes_floats = is_float and (leak is None or leak.subtracts)
    amount = _array(f"leak_amounts of layer '{name}'", options["leak_amounts"], units, takes_floats)
    if leak is None:
        leak = Leak() if amount is None else Leak(kind="subtract")
    if amount is None and isinstance(leak.amount, int) and leak.takes_amount:
        amount = np.asarray(leak.amount)
    return leak, amount


def _beta(name: str, options: dict[str, Any], units: int) -> Array | None:
    """The factors on a layer's membranes, where it has any."""
    if options["betas"] is None:
        return None
    if options["leak"] is not None or options["leak_amounts"] is not None:
        raise ModelError(f"layer '{name}' has betas, which are its leak: give either betas or leak")
    beta = _checked(f"betas of layer '{name}'", options["betas"], units)
    if not ((beta >= 0) & (beta <= 1)).all():
        raise ModelError(f"betas of layer '{name}' must lie in 0..1, not {beta.min():g}..{beta.max():g}")
    return beta


def _array(what: str, value: Any, units: int, is_float: bool) -> Array | None:
    """Numbers of the right shape; integers where the weights are."""
    if value is None:
        return None
    array = _checked(what, value, units)
    if not is_float and array.dtype.kind not in "iu":
        raise ModelError(f"{what} must be integers as the weights are, not {array.dtype}")
    return array


def _checked(what: str, value: Any, units: int) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ModelError(f"{what} must be finite numbers, not {array.dtype}")
    if array.shape not in ((), (1,), (units,)):
        raise ModelError(f"{what} must be one number or have shape [{units}], not {list(array.shape)}")
    return array.reshape(()) if array.size == 1 else array


def _input_scale(encoder: Encoder, given: float | None) -> float:
    if given is None:
        return encoder.unit
    if not (np.isfinite(given) and given > 0):
        raise ModelError(f"input_scale must be above 0, not {given}")
    return given


def _model(
    layers: list[LayerNumbers],
    input_shape: tuple[int, ...],
    chosen: ArrayOptions,
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
