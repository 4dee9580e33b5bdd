"""The engine for whole data sets: the emitted Verilog, compiled by Verilator and driven by a loop in C++."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.design import Design
from snnhw.errors import OutputError, ToolError
from snnhw.files import replacing
from snnhw.interface import Interface, StreamPort
from snnhw.network import Network
from snnhw.simulate import compiler
from snnhw.simulate.bits import Words
from snnhw.simulate.faults import Fault, Schedule, schedule
from snnhw.simulate.library import FOREVER, INT, INT64, POINTER, TEXT, CompiledCircuit, Library, Signature
from snnhw.simulate.samples import pack
from snnhw.simulate.simulation import (
    IDLE_CYCLES,
    Mode,
    Simulation,
    Stall,
    Waveform,
    WaveformFormat,
    patience,
    stuck_message,
)
from snnhw.simulate.taps import public_names
from snnhw.verilog import emit_apart

_LAST = 1 << 8
"""Beside an image's last byte."""


class _RunPlan(ctypes.Structure):
    """The twin of driver.cpp's RunPlan."""

    _fields_ = (
        ("words", ctypes.c_void_p),
        ("first", ctypes.c_void_p),
        ("answered", ctypes.c_void_p),
        ("reset", ctypes.c_void_p),
        ("entries", ctypes.c_int64),
        ("samples", ctypes.c_int64),
        ("words_per_beat", ctypes.c_int64),
        ("isolated", ctypes.c_int64),
        ("gap", ctypes.c_int64),
        ("source_stall", ctypes.c_int64),
        ("sink_stall", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("trace_first", ctypes.c_int64),
        ("trace_last", ctypes.c_int64),
        ("weights", ctypes.c_void_p),
        ("weight_count", ctypes.c_int64),
        ("weights_before", ctypes.c_int64),
    )


@dataclass(frozen=True)
class VerilatorSimulator:
    """A circuit's Verilog, made ready to run; several threads may run it at once.

    ``patience``: cycles without a transfer at the ports after which a run counts as stuck. The library is built at the
    first run, or comes out of the cache; another one is built for each format of waveforms that is asked for. Raises
    ToolMissingError without a C++ compiler, ToolError where a tool fails or the circuit lacks a tap of its interface.
    """

    network: Network
    interface: Interface
    verilog: str
    patience: int
    memories: Mapping[str, str] = field(default_factory=dict)
    """The files that ``$readmemh`` reads, by name."""
    optimise: bool = True
    """Without it the library is built in a fraction of the time, and runs slower."""
    images: tuple[bytes, ...] = ()
    """New weights, from `snnhw.weights.image`, that are sent one after the other"""
    images_before: int = 0
    """before this sample, once those before it have given their results."""

    @classmethod
    def of(cls, design: Design) -> VerilatorSimulator:
        """The circuit of a design, its Verilog emitted now, with the weights in files wherever the design has them."""
        emitted = emit_apart(design)
        return cls(
            network=design.network,
            interface=emitted.interface,
            verilog=emitted.verilog,
            patience=patience(design),
            memories=emitted.memories,
        )

    @property
    def sample_port(self) -> StreamPort:
        """The circuit's stream ``sample``."""
        return self.interface.sample

    def prepare(self) -> None:
        """Build the library now."""
        self._build(None)

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
        library = self._build(waveform.format if waveform else None)
        entries = schedule(pack(self.network, self.interface.sample, samples), faults)
        plan, kept = self._plan(entries, mode, stall, waveform)
        with _Samples(library, _FUNCTIONS) as circuit:
            taps = [circuit.add_tap(self.interface.top, tap) for tap in self.interface.taps] if traces else []
            if waveform is None:
                stuck = circuit.run_plan(plan, self.patience, progress)
            else:
                with replacing(waveform.path) as path:
                    circuit.open_waveform(path)
                    stuck = circuit.run_plan(plan, self.patience, progress)
            del kept
            return self._collect(circuit, len(samples), taps, stuck)

    def _build(self, waveform: WaveformFormat | None) -> Library:
        return compiler.build_library(
            self.verilog,
            self.interface.top,
            public_names(self.interface.taps),
            memories=self.memories,
            waveform=waveform,
            optimise=self.optimise,
        )

    def _plan(
        self, entries: Schedule, mode: Mode, stall: Stall | None, waveform: Waveform | None
    ) -> tuple[_RunPlan, list[NDArray[Any]]]:
        """The run as the driver takes it, and the arrays that it points into."""
        words = np.ascontiguousarray(entries.words)
        answered = entries.answered.astype(np.int64)
        stall = stall or Stall(source=0, sink=0)
        weights = np.array([byte for image in self.images for byte in (*image[:-1], image[-1] | _LAST)], np.uint16)
        plan = _RunPlan(
            words=words.ctypes.data,
            first=entries.first.ctypes.data,
            answered=answered.ctypes.data,
            reset=entries.reset.ctypes.data,
            entries=len(answered),
            samples=int(answered.sum()),
            words_per_beat=words.shape[1],
            isolated=mode == "isolated",
            gap=IDLE_CYCLES,
            source_stall=stall.source,
            sink_stall=stall.sink,
            seed=stall.seed,
            trace_first=waveform.first if waveform else 0,
            trace_last=waveform.last if waveform and waveform.last is not None else FOREVER,
            weights=weights.ctypes.data,
            weight_count=len(weights),
            weights_before=self.images_before,
        )
        return plan, [words, entries.first, answered, entries.reset, weights]

    def _collect(self, circuit: _Samples, samples: int, taps: list[int], stuck: bool) -> Simulation:
        started, finished = circuit.cycles()
        results, cycles = circuit.count("results"), circuit.cycle
        return Simulation(
            network=self.network,
            interface=self.interface,
            samples=samples,
            results=circuit.results(len(finished)),
            started=started,
            finished=finished,
            cycles=cycles,
            error=circuit.count("error_cycles") > 0,
            errors=circuit.errors(),
            extra_results=results - len(finished),
            stuck=stuck_message(results, cycles, self.patience) if stuck else None,
            records={
                tap.stage: circuit.records(number, tap)
                for tap, number in zip(self.interface.taps, taps, strict=bool(taps))
            },
        )


class _Samples(CompiledCircuit):
    """A circuit that takes samples and gives results."""

    def open_waveform(self, path: Path) -> None:
        if self.call("samples_open_waveform", str(path).encode()):
            raise OutputError(self.message)

    def run_plan(self, plan: _RunPlan, patience: int, progress: Callable[[int], None] | None) -> bool:
        """Run to the end and return whether the circuit got stuck."""
        if self.call("samples_begin", ctypes.byref(plan)):
            raise ToolError(f"the simulation failed before its first cycle: {self.message}")
        return self.run(patience, None if progress is None else lambda: progress(self.count("finished")))

    def count(self, name: str) -> int:
        return int(self.call(f"samples_{name}"))

    def cycles(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The cycles in which samples began and results came."""
        started = np.zeros(self.count("started"), np.int64)
        finished = np.zeros(self.count("finished"), np.int64)
        self.call("samples_copy_cycles", started.ctypes.data, finished.ctypes.data)
        return started, finished

    def errors(self) -> NDArray[np.bool_]:
        """The error flag after each entry."""
        flags = np.zeros(self.count("errors"), np.uint8)
        self.call("samples_copy_errors", flags.ctypes.data)
        return flags.astype(np.bool_)

    def results(self, count: int) -> Words:
        words = np.zeros((count, self.count("result_words")), np.uint32)
        self.call("samples_copy_results", words.ctypes.data)
        return words


_FUNCTIONS: Mapping[str, Signature] = {
    "samples_open_waveform": (INT, TEXT),
    "samples_begin": (INT, POINTER),
    "samples_copy_cycles": (None, POINTER, POINTER),
    "samples_copy_errors": (None, POINTER),
    "samples_copy_results": (None, POINTER),
    **{f"samples_{name}": (INT64,) for name in ("started", "finished", "errors", "error_cycles")},
    **{f"samples_{name}": (INT64,) for name in ("results", "result_words")},
}
