"""What a network or a model computes, in words: for the header of the Verilog and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from snnhw.model import Model
from snnhw.network import PER_NEURON, Encoder, Leak, Network, Neuron, Parameter, PlacedLayer, Range


def semantics(model: Model) -> list[str]:
    """One line for the encoder, each layer and the readout."""
    return _lines(model.network, [layer.ranges.integrated for layer in model.layers])


def network_semantics(network: Network) -> list[str]:
    """The same of a network without weights, on which the width of a membrane that does not saturate depends."""
    return _lines(network, [None] * len(network.layers))


def _lines(network: Network, integrated: Sequence[Range | None]) -> list[str]:
    shape = "x".join(str(size) for size in network.input_shape)
    lines = [f"input {shape}, {network.num_steps} time steps", f"encoder {_encoder(network.encoder)}"]
    for layer, span in zip(network.layers, integrated, strict=True):
        lines.append(f"layer {layer.name}: {_layer(layer, span)}")
    winner = "lowest" if network.readout.lowest_wins else "highest"
    lines.append(f"readout {network.readout.kind}: {winner} of {network.classes} scores, ties to the lowest class")
    return lines


def _encoder(encoder: Encoder) -> str:
    says: dict[str, Callable[[Any], str]] = {
        "direct": lambda e: f"direct: x >> {8 - e.bits}, once; the first layer applies its sum at every step",
        "integrate_fire": lambda e: (
            f"integrate_fire: acc += x, fires at {e.FIRE_AT}, subtracts {e.FIRE_AT}, starts at {e.START}"
        ),
        "bernoulli": lambda e: f"bernoulli: fires iff the low byte of a 32-bit LFSR is below x, seed {e.seed}",
        "rate": lambda e: f"rate: fires iff x > {e.threshold} and t % {e.period} == {e.phase}",
        "latency": lambda e: "latency: fires at step ((255 - x) * steps) >> 8, never for 0",
        "events": lambda e: f"events: values of {e.bits} bits, step by step",
    }
    return says[encoder.kind](encoder)


def _layer(layer: PlacedLayer, integrated: Range | None) -> str:
    neuron = layer.neuron
    bias = " and bias" if layer.biased else ""
    parts = [
        f"{layer.inputs} -> {layer.units}, weights of {layer.synapse.weight_bits} bits{bias}",
        leak_text(neuron.leak),
    ]
    parts += firing_text(neuron)
    parts.append(f"membrane {_membrane(neuron, integrated)}, starts at {_parameter(neuron.initial)}")
    return "; ".join(parts)


def _membrane(neuron: Neuron, integrated: Range | None) -> str:
    """The membrane's range; ``integrated`` are the numbers that can occur, None where weights are not known."""
    if neuron.membrane is not None:
        return f"{neuron.membrane.lo}..{neuron.membrane.hi}, saturating"
    if integrated is None:
        return "as wide as the weights can make it"
    return f"{integrated.lo}..{integrated.hi}, proven free of overflow"


def leak_text(leak: Leak) -> str:
    """The leak as a formula."""
    rounding = "" if leak.kind in ("none", "subtract") else f" rounding {leak.rounding.replace('_', ' ')}"
    formula = {
        "none": "no leak",
        "subtract": f"leak m - {_parameter(leak.amount)}",
        "shift": f"leak m - (m >> {leak.bits})",
        "multiply": f"leak (m * {_parameter(leak.amount)}) >> {leak.bits}",
    }
    return formula[leak.kind] + rounding


def firing_text(neuron: Neuron) -> list[str]:
    """Threshold, spike, reset and refractory period, each a phrase."""
    if not neuron.fires:
        return ["never fires"]
    parts = [f"fires where integrated >= {_parameter(neuron.threshold)}"]
    amount = _parameter(neuron.threshold if neuron.reset_amount is None else neuron.reset_amount)
    if neuron.spike.kind == "residue":
        parts.append(f"sends integrated - {amount} in {neuron.spike.bits} bits")
    if neuron.spike.kind == "count":
        parts.append(f"sends up to {neuron.spike.bound} spikes at once")
    when = "after the next step's leak" if neuron.reset_delay else "in the same step"
    parts.append(
        {"subtract": f"subtracts {amount} {when}", "zero": f"resets to 0 {when}", "none": "no reset"}[neuron.reset]
    )
    if neuron.refractory:
        parts.append(f"refractory for {neuron.refractory} steps")
    return parts


def _parameter(value: Parameter | None) -> str:
    return "a value per neuron" if value == PER_NEURON else str(value)
