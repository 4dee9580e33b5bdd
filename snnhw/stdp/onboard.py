"""A learner by STDP at the end of a line: its commands beside golden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.stdp import Stdp, strengths
from snnhw.commands import Command
from snnhw.host.learning import Fields, Machine, Numbers
from snnhw.labels import UNANSWERED
from snnhw.stdp.commands import Outcome, StdpCommands
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.model import StdpModel
from snnhw.stdp.train import assign

__all__ = ["StdpOnBoard"]

Array = NDArray[Any]


class StdpOnBoard(Machine):
    """The commands of a learner's circuit, and golden, which starts where the circuit does and learns what it learns.

    ``amplitude`` is that of changes, a power of two up to 64. ``supervised``: it learns with labels. ``untrained``: the
    classes of neurons are not known, and follow from the images that were learned. Raises ValueError for an amplitude
    that is none.
    """

    def __init__(
        self, golden: Stdp, lanes: int, amplitude: int, *, supervised: bool = False, untrained: bool = False
    ) -> None:
        strengths(golden.learner, 0, amplitude)  # refuses an amplitude that is none before anything else happens
        self.golden = golden
        self.amplitude = amplitude
        self.supervised = supervised
        self.untrained = untrained
        self.commands = StdpCommands(StdpGrid(golden.learner, lanes))
        self._reads_out = bool(golden.readout.any())
        self._register = golden.register
        self._dumped: dict[str, Array] = {}

    def load(self) -> list[Command]:
        """See `Machine`."""
        golden = self.golden
        return [
            self.commands.load_weights(golden.weight, golden.register),
            self.commands.load_neurons(golden.threshold, golden.assigned, golden.readout),
        ]

    def infer(self, image: Array) -> Command:
        """See `Machine`."""
        return self.commands.infer(image)

    def learn(self, image: Array, label: int) -> Command:
        """See `Machine`."""
        if self.supervised:
            return self.commands.teach(image, label, self.amplitude)
        return self.commands.train(image, self.amplitude)

    def dump(self) -> list[Command]:
        """See `Machine`."""
        return [self.commands.dump_weights(), self.commands.dump_neurons()]

    def result(self, fields: Fields) -> Numbers:
        """See `Machine`."""
        result = vars(Outcome.of(fields["result"]))
        self._register = result["register"]
        return result

    def inferred(self, image: Array) -> Numbers:
        """See `Machine`."""
        fired = self.golden.infer(image)
        answer, scores = self.golden.score(fired)
        return {**self._first(fired), "answer": answer, "scores": scores}

    def learned(self, image: Array, label: int) -> Numbers:
        """See `Machine`."""
        if self.supervised:
            found = self.golden.teach(image, label, self.amplitude)
        else:
            found = self.golden.train(image, self.amplitude)
        return self._first([] if found is None else [found])

    def kept(self) -> dict[str, Array]:
        """See `Machine`."""
        golden = self.golden
        return {
            "weights": golden.weight,
            "thresholds": golden.threshold,
            "classes": golden.assigned,
            "readout": golden.readout,
        }

    def dumped(self, fields: Sequence[Fields]) -> dict[str, Array]:
        """See `Machine`."""
        weights, neurons = fields
        kept = self.commands.neurons(neurons["neurons_out"])
        self._dumped = {
            "weights": self.commands.weights(weights["weights_out"]),
            "thresholds": kept["threshold"],
            "classes": kept["assigned"],
            "readout": kept["readout"],
        }
        return self._dumped

    def answer(self, result: Numbers) -> int:
        """See `Machine`: by the readout where it has learned, else the class of the first spike's neuron."""
        if self._reads_out:
            return int(result["answer"])
        return int(result["assigned"]) if result["fired"] else UNANSWERED

    def relearns(self) -> bool:
        """See `Machine`."""
        return self.untrained

    def name_classes(self, results: Sequence[Numbers], labels: Array) -> list[Command]:
        """See `Machine`."""
        first = [[[result["winner"] if result["fired"] else UNANSWERED, result["step"]]] for result in results]
        learner = self.golden.learner
        found = assign(np.array(first, np.int32), labels.astype(np.int64), learner.neurons, learner.classes)
        self.golden.assigned = found.astype(np.int64)
        self._dumped["classes"] = self.golden.assigned
        kept = self._dumped
        return [self.commands.load_neurons(kept["thresholds"], kept["classes"], kept["readout"])]

    def model(self, provenance: Mapping[str, Any]) -> StdpModel:
        """What the circuit has learned, as it was read out of it."""
        dumped = self._dumped
        return StdpModel(
            self.golden.learner,
            dumped["weights"].astype(np.uint8),
            dumped["thresholds"].astype(np.uint32),
            dumped["readout"].astype(np.int16),
            dumped["classes"].astype(np.uint8),
            register=self._register,
            provenance=provenance,
        )

    def _first(self, fired: list[tuple[int, int]]) -> dict[str, Any]:
        """What the result says of spikes, and the register."""
        winner, step = fired[0] if fired else (0, 0)
        assigned = int(self.golden.assigned[winner]) if fired else 0
        first = {"fired": len(fired), "winner": winner, "step": step, "assigned": assigned}
        return {**first, "register": self.golden.register}
