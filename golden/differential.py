"""The synapse array: rows and columns joined by conductances. Twin of ``gateware/differential.py``.

A 6T2R synapse is a pair of phase-change devices whose difference is the weight, W = Gp - Gm, so that learning can do
with SET, which is gradual, in both directions (Ishii et al., IEDM 2019; the 2T1R array, one device that is read by
rows alone, is that of Kim et al., IEDM 2015). What a cell and an update do is in
:class:`snnhw.srbm.machine.Synapse`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.srbm.machine import Synapse

Array = NDArray[np.int64]
Which = Any
"""Rows or columns: indices, or a mask of booleans."""


class DifferentialArray:
    """The levels ``gp`` and ``gm`` [rows, columns], and the modes that read and change them, in any order.

    With one device a synapse its level is ``gp``, and ``gm`` is the reference everywhere, for ever.
    """

    def __init__(self, synapse: Synapse, gp: NDArray[Any], gm: NDArray[Any] | None = None) -> None:
        self.synapse = synapse
        self.shape = np.shape(gp)
        self.load(gp, gm)

    def load(self, gp: NDArray[Any], gm: NDArray[Any] | None = None) -> None:
        """Write every level; ``gm`` is left out where a synapse has one device."""
        if gm is None and self.synapse.paired:
            raise ValueError(f"a {self.synapse.cell} synapse has two devices: gm is missing")
        reference = np.full(self.shape, self.synapse.reference, np.int64)
        self.gp = self._checked("gp", gp)
        self.gm = reference if gm is None else self._checked("gm", gm)
        if not self.synapse.paired and not np.array_equal(self.gm, reference):
            raise ValueError(f"a {self.synapse.cell} synapse has one device: gm must be {self.synapse.reference}")

    def read(self) -> tuple[Array, Array]:
        """A copy of every level: gp and gm."""
        return self.gp.copy(), self.gm.copy()

    @property
    def weight(self) -> Array:
        """W [rows, columns]."""
        return self.gp - self.gm

    def lif(self, rows: Which) -> Array:
        """The current into each column [columns] when ``rows`` fire: the sum of their weights."""
        current: Array = self.gp[rows].sum(axis=0) - self.gm[rows].sum(axis=0)
        return current

    def blif(self, columns: Which) -> Array:
        """The current into each row [rows] when ``columns`` fire: the sum of their weights."""
        if self.synapse.cell == "2T1R":
            raise ValueError("a 2T1R array has no BLIF: it is read by rows alone")
        current: Array = self.gp[:, columns].sum(axis=1) - self.gm[:, columns].sum(axis=1)
        return current

    def stdp(self, column: int, open_rows: Which, gate: int, step: int) -> None:
        """Update the synapses of a column whose pulse meets those of the rows: up for ``gate`` 1, down for -1."""
        top, update = self.synapse.levels.hi, self.synapse.update
        if not self.synapse.paired:
            level = self.gp[open_rows, column]
            lower = np.maximum(level - step, 0) if update == "gradual" else 0
            self.gp[open_rows, column] = np.minimum(level + step, top) if gate > 0 else lower
            return
        grows, shrinks = (self.gp, self.gm) if gate > 0 else (self.gm, self.gp)
        grows[open_rows, column] = np.minimum(grows[open_rows, column] + step, top)
        if update == "gradual":
            shrinks[open_rows, column] = np.maximum(shrinks[open_rows, column] - step, 0)
        elif update == "abrupt":
            shrinks[open_rows, column] = 0

    def refresh(self, row: int) -> None:
        """Give a row's pairs their range back: weight, less decay, in one device and 0 in the other."""
        if not self.synapse.paired:
            raise ValueError(f"a {self.synapse.cell} synapse has nothing to refresh")
        decay = self.synapse.decay_shift
        gp, gm = self.gp[row], self.gm[row]
        weight = gp - gm
        if decay:
            weight = weight - np.sign(weight) * (np.abs(weight) >> decay)
        full = np.maximum(gp, gm) >= self.synapse.refresh_level
        rewritten = full | (decay > 0)
        self.gp[row] = np.where(rewritten, np.maximum(weight, 0), gp)
        self.gm[row] = np.where(rewritten, np.maximum(-weight, 0), gm)

    def _checked(self, name: str, levels: NDArray[Any]) -> Array:
        """A copy of levels of the array's shape and within their range."""
        levels, top = np.asarray(levels), self.synapse.levels.hi
        if levels.shape != self.shape or levels.dtype.kind not in "iu":
            raise ValueError(f"{name} must be integers {list(self.shape)}, not {levels.dtype} {list(levels.shape)}")
        if levels.size and (levels.min() < 0 or levels.max() > top):
            raise ValueError(f"{name} must lie in 0..{top}, not {levels.min()}..{levels.max()}")
        return levels.astype(np.int64)
