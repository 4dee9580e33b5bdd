"""What a model's integers make of samples, computed as training computes it, in a format that holds every number."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from golden.network import check_samples
from golden.readout import Readout
from snnhw.data import Dataset
from snnhw.errors import ModelError
from snnhw.model import Model
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
    check_samples(model.network, samples)
    network = TrainableNetwork.of(model, exact_format(model))
    shape = (model.network.num_steps,) if model.network.encoder.kind == "events" else ()
    flat = torch.from_numpy(samples.reshape(len(samples), *shape, model.network.inputs).copy())
    parts = [network(chunk) for chunk in torch.split(flat, _CHUNK)]
    return torch.cat(parts).numpy().astype(np.int64)


def exact_format(model: Model) -> torch.dtype:
    """The shorter of float32 and float64 that holds every number which can occur, in whatever order sums are taken.

    Raises ModelError where neither does.
    """
    largest = max(_largest(model, index) for index in range(len(model.network.stages)))
    for dtype, digits in ((torch.float32, 24), (torch.float64, 53)):
        if largest <= 1 << digits:
            return dtype
    raise ModelError(f"its numbers need {largest.bit_length()} bits, and training computes with 53 at most")


def _largest(model: Model, index: int) -> int:
    """The greatest magnitude that can occur in layer ``index``, products and partial sums included."""
    layer = model.network.stages[index]
    values = model.network.input_value_range(index)
    sums = np.abs(model.weight(layer.name)).sum(axis=1) * values.hi + np.abs(model.bias(layer.name))
    parameters = {name: int(np.abs(value).max()) for name, value in model.parameters(layer.name).items()}
    ranges = model.ranges[layer.name]
    spans = (ranges.leaked, ranges.unsaturated, ranges.integrated, ranges.membrane)
    membrane = max(max(-span.lo, span.hi) for span in spans)
    factor = max(1, parameters["leak_amount"]) if layer.neuron.leak.kind == "multiply" else 1
    burst = layer.neuron.spike.count_range.hi * parameters.get("reset_amount", 0)
    return max(int(sums.max()), membrane * factor + burst + max(parameters.values()), model.score_range.hi)


@contextmanager
def computing_threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
