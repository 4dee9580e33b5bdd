"""Losses: what the network made of a batch is worth against its labels, less being better.

Each takes its options, the `Outcome`, ``logits`` [B, classes], which are scores by a learned factor, and ``labels``
int64 [B], and gives one number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from snnhw.train.network import Outcome
    from snnhw.train.options import CountError, Loss

__all__ = ["ce_count", "ce_rate", "cross_entropy", "mse_count", "mse_vote"]


def cross_entropy(loss: Loss, outcome: Outcome, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of the logits."""
    return functional.cross_entropy(logits, labels)


def ce_rate(loss: Loss, outcome: Outcome, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over steps and samples of the cross-entropy of each step's spikes."""
    spikes = outcome.class_spikes
    return functional.cross_entropy(spikes.flatten(0, 1), labels.repeat(len(spikes)))


def ce_count(loss: Loss, outcome: Outcome, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of the spikes of all steps together."""
    return functional.cross_entropy(outcome.class_spikes.sum(dim=0), labels)


def mse_count(loss: CountError, outcome: Outcome, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean square of the difference of each class's spikes from those wanted, divided by the number of steps."""
    spikes = outcome.class_spikes
    steps = len(spikes)
    right = functional.one_hot(labels, spikes.shape[2]).bool()
    wanted = torch.where(right, steps * loss.correct_rate, steps * loss.incorrect_rate)
    return functional.mse_loss(spikes.sum(dim=0), wanted.to(spikes.dtype)) / steps


def mse_vote(loss: Loss, outcome: Outcome, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean square of the difference of each class's mean vote from 1, of the right class, or 0.

    ``L = mean over samples and classes of (sum over steps and neurons of o / (steps * neurons) - y)**2``, the loss of
    Wu et al. 2019 (AAAI, arXiv:1809.05793).
    """
    spikes = outcome.class_spikes
    wanted = functional.one_hot(labels, spikes.shape[2]).to(spikes.dtype)
    return functional.mse_loss(spikes.sum(dim=0) / (len(spikes) * outcome.population), wanted)
