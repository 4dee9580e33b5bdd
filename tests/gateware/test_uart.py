# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""A network behind a serial line: bits, checksum, frames, requests, and all together, against the host's codec."""

import zlib
from dataclasses import replace
from fractions import Fraction
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from gateware import frame, uart
from gateware.crc import Crc
from gateware.network import NetworkCircuit
from gateware.serial import BitTime, Receiver, Transmitter
from gateware.upload import Upload
from gateware.weights import Segment, WeightLoader, load_layout
from golden.network import run as run_golden
from snnhw import frames
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.frames import Kind, Refusal
from snnhw.host.protocol import Answer, Decoder, Frame, Identity, pack_pixels
from tests import circuits
from tests.gateware.harness import examples

CLOCK = 1e-6


def run(top: Any, *benches: Any, background: Any = None) -> None:
    simulator = Simulator(top)
    simulator.add_clock(CLOCK)
    for bench in benches:
        simulator.add_testbench(bench)
    if background:
        simulator.add_testbench(background, background=True)
    simulator.run()


def test_both_ends_mean_the_same():
    for name in ("Kind", "Refusal"):
        ours, theirs = getattr(uart, name), getattr(frames, name)
        assert {each.name: each.value for each in ours if each.value} == {each.name: each.value for each in theirs}


@pytest.mark.parametrize(
    ("clock_hz", "baud", "expected"),
    [
        (12_000_000, 1_000_000, BitTime(12, 0, 0)),
        (24_000_000, 3_000_000, BitTime(8, 0, 0)),
        (12_000_000, 115_200, BitTime(104, 0, 0)),
        (25_000_000, 3_000_000, BitTime(8, 5, 4)),
    ],
)
def test_bit_times(clock_hz: int, baud: int, expected: BitTime):
    assert BitTime.of(clock_hz, baud) == expected


@examples(100)
@given(baud=st.integers(300, 12_000_000), ratio=st.fractions(8, 5000))
def test_a_bit_is_as_long_as_it_should_be(baud: int, ratio: Fraction):
    clock_hz = -(-baud * ratio.numerator // ratio.denominator)
    exact = Fraction(clock_hz, baud)
    assert abs(BitTime.of(clock_hz, baud).cycles - exact) <= exact / 400


@pytest.mark.parametrize("baud", [0, -1, 1_500_001])
def test_a_clock_that_is_too_slow(baud: int):
    with pytest.raises(DescriptionError, match=f"a baud of {baud} needs a clock of at least"):
        BitTime.of(12_000_000, baud)


@examples(5)
@given(message=st.binary(min_size=1, max_size=12))
def test_crc(message: bytes):
    crc = Crc()

    async def bench(ctx):
        async def feed(octets: bytes) -> None:
            for byte in octets:
                for bit in range(8):
                    ctx.set(crc.step, 1)
                    ctx.set(crc.bit, byte >> bit & 1)
                    await ctx.tick()
            ctx.set(crc.step, 0)

        await feed(b"left from before")
        ctx.set(crc.clear, 1)
        await ctx.tick()
        ctx.set(crc.clear, 0)
        await feed(message)
        assert not ctx.get(crc.good)
        await feed(zlib.crc32(message).to_bytes(4, "little"))
        assert ctx.get(crc.good)

    run(crc, bench)


async def send_bits(ctx: Any, line: Any, octets: bytes, bit_time: float) -> None:
    """Levels of a line whose clock is not the circuit's."""
    now, done = 0.0, 0
    for byte in octets:
        for level in (0, *(byte >> bit & 1 for bit in range(8)), 1):
            ctx.set(line, level)
            now += bit_time
            await ctx.tick().repeat(round(now) - done)
            done = round(now)


@pytest.mark.parametrize("time", [BitTime(8, 0, 0), BitTime(8, 5, 4), BitTime(12, 0, 0), BitTime(25, 1, 1)])
@pytest.mark.parametrize("drift", [-0.03, 0.0, 0.03])
def test_bytes_from_a_line_that_is_fast_or_slow(time: BitTime, drift: float):
    receiver = Receiver(time)
    octets = bytes([0x00, 0xFF, 0x55, 0x7E, 0x80, 0x01])
    received = []

    async def bench(ctx):
        await ctx.tick().repeat(20)
        ctx.set(receiver.rx, 0)  # a glitch
        await ctx.tick().repeat(time.whole // 4)
        ctx.set(receiver.rx, 1)
        await ctx.tick().repeat(time.whole)
        await send_bits(ctx, receiver.rx, octets, float(time.cycles) * (1 + drift))
        await ctx.tick().repeat(20)

    async def watch(ctx):
        async for *_, valid, byte in ctx.tick().sample(receiver.bytes.valid, receiver.bytes.payload):
            if valid:
                received.append(byte)

    run(receiver, bench, background=watch)
    assert bytes(received) == octets


def test_a_byte_without_a_stop_bit_is_passed_over():
    receiver = Receiver(BitTime(8, 0, 0))
    received = []

    async def bench(ctx):
        ctx.set(receiver.rx, 0)
        await ctx.tick().repeat(8 * 10)
        ctx.set(receiver.rx, 1)
        await ctx.tick().repeat(8 * 10)
        await send_bits(ctx, receiver.rx, b"a", 8)

    async def watch(ctx):
        async for *_, valid, byte in ctx.tick().sample(receiver.bytes.valid, receiver.bytes.payload):
            if valid:
                received.append(byte)

    run(receiver, bench, background=watch)
    assert bytes(received) == b"a"


@pytest.mark.parametrize("time", [BitTime(8, 0, 0), BitTime(8, 5, 4), BitTime(13, 0, 0)])
def test_a_transmitter_into_a_receiver(time: BitTime):
    m = Module()
    m.submodules.transmitter = transmitter = Transmitter(time)
    m.submodules.receiver = receiver = Receiver(time)
    m.d.comb += receiver.rx.eq(transmitter.tx)
    octets, received = bytes([0x00, 0xFF, 0xA5]), []

    async def bench(ctx):
        await ctx.tick().repeat(10)
        for byte in octets:
            ctx.set(transmitter.bytes.payload, byte)
            ctx.set(transmitter.bytes.valid, 1)
            await ctx.tick().until(transmitter.bytes.ready)
            ctx.set(transmitter.bytes.valid, 0)
        await ctx.tick().repeat(12 * time.whole)

    async def watch(ctx):
        async for *_, valid, byte in ctx.tick().sample(receiver.bytes.valid, receiver.bytes.payload):
            if valid:
                received.append(byte)

    run(m, bench, background=watch)
    assert bytes(received) == octets


@examples(15)
@given(
    bodies=st.lists(
        st.lists(st.sampled_from([0x7E, 0x7D, 0x5E, 0x00, 0xFF, 0x20]), min_size=1, max_size=6), min_size=1, max_size=3
    )
)
def test_frames_are_those_of_the_host(bodies: list[list[int]]):
    framer, sent = frame.FrameTransmitter(), []

    async def bench(ctx):
        for body in bodies:
            for place, byte in enumerate(body):
                ctx.set(framer.octets.payload, {"byte": byte, "last": place == len(body) - 1})
                ctx.set(framer.octets.valid, 1)
                await ctx.tick().until(framer.octets.ready)
                ctx.set(framer.octets.valid, 0)
        await ctx.tick().repeat(100)

    async def watch(ctx):
        ctx.set(framer.bytes.ready, 1)
        async for *_, valid, byte in ctx.tick().sample(framer.bytes.valid, framer.bytes.payload):
            if valid:
                sent.append(byte)

    run(framer, bench, background=watch)
    assert bytes(sent) == b"".join(Frame(body[0] >> 4, body[0] & 15, bytes(body[1:])).encode() for body in bodies)


class Intake(wiring.Component):
    """Frames and requests without a line: a byte at a time."""

    def __init__(self, inputs: int, pixels_per_beat: int, pixel_bits: int):
        self.frames = frame.FrameReceiver()
        self.requests = uart.Requests(inputs, pixels_per_beat, pixel_bits)
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = self.frames
        m.submodules.requests = self.requests
        wiring.connect(m, self.frames.bits, self.requests.bits)
        return m


def run_intake(
    shape: tuple[int, int, int], octets: bytes, *, patient: bool = True, ready: int = 256, answers: bool = True
) -> Any:
    """Samples that a network would take, replies, and numbers of the samples, each answered when it is taken.

    ``patient``: a byte comes every 12 cycles, else every 9. ``ready``: of 256 cycles, those in which the network takes.
    """
    intake = Intake(*shape)
    requests, found = intake.requests, SimpleNamespace(samples=[], replies=[], numbers=[], error=0)
    inputs, lanes, bits = shape
    random = Random(len(octets))

    async def source(ctx):
        for byte in octets:
            ctx.set(intake.frames.bytes.payload, byte)
            ctx.set(intake.frames.bytes.valid, 1)
            await ctx.tick()
            ctx.set(intake.frames.bytes.valid, 0)
            await ctx.tick().repeat(12 if patient else 9)
        await ctx.tick().repeat(40)
        found.error = ctx.get(requests.error)

    async def sink(ctx):
        beats: list[int] = []
        skipping = False
        while True:
            ctx.set(requests.sample.ready, random.randrange(256) < ready)
            ctx.set(requests.reply.ready, 1)
            ctx.set(requests.answered, answers and ctx.get(requests.outstanding))
            if ctx.get(requests.outstanding):
                found.numbers.append(ctx.get(requests.number))
            if ctx.get(requests.reply.valid):
                reply = requests.reply.payload
                header = ctx.get(reply.header)
                found.replies.append((header.kind.value, header.number, ctx.get(reply.refusal).value))
            if ctx.get(requests.sample.valid) and ctx.get(requests.sample.ready):
                last = ctx.get(requests.sample.payload.last)
                if not skipping:
                    beats += [ctx.get(requests.sample.payload.pixels[lane]) for lane in range(lanes)]
                    final = len(beats) >= inputs
                    if final and last:
                        found.samples.append([pixel >> (8 - bits) for pixel in beats[:inputs]])
                    skipping = final and not last
                    if final or last:
                        beats = []
                skipping &= not last
            await ctx.tick()

    run(intake, source, background=sink)
    return found


SHAPES = [(11, 4, 4), (8, 8, 8), (7, 1, 2), (5, 3, 1), (3, 8, 4), (1, 1, 8), (6, 3, 4), (8, 1, 1), (3, 2, 1)]
identities = {
    shape: Identity(
        version=1, digest="", inputs=shape[0], classes=2, pixel_bits=shape[2], score_bits=8, scores_signed=False
    )
    for shape in SHAPES
}


def request(shape: tuple[int, int, int], number: int, pixels: list[int]) -> bytes:
    samples = np.array([pixels], np.uint8) << np.uint8(8 - shape[2])
    return Frame(Kind.CLASSIFY, number, pack_pixels(identities[shape], samples)[0]).encode()


def expected_of(shape: tuple[int, int, int], octets: bytes) -> Any:
    """What the host's decoder finds in the same bytes."""
    inputs, _, bits = shape
    found = SimpleNamespace(samples=[], replies=[], numbers=[])
    for each in Decoder().feed(octets):
        if each.kind == Kind.CLASSIFY and len(each.contents) == -(-inputs * bits // 8):
            packed = int.from_bytes(each.contents, "little")
            found.samples.append([packed >> bits * i & (1 << bits) - 1 for i in range(inputs)])
            found.numbers.append(each.number)
        elif each.kind == Kind.IDENTIFY and not each.contents:
            found.replies.append((Kind.IDENTIFY, each.number))
        else:
            found.replies.append((Kind.REFUSED, each.number))
    return found


@st.composite
def streams(draw: Any, shape: tuple[int, int, int]) -> bytes:
    """Good frames of every kind, cut and altered ones, and noise."""
    inputs, _, bits = shape
    parts = []
    for number in range(draw(st.integers(1, 5))):
        pixels = draw(st.lists(st.integers(0, (1 << bits) - 1), min_size=inputs, max_size=inputs))
        part = draw(
            st.sampled_from(
                [
                    request(shape, number, pixels),
                    Frame(Kind.IDENTIFY, number).encode(),
                    Frame(Kind.CLASSIFY, number, bytes(draw(st.integers(0, 9)))).encode(),
                    Frame(draw(st.integers(0, 15)), number, b"").encode(),
                ]
            )
        )
        fault = draw(st.sampled_from(["none", "none", "cut", "drop", "flip", "insert"]))
        place = draw(st.integers(0, len(part) - 1))
        byte = draw(st.sampled_from([0x00, 0x7E, 0x7D, 0x20, 0xFF]))
        part = {
            "none": part,
            "cut": part[:place],
            "drop": part[:place] + part[place + 1 :],
            "flip": part[:place] + bytes([part[place] ^ 1 << byte % 8]) + part[place + 1 :],
            "insert": part[:place] + bytes([byte]) + part[place:],
        }[fault]
        parts += [part, draw(st.binary(max_size=3))]
    return b"".join(parts)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@examples(6)
@given(data=st.data())
def test_requests_are_those_that_the_host_would_find(shape: tuple[int, int, int], data: Any):
    octets = data.draw(streams(shape)) + b"\x7e" + request(shape, 9, [1] * shape[0])
    found, expected = run_intake(shape, octets), expected_of(shape, octets)
    assert found.samples == expected.samples
    assert found.numbers == expected.numbers
    assert [reply[:2] for reply in found.replies] == expected.replies
    assert found.samples[-1] == [1] * shape[0]
    assert found.error == 0


@pytest.mark.parametrize("shape", [(11, 4, 4), (7, 1, 2)])
@examples(5)
@given(data=st.data())
def test_a_network_that_holds_pixels_up_loses_samples_and_changes_none(shape: tuple[int, int, int], data: Any):
    octets = data.draw(streams(shape)) + b"\x7e" + request(shape, 9, [1] * shape[0])
    found, expected = run_intake(shape, octets, patient=False, ready=24), expected_of(shape, octets)
    left = iter(expected.samples)
    assert all(sample in left for sample in found.samples)


class Line:
    """The host's end of a circuit's line, with a clock of its own."""

    def __init__(self, case: str, cycles: int = 8):
        self.model = circuits.model(case)
        self.cycles = cycles
        self.top = uart.UartTop(Design(self.model, circuits.implementation(case)), clock_hz=1000 * cycles, baud=1000)
        self.reset = Signal()
        self.samples = circuits.samples(case, 4)
        self.identity = Identity.of(self.model)
        self.golden = run_golden(self.model, self.samples)
        self.contents = pack_pixels(self.identity, self.samples)

    def exchange(self, *steps: tuple[bytes | None, int]) -> list[Frame]:
        """Send parts, each after so many answers to the one before have come, None being a reset; the answers."""
        frames: list[Frame] = []
        decoder, top, byte = Decoder(), self.top, self.cycles * 10

        async def talk(ctx):
            expected = 0
            for part, answers in steps:
                ctx.set(self.reset, part is None)
                await ctx.tick()
                ctx.set(self.reset, 0)
                await send_bits(ctx, top.rx, part or b"", self.cycles)
                expected += answers
                for _ in range(60):
                    await ctx.tick().repeat(byte)
                    if len(frames) >= expected:
                        break
            await ctx.tick().repeat(15 * byte)

        async def listen(ctx):
            while True:
                await ctx.negedge(top.tx)
                await ctx.tick().repeat(self.cycles // 2)
                levels = []
                for _ in range(9):
                    await ctx.tick().repeat(self.cycles)
                    levels.append(ctx.get(top.tx))
                assert levels.pop() == 1
                frames.extend(decoder.feed(bytes([sum(level << bit for bit, level in enumerate(levels))])))

        run(ResetInserter(self.reset)(top), talk, background=listen)
        assert decoder.rejected == 0
        return frames

    def classify(self, index: int, number: int) -> bytes:
        return Frame(Kind.CLASSIFY, number, self.contents[index]).encode()

    def check(self, answer: Frame, index: int, number: int) -> None:
        assert (answer.kind, answer.number) == (Kind.CLASSIFY, number)
        decoded = Answer.decode(self.identity, answer.contents)
        assert decoded is not None
        assert (decoded.winner, list(decoded.scores)) == (
            self.golden.classes[index],
            self.golden.scores[index].tolist(),
        )
        assert 0 < decoded.cycles < 1000


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in circuits.CASES if case != "events"])
def test_images_over_the_line(case: str):
    line = Line(case)
    spoilt = bytearray(line.classify(0, 3))
    spoilt[3] ^= 0x10
    answers = line.exchange((b"noise" + Frame(Kind.IDENTIFY, 7).encode(), 1), (bytes(spoilt) + line.classify(1, 15), 1))
    assert [answer.number for answer in answers] == [7, 15]
    assert answers[0].kind == Kind.IDENTIFY
    assert Identity.decode(answers[0].contents) == line.identity
    line.check(answers[1], 1, 15)


def test_an_image_that_comes_too_early_is_refused():
    shape = (11, 4, 4)
    octets = b"".join(request(shape, number, [number] * 11) for number in (1, 2))
    found = run_intake(shape, octets + Frame(9, 3).encode(), answers=False)
    assert found.samples == [[1] * 11]
    assert found.numbers[0] == 1
    assert found.replies == [(Kind.REFUSED, 2, Refusal.BUSY), (Kind.REFUSED, 3, Refusal.UNKNOWN)]
    assert run_intake(shape, octets).samples == [[1] * 11, [2] * 11]


@pytest.mark.slow
def test_requests_that_do_not_exist_are_refused():
    line = Line("direct", cycles=12)
    long = Frame(Kind.CLASSIFY, 4, line.contents[0] + b"!").encode()
    answers = line.exchange((Frame(3, 5).encode(), 1), (long, 1), (line.classify(0, 6), 1))
    assert answers[0] == Frame(Kind.REFUSED, 5, bytes([Refusal.UNKNOWN]))
    assert answers[1] == Frame(Kind.REFUSED, 4, bytes([Refusal.UNKNOWN]))
    line.check(answers[2], 0, 6)


class Loadable(wiring.Component):
    """A network's circuit beside a memory of 3 words of 2 bytes, without which it takes no samples."""

    def __init__(self, *arguments: Any):
        self.inner = NetworkCircuit(*arguments)
        self.loader = WeightLoader([Segment(3, 16)], initially=False)
        members = dict(self.inner.signature.members)
        super().__init__({**members, "weights": In(stream.Signature(load_layout())), "loaded": Out(1)})

    @property
    def interface(self):
        return self.inner.interface

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = self.inner
        m.submodules.loader = self.loader
        wiring.connect(m, wiring.flipped(self.sample), self.inner.sample)
        wiring.connect(m, self.inner.result, wiring.flipped(self.result))
        wiring.connect(m, wiring.flipped(self.weights), self.loader.load)
        m.d.comb += [self.error.eq(self.inner.error), self.loaded.eq(self.loader.loaded)]
        with m.If(~self.loaded):
            m.d.comb += [self.inner.sample.valid.eq(0), self.sample.ready.eq(0)]
        return m


@pytest.mark.slow
def test_new_weights(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uart, "NetworkCircuit", Loadable)
    line = Line("direct")
    digest, image = bytes(range(8)), b"weight"
    load = Frame(Kind.LOAD, 3, digest + image).encode()
    short = Frame(Kind.LOAD, 3, digest + image[1:]).encode()
    spoilt = load[:-3] + bytes([load[-3] ^ 1]) + load[-2:]
    unlock, identify = Frame(Kind.UNLOCK, 2).encode(), Frame(Kind.IDENTIFY, 1).encode()
    unlocked = (Kind.UNLOCK, 2, b"")
    # What is sent, and the kinds, numbers and contents of the answers; of an image's, only its place.
    steps: list[tuple[bytes | None, list[Any]]] = [
        (identify, [line.identity.digest]),
        (line.classify(0, 4), [refused(4, Refusal.EMPTY)]),
        (load, [refused(3, Refusal.UNKNOWN)]),  # nothing has unlocked
        (unlock + load, [unlocked, (Kind.LOAD, 3, b"")]),
        (identify, [digest.hex()]),
        (line.classify(1, 6), [1]),
        (None, []),  # a reset leaves the weights, and what they are called
        (identify, [digest.hex()]),
        (line.classify(0, 5), [0]),
        (unlock + line.classify(2, 7), [unlocked, 2]),
        (load, [refused(3, Refusal.UNKNOWN)]),  # an image has locked
        (unlock + spoilt, [unlocked, refused(3, Refusal.EMPTY)]),
        (line.classify(0, 8), [refused(8, Refusal.EMPTY)]),
        (unlock + short, [unlocked, refused(3, Refusal.EMPTY)]),
        (unlock + load, [unlocked, (Kind.LOAD, 3, b"")]),
        (unlock + load[:-3], [unlocked]),
        (None, []),
        (unlock + load, [unlocked, refused(3, Refusal.EMPTY)]),  # behind what is left of the one before
        (unlock + load, [unlocked, (Kind.LOAD, 3, b"")]),
    ]
    answers = line.exchange(*((sent, len(listed)) for sent, listed in steps))
    expected = [each for _, listed in steps for each in listed]
    for answer, wanted in zip(answers, expected, strict=True):
        if isinstance(wanted, int):
            line.check(answer, wanted, wanted + 5)
        elif isinstance(wanted, str):
            found = Identity.decode(answer.contents)
            assert found == replace(line.identity, loads=True, digest=wanted)
        else:
            assert (answer.kind, answer.number, answer.contents) == wanted


@pytest.mark.parametrize("size", [1, 2])
def test_weights_that_were_not_whole_are_none_however_small_they_are(size: int):
    upload, loader = Upload(bytes(8), size), WeightLoader([Segment(1, 8 * size)], initially=True)
    m = Module()
    m.submodules.upload, m.submodules.loader = upload, loader
    wiring.connect(m, upload.weights, loader.load)
    m.d.comb += upload.loaded.eq(loader.loaded)
    whole = bytes(range(8 + size))
    found = []

    async def bench(ctx):
        async def frame(contents: bytes, good: bool) -> bool:
            bits = [octet >> place & 1 for octet in [*contents, *bytes(4)] for place in range(8)]
            items = [{"bit": bit, "end": 0, "good": 0} for bit in bits]
            ctx.set(upload.bits.valid, 1)
            for item in [*items, {"bit": 0, "end": 1, "good": good}]:
                ctx.set(upload.bits.payload, item)
                await ctx.tick().until(upload.bits.ready)
            ctx.set(upload.bits.valid, 0)
            await ctx.tick().until(upload.finished)
            return bool(ctx.get(loader.loaded))

        for contents, good in ((whole, True), (whole, False), (whole[:-1], True), (whole + b"!", True), (whole, True)):
            found.append(await frame(contents, good))

    run(m, bench)
    assert found == [True, False, False, False, True]


def refused(number: int, reason: Refusal) -> tuple[int, int, bytes]:
    return (Kind.REFUSED, number, bytes([reason]))


def test_a_network_of_events_has_no_uart():
    with pytest.raises(DescriptionError, match="use --interface stream or axi"):
        uart.UartTop(Design(circuits.model("events"), circuits.implementation("events")), clock_hz=8000, baud=1000)
