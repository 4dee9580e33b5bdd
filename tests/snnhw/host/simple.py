"""A circuit at the end of a line as a few lines of Python, and a line that spoils what goes over it."""

from __future__ import annotations

import time
from dataclasses import replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from golden.network import run as run_golden
from snnhw.design import Design
from snnhw.errors import LinkError
from snnhw.frames import VERSION, Kind, Refusal
from snnhw.host.link import Link
from snnhw.host.protocol import Decoder, Frame, Identity
from snnhw.model import Model
from snnhw.shell import Shell
from snnhw.verilog import Emitted, emit_apart

_EMITTED: dict[object, Emitted] = {}


def emit_once(design: Design, *, shell: Shell) -> Emitted:
    """`snnhw.verilog.emit_apart`, for tests that need the same circuit again and again."""
    key = (design.model.digest, design.implementation, shell)
    if key not in _EMITTED:
        _EMITTED[key] = emit_apart(design, shell=shell)
    return _EMITTED[key]


class SimpleCircuit:
    """Answers at once, by golden. ``busy`` requests are refused first, one for each; ``silent`` ones not answered.

    With ``loads`` it takes any weights, of ``size`` bytes, and keeps what came as ``weights``.
    """

    name = "simple"

    def __init__(
        self, model: Model, *, busy: int = 0, silent: int = 0, version: int = VERSION, loads: bool = False
    ) -> None:
        self.model = model
        self.size = 6
        self.weights: bytes | None = None
        self._loads = loads
        self._unlocked = False
        self.busy = busy
        self.silent = silent
        self.requests: list[Frame] = []
        self._version = version
        self._identity = Identity.of(model)
        self._decoder = Decoder()
        self._waiting = b""

    def write(self, octets: bytes) -> None:
        for frame in self._decoder.feed(octets):
            self.requests.append(frame)
            if self.silent:
                self.silent -= 1
            else:
                self._waiting += self._answer(frame).encode()

    def read(self, seconds: float) -> bytes:
        waiting, self._waiting = self._waiting, b""
        if not waiting:
            time.sleep(seconds)
        return waiting

    def _answer(self, frame: Frame) -> Frame:
        known = self._identity
        if frame.kind == Kind.IDENTIFY:
            contents = replace(known, version=self._version, loads=self._loads).encode()
            return Frame(Kind.IDENTIFY, frame.number, contents)
        if self._loads and frame.kind == Kind.UNLOCK:
            self._unlocked = True
            return Frame(Kind.UNLOCK, frame.number)
        if frame.kind == Kind.LOAD and self._unlocked:
            self._unlocked = False
            self.weights = frame.contents if len(frame.contents) == 8 + self.size else None
            empty = Frame(Kind.REFUSED, frame.number, bytes([Refusal.EMPTY]))
            return empty if self.weights is None else Frame(Kind.LOAD, frame.number)
        if frame.kind != Kind.CLASSIFY or len(frame.contents) != -(-known.inputs * known.pixel_bits // 8):
            return Frame(Kind.REFUSED, frame.number, bytes([Refusal.UNKNOWN]))
        if self._loads and self.weights is None:
            return Frame(Kind.REFUSED, frame.number, bytes([Refusal.EMPTY]))
        if self.busy:
            self.busy -= 1
            return Frame(Kind.REFUSED, frame.number, bytes([Refusal.BUSY]))
        return Frame(Kind.CLASSIFY, frame.number, self.result(self._sample(frame.contents)))

    def _sample(self, contents: bytes) -> NDArray[np.uint8]:
        bits, packed = self._identity.pixel_bits, int.from_bytes(contents, "little")
        pixels = [(packed >> bits * i & (1 << bits) - 1) << (8 - bits) for i in range(self._identity.inputs)]
        return np.array(pixels, np.uint8).reshape(1, *self.model.network.sample_shape)

    def result(self, sample: NDArray[np.uint8]) -> bytes:
        golden = run_golden(self.model, sample)
        size = 1 if self._identity.score_bits <= 8 else 2
        scores = b"".join(int(score).to_bytes(size, "little", signed=True) for score in golden.scores[0])
        return bytes([golden.classes[0]]) + scores + (100).to_bytes(3, "little")


class SlowCircuit(SimpleCircuit):
    """Takes ``seconds`` for an image, and refuses those that come meanwhile as busy."""

    def __init__(self, model: Model, seconds: float) -> None:
        super().__init__(model)
        self._seconds = seconds
        self._end: float | None = None
        self._result = b""

    def write(self, octets: bytes) -> None:
        before, self._waiting, self.busy = self._waiting, b"", 0 if self._end is None else 1 << 30
        super().write(octets)
        if self._end is None:
            self._result, self._waiting = self._waiting, b""
            self._end = time.monotonic() + self._seconds
        self._waiting = before + self._waiting

    def read(self, seconds: float) -> bytes:
        if self._end is not None and time.monotonic() + seconds >= self._end and not self._waiting:
            time.sleep(max(0, self._end - time.monotonic()))
            self._waiting, self._end = self._result, None
        return super().read(seconds)


class SpoilingLink:
    """Drops, flips and inserts bytes both ways, each with the same chance."""

    def __init__(self, link: Link, chance: float, seed: int = 0) -> None:
        self.name = link.name
        self.faults = 0
        self._link = link
        self._chance = chance
        self._random = Random(seed)

    def write(self, octets: bytes) -> None:
        self._link.write(self._spoil(octets))

    def read(self, seconds: float) -> bytes:
        return self._spoil(self._link.read(seconds))

    def _spoil(self, octets: bytes) -> bytes:
        spoilt = bytearray()
        for byte in octets:
            fault = self._random.random() / self._chance
            self.faults += fault < 3
            if fault >= 1:
                spoilt.append(byte ^ (1 << self._random.randrange(8) if fault < 2 else 0))
            if 2 <= fault < 3:
                spoilt.append(self._random.choice([0x7E, 0x7D, 0x00, 0xFF]))
        return bytes(spoilt)


class DeafLink:
    """Says ``what`` again and again, and hears nothing."""

    name = "deaf"

    def __init__(self, what: bytes = b"") -> None:
        self.what = what

    def write(self, octets: bytes) -> None:
        pass

    def read(self, seconds: float) -> bytes:
        time.sleep(min(seconds, 0.001))
        return self.what


class GoneLink(DeafLink):
    """Is pulled out."""

    name = "gone"

    def write(self, octets: bytes) -> None:
        raise LinkError("gone has gone in the middle of a transfer")
