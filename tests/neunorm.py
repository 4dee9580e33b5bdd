"""Convolutions with NeuNorm: one of each form, and a network behind direct encoding."""

from __future__ import annotations

from typing import Any

from snnhw.network import Direct, Layer, MembraneReadout, Network, NeuNormConv2d, Neuron
from tests.convolutions import LAST, conv

FORMS: dict[str, dict[str, Any]] = {
    "folded": {"form": "folded"},
    "folded, positions": {"form": "folded", "position_bits": 3},
    "per channel": {"form": "per_channel"},
    "rank one": {"form": "per_channel", "position_bits": 2},
    "full": {"form": "full"},
}


def neunorm(**fields: Any) -> NeuNormConv2d:
    """Three channels of kernels of 3 x 3, weights of 4 bits."""
    usual = {"channels": 3, "kernel": 3, "weight_bits": 4, "padding": 1, "shift": 4}
    return NeuNormConv2d.model_validate({**usual, **fields})


def deep(synapse: NeuNormConv2d, shape: tuple[int, int] = (4, 5), num_steps: int = 4) -> Network:
    """NeuNorm behind a convolution, as there is none in front of direct encoding."""
    before = Layer(name="before", synapse=conv(2, 3, padding=1), neuron=Neuron(threshold=30, reset="zero"))
    own = Layer(name="first", synapse=synapse, neuron=Neuron(threshold=9))
    stages = {"encoder": Direct(bits=4), "stages": (before, own, LAST), "readout": MembraneReadout()}
    return Network(input_shape=shape, num_steps=num_steps, **stages)
