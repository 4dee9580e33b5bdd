"""Encoders against hand-computed events."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.encoder import encode, random_bytes
from golden.lfsr import lfsr_advance
from snnhw.network import (
    Bernoulli,
    Dense,
    Direct,
    Events,
    IntegrateFire,
    Latency,
    Layer,
    MembraneReadout,
    Network,
    Neuron,
    Rate,
)


def events_of(encoder: Any, pixels: list[int], num_steps: int) -> list[list[int]]:
    """The values of the events of one sample, [steps][inputs]."""
    readout = Layer(name="out", synapse=Dense(units=1, weight_bits=2), neuron=Neuron.integrator())
    network = Network(
        input_shape=(len(pixels),), encoder=encoder, stages=(readout,), readout=MembraneReadout(), num_steps=num_steps
    )
    return [values[0].tolist() for values in encode(network, np.array([pixels], np.uint8))]


class TestDirect:
    @pytest.mark.parametrize(
        ("bits", "expected"),
        [(8, [0, 1, 127, 128, 255]), (4, [0, 0, 7, 8, 15]), (1, [0, 0, 0, 1, 1])],
    )
    def test_keeps_the_upper_bits_and_sends_them_once(self, bits, expected):
        assert events_of(Direct(bits=bits), [0, 1, 127, 128, 255], 3) == [expected]


class TestIntegrateFire:
    def test_by_hand(self):
        # 100: 228, 328-256, 172, 272-256, 116; 255: 383-256, then one less each step
        assert events_of(IntegrateFire(), [100, 255, 128, 127, 0], 5) == [
            [0, 1, 1, 0, 0],
            [1, 1, 0, 1, 0],
            [0, 1, 1, 0, 0],
            [1, 1, 0, 1, 0],
            [0, 1, 1, 0, 0],
        ]

    @pytest.mark.parametrize("num_steps", [1, 2, 7, 25, 64, 256])
    def test_counts_are_rounded_to_the_nearest(self, num_steps):
        pixels = list(range(256))
        counts = np.sum(events_of(IntegrateFire(), pixels, num_steps), axis=0)
        for pixel, count in zip(pixels, counts.tolist(), strict=True):
            distance = abs(Fraction(pixel * num_steps, 256) - count)
            assert distance <= Fraction(1, 2)
            assert count == (2 * pixel * num_steps + 256) // 512


class TestBernoulli:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, (1 << 32) - 1))
    def test_position_n_sees_the_register_after_n_plus_1_bytes(self, seed):
        expected = [lfsr_advance(seed, 8 * (n + 1)) & 0xFF for n in range(40)]
        assert random_bytes(seed, 40).tolist() == expected

    def test_position_counts_pixels_then_steps(self):
        noise = random_bytes(5, 12).tolist()
        pixels = [200, 100, 50, 250]
        assert events_of(Bernoulli(seed=5), pixels, 3) == [
            [int(noise[step * 4 + index] < pixel) for index, pixel in enumerate(pixels)] for step in range(3)
        ]

    def test_is_strict_below(self):
        noise = random_bytes(1, 1)[0]
        assert events_of(Bernoulli(), [int(noise)], 1) == [[0]]
        assert events_of(Bernoulli(), [int(noise) + 1], 1) == [[1]]

    def test_dark_pixels_advance_too_and_never_fire(self):
        lit = events_of(Bernoulli(), [255, 128], 30)
        dark = events_of(Bernoulli(), [0, 128], 30)
        assert [row[1] for row in dark] == [row[1] for row in lit]
        assert not any(row[0] for row in dark)

    @pytest.mark.parametrize("pixel", [1, 32, 128, 200, 255])
    def test_frequency_is_the_pixel_over_256(self, pixel):
        fired = int((random_bytes(1, 1 << 16) < pixel).sum())
        assert abs(fired - 256 * pixel) < 4 * 128  # four standard deviations of a fair coin


class TestRate:
    @pytest.mark.parametrize(
        ("period", "phase", "steps"),
        [(1, 0, [0, 1, 2, 3, 4, 5, 6]), (3, 0, [0, 3, 6]), (3, 2, [2, 5]), (7, 6, [6])],
    )
    def test_phases(self, period, phase, steps):
        rows = events_of(Rate(threshold=100, period=period, phase=phase), [101, 255, 100, 0], 7)
        assert rows == [[1, 1, 0, 0] if step in steps else [0, 0, 0, 0] for step in range(7)]

    def test_threshold_255_is_never_exceeded(self):
        assert events_of(Rate(threshold=255), [255], 2) == [[0], [0]]

    def test_threshold_0_still_ignores_dark(self):
        assert events_of(Rate(threshold=0), [0, 1], 1) == [[0, 1]]


def moment(pixel: int, num_steps: int) -> list[int]:
    """The steps at which a pixel fires."""
    return [step for step, row in enumerate(events_of(Latency(), [pixel], num_steps)) if row[0]]


class TestLatency:
    @pytest.mark.parametrize(
        ("pixel", "num_steps", "steps"),
        [
            (255, 8, [0]),
            (224, 8, [0]),
            (223, 8, [1]),
            (128, 8, [3]),
            (127, 8, [4]),
            (1, 8, [7]),
            (0, 8, []),
            (1, 1, [0]),
            (1, 256, [254]),
            (1, 4096, [4064]),
        ],
    )
    def test_moments(self, pixel, num_steps, steps):
        assert moment(pixel, num_steps) == steps

    @pytest.mark.parametrize("num_steps", [1, 3, 10, 300])
    def test_every_lit_pixel_fires_once_and_the_brighter_never_later(self, num_steps):
        rows = np.array(events_of(Latency(), list(range(256)), num_steps))
        assert rows.sum(axis=0).tolist() == [0] + [1] * 255
        moments = rows.argmax(axis=0)[1:]
        assert (np.diff(moments) <= 0).all()


def test_events_pass_as_they_are():
    readout = Layer(name="out", synapse=Dense(units=1, weight_bits=2), neuron=Neuron.integrator())
    network = Network(
        input_shape=(2,), encoder=Events(bits=4), stages=(readout,), readout=MembraneReadout(), num_steps=3
    )
    given_events = np.array([[[0, 15], [0, 0], [3, 1]]], np.uint8)
    assert [values[0].tolist() for values in encode(network, given_events)] == given_events[0].tolist()
