"""The bench of the serial line: requests of every kind, frames that are none, and resets."""

from __future__ import annotations

from math import gcd
from textwrap import indent

from snnhw.frames import ESCAPE, FLAG, FLIP, NUMBERS, Kind, Refusal
from snnhw.host.protocol import Frame, Identity, pack_pixels
from snnhw.implementation import address_width
from snnhw.shell import UartShell, result_packet
from snnhw.testbench.plan import Plan
from snnhw.testbench.subject import MOST_CYCLES, Subject
from snnhw.testbench.text import bench, comparisons, hex_lines, packed, piece

CYCLES_BYTES = 3
"""At the end of a result: how long it took, which golden does not know."""

REST_BITS = 20
"""Times of a bit for which nothing may arrive, or go out, where the line is in use."""


def uart_bench(subject: Subject, shell: UartShell) -> dict[str, str]:
    """The files of the bench."""
    plan = _UartPlan(subject)
    plan.do_all()
    most, top = max(len(answer) for answer in plan.answers), subject.top
    result = result_packet(subject.interface)
    fields = [field.model_copy(update={"offset": field.offset + 8}) for field in result.fields]
    common = gcd(2 * shell.clock_hz, 2 * shell.baud)
    vectors = {
        f"{top}_tb_requests.hex": hex_lines(plan.octets, 8),
        f"{top}_tb_answers.hex": hex_lines([_line(answer, most) for answer in plan.answers], 8 * most + 16),
    }
    text = bench(
        "uart",
        subject,
        plan.lines,
        vectors,
        patience=min(subject.patience + REST_BITS * -(-shell.clock_hz // shell.baud), MOST_CYCLES),
        results=len(plan.results),
        requests=len(plan.octets),
        request_bits=address_width(len(plan.octets) + 1),
        answers=len(plan.answers),
        answer_bits=address_width(len(plan.answers) + 1),
        most=most,
        bit=f"48'd{4 * shell.clock_hz // common}",
        step=f"48'd{4 * shell.baud // common}",
        flag=f"{FLAG:02x}",
        escape=f"{ESCAPE:02x}",
        flip=f"{FLIP:02x}",
        classify=int(Kind.CLASSIFY),
        cycles=f"{8 * most}'h{((1 << 8 * CYCLES_BYTES) - 1) << 8 * (1 + result.size):x}",
        random=piece("random", clock="clk"),
        verdict=piece("verdict", clock="clk", moves="arrived || left != 0", name="requests", unit="bytes"),
        comparisons=indent(comparisons(fields, "sample"), " " * 6),
    )
    return {f"{top}_tb.v": text, **vectors}


def _line(answer: bytes, most: int) -> int:
    """An answer's bytes, and above them how many."""
    return int.from_bytes(answer, "little") | len(answer) << 8 * most


class _UartPlan(Plan):
    """``octets`` are the bytes of requests; ``answers`` header and contents of the answers, without cycles."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.octets: list[int] = []
        self.answers: list[bytes] = []
        room = subject.design.scores if subject.interface.weights else None
        self._identity = Identity.of(subject.design.model, room)
        self._pixels = pack_pixels(self._identity, subject.samples)
        self._result_size = result_packet(subject.interface).size
        self._packed = packed(result_packet(subject.interface).fields, subject.result)
        self._number = 0

    def do_all(self) -> None:
        """Everything, from the first reset on."""
        self.reset()
        self.say("What the circuit is.")
        self._ask(Kind.IDENTIFY, b"", Kind.IDENTIFY, self._identity.encode())
        if self.subject.has_spram:
            self._load()
        self._no_requests()
        self._no_frames()
        self._resets()
        self.every_sample()

    def good(self, samples: int = 1) -> None:
        for _ in range(samples):
            frame = self._frame(Kind.CLASSIFY, self._pixels[self.current])
            self._due(frame)
            self._send(frame.encode(), 1)
            self._check_error(0)

    def reset(self) -> None:
        self.lines.append("reset;")

    def _load(self) -> None:
        """Weights, without which nothing is classified."""
        self.say("Nothing is classified before there are weights, nor after a load of another size.")
        self._refuse(Kind.CLASSIFY, self._pixels[self.other], Refusal.EMPTY)
        image, digest = self.subject.image, bytes.fromhex(self._identity.digest)
        self._ask(Kind.UNLOCK, b"", Kind.UNLOCK)
        self._refuse(Kind.LOAD, digest + image[:-1][:1], Refusal.EMPTY, error=1)
        self._refuse(Kind.CLASSIFY, self._pixels[self.other], Refusal.EMPTY)
        self._ask(Kind.UNLOCK, b"", Kind.UNLOCK)
        self._ask(Kind.LOAD, digest + image, Kind.LOAD)

    def _no_requests(self) -> None:
        """Good frames that ask for what there is not, and then a good request."""
        pixels = self._pixels[self.other]
        unknown = min(set(range(NUMBERS)) - {0, *Kind})
        for what, kind, contents in (
            ("A request of a kind that there is not", unknown, b""),
            ("Too many pixels", Kind.CLASSIFY, pixels + bytes(1)),
            ("Too few pixels", Kind.CLASSIFY, pixels[: len(pixels) // 2]),
        ):
            self.say(f"{what}.")
            self._refuse(kind, contents, Refusal.UNKNOWN)
        self.good()

    def _no_frames(self) -> None:
        """A check that is wrong, and a frame that the next one cuts; after each a good request."""
        self.say("A frame with a wrong check is passed over.")
        self._send(spoilt(self._frame(Kind.CLASSIFY, self._pixels[self.other]).encode()))
        self._check_error(1)
        self.good()
        self.say("The same, and a reset.")
        self._send(spoilt(self._frame(Kind.IDENTIFY).encode()))
        self._check_error(1)
        self.reset()
        self._check_error(0)
        self.say("A frame that is cut: the flag of the next one ends it.")
        cut = self._frame(Kind.CLASSIFY, self._pixels[self.other]).encode()
        self._send(cut[: len(cut) // 2])
        self._send(bytes([FLAG]))
        self._check_error(1)
        self.good()

    def _resets(self) -> None:
        """In the middle of a frame, while a sample is in work, and in the middle of an answer."""
        for left in (False, True):
            self.say(f"A reset in the middle of a frame{', of which the rest comes all the same' if left else ''}.")
            frame = self._frame(Kind.CLASSIFY, self._pixels[self.other]).encode()
            self._send(frame[: len(frame) // 2])
            self.lines.append("taken;")
            self.reset()
            if left:
                self._send(frame[len(frame) // 2 :])
            self._check_error(int(left))
            self.good()
        self.say("A reset while a sample is in work.")
        self._send(self._frame(Kind.CLASSIFY, self._pixels[self.other]).encode())
        self.lines += ["taken;", f"cycles({self.subject.working[self.other] // 2});"]
        self.reset()
        self.good()
        self.say("A reset in the middle of an answer.")
        self._send(self._frame(Kind.CLASSIFY, self._pixels[self.other]).encode())
        self.lines.append("while (count == 16'd0) cycles(1);")
        self.reset()
        self.good()

    def _frame(self, kind: int, contents: bytes = b"") -> Frame:
        """A frame of the next number."""
        self._number = (self._number + 1) % NUMBERS
        return Frame(kind, self._number, contents)

    def _ask(self, kind: int, contents: bytes, answer: int, answered: bytes = b"", error: int = 0) -> None:
        """A request, and the kind and contents of its answer, and what ``error`` is then."""
        frame = self._frame(kind, contents)
        self.answers.append(bytes([answer << 4 | frame.number]) + answered)
        self._send(frame.encode(), 1)
        self._check_error(error)

    def _refuse(self, kind: int, contents: bytes, why: Refusal, error: int = 0) -> None:
        """A request that is refused."""
        self._ask(kind, contents, Kind.REFUSED, bytes([why]), error)

    def _due(self, request: Frame) -> None:
        """Expect the result of the next sample."""
        self.results.append(self._packed[self.current])
        result = self.results[-1].to_bytes(self._result_size, "little")
        self.answers.append(bytes([request.kind << 4 | request.number]) + result + bytes(CYCLES_BYTES))
        self.sent += 1

    def _send(self, octets: bytes, answers: int = 0) -> None:
        self.octets += octets
        self.lines.append(f"send({len(octets)}, {answers});")

    def _check_error(self, error: int) -> None:
        self.lines.append(f"check_error({error});")


def spoilt(frame: bytes) -> bytes:
    """A frame as it goes over the line, one bit of its check flipped, and no flag made or lost."""
    special = (FLAG, ESCAPE)
    place = max(i for i, octet in enumerate(frame) if octet not in special and octet ^ 1 not in special)
    return frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1 :]
