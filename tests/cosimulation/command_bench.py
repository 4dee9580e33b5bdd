"""What cocotb runs inside of a simulator: a circuit that learns in AXI, by masters and slaves that others wrote.

The file that VECTORS names holds the bytes of beats for each stream, and those that golden expects, packet by packet.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamSink, AxiStreamSource

from snnhw.commandshell import COMMAND_IDENTITY, COMMAND_REGISTERS

ADDRESSES = {register.name: register.address for register in COMMAND_REGISTERS}
GIVEN: dict[str, Any] = json.loads(Path(os.environ["VECTORS"]).read_text())


def pauses(probability: float, seed: int) -> Iterator[bool]:
    """Pause in a cycle or not, without end."""
    chance = random.Random(seed)
    while True:
        yield chance.random() < probability


class Bench:
    """The circuit in AXI and its neighbours."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        around = (dut.aclk, dut.aresetn, False)
        self.sources = {
            name: AxiStreamSource(AxiStreamBus.from_prefix(dut, f"s_axis_{name}"), *around) for name in GIVEN["sends"]
        }
        self.sinks = {
            name: AxiStreamSink(AxiStreamBus.from_prefix(dut, f"m_axis_{name}"), *around) for name in GIVEN["gives"]
        }
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *around)

    async def start(self, pause: float) -> None:
        """Reset the circuit; from then on each side waits in so many of its cycles, by chance."""
        Clock(self.dut.aclk, 10, "ns").start()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 4)
        self.dut.aresetn.value = 1
        await ClockCycles(self.dut.aclk, 2)
        for seed, end in enumerate((*self.sources.values(), *self.sinks.values())):
            end.set_pause_generator(pauses(pause, seed))

    async def read(self, name: str, index: int = 0) -> int:
        """A register."""
        answer = await self.registers.read(ADDRESSES[name] + 4 * index, 4)
        assert answer.resp == AxiResp.OKAY
        return int.from_bytes(answer.data, "little")

    async def send(self) -> None:
        """Everything at once: each stream waits for its commands."""
        for name, packets in GIVEN["sends"].items():
            for packet in packets:
                await self.sources[name].send(bytes.fromhex(packet))

    async def receive(self) -> dict[str, list[str]]:
        """As many packets of each stream as golden expects, and what else comes in a while."""
        found: dict[str, list[str]] = {name: [] for name in self.sinks}
        for _ in range(GIVEN["patience"]):
            await ClockCycles(self.dut.aclk, 50)
            for name, sink in self.sinks.items():
                while not sink.empty():
                    found[name].append(bytes(sink.recv_nowait().tdata).hex())
            if all(len(found[name]) >= len(expected) for name, expected in GIVEN["gives"].items()):
                break
        await ClockCycles(self.dut.aclk, 200)
        assert all(sink.empty() for sink in self.sinks.values())
        return found


@cocotb.test()
@cocotb.parametrize(("pause", [0.0, 0.6]))
async def it_learns_as_golden_whatever_waits(dut: Any, pause: float) -> None:
    bench = Bench(dut)
    await bench.start(pause)
    await bench.send()
    assert await bench.receive() == GIVEN["gives"]
    assert await bench.read("commands") == len(GIVEN["sends"]["command"])
    assert await bench.read("results") == len(GIVEN["gives"]["result"])
    assert await bench.read("status") == 0
    assert await bench.read("identity") == COMMAND_IDENTITY
    digest = "".join([f"{await bench.read('digest', index):08x}" for index in range(8)])
    assert digest == GIVEN["digest"]
