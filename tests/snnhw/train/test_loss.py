"""Losses against their definitions, spelled out."""

import math

import pytest
import torch

from snnhw.data import load
from snnhw.errors import DescriptionError
from snnhw.network import CountReadout, Dense, Direct, Layer, MembraneReadout, Network, Neuron, VoteReadout
from snnhw.train import TrainOptions, train
from snnhw.train.loss import ce_count, ce_rate, cross_entropy, mse_count, mse_vote
from snnhw.train.network import Outcome
from snnhw.train.neuron import Activity
from snnhw.train.options import CountCrossEntropy, CountError, CrossEntropy, FoldedOptions, RateCrossEntropy, VoteError

SPIKES = torch.tensor([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]]])
"""[step][sample][class]"""
LABELS = torch.tensor([0, 1])
OUTCOME = Outcome(SPIKES.sum(dim=0), torch.zeros(()), Activity(list(SPIKES), list(SPIKES), None))


def surprise(numbers, label):
    """The cross-entropy of numbers that stand for logits."""
    return math.log(sum(math.exp(number) for number in numbers)) - numbers[label]


def test_of_logits():
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
    expected = (surprise([2, -1], 0) + surprise([0.5, 0], 1)) / 2
    assert float(cross_entropy(CrossEntropy(), OUTCOME, logits, LABELS)) == pytest.approx(expected)


def test_of_the_spikes_of_each_step():
    expected = sum(surprise(SPIKES[t, b].tolist(), int(LABELS[b])) for t in range(3) for b in range(2)) / 6
    assert float(ce_rate(RateCrossEntropy(), OUTCOME, SPIKES[0], LABELS)) == pytest.approx(expected)


def test_of_the_numbers_of_spikes():
    expected = (surprise([2, 1], 0) + surprise([1, 2], 1)) / 2
    assert float(ce_count(CountCrossEntropy(), OUTCOME, SPIKES[0], LABELS)) == pytest.approx(expected)


def test_of_the_distance_from_wanted_numbers():
    loss = CountError(correct_rate=0.8, incorrect_rate=0.2)
    squares = [(2 - 2.4) ** 2, (1 - 0.6) ** 2, (1 - 0.6) ** 2, (2 - 2.4) ** 2]
    assert float(mse_count(loss, OUTCOME, SPIKES[0], LABELS)) == pytest.approx(sum(squares) / 4 / 3)


def test_populations_spike_together():
    spikes = [torch.tensor([[1.0, 0.0, 1.0, 1.0]]), torch.tensor([[0.0, 0.0, 1.0, 0.0]])]
    outcome = Outcome(torch.zeros(1, 2), torch.zeros(()), Activity(spikes, spikes, None))
    assert outcome.class_spikes.tolist() == [[[1.0, 2.0]], [[0.0, 1.0]]]


def test_of_the_distance_of_mean_votes_from_one_and_nothing():
    """Two neurons a class, three steps: the first class has 4 of 6 votes, the second 1."""
    spikes = [torch.tensor([row]) for row in ([1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0])]
    outcome = Outcome(torch.zeros(1, 2), torch.zeros(()), Activity(spikes, spikes, None))
    squares = [(4 / 6 - 1) ** 2, (1 / 6) ** 2]
    assert float(mse_vote(VoteError(), outcome, torch.zeros(1, 2), LABELS[:1])) == pytest.approx(sum(squares) / 2)


def network(units, output, readout):
    hidden = Layer(name="hidden", synapse=Dense(units=16, weight_bits=4), neuron=Neuron(threshold=200))
    last = Layer(name="output", synapse=Dense(units=units, weight_bits=4), neuron=output)
    return Network(input_shape=(28, 28), encoder=Direct(bits=4), stages=(hidden, last), readout=readout, num_steps=4)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["ce_rate", "ce_count", {"kind": "mse_count", "correct_rate": 0.8}, "mse_vote"])
@pytest.mark.parametrize(("units", "readout"), [(10, CountReadout()), (20, VoteReadout(classes=10))])
def test_training_makes_it_smaller(loss, units, readout):
    options = TrainOptions(epochs=3, batch_size=64, validation=100, seed=1, threads=1, loss=loss)
    _, record = train(network(units, Neuron(threshold=12), readout), load("sample", limit=500), options)
    losses = [epoch.loss for epoch in record.epochs]
    assert losses[2] < losses[1] < losses[0]


@pytest.mark.parametrize(
    ("output", "readout", "folded", "complaint"),
    [
        (Neuron.integrator(), MembraneReadout(), None, "'ce_rate' needs a last layer that fires, 'output' does not"),
        (Neuron(threshold=9), CountReadout(), FoldedOptions(), "the spikes of each step: train without folded steps"),
    ],
)
def test_a_loss_of_spikes_needs_some(output, readout, folded, complaint):
    options = TrainOptions(loss=RateCrossEntropy(), folded=folded, validation=100)
    with pytest.raises(DescriptionError, match=complaint):
        train(network(10, output, readout), load("sample", limit=500), options)
