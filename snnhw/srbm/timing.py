"""The cycles of a command, predicted exactly from what its ticks did.

Counted from the command's transfer to that of its result, with sources that never stall and sinks that are ready.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateware.differential import DifferentialArray
from gateware.units import Units
from snnhw.srbm.grid import Grid

Array = NDArray[np.int64]
Mask = NDArray[np.bool_]

_LISTED = Units.LATENCY + 3
"""Cycles from the start of a tick until its first word, were it the only one, would stand in lists ready to be read."""
_ADDED = DifferentialArray.LATENCY + 1
"""Cycles from a request to the one in which all that comes of it is done."""
_EARLY = DifferentialArray.LATENCY
"""Unit words whose currents must be there when a tick begins."""


@dataclass(frozen=True)
class Counts:
    """What the cycles of T ticks depend on, each [T]."""

    rows: Array
    """Rows that fired."""
    columns: Array
    """Columns that fired."""
    free: Array
    """Row words with a unit that will be free in the next tick."""
    free_early: Array
    """Those of them among the first words."""
    open: Array
    """Row words with a row that is open to an update; 0 where g is."""
    due: Array
    """Columns that are due for an update; 0 where g is 0."""


@dataclass(frozen=True)
class Timing:
    """The cycles of a machine's commands in its lanes."""

    grid: Grid

    def train(self, rows: Mask, columns: Mask, hold: bool) -> int:
        """Of a training image, of whose ticks [T] these rows and columns fired."""
        machine, grid = self.grid.machine, self.grid
        ticks = range(machine.phases.ticks)
        gate = np.array([machine.phases.gate(tick) != 0 for tick in ticks])
        clamped_next = np.array([machine.phases.clamped(tick + 1) for tick in ticks])
        known = np.full(machine.pixels, hold)
        free = np.where(clamped_next[:, None], 0, self._free_words(known))
        counts = self._counts(rows, columns, free, gate)
        refreshed = machine.synapse.refresh_rows * grid.column_words
        refreshing = refreshed + _ADDED if refreshed else 1
        return self._given() + int(self.ticks(counts).sum()) + refreshing + 1

    def infer(self, rows: Mask, columns: Mask) -> int:
        """Of an inference."""
        machine = self.grid.machine
        free = np.tile(self._free_words(np.ones(machine.pixels, bool)), (machine.inference_ticks, 1))
        return self._given() + self._run(rows, columns, free) + machine.classes + 2

    def regenerate(self, rows: Mask, columns: Mask, known: Mask) -> int:
        """Of a regeneration with these pixels known."""
        machine = self.grid.machine
        free = np.tile(self._free_words(known), (machine.inference_ticks, 1))
        ended = max(2 * self.grid.pixel_words + 2, machine.classes + 1)
        return self._given() + self._run(rows, columns, free) + ended + 1

    def load(self) -> int:
        """Of a load."""
        return self.grid.machine.rows * self.grid.machine.columns + _ADDED + 1

    def ticks(self, counts: Counts) -> Array:
        """Of each tick, [T]: from its start to that of the next one, or to the end of the last one's work."""
        grid = self.grid
        rows, columns = np.maximum(counts.rows, 1), np.maximum(counts.columns, 1)
        lif = grid.row_words + _LISTED
        lif_end = lif + grid.hidden_words * rows
        listed = grid.unit_words + _LISTED
        blif = np.maximum(lif_end, listed)
        blif_end = blif + counts.free * columns
        # That there is no BLIF shows with the lists of columns, a cycle too late for STDP where LIF has ended before.
        skipped = np.where(lif_end > listed, lif_end, listed + 1)
        stdp = np.where(counts.free > 0, blif_end, skipped)
        updates = counts.open * counts.due
        last = np.where(updates > 0, stdp + updates, np.where(counts.free > 0, blif_end, lif_end)) - 1
        early = min(grid.hidden_words, max(0, _EARLY - grid.row_words))
        waits = [stdp + updates]
        waits.append(np.where(early > 0, lif + early * rows - 1 + _ADDED, 0))
        waits.append(np.where(counts.free_early > 0, blif + counts.free_early * columns - 1 + _ADDED, 0))
        cycles: Array = np.maximum.reduce(waits)
        cycles[-1] = max(int((stdp + updates)[-1]), int(last[-1]) + _ADDED)
        return cycles

    def _run(self, rows: Mask, columns: Mask, free: Array) -> int:
        """Of all ticks of an inference."""
        return int(self.ticks(self._counts(rows, columns, free, np.zeros(len(free), bool))).sum())

    def _given(self) -> int:
        """From a command to its first tick."""
        grid = self.grid
        biases = grid.unit_words - grid.bias_word if grid.machine.biases else 0
        return (grid.row_words + biases) * grid.lanes + 3

    def _free_words(self, known: Mask) -> Array:
        """Row words with a unit that is free where these pixels are not, all of them and those among the first."""
        machine, lanes = self.grid.machine, self.grid.lanes
        free = np.concatenate([np.flatnonzero(~known), np.arange(machine.pixels, machine.visible)])
        words = np.unique(free // lanes)
        return np.array([len(words), (words < _EARLY).sum()])

    def _counts(self, rows: Mask, columns: Mask, free: Array, gate: Mask) -> Counts:
        """What a tick's cycles depend on, from what fired."""
        window, lanes = self.grid.machine.window, self.grid.lanes
        ticks = len(rows)
        words = np.zeros((ticks, self.grid.row_words * lanes), bool)
        words[:, : rows.shape[1]] = rows
        fired: Mask = np.asarray(words.reshape(ticks, -1, lanes).any(axis=2))
        opened = np.array(
            [fired[max(0, tick + 1 - window.visible) : tick + 1].any(axis=0).sum() for tick in range(ticks)]
        )
        due = np.zeros(ticks, np.int64)
        due[window.hidden :] = columns.sum(axis=1)[: max(0, ticks - window.hidden)]
        free = free.copy()
        free[-1] = 0
        return Counts(
            rows=rows.sum(axis=1),
            columns=columns.sum(axis=1),
            free=free[:, 0],
            free_early=free[:, 1],
            open=np.where(gate, opened, 0),
            due=np.where(gate, due, 0),
        )
