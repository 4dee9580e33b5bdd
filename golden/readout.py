"""Readouts: what the last layer did becomes scores and a class. Twin of ``gateware/readout.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.neuron import NeuronStep
from snnhw.kinds import twin
from snnhw.network import Network

Array = NDArray[Any]


class Readout:
    """Takes in the last layer's steps in order and gives scores int64 [B, classes] and classes int64 [B]."""

    def __init__(self, network: Network) -> None:
        self.rule = twin(network.readout, "golden")(network.num_steps)
        self.lowest_wins = network.readout.lowest_wins
        self.classes = network.classes
        self.num_steps = network.num_steps

    def initial(self, batch: int) -> Array:
        """The scores before step 0."""
        return np.full((batch, self.classes), self.rule.start, np.int64)

    def step(self, scores: Array, t: int, layer: NeuronStep) -> Array:
        """The scores after step ``t``."""
        after: Array = self.rule.score(scores, t, layer)
        return after

    def choose(self, scores: Array) -> Array:
        """The winning class, the lowest of equals."""
        chosen: Array = scores.argmin(axis=1) if self.lowest_wins else scores.argmax(axis=1)
        return chosen


class MembraneScores:
    """The membranes after each step."""

    def __init__(self, num_steps: int) -> None:
        self.start = 0

    def score(self, scores: Array, t: int, layer: NeuronStep) -> Array:
        """The scores after step ``t``."""
        return layer.state["membrane"].astype(np.int64)


class FirstSpikeScores:
    """The step of each neuron's first spike; ``num_steps`` until it comes."""

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps
        self.start = num_steps

    def score(self, scores: Array, t: int, layer: NeuronStep) -> Array:
        """The scores after step ``t``."""
        return np.where((layer.spike > 0) & (scores == self.num_steps), t, scores)


class CountScores:
    """The spikes of each class's neurons, which are neighbours."""

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps
        self.start = 0

    def score(self, scores: Array, t: int, layer: NeuronStep) -> Array:
        """The scores after step ``t``."""
        population = layer.spike.shape[1] // scores.shape[1]
        votes: Array = layer.spike.reshape(*scores.shape, population).sum(axis=2)
        return scores + votes
