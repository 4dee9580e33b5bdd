"""A torch state_dict becomes a model; torch itself is not imported.

The Linear layers (``NAME.weight`` [out, in], ``NAME.bias``) are taken in the order in which they stand. Where
snnTorch's ``Leaky`` neurons stand between them (``NAME.threshold``, ``NAME.beta``, ``NAME.reset_mechanism_val``,
``NAME.graded_spikes_factor``), each is the neuron of the Linear layer of the same rank, and the model does what
snnTorch does: it fires above the threshold and not at it, and resets one step later. Options given by the caller win.

An entry of any other name belongs to a computation that is not in such a model, and is refused by name. What leaves no
entry at all cannot be seen: what was assumed instead is logged in one line, and kept in the provenance as ``assumed``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from snnhw.arraylike import to_array
from snnhw.arrayoptions import DEFAULTS, ArrayOptions, with_parts
from snnhw.arrays import from_arrays
from snnhw.errors import ModelError
from snnhw.model import Model
from snnhw.network import STAGES_BESIDE_LAYERS, CountReadout, MembraneReadout, Readout
from snnhw.wording import quoted

__all__ = ["from_state_dict"]

LOG = logging.getLogger(__name__)
"""Says what was assumed."""

_RESETS = ("subtract", "zero", "none")
"""By snnTorch's ``reset_mechanism_val``."""

_LINEAR = ("weight", "bias")
_LEAKY = ("threshold", "beta", "reset_mechanism_val", "graded_spikes_factor")
"""What snnTorch's Leaky keeps."""

_OTHERS = {
    r"alpha": "a synaptic current (snnTorch's Synaptic, Alpha): no neuron here has one; train with Leaky",
    r"R|C|time_step": "snnTorch's Lapicque: use Leaky, with time_step / C multiplied into the weights before it",
    r"recurrent\..*|V": "a recurrent connection (snnTorch's RLeaky, RSynaptic): there is none here; train with Leaky",
    r"tau": "snnTorch's LinearLeaky or StateLeaky: use Linear and Leaky",
    r"w": "SpikingJelly's ParametricLIFNode: leave it out, and give its leak, 1 - sigmoid(w), as betas",
    r"kernel": "a layer of Keras or Flax: give its transpose, [out, in], as NAME.weight",
    r"weight_orig|weight_mask": "a pruned layer: call torch.nn.utils.prune.remove(layer, 'weight') first",
    r"bias_orig|bias_mask": "a pruned layer: call torch.nn.utils.prune.remove(layer, 'bias') first",
    r"weight_[guv]|parametrizations\..*": "a layer with a parametrisation: remove that first, so that it has a weight",
    r"running_mean|running_var|num_batches_tracked": "a batch normalisation: fold it into the Linear layer before it",
    r"scale": "a factor: multiply it into the weights after it, or take the float module where torch quantised it",
    r"zero_point|_packed_params.*|.*fake_quant.*|activation_post_process.*": (
        "a layer that torch quantised: take the float module, or give its integers to Model.from_arrays"
    ),
    r"(weight|bias)_[ih]h.*": "a recurrent layer (RNN, LSTM, GRU): there is none here",
    r"in_proj_.*|out_proj.*": "an attention: there is none here",
    r"v_mem|i_syn|tau_(mem|syn).*|alpha_(mem|syn)|spike_threshold|min_v_mem|norm_input": (
        "a neuron of another framework: leave its entries out, and give betas, thresholds and reset"
    ),
}
"""Entries by their names, and what they belong to with the way out."""

_USUAL = ("state_dict", "model_state_dict", "model", "net", "network")
"""What checkpoints call the weights of the network, beside those of a running average or an optimiser."""

_WRAPPERS = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
"""Modules that torch puts around others, wherever they stand in a name."""

_LONGEST_NAME = 32
"""Number of characters of a layer's name."""

Entries = dict[str, NDArray[Any]]


def from_state_dict(state: Mapping[str, Any], **options: Unpack[ArrayOptions]) -> Model:
    """Build a model from a state_dict; ``options`` as in :class:`snnhw.arrays.ArrayOptions`.

    snnTorch keeps no record of ``reset_delay``, ``inhibition`` and ``state_quant``: the model takes their defaults,
    delayed reset and none of the others, unless told. A network that ends on a snnTorch neuron that resets is read by
    its spike counts, any other by the last membranes. Raises ModelError where the state_dict holds what a model of
    dense layers cannot.
    """
    chosen = with_parts(options)
    check_state(state)
    linears, neurons = _groups(state)
    biases = {name: entries["bias"] for name, entries in linears.items() if "bias" in entries}
    found = _snntorch_options(list(linears), neurons, chosen.get("readout")) if neurons else {}
    weights = {name: entries["weight"] for name, entries in linears.items()}
    model = from_arrays(weights, **{"biases": biases, **found, **chosen})
    assumed = _assumed(model, neurons, found, options)
    LOG.warning("of what a state_dict does not say, this was assumed (options): %s", "; ".join(assumed))
    return replace(model, provenance={**model.provenance, "assumed": assumed})


def check_state(state: Any) -> None:
    """Raise ModelError for what is no mapping of names to tensors, and say where in it one is."""
    if hasattr(state, "state_dict"):
        raise ModelError(f"this is a {type(state).__name__}, not its weights: pass .state_dict() of it")
    if not isinstance(state, Mapping):
        raise ModelError(f"a state_dict must be a mapping of names to tensors, not {type(state).__name__}")
    if path := state_within(state):
        raise ModelError(f"this is a checkpoint with a state_dict inside: pass {subscripts(path)} of it")
    for key in state:
        if not isinstance(key, str):
            raise ModelError(f"names in a state_dict must be words, not {quoted(key)}")


def subscripts(path: Sequence[Any]) -> str:
    """Keys that lead somewhere, as they are written in Python."""
    return "".join(f"[{quoted(key)}]" for key in path)


def state_within(state: Mapping[Any, Any]) -> tuple[Any, ...]:
    """The keys that lead to the network's state_dict within a checkpoint; none for a state_dict.

    Raises ModelError where there are several that could be it, or a layer in each.
    """
    paths = _paths_within(state)
    usual = [path for path in paths if path[-1] in _USUAL]
    nearest = [path for path in usual if len(path) == min(map(len, usual))] or paths
    if len(nearest) <= 1:
        return nearest[0] if nearest else ()
    first = state
    for key in nearest[0]:
        first = first[key]
    if "weight" in first:
        raise ModelError(f"the entries are nested by module: name them {quoted(f'{nearest[0][-1]}.weight')} and so on")
    raise ModelError(
        f"this is a checkpoint with several state_dicts: pass one of {', '.join(map(subscripts, nearest))}"
    )


def _paths_within(state: Mapping[Any, Any]) -> list[tuple[Any, ...]]:
    """The keys that lead to each mapping that holds weights."""
    if _holds_weights(state):
        return []
    found: list[tuple[Any, ...]] = []
    for key, value in state.items():
        if isinstance(value, Mapping):
            inner = [()] if _holds_weights(value) else _paths_within(value)
            found += [(key, *path) for path in inner]
    return found


def _holds_weights(state: Mapping[Any, Any]) -> bool:
    """Whether weights are among the entries."""
    return any(str(key).rpartition(".")[2] == "weight" and not isinstance(state[key], Mapping) for key in state)


def _groups(state: Mapping[str, Any]) -> tuple[dict[str, Entries], dict[str, Entries]]:
    """The entries of Linear layers and of neurons, by the name of their module."""
    modules: dict[str, Entries] = {}
    for key, value in state.items():
        module, _, entry = key.rpartition(".")
        modules.setdefault(module, {})[entry] = to_array(value, quoted(key))
    for module, entries in modules.items():
        for entry in entries:
            _check_known(module, entry, modules)
    short = _without_prefixes([module for module, entries in modules.items() if "weight" in entries])
    linears: dict[str, Entries] = {}
    neurons: dict[str, Entries] = {}
    for module, entries in modules.items():
        if "weight" in entries:
            linears[_layer_name(short[module], module, linears)] = _linear(module, entries)
        else:
            neurons[module] = _leaky(module, entries)
    if not linears:
        raise ModelError("the state_dict holds no Linear layer: no entry is named NAME.weight")
    return linears, neurons


def _check_known(module: str, entry: str, modules: Mapping[str, Entries]) -> None:
    """Raise ModelError for an entry that belongs to neither a Linear layer nor a Leaky neuron."""
    key = f"{module}.{entry}".removeprefix(".")
    parents = [module[: dot.start()] for dot in re.finditer(r"\.", module)] + [""] * bool(module)
    within = next((parent for parent in parents if modules.get(parent, {}).keys() & set(_LEAKY)), None)
    if within is None and entry in (*_LINEAR, *_LEAKY):
        return
    inner = key.removeprefix(f"{within}.") if within else key
    ends = [inner, *(inner[dot.end() :] for dot in re.finditer(r"\.", inner))]
    for pattern, what in _OTHERS.items():
        if any(re.fullmatch(pattern, end) for end in ends):
            raise ModelError(f"{quoted(key)} belongs to {what}")
    if within is not None:
        owner = f"neuron '{within}'" if within else "outermost module, which is a neuron too"
        raise ModelError(
            f"{quoted(key)} is a part of the {owner}: only Leaky neurons beside Linear layers can be taken over"
        )
    raise ModelError(
        f"{quoted(key)} belongs to no Linear layer and no Leaky neuron: leave it out where nothing is computed with it"
    )


def _linear(module: str, entries: Entries) -> Entries:
    """The entries of a Linear layer, checked to be one."""
    shape = list(entries["weight"].shape)
    if len(shape) != 2:
        what = {1: "normalisation or PReLU", 3: "Conv1d", 4: "Conv2d", 5: "Conv3d"}.get(len(shape), "another layer")
        raise ModelError(
            f"{quoted(f'{module}.weight')} has shape {shape} ({what}): only Linear layers, [out, in], can be taken over"
        )
    if extra := sorted(entries.keys() & set(_LEAKY)):
        raise ModelError(
            f"{quoted(module)} has a weight and {', '.join(extra)}: it must be a Linear layer or a Leaky neuron"
        )
    return entries


def _leaky(module: str, entries: Entries) -> Entries:
    """The entries of a snnTorch Leaky, checked to be one whose meaning is kept."""
    for entry in ("threshold", "beta"):
        if entry not in entries:
            there = ", ".join(entries)
            raise ModelError(
                f"module {quoted(module)} has {there} and no {entry}: it is no Linear layer and no Leaky neuron"
            )
    if "graded_spikes_factor" in entries and (entries["graded_spikes_factor"] != 1).any():
        raise ModelError(f"{quoted(f'{module}.graded_spikes_factor')} must be 1; multiply it into the weights after it")
    reset = entries.get("reset_mechanism_val", np.asarray(0))
    if reset.size != 1 or reset.item() not in range(len(_RESETS)):
        raise ModelError(f"{quoted(f'{module}.reset_mechanism_val')} must be 0, 1 or 2, not {quoted(reset.tolist())}")
    return entries


def _without_prefixes(modules: list[str]) -> dict[str, str]:
    """The names of modules, by the whole ones, without wrappers and without the modules that all of them stand in.

    What would be left as a number keeps the name before it.
    """
    paths = {module: [part for part in module.split(".") if part not in _WRAPPERS] for module in modules}
    while all(len(path) > 1 for path in paths.values()) and len({path[0] for path in paths.values()}) == 1:
        if any(path[1].isdecimal() for path in paths.values()):
            break
        paths = {module: path[1:] for module, path in paths.items()}
    return {module: ".".join(path) for module, path in paths.items()}


def _layer_name(short: str, module: str, taken: Mapping[str, Any]) -> str:
    """A layer's name after its module: lower case, digits and underscores, starting with a letter, at most 32 long.

    Of a long name the end is kept, which tells layers apart.
    """
    name = re.sub(r"[^a-z0-9]+", "_", short.lower()).strip("_") or "layer"
    while len(name) > _LONGEST_NAME:
        first, _, rest = name.partition("_")
        name = rest if rest else first[-_LONGEST_NAME:]
    if not name[0].isalpha() or name in STAGES_BESIDE_LAYERS:
        name = f"layer_{name[-_LONGEST_NAME + len('layer_') :]}"
    if name in taken:
        raise ModelError(f"modules of the state_dict share the name '{name}'; rename {quoted(module)}")
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
        resets[name] = _RESETS[int(entries.get("reset_mechanism_val", np.asarray(0)))]
        options["betas"][name] = np.clip(entries["beta"], 0, 1)
        options["thresholds"][name] = entries["threshold"]
        options["reset"][name] = resets[name]
        options["reset_delay"][name] = resets[name] != "none"
    last = names[-1]
    options["readout"] = readout or (MembraneReadout() if resets.get(last, "none") == "none" else CountReadout())
    if options["readout"].reads_membranes and resets.get(last) == "none":
        for option in ("thresholds", "reset", "reset_delay"):
            del options[option][last]
    return options


def _assumed(
    model: Model, neurons: Mapping[str, Entries], found: Mapping[str, Any], options: Mapping[str, Any]
) -> list[str]:
    """What neither the state_dict nor the caller said, a phrase each, with the option that changes it."""
    network = model.network
    layers = [layer.name for layer in network.layers]
    delayed = any(layer.neuron.reset_delay for layer in network.layers)
    comparator = found.get("comparator", DEFAULTS["comparator"])
    said = {"thresholds", "betas"} if found else set()
    if found and all("reset_mechanism_val" in entries for entries in neurons.values()):
        said.add("reset")
    known = said | options.keys()
    phrases = {
        "thresholds": "threshold 1 (thresholds)",
        "betas": "no leak (betas)",
        "reset": "reset by subtraction (reset)",
        "reset_delay": f"reset {'one step later' if delayed else 'in the same step'} (reset_delay)",
        "comparator": f"a spike {'above' if comparator == '>' else 'at'} the threshold (comparator)",
        "readout": f"scores are {network.readout.text} (readout)",
        "num_steps": f"{network.num_steps} steps (num_steps)",
        "encoder": f"encoder {network.encoder.kind} (encoder)",
    }
    if known & {"leak", "leak_amounts"}:
        del phrases["betas"]
    order = f"Linear layers in the order {', '.join(layers)}"
    if neurons:
        order += f", with the neurons {', '.join(neurons)}, of which none inhibits others or has a quantised state"
    return [f"{order}, and nothing between", *(phrase for name, phrase in phrases.items() if name not in known)]
