"""Readouts over spikes and membranes written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from golden.neuron import NeuronStep
from golden.readout import Readout
from snnhw.network import (
    CountReadout,
    Dense,
    Events,
    FirstSpikeReadout,
    Layer,
    MembraneReadout,
    Network,
    Neuron,
    VoteReadout,
)


def choose(readout: Any, rows: list[list[int]]) -> tuple[int, list[int]]:
    """Class and scores, where ``rows`` [num_steps][units] are the spikes, or the membranes, of the last layer."""
    neuron = Neuron.integrator() if readout.kind == "membrane" else Neuron(threshold=1)
    layer = Layer(name="out", synapse=Dense(units=len(rows[0]), weight_bits=2), neuron=neuron)
    network = Network(input_shape=(1,), encoder=Events(), stages=(layer,), readout=readout, num_steps=len(rows))
    twin = Readout(network)
    scores = twin.initial(1)
    for t, row in enumerate(rows):
        numbers = np.array([row])
        # A spike of value 0 is no event, and counts all the same.
        scores = twin.step(scores, t, NeuronStep(numbers, numbers, np.zeros_like(numbers), {"membrane": numbers}))
    return int(twin.choose(scores)[0]), scores[0].tolist()


class TestMembrane:
    def test_is_read_after_the_last_step(self):
        assert choose(MembraneReadout(), [[99, 0, 0], [-5, 4, -9]]) == (1, [-5, 4, -9])

    def test_of_negatives_the_greatest_wins(self):
        assert choose(MembraneReadout(), [[-7, -2, -2]]) == (1, [-7, -2, -2])

    def test_beyond_32_bits(self):
        assert choose(MembraneReadout(), [[2**40, 2**40 + 1]]) == (1, [2**40, 2**40 + 1])


class TestCount:
    def test_adds_spikes(self):
        assert choose(CountReadout(), [[1, 0, 1], [0, 0, 1], [0, 1, 0]]) == (2, [1, 1, 2])

    def test_adds_bursts_by_their_size(self):
        assert choose(CountReadout(), [[1, 3], [1, 0]]) == (1, [2, 3])

    @pytest.mark.parametrize(("row", "winner"), [([0, 0, 0], 0), ([0, 1, 1], 1), ([1, 0, 1], 0)])
    def test_ties_go_to_the_lowest(self, row, winner):
        assert choose(CountReadout(), [row]) == (winner, row)


class TestFirstSpike:
    def test_the_earliest_wins(self):
        assert choose(FirstSpikeReadout(), [[0, 0, 0], [0, 0, 1], [1, 0, 1]]) == (2, [2, 3, 1])

    def test_silent_neurons_get_the_number_of_steps(self):
        assert choose(FirstSpikeReadout(), [[0, 0], [0, 0], [0, 0], [0, 0]]) == (0, [4, 4])

    def test_one_in_the_last_step_beats_silence(self):
        assert choose(FirstSpikeReadout(), [[0, 0], [0, 1]]) == (1, [2, 1])

    def test_ties_go_to_the_lowest(self):
        assert choose(FirstSpikeReadout(), [[0, 1, 1], [1, 1, 1]]) == (1, [1, 0, 0])

    def test_only_the_first_counts(self):
        assert choose(FirstSpikeReadout(), [[1, 0], [1, 1], [1, 1]]) == (0, [0, 1])


class TestVote:
    def test_populations_are_neighbours(self):
        assert choose(VoteReadout(classes=2), [[1, 1, 0, 0, 0, 1], [0, 0, 0, 1, 1, 0]]) == (1, [2, 3])

    def test_ties_go_to_the_lowest(self):
        assert choose(VoteReadout(classes=3), [[0, 0, 1, 0, 0, 1]]) == (1, [0, 1, 1])

    def test_bursts_vote_by_their_size(self):
        assert choose(VoteReadout(classes=2), [[1, 1, 0, 5]]) == (1, [2, 5])

    def test_a_class_of_all(self):
        assert choose(VoteReadout(classes=1), [[1, 1, 0]]) == (0, [2])
