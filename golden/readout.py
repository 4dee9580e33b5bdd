"""Readouts: what the last layer did becomes scores and a class. Twin of ``gateware/readout.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.neuron import NeuronStep
from snnhw.network import Network

Array = NDArray[Any]


class Readout:
    """Takes in the last layer's steps in order and gives scores int64 [B, classes] and classes int64 [B]."""

    def __init__(self, network: Network) -> None:
        self.kind = network.readout.kind
        self.lowest_wins = network.readout.lowest_wins
        self.classes = network.classes
        self.population = network.layers[-1].units // network.classes
        self.num_steps = network.num_steps

    def initial(self, batch: int) -> Array:
        """The scores before step 0."""
        start = self.num_steps if self.kind == "first_spike" else 0
        return np.full((batch, self.classes), start, np.int64)

    def step(self, scores: Array, t: int, layer: NeuronStep) -> Array:
        """The scores after step ``t``."""
        if self.kind == "membrane":
            return layer.state["membrane"].astype(np.int64) if t == self.num_steps - 1 else scores
        if self.kind == "first_spike":
            return np.where((layer.spike > 0) & (scores == self.num_steps), t, scores)
        votes: Array = layer.spike.reshape(*scores.shape, self.population).sum(axis=2)
        return scores + votes

    def choose(self, scores: Array) -> Array:
        """The winning class, the lowest of equals."""
        chosen: Array = scores.argmin(axis=1) if self.lowest_wins else scores.argmax(axis=1)
        return chosen
