"""How a spiking RBM is laid out in lanes: its units in words, its synapses in skewed banks.

A choice of the implementation: no number that the machine computes depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from snnhw.srbm.machine import Machine

MOST_LANES = 32


@dataclass(frozen=True)
class Grid:
    """A machine in ``lanes`` lanes, a power of two.

    Row v is lane v mod lanes of row word v // lanes, column h the same of its column word. Row words come first where
    both are numbered as unit words. Synapse (v, h) stands in bank (v + h) mod lanes, so that the neighbours of a word,
    of a row as of a column, stand in banks of their own. Its address there is that of the block of lanes x lanes
    synapses that it lies in, times lanes, plus v mod lanes.
    """

    machine: Machine
    lanes: int

    def __post_init__(self) -> None:
        if self.lanes not in [1 << power for power in range(MOST_LANES.bit_length())]:
            raise ValueError(f"lanes must be a power of two of at most {MOST_LANES}, not {self.lanes}")

    def _words(self, units: int) -> int:
        return -(-units // self.lanes)

    @property
    def pixel_words(self) -> int:
        """Row words that hold a pixel."""
        return self._words(self.machine.pixels)

    @property
    def row_words(self) -> int:
        """Row words."""
        return self._words(self.machine.rows)

    @property
    def hidden_words(self) -> int:
        """Column words that hold a hidden unit."""
        return self._words(self.machine.hidden)

    @property
    def column_words(self) -> int:
        """Column words."""
        return self._words(self.machine.columns)

    @property
    def unit_words(self) -> int:
        """Row words and column words."""
        return self.row_words + self.column_words

    @property
    def bias_word(self) -> int:
        """The unit word that holds the first hidden bias."""
        return self.row_words + self.machine.hidden // self.lanes

    @property
    def blocks(self) -> int:
        """Blocks of lanes x lanes synapses."""
        return self.row_words * self.column_words

    @property
    def bank_depth(self) -> int:
        """Synapses of a bank, those outside the array included."""
        return self.blocks * self.lanes

    def drawing(self, word: int) -> int:
        """The units of a unit word that draw noise, in lanes from 0."""
        column_word = word - self.row_words
        units = self.machine.visible - word * self.lanes if column_word < 0 else None
        if units is None:
            units = self.machine.hidden - column_word * self.lanes
        return min(self.lanes, max(0, units))
