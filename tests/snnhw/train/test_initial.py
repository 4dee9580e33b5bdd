import numpy as np
import pytest
import torch

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
    Parameter,
    Range,
    Rate,
    Readout,
    Spike,
    VoteReadout,
)
from snnhw.train.activity import firing_of
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


def three_layers(
    neurons: list[Neuron], encoder: Encoder | None = None, readout: Readout | None = None, bits: int = 7
) -> Network:
    """64 inputs and a layer for each neuron, the last of 10 units; 8 steps."""
    units = [*[24] * (len(neurons) - 1), 10]
    stages = [
        Layer(name=f"layer{index}", synapse=Dense(units=count, weight_bits=bits), neuron=neuron)
        for index, (count, neuron) in enumerate(zip(units, neurons, strict=True), start=1)
    ]
    return Network(
        input_shape=(64,),
        encoder=encoder or IntegrateFire(),
        stages=tuple(stages),
        readout=readout or CountReadout(),
        num_steps=8,
    )


def begun(network: Network, images: torch.Tensor) -> TrainableNetwork:
    trainable = TrainableNetwork(network)
    initialise(trainable, images, torch.Generator().manual_seed(0))
    return trainable


DARK = torch.where(IMAGES > 230, IMAGES, 0)
"""Images of which one pixel in ten is above 0."""

NEURONS = {
    "slow": Neuron(threshold=40, leak=Leak(kind="shift", bits=3), refractory=1, reset_delay=True),
    "resting": Neuron(threshold=24, refractory=2, reset_delay=True),
    "leaking": Neuron(threshold=30, leak=Leak(kind="subtract", amount=3), reset="zero"),
    "graded": Neuron(threshold=40, spike=Spike(kind="residue", bits=6)),
    "bursting": Neuron(threshold=40, spike=Spike(kind="count", bound=3), membrane=Range(lo=-512, hi=511)),
    "never reset": Neuron(threshold=50, reset="none", refractory=1),
    "eager": Neuron(threshold=1),
    "all learned": Neuron(
        threshold=PER_NEURON, initial=PER_NEURON, leak=Leak(kind="multiply", amount=PER_NEURON, bits=4)
    ),
    "learned, strong leak": Neuron(threshold=PER_NEURON, leak=Leak(kind="subtract", amount=20)),
}


@pytest.mark.parametrize("name", NEURONS)
def test_all_layers_of_neurons_of_every_variant_fire_at_the_start(name: str, caplog: pytest.LogCaptureFixture):
    trainable = begun(three_layers([NEURONS[name]] * 3), DARK)
    assert caplog.messages == []
    for layer, firing in firing_of(trainable, DARK).items():
        assert firing.reached >= 0.2 and firing.full <= 0.8, layer.name


@pytest.mark.parametrize("encoder", [Direct(bits=4), Bernoulli(), Rate(), Latency(), Events(bits=2)])
@pytest.mark.parametrize("readout", [CountReadout(), FirstSpikeReadout(), VoteReadout(classes=5), MembraneReadout()])
def test_layers_fire_at_the_start_whatever_the_encoder_and_the_readout(
    encoder: Encoder, readout: Readout, caplog: pytest.LogCaptureFixture
):
    last = Neuron.integrator() if readout.kind == "membrane" else NEURONS["resting"]
    network = three_layers([NEURONS["slow"], last], encoder, readout)
    samples = DARK
    if encoder.takes_events:
        samples = (DARK.view(32, 8, 64) > 0).to(torch.uint8)
    trainable = begun(network, samples)
    assert caplog.messages == []
    found = firing_of(trainable, samples)
    assert [layer.name for layer in found] == ["layer1", "layer2"][: 1 if readout.kind == "membrane" else 2]
    assert all(firing.start is None for firing in found.values())


SLOW, HIGH = NEURONS["slow"], Neuron(threshold=5000, leak=Leak(kind="shift", bits=1))


@pytest.mark.parametrize(
    ("neurons", "images", "message"),
    [
        (
            [HIGH, NEURONS["resting"]],
            DARK,
            "layer 'layer1' starts with neurons that fire in 0.0 % of the samples, below 20 %: lower its threshold "
            "(5000) or weaken its leak or give its weights more bits (7)",
        ),
        (
            [NEURONS["resting"], Neuron(threshold=5000)],
            DARK,
            "layer 'layer2' starts with neurons that fire in 0.0 % of the samples, below 20 %: lower its threshold "
            "(5000) or give its weights more bits (7) or shorten the refractory time of layer 'layer1' (2)",
        ),
        (
            [SLOW, SLOW],
            torch.zeros_like(IMAGES),
            "layer 'layer1' starts with neurons that fire in 0.0 % of the samples, below 20 %: no event reaches it: "
            "look at the samples, and at the layers before it",
        ),
        (
            [Neuron(threshold=1, initial=5000, reset="none"), SLOW],
            DARK,
            "layer 'layer1' starts with neurons that send the most they can at 100 % of the steps, above 80 %: raise "
            "its threshold (1) or give its weights fewer bits (7)",
        ),
    ],
)
def test_a_layer_that_nothing_makes_fire_is_named_with_what_to_change(
    neurons: list[Neuron], images: torch.Tensor, message: str, caplog: pytest.LogCaptureFixture
):
    begun(three_layers(neurons), images)
    assert caplog.messages[0] == message


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
