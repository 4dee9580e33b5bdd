"""Frames on a serial line and what they hold: see docs/uart.md.

Twin of ``gateware/frame.py``, ``gateware/uart.py`` and ``gateware/conversation.py``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnhw.frames import (
    CHECK_BYTES,
    COMMAND_MAGIC,
    CYCLES_BYTES,
    DIGEST_BYTES,
    ESCAPE,
    FLAG,
    FLIP,
    MAGIC,
    POSITION_BYTES,
    VERSION,
    Kind,
)
from snnhw.implementation import address_width
from snnhw.model import Model
from snnhw.network import Range
from snnhw.shell import pixel_bits

_SIZES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Frame:
    """A request, or the answer to that of the same ``number``; ``kind`` may be one that this program does not know."""

    kind: int
    number: int
    contents: bytes = b""

    def encode(self) -> bytes:
        """The frame as it goes over the line, from flag to flag."""
        body = bytes([self.kind << 4 | self.number]) + self.contents
        escaped = bytearray([FLAG])
        for byte in body + zlib.crc32(body).to_bytes(CHECK_BYTES, "little"):
            escaped += bytes([ESCAPE, byte ^ FLIP]) if byte in (FLAG, ESCAPE) else bytes([byte])
        return bytes(escaped) + bytes([FLAG])


class Decoder:
    """Finds the good frames in what comes over a line, whatever lies between them.

    ``received`` counts bytes and ``rejected`` what stood between two flags and was no good frame.
    """

    def __init__(self, longest: int = 1 << 16) -> None:
        self.received = 0
        self.rejected = 0
        self._longest = longest
        self._body = bytearray()
        self._escaped = False
        self._overlong = False

    def feed(self, octets: bytes) -> list[Frame]:
        """Take the next bytes; the frames that they complete."""
        frames = []
        self.received += len(octets)
        for byte in octets:
            if byte == FLAG:
                frames += self._end()
            elif byte == ESCAPE:
                self._escaped = True
            elif len(self._body) == self._longest:
                self._overlong = True
            else:
                self._body.append(byte ^ FLIP if self._escaped else byte)
                self._escaped = False
        return frames

    def _end(self) -> list[Frame]:
        body, overlong = bytes(self._body), self._overlong
        self._body.clear()
        self._escaped = self._overlong = False
        contents, check = body[:-CHECK_BYTES], body[-CHECK_BYTES:]
        if contents and not overlong and zlib.crc32(contents).to_bytes(CHECK_BYTES, "little") == check:
            return [Frame(contents[0] >> 4, contents[0] & 15, contents[1:])]
        self.rejected += bool(body)
        return []


@dataclass(frozen=True)
class Identity:
    """What a circuit says of itself."""

    version: int
    digest: str
    """The first digits of the model's."""
    inputs: int
    classes: int
    pixel_bits: int
    score_bits: int
    scores_signed: bool
    loads: bool = False
    """Whether it takes new weights."""

    @classmethod
    def decode(cls, contents: bytes) -> Identity | None:
        """The identity in an answer; None where it is not one, or of a version that this program does not know.

        Nor is it one of a circuit whose numbers no circuit has.
        """
        if contents[:3] != MAGIC or len(contents) != 21 or contents[3] != VERSION:
            return None
        found = cls(
            version=contents[3],
            digest=contents[4:12].hex(),
            inputs=int.from_bytes(contents[12:16], "little"),
            classes=int.from_bytes(contents[16:18], "little"),
            pixel_bits=contents[18],
            score_bits=contents[19],
            scores_signed=bool(contents[20] & 1),
            loads=bool(contents[20] & 2),
        )
        possible = found.inputs and found.classes and 1 <= found.score_bits <= 8 * _SIZES[-1]
        return found if possible and found.pixel_bits in _SIZES else None

    def encode(self) -> bytes:
        """The contents of the answer that says it."""
        before = MAGIC + bytes([self.version]) + bytes.fromhex(self.digest)
        after = self.inputs.to_bytes(4, "little") + self.classes.to_bytes(2, "little")
        return before + after + bytes([self.pixel_bits, self.score_bits, self.scores_signed | self.loads << 1])

    @classmethod
    def of(cls, model: Model, room: Range | None = None) -> Identity:
        """What a circuit that computes a model must say; see :func:`snnhw.shell.pixel_bits`.

        ``room``: where it takes new weights, what it has for scores, as :attr:`snnhw.design.Design.scores` tells.
        """
        scores = model.score_range if room is None else room
        return cls(
            version=VERSION,
            digest=model.digest[: 2 * DIGEST_BYTES],
            inputs=model.network.inputs,
            classes=model.network.classes,
            pixel_bits=pixel_bits(model.network),
            score_bits=scores.width,
            scores_signed=scores.signed,
            loads=room is not None,
        )


@dataclass(frozen=True)
class Answer:
    """What a circuit made of an image."""

    winner: int
    scores: tuple[int, ...]
    cycles: int
    """From the transfer of the image's last pixels to its result; 2**23 stands for any number from that on."""

    @classmethod
    def decode(cls, identity: Identity, contents: bytes) -> Answer | None:
        """The answer of a circuit of that identity; None where it is of another length."""
        first = _bytes_of(address_width(identity.classes))
        size = _bytes_of(identity.score_bits)
        after = first + size * identity.classes
        if len(contents) != after + CYCLES_BYTES:
            return None
        return cls(
            winner=int.from_bytes(contents[:first], "little"),
            scores=tuple(
                int.from_bytes(contents[start : start + size], "little", signed=identity.scores_signed)
                for start in range(first, after, size)
            ),
            cycles=int.from_bytes(contents[after:], "little"),
        )


POSITIONS = 1 << 8 * POSITION_BYTES
"""Positions are counted modulo this."""


@dataclass(frozen=True)
class CommandIdentity:
    """What a circuit that does commands says of itself: which it is, and the bytes that wait in either direction."""

    digest: str
    """The first digits of :func:`snnhw.commandshell.circuit_digest`."""
    buffer: int

    @classmethod
    def decode(cls, contents: bytes) -> CommandIdentity | None:
        """The identity in an answer; None where it is not one, or of a version that this program does not know."""
        begins = COMMAND_MAGIC + bytes([VERSION])
        if len(contents) != len(begins) + DIGEST_BYTES + 2 or not contents.startswith(begins):
            return None
        digest, buffer = contents[len(begins) : -2], int.from_bytes(contents[-2:], "little")
        return cls(digest=digest.hex(), buffer=buffer) if buffer else None


@dataclass(frozen=True)
class Exchange:
    """A request that carries bytes in and the answer that carries bytes out, both with two positions.

    In a request ``octets`` stand from position ``inward`` on, and the host has all bytes before ``outward``. In an
    answer the circuit has all bytes before ``inward``, and ``octets`` stand from ``outward`` on.
    """

    inward: int
    outward: int
    octets: bytes = b""

    @classmethod
    def decode(cls, contents: bytes) -> Exchange | None:
        """The exchange in a frame; None where it is too short for one."""
        if len(contents) < 2 * POSITION_BYTES:
            return None
        inward, outward = (
            int.from_bytes(contents[start : start + POSITION_BYTES], "little") for start in (0, POSITION_BYTES)
        )
        return cls(inward, outward, contents[2 * POSITION_BYTES :])

    def frame(self, number: int) -> Frame:
        """The frame that holds it, as the request of that number, or the answer to it."""
        positions = (position.to_bytes(POSITION_BYTES, "little") for position in (self.inward, self.outward))
        return Frame(Kind.EXCHANGE, number, b"".join(positions) + self.octets)


def pack_pixels(identity: Identity, samples: NDArray[np.uint8]) -> list[bytes]:
    """What to send for each of samples uint8 [B, ...]: the highest bits of each pixel, the first lowest.

    Raises ValueError for samples of another kind.
    """
    if samples.dtype != np.uint8:
        raise ValueError(f"samples must be uint8, not {samples.dtype}")
    bits = identity.pixel_bits
    per_byte = 8 // bits
    flat = samples.reshape(len(samples), identity.inputs) >> (8 - bits)
    padding = -identity.inputs % per_byte
    padded = np.pad(flat, ((0, 0), (0, padding))).reshape(len(flat), (identity.inputs + padding) // per_byte, per_byte)
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    octets = np.bitwise_or.reduce(padded << shifts, axis=2, dtype=np.uint8)
    return [row.tobytes() for row in octets]


def _bytes_of(bits: int) -> int:
    """The least of 1, 2, 4 and 8 bytes that hold so many bits."""
    return next(size for size in _SIZES if 8 * size >= bits)
