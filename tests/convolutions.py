"""Convolutions and pools by themselves: layers with tensors, and the events that reach them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.design import Design, DesignLayer
from snnhw.model import Model
from snnhw.network import Conv2d, Dense, Events, Layer, MembraneReadout, Network, Neuron

LAST = Layer(name="out", synapse=Dense(units=2, weight_bits=2), neuron=Neuron.integrator())


def network(synapse: Any, shape: tuple[int, ...], bits: int = 1, bias: bool = True, num_steps: int = 2) -> Network:
    """A network whose first layer has these synapses, on events of ``bits`` bits."""
    neuron = Neuron(threshold=5) if synapse.gives_currents else None
    first = Layer(name="first", synapse=synapse, bias=bias and neuron is not None, neuron=neuron)
    return Network(
        input_shape=shape,
        encoder=Events(bits=bits),
        stages=(first, LAST),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


def model(chosen: Network, seed: int = 0) -> Model:
    """Random weights over all their bits, and biases."""
    random = np.random.default_rng(seed)
    tensors = {}
    for layer in chosen.layers:
        for name, shape in layer.tensor_shapes.items():
            span = layer.synapse.weight_range
            ends = (span.lo, span.hi) if name == "weight" else (-30, 30)
            tensors[f"{layer.name}.{name}"] = random.integers(*ends, shape, endpoint=True)
    return Model(chosen, tensors)


def built(chosen: Model, **choices: Any) -> DesignLayer:
    """The first layer, built with these choices."""
    given: dict[str, Any] = {name: {"first": value} for name, value in choices.items()}
    return Design.of(chosen, **given).layers[0]


def conv(channels: int = 3, kernel: Any = 3, **fields: Any) -> Conv2d:
    """A convolution with weights of 4 bits."""
    return Conv2d.model_validate({"channels": channels, "kernel": kernel, "weight_bits": 4, **fields})


def events(inputs: int, bits: int, steps: int, seed: int = 0) -> NDArray[np.int64]:
    """Values [steps, inputs] of some events; none in the second step, all of them in the third."""
    random = np.random.default_rng(seed)
    values = random.integers(1, 1 << bits, (steps, inputs)) * (random.random((steps, inputs)) < 0.4)
    values[1:2], values[2:3] = 0, (1 << bits) - 1
    return values.astype(np.int64)
