"""Results near chance, and what to do about them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from snnhw.train.record import TrainingRecord

__all__ = ["chance_note"]

_CLOSE = 0.1
"""The part of all samples by which a result may exceed chance and still be near it, where chance itself is no less."""
_SIGMAS = 3
"""The number of standard deviations of a count that may be luck."""


def chance_note(record: TrainingRecord, labels: NDArray[np.int64]) -> str | None:
    """A note where the epoch that is kept does hardly better than one answer for all; None where it does.

    ``labels`` int64 [B] are those that were trained on; their most frequent is that answer.
    """
    best = record.best
    score = None if best is None else best.validation or best.test
    if score is None:
        return None
    chance = float(np.bincount(labels).max()) / len(labels)
    luck = _SIGMAS * math.sqrt(chance * (1 - chance) / score.total)
    if score.correct > score.total * (chance + max(min(chance, _CLOSE), luck)):
        return None
    return (
        f"the best epoch gets {score.percent:.1f} % right, and one answer for all {100 * chance:.1f} %: check that "
        "labels belong to their samples, change the layers that notes name, or train for more epochs, at another "
        "learning rate or without augmentation"
    )
