"""A spiking RBM at the end of a line: its commands beside golden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.srbm import Srbm
from snnhw.commands import Command
from snnhw.host.learning import Fields, Machine, Numbers
from snnhw.srbm.commands import Outcome, SrbmCommands
from snnhw.srbm.grid import Grid
from snnhw.srbm.model import SrbmModel

__all__ = ["SrbmOnBoard"]

Array = NDArray[Any]


class SrbmOnBoard(Machine):
    """The commands of a machine's circuit, and golden, which starts where the circuit does and learns what it learns.

    ``step``: by how many levels synapses change.
    """

    def __init__(self, model: SrbmModel, lanes: int, step: int) -> None:
        self.begun = model
        self.golden = Srbm(model.machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)
        self.step = step
        self.commands = SrbmCommands(Grid(model.machine, lanes))
        self._saved = {"walk": self.golden.walk, "refresh": self.golden.refresh}
        self._dumped: dict[str, Array] = {}

    def load(self) -> list[Command]:
        """See `Machine`."""
        return [self.commands.load(self.golden.gp, self.golden.gm, self.golden.walk, self.golden.refresh)]

    def infer(self, image: Array) -> Command:
        """See `Machine`."""
        return self.commands.infer(image)

    def learn(self, image: Array, label: int) -> Command:
        """See `Machine`; it learns with labels."""
        return self.commands.train(image, label, self.step)

    def dump(self) -> list[Command]:
        """See `Machine`."""
        return [self.commands.dump()]

    def result(self, fields: Fields) -> Numbers:
        """See `Machine`."""
        result = vars(Outcome.of(fields["result"]))
        self._saved = {name: result[name] for name in self._saved}
        return result

    def inferred(self, image: Array) -> Numbers:
        """See `Machine`."""
        classified, scores = self.golden.infer(image)
        return {"classified": classified, "scores": scores, **self._goes_on()}

    def learned(self, image: Array, label: int) -> Numbers:
        """See `Machine`."""
        self.golden.train(image, label, self.step, False)
        return {"classified": 0, "scores": np.zeros(self.golden.machine.classes, np.int64), **self._goes_on()}

    def kept(self) -> dict[str, Array]:
        """See `Machine`."""
        names = ("gp", "gm") if self.golden.machine.synapse.paired else ("gp",)
        return {name: np.asarray(getattr(self.golden, name)) for name in names}

    def dumped(self, fields: Sequence[Fields]) -> dict[str, Array]:
        """See `Machine`."""
        self._dumped = self.commands.levels(fields[0]["levels_out"])
        return self._dumped

    def answer(self, result: Numbers) -> int:
        """See `Machine`."""
        return int(result["classified"])

    def relearns(self) -> bool:
        """See `Machine`: label units tell classes."""
        return False

    def name_classes(self, results: Sequence[Numbers], labels: Array) -> list[Command]:
        """See `Machine`."""
        return []

    def model(self, provenance: Mapping[str, Any]) -> SrbmModel:
        """What the circuit has learned, as it was read out of it."""
        machine, pixels, dumped = self.begun.machine, self.begun.pixels, self._dumped
        return SrbmModel(machine, dumped["gp"], dumped.get("gm"), **self._saved, pixels=pixels, provenance=provenance)

    def _goes_on(self) -> dict[str, int]:
        return {"walk": self.golden.walk, "refresh": self.golden.refresh}
