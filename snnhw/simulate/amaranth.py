"""The engine that needs no C++ compiler: Amaranth's own simulator, for a few samples."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from numpy.typing import NDArray

from gateware.encoder import sample_layout
from gateware.network import TOP, NetworkCircuit
from gateware.ports import stream_port
from snnhw.design import Design
from snnhw.files import replacing
from snnhw.interface import Interface, StreamPort
from snnhw.simulate.bits import WORD, Words, words_for
from snnhw.simulate.faults import RESET_CYCLES, Fault, Schedule, schedule
from snnhw.simulate.samples import pack
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

    design: Design

    @property
    def sample_port(self) -> StreamPort:
        """The circuit's stream ``sample``, without the circuit: one that is made and never run draws a warning."""
        return stream_port(
            "sample", "in", sample_layout(self.design.network, self.design.implementation.pixels_per_beat)
        )

    def run(
        self,
        samples: NDArray[np.uint8],
        *,
        mode: Mode = "isolated",
        traces: bool = True,
        stall: Stall | None = None,
        faults: Sequence[Fault] = (),
        waveform: Waveform | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Simulation:
        """See :class:`snnhw.simulate.simulation.Simulator`."""
        if waveform:
            waveform.require(("vcd",))
        limit = patience(self.design)
        # The file first, for the same reason.
        with replacing(waveform.path) if waveform else nullcontext() as path:
            circuit = NetworkCircuit(self.design)
            interface = circuit.interface
            entries = schedule(pack(self.design.network, interface.sample, samples), faults)
            stall = stall or Stall(source=0, sink=0)
            top, domain = Module(), ClockDomain("sync")
            top.domains.sync = domain
            top.submodules[TOP] = circuit
            bench = _Bench(circuit, domain, interface, entries, mode, stall, limit, traces, progress)
            simulator = Simulator(top)
            simulator.add_clock(CLOCK_PERIOD)
            simulator.add_testbench(bench.run)
            if path is None:
                simulator.run()
            else:
                with path.open("w") as file, simulator.write_vcd(file):
                    simulator.run()
        return Simulation(
            network=self.design.network,
            interface=interface,
            samples=len(samples),
            results=_table(bench.results, words_for(interface.result.width)),
            started=np.array(bench.started, np.int64),
            finished=np.array(bench.finished, np.int64),
            cycles=bench.cycle,
            error=bench.error,
            errors=np.array(bench.errors, np.bool_),
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
    domain: ClockDomain
    interface: Interface
    entries: Schedule
    mode: Mode
    stall: Stall
    patience: int
    traces: bool
    progress: Callable[[int], None] | None
    cycle: int = 0
    error: bool = False
    stuck: bool = False
    extra_results: int = 0
    errors: list[bool] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    started: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)
    records: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        entries = self.entries
        octets = entries.words.astype("<u4").tobytes()
        size = entries.words.shape[1] * WORD // 8
        self._payloads = [int.from_bytes(octets[i : i + size], "little") for i in range(0, len(octets), size)]
        self._first, self._answered = entries.first.tolist(), entries.answered.tolist()
        self._reset = entries.reset.tolist()
        self._samples = sum(self._answered)
        self._random = random.Random(self.stall.seed)
        self._beat = self._entry = self._sample = self._active = 0
        self._reset_at, self._told_at = -RESET_CYCLES, -1
        self._offered = False
        self._kept: dict[str, int] = {}
        self.records = {tap.stage: [] for tap in self.interface.taps}

    async def run(self, context: Any) -> None:
        """One cycle after the other, until all results are there or none comes any more."""
        ports = self.circuit
        taps = self._tap_signals() if self.traces else []
        while True:
            idle = self.cycle - self._active
            self.stuck = idle > self.patience
            done = len(self.finished) == self._samples and self._entry == len(self._answered)
            if self.stuck or (done and idle > IDLE_CYCLES):
                return
            resets = self._awaits_reset() and self.cycle >= self._reset_at
            # The result of what a reset ends is not taken, should it come before the reset.
            refuses = self._awaits_reset() or (self._interrupted() and self._beat > self._first[self._entry])
            waited = not self._offered
            self._offered = self._offers()
            if self._offered and waited and self._interrupted() and self._beat == self._first[self._entry]:
                self._kept = {stage: len(records) for stage, records in self.records.items()}
            context.set(self.domain.rst, resets)
            context.set(ports.sample.valid, self._offered)
            if self._offered:
                context.set(ports.sample.payload.as_value(), self._payloads[self._beat])
            context.set(ports.result.ready, not refuses and self._random.randrange(256) >= self.stall.sink)
            if resets:
                for stage, kept in self._kept.items():
                    del self.records[stage][kept:]
            else:
                for records, strobe, signals in taps:
                    if context.get(strobe):
                        records.append(_record(context, signals))
                self._observe(context)
            await context.tick()
            self.cycle += 1

    def _awaits_reset(self) -> bool:
        return self.cycle < self._reset_at + RESET_CYCLES

    def _interrupted(self) -> bool:
        """Whether the entry that is sent now is one that a reset ends."""
        return self._entry < len(self._reset) and self._reset[self._entry] >= 0

    def _offers(self) -> bool:
        """Whether a beat is on offer in this cycle; one that was offered stays until it is taken."""
        if self._awaits_reset() or self._entry == len(self._answered):
            return False
        if self._offered:
            return True
        if self._beat == self._first[self._entry]:
            answers = len(self.finished) + self.extra_results >= self._sample
            if self._interrupted() and not answers:
                return False
            if self.mode == "isolated" and not (answers and self.cycle - self._active > IDLE_CYCLES):
                return False
        return self._random.randrange(256) >= self.stall.source

    def _observe(self, context: Any) -> None:
        ports = self.circuit
        error = bool(context.get(ports.error))
        self.error |= error
        if self.cycle == self._told_at:
            self.errors.append(error)
        if self._offered and context.get(ports.sample.ready):
            if self._beat == self._first[self._entry] and self._answered[self._entry]:
                self.started.append(self.cycle)
            self._offered = False
            self._active = self.cycle
            self._beat += 1
            if self._beat == self._first[self._entry + 1]:
                self._end_entry()
        if context.get(ports.result.valid) and context.get(ports.result.ready):
            if len(self.finished) == self._samples:
                self.extra_results += 1
                return
            self.results.append(context.get(ports.result.payload.as_value()))
            self.finished.append(self.cycle)
            self._active = self.cycle
            if self.progress:
                self.progress(len(self.finished))

    def _end_entry(self) -> None:
        """The last beat of an entry has been taken."""
        self._told_at = self.cycle + 1
        if self._interrupted():
            known = 0 < len(self.finished) <= len(self.started)
            latency = self.finished[-1] - self.started[len(self.finished) - 1] if known else 0
            self._reset_at = self.cycle + 1 + self._reset[self._entry] * max(0, latency) // 256
            self._told_at = self._reset_at + RESET_CYCLES
        self._sample += self._answered[self._entry]
        self._entry += 1

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
