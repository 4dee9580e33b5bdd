"""Reading arrays as NumPy saves them, which anybody may have made: nothing is executed, and no size is taken on trust.

NumPy's own reader has Python parse the header, which fails in many ways where a file is damaged, and takes memory for
as many numbers as the header claims. Here a header is what NumPy writes, or it is none.
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_array"]

_MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
"""Of the header's length, by version."""
_LONGEST_HEADER = 10_000
_ENTRY = r"'(?:descr|fortran_order|shape)'\s*:\s*(?:'[^']*'|True|False|\([\d\s,L]*\)|\[[^{}]*\])\s*"
_HEADER = re.compile(rf"\{{\s*{_ENTRY}(?:,\s*{_ENTRY}){{2}}(?:,\s*)?\}}\s*")
_VALUE = re.compile(r"'(\w+)'\s*:\s*('[^']*'|True|False|\([^)]*\)|\[[^{}]*\])")
_TYPE = re.compile(r"[<>=|]?([biufcSUVmMO])\d{0,9}(\[\w{1,9}\])?")


class Stream(Protocol):
    """What is read from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer where it ends."""
        ...


def read_array(stream: Stream, size: int) -> NDArray[Any]:
    """The array in the ``size`` bytes of a .npy, read-only; raises ValueError where they are none, or hold objects."""
    start = stream.read(len(_MAGIC) + 2)
    length_bytes = _LENGTH_BYTES.get(start[-2]) if len(start) == len(_MAGIC) + 2 else None
    if not start.startswith(_MAGIC) or length_bytes is None:
        raise ValueError("it does not begin as arrays do that NumPy has saved")
    length = int.from_bytes(stream.read(length_bytes), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header is of {length} bytes, and {_LONGEST_HEADER} is the most")
    shape, column_major, dtype = _header(stream.read(length).decode("latin-1"))
    wanted, there = math.prod(shape) * dtype.itemsize, size - len(start) - length_bytes - length
    if wanted > there:
        raise ValueError(f"it is cut short: {there} bytes of data, where its header says {wanted}")
    held = stream.read(wanted)
    if len(held) < wanted:
        raise ValueError(f"it is cut short: {len(held)} bytes of data, where its header says {wanted}")
    array: NDArray[Any] = np.ndarray(shape, dtype, held, order="F" if column_major else "C")
    if dtype.kind == "U" and np.frombuffer(held, f"{dtype.byteorder}u4").max(initial=0) > sys.maxunicode:
        raise ValueError("its text is no text")
    return array


def _header(text: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type."""
    values = dict(_VALUE.findall(text)) if _HEADER.fullmatch(text) else {}
    if len(values) != len(("descr", "fortran_order", "shape")):
        raise ValueError("its header is not as NumPy writes one")
    # Python 2 has written sizes as 28L.
    shape = tuple(int(size.strip(" L")) for size in values["shape"].strip("()").split(",") if size.strip())
    return shape, values["fortran_order"] == "True", _type(values["descr"].strip("'"))


def _type(name: str) -> np.dtype[Any]:
    found = _TYPE.fullmatch(name)
    if found is None:
        raise ValueError("it holds records, or numbers of no type that NumPy has")
    if found[1] == "O":
        raise ValueError("it holds Python objects")
    try:
        dtype = np.dtype(name)
    except (TypeError, OverflowError) as error:
        raise ValueError("it holds numbers of no type that NumPy has") from error
    if not dtype.itemsize:
        raise ValueError("its numbers have no bytes")
    return dtype
