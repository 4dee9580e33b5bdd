"""A machine's circuit in Verilator: commands in, and all that it did in return."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.commands import Command
from snnhw.emission import EmittedCommandCircuit
from snnhw.simulate import commands
from snnhw.simulate.bits import unpack
from snnhw.simulate.commands import CommandCircuit
from snnhw.simulate.library import Library
from snnhw.simulate.simulation import Stall
from snnhw.srbm.commands import Outcome, SrbmCommands
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
        self.commands = SrbmCommands(Grid(self.machine, self.lanes))

    def load(self, gp: Array, gm: Array | None, walk: int | None = None, refresh: int = 0) -> Done:
        """Write every level, and what goes on from one training image to the next; ``gm`` only where there is one."""
        return self._do(self.commands.load(gp, gm, walk, refresh))

    def train(self, bits: Array, label: int, step: int, hold: bool = False) -> Done:
        """Learn an image [pixels] of a class."""
        return self._do(self.commands.train(bits, label, step, hold))

    def infer(self, bits: Array) -> Done:
        """Class and scores of an image."""
        return self._do(self.commands.infer(bits))

    def regenerate(self, bits: Array, known: Array) -> Done:
        """Class and scores of an image of which some pixels are known, and what the others may be."""
        done = self._do(self.commands.regenerate(bits, known), keep=True)
        image = self.commands.image(self.fields("image"))
        self.clear()
        return replace(done, image=image)

    def dump(self) -> tuple[Done, dict[str, Array]]:
        """Every level by device, [rows, columns]; fewer, in one row, where the circuit got stuck."""
        done = self._do(self.commands.dump(), keep=True)
        levels = self.commands.levels(self.fields("levels_out"))
        self.clear()
        return done, levels

    def _do(self, command: Command, keep: bool = False) -> Done:
        """Give a command and wait until the next one may come."""
        stuck = f"the circuit got stuck in {command.name} by cycle {self.cycle}" if self.give(command) else None
        begun, _ = self.transfers("command")
        *_, last = command.gives
        ended, _ = self.transfers(last)
        results = self.fields("result")
        outcome = vars(Outcome.of(results)) if len(results["walk"]) else {}
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
