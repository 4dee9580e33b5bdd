"""Losses: what a batch's scores are worth against its labels, less being better.

Each takes ``scores`` [B, classes] as the network gives them, ``logits``, which are those by a learned factor, and
``labels`` int64 [B], and gives one number.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["cross_entropy"]


def cross_entropy(scores: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy of the logits."""
    return functional.cross_entropy(logits, labels)
