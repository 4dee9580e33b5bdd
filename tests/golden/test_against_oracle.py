"""Golden and the oracle are two readings of one description: every number of theirs is equal."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golden.network import run
from snnhw.model import Model
from snnhw.network import CountReadout, Dense, Events, Layer, Network, Neuron, Range, SMaxPool2d
from tests import oracle
from tests.strategies import models, samples


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_every_number_is_equal(data):
    model = data.draw(models(), label="model")
    batch = data.draw(samples(model.network, count=2), label="samples")
    result = run(model, batch, traces=True)
    for index, sample in enumerate(batch):
        spelled = oracle.run(model.network, model.tensors, sample.tolist())
        assert oracle.difference(model, result, index, spelled) is None


def test_a_delayed_reset_far_below_the_membrane():
    """10 fires; then 10 + 10 - 50 saturates to -5, from which the neuron climbs anew."""
    neuron = Neuron(threshold=10, reset_amount=50, reset_delay=True, membrane=Range(lo=-5, hi=30))
    layer = Layer(name="only", synapse=Dense(units=1, weight_bits=5), bias=False, neuron=neuron)
    network = Network(input_shape=(1,), encoder=Events(), stages=(layer,), readout=CountReadout(), num_steps=5)
    model = Model.from_tensors(network, {"only.weight": [[10]]})
    batch = np.ones((1, 5, 1), np.uint8)
    result = run(model, batch, traces=True)
    assert result.traces["only"].integrated[:, 0, 0].tolist() == [10, -5, 5, 15, -5]
    assert oracle.difference(model, result, 0, oracle.run(network, model.tensors, batch[0].tolist())) is None


def test_spiking_maxima():
    """Graded events of which about half are there, through both kinds."""
    stages = (
        Layer(name="passed", synapse=SMaxPool2d(size=(2, 1))),
        Layer(name="grown", synapse=SMaxPool2d(size=2, lateral_inhibition=True)),
        Layer(name="out", synapse=Dense(units=2, weight_bits=3), bias=False, neuron=Neuron(threshold=5)),
    )
    network = Network(input_shape=(2, 5, 4), encoder=Events(bits=2), stages=stages, readout=CountReadout(), num_steps=7)
    random = np.random.default_rng(0)
    model = Model(network, {"out.weight": random.integers(-4, 4, (2, 4))})
    batch = (random.integers(0, 4, (20, 7, 2, 5, 4)) * random.integers(0, 2, (20, 7, 2, 5, 4))).astype(np.uint8)
    result = run(model, batch, traces=True)
    for index, sample in enumerate(batch):
        spelled = oracle.run(network, model.tensors, sample.tolist())
        assert oracle.difference(model, result, index, spelled) is None
    sent = {name: int(result.traces[name].value.sum()) for name in ("passed", "grown")}
    assert sent["passed"] > sent["grown"] > 0
