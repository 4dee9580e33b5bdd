"""What cocotb runs inside of a simulator: beats go in and results come out, with pauses, and the rules of streams hold.

The file that VECTORS names holds the payloads of the beats and those of the results that golden expects.
"""

import json
import os
import random
from collections import deque
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.handle import SimHandleBase
from cocotb.triggers import FallingEdge, ReadOnly

QUIET_CYCLES = 50
"""Cycles after the last result in which no other may come."""


class Ports:
    """The streams of a circuit; inputs change at the falling edge, so that all is settled before the rising one."""

    def __init__(self, dut: Any, pauses: random.Random, source: float, sink: float) -> None:
        self.dut, self.pauses, self.source, self.sink = dut, pauses, source, sink
        self.beats: deque[int] = deque()
        self.offered: int | None = None
        self.held: int | None = None
        self.results: list[int] = []
        self.errors: list[bool] = []

    async def reset(self) -> None:
        self.dut.sample__valid.value = self.dut.result__ready.value = 0
        self.dut.sample__payload.value = 0
        self.dut.rst.value = 1
        Clock(self.dut.clk, 10, "ns").start()
        for _ in range(3):
            await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0

    async def cycle(self) -> None:
        """One cycle, in which a beat and a result may be transferred."""
        await FallingEdge(self.dut.clk)
        if self.offered is None and self.beats and self.pauses.random() >= self.source:
            self.offered = self.beats.popleft()
        ready = self.pauses.random() >= self.sink
        self.dut.sample__valid.value = int(self.offered is not None)
        self.dut.sample__payload.value = self.offered or 0
        self.dut.result__ready.value = int(ready)
        await ReadOnly()
        if self.offered is not None and self.dut.sample__ready.value == 1:
            self.offered = None
        self.errors.append(self.dut.error.value == 1)
        self.observe(ready)

    def observe(self, ready: bool) -> None:
        """Take a result, or see that one which was not taken stays as it is."""
        valid = self.dut.result__valid.value == 1
        payload = int(self.dut.result__payload.value) if valid else None
        if self.held is not None:
            assert payload == self.held, "a result that was not taken was changed or withdrawn"
        self.held = None if ready else payload
        if payload is not None and ready:
            self.results.append(payload)

    async def run(self, beats: list[int], results: int, patience: int) -> list[int]:
        """Send beats until so many results have come, and see that no other comes."""
        self.beats.extend(beats)
        self.results = []
        idle = 0
        while len(self.results) < results:
            waiting = len(self.beats), len(self.results)
            await self.cycle()
            idle = idle + 1 if waiting == (len(self.beats), len(self.results)) else 0
            assert idle < patience, f"{len(self.results)} of {results} results, and no transfer for {patience} cycles"
        for _ in range(QUIET_CYCLES):
            await self.cycle()
        return self.results


def vectors() -> dict[str, Any]:
    content = json.loads(Path(os.environ["VECTORS"]).read_text())
    assert isinstance(content, dict)
    return content


@cocotb.test()
@cocotb.parametrize((("source", "sink"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.9), (0.5, 0.5)]))
async def results_are_goldens_whatever_waits(dut: SimHandleBase, source: float, sink: float) -> None:
    given = vectors()
    ports = Ports(dut, random.Random(given["seed"]), source, sink)
    await ports.reset()
    beats = [beat for sample in given["samples"] for beat in sample]
    assert await ports.run(beats, len(given["results"]), given["patience"]) == given["results"]
    assert not any(ports.errors)


@cocotb.test()
async def a_sample_cut_short_is_flagged_and_leaves_nothing(dut: SimHandleBase) -> None:
    given = vectors()
    if not given["framed"] or len(given["samples"][0]) < 2:
        return
    ports = Ports(dut, random.Random(given["seed"]), 0.3, 0.3)
    await ports.reset()
    first, second, *_ = given["samples"]
    cut = [*first[:-2], first[-1]]
    results = await ports.run([*first, *cut, *second], 2, given["patience"])
    assert results == given["results"][:2]
    assert any(ports.errors)
    assert not ports.errors[-1]
