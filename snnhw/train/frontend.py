"""Training of the convolutional front ends of the spiking RBM, in PyTorch alone: ``snnhw srbm frontend``.

Convolutions as in the deck's table, each with batch normalisation that is folded into its weights afterwards. The last
one's features are thresholded, forward a step and backward a sigmoid, and a linear classifier reads the bits; half of
them are dropped, so that none is relied on alone. A second loss brings the part of bits that are on to ``density``.
``cnn2-dense`` is trained as the deck's was instead: two dense layers read the features themselves, and the threshold is
set afterwards. What comes out is quantised: weights int8, activations uint8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from snnhw.data import Dataset, check_labels
from snnhw.errors import DatasetError, ModelFileError
from snnhw.srbm.cnn import KERNEL, POOL, Convolution, FrontEnd
from snnhw.wording import no_such

__all__ = ["Options", "train_front_end"]

_CHANNELS = {"cnn1": (5, 5), "cnn2": (5, 5, 12, 12), "cnn2-dense": (5, 5, 12, 12)}
_POOLED = 1
"""The convolution after which there is pooling."""
_SIDE = {"cnn1": 12, "cnn2": 8, "cnn2-dense": 8}
_AFTERWARDS = {"cnn2-dense": 0.3}
"""The thresholds that are set after training; the others are 0, and training knows them."""
_DENSE = 128
_CLASSES = 10
_STEEPNESS = 3.0
_TOP_WEIGHT, _TOP_ACTIVATION = 127, 255
_HEADROOM = 1.1
"""Activations may be so much greater on other images than on those that the scales are chosen by."""


@dataclass(frozen=True)
class Options:
    """How a front end is trained; the same options give the same front end on the same machine."""

    epochs: int = 10
    batch_size: int = 100
    learning_rate: float = 0.005
    dropout: float = 0.5
    density: float = 0.14
    density_weight: float = 50.0
    validation: int = 5000
    seed: int = 1


class _Network(nn.Module):
    def __init__(self, name: str, dropout: float) -> None:
        super().__init__()
        channels = (1, *_CHANNELS[name])
        self.convolutions = nn.ModuleList(nn.Conv2d(before, after, KERNEL) for before, after in pairwise(channels))
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for after in channels[1:])
        self.dropout = nn.Dropout(dropout)
        features = channels[-1] * _SIDE[name] ** 2
        self.in_training = name not in _AFTERWARDS
        self.head: nn.Module = nn.Linear(features, _CLASSES)
        if not self.in_training:
            self.head = nn.Sequential(nn.Linear(features, _DENSE), nn.ReLU(), nn.Linear(_DENSE, _CLASSES))

    def layers(self, pixels: Tensor) -> list[Tensor]:
        """What each convolution gives, after pooling and before the clip at 0."""
        values, every = pixels, []
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            values = norm(convolution(functional.relu(values)))
            if index == _POOLED:
                values = functional.max_pool2d(values, POOL)
            every.append(values)
        return every

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """The logits [N, 10], and the part of features that are on where that is trained."""
        features = self.layers(pixels)[-1].flatten(1)
        if not self.in_training:
            return self.head(functional.relu(features)), torch.zeros(())
        soft = torch.sigmoid(_STEEPNESS * features)
        bits = (features > 0).float() + soft - soft.detach()
        return self.head(self.dropout(bits)), bits.mean()


def train_front_end(
    name: str, dataset: Dataset, options: Options, after_epoch: Callable[[int, float, float], None]
) -> FrontEnd:
    """Train the front end ``name`` on all but the last ``validation`` images, and quantise it.

    ``after_epoch`` is called with the epoch from 1, the part of validation images that the classifier behind the bits
    gets right, and the part of bits that are on. Raises DatasetError for images or labels that do not suit it.
    """
    if name not in _CHANNELS:
        raise ModelFileError(no_such("front end", name, _CHANNELS))
    if dataset.images.shape[1:] != (28, 28) or dataset.labels is None:
        raise DatasetError(f"a front end is trained on labelled images of 28 x 28, which {dataset.name} has not")
    torch.manual_seed(options.seed)
    pixels = torch.from_numpy(dataset.images[:, None] / np.float32(255))
    labels = torch.from_numpy(np.array(check_labels(dataset, _CLASSES)))
    kept = len(labels) - min(options.validation, len(labels) // 4)
    network = _Network(name, options.dropout)
    optimiser = torch.optim.Adam(network.parameters())
    batches = -(-kept // options.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, options.learning_rate, total_steps=options.epochs * batches
    )
    correct = 0.0
    for epoch in range(1, options.epochs + 1):
        network.train()
        for chosen in torch.split(torch.randperm(kept), options.batch_size):
            logits, density = network(pixels[chosen])
            loss = functional.cross_entropy(logits, labels[chosen])
            if network.in_training:
                loss = loss + options.density_weight * (density - options.density) ** 2
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
        network.eval()
        with torch.no_grad():
            logits, density = network(pixels[kept:])
        correct = float((logits.argmax(1) == labels[kept:]).float().mean())
        after_epoch(epoch, correct, float(density))
    provenance = {"dataset": dataset.name, "images": kept, "options": vars(options), "validation_accuracy": correct}
    return FrontEnd(_quantised(network, pixels[:2000], _AFTERWARDS.get(name, 0.0)), provenance)


def _quantised(network: _Network, pixels: Tensor, threshold: float) -> tuple[Convolution, ...]:
    """The convolutions as integers; ``pixels`` are images that the scales of activations are chosen by.

    The last one has the ``threshold`` in its biases.
    """
    network.eval()
    with torch.no_grad():
        greatest = [float(values.max()) * _HEADROOM for values in network.layers(pixels)]
    scale, made = 255.0, []
    for index, (convolution, norm) in enumerate(zip(network.convolutions, network.norms, strict=True)):
        weight, bias = _folded(convolution, norm)
        finer = _TOP_WEIGHT / np.abs(weight).max()
        last = index == len(network.convolutions) - 1
        bias = bias - threshold if last else bias
        shift = 0 if last else int(np.ceil(np.log2(greatest[index] * scale * finer / _TOP_ACTIVATION)))
        half = 0 if last else (1 << shift) >> 1
        made.append(
            Convolution(
                np.rint(weight * finer).astype(np.int8),
                np.rint(bias * scale * finer + half).astype(np.int32),
                shift,
                index == _POOLED,
            )
        )
        scale = scale * finer / (1 << shift)
    return tuple(made)


def _folded(convolution: nn.Module, norm: nn.Module) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight and bias of a convolution with the batch normalisation behind it."""
    tensors = {**convolution.state_dict(prefix="conv."), **norm.state_dict(prefix="norm.")}
    values = {name: tensor.double().numpy() for name, tensor in tensors.items()}
    gain = values["norm.weight"] / np.sqrt(values["norm.running_var"] + 1e-5)
    weight = values["conv.weight"] * gain[:, None, None, None]
    return weight, (values["conv.bias"] - values["norm.running_mean"]) * gain + values["norm.bias"]
