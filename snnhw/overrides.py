"""Numbers of a description that are overridden by name: ``num_steps``, a path as ``stages.NAME.synapse.units``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snnhw.errors import DescriptionError
from snnhw.network import STAGES_BESIDE_LAYERS, Network, parse_network

__all__ = ["overridden"]

_STAGES = "stages"


def overridden(network: Network, overrides: Mapping[str, int | str], source: str) -> Network:
    """The network with some of its numbers changed; ``source`` is what messages call it.

    A name is ``num_steps``; ``encoder`` or ``readout``, which are kinds by name; ``weight_bits``, of every layer that
    has weights; ``hidden``, the neurons of the only layer before the last; or a path of keys as in a description file,
    with dots between them and a stage by its own name.
    Raises DescriptionError for a name that is unknown, and for a network that cannot be.
    """
    if not overrides:
        return network
    document = network.model_dump(mode="json")
    for name, number in overrides.items():
        if name in STAGES_BESIDE_LAYERS:
            document[name] = number
            continue
        for path in _paths(name, network, source):
            _set(document, path, number, f"{source} has no '{name}'")
    given = ", ".join(f"{name}={number}" for name, number in overrides.items())
    return parse_network(document, f"{source} with {given}")


def _paths(name: str, network: Network, source: str) -> list[str]:
    """The paths in a description that a name stands for."""
    if "." in name or name == "num_steps":
        return [name]
    if name == "weight_bits":
        paths = [
            f"{_STAGES}.{stage.name}.synapse.weight_bits"
            for stage in network.stages
            if hasattr(stage.synapse, "weight_bits")
        ]
        if not paths:
            raise DescriptionError(
                f"no layer of {source} has weights, so weight_bits cannot be overridden; leave it out"
            )
        return paths
    if name == "hidden":
        before = [layer for layer in network.layers if layer.has_neuron and not layer.last]
        if len(before) != 1:
            names = ", ".join(layer.name for layer in before) or "none"
            raise DescriptionError(
                f"hidden is for networks of one hidden layer, and {source} has {len(before)} ({names}): "
                f"say --set {_STAGES}.NAME.synapse.units=N"
            )
        return [f"{_STAGES}.{before[0].name}.synapse.units"]
    raise DescriptionError(
        f"{source} has nothing called '{name}' to override; it has num_steps, weight_bits, hidden, encoder, readout, "
        f"and paths such as {_STAGES}.{network.stages[0].name}.neuron.threshold"
    )


def _set(document: dict[str, Any], path: str, number: int | str, problem: str) -> None:
    """Set the number at a path; DescriptionError, which begins with ``problem``, where no number is there."""
    *before, last = path.split(".")
    table, where = document, "a description"
    for key in before:
        table, where = _parts(_entry(table, key, problem, where)), key if table is document else f"{where}.{key}"
        if not table:
            raise DescriptionError(f"{problem}: {where} has no parts")
    if parts := _parts(_entry(table, last, problem, where)):
        raise DescriptionError(f"{problem} that is a number: it has {', '.join(parts)}")
    table[last] = number


def _entry(table: dict[str, Any], key: str, problem: str, where: str) -> Any:
    if key not in table:
        raise DescriptionError(f"{problem}: {where} has {', '.join(table)}")
    return table[key]


def _parts(value: Any) -> dict[str, Any]:
    """What a path can go on with: the keys of a table, the names of stages; of anything else nothing."""
    if isinstance(value, list):
        return {part["name"]: part for part in value if isinstance(part, dict)}
    return value if isinstance(value, dict) else {}
