"""NeuNorm: states and currents by hand, the forms against each other, and against the oracle."""

from typing import Any

import numpy as np
import pytest

from golden.network import Golden
from golden.neunorm import AuxiliaryNeurons, NeuNormConvolution
from snnhw.errors import DescriptionError
from snnhw.model import Model
from snnhw.network import Network
from snnhw.neunorm import folded
from tests import oracle
from tests.convolutions import model, network
from tests.neunorm import FORMS, deep, neunorm


def tensors_of(layer: Any, **values: Any) -> dict[str, Any]:
    return {f"{layer.name}.{name}": np.array(value) for name, value in values.items()}


def test_states_and_currents_by_hand():
    """Two channels send 1, 2 and 3 from the only position: X = 3, then floor(9 / 4) + 3 = 5, then floor(15 / 4) = 3."""
    chosen = network(neunorm(channels=1, kernel=1, padding=0, shift=2), (2, 1, 1), 2, bias=False)
    first, last = chosen.layers
    tensors = tensors_of(first, weight=[[[[3]], [[-1]]]], auxiliary=[[[5]]])
    tensors |= tensors_of(last, weight=[[1], [1]], bias=[0, 0])
    twin = NeuNormConvolution(Model(chosen, tensors).layers[0])
    state = twin.initial_state(1)
    found = []
    for values in ([1, 2], [3, 0], [0, 0]):
        state, current = twin.step(state, np.array([values]))
        found.append((int(state["auxiliary"][0, 0]), int(current[0, 0])))
    # 3 * 1 - 2 less 15 >> 2; 9 less 25 >> 2; 0 less 15 >> 2.
    assert found == [(3, 1 - 3), (5, 9 - 6), (3, 0 - 3)]


def test_a_number_below_0_is_shifted_down():
    chosen = network(neunorm(channels=1, kernel=1, padding=0, shift=2), (1, 1, 1), 1, bias=False)
    tensors = tensors_of(chosen.layers[0], weight=[[[[0]]]], auxiliary=[[[-1]]])
    tensors |= tensors_of(chosen.layers[1], weight=[[1], [1]], bias=[0, 0])
    twin = NeuNormConvolution(Model(chosen, tensors).layers[0])
    assert twin.step(twin.initial_state(1), np.array([[1]]))[1].tolist() == [[1]]


def test_a_state_decays_to_0_when_nothing_comes():
    layer = model(network(neunorm(decay_bits=5), (4, 2, 2), 1)).layers[0]
    neurons, nothing = AuxiliaryNeurons(layer), np.zeros((1, 16), np.uint8)
    state = neurons.initial_state(1)
    for _ in range(400):
        state, _ = neurons.step(state, np.ones((1, 16), np.uint8))
    assert 3 << 5 < state.max() <= layer.synapse.kept_values(layer.values, layer.in_shape, 400).hi == 4 << 5
    for _ in range(200):
        state, _ = neurons.step(state, nothing)
    assert state.tolist() == [[0, 0, 0, 0]]


@pytest.mark.parametrize("form", ["folded", "rank one", "full"])
def test_products_with_states_are_counted(form):
    """Beside the spikes' additions one for each channel, kernel's place and state that is not 0; U has more of them."""
    chosen = model(deep(neunorm(**FORMS[form])), seed=1)
    result = Golden(chosen).run(np.random.default_rng(2).integers(0, 256, (5, 4, 5), np.uint8), traces=True)
    layer = chosen.layers[1]
    reached = layer.synapse.fan_outs(layer.in_shape)
    sent = result.traces["first.auxiliary"].value * chosen.tensors.get("first.position", np.ones((4, 5), int)).ravel()
    products = (sent != 0) @ reached[:20] * (2 if form == "full" else 1)
    spikes = (result.traces["before"].value != 0) @ reached
    assert products.any()
    assert (result.operations["first"] == spikes + products).all()


def fields_of(chosen: Model, *names: str) -> list[Any]:
    return [getattr(chosen.layers[1].synapse, name) for name in names]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_computed_is_what_the_oracle_spells_out(form):
    chosen = model(deep(neunorm(**FORMS[form], stride=(2, 1), decay_bits=1)), seed=1)
    samples = np.random.default_rng(2).integers(0, 256, (3, 4, 5), np.uint8)
    result = Golden(chosen).run(samples, traces=True)
    assert result.traces["first.auxiliary"].value.any()
    for index, sample in enumerate(samples):
        spelled = oracle.run(chosen.network, chosen.tensors, sample)
        assert oracle.difference(chosen, result, index, spelled) is None


@pytest.mark.parametrize("form", ["per channel", "rank one"])
def test_numbers_of_channels_fold_exactly_where_there_is_room(form):
    """M in as many bits as it has is the same network; in fewer, a coarser one with a smaller shift."""
    chosen = model(deep(neunorm(**FORMS[form], auxiliary_bits=6, shift=4)), seed=3)
    samples = np.random.default_rng(4).integers(0, 256, (40, 4, 5), np.uint8)
    wanted = Golden(chosen).run(samples, traces=True).traces["first"].integrated
    exact, coarse = folded(chosen, 12), folded(chosen, 5)
    assert fields_of(exact, "form", "shift") == ["folded", 4]
    assert (Golden(exact).run(samples, traces=True).traces["first"].integrated == wanted).all()
    assert fields_of(coarse, "shift")[0] < 4
    assert 8 <= abs(coarse.tensors["first.auxiliary"]).max() <= 15
    off = Golden(coarse).run(samples, traces=True).traces["first"].integrated - wanted
    assert 0 < abs(off).max() <= abs(wanted).max() / 4


def test_a_folded_number_halfway_beyond_the_last_is_rounded_in_larger_units():
    """63 in halves is 31.5, which would round to 32: it takes quarters. And what fits no shift is refused."""
    chosen = network(neunorm(channels=1, kernel=1, padding=0, form="per_channel", shift=4), (1, 1, 1), 1, bias=False)
    tensors = tensors_of(chosen.layers[0], weight=[[[[-3]]]], auxiliary=[-21])
    tensors |= tensors_of(chosen.layers[1], weight=[[1], [1]], bias=[0, 0])
    made = folded(Model(chosen, tensors), 6)
    assert made.tensors["first.auxiliary"].tolist() == [[[16]]]
    assert made.network.model_dump()["stages"][0]["synapse"]["shift"] == 2
    with pytest.raises(DescriptionError, match="do not fit 2 bits"):
        folded(Model(chosen, tensors), 2)


@pytest.mark.parametrize("form", FORMS)
def test_no_current_leaves_its_bounds(form):
    """Those of the greatest and least numbers, all events at their greatest values, are reached or nearly."""
    layer = model(network(neunorm(**FORMS[form]), (3, 3, 4), 2), seed=5).layers[0]
    low, high = layer.synapse.current_bounds(layer.tensors, layer.values, layer.in_shape)
    twin, random = NeuNormConvolution(layer), np.random.default_rng(6)
    state, bias = twin.initial_state(50), layer.bias
    for step in range(12):
        values = random.integers(0, 4, (50, layer.inputs)) * (random.random((50, layer.inputs)) < step / 11)
        state, current = twin.step(state, values)
        assert ((current - bias >= low) & (current - bias <= high)).all()


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="takes no max_pool"):
        neunorm(max_pool=2)
    with pytest.raises(ValueError, match="takes no position_bits"):
        neunorm(form="full", position_bits=2)
    with pytest.raises(ValueError, match="goes by the events of every step"):
        Network.model_validate({**deep(neunorm()).model_dump(), "stages": deep(neunorm()).model_dump()["stages"][1:]})
