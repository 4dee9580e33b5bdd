"""Golden and the oracle are two readings of one description: every number of theirs is equal."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golden.network import run
from snnhw.model import Model
from snnhw.network import CountReadout, Dense, Events, Layer, Network, Neuron, Range
from tests import oracle
from tests.strategies import models, samples


def check_sample(model: Model, result: Any, index: int, expected: oracle.Outcome) -> None:
    assert result.classes[index] == expected.winner
    assert result.scores[index].tolist() == expected.scores
    assert result.encoded[:, index].tolist() == expected.encoder
    assert result.events["encoder"][:, index].tolist() == sent(expected.encoder)
    for layer in model.network.stages:
        trace, spelled = result.traces[layer.name], expected.layers[layer.name]
        assert trace.integrated[:, index].tolist() == spelled.integrated
        assert trace.spike[:, index].tolist() == spelled.spike
        assert trace.value[:, index].tolist() == spelled.value
        for name, values in trace.state.items():
            assert values[:, index].tolist() == getattr(spelled, name)
        assert result.events[layer.name][:, index].tolist() == sent(spelled.value)


def sent(values: list[list[int]]) -> list[int]:
    """The events of each step: zeros send none."""
    return [len([value for value in row if value != 0]) for row in values]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_every_number_is_equal(data):
    model = data.draw(models(), label="model")
    batch = data.draw(samples(model.network, count=2), label="samples")
    result = run(model, batch, traces=True)
    for index, sample in enumerate(batch):
        check_sample(model, result, index, oracle.run(model.network, model.tensors, sample.tolist()))


def test_a_delayed_reset_far_below_the_membrane():
    """10 fires; then 10 + 10 - 50 saturates to -5, from which the neuron climbs anew."""
    neuron = Neuron(threshold=10, reset_amount=50, reset_delay=True, membrane=Range(lo=-5, hi=30))
    layer = Layer(name="only", synapse=Dense(units=1, weight_bits=5), bias=False, neuron=neuron)
    network = Network(input_shape=(1,), encoder=Events(), stages=(layer,), readout=CountReadout(), num_steps=5)
    model = Model.from_tensors(network, {"only.weight": [[10]]})
    batch = np.ones((1, 5, 1), np.uint8)
    result = run(model, batch, traces=True)
    assert result.traces["only"].integrated[:, 0, 0].tolist() == [10, -5, 5, 15, -5]
    check_sample(model, result, 0, oracle.run(network, model.tensors, batch[0].tolist()))
