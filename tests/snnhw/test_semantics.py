"""A model's meaning in words."""

import re

import numpy as np
import pytest

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
    Network,
    Neuron,
    Range,
    Rate,
    Spike,
)
from snnhw.semantics import firing_text, network_semantics, semantics
from tests.circuits import CASES, model


def test_a_network_line_by_line():
    network = Network(
        input_shape=(2, 3),
        encoder=Direct(bits=4),
        stages=(
            Layer(
                name="hidden",
                synapse=Dense(units=2, weight_bits=3),
                neuron=Neuron(
                    leak=Leak(kind="shift", bits=2), threshold=9, membrane=Range(lo=-20, hi=30), initial=PER_NEURON
                ),
            ),
            Layer(name="out", synapse=Dense(units=1, weight_bits=2), bias=False, neuron=Neuron(threshold=1)),
        ),
        readout=CountReadout(),
        num_steps=5,
    )
    tensors = {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(network).items()}
    assert semantics(Model(network, tensors)) == [
        "input 2x3, 5 time steps",
        "encoder direct: x >> 4, once; the first layer applies its sum at every step",
        "layer hidden: 6 -> 2, weights of 3 bits and bias; leak m - (m >> 2) rounding floor; "
        "fires where integrated >= 9; subtracts 9 in the same step; "
        "membrane -20..30, saturating, starts at a value per neuron",
        "layer out: 2 -> 1, weights of 2 bits; no leak; fires where integrated >= 1; subtracts 1 in the same step; "
        "membrane 0..6, proven free of overflow, starts at 0",
        "readout count: highest of 1 scores, ties to the lowest class",
    ]


@pytest.mark.parametrize(
    ("encoder", "says"),
    [
        (Direct(bits=8), "direct: x >> 0, once"),
        (IntegrateFire(), "integrate_fire: acc += x, fires at 256, subtracts 256, starts at 128"),
        (Bernoulli(seed=5), "bernoulli: fires iff the low byte of a 32-bit LFSR is below x, seed 5"),
        (Rate(threshold=9, period=4, phase=3), "rate: fires iff x > 9 and t % 4 == 3"),
        (Latency(), "latency: fires at step ((255 - x) * steps) >> 8, never for 0"),
        (Events(bits=3), "events: values of 3 bits, step by step"),
    ],
)
def test_encoders(encoder: Encoder, says: str):
    network = model("rate").network.model_copy(update={"encoder": encoder})
    assert semantics(Model(network, model("rate").tensors))[1].startswith(f"encoder {says}")


@pytest.mark.parametrize(
    ("leak", "says"),
    [
        (Leak(), "no leak"),
        (Leak(kind="subtract", amount=7), "leak m - 7"),
        (Leak(kind="subtract", amount=PER_NEURON), "leak m - a value per neuron"),
        (Leak(kind="shift", bits=3, rounding="toward_zero"), "leak m - (m >> 3) rounding toward zero"),
        (Leak(kind="multiply", amount=3, bits=2), "leak (m * 3) >> 2 rounding floor"),
    ],
)
def test_leaks(leak: Leak, says: str):
    assert leak.text == says


@pytest.mark.parametrize(
    ("neuron", "says"),
    [
        (Neuron.integrator(), ["never fires"]),
        (
            Neuron(threshold=9, reset_amount=7, reset_delay=True, refractory=2),
            ["fires where integrated >= 9", "subtracts 7 after the next step's leak", "refractory for 2 steps"],
        ),
        (
            Neuron(threshold=PER_NEURON, reset="zero", spike=Spike(kind="residue", bits=4)),
            [
                "fires where integrated >= a value per neuron",
                "sends integrated - a value per neuron in 4 bits",
                "resets to 0 in the same step",
            ],
        ),
        (
            Neuron(threshold=3, reset="none", spike=Spike(kind="count", bound=4)),
            ["fires where integrated >= 3", "sends up to 4 spikes at once", "no reset"],
        ),
    ],
)
def test_firing(neuron: Neuron, says: list[str]):
    assert firing_text(neuron) == says


def test_the_earliest_spike_wins():
    network = model("latency").network.model_copy(update={"readout": FirstSpikeReadout()})
    assert "lowest of 3 scores" in semantics(Model(network, model("latency").tensors))[-1]


@pytest.mark.parametrize("case", CASES)
def test_a_network_says_the_same_but_for_widths_that_weights_decide(case: str):
    for with_weights, without in zip(semantics(model(case)), network_semantics(model(case).network), strict=True):
        expected = re.sub(
            r"membrane \S+ proven free of overflow", "membrane as wide as the weights can make it", with_weights
        )
        assert without == expected


@pytest.mark.parametrize("case", CASES)
def test_every_line_is_one_printable_line(case: str):
    lines = semantics(model(case))
    assert len(lines) == 3 + len(model(case).network.stages)
    assert all(re.fullmatch(r"[ -~]+", line) for line in lines)
