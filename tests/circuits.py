"""Small models, one for each encoder and one neuron by neuron, that have all readouts and most kinds of neuron."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnhw.design import Design
from snnhw.implementation import Implementation
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    PER_NEURON,
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    Encoder,
    Events,
    FirstSpikeReadout,
    IntegrateFire,
    Latency,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Rate,
    Readout,
    Spike,
    VoteReadout,
)
from snnhw.shell import PLAIN, AxiShell, Shell, UartShell
from snnhw.verilog import Emitted, emit

INPUTS, STEPS = 11, 3


class Case(NamedTuple):
    encoder: Encoder
    layers: tuple[tuple[int, Neuron], ...]
    """Units and neuron of each."""
    readout: Readout
    lanes: tuple[tuple[int, int], ...]
    """Synapse and neuron lanes of each layer."""
    pixels_per_beat: int
    overlap: bool
    choices: Mapping[str, Any] = MappingProxyType({})
    """What else the implementation is made of."""


CASES: dict[str, Case] = {
    "direct": Case(
        Direct(bits=4),
        (
            (
                7,
                Neuron(
                    leak=Leak(kind="shift", bits=2, rounding="toward_zero"),
                    threshold=40,
                    spike=Spike(kind="residue", bits=4),
                ),
            ),
            (4, Neuron.integrator(leak=Leak(kind="subtract", amount=3), membrane=Range(lo=-60, hi=50))),
        ),
        MembraneReadout(),
        ((3, 2), (4, 4)),
        4,
        True,
    ),
    "integrate_fire": Case(
        IntegrateFire(),
        ((5, Neuron(threshold=PER_NEURON, reset="zero", reset_delay=True, refractory=1, initial=PER_NEURON)),),
        CountReadout(),
        ((5, 5),),
        16,
        False,
        {"event_lanes": {"layer0": 2}, "queue": False},
    ),
    "bernoulli": Case(
        Bernoulli(seed=77),
        (
            (6, Neuron(leak=Leak(kind="multiply", amount=3, bits=2), threshold=9, spike=Spike(kind="count", bound=3))),
            (3, Neuron(threshold=6, reset_amount=4, reset_delay=True)),
        ),
        FirstSpikeReadout(),
        ((6, 4), (1, 1)),
        3,
        True,
    ),
    "rate": Case(
        Rate(threshold=90, period=2, phase=1),
        ((6, Neuron(leak=Leak(kind="multiply", amount=PER_NEURON, bits=3), threshold=5, reset="none")),),
        VoteReadout(classes=3),
        ((4, 3),),
        8,
        True,
        {"event_lanes": {"layer0": 2}},
    ),
    "latency": Case(
        Latency(),
        (
            (
                8,
                Neuron(
                    leak=Leak(kind="shift", bits=1, rounding="toward_zero"), threshold=7, membrane=Range(lo=0, hi=30)
                ),
            ),
            (3, Neuron(threshold=1, reset_amount=0)),
        ),
        CountReadout(),
        ((8, 8), (3, 2)),
        1,
        False,
    ),
    "events": Case(
        Events(bits=2),
        ((4, Neuron(threshold=12)), (4, Neuron(threshold=2)), (2, Neuron.integrator())),
        MembraneReadout(),
        ((2, 1), (4, 2), (2, 2)),
        8,
        True,
        {"event_lanes": {"layer2": 2}},
    ),
    "neuron_major": Case(
        Direct(bits=3),
        (
            (5, Neuron(leak=Leak(kind="shift", bits=2), threshold=25, spike=Spike(kind="residue", bits=3))),
            (4, Neuron(threshold=18, initial=PER_NEURON)),
            (2, Neuron.integrator(leak=Leak(kind="shift", bits=1))),
        ),
        MembraneReadout(),
        ((4, 2), (4, 2), (2, 1)),
        4,
        True,
        {
            "schedule": "neuron_major",
            "event_lanes": {"layer0": 2, "layer1": 2, "layer2": 2},
            "step_lanes": {"layer1": STEPS},
            "queue": False,
        },
    ),
}


EDGES: dict[str, tuple[Encoder, int, int, int, Literal["inline", "readmemh"], Shell]] = {
    "one input": (Direct(bits=1), 1, 2, 1, "readmemh", PLAIN),
    "two inputs in one beat": (Direct(bits=4), 2, 1, 2, "readmemh", PLAIN),
    "three inputs, wide beats": (IntegrateFire(), 3, 2, 8, "readmemh", AxiShell(tdata=8)),
    "one neuron": (Bernoulli(), 1, 1, 1, "readmemh", UartShell(clock_hz=1_000_000)),
    "one input of events": (Events(), 1, 2, 1, "inline", AxiShell(tdata=64)),
}
"""Networks that are as small as can be: encoder, inputs, neurons, pixels per beat, where weights stand, shell."""


@lru_cache
def edge(name: str) -> Emitted:
    """The Verilog of one of them."""
    encoder, inputs, units, pixels_per_beat, weights, shell = EDGES[name]
    rng = np.random.default_rng(1)
    arrays = [rng.integers(-8, 8, (units, inputs)), rng.integers(-8, 8, (1, units))]
    small = Model.from_arrays(
        arrays, biases=[np.full(units, 5), None], thresholds=9, encoder=encoder, readout=CountReadout(), num_steps=2
    )
    choices = Implementation.of(small.network, pixels_per_beat=pixels_per_beat, weights=weights)
    return emit(Design(small, choices), shell=shell)


@lru_cache
def model(case: str) -> Model:
    """The model of a case, its tensors random but always the same."""
    encoder, layers, readout, *_ = CASES[case]
    stages = tuple(
        Layer(name=f"layer{index}", synapse=Dense(units=units, weight_bits=4), bias=index == 0, neuron=neuron)
        for index, (units, neuron) in enumerate(layers)
    )
    network = Network(input_shape=(INPUTS,), encoder=encoder, stages=stages, readout=readout, num_steps=STEPS)
    random = np.random.default_rng(len(case))
    spans = {"weight": (-8, 8), "bias": (-9, 10), "threshold": (2, 20), "leak_amount": (0, 9), "initial": (-4, 5)}
    tensors = {
        name: random.integers(*spans[name.partition(".")[2]], shape) for name, shape in tensor_shapes(network).items()
    }
    return Model(network, tensors)


def implementation(case: str, weights: str = "inline") -> Implementation:
    """The lanes, beats and banks of a case."""
    names = [stage.name for stage in model(case).network.stages]
    lanes = dict(zip(names, CASES[case].lanes, strict=True))
    chosen = Implementation.of(
        model(case).network,
        synapse_lanes={name: synapse for name, (synapse, _) in lanes.items()},
        neuron_lanes={name: neuron for name, (_, neuron) in lanes.items()},
        pixels_per_beat=CASES[case].pixels_per_beat,
        overlap=CASES[case].overlap,
        **CASES[case].choices,
    )
    return chosen.model_copy(update={"weights": weights})


@lru_cache
def emitted(case: str, weights: str = "inline") -> Emitted:
    """The Verilog of a case."""
    return emit(Design(model(case), implementation(case, weights)))


def samples(case: str, count: int) -> NDArray[np.uint8]:
    """Random samples uint8 [count, *sample_shape], a third of each dark."""
    network = model(case).network
    shape = (count, *network.sample_shape)
    highest = network.encoder.value_range.hi if network.encoder.takes_events else 255
    random = np.random.default_rng(1)
    bright = random.integers(0, highest, shape, np.uint8, endpoint=True)
    return bright * (random.random(shape) > 1 / 3).astype(np.uint8)
