"""Commands of a learner's circuit, and what it gives, as numbers: the same over a simulation's streams and a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateware.stdp import Kind
from snnhw.commands import Command
from snnhw.stdp.grid import StdpGrid

__all__ = ["Outcome", "StdpCommands"]

Array = NDArray[Any]

_RESULT = {"class": "answer", "fired": "fired", "winner": "winner", "assigned": "assigned", "step": "step"}
"""What the result's fields are called in `Outcome`."""


@dataclass(frozen=True)
class Outcome:
    """The result of a command."""

    answer: int
    """The readout's class."""
    scores: Array
    fired: int
    winner: int
    """The first neuron to fire; 0, as what follows, where none has."""
    assigned: int
    """The winner's class."""
    step: int
    """In which it fired."""
    register: int

    @classmethod
    def of(cls, fields: Mapping[str, Array]) -> Outcome:
        """The result in the first beat of stream ``result``, of which ``fields`` are [n, count]."""
        named = {name: int(fields[field][0, 0]) for field, name in _RESULT.items()}
        return cls(scores=fields["scores"][0].astype(np.int64), register=int(fields["register"][0, 0]), **named)


class StdpCommands:
    """Makes the commands of a learner in lanes, and reads what they give."""

    def __init__(self, grid: StdpGrid) -> None:
        self.grid = grid

    def load_weights(self, weight: Array, register: int) -> Command:
        """Write the weights [pixels, neurons], and the random register."""
        words = self._padded(weight, self.grid.column_words).reshape(-1, self.grid.lanes)
        return Command.of(Kind.LOAD_WEIGHTS, {"register": register}, sends={"weights_in": {"weight": words}})

    def load_neurons(self, threshold: Array, assigned: Array, readout: Array) -> Command:
        """Write thresholds, the neurons' classes and the readout [neurons, classes]."""
        neurons = {"threshold": threshold, "class": assigned, "readout": readout}
        return Command.of(Kind.LOAD_NEURONS, sends={"neurons_in": neurons})

    def train(self, image: Array, amplitude: int) -> Command:
        """Learn an image [pixels]; the amplitude is a power of two."""
        return self._of_image(Kind.TRAIN, image, amplitude=amplitude.bit_length() - 1)

    def teach(self, image: Array, label: int, amplitude: int) -> Command:
        """Learn an image with its class."""
        return self._of_image(Kind.TEACH, image, label=label, amplitude=amplitude.bit_length() - 1)

    def infer(self, image: Array) -> Command:
        """Spikes, class and scores of an image."""
        return self._of_image(Kind.INFER, image)

    def train_readout(self, image: Array, label: int, rate: int) -> Command:
        """The same, and let the readout learn; the rate is a power of two up to 8."""
        return self._of_image(Kind.TRAIN_READOUT, image, label=label, rate=rate.bit_length() - 1)

    def dump_weights(self) -> Command:
        """Read the weights."""
        return Command.of(Kind.DUMP_WEIGHTS, gives={"weights_out": self.grid.rows * self.grid.column_words})

    def dump_neurons(self) -> Command:
        """Read what neurons keep."""
        return Command.of(Kind.DUMP_NEURONS, gives={"neurons_out": self.grid.columns})

    def weights(self, fields: Mapping[str, Array]) -> Array:
        """The weights [pixels, neurons] that a dump gave; in one row where they are not all."""
        words = fields["weight"]
        if len(words) != self.grid.rows * self.grid.column_words:
            return words.reshape(-1)
        return words.reshape(self.grid.rows, -1)[:, : self.grid.columns]

    def neurons(self, fields: Mapping[str, Array]) -> dict[str, Array]:
        """What neurons keep that a dump gave, under the names of `load_neurons`."""
        return {
            "threshold": fields["threshold"][:, 0],
            "assigned": fields["class"][:, 0],
            "readout": fields["readout"],
        }

    def _of_image(self, kind: Any, image: Array, **asked: int) -> Command:
        pixels = self._padded(image, self.grid.row_words).reshape(-1, self.grid.lanes)
        return Command.of(kind, asked, sends={"pixels": {"pixels": pixels}})

    def _padded(self, numbers: Array, words: int) -> Array:
        """Numbers [..., n] filled up to so many whole words."""
        padded = np.zeros((*numbers.shape[:-1], words * self.grid.lanes), np.int64)
        padded[..., : numbers.shape[-1]] = numbers
        return padded
