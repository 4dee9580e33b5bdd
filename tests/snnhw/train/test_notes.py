"""Notes on how a training goes: layers that fall silent or saturate, and results near chance."""

import numpy as np
import pytest
import torch

from snnhw.data import Dataset, load
from snnhw.network import CountReadout, Dense, Direct, Layer, Network, Neuron, Spike
from snnhw.train import TrainingRecord, TrainOptions, new_record, train
from snnhw.train.activity import advice, layer_firing
from snnhw.train.neuron import Activity
from snnhw.train.notes import chance_note
from snnhw.train.record import EpochRecord, Score

QUICK = TrainOptions(epochs=3, batch_size=16, validation=100, augment=None, threads=1)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """A few images; what is trained here is no result, so that the sample may be trained on."""
    return load("sample", limit=500)


def network(hidden: Neuron, output: Neuron | None = None) -> Network:
    return Network(
        input_shape=(28, 28),
        encoder=Direct(bits=4),
        stages=(
            Layer(name="hidden", synapse=Dense(units=16, weight_bits=4), neuron=hidden),
            Layer(name="output", synapse=Dense(units=10, weight_bits=4), neuron=output or Neuron(threshold=8)),
        ),
        readout=CountReadout(),
        num_steps=4,
    )


def test_a_silent_layer_is_told_once_with_what_to_change(dataset: Dataset, caplog: pytest.LogCaptureFixture):
    train(network(Neuron(threshold=1_000_000)), dataset, QUICK)
    told = [line for line in caplog.messages if line.startswith("after epoch")]
    assert told == [
        "after epoch 1, layer 'hidden' is silent in 100 % of the samples: lower its threshold (1000000) or give its "
        "weights more bits (4)",
        "after epoch 1, layer 'output' is silent in 100 % of the samples: lower its threshold (8) or give its weights "
        "more bits (4)",
    ]
    assert caplog.messages[-1].startswith("the best epoch gets")


def test_a_saturated_layer_is_told_with_what_to_change(dataset: Dataset, caplog: pytest.LogCaptureFixture):
    train(network(Neuron(threshold=1, initial=50_000, reset="none")), dataset, QUICK)
    assert (
        "after epoch 1, layer 'hidden' is saturated: its neurons send the most they can at 100 % of the steps: raise "
        "its threshold (1) or give its weights fewer bits (4)" in caplog.messages
    )


def test_a_training_that_learns_is_not_told_of_anything(dataset: Dataset, caplog: pytest.LogCaptureFixture):
    train(network(Neuron(threshold=256)), dataset, QUICK)
    assert caplog.messages == []


def fired(counts: list[list[int]], values: list[list[int]] | None = None) -> Activity:
    """What neurons do of which one sample makes so many spikes in each step, [step][neuron]."""
    spikes = [torch.tensor([step], dtype=torch.float32) for step in counts]
    return Activity(spikes, [torch.tensor([step]) for step in values] if values else spikes, None)


def test_firing_is_counted_in_samples_and_in_steps_that_the_refractory_time_leaves():
    plain, resting = (network(Neuron(threshold=9, refractory=steps)).layers[0] for steps in (0, 2))
    activity = fired([[1, 0], [0, 0], [0, 0], [1, 0]])
    firing = layer_firing(plain, activity)
    assert firing is not None and (firing.reached, firing.silent, firing.full) == (0.5, 0.0, 0.25)
    rested = layer_firing(resting, activity)
    assert rested is not None and rested.full == 0.5
    silent = layer_firing(plain, fired([[0, 0]]))
    assert silent is not None and silent.is_silent and silent.too_little


def test_bursts_and_graded_spikes_are_full_at_the_most_that_they_send():
    bursts = network(Neuron(threshold=9, spike=Spike(kind="count", bound=3))).layers[0]
    graded = network(Neuron(threshold=9, spike=Spike(kind="residue", bits=4))).layers[0]
    for layer, activity, full in (
        (bursts, fired([[3, 2], [1, 3]]), 0.5),
        (graded, fired([[1, 1], [1, 1]], [[15, 14], [0, 3]]), 0.25),
    ):
        firing = layer_firing(layer, activity)
        assert firing is not None and (firing.reached, firing.full) == (1.0, full)


def test_layers_whose_neurons_never_fire_are_passed_over():
    layer = network(Neuron(threshold=9), Neuron(threshold=8)).layers[0]
    assert layer_firing(layer, Activity([], [], torch.zeros(1, 16))) is None


def test_advice_names_the_refractory_time_of_the_layer_before():
    layers = network(Neuron(threshold=9, refractory=3)).layers
    assert "shorten the refractory time of layer 'hidden' (3)" in advice(layers[1], more=True)
    assert "refractory" not in advice(layers[1], more=False)


@pytest.mark.parametrize(
    ("correct", "total", "classes", "near"),
    [(199, 1000, 10, True), (201, 1000, 10, False), (599, 1000, 2, True), (601, 1000, 2, False), (11, 50, 10, True)],
)
def test_a_result_is_near_chance_up_to_twice_of_it_or_luck(correct: int, total: int, classes: int, near: bool):
    labels = np.arange(1000) % classes
    data = Dataset(np.zeros((1000, 28, 28), np.uint8), labels, "any")
    record: TrainingRecord = new_record(network(Neuron(threshold=9)), data, QUICK)
    assert chance_note(record, labels) is None  # nothing was scored yet
    score = Score(correct=correct, total=total)
    record.epochs.append(EpochRecord(epoch=1, loss=1.0, validation=score, test=None, seconds=0.0))
    record.kept = 1
    assert (chance_note(record, labels) is not None) == near


def test_labels_of_which_most_are_one_make_chance_of_it():
    labels = np.repeat([0, 1], [900, 100])
    data = Dataset(np.zeros((1000, 28, 28), np.uint8), labels, "any")
    record = new_record(network(Neuron(threshold=9)), data, QUICK)
    record.epochs.append(
        EpochRecord(epoch=1, loss=1.0, validation=None, test=Score(correct=905, total=1000), seconds=0.0)
    )
    record.kept = 1
    note = chance_note(record, labels)
    assert note is not None and note.startswith("the best epoch gets 90.5 % right, and one answer for all 90.0 %: ")
