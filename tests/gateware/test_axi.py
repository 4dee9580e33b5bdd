"""AXI's packets become samples, whatever the widths; its registers answer, whatever waits."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from gateware.axi import Intake, PacketCheck
from gateware.registers import FLAGS, Registers
from snnhw.interface import PayloadField
from snnhw.network import CountReadout, Dense, Direct, Encoder, Events, Layer, Network, Neuron
from snnhw.shell import IDENTITY, REGISTERS, REGISTERS_VERSION, Packet
from tests.gateware.harness import Stall, drive, examples, pack, simulate, stalls, unpack

SHORT, LONG, KEEP, ADDRESS = range(4)
PIXEL = PayloadField(name="pixels", offset=0, width=8)
BYTES = [1, 4, 8]
"""The sizes of words."""

OKAY, SLVERR = 0, 2


def network(inputs: int, encoder: Encoder, num_steps: int = 2) -> Network:
    layer = Layer(name="layer", synapse=Dense(units=2, weight_bits=2), neuron=Neuron(threshold=3))
    return Network(input_shape=(inputs,), encoder=encoder, stages=(layer,), readout=CountReadout(), num_steps=num_steps)


@dataclass(frozen=True)
class Framed:
    """A packet: its bytes and, where it is no sample, the flag that it raises and how many of its bytes show it."""

    content: bytes
    flag: int | None = None
    gap: int | None = None
    """The word whose TKEEP misses its lowest byte."""

    def words(self, size: int) -> list[dict[str, int]]:
        count = -(-len(self.content) // size)
        words = []
        for index in range(count):
            part = self.content[index * size : (index + 1) * size]
            keep = (1 << len(part)) - 1 & ~(index == self.gap)
            words.append({"data": int.from_bytes(part, "little"), "keep": keep, "last": int(index == count - 1)})
        return words


@st.composite
def packets(draw: st.DrawFn, inputs: int, size: int) -> Framed:
    """A sample of so many pixels, or something near to one, for words of so many bytes."""
    kind = draw(st.sampled_from(["sample", "sample", "short", "long", "keep"]))
    if kind == "short" and inputs > 1:
        return Framed(draw(st.binary(min_size=1, max_size=inputs - 1)), SHORT)
    if kind == "long":
        return Framed(draw(st.binary(min_size=inputs + 1, max_size=2 * inputs + 9)), LONG)
    content = draw(st.binary(min_size=inputs, max_size=inputs))
    words = -(-inputs // size)
    # A last word with no byte at all has no gap; it is too short.
    gaps = words - (inputs % size == 1 or size == 1)
    if kind == "keep" and gaps:
        return Framed(content, KEEP, draw(st.integers(0, gaps - 1)))
    return Framed(content)


def accepted(beats: list[dict[str, Any]], inputs: int) -> list[bytes]:
    """The samples that a circuit takes in: those whose last beat is marked, neither too early nor too late."""
    lanes = len(beats[0]["pixels"]) if beats else 1
    samples, sample, late = [], [], False
    for beat in beats:
        if late:
            late = not beat["last"]
            continue
        sample += beat["pixels"]
        full = len(sample) >= inputs
        if full and beat["last"]:
            samples.append(bytes(sample[:inputs]))
        late = full and not beat["last"]
        if full or beat["last"]:
            sample = []
    assert not sample and not late, f"a sample of {lanes} lanes was left open"
    return samples


def raised(run: Any, flag: int) -> int:
    return sum(value >> flag & 1 for value in run.ports["raised"])


@st.composite
def pixel_streams(draw: st.DrawFn) -> tuple[int, int, int, list[Framed]]:
    inputs, size = draw(st.integers(1, 20)), draw(st.sampled_from(BYTES))
    pixels = draw(st.sampled_from([8, 1, 2, 3, 4, 5, 16, 12]))
    return inputs, size, pixels, draw(st.lists(packets(inputs, size), max_size=8))


@pytest.mark.slow
@examples(100)
@given(pixel_streams(), stalls)
def test_good_packets_and_no_others_become_samples(config: tuple[int, int, int, list[Framed]], stall: Stall):
    inputs, size, pixels, framed = config
    intake = Intake(network(inputs, Direct()), Packet(size=inputs, fields=(PIXEL,)), size, pixels)
    run = simulate(intake, {"packets": [word for packet in framed for word in packet.words(size)]}, stall)
    good = [packet.content for packet in framed if packet.flag is None]
    assert accepted(run.payloads("sample"), inputs) == good
    for flag in (SHORT, LONG, KEEP):
        assert raised(run, flag) == sum(packet.flag == flag for packet in framed)
    assert sum(run.ports["whole"]) == len(good)
    assert sum(run.ports["drop"]) == len(framed) - len(good)
    assert sum(run.ports["first"]) == sum(run.ports["over"]) == len(framed)


@pytest.mark.parametrize(
    ("size", "pixels", "cycles"), [(8, 8, 1), (4, 8, 2), (1, 8, 8), (8, 4, 1), (4, 3, 3), (8, 2, 1)]
)
def test_what_a_beat_costs(size: int, pixels: int, cycles: int):
    intake = Intake(network(48, Direct()), Packet(size=48, fields=(PIXEL,)), size, pixels)
    taken = simulate(intake, {"packets": Framed(bytes(48)).words(size)}).taken("sample")
    assert {after - before for before, after in pairwise(taken)} == {cycles}


RECORD = {1: (Events(bits=2), 9), 2: (Events(bits=4), 99), 4: (Events(bits=8), 999)}
"""Encoders and numbers of inputs whose events take so many bytes."""


def bytes_of(layout: Any, events: list[dict[str, int]], record: int) -> bytes:
    return b"".join(pack(layout, event).to_bytes(record, "little") for event in events)


@st.composite
def event_streams(draw: st.DrawFn) -> tuple[int, int, list[dict[str, int]], list[int]]:
    """Bytes of a word and of a record, whole samples of events, and where packets end."""
    record = draw(st.sampled_from(sorted(RECORD)))
    encoder, inputs = RECORD[record]
    highest = (1 << (inputs - 1).bit_length()) - 1
    event = st.fixed_dictionaries(
        {
            "address": st.one_of(st.integers(0, inputs - 1), st.just(highest)),
            "value": st.integers(0, (1 << encoder.bits) - 1),
            "end": st.just(0),
        }
    )
    events = []
    for _ in range(2 * draw(st.integers(0, 3))):
        events += [*draw(st.lists(event, max_size=5)), {"address": 0, "value": 0, "end": 1}]
    ends = draw(st.lists(st.integers(1, max(1, len(events))), max_size=6, unique=True))
    return draw(st.sampled_from(BYTES)), record, events, sorted({*ends, len(events)} - {0})


@pytest.mark.slow
@examples(60)
@given(event_streams(), stalls)
def test_events_come_out_of_packets_that_end_anywhere(
    config: tuple[int, int, list[dict[str, int]], list[int]], stall: Stall
):
    size, record, events, ends = config
    described = network(RECORD[record][1], RECORD[record][0])
    intake = Intake(described, Packet(size=record, repeated=True, fields=(PIXEL,)), size, 8)
    layout = intake.sample.payload.shape()
    words, start = [], 0
    for end in ends:
        words += Framed(bytes_of(layout, events[start:end], record)).words(size)
        start = end
    run = simulate(intake, {"packets": words}, stall)
    assert run.payloads("sample") == [unpack(layout, pack(layout, event)) for event in events]
    samples = sum(event["end"] for event in events) // 2
    assert sum(run.ports["first"]) == sum(run.ports["whole"]) == samples
    outside = sum(event["address"] >= described.inputs for event in events)
    assert raised(run, ADDRESS) == sum(run.ports["drop"]) == outside


@pytest.mark.parametrize("size", BYTES)
@pytest.mark.parametrize("record", [2, 4])
def test_a_cut_event_is_dropped_with_its_packet(size: int, record: int):
    intake = Intake(
        network(RECORD[record][1], RECORD[record][0]), Packet(size=record, repeated=True, fields=(PIXEL,)), size, 8
    )
    layout = intake.sample.payload.shape()
    event = {"address": 3, "value": 2, "end": 0}
    whole = bytes_of(layout, [event] * 2, record)
    words = [*Framed(whole[:-1]).words(size), *Framed(whole).words(size)]
    run = simulate(intake, {"packets": words})
    before = 1 if size < 2 * record else 0
    assert run.payloads("sample") == [event] * (before + 2)
    assert (raised(run, SHORT), raised(run, KEEP), sum(run.ports["drop"])) == (1, 0, 1)


@pytest.mark.parametrize("moment", range(1, 12))
def test_a_packet_that_has_begun_is_swallowed_where_all_is_forgotten(moment: int):
    """Cleared in any cycle, the check lets a packet through whole, or lets nothing of it through from then on."""
    check = PacketCheck(Packet(size=4, fields=(PIXEL,)), 1, 1)
    passed: list[tuple[int, int]] = []
    words = [word for value in (10, 20, 30) for word in Framed(bytes(range(value, value + 4))).words(1)]

    async def clockwork(ctx):
        ctx.set(check.words.ready, 1)
        given_words = list(words)
        for cycle in range(20):
            ctx.set(check.clear, cycle == moment)
            ctx.set(check.packets.valid, bool(given_words))
            if given_words:
                ctx.set(check.packets.payload, given_words[0])
            if given_words and ctx.get(check.packets.ready):
                given_words.pop(0)
            if ctx.get(check.words.valid):
                passed.append((cycle, ctx.get(check.words.payload.data)))
            await ctx.tick()

    drive(check, clockwork)
    after = [data for cycle, data in passed if cycle > moment]
    begun = -(-moment // 4)
    assert after == [word["data"] for word in words[4 * begun :]]


def registers() -> Registers:
    sizes = {"sample_bytes": [784], "result_bytes": [21], "digest": list(range(100, 108))}
    return Registers(REGISTERS, {"identity": [IDENTITY], "version": [REGISTERS_VERSION], **sizes})


def address(name: str) -> int:
    return next(register.address for register in REGISTERS if register.name == name)


def run_writes(waits: tuple[int, int, int], writes: list[tuple[int, int, int]]) -> tuple[list[int], dict[str, int]]:
    """Responses to writes (address, data, strobes), each channel a process of its own that waits so many cycles."""
    block = registers()
    answers: list[int] = []

    async def offer(ctx, name, values, wait):
        for value in values:
            for _ in range(wait):
                await ctx.tick()
            for port, part in value.items():
                ctx.set(getattr(block, f"s_axi_{port}"), part)
            ctx.set(getattr(block, f"s_axi_{name}valid"), 1)
            await ctx.tick().until(getattr(block, f"s_axi_{name}ready"))
            ctx.set(getattr(block, f"s_axi_{name}valid"), 0)

    async def addresses(ctx):
        await offer(ctx, "aw", [{"awaddr": where} for where, _, _ in writes], waits[0])

    async def contents(ctx):
        await offer(ctx, "w", [{"wdata": what, "wstrb": strobes} for _, what, strobes in writes], waits[1])

    async def responses(ctx):
        for _ in writes:
            for _ in range(waits[2]):
                await ctx.tick()
            ctx.set(block.s_axi_bready, 1)
            (response,) = await ctx.tick().sample(block.s_axi_bresp).until(block.s_axi_bvalid)
            answers.append(response)
            ctx.set(block.s_axi_bready, 0)
        state.update(scratch=ctx.get(block.scratch), flags=ctx.get(block.flags))

    state: dict[str, int] = {}
    simulator = Simulator(block)
    simulator.add_clock(1e-6)
    for process in (addresses, contents, responses):
        simulator.add_testbench(process)
    simulator.run_until(1e-3)
    return answers, state


@pytest.mark.parametrize("waits", [(0, 0, 0), (5, 0, 0), (0, 5, 0), (0, 0, 7), (3, 1, 2)])
def test_addresses_data_and_answers_wait_for_themselves(waits: tuple[int, int, int]):
    scratch = address("scratch")
    writes = [
        (scratch, 0x11223344, 0b1111),
        (scratch + 2, 0xAABBCCDD, 0b0100),
        (address("identity"), 1, 0b1111),
        (scratch, 0x55667788, 0),
        (0x60, 1, 0b1111),
        (address("control"), 1, 0b1110),
    ]
    answers, state = run_writes(waits, writes)
    assert answers == [OKAY, OKAY, SLVERR, OKAY, SLVERR, OKAY]
    assert state["scratch"] == 0x11BB3344


def test_registers_lie_in_order_and_apart():
    taken = [register.address + 4 * index for register in REGISTERS for index in range(register.count)]
    assert taken == sorted(set(taken))
    assert all(where % 4 == 0 for where in taken)
    for register in REGISTERS:
        bits = [bit for field in register.fields for bit in range(field.lowest, field.lowest + field.width)]
        assert bits == sorted(set(bits))


def test_a_flag_stays_until_a_one_clears_it():
    block, seen = registers(), []

    async def clockwork(ctx):
        async def write(value):
            ctx.set(block.s_axi_awaddr, address("status"))
            ctx.set(block.s_axi_wdata, value)
            for name in ("awvalid", "wvalid", "bready"):
                ctx.set(getattr(block, f"s_axi_{name}"), 1)
            ctx.set(block.s_axi_wstrb, 0b1111)
            await ctx.tick()
            for name in ("awvalid", "wvalid"):
                ctx.set(getattr(block, f"s_axi_{name}"), 0)
            await ctx.tick().repeat(3)
            seen.append(ctx.get(block.flags))

        for flag in (SHORT, KEEP, ADDRESS):
            ctx.set(block.raised, 1 << flag)
            await ctx.tick()
        ctx.set(block.raised, 0)
        await write(1 << FLAGS[LONG].lowest)
        await write(1 << FLAGS[KEEP].lowest)
        await write(0)
        await write(0xFFFFFFFF)

    drive(block, clockwork)
    assert seen == [0b1101, 0b1001, 0b1001, 0]
