"""Numbers packed into words, against Python's own integers."""

import random

import numpy as np
import pytest

from snnhw.simulate.bits import insert, unpack, words_for


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("width", "count", "offset"),
    [
        *[(1, 1, 0), (1, 70, 3), (7, 9, 0), (8, 8, 0), (16, 2, 0), (31, 3, 1), (32, 2, 0), (32, 2, 5), (33, 3, 0)],
        *[(40, 4, 31), (62, 3, 2), (63, 2, 33)],
    ],
)
def test_unpacked_numbers_are_those_that_were_packed(width: int, count: int, offset: int, signed: bool):
    rng = random.Random(width * count + offset)
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    rows = [[rng.choice([low, high, rng.randint(low, high)]) for _ in range(count)] for _ in range(20)]
    words = words_for(offset + width * count)
    table = np.zeros((len(rows), words), np.uint32)
    for row, numbers in zip(table, rows, strict=True):
        packed = rng.getrandbits(offset) if offset else 0
        packed |= rng.getrandbits(4) << offset + width * count
        for lane, number in enumerate(numbers):
            packed |= (number & (1 << width) - 1) << offset + lane * width
        row[:] = [packed >> 32 * word & 0xFFFFFFFF for word in range(words)]
    assert unpack(table, width=width, count=count, signed=signed, offset=offset).tolist() == rows


@pytest.mark.parametrize("width", [0, 65])
def test_other_widths_are_refused(width: int):
    with pytest.raises(ValueError, match=f"1 to 64 bits, not {width}"):
        unpack(np.zeros((1, 3), np.uint32), width=width)


@pytest.mark.parametrize(("offset", "width"), [(0, 1), (5, 8), (28, 8), (32, 16), (20, 32)])
def test_inserted_numbers_come_out_again(offset: int, width: int):
    words = np.zeros((4, 3), np.uint32)
    values = np.array([1, (1 << width) - 1])
    insert(words, np.array([0, 2]), values, offset=offset, width=width)
    got = unpack(words, width=width, offset=offset)[:, 0]
    assert got.tolist() == [1, 0, (1 << width) - 1, 0]
