"""Convolutions and pools in golden: against numbers computed by hand, and against torch's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from golden import convolution as golden
from golden.convolution import Convolution
from golden.pooling import MaxPool, SumPool
from snnhw.network import MaxPool2d, SumPool2d
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
