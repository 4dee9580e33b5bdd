"""Arrays as NumPy saves them come back; what is damaged is refused before memory is taken, and never otherwise."""

import io
import struct

import numpy as np
import pytest

from snnhw.npyfile import read_array


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def read(content: bytes) -> np.ndarray:
    return read_array(io.BytesIO(content), len(content))


def with_header(header: str, data: bytes = bytes(8), version: int = 1) -> bytes:
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header.encode("latin-1") + data


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)),
        np.array(7),
        np.zeros((0, 4), bool),
        np.array(["three", "7"]),
        np.array([b"x"]),
        np.array([1.5, np.nan], np.float16),
    ],
    ids=lambda array: f"{array.dtype.str}{list(array.shape)}",
)
def test_what_numpy_saves_comes_back(array: np.ndarray):
    came = read(saved(array))
    assert (came.dtype, came.shape) == (array.dtype, array.shape)
    assert came.tobytes() == array.tobytes()


def test_headers_of_others_are_read():
    """Of Python 2, whose sizes were long, without a last comma, keys in another order; and of version 2."""
    assert read(with_header("{'descr': '<u2', 'fortran_order': False, 'shape': (4L,), }\n")).tolist() == [0] * 4
    assert read(with_header("{'shape':(2,2),'fortran_order':True,'descr':'|u1'}", b"1234")).tolist() == [
        [49, 51],
        [50, 52],
    ]
    assert read(with_header("{'descr': '<u2', 'fortran_order': False, 'shape': ()}", version=2)) == 0


GOOD = "{'descr': '<u2', 'fortran_order': False, 'shape': (4,), }"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as arrays do"),
        (b"\x93NUMPY\x04\x00" + bytes(200), "does not begin as arrays do"),
        (with_header(GOOD)[:20], "header is not as NumPy writes one"),
        (with_header(GOOD.replace("}", "")), "header is not as NumPy writes one"),
        (with_header(GOOD.replace("(4,)", "('''4,)")), "header is not as NumPy writes one"),
        (with_header(GOOD.replace("(4,)", "(-4,)")), "header is not as NumPy writes one"),
        (with_header(GOOD.replace("'shape'", "'descr'")), "header is not as NumPy writes one"),
        (with_header(" " * 20_000), "header is of 20000 bytes, and 10000 is the most"),
        (with_header(GOOD.replace("(4,)", f"({1 << 40},)")), f"8 bytes of data, where its header says {1 << 41}"),
        (with_header(GOOD.replace("(4,)", "(5,)")), "8 bytes of data, where its header says 10"),
        (
            with_header(GOOD.replace("<u2", "<U999999999")),
            "bytes of data, where its header says|no type that NumPy has",
        ),
        (with_header(GOOD.replace("<u2", "<S0")), "its numbers have no bytes"),
        (with_header(GOOD.replace("<u2", "<i3")), "no type that NumPy has"),
        (with_header(GOOD.replace("'<u2'", "[('x', '<u2')]")), "it holds records"),
        (with_header(GOOD.replace("<u2", "<U1"), b"\0\0\x11\0" * 4), "its text is no text"),
        (with_header(GOOD.replace("<u2", "|O")), "it holds Python objects"),
        (with_header(GOOD.replace("(4,)", f"(0, {1 << 70})")), "Maximum allowed dimension exceeded"),
    ],
)
def test_what_is_damaged_is_refused(content: bytes, message: str):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_a_stream_that_ends_before_its_size_is_refused():
    content = with_header(GOOD)
    with pytest.raises(ValueError, match="cut short: 7 bytes of data, where its header says 8"):
        read_array(io.BytesIO(content[:-1]), len(content))
