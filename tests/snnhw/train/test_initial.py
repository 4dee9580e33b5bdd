import numpy as np
import pytest
import torch

from snnhw.network import Dense, Direct, Layer, Leak, MembraneReadout, Network, Neuron, Parameter
from snnhw.train.initial import initialise
from snnhw.train.network import TrainableLayer, TrainableNetwork

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (256, 64), dtype=np.uint8))


def started(threshold: Parameter, weight_bits: int = 8, leak: Leak | None = None, images: torch.Tensor = IMAGES):
    hidden = Neuron(leak=leak or Leak(), threshold=threshold)
    network = TrainableNetwork(
        Network(
            input_shape=(64,),
            encoder=Direct(bits=4),
            stages=(
                Layer(name="hidden", synapse=Dense(units=40, weight_bits=weight_bits), neuron=hidden),
                Layer(name="output", synapse=Dense(units=5, weight_bits=weight_bits), neuron=Neuron.integrator()),
            ),
            readout=MembraneReadout(),
            num_steps=4,
        )
    )
    initialise(network, images, torch.Generator().manual_seed(0))
    return network


def hidden_layer(network: TrainableNetwork) -> TrainableLayer:
    return next(network.each_layer())


@pytest.mark.parametrize("threshold", [300, 1000, 3000])
def test_currents_suit_the_threshold(threshold: int):
    network = started(threshold)
    current = hidden_layer(network).transmit(network.events(IMAGES))
    assert 0.4 * threshold < float(current.detach().std()) < 0.8 * threshold


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weights_are_neither_all_zero_nor_at_their_ends_whatever_the_threshold(bits: int):
    for threshold in (1, 1 << 30):
        weight = hidden_layer(started(threshold, bits)).tensors()["hidden.weight"]
        assert np.unique(weight).size > 2
        assert (weight == weight.max()).mean() < 0.5


def test_learned_parameters_start_where_neurons_fire():
    network = started("per_neuron", leak=Leak(kind="subtract", amount="per_neuron"))
    tensors = network.tensors()
    threshold = tensors["hidden.threshold"]
    assert (threshold == threshold[0]).all()
    assert tensors["hidden.leak_amount"].tolist() == pytest.approx((threshold / 16).round().tolist(), abs=1)
    activity = network.run_layer(hidden_layer(network), network.events(IMAGES))
    assert 0.05 < float(torch.stack(activity.spikes).detach().mean()) < 0.95


def test_logits_start_with_a_spread_of_one():
    network = started(300)
    with torch.no_grad():
        assert float(network.logits(network(IMAGES)).std()) == pytest.approx(1, rel=1e-3)


def test_dark_images_are_no_obstacle():
    network = started(300, images=torch.zeros((4, 64), dtype=torch.uint8))
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())
