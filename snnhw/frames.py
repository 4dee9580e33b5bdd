"""What frames on a serial line are made of, the same for the circuit and for the host: see docs/uart.md."""

from __future__ import annotations

from enum import IntEnum

FLAG = 0x7E
"""Begins and ends each frame, and is nowhere inside of one."""

ESCAPE = 0x7D
"""Stands before a byte that would be one of the two, and that is sent with ``FLIP``."""

FLIP = 0x20

CHECK_BYTES = 4
"""Number of bytes of the checksum, at the end of each frame."""

NUMBER_BITS = 4
NUMBERS = 1 << NUMBER_BITS
"""Requests are numbered from 0 to one below this, over and over."""

MAGIC = b"snn"
"""Begins what a circuit says of itself."""

VERSION = 1
"""Of what the frames hold; it changes when an older host would misread them."""

DIGEST_BYTES = 8
"""Number of bytes, from its front, of a model's digest where a circuit says whose weights it has."""

CYCLES_BYTES = 3
"""Number of bytes of a count of cycles."""

COMMAND_MAGIC = b"snc"
"""Begins what a circuit of commands says of itself."""

POSITION_BYTES = 2
"""Number of bytes of a position: how many bytes of a direction went before, modulo 2**16."""


class Kind(IntEnum):
    """What a frame asks for or answers: the high half of its first byte. The low half is the request's number."""

    IDENTIFY = 1
    CLASSIFY = 2
    LOAD = 3
    UNLOCK = 4
    EXCHANGE = 5
    RESET = 6
    REFUSED = 15


class Refusal(IntEnum):
    """Why a circuit did not do what it was asked."""

    UNKNOWN = 1
    """There is no such kind of request, or it must have another length."""
    BUSY = 2
    """The image before it had no answer yet."""
    EMPTY = 3
    """There are no weights, or those that came were not whole."""
