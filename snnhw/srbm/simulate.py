"""A machine's circuit in Verilator: commands in, and all that it did in return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateware.srbm import Kind
from snnhw.emission import EmittedCommandCircuit
from snnhw.simulate import commands
from snnhw.simulate.bits import unpack
from snnhw.simulate.commands import CommandCircuit
from snnhw.simulate.library import Library
from snnhw.simulate.simulation import Stall
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine
from snnhw.srbm.verilog import emit

Array = NDArray[Any]


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
    emitted: EmittedCommandCircuit
    optimise: bool = True
    """Without it the library is built in a fraction of the time, and runs slower."""

    @classmethod
    def of(cls, machine: Machine, lanes: int) -> SrbmSimulator:
        """The circuit of a machine, its Verilog emitted now."""
        return cls(machine, lanes, emit(machine, lanes))

    def start(self, stall: Stall | None = None) -> RunningSrbm:
        """A circuit fresh from reset; its sources and sinks pause where there is a ``stall``."""
        library = commands.build(self.emitted, self.emitted.interface, optimise=self.optimise)
        return RunningSrbm(self, library, stall)

    @property
    def patience(self) -> int:
        """Cycles without anything at ports and tap after which a circuit counts as stuck: several of any wait."""
        grid = Grid(self.machine, self.lanes)
        return 10_000 + 16 * grid.blocks * self.lanes


class RunningSrbm(CommandCircuit):
    """A machine's circuit in C++, freed at the end of its block; commands are given one at a time."""

    def __init__(self, simulator: SrbmSimulator, library: Library, stall: Stall | None) -> None:
        super().__init__(library, simulator.emitted.interface, simulator.patience, stall)
        self.machine = simulator.machine
        self.lanes = simulator.lanes

    def load(self, gp: Array, gm: Array | None, walk: int | None = None, refresh: int = 0) -> Done:
        """Write every level, and what goes on from one training image to the next; ``gm`` only where there is one."""
        levels = {"gp": gp} if gm is None or not self.machine.synapse.paired else {"gp": gp, "gm": gm}
        self.send("levels_in", {name: values.reshape(-1) for name, values in levels.items()})
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
        fields = self.fields("levels_out")
        self.clear()
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
        self.send("pixels", fields)

    def _command(self, kind: Any, keep: bool = False, **fields: int) -> Done:
        """Give a command and wait until the next one may come."""
        stuck = None
        if self.command(kind=kind.value, **fields):
            stuck = f"the circuit got stuck in {kind.name} by cycle {self.cycle}"
        begun, _ = self.transfers("command")
        ended, _ = self.transfers("levels_out" if kind == Kind.DUMP else "result")
        results = self.fields("result")
        outcome: dict[str, Any] = {}
        if len(results["walk"]):
            outcome = {"classified": int(results["class"][0, 0]), "scores": results["scores"][0].astype(np.int64)}
            outcome |= {name: int(results[name][0, 0]) for name in ("walk", "refresh")}
        if kind == Kind.REGENERATE:
            image = unpack(self.transfers("image")[1], width=1, count=self.lanes)
            outcome["image"] = image.reshape(-1)[: self.machine.pixels].astype(np.uint8)
        cycles = int(ended[-1] - begun[0]) if len(ended) and len(begun) else 0
        done = Done(self._ticks(), cycles, stuck=stuck, **outcome)
        if not keep:
            self.clear()
        return done

    def _ticks(self) -> Ticks:
        """What the tap showed since it was last cleared."""
        machine, lanes = self.machine, self.lanes
        grid, shown = Grid(machine, lanes), self.tapped()
        records = len(shown["word"])
        ticks = records // grid.unit_words
        spikes = unpack(shown["spike"].astype(np.uint32), width=1, count=lanes)[: ticks * grid.unit_words]
        turn = np.arange(records) % grid.unit_words
        misplaced = int(np.count_nonzero(shown["word"][:, 0] != turn)) + records % grid.unit_words
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
