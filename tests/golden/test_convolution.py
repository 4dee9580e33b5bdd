"""Convolutions and pools in golden: against numbers computed by hand, and against torch's."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from golden import convolution as golden
from golden.convolution import Convolution
from golden.network import run
from golden.pooling import MaxPool, SMaxPool, SumPool
from snnhw.model import Model
from snnhw.network import CountReadout, Dense, Events, Layer, MaxPool2d, Network, Neuron, Range, SMaxPool2d, SumPool2d
from tests.convolutions import conv, events, model, network

SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3))


def currents(chosen, values):
    """What the first layer makes of values [B, inputs]."""
    return Convolution(chosen.layers[0]).accumulate(np.asarray(values))


def with_weights(synapse, shape, weight, bias):
    """A model with these numbers in its first layer."""
    chosen = model(network(synapse, shape))
    tensors = {**chosen.tensors, "first.weight": np.array(weight), "first.bias": np.array(bias)}
    return type(chosen)(chosen.network, tensors)


def test_by_hand():
    """A kernel that weighs the pixel, the one to its right and the one below, at every other place."""
    synapse = conv(1, 2, stride=2)
    chosen = with_weights(synapse, (1, 4, 4), [[[[1, 2], [4, 0]]]], [-1])
    image = [[1, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0], [1, 1, 1, 1]]
    assert currents(chosen, [np.ravel(image)]).tolist() == [[1 + 2 - 1, 2 + 4 - 1, 4 - 1, 1 + 4 - 1]]


def test_padding_is_nothing():
    """The only pixel meets every weight of the kernel once, turned around."""
    chosen = with_weights(conv(1, 3, padding=1), (1, 1, 1), [[[[1, 2, 3], [4, 5, 6], [7, -8, -7]]]], [0])
    assert currents(chosen, [[1]]).tolist() == [[5]]
    chosen = with_weights(conv(1, 3, padding=2), (1, 1, 1), [[[[1, 2, 3], [4, 5, 6], [7, -8, -7]]]], [0])
    assert currents(chosen, [[1]]).tolist() == [[-7, -8, 7, 6, 5, 4, 3, 2, 1]]


def test_a_pool_takes_the_greatest_current_and_leaves_out_what_fills_no_window():
    chosen = with_weights(conv(1, 1, max_pool=2), (1, 3, 5), [[[[-3]]]], [1])
    image = [[1, 1, 0, 1, 0], [1, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    assert currents(chosen, [np.ravel(image)]).tolist() == [[-2, 1]]


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 3),
    SIZES,
    SIZES,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    SIZES,
    st.data(),
)
def test_as_torch_computes_it(channels, inputs, kernel, stride, padding, pool, data):
    sides = [data.draw(st.integers(max(1, size - 2 * pad), 7)) for size, pad in zip(kernel, padding, strict=True)]
    synapse = conv(channels, kernel, stride=stride, padding=padding)
    shape = (inputs, *sides)
    pool = tuple(min(size, side) for size, side in zip(pool, synapse.convolved(shape), strict=True))
    chosen = model(network(conv(channels, kernel, stride=stride, padding=padding, max_pool=pool), shape, 3), seed=1)
    values = events(inputs * sides[0] * sides[1], 3, 4, seed=2)
    weight, bias = (torch.from_numpy(chosen.tensors[f"first.{name}"].copy()) for name in ("weight", "bias"))
    images = torch.from_numpy(values).reshape(4, *shape)
    expected = functional.conv2d(images.double(), weight.double(), bias.double(), stride, padding)
    pooled = functional.max_pool2d(expected, pool)
    assert currents(chosen, values).tolist() == pooled.reshape(4, -1).long().tolist()


def test_samples_that_are_laid_out_in_several_turns(monkeypatch):
    chosen = model(network(conv(3, 3), (2, 6, 6)))
    values = events(72, 1, 9)
    whole = currents(chosen, values)
    monkeypatch.setattr(golden, "TOGETHER", 2 * 18 * 16)
    assert np.array_equal(currents(chosen, values), whole)
    assert currents(chosen, values[:0]).shape == (0, 48)


@pytest.mark.parametrize(("bits", "weight", "dtype"), [(1, 7, np.float32), (8, 32767, np.float64)])
def test_sums_are_exact_in_the_format_that_holds_them(bits, weight, dtype):
    synapse = conv(1, 8, weight_bits=16)
    chosen = with_weights(network_synapse := synapse, (9, 8, 8), np.full((1, 9, 8, 8), weight), [1])
    chosen = type(chosen)(network(network_synapse, (9, 8, 8), bits), chosen.tensors)
    twin = Convolution(chosen.layers[0])
    assert twin.dtype == dtype
    assert twin.accumulate(np.full((1, 576), (1 << bits) - 1)).tolist() == [[576 * weight * ((1 << bits) - 1) + 1]]


@settings(deadline=None)
@given(SIZES, st.data())
def test_pools_as_torch_computes_them(size, data):
    shape = (2, *(data.draw(st.integers(side, 7)) for side in size))
    values = events(int(np.prod(shape)), 3, 3, seed=5)
    images = torch.from_numpy(values).reshape(3, *shape).double()
    for kind, twin, expected in (
        (MaxPool2d, MaxPool, functional.max_pool2d(images, size)),
        (SumPool2d, SumPool, functional.avg_pool2d(images, size, divisor_override=1)),
    ):
        layer = model(network(kind(size=size), shape, 3)).layers[0]
        assert twin(layer).accumulate(values).tolist() == expected.reshape(3, -1).long().tolist()


def test_a_sum_may_need_more_bits_than_its_summands():
    layer = model(network(SumPool2d(size=4), (1, 4, 4), 8)).layers[0]
    assert layer.out_values.hi == 16 * 255
    assert SumPool(layer).accumulate(np.full((1, 16), 255, np.uint8)).tolist() == [[16 * 255]]


def spiking(layer, values):
    """The values [steps, units] of a spiking maximum from those of one sample's events, [steps, inputs]."""
    twin, rows = SMaxPool(layer), []
    state = twin.initial_state(1)
    for row in values:
        before = {name: numbers.copy() for name, numbers in state.items()}
        after, value = twin.step(state, np.asarray(row)[None])
        assert all(np.array_equal(state[name], before[name]) for name in state)
        state = after
        rows.append(value[0].tolist())
    return rows


def s_max_pool(size, shape, bits=1, num_steps=4, **fields):
    """The layer of a spiking maximum."""
    return model(network(SMaxPool2d(size=size, **fields), shape, bits, num_steps=num_steps)).layers[0]


TURNS = [
    # values of the window's units, the sums that follow, and what is sent without and with lateral inhibition
    ([1, 0, 0, 0], [1, 0, 0, 0], 1, 1),
    ([0, 1, 0, 0], [1, 1, 0, 0], 1, 0),  # a tie: the unit that spikes is one of those that lead
    ([1, 1, 0, 0], [2, 2, 0, 0], 1, 1),
    ([0, 0, 1, 0], [2, 2, 1, 0], 0, 0),  # the units that lead are silent
    ([0, 0, 0, 0], [2, 2, 1, 0], 0, 0),
    ([0, 0, 1, 0], [2, 2, 2, 0], 1, 0),
    ([0, 1, 0, 1], [2, 3, 2, 1], 1, 1),
]
GRADED = [
    ([3, 0, 0, 0], [3, 0, 0, 0], 3, 3),
    ([0, 2, 0, 3], [3, 2, 0, 3], 3, 0),
    ([0, 2, 3, 0], [3, 4, 3, 3], 2, 1),  # the greatest value is not the leader's
    ([1, 0, 1, 0], [4, 4, 4, 3], 1, 0),
    ([2, 1, 2, 3], [6, 5, 6, 6], 3, 2),  # of those that lead, the greatest value
]


@pytest.mark.parametrize("trace", [TURNS, GRADED], ids=["binary", "graded"])
def test_a_spiking_maximum_by_hand(trace):
    values, sums, plain, inhibited = map(list, zip(*trace, strict=True))
    assert np.cumsum(values, axis=0).tolist() == sums
    for lateral_inhibition, expected in ((False, plain), (True, inhibited)):
        layer = s_max_pool(2, (1, 2, 2), 2, len(trace), lateral_inhibition=lateral_inhibition)
        assert spiking(layer, values) == [[value] for value in expected]


def test_two_units_that_take_turns_count_twice_but_for_lateral_inhibition():
    """Each sends four spikes of eight: as a maximum over time that is four."""
    values = [[1, 0], [0, 1]] * 4
    sent = {
        inhibited: spiking(
            s_max_pool(2, (1, 2, 2), 1, 8, lateral_inhibition=inhibited), [[*row, 0, 0] for row in values]
        )
        for inhibited in (False, True)
    }
    assert {inhibited: int(np.sum(rows)) for inhibited, rows in sent.items()} == {False: 8, True: 4}


def published(images, size, lateral_inhibition):
    """The values of windows of images [steps, 1, channels, height, width], by the formulas of published code."""
    accumulated, sent = torch.zeros_like(images[0]), []
    for image in images:
        accumulated = accumulated + image
        if lateral_inhibition:
            out = functional.max_pool2d(accumulated, size)
            accumulated = accumulated - functional.interpolate(out, scale_factor=size)
        else:
            out = functional.max_pool2d(image + accumulated * 1000, size) - functional.max_pool2d(
                accumulated * 1000, size
            )
        sent.append(out)
    return torch.stack(sent)


@pytest.mark.parametrize("lateral_inhibition", [False, True])
@settings(deadline=None, max_examples=40)
@given(SIZES, SIZES, st.sampled_from([1, 3]), st.integers(0, 1000))
def test_a_spiking_maximum_as_published_code_computes_it(lateral_inhibition, size, windows, bits, seed):
    shape = (2, size[0] * windows[0], size[1] * windows[1])
    values = events(int(np.prod(shape)), bits, 6, seed)
    images = torch.from_numpy(values).reshape(6, 1, *shape).double()
    expected = published(images, size, lateral_inhibition).reshape(6, -1).long()
    found = spiking(s_max_pool(size, shape, bits, 6, lateral_inhibition=lateral_inhibition), values)
    assert found == expected.tolist()
    strongest = functional.max_pool2d(images.sum(dim=0), size).flatten().long()
    assert not lateral_inhibition or np.sum(found, axis=0).tolist() == strongest.tolist()


def test_rows_and_columns_that_fill_no_window_are_left_out_of_a_spiking_maximum():
    values = np.zeros((2, 15), np.int64)
    values[:, [0, 4, 9, 14]] = 1
    assert spiking(s_max_pool(2, (1, 3, 5)), values) == [[1, 0], [1, 0]]
    values[1, 8] = 1
    assert spiking(s_max_pool(2, (1, 3, 5)), values) == [[1, 0], [1, 1]]


def test_every_sample_starts_a_spiking_maximum_anew():
    layer = s_max_pool(2, (1, 2, 2), num_steps=2)
    chosen = model(layer.network)
    first, second = [[1, 0, 0, 0], [1, 0, 0, 0]], [[0, 1, 0, 0], [0, 0, 0, 1]]
    sample = np.array([first, second, first], np.uint8).reshape(3, 2, 1, 2, 2)
    assert run(chosen, sample, traces=True).traces["first"].value[:, :, 0].T.tolist() == [[1, 1], [1, 1], [1, 1]]


@pytest.mark.parametrize(("highest", "dtype"), [((1 << 19) - 1, np.int32), (1 << 19, np.int64)])
def test_sums_have_room_for_a_sample_of_greatest_values(highest, dtype):
    layer = replace(s_max_pool(1, (1, 1, 1), num_steps=4096), values=Range(lo=0, hi=highest))
    twin = SMaxPool(layer)
    state = {name: np.full_like(kept, 4095 * highest) for name, kept in twin.initial_state(1).items()}
    state, value = twin.step(state, np.full((1, 1), highest, np.uint32))
    assert twin.kept_dtype == dtype
    assert (int(state["greatest"][0, 0]), int(value[0, 0])) == (4096 * highest, highest)


def test_an_average_pool_is_a_sum_pool_before_greater_thresholds():
    """Neurons on averages of 2 x 2, in floating point, fire where those on sums do with four times the threshold."""
    stages = (
        Layer(name="pool", synapse=SumPool2d(size=2)),
        Layer(name="out", synapse=Dense(units=5, weight_bits=5), neuron=Neuron(threshold=4 * 11)),
    )
    chosen = Network(input_shape=(2, 4, 6), encoder=Events(), stages=stages, readout=CountReadout(), num_steps=8)
    random = np.random.default_rng(2)
    weight, bias = random.integers(-16, 16, (5, 12)), random.integers(-3, 4, 5)
    sample = random.integers(0, 2, (8, 2, 4, 6), np.uint8)
    tensors = {"out.weight": weight, "out.bias": 4 * bias}
    found = run(Model(chosen, tensors), sample[None], traces=True).traces["out"].spike
    membrane, expected = torch.zeros(5), []
    for image in torch.from_numpy(sample).float():
        membrane = (
            membrane
            + functional.avg_pool2d(image, 2).flatten() @ torch.from_numpy(weight).float().T
            + torch.from_numpy(bias)
        )
        expected.append((membrane >= 11).long())
        membrane = membrane - 11 * expected[-1]
    assert found[:, 0].tolist() == torch.stack(expected).tolist()
    assert 5 < found.sum() < 35
