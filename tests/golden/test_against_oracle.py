"""Golden and the oracle are two readings of one description: every number of theirs is equal."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golden.network import run
from snnhw.model import Model
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
