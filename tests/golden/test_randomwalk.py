"""The units' noise: draws by hand, their place in the register's sequence, and the statistics of the walk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from golden.lfsr import Leap, lfsr_advance
from golden.randomwalk import RandomWalk, noise_of
from snnhw.srbm.machine import Noise, RandomSampling
from snnhw.srbm.machine import RandomWalk as Walk

SEED = 0xACE1
LAGS = (1, 2, 3, 4, 5, 8, 16, 33)
DEVIATIONS = 4.5
"""Standard deviations that an estimate may be off: one in 150,000 is, of a few hundred here."""


@lru_cache(maxsize=1)
def ticks_of(noise: Noise, units: int, ticks: int) -> NDArray[np.int64]:
    """The noise of every unit at every tick [ticks, units]."""
    walk, state, rows = RandomWalk(noise, units), SEED, []
    for _ in range(ticks):
        state, drawn = walk.draw(state)
        rows.append(drawn)
    return np.stack(rows)


class TestDraws:
    def test_every_draw_of_a_walk_by_hand(self):
        ones = [sum(bits) for bits in product((0, 1), repeat=4)]
        assert noise_of(Walk(step=550), np.arange(16)).tolist() == [(2 * b - 4) * 550 for b in ones]
        assert noise_of(Walk(step=550), np.array([0b0000, 0b0100, 0b1001, 0b1011, 0b1111])).tolist() == [
            -2200,
            -1100,
            0,
            1100,
            2200,
        ]

    def test_a_walk_of_one_draw_always_goes_up_or_down(self):
        assert noise_of(Walk(step=7, draws=1), np.array([0, 1])).tolist() == [-7, 7]

    def test_sampling_goes_up_stays_and_goes_down_at_its_bounds(self):
        noise = RandomSampling(step=9, up=64, down=32)
        assert noise_of(noise, np.array([0, 63, 64, 223, 224, 255])).tolist() == [9, 9, 0, 0, -9, -9]

    @pytest.mark.parametrize(("up", "down", "expected"), [(256, 0, 1), (0, 256, -1), (0, 0, 0)])
    def test_sampling_that_leaves_nothing_to_chance(self, up, down, expected):
        drawn = noise_of(RandomSampling(step=1, up=up, down=down), np.arange(256))
        assert drawn.tolist() == [expected] * 256

    def test_the_first_draws_by_hand(self):
        # Four shifts from 1 give 0x3000001f, whose low four bits are ones; four more give 0x1300000b: 1011.
        state, drawn = RandomWalk(Walk(step=1), 2).draw(1)
        assert (state, drawn.tolist()) == (0x1300000B, [4, 2])

    @pytest.mark.parametrize("noise", [Walk(step=3, draws=5), RandomSampling(step=3, up=100, down=90)])
    def test_ticks_follow_each_other_in_one_sequence(self, noise):
        drawn = ticks_of(noise, units=3, ticks=4).ravel()
        states = [lfsr_advance(SEED, noise.bits * (n + 1)) for n in range(12)]
        assert drawn.tolist() == noise_of(noise, np.array(states) & ((1 << noise.bits) - 1)).tolist()


NOISES = [
    Walk(),
    Walk(step=1, draws=1),
    Walk(step=100, draws=16),
    RandomSampling(),
    RandomSampling(step=5, up=30, down=100),
]


def expected_moments(noise: Noise) -> tuple[float, float, float]:
    """Mean, variance and fourth central moment of a draw."""
    if noise.kind == "walk":
        # Sums of n coins +-1: variance n, fourth moment 3 n^2 - 2 n.
        n, step = noise.draws, noise.step
        return 0.0, n * step**2, (3 * n**2 - 2 * n) * step**4
    chances = {1: noise.up / 256, 0: 1 - (noise.up + noise.down) / 256, -1: noise.down / 256}
    mean = sum(chance * sign * noise.step for sign, chance in chances.items())
    central = [sum(chance * (sign * noise.step - mean) ** n for sign, chance in chances.items()) for n in (2, 4)]
    return mean, central[0], central[1]


def complaints(series: NDArray[np.int64], noise: Noise) -> Iterator[str]:
    """What is not as it must be in a series of draws: mean, variance, autocorrelation at ``LAGS``.

    Of n independent draws with variance s2 and fourth moment m4, the mean has the variance s2 / n, the variance has
    (m4 - s2^2) / n, and each autocorrelation 1 / n; the variance about their own mean is less by that mean's square.
    """
    mean, variance, fourth = expected_moments(noise)
    n = len(series)
    if abs(series.mean() - mean) > DEVIATIONS * (variance / n) ** 0.5:
        yield "mean"
    off = series - series.mean()
    bound = DEVIATIONS * ((fourth - variance**2) / n) ** 0.5 + DEVIATIONS**2 * variance / n
    if abs((off**2).mean() - variance) > bound:
        yield "variance"
    for lag in LAGS:
        if abs((off[lag:] * off[:-lag]).mean() / variance) > DEVIATIONS / n**0.5:
            yield f"autocorrelation at {lag}"


@pytest.mark.parametrize("noise", NOISES, ids=repr)
class TestStatistics:
    def test_of_one_unit_from_tick_to_tick(self, noise):
        drawn = ticks_of(noise, units=20, ticks=8000)
        for unit in (0, 7, 19):
            assert list(complaints(drawn[:, unit], noise)) == []

    def test_across_units_in_the_order_of_drawing(self, noise):
        assert list(complaints(ticks_of(noise, units=1000, ticks=100).ravel(), noise)) == []

    def test_between_two_units_at_one_tick(self, noise):
        mean, variance, _ = expected_moments(noise)
        drawn = ticks_of(noise, units=20, ticks=8000) - mean
        correlations = drawn.T @ drawn / (len(drawn) * variance)
        assert (np.abs(correlations - np.diag(np.diag(correlations))) < DEVIATIONS / len(drawn) ** 0.5).all()

    def test_how_far_the_walk_gets_grows_with_the_root_of_its_ticks(self, noise):
        """The sum of T draws has T times the variance, and for many draws the fourth moment of a normal, 3 s^4."""
        ticks, units = 200, 3000
        mean, variance, _ = expected_moments(noise)
        ends = ticks_of(noise, units, ticks).sum(axis=0) - ticks * mean
        assert abs((ends**2).mean() / (ticks * variance) - 1) < DEVIATIONS * (2 / units) ** 0.5


@pytest.fixture(scope="module")
def sound() -> NDArray[np.int64]:
    """Draws of four bits as they must be."""
    return Leap(4, 20000).states(SEED).astype(np.int64) & 15


class TestWhatTheStatisticsWouldFind:
    """Each check fails where it should: on faults that a noise circuit can have."""

    def test_sound_draws_pass(self, sound):
        assert list(complaints(noise_of(Walk(), sound), Walk())) == []

    @pytest.mark.parametrize("lag", [1, 5])
    def test_a_register_that_sometimes_stands_still(self, sound, lag):
        draws = sound.copy()
        draws[lag::10] = draws[:-lag:10]
        assert list(complaints(noise_of(Walk(), draws), Walk())) == [f"autocorrelation at {lag}"]

    def test_a_bit_that_is_stuck(self, sound):
        assert {"mean", "variance"} <= set(complaints(noise_of(Walk(), sound | 1), Walk()))

    def test_two_bits_that_are_one(self, sound):
        assert list(complaints(noise_of(Walk(), sound & 7 | (sound & 1) << 3), Walk())) == ["variance"]

    def test_a_step_that_is_a_twentieth_short(self, sound):
        assert list(complaints(noise_of(Walk(step=522), sound), Walk(step=550))) == ["variance"]
