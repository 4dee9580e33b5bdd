"""IDX files: what was written is read, and damage is named."""

import struct

import numpy as np
import pytest

from snnhw.data.idx import decode_idx
from snnhw.errors import DatasetError

HEADER = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 1, 3)
DATA = bytes([1, 2, 3, 4, 5, 6])


def test_bytes_come_out_in_raster_order():
    array = decode_idx(HEADER + DATA, "x", dimensions=3)
    assert array.dtype == np.uint8
    assert array.tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


def test_labels_have_one_dimension():
    assert decode_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), "x", dimensions=1).tolist() == [7, 9]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short: 0 bytes"),
        (HEADER[:15], "cut short: 15 bytes, where its header alone takes 16"),
        (HEADER + DATA[:-1], "damaged: 5 bytes of data, where its header says 6"),
        (HEADER + DATA + b"\0", "damaged: 7 bytes of data, where its header says 6"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12 + DATA, "damaged"),
        (bytes([0, 0, 8, 1]) + HEADER[4:] + DATA, "magic number is 2049, not 2051"),
        (bytes([0, 0, 13, 3]) + HEADER[4:] + DATA, "magic number is 3331, not 2051"),
        (b"\x1f\x8b" + HEADER + DATA, "magic number"),
    ],
)
def test_damage_is_named(content: bytes, message: str):
    with pytest.raises(DatasetError, match=f"^the file is .*{message}"):
        decode_idx(content, "the file", dimensions=3)
