"""The random register against arithmetic of polynomials, and its leaps against single shifts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.lfsr import Leap, lfsr_advance

REGISTER_BITS = 32
POLYNOMIAL = 1 << 32 | 1 << 31 | 1 << 30 | 1 << 29 | 1 << 27 | 1 << 25 | 1
"""x^32 + x^31 + x^30 + x^29 + x^27 + x^25 + 1, bit i holding x^i: what the register's mask stands for."""


def times_x(value: int) -> int:
    """A polynomial over GF(2) times x, modulo the register's."""
    value <<= 1
    return value ^ POLYNOMIAL if value >> REGISTER_BITS else value


def product(left: int, right: int) -> int:
    """The product of two polynomials, modulo the register's."""
    total = 0
    while right:
        total ^= left if right & 1 else 0
        left, right = times_x(left), right >> 1
    return total


def power_of_x(exponent: int) -> int:
    """x to the ``exponent``, modulo the register's polynomial."""
    result, square = 1, 2
    while exponent:
        result = product(result, square) if exponent & 1 else result
        square, exponent = product(square, square), exponent >> 1
    return result


def mirrored(word: int) -> int:
    """The register's bits in the other order: a shift to the right is then a product with x."""
    return int(f"{word:032b}"[::-1], 2)


def test_register_by_hand():
    # 1 is odd, so the mask comes in; 0x80000057 is odd: 0x4000002b ^ mask; and so on.
    states = [1]
    for _ in range(4):
        states.append(lfsr_advance(states[-1], 1))
    assert states == [0x00000001, 0x80000057, 0xC000007C, 0x6000003E, 0x3000001F]


@settings(max_examples=50, deadline=None)
@given(st.integers(1, (1 << 32) - 1), st.integers(0, 3000))
def test_register_multiplies_by_x(seed, shifts):
    assert mirrored(lfsr_advance(seed, shifts)) == product(mirrored(seed), power_of_x(shifts))


def test_register_visits_every_state_but_zero():
    """x has order 2^32 - 1, whose prime factors are 3, 5, 17, 257 and 65537: the polynomial is primitive."""
    period = (1 << 32) - 1
    assert period == 3 * 5 * 17 * 257 * 65537
    assert power_of_x(period) == 1
    for prime in (3, 5, 17, 257, 65537):
        assert power_of_x(period // prime) != 1


@pytest.mark.parametrize("stride", [1, 4, 8, 16])
@settings(max_examples=20, deadline=None)
@given(st.integers(1, (1 << 32) - 1))
def test_leaps_land_where_single_shifts_do(stride, state):
    assert Leap(stride, 5).states(state).tolist() == [lfsr_advance(state, stride * (n + 1)) for n in range(5)]
