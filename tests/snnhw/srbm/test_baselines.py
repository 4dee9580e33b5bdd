"""Baselines: on what can be told by hand, and against plain readings."""

import numpy as np
import pytest

from snnhw.data import load
from snnhw.srbm.baselines import complete, logistic_regression, train_rbm, wrong_pixels
from snnhw.srbm.evaluate import half_masks
from snnhw.srbm.features import bits


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, np.ndarray]:
    data = load("sample")
    return bits("threshold", data.images), data.labels


def test_logistic_regression_learns_digits(sample):
    images, labels = sample
    told = logistic_regression(images[:800], labels[:800], images[800:], epochs=20)
    assert (told == labels[800:]).mean() > 0.8
    assert np.array_equal(told, logistic_regression(images[:800], labels[:800], images[800:], epochs=20))


def test_logistic_regression_of_shuffled_labels_is_chance(sample):
    images, labels = sample
    shuffled = np.random.default_rng(1).permutation(labels[:800])
    told = logistic_regression(images[:800], shuffled, images[800:], epochs=5)
    assert (told == labels[800:]).mean() < 0.3


@pytest.mark.long
def test_the_rbm_learns_digits(sample):
    images, labels = sample
    machine = train_rbm(images[:800], labels[:800], hidden=60, epochs=100, rate=0.1)
    assert (machine.classes(images[800:]) == labels[800:]).mean() > 0.75


def test_the_rbms_class_is_that_of_the_least_free_energy(sample):
    images, labels = sample
    machine = train_rbm(images[:300], labels[:300], hidden=8, epochs=3, rate=0.5)
    image = images[0].astype(float)
    energies = []
    for label in range(10):
        inputs = image @ machine.weight + machine.label_weight[label] + machine.hidden_bias
        energies.append(-machine.label_bias[label] - np.log1p(np.exp(inputs)).sum())
    assert machine.classes(images[:1])[0] == np.argmin(energies)


def test_completion_copies_the_nearest_training_image():
    training = np.array([[1, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0]], np.uint8)
    known = np.array([1, 1, 0, 0], np.uint8)
    shown = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1]], np.uint8)
    completed = complete(shown, known, training)
    assert completed.tolist() == [[0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 0, 1]]
    assert wrong_pixels(shown, completed, known) == (2 + 1 + 1) / 6


def test_an_image_of_the_training_set_is_completed_exactly(sample):
    images, _ = sample
    known = half_masks(28, 28)[2]
    assert wrong_pixels(images[:20], complete(images[:20], known, images), known) < 0.01
