"""The IDX format of the MNIST family: a magic number, the dimensions, then the bytes in raster order."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import DatasetError

__all__ = ["decode_idx"]

_UNSIGNED_BYTE = 0x08


def decode_idx(data: bytes, name: str, dimensions: int) -> NDArray[np.uint8]:
    """The array in an IDX file's content: uint8, with `dimensions` dimensions, read-only.

    `name` is what messages call the file. Raises DatasetError where the magic number is not that of unsigned bytes in
    so many dimensions, or the length is not what the dimensions say.
    """
    header = 4 + 4 * dimensions
    magic = (_UNSIGNED_BYTE << 8) | dimensions
    if len(data) < header:
        raise DatasetError(f"{name} is cut short: {len(data)} bytes, where its header alone takes {header}")
    (came,) = struct.unpack_from(">I", data)
    if came != magic:
        raise DatasetError(f"{name} is not the IDX file it should be: its magic number is {came}, not {magic}")
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    if len(data) != header + math.prod(shape):
        raise DatasetError(
            f"{name} is damaged: {len(data) - header} bytes of data, where its header says {math.prod(shape)}"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
