"""A machine's circuit in Verilator: commands in, and all that it did in return."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateware.srbm import Kind
from snnhw.errors import ToolError
from snnhw.interface import StreamPort
from snnhw.simulate import compiler
from snnhw.simulate.bits import Words, insert, unpack, words_for
from snnhw.simulate.simulation import Stall
from snnhw.simulate.taps import record_words, signal_words
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine
from snnhw.srbm.verilog import SrbmEmitted, emit

Array = NDArray[Any]

SLICE = 1 << 18
"""Cycles that run in one call: between two calls Python can be interrupted."""

_IDLE, _STUCK = 1, 2
_INPUTS = ("command", "pixels", "levels_in")
_OUTPUTS = ("result", "image", "levels_out")


@dataclass(frozen=True)
class Ticks:
    """What T ticks did: which rows [T, rows] and columns [T, columns] fired, V of visible and of hidden units."""

    rows: Array
    columns: Array
    visible: Array
    hidden: Array
    misplaced: int = 0
    """Words of units that the circuit showed out of turn, or too few of for a whole tick."""


@dataclass(frozen=True)
class Done:
    """What a command gave; None where it does not give that kind of thing, or the circuit got stuck."""

    ticks: Ticks
    cycles: int
    """From the command's transfer to that of the result, of a dump to that of the last level."""
    classified: int | None = None
    scores: Array | None = None
    walk: int | None = None
    refresh: int | None = None
    image: Array | None = None
    stuck: str | None = None


@dataclass(frozen=True)
class SrbmSimulator:
    """A machine's Verilog, compiled at the first start, or out of the cache.

    ``start`` gives a circuit of its own each time. Raises ToolMissingError without a C++ compiler.
    """

    machine: Machine
    lanes: int
    emitted: SrbmEmitted
    optimise: bool = True
    """Without it the library is built in a fraction of the time, and runs slower."""

    @classmethod
    def of(cls, machine: Machine, lanes: int) -> SrbmSimulator:
        """The circuit of a machine, its Verilog emitted now."""
        return cls(machine, lanes, emit(machine, lanes))

    def start(self, stall: Stall | None = None) -> RunningSrbm:
        """A circuit fresh from reset; its sources and sinks pause where there is a ``stall``."""
        tap = self.emitted.interface.tap
        public = sorted({tap.strobe, *(signal.signal for signal in tap.signals)})
        driver = resources.files("snnhw.srbm").joinpath("driver.cpp").read_text()
        path = compiler.build_library(
            self.emitted.verilog, self.emitted.interface.top, public, driver=driver, optimise=self.optimise
        )
        return RunningSrbm(self, _library(path), stall)

    @property
    def patience(self) -> int:
        """Cycles without anything at ports and tap after which a circuit counts as stuck: several of any wait."""
        grid = Grid(self.machine, self.lanes)
        return 10_000 + 16 * grid.blocks * self.lanes


class RunningSrbm:
    """A circuit in C++, freed at the end of its block; commands are given one at a time."""

    def __init__(self, simulator: SrbmSimulator, library: ctypes.CDLL, stall: Stall | None) -> None:
        self.simulator = simulator
        self.machine = simulator.machine
        self.lanes = simulator.lanes
        self.interface = simulator.emitted.interface
        self.library = library
        self.handle = library.srbm_new()
        if not self.handle:
            raise ToolError("the compiled circuit cannot be started: it does not settle after reset")
        if stall is not None:
            library.srbm_stall(self.handle, stall.seed, stall.source, stall.sink)
        self._set_tap()

    def __enter__(self) -> RunningSrbm:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.library.srbm_delete(self.handle)

    def load(self, gp: Array, gm: Array | None, walk: int | None = None, refresh: int = 0) -> Done:
        """Write every level, and what goes on from one training image to the next; ``gm`` only where there is one."""
        levels = {"gp": gp} if gm is None or not self.machine.synapse.paired else {"gp": gp, "gm": gm}
        self._send("levels_in", {name: values.reshape(-1) for name, values in levels.items()})
        return self._command(Kind.LOAD, walk=self.machine.seed if walk is None else walk, refresh=refresh)

    def train(self, bits: Array, label: int, step: int, hold: bool = False) -> Done:
        """Learn an image [pixels] of a class."""
        self._send_picture(bits, np.zeros_like(bits))
        return self._command(Kind.TRAIN, label=label, step=step, hold=int(hold))

    def infer(self, bits: Array) -> Done:
        """Class and scores of an image."""
        self._send_picture(bits, np.zeros_like(bits))
        return self._command(Kind.INFER)

    def regenerate(self, bits: Array, known: Array) -> Done:
        """Class and scores of an image of which some pixels are known, and what the others may be."""
        self._send_picture(bits, known)
        return self._command(Kind.REGENERATE)

    def dump(self) -> tuple[Done, dict[str, Array]]:
        """Every level by device, [rows, columns]; fewer, in one row, where the circuit got stuck."""
        done = self._command(Kind.DUMP, keep=True)
        fields = self._taken("levels_out")[0]
        self.library.srbm_clear(self.handle)
        shape = (self.machine.rows, self.machine.columns)
        whole = all(levels.size == shape[0] * shape[1] for levels in fields.values())
        return done, {name: levels.reshape(shape) if whole else levels for name, levels in fields.items()}

    def _send_picture(self, bits: Array, known: Array) -> None:
        beats = -(-self.machine.pixels // self.lanes)
        fields = {}
        for name, values in (("on", bits), ("known", known)):
            padded = np.zeros((beats, self.lanes), np.uint64)
            padded.reshape(-1)[: self.machine.pixels] = values
            fields[name] = (padded << np.arange(self.lanes, dtype=np.uint64)).sum(axis=1)
        self._send("pixels", fields)

    def _command(self, kind: Any, keep: bool = False, **fields: int) -> Done:
        """Give a command and wait until the next one may come."""
        command = dict.fromkeys(("label", "step", "hold", "walk", "refresh"), 0) | {"kind": kind.value} | fields
        self._send("command", {name: np.array([value]) for name, value in command.items()})
        status = 0
        while status == 0:
            status = self.library.srbm_run(self.handle, SLICE, self.simulator.patience)
        cycle = int(self.library.srbm_cycle(self.handle))
        if status not in (_IDLE, _STUCK):
            raise ToolError(f"the simulation failed in cycle {cycle}: {self._message()}")
        stuck = f"the circuit got stuck in {kind.name} by cycle {cycle}" if status == _STUCK else None
        begun = self._sent_cycles("command")
        results, ended = self._taken("result")
        if kind == Kind.DUMP:
            ended = self._taken("levels_out")[1]
        outcome: dict[str, Any] = {}
        if len(results["walk"]):
            outcome = {"classified": int(results["class"][0, 0]), "scores": results["scores"][0].astype(np.int64)}
            outcome |= {name: int(results[name][0, 0]) for name in ("walk", "refresh")}
        if kind == Kind.REGENERATE:
            image = unpack(self._taken_words("image")[0], width=1, count=self.lanes)
            outcome["image"] = image.reshape(-1)[: self.machine.pixels].astype(np.uint8)
        cycles = int(ended[-1] - begun[0]) if len(ended) and len(begun) else 0
        done = Done(self._ticks(), cycles, stuck=stuck, **outcome)
        if not keep:
            self.library.srbm_clear(self.handle)
        return done

    def _ticks(self) -> Ticks:
        """What the tap showed since it was last cleared."""
        machine, lanes, tap = self.machine, self.lanes, self.interface.tap
        grid = Grid(machine, lanes)
        records = np.zeros((int(self.library.srbm_tap_count(self.handle)), record_words(tap)), np.uint32)
        self.library.srbm_copy_tap(self.handle, records.ctypes.data)
        ticks = len(records) // grid.unit_words
        shown = {
            signal.name: unpack(records[:, words], width=signal.width, count=signal.count, signed=signal.signed)
            for signal, words in signal_words(tap)
        }
        spikes = unpack(shown["spike"].astype(np.uint32), width=1, count=lanes)[: ticks * grid.unit_words]
        turn = np.arange(len(records)) % grid.unit_words
        misplaced = int(np.count_nonzero(shown["word"][:, 0] != turn)) + len(records) % grid.unit_words
        spike = spikes.reshape(ticks, grid.unit_words * lanes)
        membrane = shown["membrane"][: ticks * grid.unit_words].reshape(spike.shape)
        column = grid.row_words * lanes
        return Ticks(
            rows=spike[:, : machine.rows],
            columns=spike[:, column : column + machine.columns],
            visible=membrane[:, : machine.visible],
            hidden=membrane[:, column : column + machine.hidden],
            misplaced=misplaced,
        )

    def _set_tap(self) -> None:
        tap = self.interface.tap
        count = len(tap.signals)
        names = (ctypes.c_char_p * count)(*(signal.signal.encode() for signal in tap.signals))
        widths = (ctypes.c_int * count)(*(signal.width * signal.count for signal in tap.signals))
        scope = f"TOP.{self.interface.top}".encode()
        if self.library.srbm_set_tap(self.handle, scope, tap.strobe.encode(), count, names, widths) < 0:
            raise ToolError(f"the tap of the units: {self._message()}")

    def _send(self, stream: str, fields: Mapping[str, Array]) -> None:
        words = packed(self.interface.stream(stream), fields)
        self.library.srbm_send(self.handle, _INPUTS.index(stream), words.ctypes.data, len(words))

    def _sent_cycles(self, stream: str) -> NDArray[np.int64]:
        number = _INPUTS.index(stream)
        cycles = np.zeros(int(self.library.srbm_sent(self.handle, number)), np.int64)
        self.library.srbm_copy_sent(self.handle, number, cycles.ctypes.data)
        return cycles

    def _taken_words(self, stream: str) -> tuple[Words, NDArray[np.int64]]:
        number, width = _OUTPUTS.index(stream), words_for(self.interface.stream(stream).width)
        count = int(self.library.srbm_taken(self.handle, number))
        words, cycles = np.zeros((count, width), np.uint32), np.zeros(count, np.int64)
        self.library.srbm_copy_taken(self.handle, number, cycles.ctypes.data, words.ctypes.data)
        return words, cycles

    def _taken(self, stream: str) -> tuple[dict[str, Array], NDArray[np.int64]]:
        """The fields of all that a stream has given, and the cycles of its transfers."""
        words, cycles = self._taken_words(stream)
        fields = {
            member.name: unpack(words, width=member.width, count=member.count, offset=member.offset)
            for member in self.interface.stream(stream).fields
        }
        return fields, cycles

    def _message(self) -> str:
        return str(self.library.srbm_message(self.handle).decode(errors="replace"))


def packed(port: StreamPort, fields: Mapping[str, Array]) -> Words:
    """Payloads of a stream from their fields, [n] each."""
    count = len(next(iter(fields.values())))
    words = np.zeros((count, words_for(port.width)), np.uint32)
    rows = np.arange(count)
    for member in port.fields:
        insert(words, rows, np.asarray(fields[member.name]), offset=member.offset, width=member.width)
    return words


@lru_cache(maxsize=16)
def _library(path: Path) -> ctypes.CDLL:
    """The library with its functions' types; calls let other threads run."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolError(f"cannot load the compiled circuit: {error}; remove {path.parent} and try again") from error
    handle, pointer, number, wide = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "new": (handle, []),
        "delete": (None, [handle]),
        "message": (ctypes.c_char_p, [handle]),
        "set_tap": (number, [handle, ctypes.c_char_p, ctypes.c_char_p, number, pointer, pointer]),
        "stall": (None, [handle, ctypes.c_uint64, number, number]),
        "send": (None, [handle, number, pointer, wide]),
        "run": (number, [handle, wide, wide]),
        "clear": (None, [handle]),
        "cycle": (wide, [handle]),
        "sent": (wide, [handle, number]),
        "taken": (wide, [handle, number]),
        "tap_count": (wide, [handle]),
        "copy_sent": (None, [handle, number, pointer]),
        "copy_taken": (None, [handle, number, pointer, pointer]),
        "copy_tap": (None, [handle, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"srbm_{name}")
        function.restype, function.argtypes = result, arguments
    return library
