"""A circuit that was built with one model computes another one, once that one's weights have been loaded."""

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from golden.network import Golden
from snnhw.design import Design
from snnhw.errors import DescriptionError, ModelError
from snnhw.implementation import Implementation
from snnhw.model import Model, tensor_shapes
from snnhw.network import CountReadout, Dense, Direct, IntegrateFire, Layer, Leak, MembraneReadout, Network, Neuron
from snnhw.simulate.simulation import Stall
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import verify
from snnhw.weights import image
from tests import convolutions

INPUTS = 21
SPANS = {"weight": (-8, 8), "bias": (-20, 21), "threshold": (3, 12)}


def network(encoder=Direct(bits=3), readout=CountReadout(), **changes):  # noqa: B008
    stages = (
        Layer(
            name="hidden",
            synapse=Dense(units=9, weight_bits=4),
            neuron=Neuron(leak=Leak(kind="shift", bits=2), threshold=30),
        ),
        Layer(
            name="output",
            synapse=Dense(units=4, weight_bits=4),
            neuron=Neuron.integrator() if readout.kind == "membrane" else Neuron(threshold="per_neuron"),
        ),
    )
    return Network(input_shape=(INPUTS,), encoder=encoder, stages=stages, readout=readout, num_steps=3, **changes)


def model(seed, net=None, small=False):
    net = net or network()
    random = np.random.default_rng(seed)
    parameters = np.random.default_rng(9)
    tensors = {}
    for name, shape in tensor_shapes(net).items():
        kind = name.partition(".")[2]
        low, high = (-1, 2) if small and kind != "threshold" else SPANS[kind]
        tensors[name] = (parameters if kind == "threshold" else random).integers(low, high, shape)
    return Model(net, tensors)


def implementation(net, memory, **choices):
    return Implementation.of(
        net,
        synapse_lanes={"hidden": 4},
        neuron_lanes={"hidden": 2, "output": 2},
        pixels_per_beat=4,
        memory=memory,
        **choices,
    )


RAM = {"hidden": "ram", "output": "ram"}
SAMPLES = np.random.default_rng(0).integers(0, 256, (24, INPUTS), np.uint8)


@lru_cache
def circuit(kind="ram", seed=1):
    """The circuit of a model of small weights and biases, which give the least widths there could be."""
    memory = {"hidden": kind, "output": "ram"}
    return VerilatorSimulator.of(
        Design(model(seed, small=True), implementation(network(), memory, event_lanes={"hidden": 2}))
    )


def build(kind="ram"):
    choices = implementation(network(), {"hidden": kind, "output": "ram"}, event_lanes={"hidden": 2})
    return Design(model(1, small=True), choices)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_loaded_weights_compute_as_if_built_in(seed):
    built = build()
    new = model(seed)
    loaded = replace(circuit(), images=(image(new, built),))
    report = verify(Design(new, built.implementation), SAMPLES, simulator=loaded)
    assert report.equal, report.divergence
    assert report.timing_mismatches == 0


@pytest.mark.slow
def test_a_convolution_of_two_events_a_cycle_computes_with_loaded_weights():
    """Groups, and an odd channel fewer than even ones: another image for each lane's memory."""
    network = convolutions.after_channels(convolutions.conv(3, 2), (3, 3, 3), bits=2)
    choices: dict[str, Any] = {"synapse_lanes": {"first": 2}, "neuron_lanes": {"before": 2, "first": 2}}
    old, new = (convolutions.model(network, seed) for seed in (1, 2))
    new = Model(
        network, {**old.tensors, **{f"first.{kind}": new.tensors[f"first.{kind}"] for kind in ("weight", "bias")}}
    )
    built = Design.of(old, memory={"first": "ram"}, event_lanes={"first": 2}, **choices)
    loaded = replace(VerilatorSimulator.of(built), optimise=False, images=(image(new, built),))
    samples = np.random.default_rng(3).integers(0, 4, (8, *network.sample_shape), np.uint8)
    report = verify(Design(new, built.implementation), samples, simulator=loaded)
    assert report.equal, report.divergence
    assert report.timing_mismatches == 0


@pytest.mark.slow
def test_before_anything_is_loaded_the_built_in_model_is_computed():
    built = build()
    assert verify(built, SAMPLES, simulator=circuit()).equal
    assert not verify(Design(model(2), built.implementation), SAMPLES, simulator=circuit()).equal


@pytest.mark.slow
def test_weights_change_between_samples():
    built = build()
    new = model(2)
    loaded = replace(circuit(), images=(image(new, built),), images_before=10)
    run = loaded.run(SAMPLES, mode="stream", stall=Stall(seed=3, source=90)).require_complete()
    scores = np.concatenate([Golden(built.model).run(SAMPLES[:10]).scores, Golden(new).run(SAMPLES[10:]).scores])
    assert (run.scores == scores).all()


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 50, 100])
def test_a_load_that_broke_off_is_repeated(length):
    built = build()
    new = model(2)
    octets = image(new, built)
    loaded = replace(circuit(), images=(octets[:length], octets))
    assert verify(Design(new, built.implementation), SAMPLES, simulator=loaded).equal


@pytest.mark.slow
def test_a_broken_off_load_leaves_the_circuit_waiting():
    built = build()
    loaded = replace(circuit(), images=(image(model(2), built)[:-1],))
    assert loaded.run(SAMPLES[:1]).stuck


@pytest.mark.slow
def test_spram_waits_for_its_weights_and_computes_with_them():
    built = build("spram")
    assert circuit("spram").run(SAMPLES[:1]).stuck
    for new in (built.model, model(2)):
        loaded = replace(circuit("spram"), images=(image(new, built),))
        assert verify(Design(new, built.implementation), SAMPLES, simulator=loaded).equal


@pytest.mark.parametrize(
    ("net", "memory", "schedule"),
    [
        (network(encoder=IntegrateFire(), readout=MembraneReadout()), RAM, "step_major"),
        (network(), {"output": "ram"}, "neuron_major"),
    ],
    ids=["events", "neuron by neuron"],
)
@pytest.mark.slow
def test_any_schedule_takes_weights(net, memory, schedule):
    built, new = Design(model(1, net, small=True), implementation(net, memory, schedule=schedule)), model(2, net)
    if "hidden" not in memory:
        kept = {name: tensor for name, tensor in built.model.tensors.items() if name.startswith("hidden")}
        new = Model(net, {**new.tensors, **kept})
    loaded = replace(VerilatorSimulator.of(built), images=(image(new, built),), optimise=False)
    report = verify(Design(new, built.implementation), SAMPLES, simulator=loaded)
    assert report.equal, report.divergence


def test_widths_hold_whatever_may_be_loaded():
    built = build()
    hidden = built.layer("hidden")
    for extreme in (-8, 7):
        tensors = {**built.model.tensors, "hidden.weight": np.full((9, INPUTS), extreme)}
        tensors["hidden.bias"] = np.full(9, hidden.bias_range.lo if extreme < 0 else hidden.bias_range.hi)
        new = Model(built.network, tensors).layer("hidden").ranges
        assert (hidden.built.current | new.current) == hidden.built.current
        assert (hidden.built.membrane | new.membrane) == hidden.built.membrane


def test_a_rom_has_the_widths_of_its_weights():
    built = Design(model(1, small=True), implementation(network(), {}))
    assert [layer.built for layer in built.layers] == [layer.ranges for layer in built.model.layers]


def test_models_that_do_not_fit_are_refused():
    built = build()
    room = built.layer("hidden").bias_range
    with pytest.raises(ModelError, match=rf"'hidden.bias' must lie in {room.lo}\.\.{room.hi}.*reaches .*{room.hi + 1}"):
        image(changed(built.model, "hidden.bias", room.hi + 1), built)
    with pytest.raises(ModelError, match=r"'output.threshold' is built into the circuit and differs: build it anew"):
        image(changed(built.model, "output.threshold", 5), built)
    rom = Design(built.model, implementation(network(), {"output": "ram"}))
    with pytest.raises(ModelError, match=r"'hidden.weight' is built in.*build it with --memory hidden=ram"):
        image(changed(built.model, "hidden.weight", 5), rom)
    other = model(1, network(encoder=Direct(bits=4)))
    with pytest.raises(ModelError, match="another network: encoder differ"):
        image(other, built)
    with pytest.raises(DescriptionError, match="no layer of this circuit takes new weights"):
        image(built.model, Design(built.model, implementation(network(), {})))


def changed(built, name, value):
    return Model(built.network, {**built.tensors, name: np.full(built.tensors[name].shape, value)})


def test_a_memory_must_be_of_a_kind_and_of_a_layer():
    with pytest.raises(DescriptionError, match="memory of layer 'hidden' must be one of rom, ram, spram, not 'disk'"):
        implementation(network(), {"hidden": "disk"})
    with pytest.raises(DescriptionError, match=r"memory: there is no layer 'hide' .did you mean 'hidden'"):
        implementation(network(), {"hide": "ram"})
