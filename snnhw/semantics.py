"""What a network or a model computes, in words: for the header of the Verilog and for people."""

from __future__ import annotations

from collections.abc import Sequence

from snnhw.model import Model
from snnhw.network import Network, Neuron, PlacedLayer, Range, parameter_text


def semantics(model: Model) -> list[str]:
    """One line for the encoder, each layer and the readout."""
    return _lines(model.network, [layer.ranges.integrated if layer.has_neuron else None for layer in model.layers])


def network_semantics(network: Network) -> list[str]:
    """The same of a network without weights, on which the width of a membrane that does not saturate depends."""
    return _lines(network, [None] * len(network.layers))


def _lines(network: Network, integrated: Sequence[Range | None]) -> list[str]:
    shape = "x".join(str(size) for size in network.input_shape)
    lines = [f"input {shape}, {network.num_steps} time steps", f"encoder {network.encoder.text}"]
    for layer, span in zip(network.layers, integrated, strict=True):
        lines.append(f"layer {layer.name}: {_layer(layer, span)}")
    winner = "lowest" if network.readout.lowest_wins else "highest"
    lines.append(f"readout {network.readout.kind}: {winner} of {network.classes} scores, ties to the lowest class")
    return lines


def _layer(layer: PlacedLayer, integrated: Range | None) -> str:
    bias = " and bias" if layer.biased else ""
    parts = [f"{layer.inputs} -> {layer.units}, {layer.synapse.text}{bias}"]
    if layer.has_neuron:
        neuron = layer.neuron
        parts += [neuron.leak.text, *firing_text(neuron)]
        parts.append(f"membrane {_membrane(neuron, integrated)}, starts at {parameter_text(neuron.initial)}")
    return "; ".join(parts)


def _membrane(neuron: Neuron, integrated: Range | None) -> str:
    """The membrane's range; ``integrated`` are the numbers that can occur, None where weights are not known."""
    if neuron.membrane is not None:
        return f"{neuron.membrane.lo}..{neuron.membrane.hi}, saturating"
    if integrated is None:
        return "as wide as the weights can make it"
    return f"{integrated.lo}..{integrated.hi}, proven free of overflow"


def firing_text(neuron: Neuron) -> list[str]:
    """Threshold, spike, reset and refractory period, each a phrase."""
    if not neuron.fires:
        return ["never fires"]
    parts = [f"fires where integrated >= {parameter_text(neuron.threshold)}"]
    amount = parameter_text(neuron.threshold if neuron.reset_amount is None else neuron.reset_amount)
    parts += neuron.spike.texts(amount)
    when = "after the next step's leak" if neuron.reset_delay else "in the same step"
    parts.append(
        {"subtract": f"subtracts {amount} {when}", "zero": f"resets to 0 {when}", "none": "no reset"}[neuron.reset]
    )
    if neuron.refractory:
        parts.append(f"refractory for {neuron.refractory} steps")
    return parts
