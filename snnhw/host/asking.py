"""Questions to whatever circuit is at the end of a line, and how long to wait for answers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from snnhw.errors import LinkError
from snnhw.frames import Kind
from snnhw.host.link import Link
from snnhw.host.protocol import Decoder, Frame

TRIES = 6
"""How often a request is sent before the board is given up."""

ANSWER_SECONDS = 1.0
"""Silence on the line after which an answer is taken to be lost, besides the time that bytes take."""

_BYTE_BITS = 10

Told = TypeVar("Told")


class Asker:
    """The host's end of a line.

    ``repeated`` counts what was sent again. ``seconds`` is the silence after which an answer is taken to be lost.
    """

    def __init__(self, link: Link, baud: int, seconds: float = ANSWER_SECONDS) -> None:
        self.link = link
        self.baud = baud
        self.seconds = seconds
        self.repeated = 0
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()

    def identity_by(self, decode: Callable[[bytes], Told | None]) -> Told:
        """Ask what circuit it is. Raises LinkError where nothing answers, or nothing that ``decode`` knows."""
        answered = False
        for attempt in range(TRIES):
            self.link.write(Frame(Kind.IDENTIFY, attempt).encode())
            for frame in self.frames_for(self.seconds / 2):
                if frame.kind == Kind.IDENTIFY:
                    if found := decode(frame.contents):
                        return found
                    answered = True
                    break
        where = f"{self.link.name} at {self.baud} baud"
        if answered:
            raise LinkError(f"what answers on {where} is no circuit that this snnhw knows: program the board anew")
        if self._decoder.received:
            raise LinkError(
                f"what comes from {where} are {self._decoder.received} bytes without an answer in them: is the baud "
                "that of the circuit, and the port the board's?"
            )
        raise LinkError(
            f"nothing answers on {where}: is the board powered and programmed, and are port and baud the right ones?"
        )

    def ask(self, frame: Frame) -> bool:
        """Send a request once; whether it was done."""
        octets = frame.encode()
        self.link.write(octets)
        for answer in self.frames_for(self.seconds + self.line_seconds(len(octets))):
            if answer.number == frame.number and answer.kind in (frame.kind, Kind.REFUSED):
                return answer.kind == frame.kind
        return False

    def line_seconds(self, octets: int) -> float:
        """How long so many bytes take on the line, twice over."""
        return 2 * octets * _BYTE_BITS / self.baud

    def frames_for(self, seconds: float) -> Iterator[Frame]:
        """The frames that come within a time, each once: those that are not taken are there for the next call."""
        end = time.monotonic() + seconds
        while True:
            while self._frames:
                yield self._frames.popleft()
            if (left := end - time.monotonic()) <= 0:
                return
            self._frames += self._decoder.feed(self.link.read(left))
