"""Predicted cycles are measured cycles, exactly, for every sample; floors are what hand and head compute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from golden.network import Result, run
from snnhw.data import load
from snnhw.implementation import Implementation
from snnhw.model import Model, tensor_shapes
from snnhw.network import Dense, Direct, Events, IntegrateFire, Layer, Network, Neuron
from snnhw.presets import preset, resolve_model, shipped_models
from snnhw.simulate.amaranth import AmaranthSimulator
from snnhw.simulate.simulation import Simulator
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.timing import floor, predict
from tests import circuits, strategies
from tests.gateware.harness import examples


def check(simulator: Simulator, model: Model, implementation: Implementation, samples: NDArray[np.uint8]) -> None:
    """Every latency of a sample alone, and every interval in a stream, is the predicted one."""
    result = run(model, samples, traces=True)
    predicted = predict(model.network, implementation, result)
    alone = simulator.run(samples, mode="isolated", traces=False).require_complete()
    stream = simulator.run(samples, mode="stream", traces=False).require_complete()
    np.testing.assert_array_equal(predicted.latency, alone.latency)
    np.testing.assert_array_equal(predicted.interval, stream.interval)
    assert (floor(model.network, implementation, result).latency <= predicted.latency).all()


@examples(25)
@given(st.data())
def test_any_small_circuit(data: st.DataObject):
    model = data.draw(strategies.models())
    implementation = data.draw(strategies.implementations(model.network))
    samples = data.draw(strategies.samples(model.network, 4))
    check(AmaranthSimulator(model, implementation), model, implementation, samples)


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("case", circuits.CASES)
def test_every_encoder_with_and_without_a_second_bank(case: str, overlap: bool):
    implementation = circuits.implementation(case).model_copy(update={"overlap": overlap})
    model = circuits.model(case)
    check(AmaranthSimulator(model, implementation), model, implementation, circuits.samples(case, 5))


def mnist_mlp() -> Model:
    """The shipped model, or one of its shape."""
    if "mnist-mlp" in shipped_models():
        return resolve_model("mnist-mlp")
    network, random = preset("mnist-mlp"), np.random.default_rng(0)
    return Model(network, {name: random.integers(-8, 8, shape) for name, shape in tensor_shapes(network).items()})


@pytest.mark.verilator
@pytest.mark.parametrize("lanes", [128, 8, 3, 1])
def test_every_image_of_the_sample_on_mnist_mlp(lanes: int):
    model = mnist_mlp()
    implementation = Implementation.of(model.network, lanes=lanes)
    images = load("sample").images
    assert len(images) == 1000
    check(VerilatorSimulator.of(model, implementation), model, implementation, images)
