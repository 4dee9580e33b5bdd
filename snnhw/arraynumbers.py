"""The numbers of a network from elsewhere, checked in the units they were given in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnhw.arraylike import to_array
from snnhw.arrayoptions import part
from snnhw.errors import ModelError
from snnhw.network import Leak, Range, Spike
from snnhw.quantise import Comparator, LayerNumbers

__all__ = ["FLOAT_WEIGHT_BITS", "are_floats", "check_inputs", "layer_numbers", "named_weights"]

FLOAT_WEIGHT_BITS = 8
"""What float weights are quantised to unless told otherwise."""

Array = NDArray[Any]


def named_weights(weights: Sequence[ArrayLike] | Mapping[str, ArrayLike]) -> dict[str, Array]:
    """The weights by layer name, each checked to be a matrix of numbers; raises ModelError."""
    if hasattr(weights, "state_dict"):
        raise ModelError(f"weights are a {type(weights).__name__}: give its .state_dict() to Model.from_state_dict")
    if not isinstance(weights, Mapping):
        if getattr(weights, "ndim", None) == 2:
            raise ModelError("weights must hold a matrix a layer: put that of a single layer into a list")
        count = len(weights)
        hidden = ["hidden"] if count == 2 else [f"hidden{index + 1}" for index in range(count - 1)]
        weights = dict(zip([*hidden, "output"], weights, strict=True)) if count else {}
    if not weights:
        raise ModelError("weights must hold at least one layer's, [out, in]")
    if any(str(name).endswith((".weight", ".bias")) for name in weights):
        raise ModelError("weights are named as in a state_dict: give them to Model.from_state_dict")
    named = {name: to_array(weight, f"weights of layer '{name}'") for name, weight in weights.items()}
    for name, weight in named.items():
        if weight.ndim != 2 or not weight.size:
            raise ModelError(f"weights of layer '{name}' must have shape [out, in], not {list(weight.shape)}")
        if weight.dtype.kind == "b":
            raise ModelError(f"weights of layer '{name}' must be integers or floats, not {weight.dtype}")
        _check_finite(f"weights of layer '{name}'", weight)
    return named


def are_floats(named: Mapping[str, Array]) -> bool:
    """Whether all weights are floats, and not all integers; raises ModelError where there are both."""
    kinds = {name: weight.dtype.kind == "f" for name, weight in named.items()}
    if len(set(kinds.values())) > 1:
        floats = ", ".join(name for name, is_float in kinds.items() if is_float)
        raise ModelError(f"weights must be all integers or all floats; floats are those of {floats}")
    return any(kinds.values())


def check_inputs(named: Mapping[str, Array], input_shape: Sequence[int] | None) -> None:
    """Raise ModelError where a layer's weights do not take what comes, and say which are transposed."""
    inputs = None if input_shape is None else math.prod(input_shape)
    sizes = [weight.shape for weight in named.values()]
    if _misfits(sizes, inputs) and not _misfits([(rows, columns) for columns, rows in sizes], inputs):
        raise ModelError("the weights are transposed, [in, out]: give .T of each, [out, in]")
    source = f"input_shape {list(input_shape or ())}"
    for name, (units, taken) in zip(named, sizes, strict=True):
        if inputs not in (None, taken):
            transposed = units == inputs
            said = ": they look transposed, give their .T" if transposed else f"; {source} sends {inputs}"
            raise ModelError(f"weights of layer '{name}' must be [out, {inputs}], not [{units}, {taken}]{said}")
        inputs, source = units, f"layer '{name}'"


def _misfits(sizes: Sequence[tuple[int, ...]], inputs: int | None) -> bool:
    """Whether some layer, of sizes [out, in], does not take what the one before sends."""
    sent = [inputs, *(units for units, _ in sizes)]
    return any(known not in (None, taken) for known, (_, taken) in zip(sent, sizes, strict=False))


def _check_finite(what: str, array: Array) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        raise ModelError(f"{what} must be finite, and {array[~finite].flat[0]} is among them")


def layer_numbers(
    name: str, weight: Array, options: Mapping[str, Any], fires: bool, comparator: Comparator
) -> LayerNumbers:
    """A layer's arrays, checked for kind, shape and sign, in the units they were given in.

    ``options`` are those of the layer; without thresholds float layers that ``fires`` have 1.0. Raises ModelError or
    DescriptionError.
    """
    is_float = weight.dtype.kind == "f"
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
    _check_signs(name, arrays, is_float, comparator)
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
        spike=part(Spike, f"layer '{name}': spike", options["spike"] or Spike()) if fires else Spike(),
        membrane=options["membrane"] and part(Range, f"layer '{name}': membrane", options["membrane"]),
        weight_bits=bits,
    )


def _check_signs(name: str, arrays: Mapping[str, Array | None], is_float: bool, comparator: Comparator) -> None:
    """Raise ModelError where a threshold is too low to fire at, or a reset amount negative."""
    threshold, amount = arrays["thresholds"], arrays["reset_amounts"]
    if threshold is not None:
        least = threshold.min()
        if least < 0 or (least == 0 and comparator == ">="):
            bound = "at least 0" if comparator == ">" else "above 0" if is_float else "at least 1"
            raise ModelError(f"thresholds of layer '{name}' must be {bound}, not {least:g}")
    if amount is not None and amount.min() < 0:
        raise ModelError(f"reset_amounts of layer '{name}' must not be negative, not {amount.min():g}")


def _leak(name: str, options: Mapping[str, Any], units: int, is_float: bool) -> tuple[Leak, Array | None]:
    """The kind of a layer's leak, and its amounts where they are given apart from it."""
    leak = options["leak"] and part(Leak, f"layer '{name}': leak", options["leak"])
    takes_floats = is_float and (leak is None or leak.subtracts)
    amount = _array(f"leak_amounts of layer '{name}'", options["leak_amounts"], units, takes_floats)
    if amount is not None and (leak is None or leak.subtracts) and amount.min() < 0:
        raise ModelError(f"leak_amounts of layer '{name}' must not be negative, not {amount.min():g}")
    if leak is None:
        leak = Leak() if amount is None else Leak(kind="subtract")
    if amount is None and isinstance(leak.amount, int) and leak.takes_amount:
        amount = np.asarray(leak.amount)
    return leak, amount


def _beta(name: str, options: Mapping[str, Any], units: int) -> Array | None:
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
    array = to_array(value, what)
    if array.dtype.kind == "b":
        raise ModelError(f"{what} must be numbers, not {array.dtype}")
    _check_finite(what, array)
    if array.shape not in ((), (1,), (units,)):
        raise ModelError(f"{what} must be one number or have shape [{units}], not {list(array.shape)}")
    return array.reshape(()) if array.size == 1 else array
