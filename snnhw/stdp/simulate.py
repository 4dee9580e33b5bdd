"""A learner's circuit in Verilator: commands in, and all that it did in return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.commands import Command
from snnhw.emission import EmittedCommandCircuit
from snnhw.simulate import commands
from snnhw.simulate.commands import CommandCircuit
from snnhw.simulate.library import Library
from snnhw.simulate.simulation import Stall
from snnhw.stdp.commands import Outcome, StdpCommands
from snnhw.stdp.grid import StdpGrid, WeightMemory
from snnhw.stdp.learner import Learner
from snnhw.stdp.verilog import emit

Array = NDArray[Any]


@dataclass(frozen=True)
class Steps:
    """What T steps did: membranes and what they exceed thresholds by, [T, neurons]; and S spikes, [S, 2]."""

    membrane: Array
    excess: Array
    spikes: Array
    """Neuron and step of each, in order."""
    misplaced: int = 0
    """Words of neurons that the circuit showed out of turn, or too few of for a whole step."""


@dataclass(frozen=True)
class Done:
    """What a command gave; None where it does not give that kind of thing, or the circuit got stuck."""

    steps: Steps
    cycles: int
    """From the command's transfer to that of the result, of a dump to that of the last word or neuron."""
    answer: int | None = None
    """This and what follows as in `Outcome`."""
    scores: Array | None = None
    fired: int | None = None
    winner: int | None = None
    assigned: int | None = None
    step: int | None = None
    register: int | None = None
    stuck: str | None = None


@dataclass(frozen=True)
class StdpSimulator:
    """A learner's Verilog, compiled at the first start, or out of the cache.

    ``start`` gives a circuit of its own each time. Raises ToolMissingError without a C++ compiler.
    """

    learner: Learner
    lanes: int
    emitted: EmittedCommandCircuit
    optimise: bool = True
    """Without it the library is built in a fraction of the time, and runs slower."""

    @classmethod
    def of(cls, learner: Learner, lanes: int, memory: WeightMemory = "bram") -> StdpSimulator:
        """The circuit of a learner, its Verilog emitted now."""
        return cls(learner, lanes, emit(learner, lanes, memory=memory))

    def start(self, stall: Stall | None = None) -> RunningStdp:
        """A circuit fresh from reset; its sources and sinks pause where there is a ``stall``."""
        library = commands.build(self.emitted, self.emitted.interface, optimise=self.optimise)
        return RunningStdp(self, library, stall)

    @property
    def patience(self) -> int:
        """Cycles without anything at ports and tap after which a circuit counts as stuck: several of any wait."""
        grid = StdpGrid(self.learner, self.lanes)
        return 10_000 + 16 * grid.blocks * self.lanes


class RunningStdp(CommandCircuit):
    """A learner's circuit in C++, freed at the end of its block; commands are given one at a time."""

    def __init__(self, simulator: StdpSimulator, library: Library, stall: Stall | None) -> None:
        super().__init__(library, simulator.emitted.interface, simulator.patience, stall)
        self.learner = simulator.learner
        self.lanes = simulator.lanes
        self.grid = StdpGrid(self.learner, self.lanes)
        self.commands = StdpCommands(self.grid)

    def load_weights(self, weight: Array, register: int) -> Done:
        """Write the weights [pixels, neurons], and the random register."""
        return self._do(self.commands.load_weights(weight, register))

    def load_neurons(self, threshold: Array, assigned: Array, readout: Array) -> Done:
        """Write thresholds, the neurons' classes and the readout [neurons, classes]."""
        return self._do(self.commands.load_neurons(threshold, assigned, readout))

    def train(self, image: Array, amplitude: int) -> Done:
        """Learn an image [pixels]; the amplitude is a power of two."""
        return self._do(self.commands.train(image, amplitude))

    def teach(self, image: Array, label: int, amplitude: int) -> Done:
        """Learn an image with its class."""
        return self._do(self.commands.teach(image, label, amplitude))

    def infer(self, image: Array) -> Done:
        """Spikes, class and scores of an image."""
        return self._do(self.commands.infer(image))

    def train_readout(self, image: Array, label: int, rate: int) -> Done:
        """The same, and let the readout learn; the rate is a power of two up to 8."""
        return self._do(self.commands.train_readout(image, label, rate))

    def dump_weights(self) -> tuple[Done, Array]:
        """The weights [pixels, neurons]; fewer, in one row, where the circuit got stuck."""
        done = self._do(self.commands.dump_weights(), keep=True)
        weights = self.commands.weights(self.fields("weights_out"))
        self.clear()
        return done, weights

    def dump_neurons(self) -> tuple[Done, dict[str, Array]]:
        """What neurons keep, under the names of `load_neurons`; of fewer neurons where the circuit got stuck."""
        done = self._do(self.commands.dump_neurons(), keep=True)
        neurons = self.commands.neurons(self.fields("neurons_out"))
        self.clear()
        return done, neurons

    def _do(self, command: Command, keep: bool = False) -> Done:
        """Give a command and wait until the next one may come."""
        stuck = f"the circuit got stuck in {command.name} by cycle {self.cycle}" if self.give(command) else None
        begun, _ = self.transfers("command")
        *_, last = command.gives
        ended, _ = self.transfers(last)
        results = self.fields("result")
        outcome = vars(Outcome.of(results)) if len(results["register"]) else {}
        cycles = int(ended[-1] - begun[0]) if len(ended) and len(begun) else 0
        done = Done(self._steps(), cycles, stuck=stuck, **outcome)
        if not keep:
            self.clear()
        return done

    def _steps(self) -> Steps:
        """What the tap showed since it was last cleared."""
        shown, words, neurons = self.tapped(), self.grid.column_words, self.learner.neurons
        spike, place = shown["spike"][:, 0].astype(bool), shown["place"][:, 0]
        records = int(np.count_nonzero(~spike))
        turn = np.arange(records) % words
        misplaced = int(np.count_nonzero(place[~spike] != turn)) + records % words
        steps = records // words
        membrane, excess = (
            shown[name][~spike][: steps * words].reshape(steps, words * self.lanes)[:, :neurons]
            for name in ("membrane", "excess")
        )
        at = (np.cumsum(~spike)[spike] - 1) // words
        return Steps(membrane, excess, np.stack([place[spike], at], axis=1), misplaced)
