"""How a learner is laid out in lanes: pixels are rows of synapses, neurons columns.

A choice of the implementation: no number that the learner computes depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from snnhw.skewed import SkewedGrid
from snnhw.stdp.learner import Learner

__all__ = ["SINGLE_PORT_BITS", "SINGLE_PORT_DEPTH", "StdpGrid", "WeightMemory"]

WeightMemory = Literal["bram", "spram"]
"""What weights stand in: block RAM, or the single-port RAM of iCE40UP5K."""

SINGLE_PORT_BITS, SINGLE_PORT_DEPTH = 4, 1 << 16
"""Of a single-port RAM, which is written in nibbles."""


@dataclass(frozen=True)
class StdpGrid(SkewedGrid):
    """A learner in ``lanes`` lanes, a power of two.

    In single-port RAM each bank has two halves, of even and of odd row words: an update of a neuron's synapses reads
    one while it writes the other. Raises ValueError where weights of so many bits, or so many of them, have no room.
    """

    learner: Learner
    lanes: int
    memory: WeightMemory = "bram"

    def __post_init__(self) -> None:
        super().__post_init__()
        bits = self.learner.weight_bits
        if self.memory == "spram" and (bits > SINGLE_PORT_BITS or self.bank_depth > SINGLE_PORT_DEPTH):
            raise ValueError(
                f"weights in spram have at most {SINGLE_PORT_BITS} bits and {SINGLE_PORT_DEPTH} places in half a bank, "
                f"not {bits} and {self.bank_depth}: take more lanes, or leave spram out"
            )

    @property
    def bank_depth(self) -> int:
        """Synapses of a bank, or of half a bank where it has two."""
        rows = self.row_words if self.memory == "bram" else -(-self.row_words // 2)
        return rows * self.column_words * self.lanes

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
