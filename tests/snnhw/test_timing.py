"""Predicted cycles are measured cycles, exactly, for every sample; floors are what hand and head compute."""

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateware import stream
from gateware.neuron import state_registered
from golden.network import run
from snnhw.data import load
from snnhw.design import Design
from snnhw.implementation import Choices, Implementation
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    Conv2d,
    CountReadout,
    Dense,
    Direct,
    Encoder,
    Events,
    IntegrateFire,
    Layer,
    MaxPool2d,
    Network,
    Neuron,
    Rate,
    SMaxPool2d,
    SumPool2d,
)
from snnhw.presets import resolve_model
from snnhw.simulate.amaranth import AmaranthSimulator
from snnhw.simulate.simulation import Simulator, Stall
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.timing import floor, predict
from snnhw.verification import verify
from tests import circuits, convolutions, kinds, strategies
from tests.gateware.harness import examples

STREAMED = 200
"""Samples that are streamed at most; intervals depend on few neighbours."""


def check(simulator: Simulator, design: Design, samples: NDArray[np.uint8]) -> None:
    """Every latency of a sample alone, and every interval in a stream of the first ones, is the predicted one.

    The scores are golden's too, so that the same cycles are not those of a circuit that computes something else.
    """
    result = run(design.model, samples, traces=True)
    predicted = predict(design, result)
    alone = simulator.run(samples, mode="isolated", traces=False).require_complete()
    stream = simulator.run(samples[:STREAMED], mode="stream", traces=False).require_complete()
    np.testing.assert_array_equal(result.scores, alone.scores)
    np.testing.assert_array_equal(result.scores[:STREAMED], stream.scores)
    np.testing.assert_array_equal(predicted.latency, alone.latency)
    np.testing.assert_array_equal(predicted.interval[: STREAMED - 1], stream.interval)
    assert (floor(design, result).latency <= predicted.latency).all()


@pytest.mark.slow
@examples(12)
@given(st.data())
def test_any_small_circuit(data: st.DataObject):
    model = data.draw(strategies.models())
    implementation = data.draw(strategies.implementations(model.network))
    samples = data.draw(strategies.samples(model.network, 4))
    check(AmaranthSimulator(Design(model, implementation)), Design(model, implementation), samples)


@pytest.mark.slow
@pytest.mark.parametrize("steps_wait", [False, True])
def test_state_in_block_ram(monkeypatch: pytest.MonkeyPatch, steps_wait: bool):
    """What stands in block RAM is not told by the number of bits here, so that few words show it."""
    monkeypatch.setattr(stream, "LUT_RAM_BITS", 0)
    monkeypatch.setattr(stream, "LUT_RAM_WORDS", 2)
    stages = [
        Layer(name=name, synapse=Dense(units=units, weight_bits=3), bias=True, neuron=Neuron(threshold=9, reset=reset))
        for name, units, reset in (("first", 7, "zero"), ("second", 10, "subtract"))
    ]
    network = Network(
        input_shape=(6,), encoder=Direct(bits=4), stages=tuple(stages), readout=CountReadout(), num_steps=4
    )
    random = np.random.default_rng(5)
    model = Model(network, {n: random.integers(-4, 4, shape) for n, shape in tensor_shapes(network).items()})
    lanes = {"first": 2, "second": 1 if steps_wait else 3}
    design = Design.of(model, neuron_lanes=lanes, synapse_lanes={"second": 10})
    assert [state_registered(layer) for layer in design.layers] == [True, True]
    samples = random.integers(0, 256, (12, 6), np.uint8)
    check(AmaranthSimulator(design), design, samples)
    assert verify(design, samples, engine="amaranth", stall=Stall(seed=3)).equal


@pytest.mark.slow
def test_spiking_maxima():
    """Two in a row, then neurons that take longer than they do; words go through one lane and through two."""
    pools = [SMaxPool2d(size=(2, 1)), SMaxPool2d(size=(1, 2), lateral_inhibition=True)]
    stages = [Layer(name=f"pool{index}", synapse=pool) for index, pool in enumerate(pools)]
    out = Layer(name="out", synapse=Dense(units=6, weight_bits=3), bias=False, neuron=Neuron(threshold=2))
    network = Network(
        input_shape=(2, 4, 5), encoder=Rate(threshold=99), stages=(*stages, out), readout=CountReadout(), num_steps=3
    )
    random = np.random.default_rng(3)
    model = Model(network, {"out.weight": random.integers(-4, 4, (6, 8))})
    samples = random.integers(0, 256, (6, 2, 4, 5), np.uint8)
    design = Design.of(model, neuron_lanes={"pool0": 1, "pool1": 2, "out": 1}, synapse_lanes={"out": 2})
    check(AmaranthSimulator(design), design, samples)


@pytest.mark.slow
@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("case", circuits.CASES)
def test_every_encoder_with_and_without_a_second_bank(case: str, overlap: bool):
    implementation = circuits.implementation(case).model_copy(update={"overlap": overlap})
    model = circuits.model(case)
    check(AmaranthSimulator(Design(model, implementation)), Design(model, implementation), circuits.samples(case, 5))


@pytest.mark.slow
@pytest.mark.parametrize("queued", [0, 1])
def test_windows_that_wait_for_the_next_layer(queued: int):
    """Several words on their way are held by one that waits: each event of a word takes the next layer two cycles."""
    network = convolutions.network(convolutions.conv(2, 3, padding=1), (2, 4, 4), bits=3)
    choices: dict[str, Any] = {"visits": {"first": "windows"}, "queued_words": {"first": queued}}
    design = Design.of(convolutions.model(network, seed=2), lanes=1, **choices)
    random = np.random.default_rng(1)
    samples = random.integers(0, 8, (4, *network.sample_shape), np.uint8)
    samples[1:] *= random.random(samples[1:].shape) < 0.5
    check(AmaranthSimulator(design), design, samples)


def two_lanes(case: str) -> tuple[Network, dict[str, Any]]:
    """A network with a convolution that takes two events a cycle, behind another layer with channels."""
    conv, shape = convolutions.conv, (4, 4, 4)
    if case == "behind steps apart, in groups":
        network = convolutions.after_channels(conv(3, 3, padding=1), shape)
        network = Network.model_validate({**dict(network), "encoder": Direct(bits=2)})
        return network, {"step_lanes": {"before": 2}, "synapse_lanes": {"first": 2}, "position_lanes": {"first": 3}}
    if case == "bursts, and a pool over currents":
        return convolutions.after_channels(conv(2, 2, max_pool=2), shape, bits=2), {"position_lanes": {"first": 1}}
    network = convolutions.after_channels(conv(3, 2), shape, bits=2)
    before, *others = network.stages
    pool = Layer(name="pool", synapse=SumPool2d(size=(2, 1)))
    stages = (before, pool, *others)
    return Network.model_validate({**dict(network), "stages": stages}), {"neuron_lanes": {"before": 3, "pool": 2}}


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", ["behind steps apart, in groups", "bursts, and a pool over currents", "sums behind a pool"]
)
def test_two_events_a_cycle(case: str):
    network, choices = two_lanes(case)
    design = Design.of(
        convolutions.model(network, seed=2), event_lanes={"first": 2}, queued_words={"first": 2}, **choices
    )
    random = np.random.default_rng(2)
    samples = random.integers(0, kinds.highest_pixel(network) + 1, (3, *network.sample_shape), np.uint8)
    samples *= random.random(samples.shape) < 0.5
    samples[0] = 0
    check(AmaranthSimulator(design), design, samples)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "lanes"), [("direct", 1), ("neuron_major", None)])
def test_steps_that_are_sent_apart(case: str, lanes: int | None):
    model = circuits.model(case)
    first = model.network.layers[0].name
    design = Design.of(model, lanes=lanes, step_lanes={first: model.network.num_steps})
    check(AmaranthSimulator(design), design, circuits.samples(case, 4))


@pytest.mark.long
@pytest.mark.parametrize("lanes", [128, 8, 3, 1])
def test_every_image_of_the_sample_on_mnist_mlp(lanes: int):
    model = resolve_model("mnist-mlp")
    # The widest is the circuit of other tests; with weights in files the others compile sooner.
    weights: Literal["inline", "readmemh"] = "inline" if lanes == 128 else "readmemh"
    implementation = Implementation.of(model.network, lanes=lanes, weights=weights)
    images = load("sample").images
    assert len(images) == 1000
    check(VerilatorSimulator.of(Design(model, implementation)), Design(model, implementation), images)


def ones(encoder: Encoder, units: list[int], inputs: int, steps: int, threshold: int) -> Model:
    """A network of weights 1 whose neurons keep what they have, and go on firing once they reach ``threshold``."""
    neuron = Neuron(threshold=threshold, reset="none")
    stages = tuple(
        Layer(name=f"layer{index}", synapse=Dense(units=count, weight_bits=2), bias=False, neuron=neuron)
        for index, count in enumerate(units)
    )
    network = Network(input_shape=(inputs,), encoder=encoder, stages=stages, readout=CountReadout(), num_steps=steps)
    return Model(network, {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(network).items()})


def floors(model: Model, sample: list[Any], **choices: Any) -> tuple[int, float]:
    implementation = Implementation.of(model.network, **choices)
    found = floor(Design(model, implementation), run(model, np.array([sample], np.uint8), traces=True))
    return int(found.latency[0]), found.interval


def test_floor_of_pixels_as_they_come():
    # 3 beats with 1, 1 and 2 pixels; 4 events for 2 groups are 8 reads, of which the last beat's 2 and the second
    # group's 4 come after cycle 3. All 4 neurons fire in each of 3 steps, 2 of them in the last group; the second
    # layer reads 12 words, in the first step 2 of them after cycle 9.
    model = ones(Direct(bits=4), [4, 2], inputs=6, steps=3, threshold=2)
    choices = {"lanes": 2, "neuron_lanes": {"layer0": 1}, "pixels_per_beat": 2}
    assert floors(model, [16, 0, 0, 16, 16, 16], **choices) == (9 + 2 + 4 + 4, 12)


@pytest.mark.parametrize(("overlap", "interval"), [(True, 4), (False, 6)])
def test_floor_of_pixels_that_are_kept(overlap: bool, interval: int):
    # 2 beats are taken in, then read once a step; both pixels of the first fire in both steps.
    model = ones(IntegrateFire(), [3], inputs=4, steps=2, threshold=99)
    assert floors(model, [255, 255, 0, 0], pixels_per_beat=2, overlap=overlap) == (6, interval)


def test_floor_of_events():
    # 2 events and 1, each read for 2 groups.
    model = ones(Events(bits=1), [2], inputs=3, steps=2, threshold=99)
    assert floors(model, [[1, 1, 0], [1, 0, 0]], lanes=1) == (6, 6)


CONVOLUTIONS: dict[str, tuple[Choices, int]] = {
    # Each event adds at the positions that it reaches, one a cycle, for 2 groups; 4 sums are read for each group.
    "a channel at one position": ({"lanes": 1}, (4 + 1 + 1) * 2 + 2 * 8),
    "a row of positions": ({"position_lanes": {"conv": 2}}, (2 + 1 + 1) + 2 * 4),
    # All positions and channels in a cycle; a word of both channels for each of 4 positions.
    "all": ({}, (2 + 1) + 2 * 4),
    "all, a channel in a word": ({"neuron_lanes": {"conv": 1}}, (2 + 1) + 2 * 8),
    # 2 rows of windows, of 3 blocks each.
    "windows": ({"visits": {"conv": "windows"}}, (2 + 1) + 2 * 6),
}


@pytest.mark.parametrize(("choices", "cycles"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_floor_of_a_convolution(choices: Choices, cycles: int):
    """2 events and 1, of 3 x 3 inputs, for 2 channels at 2 x 2 positions; nothing fires."""
    stages = (
        Layer(name="conv", synapse=Conv2d(channels=2, kernel=2, weight_bits=2), neuron=Neuron(threshold=99)),
        Layer(name="output", synapse=Dense(units=2, weight_bits=2), neuron=Neuron(threshold=99)),
    )
    network = Network(input_shape=(1, 3, 3), encoder=Events(), stages=stages, readout=CountReadout(), num_steps=2)
    model = Model(network, {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(network).items()})
    sample = np.zeros((2, 1, 3, 3), np.uint8)
    sample[0, 0, 1, 1] = sample[0, 0, 0, 2] = sample[1, 0, 2, 0] = 1
    assert floors(model, sample.tolist(), **choices) == (cycles, cycles)


def test_floor_of_a_pool():
    """4 events and 2, each time then both words; of the 2 spikes of the last step one comes with its last word."""
    stages = (
        Layer(name="pool", synapse=MaxPool2d(size=(3, 1)), bias=False),
        Layer(name="output", synapse=Dense(units=2, weight_bits=2), neuron=Neuron(threshold=99)),
    )
    network = Network(input_shape=(1, 3, 2), encoder=Events(), stages=stages, readout=CountReadout(), num_steps=2)
    model = Model(network, {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(network).items()})
    sample = np.zeros((2, 1, 3, 2), np.uint8)
    sample[0, 0, :2] = sample[1, 0, 2] = 1
    assert floors(model, sample.tolist()) == (4 + 2 + 2 + 2 + 1, 4 + 2 + 2 + 2)


def test_a_result_without_traces_is_refused():
    case = "rate"
    result = run(circuits.model(case), circuits.samples(case, 1))
    for count in (predict, floor):
        with pytest.raises(ValueError, match="traces=True"):
            count(Design(circuits.model(case), circuits.implementation(case)), result)
