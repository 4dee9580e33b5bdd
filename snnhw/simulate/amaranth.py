"""The engine that needs no C++ compiler: Amaranth's own simulator, for a few samples."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.sim import Simulator
from numpy.typing import NDArray

from gateware.network import NetworkCircuit
from snnhw.files import replacing
from snnhw.implementation import Implementation
from snnhw.interface import Interface
from snnhw.model import Model
from snnhw.simulate.bits import WORD, Words, words_for
from snnhw.simulate.samples import Beats, pack
from snnhw.simulate.simulation import (
    IDLE_CYCLES,
    Mode,
    Simulation,
    Stall,
    Waveform,
    patience,
    stuck_message,
)
from snnhw.simulate.taps import record_words

CLOCK_PERIOD = 10e-9


@dataclass(frozen=True)
class AmaranthSimulator:
    """A circuit before it becomes Verilog; a few hundred to a few thousand cycles a second.

    A waveform shows the whole run, whatever samples are asked for.
    """

    model: Model
    implementation: Implementation

    @property
    def interface(self) -> Interface:
        """The circuit's ports and taps."""
        return NetworkCircuit(self.model, self.implementation).interface

    def run(
        self,
        samples: NDArray[np.uint8],
        *,
        mode: Mode = "isolated",
        traces: bool = True,
        stall: Stall | None = None,
        waveform: Waveform | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Simulation:
        """See :class:`snnhw.simulate.simulation.Simulator`."""
        if waveform:
            waveform.require(("vcd",))
        limit = patience(self.model.network, self.implementation)
        # The file first: a circuit that is made and never run draws a warning.
        with replacing(waveform.path) if waveform else nullcontext() as path:
            circuit = NetworkCircuit(self.model, self.implementation)
            interface = circuit.interface
            beats = pack(self.model.network, interface.sample, samples)
            bench = _Bench(circuit, interface, beats, mode, stall or Stall(source=0, sink=0), limit, traces, progress)
            simulator = Simulator(circuit)
            simulator.add_clock(CLOCK_PERIOD)
            simulator.add_testbench(bench.run)
            if path is None:
                simulator.run()
            else:
                with path.open("w") as file, simulator.write_vcd(file):
                    simulator.run()
        return Simulation(
            network=self.model.network,
            interface=interface,
            samples=len(samples),
            results=_table(bench.results, words_for(interface.result.width)),
            started=np.array(bench.started, np.int64),
            finished=np.array(bench.finished, np.int64),
            cycles=bench.cycle,
            error=bench.error,
            extra_results=bench.extra_results,
            stuck=stuck_message(len(bench.finished), bench.cycle, limit) if bench.stuck else None,
            records={tap.stage: _table(bench.records[tap.stage], record_words(tap)) for tap in interface.taps}
            if traces
            else {},
        )


def _table(rows: list[int], words: int) -> Words:
    """Numbers of at most ``words`` 32-bit words as a table of them, [n, words]."""
    octets = b"".join(row.to_bytes(words * WORD // 8, "little") for row in rows)
    return np.frombuffer(octets, "<u4").astype(np.uint32).reshape(len(rows), words)


@dataclass
class _Bench:
    """Sends beats, takes results and records taps, in the same cycles as driver.cpp does."""

    circuit: NetworkCircuit
    interface: Interface
    beats: Beats
    mode: Mode
    stall: Stall
    patience: int
    traces: bool
    progress: Callable[[int], None] | None
    cycle: int = 0
    error: bool = False
    stuck: bool = False
    extra_results: int = 0
    results: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    records: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        octets = self.beats.words.astype("<u4").tobytes()
        size = self.beats.words.shape[1] * WORD // 8
        self._payloads = [int.from_bytes(octets[i : i + size], "little") for i in range(0, len(octets), size)]
        self._first = [0, *np.cumsum(self.beats.counts).tolist()]
        self._random = random.Random(self.stall.seed)
        self._beat = self._sample = self._active = 0
        self._offered = False
        self.records = {tap.stage: [] for tap in self.interface.taps}

    @property
    def _samples(self) -> int:
        return len(self.beats.counts)

    async def run(self, context: Any) -> None:
        """One cycle after the other, until all results are there or none comes any more."""
        ports = self.circuit
        taps = self._tap_signals() if self.traces else []
        while True:
            idle = self.cycle - self._active
            self.stuck = idle > self.patience
            if self.stuck or (len(self.finished) == self._samples and idle > IDLE_CYCLES):
                return
            self._offered = self._offers()
            context.set(ports.sample.valid, self._offered)
            if self._offered:
                context.set(ports.sample.payload.as_value(), self._payloads[self._beat])
            context.set(ports.result.ready, self._random.randrange(256) >= self.stall.sink)
            for records, strobe, signals in taps:
                if context.get(strobe):
                    records.append(_record(context, signals))
            self._observe(context)
            await context.tick()
            self.cycle += 1

    def _offers(self) -> bool:
        """Whether a beat is on offer in this cycle; one that was offered stays until it is taken."""
        if self._sample == self._samples:
            return False
        if self._offered:
            return True
        begins = self._beat == self._first[self._sample]
        idle = len(self.finished) == self._sample and self.cycle - self._active > IDLE_CYCLES
        if self.mode == "isolated" and begins and not idle:
            return False
        return self._random.randrange(256) >= self.stall.source

    def _observe(self, context: Any) -> None:
        ports = self.circuit
        self.error |= bool(context.get(ports.error))
        if self._offered and context.get(ports.sample.ready):
            if self._beat == self._first[self._sample]:
                self.started.append(self.cycle)
            self._beat += 1
            self._sample += self._beat == self._first[self._sample + 1]
            self._offered = False
            self._active = self.cycle
        if context.get(ports.result.valid) and context.get(ports.result.ready):
            if len(self.finished) == self._samples:
                self.extra_results += 1
                return
            self.results.append(context.get(ports.result.payload.as_value()))
            self.finished.append(self.cycle)
            self._active = self.cycle
            if self.progress:
                self.progress(len(self.finished))

    def _tap_signals(self) -> list[tuple[list[int], Any, list[tuple[Any, int]]]]:
        """For each tap: where its records go, its strobe, and its signals with their widths."""
        taps = []
        for tap in self.interface.taps:
            signals = self.circuit.tap_signals(tap.stage)
            chosen = [(signals[signal.name], signal.width * signal.count) for signal in tap.signals]
            taps.append((self.records[tap.stage], signals["strobe"], chosen))
        return taps


def _record(context: Any, signals: list[tuple[Any, int]]) -> int:
    """The signals' bits, each from a word of its own."""
    record = shift = 0
    for signal, bits in signals:
        record |= (context.get(signal) & ((1 << bits) - 1)) << shift
        shift += words_for(bits) * WORD
    return record
