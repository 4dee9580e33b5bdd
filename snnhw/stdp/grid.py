"""How a learner is laid out in lanes: pixels are rows of synapses, neurons columns.

A choice of the implementation: no number that the learner computes depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnhw.skewed import SkewedGrid
from snnhw.stdp.learner import Learner

__all__ = ["StdpGrid"]


@dataclass(frozen=True)
class StdpGrid(SkewedGrid):
    """A learner in ``lanes`` lanes, a power of two."""

    learner: Learner
    lanes: int

    @property
    def rows(self) -> int:
        """Rows of synapses: pixels."""
        return self.learner.pixels

    @property
    def columns(self) -> int:
        """Columns of synapses: neurons."""
        return self.learner.neurons

    @property
    def neuron_bits(self) -> int:
        """Bits of a neuron's number: those of its lane, below those of its word."""
        return max(1, self.lane_bits + (self.column_words - 1).bit_length())

    @property
    def pixels_in_last_word(self) -> int:
        """Pixels of the last row word; all others are full."""
        return self.rows - (self.row_words - 1) * self.lanes
