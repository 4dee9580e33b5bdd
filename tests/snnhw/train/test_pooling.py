"""Pools of events that are trained: gradients of a spiking maximum, counts of folded steps, and exact formats."""

import numpy as np
import pytest
import torch

from snnhw.model import Model
from snnhw.network import (
    Dense,
    Events,
    Layer,
    MaxPool2d,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    SMaxPool2d,
    SumPool2d,
)
from snnhw.train.convolution import s_max_pool2d
from snnhw.train.evaluate import exact_format
from tests.convolutions import model, network


def placed(**fields):
    """A spiking maximum over one window of four units."""
    return model(network(SMaxPool2d(size=2, **fields), (1, 2, 2), 2)).layers[0]


def gradients(values, weights, **fields):
    """What is sent, and the gradient of its sum with these weights of the steps, both as lists."""
    events = torch.tensor(values, dtype=torch.float32)[:, None].requires_grad_()
    sent = s_max_pool2d(placed(**fields), {}, events)
    (sent[:, 0, 0] * torch.tensor(weights)).sum().backward()
    return sent[:, 0, 0].tolist(), events.grad[:, 0].tolist()


def test_the_gradient_is_that_of_the_units_that_are_passed_on():
    """In the second step the unit that leads is silent; in the third two lead with the same value, and share."""
    values = [[2, 1, 0, 0], [0, 0, 1, 0], [1, 2, 0, 0], [2, 2, 0, 0]]
    sent, gradient = gradients(values, [1.0, 10.0, 100.0, 1000.0])
    assert sent == [2, 0, 2, 2]
    assert gradient == [[1, 0, 0, 0], [10, 0, 0, 0], [0, 100, 0, 0], [500, 500, 0, 0]]


def test_the_gradient_of_lateral_inhibition_is_that_of_the_sums():
    """The first unit leads after the first step, the second after the others: as much as it has grown by since."""
    values = [[1, 0, 0, 0], [0, 3, 0, 0], [0, 1, 0, 0]]
    sent, gradient = gradients(values, [1.0, 10.0, 100.0], lateral_inhibition=True)
    assert sent == [1, 2, 1]
    assert gradient == [[1 - 10, 10, 0, 0], [0, 10, 0, 0], [0, 100, 0, 0]]


@pytest.mark.parametrize("lateral_inhibition", [False, True])
def test_counts_of_all_steps_are_those_of_the_strongest_unit(lateral_inhibition):
    counts = torch.tensor([[[3.0, 4.0, 0.0, 1.0]]])
    assert s_max_pool2d(placed(lateral_inhibition=lateral_inhibition), {}, counts).tolist() == [[[4.0]]]


@pytest.mark.parametrize(("pool", "dtype"), [(MaxPool2d, torch.float32), (SMaxPool2d, torch.float64)])
def test_a_format_holds_the_sums_too(pool, dtype):
    """36 * 255 fits 24 bits, and 4,096 times as much does not."""
    neuron = Neuron.integrator(membrane=Range(lo=-99, hi=99))
    stages = (
        Layer(name="sum", synapse=SumPool2d(size=6)),
        Layer(name="pool", synapse=pool(size=1)),
        Layer(name="out", synapse=Dense(units=1, weight_bits=2), bias=False, neuron=neuron),
    )
    chosen = Network(
        input_shape=(1, 6, 6), encoder=Events(bits=8), stages=stages, readout=MembraneReadout(), num_steps=4096
    )
    assert exact_format(Model(chosen, {"out.weight": np.ones((1, 1), np.int64)})) == dtype
