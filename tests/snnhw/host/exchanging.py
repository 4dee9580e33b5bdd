"""A circuit of commands at the end of a line as a few lines of Python."""

from __future__ import annotations

import time

from snnhw.commandshell import command_identity
from snnhw.frames import Kind, Refusal
from snnhw.host.protocol import POSITIONS, Decoder, Exchange, Frame
from tests.adder import AdderTwin

DIGEST = "0123456789abcdef" * 4


class ExchangingAdder:
    """Answers at once. ``depth``: bytes that wait in either direction; ``slow``: exchanges before it takes any of them.

    ``silent`` requests are done and not answered. ``careless``: it takes bytes wherever they stand, as a circuit would
    that knew no positions.
    """

    name = "adder"

    def __init__(self, *, depth: int = 256, slow: int = 0, silent: int = 0, careless: bool = False) -> None:
        self.depth = depth
        self.silent = silent
        self.exchanges = 0
        self.resets = 0
        self._slow = slow
        self._careless = careless
        self._decoder = Decoder()
        self._said = b""
        self.power_up()

    def power_up(self) -> None:
        """Forget everything but the sum."""
        self._twin = AdderTwin()
        self._inward = self._outward = 0
        self._inbox, self._outbox, self._later = b"", b"", b""
        self._waited = 0

    def write(self, octets: bytes) -> None:
        for frame in self._decoder.feed(octets):
            answer = self._answer(frame)
            if self.silent:
                self.silent -= 1
            else:
                self._said += answer.encode()

    def read(self, seconds: float) -> bytes:
        said, self._said = self._said, b""
        if not said:
            time.sleep(seconds)
        return said

    def _answer(self, frame: Frame) -> Frame:
        if frame.kind == Kind.IDENTIFY:
            return Frame(Kind.IDENTIFY, frame.number, command_identity(DIGEST, self.depth))
        if frame.kind == Kind.RESET:
            self.resets += 1
            self.power_up()
            return Frame(Kind.RESET, frame.number)
        request = Exchange.decode(frame.contents) if frame.kind == Kind.EXCHANGE else None
        if request is None:
            return Frame(Kind.REFUSED, frame.number, bytes([Refusal.UNKNOWN]))
        self.exchanges += 1
        if request.inward == self._inward or self._careless:
            taken = request.octets[: self.depth - len(self._inbox)]
            self._inbox += taken
            self._inward = (self._inward + len(taken)) % POSITIONS
        gone = (request.outward - self._outward) % POSITIONS
        if gone <= len(self._outbox):
            self._outward, self._outbox = request.outward, self._outbox[gone:]
        answer = Exchange(self._inward, self._outward, self._outbox).frame(frame.number)
        self._compute()
        return answer

    def _compute(self) -> None:
        """Go on after a request: what a circuit does meanwhile."""
        self._waited += 1
        if self._waited > self._slow and not self._later:
            self._later, self._inbox, self._waited = self._twin.feed(self._inbox), b"", 0
        room = self.depth - len(self._outbox)
        self._outbox, self._later = self._outbox + self._later[:room], self._later[room:]
