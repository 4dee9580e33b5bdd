"""Implementations as files: to be written by hand, or as they stand beside the Verilog of a circuit.

A file to be written by hand is TOML or JSON, one key for each field of
:class:`snnhw.implementation.Implementation`, and a table ``layers.NAME`` for each layer of which something is chosen,
one key for each field of :class:`snnhw.implementation.LayerImplementation`. What is left out is as usual.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from snnhw.descriptionfile import read_document
from snnhw.design import Design
from snnhw.errors import DescriptionError, ModelFileError
from snnhw.implementation import Implementation, LayerImplementation
from snnhw.model import Model
from snnhw.network import Network, first_complaint
from snnhw.wording import no_such, quoted

__all__ = ["built_as", "load_implementation"]


def load_implementation(path: str | os.PathLike[str], network: Network) -> Implementation:
    """The implementation of a network that a file says, with the usual choices for what it leaves out.

    The JSON beside the Verilog of a circuit, and the report of a build, are taken too, whatever model the circuit was
    built from. Raises DescriptionError: one line that says which file and field, what it must be and what came.
    """
    document = read_document(path, "an implementation")
    if isinstance(document, dict) and "digest" in document:
        document = document.get("implementation")
    try:
        whole: dict[str, Any] = dict(_table(document, "an implementation"))
        by_layer = _by_layer(whole.pop("layers", {}), network)
        _check(Implementation, {"layers": ()}, whole)
        for name, choices in by_layer.items():
            _check(LayerImplementation, {"synapse_lanes": 1, "neuron_lanes": 1}, choices, "layers", name)
        chosen: dict[str, Any] = {
            field: {name: choices[field] for name, choices in by_layer.items() if field in choices}
            for field in LayerImplementation.model_fields
        }
        return Implementation.of(network, **whole, **chosen)
    except (DescriptionError, TypeError) as error:
        raise DescriptionError(f"{path}: {error}") from error


def _by_layer(layers: Any, network: Network) -> dict[str, Mapping[str, Any]]:
    """What is chosen of each layer by its name, from a table, or from the list of all layers that programs write."""
    names = [layer.name for layer in network.layers]
    if isinstance(layers, list):
        if len(layers) != len(names):
            raise DescriptionError(f"layers holds {len(layers)}, and the network has {len(names)}: {', '.join(names)}")
        layers = dict(zip(names, layers, strict=True))
    for name in _table(layers, "layers"):
        if name not in names:
            raise DescriptionError(f"layers: {no_such('layer', name, names)}")
    return {name: _table(choices, f"layers.{name}") for name, choices in layers.items()}


def _table(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DescriptionError(f"{what} must be a table of names and values, not {quoted(value)}")
    return value


def _check(
    kind: type[Implementation | LayerImplementation], needed: Mapping[str, Any], given: Mapping[str, Any], *within: str
) -> None:
    """Raise DescriptionError where a value is none that its field takes; ``needed`` stands in for what is left out."""
    try:
        kind.model_validate({**needed, **given}, strict=True)
    except ValidationError as error:
        raise DescriptionError(first_complaint(error, *within)) from error


def built_as(path: str | os.PathLike[str], built: Model) -> Design:
    """How the circuit of a model was built, from the JSON beside its Verilog, or the report of a build.

    Raises ModelFileError where the file says nothing of this kind, or is another model's.
    """
    try:
        found = json.loads(Path(path).read_bytes())
        digest = str(found["digest"])
        implementation = Implementation.model_validate_json(json.dumps(found["implementation"]))
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no file {path}; it is written beside the Verilog of a circuit") from error
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise ModelFileError(f"{path} does not describe a circuit; it must be the JSON beside its Verilog") from error
    if digest != built.digest:
        raise ModelFileError(
            f"the circuit of {path} was built from the model of digest {digest[:16]}; that of --built is "
            f"{built.digest[:16]}"
        )
    return Design(built, implementation)
