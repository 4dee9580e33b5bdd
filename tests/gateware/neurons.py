"""Neurons by themselves: a layer of any variant, currents for it, and what golden says of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from golden import neuron as golden
from snnhw.interface import SAMPLE, STEP
from snnhw.model import Model
from snnhw.network import CountReadout, Dense, Events, Layer, Leak, MembraneReadout, Network, Neuron, Range, Spike
from tests.layers import shape_of
from tests.strategies import integrators, models, neurons

SMALL = Range(lo=-20, hi=30)

LEAKS = {
    "none": Leak(),
    "subtract": Leak(kind="subtract", amount=3),
    "shift": Leak(kind="shift", bits=2),
    "shift toward zero": Leak(kind="shift", bits=2, rounding="toward_zero"),
    "multiply": Leak(kind="multiply", bits=4, amount=11),
    "multiply toward zero": Leak(kind="multiply", bits=4, amount=11, rounding="toward_zero"),
    "multiply by one": Leak(kind="multiply", bits=4, amount=16),
    "multiply by zero": Leak(kind="multiply", bits=4, amount=0),
}

RESETS: dict[str, dict[str, Any]] = {
    "subtract": {"reset": "subtract"},
    "subtract other": {"reset": "subtract", "reset_amount": 4},
    "subtract nothing": {"reset": "subtract", "reset_amount": 0},
    "zero": {"reset": "zero"},
    "none": {"reset": "none"},
    "delayed subtract": {"reset": "subtract", "reset_delay": True},
    "delayed zero": {"reset": "zero", "reset_delay": True},
}

SPIKES = {
    "binary": Spike(),
    "residue": Spike(kind="residue", bits=3),
    "count": Spike(kind="count", bound=3),
}

VARIANTS = [
    pytest.param(leak, reset, spike, marks=() if (a + 2 * b + c) % 3 == 0 else pytest.mark.long)
    for a, leak in enumerate(LEAKS)
    for b, reset in enumerate(RESETS)
    for c, spike in enumerate(SPIKES)
]
"""All combinations; those that are not long have each pair of a leak, a reset and a spike."""

SHAPES = {
    "a single word": shape_of(3),
    "one neuron": shape_of(1),
    "one lane": shape_of(4, 1, 1),
    "two words": shape_of(4, 4, 2),
    "lanes that do not divide the fan-out": shape_of(7, 3, 3),
    "neuron lanes that do not divide the synapse lanes": shape_of(8, 4, 3),
    "neither divides": shape_of(10, 4, 3),
}


def variant(leak, reset, spike):
    """A neuron of these choices, with and without saturation and refractory steps; and a number to vary the rest by."""
    index = list(LEAKS).index(leak) + list(RESETS).index(reset) + list(SPIKES).index(spike)
    neuron = Neuron(
        leak=LEAKS[leak],
        threshold=9,
        spike=SPIKES[spike],
        refractory=2 * (index % 2),
        membrane=None if index % 3 else SMALL,
        initial=2 if index % 5 else -1,
        **RESETS[reset],
    )
    return neuron, index


def model_of(neuron, low, high, num_steps=4, **tensors):
    """A layer whose currents reach from ``low`` to ``high``, a list of each per neuron."""
    stage = Layer(name="layer", synapse=Dense(units=len(low), weight_bits=16), bias=False, neuron=neuron)
    readout = CountReadout() if neuron.fires else MembraneReadout()
    network = Network(input_shape=(2,), encoder=Events(), stages=(stage,), readout=readout, num_steps=num_steps)
    given_tensors = {"layer.weight": np.array([low, high]).T}
    return Model(network, given_tensors | {f"layer.{name}": np.array(value) for name, value in tensors.items()})


def run_golden(config, currents):
    model, _, constant = config
    num_steps = model.network.num_steps
    bank = golden.NeuronBank(model.layers[0])
    steps = []
    for sample in currents:
        state = bank.initial_state(1)
        for t, current in enumerate(sample * num_steps if constant else sample):
            step = bank.step(state, np.array([current]))
            state = step.state
            numbers = {"integrated": step.integrated, "spike": step.spike, "value": step.value, **state}
            lists = {name: value[0].tolist() for name, value in numbers.items()}
            steps.append(lists | {"mark": SAMPLE if t == num_steps - 1 else STEP})
    return steps


@st.composite
def networks(draw):
    """One layer of any neuron."""
    fires = draw(st.booleans())
    stage = Layer(
        name="layer",
        synapse=Dense(units=draw(st.integers(1, 6)), weight_bits=draw(st.sampled_from([4, 1, 8, 16]))),
        bias=draw(st.booleans()),
        neuron=draw(neurons() if fires else integrators()),
    )
    return Network(
        input_shape=(draw(st.integers(1, 3)),),
        encoder=Events(bits=draw(st.integers(1, 4))),
        stages=(stage,),
        readout=CountReadout() if fires else MembraneReadout(),
        num_steps=draw(st.integers(1, 6)),
    )


@st.composite
def configs(draw):
    """A model, a shape, whether currents are constant, and currents of two samples, often at their bounds."""
    model = draw(models(networks()))
    stage, constant = model.layers[0], draw(st.booleans())
    synapse_lanes = draw(st.integers(1, stage.units))
    shape = shape_of(stage.units, synapse_lanes, draw(st.integers(1, synapse_lanes)))
    low, high = stage.current_bounds
    numbers = [
        st.one_of(st.sampled_from([lo, hi]), st.integers(lo, hi))
        for lo, hi in zip(low.tolist(), high.tolist(), strict=True)
    ]
    steps = 1 if constant else model.network.num_steps
    sample = st.lists(st.tuples(*numbers).map(list), min_size=steps, max_size=steps)
    return (model, shape, constant), draw(st.lists(sample, min_size=1, max_size=2))


def sweep(units, num_steps, low=-15, high=19):
    """Two samples that go up, down and back through the small numbers, each neuron at another place."""
    span = high - low + 1
    return [
        [[low + (7 * t * (unit + 1) + 3 * unit + sample) % span for unit in range(units)] for t in range(num_steps)]
        for sample in range(2)
    ]
