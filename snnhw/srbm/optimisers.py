"""Momentum and Adam on the weights Gp - Gm, an image a step: experiments of the golden machine alone.

No circuit does this: it takes numbers in floating point for every synapse. What an image changed is the gradient; the
optimiser says what is changed instead, and the weights are then written anew, (w, 0) or (0, -w).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Adam", "Momentum", "Optimiser", "Weights"]

Floats = NDArray[np.float32]


class Optimiser(Protocol):
    """What is added to weights instead of what an image changed."""

    def change(self, gradient: Floats) -> Floats:
        """What to add, of what an image changed; both [rows, columns], in levels."""


class Momentum:
    """To every change is added ``rate`` times a mean of the changes that fades by ``gamma`` an image."""

    def __init__(self, gamma: float = 0.9, rate: float = 0.1) -> None:
        self.gamma, self.rate = gamma, rate
        self._velocity: Floats | None = None

    def change(self, gradient: Floats) -> Floats:
        velocity = np.zeros_like(gradient) if self._velocity is None else self._velocity
        self._velocity = self.gamma * velocity + self.rate * gradient
        return np.asarray(gradient + self._velocity, np.float32)


class Adam:
    """The mean of the changes over the root of the mean of their squares, times ``rate`` levels."""

    def __init__(self, rate: float = 2.0, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1.0) -> None:
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon
        self._images = 0
        self._mean: Floats | None = None
        self._square: Floats | None = None

    def change(self, gradient: Floats) -> Floats:
        if self._mean is None or self._square is None:
            self._mean, self._square = np.zeros_like(gradient), np.zeros_like(gradient)
        self._images += 1
        self._mean += (1 - self.beta1) * (gradient - self._mean)
        self._square += (1 - self.beta2) * (gradient * gradient - self._square)
        mean = self._mean / (1 - self.beta1**self._images)
        square = self._square / (1 - self.beta2**self._images)
        return np.asarray(self.rate * mean / np.sqrt(square + self.epsilon), np.float32)


class Weights:
    """Weights [rows, columns] in floating point behind an array of ``bits``, changed as an optimiser says."""

    def __init__(self, optimiser: Optimiser, levels: NDArray[np.int32], bits: int) -> None:
        self._optimiser, self._top = optimiser, (1 << bits) - 1
        self._weight = (levels[0] - levels[1]).astype(np.float32)

    def write(self, change: NDArray[np.int32]) -> NDArray[np.int32]:
        """Gp and Gm after an image that would have changed the weights by ``change``."""
        self._weight += self._optimiser.change(change.astype(np.float32))
        np.clip(self._weight, -self._top, self._top, out=self._weight)
        whole = np.rint(self._weight).astype(np.int32)
        return np.stack([np.maximum(whole, 0), np.maximum(-whole, 0)])
