"""Several neurons that learn one image, for an experiment: the circuit and the compiled golden know one alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.stdp import Stdp, Trace, check_amplitude, spike_steps
from snnhw.stdp.evaluate import compiled, golden
from snnhw.stdp.model import StdpModel
from snnhw.stdp.train import Portion, StdpPlan, StdpRun

__all__ = ["SeveralRun", "SeveralStdp"]


UNFIRED = (-1, -1)
"""Winner and step where nothing fired."""


class SeveralStdp(Stdp):
    """The plain golden learner, of which the first ``winners`` neurons to fire learn an image."""

    def __init__(self, winners: int, learned: Stdp) -> None:
        kept = (learned.weight, learned.threshold, learned.readout)
        super().__init__(learned.learner, *kept, register=learned.register, assigned=learned.assigned)
        self.winners = winners

    def train(self, image: NDArray[Any], amplitude: int, *, trace: Trace | None = None) -> tuple[int, int] | None:
        """Learn an image as one winner does, by each of the neurons in their order: the first of them and its step.

        Membranes and thresholds are those before the image until all have fired.
        """
        check_amplitude(amplitude)
        steps = spike_steps(self._pixels(image), self.learner.num_steps)
        fired = self._fired(steps, trace)
        for winner, step in fired:
            self.threshold = np.maximum(self.threshold - self.learner.fall, 0)
            self._move(winner, self.learner.rise)
            self._learn(winner, step, steps, amplitude)
        return fired[0] if fired else None

    def _fired(self, steps: NDArray[np.int64], trace: Trace | None) -> list[tuple[int, int]]:
        """The neurons that fire first, in order, each with its step; where firing is forced, one at least."""
        fired, membrane = list[tuple[int, int]](), np.zeros(self.learner.neurons, np.int64)
        waiting = np.ones(self.learner.neurons, bool)
        for t in range(self.learner.num_steps):
            membrane, excess = self._integrate(membrane, steps == t, trace)
            above = waiting & (excess >= 0)
            if self.learner.forced and t == self.learner.num_steps - 1 and not fired and not above.any():
                above[excess.argmax()] = True
            order = np.argsort(-excess, kind="stable")
            for neuron in order[above[order]]:
                fired.append((int(neuron), t))
                waiting[neuron] = False
                if len(fired) == self.winners:
                    return fired
        return fired


class SeveralRun(StdpRun):
    """A training whose learning without labels has so many winners of an image."""

    def __init__(
        self, plan: StdpPlan, winners: int, on_progress: Callable[[int, int, str], None] | None = None
    ) -> None:
        super().__init__(plan, on_progress)
        self.winners = winners

    def _train(self, portion: Portion) -> NDArray[np.int32]:
        if portion.stage != "learn":
            return super()._train(portion)
        learner = golden(StdpModel.of(self.learner))
        several = SeveralStdp(self.winners, learner)
        found = [several.train(image, portion.strength) or UNFIRED for image in self.images[self.shown(portion)]]
        self.learner = compiled(StdpModel.of(several))
        return np.array(found, np.int32)
