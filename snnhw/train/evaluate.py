"""What a model's integers make of samples, computed as training computes it, in a format that holds every number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from golden.readout import Readout
from snnhw.data import Dataset
from snnhw.errors import ModelError
from snnhw.model import Model, ModelLayer
from snnhw.samples import check_samples
from snnhw.train.network import TrainableNetwork
from snnhw.train.split import labelled

__all__ = ["computing_threads", "evaluate", "exact_format", "scores"]

_CHUNK = 1000
"""Samples computed together."""


def evaluate(model: Model, dataset: Dataset) -> tuple[int, int]:
    """How many samples the model classifies as they are labelled, and of how many."""
    samples, labels = labelled(model.network, dataset)
    return count_correct(model, samples, labels), len(labels)


def count_correct(model: Model, samples: NDArray[np.uint8], labels: NDArray[np.int64]) -> int:
    """How many of the samples [B, ...] get their label."""
    chosen = Readout(model.network).choose(scores(model, samples))
    return int((chosen == labels).sum())


@torch.no_grad()
def scores(model: Model, samples: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The scores int64 [B, classes] of samples uint8 [B, *sample_shape], equal to :mod:`golden`'s.

    Raises ValueError for samples of another kind.
    """
    samples = check_samples(model.network, samples)
    network = TrainableNetwork.of(model, exact_format(model))
    flat = torch.from_numpy(samples.reshape(len(samples), *model.network.flat_shape).copy())
    parts = [network(chunk) for chunk in torch.split(flat, _CHUNK)]
    return torch.cat(parts).numpy().astype(np.int64)


def exact_format(model: Model) -> torch.dtype:
    """The shorter of float32 and float64 that holds every number which can occur, in whatever order sums are taken.

    Raises ModelError where neither does.
    """
    largest = max(model.score_range.hi, *(_largest(layer) for layer in model.layers))
    for dtype, digits in ((torch.float32, 24), (torch.float64, 53)):
        if largest <= 1 << digits:
            return dtype
    raise ModelError(f"its numbers need {largest.bit_length()} bits, and training computes with 53 at most")


def _largest(layer: ModelLayer) -> int:
    """The greatest magnitude that can occur in a layer, products and partial sums included."""
    if not layer.has_neuron:
        return max(layer.out_values.hi, layer.kept_values.hi)
    sums = layer.synapse.largest_sums(layer.tensors, layer.values, layer.in_shape) + np.abs(layer.bias)
    parameters = {name: int(np.abs(value).max()) for name, value in layer.parameters.items()}
    ranges = layer.ranges
    spans = (ranges.leaked, ranges.unsaturated, ranges.integrated, ranges.membrane)
    membrane = max(max(-span.lo, span.hi) for span in spans)
    factor = max(1, parameters["leak_amount"]) if layer.neuron.leak.kind == "multiply" else 1
    burst = layer.neuron.spike.count_range.hi * parameters.get("reset_amount", 0)
    return max(int(sums.max()), membrane * factor + burst + max(parameters.values()))


@contextmanager
def computing_threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
