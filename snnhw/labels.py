"""Labels beside samples: checked where they come as a bare array, and counted against classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNANSWERED", "checked_labels", "confusion"]

UNANSWERED = -1
"""In the place of a class that is not known, or that a machine does not tell."""


def checked_labels(labels: NDArray[Any], samples: int, classes: int) -> NDArray[np.int64]:
    """The labels as int64 [samples].

    Raises ValueError where they are not integers of that shape, each one of so many classes: compared with classes,
    others would be counted as wrong.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "iu" or array.shape != (samples,):
        raise ValueError(f"labels must be integers [{samples}], not {array.dtype} {list(array.shape)}")
    if samples and not 0 <= int(array.min()) <= int(array.max()) < classes:
        raise ValueError(f"labels must lie in 0..{classes - 1}, not in {array.min()}..{array.max()}")
    return array.astype(np.int64)


def confusion(labels: NDArray[np.int64], given: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """[classes, classes]: how many samples of the row's class were given the column's; both are int64 [samples]."""
    counts = np.bincount(labels * classes + given, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)
