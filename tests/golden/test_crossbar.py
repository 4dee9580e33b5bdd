"""The crossbar's sums are exact at every size, in whichever format they are computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.crossbar import Crossbar
from snnhw.network import Range
from tests.layers import dense


def currents(weight: list[list[int]], bias: list[int], values: list[int], highest: int) -> list[int]:
    """The currents of one step's events [inputs]."""
    crossbar = Crossbar(dense(np.array(weight), np.array(bias), Range(lo=0, hi=highest)))
    return crossbar.accumulate(np.array([values]))[0].tolist()


def test_by_hand():
    assert currents([[1, -2, 3], [0, 4, -5]], [10, -1], [1, 0, 2], 2) == [17, -11]


def test_an_empty_step_gives_the_bias():
    assert currents([[7, 7], [-8, -8]], [3, -4], [0, 0], 1) == [3, -4]


@pytest.mark.parametrize("weight", [-32768, 32767])
def test_extreme_weights_and_values(weight):
    inputs = 1000
    assert currents([[weight] * inputs], [0], [65535] * inputs, 65535) == [weight * inputs * 65535]


@pytest.mark.parametrize(
    ("bound", "dtype", "out_dtype"),
    [
        ((1 << 24) - 1, np.float32, np.int32),
        (1 << 24, np.float64, np.int32),
        ((1 << 31) - 1, np.float64, np.int32),
        (1 << 31, np.float64, np.int64),
        ((1 << 53) - 1, np.float64, np.int64),
        (1 << 53, np.int64, np.int64),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_formats_end_where_they_stop_being_exact(bound, dtype, out_dtype, sign):
    bias = sign * (bound - 5)
    crossbar = Crossbar(dense(np.array([[sign, 2 * sign, 2 * sign]]), np.array([bias]), Range(lo=0, hi=1)))
    assert (crossbar.dtype, crossbar.out_dtype) == (dtype, out_dtype)
    for values in ([1, 1, 1], [1, 0, 0], [0, 0, 0]):
        exact = bias + sign * (values[0] + 2 * values[1] + 2 * values[2])
        assert crossbar.accumulate(np.array([values])).tolist() == [[exact]]


def test_bound_counts_absolute_weights():
    """Where signs cancel, the partial sums still need the room."""
    big = 1 << 23
    crossbar = Crossbar(dense(np.array([[big, -big, 1]]), np.array([0]), Range(lo=0, hi=1)))
    assert crossbar.dtype == np.float64
    assert crossbar.accumulate(np.array([[1, 1, 1]])).tolist() == [[1]]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_sums_of_integers_in_any_order(data):
    inputs, units = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 4))
    bits, highest = data.draw(st.integers(1, 16)), data.draw(st.sampled_from([1, 15, 255, 65535]))
    weights = st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    weight = data.draw(st.lists(st.lists(weights, min_size=inputs, max_size=inputs), min_size=units, max_size=units))
    bias = data.draw(st.lists(st.integers(-(1 << 20), 1 << 20), min_size=units, max_size=units))
    values = data.draw(st.lists(st.integers(0, highest), min_size=inputs, max_size=inputs))
    expected = [b + sum(w * v for w, v in zip(row, values, strict=True)) for row, b in zip(weight, bias, strict=True)]
    assert currents(weight, bias, values, highest) == expected
    order = data.draw(st.permutations(range(inputs)))
    shuffled = [[row[index] for index in order] for row in weight]
    assert currents(shuffled, bias, [values[index] for index in order], highest) == expected
