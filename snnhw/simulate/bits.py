"""Numbers packed into 32-bit words, lowest bits first, many rows at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

WORD = 32

Words = NDArray[np.uint32]


def words_for(bits: int) -> int:
    """The 32-bit words that hold ``bits`` bits."""
    return -(-bits // WORD)


def unpack(words: Words, *, width: int, count: int = 1, signed: bool = False, offset: int = 0) -> NDArray[Any]:
    """Take ``count`` numbers of ``width`` bits, one after the other from bit ``offset``, out of each row of words.

    ``words`` is uint32 [n, words]. Returns int32 [n, count] where that holds every number, else int64.
    """
    if not 1 <= width <= 64:
        raise ValueError(f"a packed number must have 1 to 64 bits, not {width}")
    first = offset + width * np.arange(count)
    word, shift = first // WORD, (first % WORD).astype(np.uint32)
    if width == 1:
        bits = (words[:, word] >> shift) & np.uint32(1)
        return -bits.view(np.int32) if signed else bits.view(np.int32)
    if width + int(shift.max()) <= WORD:
        return _narrow(words[:, word] >> shift, width, signed)
    # The word after the last one is read for numbers that cross into it, and stands for zeros.
    padded = np.pad(words, ((0, 0), (0, 2)))
    wide = padded[:, word].astype(np.uint64) | padded[:, word + 1].astype(np.uint64) << np.uint64(WORD)
    value = wide >> shift.astype(np.uint64)
    if width <= WORD:
        return _narrow(value.astype(np.uint32), width, signed)
    rest = padded[:, word + 2].astype(np.uint64) << np.uint64(WORD)
    above = (np.uint64(WORD) - shift.astype(np.uint64)) % np.uint64(2 * WORD)
    value |= np.where(shift > 0, rest << above, np.uint64(0))
    # Numbers of 64 bits without a sign do not occur: all that comes is held by int64.
    spare = np.uint64(2 * WORD - width)
    high = value << spare
    return high.view(np.int64) >> np.int64(spare) if signed else (high >> spare).astype(np.int64)


def _narrow(value: Words, width: int, signed: bool) -> NDArray[Any]:
    """Cut to ``width`` (at most 32) bits and extend the sign."""
    spare = np.uint32(WORD - width)
    if signed:
        return (value << spare).view(np.int32) >> np.int32(spare)
    cleared = (value << spare) >> spare
    return cleared.view(np.int32) if width < WORD else cleared.astype(np.int64)


def insert(words: Words, rows: NDArray[np.intp], values: NDArray[Any], *, offset: int, width: int) -> None:
    """Put one number of ``width`` (at most 32) bits at bit ``offset`` of each of ``rows``, where zeros are."""
    word, shift = divmod(offset, WORD)
    wide = values.astype(np.uint64) << np.uint64(shift)
    words[rows, word] |= (wide & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    if shift + width > WORD:
        words[rows, word + 1] |= (wide >> np.uint64(WORD)).astype(np.uint32)
