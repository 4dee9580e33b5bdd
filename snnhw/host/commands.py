"""Commands to a circuit over a line that may lose, change and invent bytes. Twin of ``gateware/conversation.py``.

Bytes have positions, see docs/uart.md: whatever is sent or answered again counts once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from snnhw.commands import Command
from snnhw.commandshell import BUFFER_BYTES, beat_packet, circuit_digest_bytes, streams_out
from snnhw.errors import LinkError
from snnhw.frames import NUMBERS, Kind
from snnhw.host.asking import ANSWER_SECONDS, TRIES, Asker
from snnhw.host.link import Link
from snnhw.host.protocol import POSITIONS, CommandIdentity, Exchange, Frame
from snnhw.interface import CommandInterface
from snnhw.payloads import command_octets

__all__ = ["AHEAD", "CommandBoard"]

AHEAD = 3
"""Commands on their way at once: one being done, one in the circuit's memory, one on the line."""

PART = 512
"""The most bytes that a request carries: what a damaged frame costs to send again."""

WINDOW = 2
"""Requests under way at once, where there are bytes to be sent."""

STUCK_SILENCES = 30
"""How many times the silence of a lost answer no byte may go in or out before the circuit counts as stuck."""

Given = dict[str, bytes]
"""The beats of each stream that a command has given."""


@dataclass
class _Request:
    """A request under way, and where what it carries begins and ends."""

    begin: int
    end: int


@dataclass
class _Beats:
    """Takes the bytes of a circuit apart, into the beats of its streams."""

    interface: CommandInterface
    arrived: dict[str, bytearray] = field(default_factory=dict)
    _rest: bytes = b""

    def __post_init__(self) -> None:
        self._streams = [(port.name, beat_packet(port).size) for port in streams_out(self.interface)]
        self.arrived = {name: bytearray() for name, _ in self._streams}

    def feed(self, octets: bytes) -> None:
        """Take the next bytes. Raises LinkError for the number of a stream that there is not."""
        octets, place = self._rest + octets, 0
        while place < len(octets):
            if octets[place] >= len(self._streams):
                raise LinkError(f"the circuit gave a beat of stream {octets[place]}, which it has not: program it anew")
            name, size = self._streams[octets[place]]
            if place + 1 + size > len(octets):
                break
            self.arrived[name] += octets[place + 1 : place + 1 + size]
            place += 1 + size
        self._rest = octets[place:]

    def take(self, gives: dict[str, int]) -> Given | None:
        """The first so many bytes of each stream, where they are all there."""
        if any(len(self.arrived[name]) < size for name, size in gives.items()):
            return None
        outcome = {}
        for name, size in gives.items():
            outcome[name] = bytes(self.arrived[name][:size])
            del self.arrived[name][:size]
        return outcome


class CommandBoard(Asker):
    """A circuit of commands at the end of a line.

    ``interface`` are its streams, ``digest`` says which circuit it must be. A request without an answer is sent again,
    at most :data:`TRIES` times in a row.
    """

    def __init__(
        self, link: Link, baud: int, interface: CommandInterface, digest: str, seconds: float = ANSWER_SECONDS
    ) -> None:
        super().__init__(link, baud, seconds)
        self.interface = interface
        self.digest = circuit_digest_bytes(digest).hex()
        self._buffer = BUFFER_BYTES
        self._forget()

    def begin(self) -> CommandIdentity:
        """Ask what circuit it is, and reset it: what it has learned stays, a command that was being done does not.

        Raises LinkError where it is another circuit, or none.
        """
        found = self.identity_by(CommandIdentity.decode)
        if found.digest != self.digest:
            raise LinkError(
                f"the circuit on {self.link.name} is that of {found.digest}..., not of {self.digest}...: program the "
                "board with this model's circuit, or give the lanes that it was built with (--lanes)"
            )
        for number in range(TRIES):
            if self.ask(Frame(Kind.RESET, number)):
                self._buffer = found.buffer
                self._forget()
                return found
        raise LinkError(f"the circuit on {self.link.name} was not reset in {TRIES} tries: is the line too noisy?")

    def do(self, commands: Iterable[Command], ahead: int = AHEAD) -> Iterator[Given]:
        """Let the circuit do commands, one after the other, and give the beats that each has given.

        Up to ``ahead`` commands are sent before the first of them is done. Raises LinkError where the line is too bad,
        or the circuit stuck.
        """
        waiting: deque[Command] = deque()
        coming = iter(commands)
        self._moved = time.monotonic()
        while True:
            while len(waiting) < ahead and (command := next(coming, None)) is not None:
                waiting.append(command)
                self._unsent += command_octets(self.interface, command)
            if not waiting:
                return
            gives = {name: count * self._size(name) for name, count in waiting[0].gives.items()}
            while (outcome := self._beats.take(gives)) is None:
                self._exchange(waiting[0].name)
            waiting.popleft()
            yield outcome

    def _size(self, name: str) -> int:
        return beat_packet(self.interface.stream(name)).size

    def _forget(self) -> None:
        """Begin where a circuit begins after a reset."""
        self._beats = _Beats(self.interface)
        self._unsent = bytearray()
        """Bytes that the circuit is not known to have, from position ``_acknowledged`` on."""
        self._acknowledged = self._received = 0
        self._sent = 0
        """How many of ``_unsent`` are on their way."""
        self._under_way: dict[int, _Request] = {}
        self._number = 0
        self._lost = 0

    def _exchange(self, what: str) -> None:
        """Send what may be sent, and wait for an answer."""
        while len(self._under_way) < WINDOW and (self._sent < len(self._unsent) or not self._under_way):
            self._send()
        octets = sum(request.end - request.begin for request in self._under_way.values()) + self._buffer
        for frame in self.frames_for(self.seconds + self.line_seconds(octets)):
            answer = Exchange.decode(frame.contents) if frame.kind == Kind.EXCHANGE else None
            if answer is not None and frame.number in self._under_way:
                self._take(frame.number, answer, what)
                return
        self._lost += 1
        self.repeated += len(self._under_way)
        if self._lost == TRIES:
            raise LinkError(
                f"{what} had no answer from {self.link.name} after {TRIES} tries: is the line too noisy, or the board "
                "gone, or another device there?"
            )
        self._go_back()

    def _send(self) -> None:
        """Send a request with the next bytes."""
        octets = bytes(self._unsent[self._sent : self._sent + PART])
        begin = self._sent
        self._sent += len(octets)
        self._under_way[self._number] = _Request(begin, self._sent)
        request = Exchange((self._acknowledged + begin) % POSITIONS, self._received, octets)
        self.link.write(request.frame(self._number).encode())
        self._number = (self._number + 1) % NUMBERS

    def _take(self, number: int, answer: Exchange, what: str) -> None:
        """Take an answer; requests before it have none any more."""
        accepted = (answer.inward - self._acknowledged) % POSITIONS
        known = (self._received - answer.outward) % POSITIONS
        if accepted > self._sent or known > self._buffer:
            raise LinkError(
                f"the circuit on {self.link.name} was reset while it was doing {what}: begin anew, with its weights"
            )
        for other in list(self._under_way):
            del self._under_way[other]
            if other == number:
                break
            self.repeated += 1
        del self._unsent[:accepted]
        self._acknowledged = answer.inward
        self._sent -= accepted
        for request in self._under_way.values():
            request.begin, request.end = request.begin - accepted, request.end - accepted
        fresh = answer.octets[known:]
        self._beats.feed(fresh)
        self._received = (self._received + len(fresh)) % POSITIONS
        self._lost = 0
        # What the circuit had no room for, or has lost with a request, goes again.
        expected = min((request.begin for request in self._under_way.values()), default=self._sent)
        if expected > 0:
            self._go_back()
        if accepted or fresh:
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > (most := STUCK_SILENCES * self.seconds):
            raise LinkError(
                f"the circuit on {self.link.name} has been doing {what} for {most:.3g} seconds without an end: reset "
                "the board, or program it anew"
            )

    def _go_back(self) -> None:
        """Send again from the first byte that the circuit has not."""
        self._under_way.clear()
        self._sent = 0
