"""A synapse array in lanes: rows and columns in words, synapses in skewed banks.

A choice of the implementation: no number that a circuit computes depends on it.
"""

from __future__ import annotations

__all__ = ["MOST_LANES", "SkewedGrid"]

MOST_LANES = 32


class SkewedGrid:
    """The base of grids of ``rows`` x ``columns`` synapses in ``lanes`` lanes, a power of two, else ValueError.

    Row v is lane v mod lanes of row word v // lanes, column h the same of its column word. Synapse (v, h) stands in
    bank (v + h) mod lanes, so that the neighbours of a word, of a row as of a column, stand in banks of their own. Its
    address there is that of the block of lanes x lanes synapses that it lies in, times lanes, plus v mod lanes.
    """

    lanes: int

    def __post_init__(self) -> None:
        if self.lanes not in [1 << power for power in range(MOST_LANES.bit_length())]:
            raise ValueError(f"lanes must be a power of two of at most {MOST_LANES}, not {self.lanes}")

    @property
    def rows(self) -> int:
        """Rows of synapses."""
        raise NotImplementedError

    @property
    def columns(self) -> int:
        """Columns of synapses."""
        raise NotImplementedError

    @property
    def row_words(self) -> int:
        """Row words."""
        return self._words(self.rows)

    @property
    def column_words(self) -> int:
        """Column words."""
        return self._words(self.columns)

    @property
    def lane_bits(self) -> int:
        """Bits that number the lanes; 0 of a single one."""
        return self.lanes.bit_length() - 1

    @property
    def blocks(self) -> int:
        """Blocks of lanes x lanes synapses."""
        return self.row_words * self.column_words

    @property
    def bank_depth(self) -> int:
        """Synapses of a bank, those outside the array included."""
        return self.blocks * self.lanes

    def _words(self, units: int) -> int:
        return -(-units // self.lanes)
