"""What training computes forward is what golden computes, number for number."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golden.network import run
from snnhw.data import Dataset, load
from snnhw.errors import ModelError
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    PER_NEURON,
    CountReadout,
    Dense,
    Direct,
    Events,
    IntegrateFire,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
)
from snnhw.train import TrainOptions, evaluate, train
from snnhw.train.evaluate import exact_format, scores
from snnhw.train.network import TrainableNetwork
from tests.strategies import models, networks, samples

EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.mark.slow
@EXAMPLES
@given(data=st.data())
def test_every_number_of_every_variant_is_goldens(data: st.DataObject):
    model = data.draw(models())
    chosen = data.draw(samples(model.network, count=3))
    expected = run(model, chosen, traces=True)
    assert scores(model, chosen).tolist() == expected.scores.tolist()
    network = TrainableNetwork.of(model, exact_format(model))
    events = network.events(torch.from_numpy(chosen.reshape(3, *events_leading(model.network), -1).copy()))
    assert expected.encoded is not None
    assert events.tolist() == expected.encoded.tolist()
    for layer in network.each_layer():
        activity, trace = network.run_layer(layer, events), expected.traces[layer.layer.name]
        if layer.layer.has_neuron:
            assert activity.membrane.tolist() == trace.state["membrane"][-1].tolist()
        if activity.spikes:
            assert torch.stack(activity.spikes).tolist() == trace.spike.tolist()
        if activity.values:
            events = torch.stack(activity.values)
            assert events.tolist() == trace.value.tolist()


def events_leading(network: Network) -> tuple[int, ...]:
    return (network.num_steps,) if network.encoder.takes_events else ()


@pytest.mark.parametrize(("threshold", "reset_amount"), [(10, PER_NEURON), (PER_NEURON, 50), (PER_NEURON, PER_NEURON)])
def test_a_delayed_reset_may_lead_out_of_the_membranes_range(threshold: Any, reset_amount: Any):
    """10 fires; then 10 + 10 - 50 saturates to -5, from which the neuron climbs anew."""
    membrane = Range(lo=-5, hi=30)
    neuron = Neuron(threshold=threshold, reset_amount=reset_amount, reset_delay=True, membrane=membrane)
    layer = Layer(name="only", synapse=Dense(units=1, weight_bits=5), bias=False, neuron=neuron)
    network = Network(input_shape=(1,), encoder=Events(), stages=(layer,), readout=CountReadout(), num_steps=9)
    tensors: dict[str, Any] = {"only.weight": [[10]], "only.threshold": [10], "only.reset_amount": [50]}
    wanted = {name: tensors[name] for name in tensor_shapes(network)}
    model, batch = Model.from_tensors(network, wanted), np.ones((1, 9, 1), np.uint8)
    assert scores(model, batch).tolist() == run(model, batch).scores.tolist() == [[3]]
    with pytest.raises(ValueError, match=r"^samples must be uint8 \[B, 9, 1\], not int64"):
        scores(model, batch.astype(np.int64))


@pytest.mark.slow
@EXAMPLES
@given(data=st.data())
def test_a_model_comes_back_from_the_trainable_network(data: st.DataObject):
    model = data.draw(models())
    network = TrainableNetwork.of(model, exact_format(model))
    assert Model(model.network, network.tensors()).digest == model.digest


@pytest.mark.slow
@settings(EXAMPLES, max_examples=40)
@given(data=st.data())
def test_whatever_is_trained_is_a_valid_model_that_golden_agrees_with(data: st.DataObject):
    network = data.draw(networks())
    chosen = data.draw(samples(network, count=12))
    labels = np.arange(12) % network.classes
    options = TrainOptions(epochs=2, batch_size=4, learning_rate=0.5, validation=3, augment=None, threads=1)
    model, record = train(network, Dataset(chosen, labels, "drawn"), options)
    assert record.best is not None
    assert record.best.validation is not None
    assert record.best.validation.correct == (run(model, chosen[9:]).classes == labels[9:]).sum()


@pytest.mark.parametrize("encoder", [Direct(bits=4), IntegrateFire()], ids=["direct", "integrate_fire"])
def test_the_samples_accuracy_is_goldens(encoder: Any):
    dataset = load("sample")
    assert dataset.labels is not None
    network = perceptron(encoder)
    options = TrainOptions(epochs=4, batch_size=32, validation=200, augment=None, threads=1)
    model, _ = train(network, dataset, options)
    expected = int((run(model, dataset.images).classes == dataset.labels).sum())
    assert evaluate(model, dataset) == (expected, 1000)
    assert expected > 700


def perceptron(encoder: Any) -> Network:
    hidden = Neuron(leak=Leak(kind="shift", bits=2), threshold=256 if encoder.kind == "direct" else 16)
    return Network(
        input_shape=(28, 28),
        encoder=encoder,
        stages=(
            Layer(name="hidden", synapse=Dense(units=32, weight_bits=4), neuron=hidden),
            Layer(name="output", synapse=Dense(units=10, weight_bits=4), neuron=Neuron.integrator()),
        ),
        readout=MembraneReadout(),
        num_steps=4,
    )


def wide(bits: int, num_steps: int, leak: Leak | None = None, inputs: int = 1) -> Model:
    """A model whose membrane grows by up to 255 * (2**bits - 1) * inputs in each of ``num_steps`` steps."""
    layer = Layer(
        name="output", synapse=Dense(units=1, weight_bits=bits + 1), bias=False, neuron=Neuron.integrator(leak=leak)
    )
    network = Network(
        input_shape=(inputs,), encoder=Direct(), stages=(layer,), readout=MembraneReadout(), num_steps=num_steps
    )
    return Model(network, {"output.weight": np.full((1, inputs), (1 << bits) - 1)})


def test_the_shortest_format_that_holds_every_number_is_chosen():
    reach = 255 * 32767
    assert reach * 2 < 1 << 24 < reach * 3
    assert exact_format(wide(15, 2)) == torch.float32
    assert exact_format(wide(15, 3)) == torch.float64
    assert exact_format(wide(15, 1, Leak(kind="multiply", amount=3, bits=2))) == torch.float64


def test_numbers_beyond_24_bits_are_exact():
    model = wide(15, 64)
    image = np.full((1, 1), 255, np.uint8)
    assert scores(model, image).tolist() == [[255 * 32767 * 64]]


def test_what_no_format_holds_is_refused():
    with pytest.raises(ModelError, match=r"need \d+ bits"):
        exact_format(wide(15, 4096, Leak(kind="multiply", amount=1 << 16, bits=16), inputs=64))
