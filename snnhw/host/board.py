"""Requests to a circuit over a line that may lose, change and invent bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import LinkError
from snnhw.frames import NUMBERS, Kind, Refusal
from snnhw.host.asking import ANSWER_SECONDS, TRIES, Asker
from snnhw.host.link import Link
from snnhw.host.protocol import Answer, Frame, Identity, pack_pixels
from snnhw.model import Model
from snnhw.network import Range

WINDOW = 4
"""Requests under way at once: an adapter that hands answers over late then does not hold up the next image."""

LOAD = "load its weights, with --circuit and the JSON that was written beside the circuit's Verilog"
"""What is to be done where a circuit takes weights and has not those of the model."""

BUSY_SILENCES = 30
"""How many times that silence a circuit may be busy without an answer to any image: no image takes so long."""


@dataclass
class _Request:
    """An image on its way: its place, its frame, how often it was sent, and when, in the order of everything sent.

    ``refused`` counts how often the circuit was too busy for it; it is ``under_way`` from when it was sent to then.
    """

    index: int
    frame: bytes
    tries: int = 0
    order: int = 0
    refused: int = 0
    under_way: bool = False


class Board(Asker):
    """A circuit at the end of a line.

    A request that is not answered is sent again, at most :data:`TRIES` times; one that was answered twice counts once.
    One that was refused because the circuit was busy is sent again when that may be over, for as long as
    :data:`BUSY_SILENCES` say. What answers no request, however much of it comes, is no answer: every request has an
    end.
    """

    def __init__(self, link: Link, baud: int, seconds: float = ANSWER_SECONDS) -> None:
        super().__init__(link, baud, seconds)
        self._foreign = 0
        self._window = WINDOW
        self._sent = 0
        self._answered = 0.0

    def identify(self) -> Identity:
        """Ask what circuit it is. Raises LinkError where nothing, or nothing of this kind, answers."""
        return self.identity_by(Identity.decode)

    def identify_as(self, model: Model, room: Range | None = None) -> Identity:
        """Ask what circuit it is; raises LinkError also where it is another model's, or another circuit.

        ``room`` for scores is what a circuit that takes new weights is known to have; without it what it says holds.
        """
        found, wanted = self.identify(), Identity.of(model, room)
        if found.digest != wanted.digest:
            raise LinkError(
                f"the circuit on {self.link.name} is of the model {found.digest}..., not {wanted.digest}...: program "
                f"the board with this model, or {LOAD if found.loads else 'run the one that it has'}"
            )
        if found.loads and room is None:
            wanted = replace(wanted, loads=True, score_bits=found.score_bits, scores_signed=found.scores_signed)
        if found != wanted:
            raise LinkError(f"the circuit on {self.link.name} says {found}, not {wanted}: program the board anew")
        return found

    def load(self, model: Model, image: bytes) -> None:
        """Give the circuit new weights: those of ``model``, as :func:`snnhw.weights.image` has laid them out.

        Raises LinkError where it takes none, or has not taken them after :data:`TRIES` tries; then it may have none.
        """
        if not self.identify().loads:
            raise LinkError(f"the circuit on {self.link.name} takes no new weights: build it with memories that do")
        contents = bytes.fromhex(model.digest[:16]) + image
        for _ in range(TRIES):
            if self.ask(Frame(Kind.UNLOCK, 1)) and self.ask(Frame(Kind.LOAD, 2, contents)):
                return
        raise LinkError(
            f"the circuit on {self.link.name} has not taken the weights in {TRIES} tries: are they {len(image)} bytes, "
            "and is the line too noisy?"
        )

    def classify(self, identity: Identity, samples: NDArray[np.uint8]) -> Iterator[tuple[int, Answer]]:
        """Send samples uint8 [B, ...] and give each one's place and answer, once, as they come.

        Raises LinkError where an image has no answer after :data:`TRIES` tries.
        """
        contents = pack_pixels(identity, samples)
        waiting: dict[int, _Request] = {}
        done = following = 0
        self._answered = time.monotonic()
        while done < len(contents):
            while following < len(contents) and self._has_room(waiting, following):
                number = following % NUMBERS
                request = _Request(following, Frame(Kind.CLASSIFY, number, contents[following]).encode())
                waiting[number] = request
                self._send(request)
                following += 1
            for frame in self.frames_for(self._patience(waiting)):
                request_of = waiting.get(frame.number)
                if request_of is not None and frame.kind == Kind.REFUSED:
                    self._refused(request_of, frame)
                    break
                answer = Answer.decode(identity, frame.contents) if frame.kind == Kind.CLASSIFY else None
                if request_of is None or answer is None:
                    self._foreign += 1
                    continue
                del waiting[frame.number]
                done += 1
                yield request_of.index, answer
                self._answered, self._foreign = time.monotonic(), 0
                self._send_again([other for other in _under_way(waiting) if other.order < request_of.order])
                if not _under_way(waiting):
                    self._send_again(_first(waiting))
                break
            else:
                self._window = 1
                self._send_again(_under_way(waiting) or _first(waiting))

    def _has_room(self, waiting: dict[int, _Request], following: int) -> bool:
        """Whether another image may be sent: numbers in use must stay apart, also from answers that come late."""
        oldest = min((request.index for request in waiting.values()), default=following)
        return len(waiting) < self._window and following - oldest < NUMBERS // 2

    def _refused(self, request: _Request, frame: Frame) -> None:
        """Take back a request that came too early, and from now on send one at a time; others cannot be helped."""
        if frame.contents[:1] == bytes([Refusal.EMPTY]):
            raise LinkError(f"the circuit on {self.link.name} has no weights yet: {LOAD}")
        if frame.contents[:1] != bytes([Refusal.BUSY]):
            raise LinkError(
                f"the circuit on {self.link.name} refuses images of {len(request.frame)} bytes as no request"
            )
        if time.monotonic() - self._answered > (most := BUSY_SILENCES * self.seconds):
            raise LinkError(
                f"the circuit on {self.link.name} has been busy for {most:.3g} seconds without an answer, and no image "
                "takes so long: reset the board, or program it anew"
            )
        self._window = 1
        request.refused += 1
        request.under_way = False
        request.tries = 0  # the line is good, and the board there

    def _send(self, request: _Request) -> None:
        if request.tries == TRIES:
            foreign = f"; {self._foreign} frames came that answer no request" if self._foreign else ""
            raise LinkError(
                f"image {request.index} had no answer from {self.link.name} after {TRIES} tries{foreign}: is the line "
                "too noisy, or the board gone, or another device there?"
            )
        request.tries += 1
        request.under_way = True
        self._sent += 1
        request.order = self._sent
        self.link.write(request.frame)

    def _send_again(self, requests: list[_Request]) -> None:
        for request in sorted(requests, key=lambda each: each.index):
            self.repeated += 1
            self._send(request)

    def _patience(self, waiting: dict[int, _Request]) -> float:
        """How long an answer may take while these are on their way; where all were refused, the pause until the next.

        That pause doubles, from the time that the request takes on the line.
        """
        if under_way := _under_way(waiting):
            return self.seconds + self.line_seconds(sum(len(request.frame) for request in under_way))
        (first,) = _first(waiting)
        return min(self.seconds, self.line_seconds(len(first.frame)) * 2.0**first.refused)


def _under_way(waiting: dict[int, _Request]) -> list[_Request]:
    """The requests that were sent and not refused."""
    return [request for request in waiting.values() if request.under_way]


def _first(waiting: dict[int, _Request]) -> list[_Request]:
    """The first image's request, none where nothing waits."""
    return sorted(waiting.values(), key=lambda request: request.index)[:1]
