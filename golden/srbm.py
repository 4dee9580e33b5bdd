"""The spiking restricted Boltzmann machine, tick by tick. Twin of ``gateware/srbm.py``.

Visible and hidden units are leaky integrate-and-fire units with noise that sample from a Boltzmann distribution; the
array between them learns by event-driven contrastive divergence (Neftci et al., Frontiers in Neuroscience 7, 2014), on
the chip that Ishii et al. describe (IEDM 2019, 14.2). ``docs/srbm.md`` is the norm, and this its plain reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.differential import DifferentialArray
from golden.learning import Learning
from golden.lfsr import Leap
from golden.randomwalk import RandomWalk
from snnhw.srbm.machine import Machine, Neuron
from snnhw.wording import shown

Array = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tick:
    """What a tick did: the rows and columns that fired, and V of visible and hidden units after it."""

    rows: Mask
    columns: Mask
    visible: Array
    hidden: Array


Trace = Callable[[Tick], Any]
"""Called with every tick, for instance a list's ``append``."""


class Units:
    """``count`` leaky integrate-and-fire units, see :class:`snnhw.srbm.machine.Neuron`."""

    def __init__(self, neuron: Neuron, count: int) -> None:
        self.neuron = neuron
        self.membrane = np.zeros(count, np.int64)
        self.refractory = np.zeros(count, np.int64)

    def tick(self, current: Array, noise: Array) -> Mask:
        """The units that fire in this tick, all of them free."""
        neuron = self.neuron
        active = self.refractory == 0
        leaked = self.membrane - (self.membrane >> neuron.leak_shift)
        integrated = np.maximum(leaked + current + noise, neuron.membrane.lo)
        fires: Mask = active & (integrated >= neuron.threshold)
        self.membrane = np.where(active & ~fires, integrated, 0)
        self.refractory = np.where(fires, neuron.refractory, np.maximum(self.refractory - 1, 0))
        return fires

    def clamp(self, clamped: Mask) -> None:
        """Clear the state of clamped units, which fire by their period instead."""
        self.membrane = np.where(clamped, 0, self.membrane)
        self.refractory = np.where(clamped, 0, self.refractory)


class Srbm:
    """A machine with its weights; ``gp`` and ``gm`` [rows, columns] change with every training image.

    Parameters: the levels (``gm`` only where a synapse has two devices), and where an earlier machine is to go on, its
    ``walk`` (the register after the last training image) and ``refresh`` (the row that is refreshed next).
    """

    def __repr__(self) -> str:
        return shown(self, *self.machine.shown_parts)

    def __init__(
        self,
        machine: Machine,
        gp: NDArray[Any],
        gm: NDArray[Any] | None = None,
        *,
        walk: int | None = None,
        refresh: int = 0,
    ) -> None:
        if np.shape(gp) != (machine.rows, machine.columns):
            raise ValueError(f"gp must be [{machine.rows}, {machine.columns}], not {list(np.shape(gp))}")
        walk = machine.seed if walk is None else walk
        if not 0 < walk < 1 << 32 or not 0 <= refresh < machine.rows:
            raise ValueError(f"walk must lie in 1..{(1 << 32) - 1} and refresh in 0..{machine.rows - 1}")
        self.machine = machine
        self.array = DifferentialArray(machine.synapse, gp, gm)
        self.walk = walk
        self.refresh = refresh
        self._noise = RandomWalk(machine.noise, machine.visible + machine.hidden)
        self._phases = Leap(8, machine.rows + machine.biases)
        periods = machine.periods
        counts = [machine.pixels, machine.labels, 2 * machine.biases]
        self._periods = np.repeat(np.array([periods.pixel, periods.label, periods.bias]), counts)

    @property
    def gp(self) -> Array:
        """The levels of the devices that count up."""
        return self.array.gp

    @property
    def gm(self) -> Array:
        """The levels of those that count down; of one device the reference."""
        return self.array.gm

    def train(
        self, bits: NDArray[Any], label: int, step: int, hold: bool = False, *, trace: Trace | None = None
    ) -> None:
        """Learn an image ``bits`` [pixels] of a class by updates of ``step`` levels, then refresh the next rows.

        With ``hold`` the pixels stay clamped where the machine would run free, and the labels alone are free there:
        what is learned is then the difference that the labels make for the pixels at hand, as in the discriminative
        half of a hybrid machine (Larochelle and Bengio, ICML 2008).
        """
        machine, phases = self.machine, self.machine.phases
        if label not in range(machine.classes):
            raise ValueError(f"label must lie in 0..{machine.classes - 1}, not {label}")
        if step not in machine.synapse.levels:
            raise ValueError(f"step must lie in 0..{machine.synapse.levels.hi}, not {step}")
        labels = np.repeat(np.arange(machine.classes) == label, machine.labels_per_class)
        command = _Command(self, self.walk, np.concatenate([self._pixels(bits), labels]))
        everything = np.ones(machine.visible, bool)
        held = (np.arange(machine.visible) < machine.pixels) & hold
        for t in range(phases.ticks):
            command.tick(t, everything if phases.clamped(t) else held, phases.gate(t), step, trace)
        self.walk = command.state
        for _ in range(machine.synapse.refresh_rows):
            self.array.refresh(self.refresh)
            self.refresh = (self.refresh + 1) % machine.rows

    def infer(self, bits: NDArray[Any], *, trace: Trace | None = None) -> tuple[int, Array]:
        """The class of an image, the first of equals, and the spikes of each class's label units [classes]."""
        return self._scores(self._free_run(bits, np.ones(self.machine.pixels, bool), trace))

    def regenerate(
        self, bits: NDArray[Any], known: NDArray[Any], *, trace: Trace | None = None
    ) -> tuple[int, Array, NDArray[np.uint8]]:
        """Class and scores as of ``infer``, and the image [pixels] with those pixels filled in that are not known.

        An unknown pixel is on if it fired in more than half of its slots, one every ``refractory`` + 1 ticks.
        """
        machine = self.machine
        given, kept = self._pixels(bits), self._pixels(known)
        spikes = self._free_run(bits, kept, trace)
        filled = spikes[: machine.pixels] * 2 * (machine.neuron.refractory + 1) > machine.inference_ticks
        return *self._scores(spikes), np.where(kept, given, filled).astype(np.uint8)

    def _free_run(self, bits: NDArray[Any], known: Mask, trace: Trace | None) -> Array:
        """Run with the known pixels clamped: the spikes of each visible unit."""
        machine = self.machine
        free_labels = np.zeros(machine.labels, bool)
        command = _Command(self, machine.seed, np.concatenate([self._pixels(bits), free_labels]))
        clamped = np.concatenate([known, free_labels])
        for t in range(machine.inference_ticks):
            command.tick(t, clamped, 0, 0, trace)
        return command.spikes

    def _scores(self, spikes: Array) -> tuple[int, Array]:
        """The winner and the spikes of each class."""
        machine = self.machine
        scores: Array = spikes[machine.pixels :].reshape(machine.classes, machine.labels_per_class).sum(axis=1)
        return int(scores.argmax()), scores

    def _pixels(self, bits: NDArray[Any]) -> Mask:
        """Bits of an image, checked."""
        bits = np.asarray(bits)
        if bits.shape != (self.machine.pixels,) or not np.isin(bits, (0, 1)).all():
            raise ValueError(f"an image must be {self.machine.pixels} bits, each 0 or 1")
        return bits.astype(bool)


class _Command:
    """A command under way: all that starts from 0 with it, and the register that starts with ``state``.

    ``on`` [visible] says which units fire by their period where they are clamped.
    """

    def __init__(self, srbm: Srbm, state: int, on: Mask) -> None:
        machine = srbm.machine
        self.machine, self.array, self.noise = machine, srbm.array, srbm._noise
        self.visible = Units(machine.neuron, machine.visible)
        self.hidden = Units(machine.neuron, machine.hidden)
        self.learning = Learning(machine)
        self.visible_current = np.zeros(machine.visible, np.int64)
        self.hidden_current = np.zeros(machine.hidden, np.int64)
        self.spikes = np.zeros(machine.visible, np.int64)
        states = srbm._phases.states(state)
        self.state = int(states[-1])
        self.periods = srbm._periods
        self.phases = ((states & np.uint32(255)).astype(np.int64) * self.periods) >> 8
        biases_on = np.ones(2 * machine.biases, bool)
        self.on = np.concatenate([on, biases_on])

    def tick(self, t: int, clamped: Mask, gate: int, step: int, trace: Trace | None) -> None:
        """One tick, in the order of ``docs/srbm.md``."""
        machine, array = self.machine, self.array
        self.state, noise = self.noise.draw(self.state)
        periodic = self.on & (t % self.periods == self.phases)
        fires = self.visible.tick(self.visible_current, noise[: machine.visible])
        self.visible.clamp(clamped)
        fires = np.where(clamped, periodic[: machine.visible], fires)
        rows = np.concatenate([fires, periodic[machine.visible : machine.rows]])
        fires = self.hidden.tick(self.hidden_current, noise[machine.visible :])
        columns = np.concatenate([fires, periodic[machine.rows :]])
        self.hidden_current = array.lif(np.flatnonzero(rows))[: machine.hidden]
        self.visible_current = array.blif(np.flatnonzero(columns))[: machine.visible]
        for column, open_rows in self.learning.tick(rows, columns, gate):
            array.stdp(column, open_rows, gate, step)
        self.spikes += rows[: machine.visible]
        if trace is not None:
            trace(Tick(rows, columns, self.visible.membrane, self.hidden.membrane))
