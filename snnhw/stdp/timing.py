"""The cycles of a learner's commands, predicted exactly from what golden did.

Counted from the command's transfer to that of its result, with sources that never stall and sinks that are ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateware.association import Association
from gateware.competition import pass_latency
from gateware.plasticity import ColumnUpdate
from gateware.synapses import WeightArray
from snnhw.stdp.grid import StdpGrid

__all__ = ["Timing"]

Array = NDArray[Any]

_LISTED = 2
"""Cycles from the start of a step to its first request."""
_ADDED = WeightArray.LATENCY + 1
"""Cycles from the last request of a word to its currents."""
_WRITTEN = ColumnUpdate.WRITES + WeightArray.WRITTEN
"""Cycles from the request of a word of synapses to the one in which it has changed."""


@dataclass(frozen=True)
class Timing:
    """The cycles of a learner's commands in its lanes. ``steps`` [pixels] are those of ``golden.stdp.spike_steps``."""

    grid: StdpGrid

    @property
    def _passes(self) -> int:
        """From the walk over all neurons to the end of the pass."""
        return self.grid.column_words + pass_latency(self.grid)

    def train(self, steps: Array, fired: tuple[int, int] | None) -> int:
        """Of a training image, of which this neuron fired at this step."""
        updates = 0 if fired is None else 1
        return self._compete(steps, fired) + updates * self._update() + 1

    def teach(self, steps: Array, fired: tuple[int, int] | None, updates: int) -> int:
        """Of an image with its class, for which so many neurons learned or unlearned, none to two."""
        searches = 0 if fired is None else self._passes
        return self._compete(steps, fired) + searches + updates * self._update() + 1

    def infer(self, steps: Array, fired: Sequence[tuple[int, int]], learned: bool = False) -> int:
        """Of an inference with these spikes, neuron and step of each, after which the readout ``learned`` or not."""
        learner = self.grid.learner
        whole = len(fired) == learner.spikes
        ran = fired[-1][1] + 1 if whole else learner.num_steps
        picks = len(fired) - whole
        walk = learner.spikes + Association.LATENCY
        scores = walk + learner.classes + 1
        return self._steps(steps, ran) + picks * self._passes + scores + (walk if learned else 1) + 2

    def load_weights(self) -> int:
        """Of a load of all weights."""
        return self.grid.rows * self.grid.column_words + 2

    def load_neurons(self) -> int:
        """Of a load of what neurons keep."""
        return self.grid.columns + 2

    def floor(self, steps: Array, ran: int, updates: int) -> int:
        """The words of synapses that an image needs whose last step but ``ran`` - 1 decides."""
        return self.grid.column_words * int((steps < ran).sum()) + self.grid.row_words * updates

    def _compete(self, steps: Array, fired: tuple[int, int] | None) -> int:
        """From a command to the end of the step in which a neuron fires."""
        return self._steps(steps, self.grid.learner.num_steps if fired is None else fired[1] + 1)

    def _steps(self, steps: Array, ran: int) -> int:
        """From a command to the end of its last pass with currents, of ``ran`` steps."""
        learner, grid = self.grid.learner, self.grid
        spikes = np.maximum(1, np.bincount(steps, minlength=ran)[:ran])
        step = _LISTED - 1 + _ADDED + pass_latency(grid)
        padded = np.full(grid.row_words * grid.lanes, learner.num_steps)
        padded[: grid.rows] = steps
        distinct = [len(np.unique(word[word < learner.num_steps])) for word in padded.reshape(-1, grid.lanes)]
        intake = sum(max(1, count) for count in distinct[:-1]) + distinct[-1] + 2
        return intake + grid.column_words * int(spikes.sum()) + ran * (step + 1)

    def _update(self) -> int:
        """From a neuron's choice until its synapses and all thresholds have changed."""
        return 1 + max(self.grid.row_words + _WRITTEN, self._passes + 1)
