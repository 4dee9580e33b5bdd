# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Requests to a circuit of commands and their answers, against the host's codec; then all of it on a line."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from gateware.commanduart import CommandUartTop
from gateware.conversation import Contents, Conversation
from gateware.frame import FrameReceiver
from snnhw.commandshell import command_identity
from snnhw.frames import Kind, Refusal
from snnhw.host.protocol import CommandIdentity, Decoder, Exchange, Frame
from snnhw.payloads import command_octets
from tests import adder
from tests.gateware.harness import examples

IDENTITY = command_identity("0123456789abcdef" * 4, 64)
STORED = bytes(range(100, 164))
POSITION, START = 0xFFF0, 0x7E01


class Ears(wiring.Component):
    """Frames and requests without a line: a byte at a time."""

    def __init__(self) -> None:
        self.frames = FrameReceiver()
        self.contents = Contents()
        self.talk = Conversation(IDENTITY, 64)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = self.frames
        m.submodules.contents = self.contents
        m.submodules.talk = self.talk
        wiring.connect(m, self.frames.bits, self.contents.bits)
        wiring.connect(m, self.contents.octets, self.talk.octets)
        return m


@dataclass
class Heard:
    """What a conversation did: strobes with what was written before, and the answers' bytes."""

    acts: list[tuple[str, bytes]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    error: int = 0


def hear(octets: bytes, count: int = 5, ready: float = 1.0, pause: int = 90) -> Heard:
    """A byte every 12 cycles, and ``pause`` after each flag, in which an answer of ``count`` bytes can go."""
    ears, heard, random = Ears(), Heard(), Random(len(octets))
    talk = ears.talk

    async def source(ctx: Any) -> None:
        for byte in octets:
            ctx.set(ears.frames.bytes.payload, byte)
            ctx.set(ears.frames.bytes.valid, 1)
            await ctx.tick()
            ctx.set(ears.frames.bytes.valid, 0)
            await ctx.tick().repeat(12 + (pause if byte == 0x7E else 0))
        await ctx.tick().repeat(400 if ready == 1 else 2000)
        heard.error = ctx.get(talk.error)

    async def boxes(ctx: Any) -> None:
        written, answer = bytearray(), bytearray()
        ctx.set(talk.position, POSITION)
        ctx.set(talk.start, START)
        ctx.set(talk.count, count)
        while True:
            ctx.set(talk.answer.ready, takes := random.random() < ready)
            if ctx.get(talk.write):
                written.append(ctx.get(talk.byte))
            for name in ("keep", "drop", "reset"):
                if ctx.get(getattr(talk, name)):
                    heard.acts.append((name, bytes(written) if name == "keep" else b""))
                    written = bytearray() if name != "reset" else written
            if ctx.get(talk.release):
                heard.acts.append(("release", ctx.get(talk.until).to_bytes(2, "little")))
            if ctx.get(talk.answer.valid) and takes:
                answer.append(ctx.get(talk.answer.payload.byte))
                if ctx.get(talk.answer.payload.last):
                    heard.answers.append(bytes(answer))
                    answer = bytearray()
            index = ctx.get(talk.index)
            await ctx.tick()
            ctx.set(talk.stored, STORED[index])

    simulator = Simulator(ears)
    simulator.add_clock(1e-6)
    simulator.add_testbench(source)
    simulator.add_testbench(boxes, background=True)
    simulator.run()
    return heard


def expected(octets: bytes, count: int = 5) -> Heard:
    """The same by the host's decoder."""
    heard, decoder = Heard(), Decoder()
    for byte in octets:
        before = decoder.rejected
        for frame in decoder.feed(bytes([byte])):
            heard.error = 0
            exchange = Exchange.decode(frame.contents) if frame.kind == Kind.EXCHANGE else None
            if exchange is not None:
                kept = exchange.octets if exchange.inward == POSITION else b""
                heard.acts += [("keep", kept), ("release", exchange.outward.to_bytes(2, "little"))]
                answer = Exchange(POSITION, START, STORED[:count]).frame(frame.number)
            elif frame.kind == Kind.RESET and not frame.contents:
                heard.acts += [("reset", b"")]
                answer = Frame(Kind.RESET, frame.number)
            elif frame.kind == Kind.IDENTIFY and not frame.contents:
                answer = Frame(Kind.IDENTIFY, frame.number, IDENTITY)
            else:
                answer = Frame(Kind.REFUSED, frame.number, bytes([Refusal.UNKNOWN]))
            heard.answers.append(bytes([answer.kind << 4 | answer.number]) + answer.contents)
        heard.error = 1 if decoder.rejected > before else heard.error
    return heard


def same(octets: bytes, count: int = 5, ready: float = 1.0) -> None:
    heard, wanted = hear(octets, count, ready), expected(octets, count)
    assert [act for act in heard.acts if act[0] != "drop"] == wanted.acts
    assert heard.answers == wanted.answers
    assert heard.error == wanted.error


@st.composite
def requests(draw: Any) -> bytes:
    """Good frames of every kind, cut and altered ones, and noise."""
    parts = []
    for number in range(draw(st.integers(1, 4))):
        octets = draw(st.binary(max_size=8))
        inward = draw(st.sampled_from([POSITION, POSITION, POSITION, POSITION + 1, 0, POSITION - 8]))
        part = draw(
            st.sampled_from(
                [
                    Exchange(inward, draw(st.integers(0, 0xFFFF)), octets).frame(number).encode(),
                    Exchange(inward, START, octets).frame(number).encode(),
                    Frame(Kind.IDENTIFY, number).encode(),
                    Frame(Kind.RESET, number).encode(),
                    Frame(draw(st.integers(0, 15)), number, octets[:5]).encode(),
                ]
            )
        )
        fault = draw(st.sampled_from(["none", "none", "none", "cut", "change", "noise"]))
        place = draw(st.integers(0, len(part) - 1))
        if fault == "cut":
            part = part[:place]
        elif fault == "change":
            part = part[:place] + bytes([part[place] ^ draw(st.integers(1, 255))]) + part[place + 1 :]
        elif fault == "noise":
            part += octets
        parts.append(part)
    return b"".join(parts)


@pytest.mark.slow
@examples(25)
@given(octets=requests(), count=st.sampled_from([0, 1, 5]), ready=st.sampled_from([1.0, 0.5]))
def test_requests_are_heard_and_answered_as_the_host_says(octets: bytes, count: int, ready: float):
    same(octets, count, ready)


@pytest.mark.slow
def test_damage_of_any_byte_is_found_and_the_next_request_is_heard():
    good = Exchange(POSITION, START, b"weights").frame(3).encode()
    octets = b"".join(
        good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :] + good for place in range(len(good))
    )
    heard = hear(octets, count=0)
    kept = [octets for name, octets in heard.acts if name == "keep"]
    assert set(kept) == {b"weights"}
    # A flag that was changed at the end of a frame takes the next one with it; at the beginning, it was not needed.
    assert len(good) - 1 <= len(kept) <= len(good) + 1
    same(octets, count=0)


def test_a_request_waits_for_the_answer_before_it():
    """The second request ends while the first one's answer is held up, and has its answer all the same."""
    octets = Frame(Kind.IDENTIFY, 1).encode() + Frame(Kind.IDENTIFY, 2).encode()
    answers = hear(octets, ready=0.05, pause=0).answers
    assert [answer[0] & 15 for answer in answers] == [1, 2]
    assert {answer[1:] for answer in answers} == {IDENTITY}


def test_the_identity_is_the_hosts():
    assert CommandIdentity.decode(IDENTITY) == CommandIdentity(digest="0123456789abcdef", buffer=64)
    for other in (
        IDENTITY[:-1],
        b"snn" + IDENTITY[3:],
        IDENTITY[:3] + b"\x02" + IDENTITY[4:],
        IDENTITY[:-2] + bytes(2),
    ):
        assert CommandIdentity.decode(other) is None


@pytest.mark.slow
@pytest.mark.parametrize("depth", [16, 64])
def test_a_circuit_on_a_line(depth: int):
    """Bits in, bits out: commands in pieces, one of them twice, one damaged, more than the boxes hold."""
    interface = adder.interface()
    top = CommandUartTop(adder.Adder(), interface, "00" * 32, clock_hz=8_000_000, baud=1_000_000, depth=depth)
    commands, sums = adder.random_commands(Random(depth), 8)
    octets = b"".join(command_octets(interface, command) for command in commands)
    received = bytearray()
    given_out, twin = bytearray(), adder.AdderTwin()

    async def bench(ctx: Any) -> None:
        async def ask(frame: bytes) -> Frame | None:
            del received[:]
            for byte in frame:
                for level in (0, *(byte >> bit & 1 for bit in range(8)), 1):
                    ctx.set(top.rx, level)
                    await ctx.tick().repeat(8)
            await ctx.tick().repeat(80 * (depth + 14))
            return next(iter(Decoder().feed(bytes(received))), None)

        place = number = 0
        while len(given_out) < 6 * len(commands):
            request = Exchange(place % 65536, len(given_out) % 65536, octets[place : place + 20])
            frame = request.frame(number % 16).encode()
            spoilt = frame[:4] + bytes([frame[4] ^ 4]) + frame[5:]
            if number % 4 == 1:
                assert await ask(spoilt) is None
            answer = Exchange.decode((await ask(frame)).contents)
            if number % 4 == 2:
                again = Exchange.decode((await ask(frame)).contents)
                assert answer.inward == place or again.inward == answer.inward
                assert again.octets[: len(answer.octets)] == answer.octets
            assert answer.outward == len(given_out)
            given_out.extend(answer.octets)
            place = answer.inward
            number += 1
            assert number < 60

    async def listen(ctx: Any) -> None:
        since, byte = -1, 0
        async for *_, level in ctx.tick().sample(top.tx):
            since = since + 1 if since >= 0 else 0 if not level else -1
            place, middle = divmod(since, 8)
            if since >= 0 and middle == 4 and 1 <= place <= 8:
                byte |= level << (place - 1)
            if since == 76:
                received.append(byte)
                since, byte = -1, 0

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(listen, background=True)
    simulator.run()
    assert bytes(given_out) == twin.feed(octets)
    assert twin.total == sums[-1][0]
