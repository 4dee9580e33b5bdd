"""A dataset of a few images, written as the real ones are published."""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnhw.data.catalogue import Source, SourceFile


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@dataclass(frozen=True)
class Published:
    """The tiny dataset: its entry in the catalogue, its arrays, and its files' contents by name."""

    source: Source
    images: dict[str, NDArray[np.uint8]]
    labels: dict[str, NDArray[np.uint8]]
    contents: dict[str, bytes]
    folder: Path


def source_file(name: str, contents: dict[str, bytes]) -> SourceFile:
    return SourceFile(name, len(contents[name]), hashlib.sha256(contents[name]).hexdigest())
