"""How a spiking RBM is laid out in lanes: its units in words, its synapses in skewed banks.

A choice of the implementation: no number that the machine computes depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnhw.skewed import SkewedGrid
from snnhw.srbm.machine import Machine


@dataclass(frozen=True)
class Grid(SkewedGrid):
    """A machine in ``lanes`` lanes. Row words come first where both kinds of words are numbered, as unit words."""

    machine: Machine
    lanes: int

    @property
    def rows(self) -> int:
        """Rows of synapses: visible units, then biases."""
        return self.machine.rows

    @property
    def columns(self) -> int:
        """Columns of synapses: hidden units, then biases."""
        return self.machine.columns

    @property
    def pixel_words(self) -> int:
        """Row words that hold a pixel."""
        return self._words(self.machine.pixels)

    @property
    def hidden_words(self) -> int:
        """Column words that hold a hidden unit."""
        return self._words(self.machine.hidden)

    @property
    def unit_words(self) -> int:
        """Row words and column words."""
        return self.row_words + self.column_words

    @property
    def bias_word(self) -> int:
        """The unit word that holds the first hidden bias."""
        return self.row_words + self.machine.hidden // self.lanes

    def drawing(self, word: int) -> int:
        """The units of a unit word that draw noise, in lanes from 0."""
        column_word = word - self.row_words
        units = self.machine.visible - word * self.lanes if column_word < 0 else None
        if units is None:
            units = self.machine.hidden - column_word * self.lanes
        return min(self.lanes, max(0, units))
