"""The engine for whole data sets: the emitted Verilog, compiled by Verilator and driven by a loop in C++."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.design import Design
from snnhw.errors import OutputError, ToolError
from snnhw.files import replacing
from snnhw.interface import Interface, StreamPort, Tap
from snnhw.network import Network
from snnhw.simulate import compiler
from snnhw.simulate.bits import Words
from snnhw.simulate.faults import Fault, Schedule, schedule
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
from snnhw.simulate.taps import record_words
from snnhw.verilog import emit

SLICE = 1 << 18
"""Cycles that run in one call: between two calls Python can be interrupted."""

_BUILDING = threading.Lock()
"""Held while a library is built, so that of two threads that need it the second finds it."""

_DONE, _STUCK, _FAILED = 1, 2, 3
_LAST = 1 << 8
"""Beside an image's last byte."""
_ENDLESS = (1 << 63) - 1


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
        ("patience", ctypes.c_int64),
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
        """The circuit of a design, its Verilog emitted now."""
        emitted = emit(design)
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
        _library(self._build(None))

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
        library = _library(self._build(waveform.format if waveform else None))
        entries = schedule(pack(self.network, self.interface.sample, samples), faults)
        plan, kept = self._plan(entries, mode, stall, waveform)
        with _Circuit(library) as circuit:
            taps = [circuit.add_tap(self.interface.top, tap) for tap in self.interface.taps] if traces else []
            if waveform is None:
                stuck = circuit.run(plan, progress)
            else:
                with replacing(waveform.path) as path:
                    circuit.open_waveform(path)
                    stuck = circuit.run(plan, progress)
            del kept
            return self._collect(circuit, len(samples), taps, stuck)

    def _build(self, waveform: WaveformFormat | None) -> Path:
        names = {name for tap in self.interface.taps for name in (tap.strobe, *(s.signal for s in tap.signals))}
        top = self.interface.top
        with _BUILDING:
            return compiler.build_library(
                self.verilog,
                top,
                sorted(names),
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
            patience=self.patience,
            source_stall=stall.source,
            sink_stall=stall.sink,
            seed=stall.seed,
            trace_first=waveform.first if waveform else 0,
            trace_last=waveform.last if waveform and waveform.last is not None else _ENDLESS,
            weights=weights.ctypes.data,
            weight_count=len(weights),
            weights_before=self.images_before,
        )
        return plan, [words, entries.first, answered, entries.reset, weights]

    def _collect(self, circuit: _Circuit, samples: int, taps: list[int], stuck: bool) -> Simulation:
        started, finished = circuit.cycles()
        results = circuit.counter("result_count")
        cycles = circuit.counter("cycle")
        return Simulation(
            network=self.network,
            interface=self.interface,
            samples=samples,
            results=circuit.results(len(finished)),
            started=started,
            finished=finished,
            cycles=cycles,
            error=circuit.counter("error_cycles") > 0,
            errors=circuit.errors(),
            extra_results=results - len(finished),
            stuck=stuck_message(results, cycles, self.patience) if stuck else None,
            records={
                tap.stage: circuit.records(number, record_words(tap))
                for tap, number in zip(self.interface.taps, taps, strict=bool(taps))
            },
        )


class _Circuit:
    """One instance of a circuit in C++, freed at the end of its block."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.handle = library.snnhw_new()
        if not self.handle:
            raise ToolError("the compiled circuit cannot be started: it does not settle after reset")

    def __enter__(self) -> _Circuit:
        return self

    def __exit__(self, *_: object) -> None:
        self.library.snnhw_delete(self.handle)

    def open_waveform(self, path: Path) -> None:
        if self.library.snnhw_open_waveform(self.handle, str(path).encode()) < 0:
            raise OutputError(self._message())

    def add_tap(self, top: str, tap: Tap) -> int:
        """Have a tap recorded, and return its number."""
        count = len(tap.signals)
        names = (ctypes.c_char_p * count)(*(signal.signal.encode() for signal in tap.signals))
        widths = (ctypes.c_int * count)(*(signal.width * signal.count for signal in tap.signals))
        scope = f"TOP.{top}.{tap.scope}".encode()
        number = self.library.snnhw_add_tap(self.handle, scope, tap.strobe.encode(), count, names, widths)
        if number < 0:
            raise ToolError(f"tap of stage '{tap.stage}': {self._message()}")
        return int(number)

    def run(self, plan: _RunPlan, progress: Callable[[int], None] | None) -> bool:
        """Run to the end and return whether the circuit got stuck."""
        status = self.library.snnhw_begin(self.handle, ctypes.byref(plan))
        while status == 0:
            status = self.library.snnhw_run(self.handle, SLICE)
            if progress:
                progress(self.counter("finished_count"))
        if status not in (_DONE, _STUCK):
            raise ToolError(f"the simulation failed in cycle {self.counter('cycle')}: {self._message()}")
        return bool(status == _STUCK)

    def counter(self, name: str) -> int:
        return int(getattr(self.library, f"snnhw_{name}")(self.handle))

    def cycles(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The cycles in which samples began and results came."""
        started = np.zeros(self.counter("started_count"), np.int64)
        finished = np.zeros(self.counter("finished_count"), np.int64)
        self.library.snnhw_copy_cycles(self.handle, started.ctypes.data, finished.ctypes.data)
        return started, finished

    def errors(self) -> NDArray[np.bool_]:
        """The error flag after each entry."""
        flags = np.zeros(self.counter("error_count"), np.uint8)
        self.library.snnhw_copy_errors(self.handle, flags.ctypes.data)
        return flags.astype(np.bool_)

    def results(self, count: int) -> Words:
        words = np.zeros((count, self.counter("result_words")), np.uint32)
        self.library.snnhw_copy_results(self.handle, words.ctypes.data)
        return words

    def records(self, tap: int, width: int) -> Words:
        words = np.zeros((int(self.library.snnhw_tap_count(self.handle, tap)), width), np.uint32)
        self.library.snnhw_copy_tap(self.handle, tap, words.ctypes.data)
        return words

    def _message(self) -> str:
        return str(self.library.snnhw_message(self.handle).decode(errors="replace"))


@lru_cache(maxsize=16)
def _library(path: Path) -> ctypes.CDLL:
    """The library with its functions' types; calls let other threads run."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolError(f"cannot load the compiled circuit: {error}; remove {path.parent} and try again") from error
    handle, pointer, number = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "new": (handle, []),
        "delete": (None, [handle]),
        "message": (ctypes.c_char_p, [handle]),
        "open_waveform": (number, [handle, ctypes.c_char_p]),
        "add_tap": (number, [handle, ctypes.c_char_p, ctypes.c_char_p, number, pointer, pointer]),
        "begin": (number, [handle, pointer]),
        "run": (number, [handle, ctypes.c_int64]),
        "tap_count": (ctypes.c_int64, [handle, number]),
        "copy_cycles": (None, [handle, pointer, pointer]),
        "copy_errors": (None, [handle, pointer]),
        "copy_results": (None, [handle, pointer]),
        "copy_tap": (None, [handle, number, pointer]),
    }
    counts = ("result", "error", "started", "finished")
    for counter in ("cycle", "error_cycles", "result_words", *(f"{name}_count" for name in counts)):
        signatures[counter] = (ctypes.c_int64, [handle])
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"snnhw_{name}")
        function.restype, function.argtypes = result, arguments
    return library
