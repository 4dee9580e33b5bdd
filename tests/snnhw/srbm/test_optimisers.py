"""Optimisers on weights: traces by hand."""

import numpy as np
import pytest

from snnhw.srbm.optimisers import Adam, Momentum, Weights


def changes(optimiser: Adam | Momentum, gradients: list[float]) -> list[float]:
    return [float(optimiser.change(np.array([[gradient]], np.float32))[0, 0]) for gradient in gradients]


def test_momentum_by_hand():
    # velocity: 1, 0.5 + 2, 1.25 + 0; each is added to the gradient
    assert changes(Momentum(gamma=0.5, rate=0.25), [4, 8, 0]) == [5, 10.5, 1.25]


def test_adam_by_hand():
    first, second = changes(Adam(rate=2.0, beta1=0.9, beta2=0.999, epsilon=0.0), [4, -4])
    assert first == pytest.approx(2.0, rel=1e-4)  # mean 4 over root of 16
    mean, square = (0.9 * 0.1 * 4 - 0.1 * 4) / (1 - 0.81), 16.0
    assert second == pytest.approx(2 * mean / square**0.5, rel=1e-4)


def test_weights_are_written_as_one_of_the_pair():
    levels = np.array([[[5, 0, 10]], [[0, 7, 0]]], np.int32)
    weights = Weights(Momentum(gamma=0.0, rate=0.0), levels, bits=4)
    assert weights.write(np.array([[-8, 3, 30]], np.int32)).tolist() == [[[0, 0, 15]], [[3, 4, 0]]]


def test_parts_of_a_level_add_up():
    weights = Weights(Adam(rate=0.4, epsilon=0.0), np.zeros((2, 1, 1), np.int32), bits=8)
    written = [int(weights.write(np.array([[5]], np.int32))[0, 0, 0]) for _ in range(5)]
    assert written == [0, 1, 1, 2, 2]  # 0.4, 0.8, 1.2, 1.6, 2.0
