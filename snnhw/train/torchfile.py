"""Files that torch has written, read as weights only: nothing in them is executed."""

from __future__ import annotations

import os
import pickle
import struct
import warnings
from pathlib import Path
from typing import Any

import torch

__all__ = ["DAMAGED", "read"]

DAMAGED = (
    *(OSError, EOFError, MemoryError, RuntimeError, ValueError, TypeError, LookupError, ArithmeticError),
    *(AttributeError, AssertionError, struct.error, pickle.UnpicklingError),
)
"""What torch raises where a file is damaged, which its reader of pickles does not look for, or holds other things."""


def read(path: str | os.PathLike[str]) -> Any:
    """What is in a file, of tensors, numbers, text, dictionaries and lists. Raises as :data:`DAMAGED` says."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what torch does not find as it would write it
        return torch.load(Path(path), map_location="cpu", weights_only=True)
