"""Reading .npz files that anybody may have made: nothing in them is executed, and no size is taken on trust."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from snnhw.errors import SnnhwError
from snnhw.npyfile import read_array
from snnhw.wording import quoted

__all__ = ["DAMAGED", "LARGEST", "open_npz", "unreadable"]

LARGEST = 1 << 32
"""More bytes than this are refused before they are unpacked: a small file can claim anything."""

DAMAGED = (OSError, ValueError, EOFError, MemoryError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What the libraries raise where a file is missing, or is not what its name says, or wants a password."""

_LONGEST = 200
"""Characters of a library's message that are quoted; some quote the file."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How NumPy compresses; other methods' errors are others."""


class _Arrays(Mapping[str, NDArray[Any]]):
    """The arrays of an archive of ``size`` bytes by their names, each read when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive = archive
        self._size = size
        self._members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}

    def __getitem__(self, name: str) -> NDArray[Any]:
        member = self._members[name]
        if member.compress_type not in _METHODS:
            raise ValueError(f"{quoted(name)} is compressed in a way that NumPy does not use")
        if member.compress_size > self._size:  # a file makes room for all that is asked for
            raise ValueError(f"{quoted(name)} is cut short: it should have {member.compress_size} bytes")
        with self._archive.open(member) as stream:
            return read_array(stream, member.file_size)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)


@contextmanager
def open_npz(path: Path, failure: type[SnnhwError]) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Give the arrays of a file by their names, each read when it is asked for.

    Raises ``failure``, also for what goes wrong within the block, where the file is missing, damaged or too large, or
    where an array holds objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > LARGEST:
                raise failure(f"{path} unpacks to {size} bytes, and {LARGEST} is the most: split it")
            yield _Arrays(archive, path.stat().st_size)
    except SnnhwError:
        raise
    except DAMAGED as error:
        raise unreadable(path, error, failure) from error


def unreadable(path: Path, error: BaseException, failure: type[SnnhwError]) -> SnnhwError:
    """A ``failure`` that says why a file cannot be read."""
    if isinstance(error, PermissionError):
        return failure(f"cannot read {path}: permission denied; make it readable")
    advice = "save numbers, not Python's objects" if "Python objects" in str(error) else "save it again"
    return failure(f"cannot read {path}: {str(error)[:_LONGEST] or type(error).__name__}; {advice}")
