"""What cocotb runs inside of a simulator: packets and registers, by masters and slaves that others wrote.

The file that VECTORS names holds the bytes of samples and those of the results that golden expects.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, ReadOnly
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from snnhw.shell import IDENTITY, REGISTERS, REGISTERS_VERSION

CHANNELS = {
    "s_axis_t": ("data", "keep", "last"),
    "m_axis_t": ("data", "keep", "last"),
    "s_axi_b": ("resp",),
    "s_axi_r": ("data", "resp"),
}
"""The channels that are watched, and what must hold until it is taken."""

ADDRESSES = {register.name: register.address for register in REGISTERS}
FLAGS = {field.name: 1 << field.lowest for register in REGISTERS for field in register.fields}

GIVEN: dict[str, Any] = json.loads(Path(os.environ["VECTORS"]).read_text())
SAMPLES = [bytes.fromhex(sample) for sample in GIVEN["samples"]]
RESULTS = [bytes.fromhex(result) for result in GIVEN["results"]]
IMAGE = bytes.fromhex(GIVEN["image"])
"""Of the weights that the results are of; empty where these are built in."""
WORD = GIVEN["tdata"] // 8
PIXELS = not GIVEN["events"]


def pauses(probability: float, seed: int) -> Iterator[bool]:
    """Pause in a cycle or not, without end."""
    chance = random.Random(seed)
    while True:
        yield chance.random() < probability


class Bench:
    """The circuit in AXI, its neighbours, and what was seen on the wires."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, dut.aresetn, False)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk, dut.aresetn, False)
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, dut.aresetn, False)
        self.transfers: dict[str, list[int]] = {name: [] for name in CHANNELS}
        """The cycles of each channel's transfers."""

    async def start(self, source: float = 0.0, sink: float = 0.0, registers: float = 0.0) -> None:
        """Reset the circuit; from then on each side waits in so many of its cycles, by chance."""
        Clock(self.dut.aclk, 10, "ns").start()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)
        if source:
            self.source.set_pause_generator(pauses(source, 1))
        if sink:
            self.sink.set_pause_generator(pauses(sink, 2))
        write, read = self.registers.write_if, self.registers.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)
        for seed, channel in enumerate(channels, 3):
            channel.set_pause_generator(pauses(registers, seed))
        for name, payload in CHANNELS.items():
            cocotb.start_soon(self.watch(name, payload))
        if IMAGE:
            await self.load(IMAGE)

    async def load(self, image: bytes) -> None:
        """New weights, over the stream that is there for them."""
        bus = AxiStreamBus.from_prefix(self.dut, "s_axis_weights")
        source = AxiStreamSource(bus, self.dut.aclk, self.dut.aresetn, False)
        await source.send(image)
        await source.wait()
        await ClockCycles(self.dut.aclk, 5)

    async def watch(self, name: str, payload: tuple[str, ...]) -> None:
        """See that what is valid stays, unchanged, until it is taken."""
        held = None
        for cycle in self.cycles():
            await FallingEdge(self.dut.aclk)
            await ReadOnly()
            valid = self.wire(f"{name}valid") == 1
            now = [self.wire(name + part) for part in payload] if valid else None
            assert held in (None, now), f"cycle {cycle}: {name}* was changed or withdrawn before it was taken"
            taken = valid and self.wire(f"{name}ready") == 1
            held = None if taken else now
            if taken:
                self.transfers[name].append(cycle)

    def cycles(self) -> Iterator[int]:
        cycle = 0
        while True:
            cycle += 1
            yield cycle

    def wire(self, name: str) -> int:
        return int(getattr(self.dut, name).value)

    async def read(self, name: str, index: int = 0) -> int:
        """A register."""
        answer = await self.registers.read(ADDRESSES[name] + 4 * index, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def write(self, name: str, value: int) -> None:
        """A register, whole."""
        answer = await self.registers.write(ADDRESSES[name], value.to_bytes(4, "little"))
        assert answer.resp == AxiResp.OKAY

    async def send(self, *packets: bytes | AxiStreamFrame) -> None:
        for packet in packets:
            await self.source.send(packet)

    async def receive(self, count: int) -> list[bytes]:
        """So many results, and no other for a while after them."""
        received: list[bytes] = []
        waited = 0
        while len(received) < count:
            assert waited < GIVEN["patience"], f"{len(received)} of {count} results"
            await FallingEdge(self.dut.aclk)
            waited += 1
            if not self.sink.empty():
                received.append(bytes(self.sink.recv_nowait().tdata))
                waited = 0
        await self.settle()
        return received + self.rest()

    async def settle(self) -> None:
        """Wait until nothing is on its way."""
        await self.source.wait()
        await ClockCycles(self.dut.aclk, 50)
        for _ in range(GIVEN["patience"]):
            if not await self.read("status") & FLAGS["busy"]:
                return
        raise AssertionError("still busy")

    def rest(self) -> list[bytes]:
        """Results that have come and were not asked for."""
        frames = []
        while not self.sink.empty():
            frames.append(bytes(self.sink.recv_nowait().tdata))
        return frames


def ill_framed() -> dict[str, list[AxiStreamFrame]]:
    """Packets that are no samples, by the flag that they raise."""
    sample = SAMPLES[0]
    full = [1] * len(sample)
    wide = [*sample, *[0] * WORD]
    return {
        "short": [
            AxiStreamFrame(cut)
            for cut in (sample[:-1], sample[: WORD * ((len(sample) - 1) // WORD)], sample[:1])
            if cut
        ],
        "long": [AxiStreamFrame(sample + bytes(extra)) for extra in (1, WORD, 3 * WORD + 1, 2 * len(sample))],
        "keep": [
            AxiStreamFrame(sample, tkeep=[0, *full[1:]]),
            AxiStreamFrame(bytes(wide), tkeep=[*[1] * (WORD - 1), 0, *[1] * (len(wide) - WORD)]),
        ],
    }


@cocotb.test()
@cocotb.parametrize((("source", "sink"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.9), (0.5, 0.5)]))
async def results_are_goldens_whatever_waits(dut: Any, source: float, sink: float) -> None:
    bench = Bench(dut)
    await bench.start(source, sink, 0.3)
    await bench.send(*SAMPLES)
    assert await bench.receive(len(RESULTS)) == RESULTS
    assert await bench.read("samples") == await bench.read("results") == len(SAMPLES)
    assert await bench.read("dropped") == await bench.read("status") == 0


@cocotb.test()
async def a_sink_may_wait_for_valid(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    bench.sink.pause = True
    await bench.send(SAMPLES[0])
    for _ in range(GIVEN["patience"]):
        await FallingEdge(dut.aclk)
        if bench.wire("m_axis_tvalid"):
            break
    await ClockCycles(dut.aclk, 20)
    assert bench.wire("m_axis_tvalid") == 1
    assert await bench.read("status") == FLAGS["busy"]
    bench.sink.pause = False
    assert await bench.receive(1) == RESULTS[:1]


@cocotb.test(skip=not PIXELS)
@cocotb.parametrize(flag=["short", "long", "keep"])
async def an_ill_framed_packet_is_dropped_and_named(dut: Any, flag: str) -> None:
    bench = Bench(dut)
    await bench.start(0.3, 0.3)
    packets = ill_framed()[flag]
    for bad in packets:
        await bench.send(SAMPLES[1], bad, SAMPLES[2], bad, bad, SAMPLES[3])
    assert await bench.receive(3 * len(packets)) == RESULTS[1:4] * len(packets)
    assert await bench.read("dropped") == 3 * len(packets)
    assert await bench.read("status") == FLAGS[flag]
    await bench.write("status", 0xFFFFFFFF ^ FLAGS[flag])
    assert await bench.read("status") == FLAGS[flag]
    await bench.write("status", FLAGS[flag])
    assert await bench.read("status") == 0


@cocotb.test(skip=PIXELS)
async def packets_of_events_end_anywhere(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(0.3, 0.3)
    chance, events = random.Random(5), b"".join(SAMPLES)
    while events:
        length = GIVEN["record"] * chance.randint(1, 7)
        await bench.send(events[:length])
        events = events[length:]
    assert await bench.receive(len(RESULTS)) == RESULTS
    assert await bench.read("status") == 0


@cocotb.test(skip=PIXELS)
async def an_event_outside_is_dropped_and_named(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(0.3, 0.3)
    outside = bytes.fromhex(GIVEN["outside"])
    await bench.send(outside + SAMPLES[0] + outside, SAMPLES[1])
    assert await bench.receive(2) == RESULTS[:2]
    assert await bench.read("dropped") == 2
    assert await bench.read("status") == FLAGS["address"]


@cocotb.test()
async def a_soft_reset_breaks_no_transfer_and_leaves_nothing(dut: Any) -> None:
    bench, chance = Bench(dut), random.Random(GIVEN["seed"])
    await bench.start(0.4, 0.8)
    await bench.send(*(ill_framed()["long"][:1] if PIXELS else [bytes.fromhex(GIVEN["outside"])]))
    await bench.source.wait()
    await ClockCycles(dut.aclk, 10)
    assert await bench.read("status")
    assert await bench.read("dropped") == 1
    partial = 0
    for moment in range(12):
        await bench.send(*(SAMPLES if PIXELS else SAMPLES[:1]))
        await ClockCycles(dut.aclk, chance.randint(1, 10 + 12 * moment))
        await bench.write("control", 1)
        await bench.settle()
        received = bench.rest()
        assert not set(received) - set(RESULTS), "a packet that is no result"
        partial += len(received) < len(SAMPLES)
        assert await bench.read("samples") <= len(SAMPLES)
        assert await bench.read("status") == await bench.read("dropped") == 0
        if PIXELS:
            await bench.send(SAMPLES[moment % 4])
            assert await bench.receive(1) == [RESULTS[moment % 4]]
        else:
            await bench.write("control", 1)
    assert partial > 2
    await bench.send(SAMPLES[1])
    assert await bench.receive(1) == RESULTS[1:2]


@cocotb.test(skip=not IMAGE)
async def samples_wait_for_weights(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    await bench.load(IMAGE[:-1])
    assert await bench.read("status") == FLAGS["empty"]
    await bench.send(SAMPLES[0])
    await ClockCycles(dut.aclk, 300)
    assert not bench.rest()
    await bench.load(IMAGE)
    assert await bench.receive(1) == RESULTS[:1]
    assert await bench.read("status") == 0


@cocotb.test()
async def registers_say_what_the_circuit_is(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(registers=0.5)
    assert await bench.read("identity") == IDENTITY
    assert await bench.read("version") == REGISTERS_VERSION
    assert "".join([f"{await bench.read('digest', index):08x}" for index in range(8)]) == GIVEN["digest"]
    assert await bench.read("sample_bytes") == (len(SAMPLES[0]) if PIXELS else GIVEN["record"])
    assert await bench.read("result_bytes") == len(RESULTS[0])
    assert await bench.read("control") == await bench.read("status") == 0


@cocotb.test()
async def bytes_are_written_alone_and_what_is_not_there_is_an_error(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(registers=0.5)
    chance, expected = random.Random(3), bytearray(4)
    for _ in range(20):
        first, value = chance.randrange(4), chance.randbytes(4)
        part = value[: chance.randint(1, 4 - first)]
        expected[first : first + len(part)] = part
        answer = await bench.registers.write(ADDRESSES["scratch"] + first, part)
        assert answer.resp == AxiResp.OKAY
        assert await bench.read("scratch") == int.from_bytes(expected, "little")
    known = {register.address + 4 * index for register in REGISTERS for index in range(register.count)}
    for address in (0x30, 0x3C, 0x60, 0x800, 0xFFC):
        assert address not in known
        assert (await bench.registers.read(address, 4)).resp == AxiResp.SLVERR
        assert (await bench.registers.write(address, bytes(4))).resp == AxiResp.SLVERR
    for name in ("identity", "samples", "digest"):
        assert (await bench.registers.write(ADDRESSES[name], b"\xff" * 4)).resp == AxiResp.SLVERR
    assert await bench.read("identity") == IDENTITY
    assert await bench.read("scratch") == int.from_bytes(expected, "little")


@cocotb.test()
async def many_reads_and_writes_at_once_keep_their_order(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(registers=0.4)
    writes = [bench.registers.init_write(ADDRESSES["scratch"], bytes([index] * 4)) for index in range(16)]
    reads = [bench.registers.init_read(ADDRESSES[name], 4) for name in ("identity", "version") * 8]
    for event in [*writes, *reads]:
        await event.wait()
    found = [int.from_bytes(event.data.data, "little") for event in reads]
    assert found == [IDENTITY, REGISTERS_VERSION] * 8
    assert await bench.read("scratch") == 0x0F0F0F0F


@cocotb.test()
async def cycles_are_those_on_the_wires(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    await bench.send(SAMPLES[0])
    assert await bench.receive(1) == RESULTS[:1]
    latency = await bench.read("latency")
    # A cycle each in the registers of the input and of the output; an event is also taken out of its word before.
    around = 2 if PIXELS else 4
    assert bench.transfers["m_axis_t"][0] - bench.transfers["s_axis_t"][0] == latency + around
    assert await bench.read("interval") == 0
    words = -(-len(RESULTS[0]) // WORD)
    await bench.send(*SAMPLES)
    assert await bench.receive(len(RESULTS)) == RESULTS
    assert await bench.read("latency") == latency
    starts = bench.transfers["m_axis_t"][::words]
    assert await bench.read("interval") == starts[-1] - starts[-2]
