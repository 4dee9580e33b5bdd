"""Reading .npz files that anybody may have made: nothing in them is executed, and no size is taken on trust."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from snnhw.errors import SnnhwError

__all__ = ["DAMAGED", "LARGEST", "open_npz", "unreadable"]

LARGEST = 1 << 32
"""More bytes than this are refused before they are unpacked: a small file can claim anything."""

DAMAGED = (OSError, ValueError, EOFError, MemoryError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What NumPy and its libraries raise where a file is missing, or is not what its name says, or wants a password."""


@contextmanager
def open_npz(path: Path, failure: type[SnnhwError]) -> Iterator[Any]:
    """Give the arrays of a file by their names, each read when it is asked for.

    Raises ``failure``, also for what goes wrong within the block, where the file is missing, damaged or too large, or
    where an array holds objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST:
            raise failure(f"{path} unpacks to {size} bytes, and {LARGEST} is the most: split it")
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except SnnhwError:
        raise
    except DAMAGED as error:
        raise unreadable(path, error, failure) from error


def unreadable(path: Path, error: BaseException, failure: type[SnnhwError]) -> SnnhwError:
    """A ``failure`` that says why a file cannot be read."""
    if isinstance(error, PermissionError):
        return failure(f"cannot read {path}: permission denied; make it readable")
    objects = any(words in str(error) for words in ("Object arrays", "Python objects"))
    advice = "save numbers, not Python's objects" if objects else "save it again"
    return failure(f"cannot read {path}: {error or type(error).__name__}; {advice}")
