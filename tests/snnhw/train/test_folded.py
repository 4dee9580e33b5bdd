"""Counts of spikes, trained before training through time: what they stand for, and where they are exact."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from golden.network import run
from snnhw.data import Dataset, load
from snnhw.errors import DescriptionError
from snnhw.evaluate import evaluate
from snnhw.model import Model
from snnhw.network import (
    Conv2d,
    CountReadout,
    Dense,
    Direct,
    Events,
    Layer,
    Leak,
    MaxPool2d,
    MembraneReadout,
    Network,
    Neuron,
    Spike,
    SumPool2d,
)
from snnhw.train import FoldedOptions, TrainOptions, train
from snnhw.train.folded import FoldedNetwork, check_foldable
from snnhw.train.network import TrainableNetwork
from tests.draws import RandomDraws
from tests.kinds import Limits
from tests.kinds import model as model_of
from tests.kinds import samples as samples_of

FIRES = Neuron(threshold="per_channel")
BURSTS = Neuron(threshold="per_channel", spike=Spike(kind="count", bound=3))
OPTIONS = TrainOptions(
    epochs=2,
    folded=FoldedOptions(epochs=2, learning_rate=0.005),
    batch_size=64,
    seed=3,
    validation=100,
    threads=1,
    augment=None,
)


def conv(name, channels, neuron=FIRES):
    synapse = Conv2d(channels=channels, kernel=5, stride=3, padding=1, weight_bits=4)
    return Layer(name=name, synapse=synapse, neuron=neuron)


def network(num_steps=4, stages=None, **fields):
    last = Layer(name="out", synapse=Dense(units=10, weight_bits=4), neuron=Neuron.integrator())
    usual = {"encoder": Direct(bits=4), "readout": MembraneReadout()}
    stages = stages or (conv("first", 6), conv("second", 8), last)
    return Network(input_shape=(1, 28, 28), stages=stages, num_steps=num_steps, **{**usual, **fields})


def folded(chosen, samples, steps=5):
    """A network that has seen some batches, so that its normalisation is that of these samples."""
    made = FoldedNetwork(chosen)
    made.initialise(samples, torch.Generator().manual_seed(1))
    with torch.no_grad():
        for layer in made.each_layer():
            if layer.normalised:
                layer.offset.uniform_(0, 1, generator=torch.Generator().manual_seed(2))
        for _ in range(60):
            made(samples)
    return made.eval()


@pytest.fixture(scope="module")
def samples():
    return torch.from_numpy(load("sample", limit=60).images.reshape(60, -1).copy())


def counts(spiking, samples):
    """The spikes of each neuron of the first layer over all steps, [B, units]."""
    layer = next(spiking.each_layer())
    return torch.stack(spiking.run_layer(layer, spiking.events(samples)).values).sum(dim=0)


@torch.no_grad()
@pytest.mark.parametrize("num_steps", [1, 4])
def test_counts_of_a_first_layer_are_those_of_its_spikes(samples, num_steps):
    """But where rounding threshold and bias to integers moves a total over a threshold."""
    made = folded(network(num_steps), samples)
    layer = made.each_layer()[0]
    counted = layer(made.encoder(samples) * num_steps)[0]
    spiked = counts(made.unfolded(), samples)
    assert counted.max() == num_steps
    assert float((counted == spiked).float().mean()) > 0.97
    assert float((counted - spiked).abs().max()) <= 1


@torch.no_grad()
def test_what_is_unfolded_fires_where_the_normalised_total_reaches_a_count(samples):
    """Threshold and bias before rounding: exactly the same counts, computed in another order."""
    made = folded(network(), samples).double()
    layer = made.each_layer()[0]
    tensors = layer.tensors()
    total = layer.steps * torch.nn.functional.conv2d(
        made.encoder(samples).double().reshape(-1, 1, 28, 28),
        tensors["weight"].round().clamp(-8, 7),
        stride=3,
        padding=1,
    )
    with_bias = total + layer.steps * tensors["bias"][:, None, None]
    expected = (with_bias / tensors["threshold"][:, None, None]).floor().clamp(0, 4).reshape(60, -1)
    counted = layer(made.encoder(samples).double() * layer.steps)[0]
    assert float((counted == expected).double().mean()) > 0.9999


def test_the_penalty_makes_spikes_fewer(samples):
    data = load("sample", limit=500)
    spikes = {}
    for penalty in (0.0, 30.0):
        model, _ = train(network(), data, OPTIONS.model_copy(update={"spike_penalty": penalty}))
        spikes[penalty] = float(TrainableNetwork.of(model, torch.float32).run(samples).operations.detach())
    assert spikes[30.0] < 0.7 * spikes[0.0]


@pytest.mark.slow
def test_counts_alone_may_be_the_whole_training(caplog):
    data = load("sample", limit=500)
    counts = FoldedOptions(epochs=3, learning_rate=0.5)
    options = OPTIONS.model_copy(update={"epochs": 0, "spike_penalty": 3000.0, "folded": counts})
    model, record = train(network(), data, options)
    assert [scored.epoch for scored in record.epochs] == [1, 2, 3]
    assert evaluate(model, data).correct is not None
    assert "after epoch 3, layer 'first' is silent" in caplog.text


def test_a_training_has_an_epoch():
    with pytest.raises(ValidationError, match="epochs may only be 0 after epochs of counts"):
        TrainOptions(epochs=0)


class Interrupted(Exception):
    """Stands for whatever ends a training early."""


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [2, 3, 4], ids=["among counts", "where time begins", "through time"])
def test_a_resumed_training_ends_as_an_uninterrupted_one(tmp_path, epoch):
    data, file = load("sample", limit=500), tmp_path / "training.checkpoint"
    whole, record = train(network(), data, OPTIONS)
    assert [scored.epoch for scored in record.epochs] == [1, 2, 3, 4]

    def stop(progress):
        assert progress.epochs == 4
        if (progress.epoch, progress.batch) == (epoch, 2) and progress.scored is None:
            raise Interrupted

    with pytest.raises(Interrupted):
        train(network(), data, OPTIONS, checkpoint=file, on_progress=stop)
    resumed, again = train(network(), data, OPTIONS, checkpoint=file)
    assert resumed.digest == whole.digest
    assert [scored.validation for scored in again.epochs] == [scored.validation for scored in record.epochs]


@torch.no_grad()
def test_operations_are_events_times_what_they_reach(samples):
    """Of the events of the first layer 3 x 3 positions of 8 channels at most, of the second all ten classes."""
    spiking = folded(network(), samples).unfolded()
    first, second, _ = spiking.each_layer()
    events = torch.stack(spiking.run_layer(first, spiking.events(samples)).values)
    later = torch.stack(spiking.run_layer(second, events).values)
    expected = events.sum(dim=(0, 2)).mean() * 8 * 2 * 2 + later.sum(dim=(0, 2)).mean() * 10
    assert second.layer.synapse.fan_out(second.layer.in_shape) == 8 * 2 * 2
    assert float(spiking.run(samples).operations) == pytest.approx(float(expected))


@torch.no_grad()
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32), bound=st.integers(1, 15), pool=st.sampled_from([SumPool2d, MaxPool2d]))
def test_in_one_step_the_counts_of_all_layers_are_goldens_spikes(seed, bound, pool):
    """With thresholds and biases that are integers: a quarter beside the bias no total is rounded over a count."""
    bursts = Spike(kind="count", bound=bound)
    pooled = Conv2d(channels=3, kernel=2, weight_bits=4, max_pool=2)
    stages = (
        Layer(name="pooled", synapse=pooled, neuron=Neuron(threshold="per_channel", spike=bursts)),
        Layer(name="pool", synapse=pool(size=2)),
        Layer(name="dense", synapse=Dense(units=4, weight_bits=4), neuron=Neuron(threshold="per_neuron")),
        last(Neuron.integrator()),
    )
    chosen = Network(
        input_shape=(1, 9, 9), stages=stages, encoder=Direct(bits=4), readout=MembraneReadout(), num_steps=1
    )
    model = model_of(RandomDraws(np.random.default_rng(seed), ends=0.1), chosen, Limits(magnitude=60))
    images = samples_of(RandomDraws(np.random.default_rng(seed)), chosen, 20)
    made = FoldedNetwork(chosen).double().eval()
    for layer, whole in zip(made.each_layer(), model.layers, strict=True):
        tensors = {name: torch.from_numpy(tensor.copy()).double() for name, tensor in whole.tensors.items()}
        if layer.normalised:
            layer.get_buffer("variance").copy_(tensors.pop("threshold").square() - 1e-5)
            layer.get_buffer("mean").copy_(-tensors.pop("bias") - 0.25)
        for name, tensor in tensors.items():
            layer.get_parameter(name).copy_(tensor)
    unfolded = made.tensors()
    assert all((unfolded[name] == tensor).all() for name, tensor in model.tensors.items())
    result = run(model, images, traces=True)
    counts = made.encoder(torch.from_numpy(images.reshape(20, -1))).double()
    for layer in made.each_layer():
        counts = layer(counts)
        if layer.normalised:
            assert (counts[0].numpy() == result.traces[layer.layer.name].spike[0]).all()
    assert (counts[0].numpy() == result.scores).all()


def last(neuron):
    return Layer(name="out", synapse=Dense(units=10, weight_bits=4), neuron=neuron)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"encoder": Events(bits=1)}, "steps cannot be folded where the input is events"),
        (
            {"stages": (conv("first", 2), last(Neuron(threshold=9))), "readout": CountReadout()},
            "steps cannot be folded with the readout 'count': it needs membrane",
        ),
        (
            {
                "stages": (
                    conv("leaky", 2, Neuron(threshold=9, leak=Leak(kind="shift", bits=2))),
                    last(Neuron.integrator()),
                )
            },
            "neurons of layer 'leaky' must not leak, saturate or be refractory",
        ),
        (
            {"stages": (conv("fixed", 2, Neuron(threshold=9)), last(Neuron.integrator()))},
            r"layer 'fixed' needs binary spikes \(in one step also bursts\), biases, thresholds",
        ),
        (
            {"stages": (conv("burst", 2, BURSTS), last(Neuron.integrator())), "num_steps": 2},
            "layer 'burst' needs binary spikes",
        ),
        (
            {"stages": (conv("zeroed", 2, Neuron(threshold="per_channel", reset="zero")), last(Neuron.integrator()))},
            "layer 'zeroed' needs spikes that are binary or bursts, and a reset that subtracts the threshold at once",
        ),
    ],
)
def test_what_cannot_be_folded_is_named(fields, complaint):
    with pytest.raises(DescriptionError, match=complaint) as caught:
        check_foldable(network(**fields))
    assert "\n" not in str(caught.value)


def test_pools_of_events_may_stand_between(samples):
    stages = (conv("first", 4), Layer(name="pool", synapse=SumPool2d(size=2)), last(Neuron.integrator()))
    data = load("sample", limit=300)
    model, record = train(network(stages=stages), data, OPTIONS)
    assert isinstance(model, Model)
    assert len(record.epochs) == 4
    assert isinstance(data, Dataset)
    assert np.isfinite([scored.loss for scored in record.epochs]).all()
