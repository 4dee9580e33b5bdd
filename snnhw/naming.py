"""The names that layers have in the circuit: their own, but for those that something else there has."""

from __future__ import annotations

from snnhw.network import STAGES_BESIDE_LAYERS, Network

__all__ = ["TAKEN", "instances"]

TAKEN = frozenset(
    {
        *("clk", "rst", "error", "loaded"),  # ports of the circuit
        *(*STAGES_BESIDE_LAYERS, "loader", "writes"),  # what stands beside the layers, and the strobe of the loader
        *("circuit", "core"),  # what the circuit may stand in
        *("board", "shell", "harness", "rest"),  # what else a report counts cells of
    }
)
"""Names that a layer's instance cannot have. Two underscores in a row are for signals of streams."""


def instances(network: Network) -> dict[str, str]:
    """The name of each layer's instance in the circuit, by the layer's name; they differ from each other too."""
    named: dict[str, str] = {}
    own = {layer.name for layer in network.layers}
    for layer in network.layers:
        instance, others = layer.name, {*TAKEN, *named.values(), *own - {layer.name}}
        while "__" in instance or instance in others:
            instance = f"layer_{instance.replace('__', '_')}"
        named[layer.name] = instance
    return named
