"""What the spiking RBM is measured beside, on the same bits: simple classifiers in floating point, and copying.

All of them are NumPy alone and take a seed; bits are uint8 [N, units] of 0 and 1, labels int64 [N].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatRbm", "complete", "logistic_regression", "train_rbm", "wrong_pixels"]

Bits = NDArray[np.uint8]
Labels = NDArray[np.int64]
Floats = NDArray[np.float32]

_BATCH = 100
_CHUNK = 500


def logistic_regression(
    bits: Bits, labels: Labels, test: Bits, *, epochs: int = 10, rate: float = 0.05, seed: int = 1
) -> Labels:
    """The classes that multinomial logistic regression tells of ``test``: mini-batches, a rate that falls to 0."""
    generator = np.random.default_rng(seed)
    classes = int(labels.max()) + 1
    weight = np.zeros((bits.shape[1], classes), np.float32)
    bias = np.zeros(classes, np.float32)
    wanted = np.eye(classes, dtype=np.float32)[labels]
    for epoch in range(epochs):
        step = rate * (1 - epoch / epochs)
        for chosen in _batches(len(bits), generator):
            values = bits[chosen].astype(np.float32)
            error = _softmax(values @ weight + bias) - wanted[chosen]
            weight -= step / _BATCH * (values.T @ error)
            bias -= step / _BATCH * error.sum(axis=0)
    return np.asarray((test.astype(np.float32) @ weight + bias).argmax(axis=1), np.int64)


@dataclass(frozen=True, eq=False)
class FloatRbm:
    """A restricted Boltzmann machine with units for the label: the joint model of bits and classes."""

    weight: Floats
    label_weight: Floats
    visible_bias: Floats
    label_bias: Floats
    hidden_bias: Floats

    def classes(self, bits: Bits) -> Labels:
        """The class of the least free energy, which says exactly how likely the classes are beside the bits."""
        parts = [self._chunk(bits[start : start + _CHUNK]) for start in range(0, len(bits), _CHUNK)]
        return np.concatenate(parts)

    def _chunk(self, bits: Bits) -> Labels:
        inputs = bits.astype(np.float32) @ self.weight + self.hidden_bias
        energies = [
            bias + np.logaddexp(0, inputs + weight).sum(axis=1)
            for weight, bias in zip(self.label_weight, self.label_bias, strict=True)
        ]
        return np.asarray(np.argmax(energies, axis=0), np.int64)

    def hidden(self, bits: Floats, labels: Floats) -> Floats:
        """The probabilities of the hidden units, of visible ones and of labels one hot."""
        return _sigmoid(bits @ self.weight + labels @ self.label_weight + self.hidden_bias)


def train_rbm(
    bits: Bits, labels: Labels, *, hidden: int = 500, epochs: int = 5, rate: float = 0.05, seed: int = 1
) -> FloatRbm:
    """Train by one step of contrastive divergence: the data's product of activities less the reconstruction's."""
    generator = np.random.default_rng(seed)
    classes = int(labels.max()) + 1
    one_hot = np.eye(classes, dtype=np.float32)[labels]
    machine = FloatRbm(
        (0.01 * generator.standard_normal((bits.shape[1], hidden))).astype(np.float32),
        (0.01 * generator.standard_normal((classes, hidden))).astype(np.float32),
        np.zeros(bits.shape[1], np.float32),
        np.zeros(classes, np.float32),
        np.zeros(hidden, np.float32),
    )
    for epoch in range(epochs):
        step = rate * (1 - epoch / epochs) / _BATCH
        for chosen in _batches(len(bits), generator):
            data, wanted = bits[chosen].astype(np.float32), one_hot[chosen]
            driven = machine.hidden(data, wanted)
            sampled = (generator.random(driven.shape, np.float32) < driven).astype(np.float32)
            visible = _sigmoid(sampled @ machine.weight.T + machine.visible_bias)
            model = (generator.random(visible.shape, np.float32) < visible).astype(np.float32)
            told = _softmax(sampled @ machine.label_weight.T + machine.label_bias)
            free = machine.hidden(model, told)
            machine.weight[...] += step * (data.T @ driven - model.T @ free)
            machine.label_weight[...] += step * (wanted.T @ driven - told.T @ free)
            machine.visible_bias[...] += step * (data - model).sum(axis=0)
            machine.label_bias[...] += step * (wanted - told).sum(axis=0)
            machine.hidden_bias[...] += step * (driven - free).sum(axis=0)
    return machine


def complete(bits: Bits, known: Bits, training: Bits) -> Bits:
    """Images whose unknown pixels are those of the training image that is nearest in the known ones."""
    seen = known.astype(bool)
    references = training[:, seen].astype(np.float32)
    lengths = references.sum(axis=1)
    completed = bits.copy()
    for start in range(0, len(bits), _CHUNK):
        values = bits[start : start + _CHUNK, seen].astype(np.float32)
        nearest = (lengths - 2 * values @ references.T).argmin(axis=1)
        completed[start : start + _CHUNK, ~seen] = training[nearest][:, ~seen]
    return completed


def wrong_pixels(bits: Bits, regenerated: Bits, known: Bits) -> float:
    """The part of the unknown pixels that are not as they were."""
    unknown = ~known.astype(bool)
    return float((bits[:, unknown] != regenerated[:, unknown]).mean())


def _batches(count: int, generator: np.random.Generator) -> list[NDArray[np.int64]]:
    order = generator.permutation(count)
    return [order[start : start + _BATCH] for start in range(0, count - _BATCH + 1, _BATCH)]


def _softmax(values: Floats) -> Floats:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -30, 30))), np.float32)
