"""A torch state_dict becomes a model; torch itself is not imported.

The Linear layers (``NAME.weight`` [out, in], ``NAME.bias``) are taken in the order in which they stand. Where
snnTorch's neurons stand between them (``NAME.threshold``, ``NAME.beta``, ``NAME.reset_mechanism_val``), each is the
neuron of the Linear layer of the same rank, and the model does what snnTorch does: it fires above the threshold and
not at it, and resets one step later. Options given by the caller win.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.arrays import from_arrays
from snnhw.errors import ModelError
from snnhw.model import Model
from snnhw.network import CountReadout, MembraneReadout, Readout

__all__ = ["from_state_dict"]

_RESETS = ("subtract", "zero", "none")
"""By snnTorch's ``reset_mechanism_val``."""

Entries = dict[str, NDArray[Any]]


def from_state_dict(state: Mapping[str, Any], **options: Any) -> Model:
    """Build a model from a state_dict; ``options`` as in :class:`snnhw.arrays.ArrayOptions`.

    snnTorch keeps no record of ``reset_delay``: the model takes its default, delayed, unless told. A network that
    ends on a snnTorch neuron that resets is read by its spike counts, any other by the last membranes. Raises
    ModelError where the state_dict holds what a model of dense layers cannot.
    """
    linears, neurons = _groups(state)
    biases = {name: entries["bias"] for name, entries in linears.items() if "bias" in entries}
    found = _snntorch_options(list(linears), neurons, options.get("readout")) if neurons else {}
    weights = {name: entries["weight"] for name, entries in linears.items()}
    return from_arrays(weights, **{"biases": biases, **found, **options})


def _groups(state: Mapping[str, Any]) -> tuple[dict[str, Entries], dict[str, Entries]]:
    """The entries of Linear layers and of neurons, by the name of their module."""
    modules: dict[str, Entries] = {}
    for key, value in state.items():
        module, _, entry = key.rpartition(".")
        modules.setdefault(module, {})[entry] = _array(key, value)
    linears: dict[str, Entries] = {}
    neurons: dict[str, Entries] = {}
    for module, entries in modules.items():
        if "weight" in entries:
            if entries["weight"].ndim != 2:
                raise ModelError(
                    f"'{module}.weight' has shape {list(entries['weight'].shape)}: only Linear layers, [out, in], "
                    "can be taken over"
                )
            linears[_layer_name(module, linears)] = entries
        elif entries.keys() & {"threshold", "beta"}:
            neurons[module] = entries
        else:
            raise ModelError(f"'{module}.{next(iter(entries))}' belongs to no Linear layer and no neuron; leave it out")
    if not linears:
        raise ModelError("the state_dict holds no Linear layer: no entry is named NAME.weight")
    return linears, neurons


def _array(key: str, value: Any) -> NDArray[Any]:
    """A tensor as an array, wherever it lies and whether or not it wants a gradient."""
    for step in ("detach", "cpu", "numpy"):
        if hasattr(value, step):
            value = getattr(value, step)()
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ModelError(f"'{key}' must be a tensor of numbers, not {type(value).__name__}")
    return array


def _layer_name(module: str, taken: Mapping[str, Any]) -> str:
    """A layer's name after its module: lower case, digits and underscores, starting with a letter, at most 32 long."""
    name = re.sub(r"[^a-z0-9]+", "_", module.lower()).strip("_") or "layer"
    name = (name if name[0].isalpha() else f"layer_{name}")[:32]
    if name in taken:
        raise ModelError(f"modules of the state_dict share the name '{name}'; rename '{module}'")
    return name


def _snntorch_options(names: list[str], neurons: dict[str, Entries], readout: Readout | None) -> dict[str, Any]:
    """What snnTorch's neurons say, by layer."""
    if len(neurons) not in (len(names), len(names) - 1):
        raise ModelError(
            f"the state_dict has {len(names)} Linear layers and {len(neurons)} neurons ({', '.join(neurons)}); each "
            "layer but the last must have one"
        )
    options: dict[str, Any] = {"comparator": ">", "thresholds": {}, "betas": {}, "reset": {}, "reset_delay": {}}
    resets = {}
    for name, entries in zip(names, neurons.values(), strict=False):
        factor = entries.get("graded_spikes_factor")
        if factor is not None and (factor != 1).any():
            raise ModelError(f"layer '{name}': graded_spikes_factor must be 1; multiply it into the weights after it")
        resets[name] = _RESETS[int(entries.get("reset_mechanism_val", np.asarray(0)))]
        if "beta" in entries:
            options["betas"][name] = np.clip(entries["beta"], 0, 1)
        options["thresholds"][name] = entries.get("threshold", np.asarray(1.0))
        options["reset"][name] = resets[name]
        options["reset_delay"][name] = resets[name] != "none"
    last = names[-1]
    options["readout"] = readout or (MembraneReadout() if resets.get(last, "none") == "none" else CountReadout())
    if options["readout"].kind == "membrane" and resets.get(last) == "none":
        for option in ("thresholds", "reset", "reset_delay"):
            del options[option][last]
    return options
