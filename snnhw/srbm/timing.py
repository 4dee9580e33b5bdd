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

_REPORTED = Units.LATENCY + 1
"""Cycles from the start of a tick to the report of its first word."""
_ADDED = DifferentialArray.LATENCY + 1
"""Cycles from a request to the one in which a next tick may begin."""


@dataclass(frozen=True)
class Counts:
    """What the cycles of T ticks depend on, each [T]."""

    rows: Array
    """Rows that fired."""
    columns: Array
    """Columns that fired."""
    free: Array
    """Row words with a unit that will be free in the next tick."""
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
        counts = self._counts(rows, columns, np.where(clamped_next, 0, self._free_words(known)), gate)
        refreshed = machine.synapse.refresh_rows * grid.column_words
        refreshing = refreshed + _ADDED if refreshed else 1
        return self._given() + int(self.ticks(counts).sum()) + refreshing + 1

    def infer(self, rows: Mask, columns: Mask) -> int:
        """Of an inference."""
        machine = self.grid.machine
        free = np.full(machine.inference_ticks, self._free_words(np.ones(machine.pixels, bool)))
        return self._given() + self._run(rows, columns, free) + machine.classes + 2

    def regenerate(self, rows: Mask, columns: Mask, known: Mask) -> int:
        """Of a regeneration with these pixels known."""
        machine = self.grid.machine
        free = np.full(machine.inference_ticks, self._free_words(known))
        ended = max(2 * self.grid.pixel_words + 2, machine.classes + 1)
        return self._given() + self._run(rows, columns, free) + ended + 1

    def load(self) -> int:
        """Of a load."""
        return self.grid.machine.rows * self.grid.machine.columns + _ADDED + 1

    def ticks(self, counts: Counts) -> Array:
        """Of each tick, [T]."""
        grid = self.grid
        lif = grid.row_words + _REPORTED + 1 + grid.hidden_words * np.maximum(counts.rows, 1)
        blif = np.maximum(lif + 1, grid.unit_words + _REPORTED)
        asked = counts.free * np.maximum(counts.columns, 1)
        stdp = np.where(asked > 0, blif + asked + 2, blif + 1)
        updated = counts.open * counts.due
        last = np.where(updated > 0, stdp + 1 + updated, np.where(asked > 0, blif + 1 + asked, lif))
        cycles: Array = np.maximum(last + _ADDED, stdp + 1)
        return cycles

    def _run(self, rows: Mask, columns: Mask, free: Array) -> int:
        """Of all ticks of an inference."""
        return int(self.ticks(self._counts(rows, columns, free, np.zeros(len(free), bool))).sum())

    def _given(self) -> int:
        """From a command to its first tick."""
        grid = self.grid
        biases = grid.unit_words - grid.bias_word if grid.machine.biases else 0
        return (grid.row_words + biases) * grid.lanes + 3

    def _free_words(self, known: Mask) -> int:
        """Row words with a unit that is free where these pixels are not."""
        machine, lanes = self.grid.machine, self.grid.lanes
        free = np.concatenate([np.flatnonzero(~known), np.arange(machine.pixels, machine.visible)])
        return len(np.unique(free // lanes))

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
            free=free,
            open=np.where(gate, opened, 0),
            due=np.where(gate, due, 0),
        )
