"""Commands of a machine's circuit, and what it gives, as numbers: the same over a simulation's streams and a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateware.srbm import Kind
from snnhw.commands import Command
from snnhw.srbm.grid import Grid

__all__ = ["Outcome", "SrbmCommands"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Outcome:
    """The result of a command."""

    classified: int
    scores: Array
    walk: int
    refresh: int

    @classmethod
    def of(cls, fields: Mapping[str, Array]) -> Outcome:
        """The result in the first beat of stream ``result``, of which ``fields`` are [n, count]."""
        saved = {name: int(fields[name][0, 0]) for name in ("walk", "refresh")}
        return cls(classified=int(fields["class"][0, 0]), scores=fields["scores"][0].astype(np.int64), **saved)


class SrbmCommands:
    """Makes the commands of a machine in lanes, and reads what they give."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.machine = grid.machine
        self._beats = -(-self.machine.pixels // grid.lanes)

    def load(self, gp: Array, gm: Array | None, walk: int | None = None, refresh: int = 0) -> Command:
        """Write every level, and what goes on from one training image to the next; ``gm`` only where there is one."""
        levels = {"gp": gp} if gm is None or not self.machine.synapse.paired else {"gp": gp, "gm": gm}
        sends = {"levels_in": {name: values.reshape(-1) for name, values in levels.items()}}
        asked = {"walk": self.machine.seed if walk is None else walk, "refresh": refresh}
        return Command.of(Kind.LOAD, asked, sends=sends)

    def train(self, bits: Array, label: int, step: int, hold: bool = False) -> Command:
        """Learn an image [pixels] of a class."""
        asked = {"label": label, "step": step, "hold": int(hold)}
        return Command.of(Kind.TRAIN, asked, sends=self._picture(bits))

    def infer(self, bits: Array) -> Command:
        """Class and scores of an image."""
        return Command.of(Kind.INFER, sends=self._picture(bits))

    def regenerate(self, bits: Array, known: Array) -> Command:
        """Class and scores of an image of which some pixels are known, and what the others may be."""
        gives = {"image": self._beats, "result": 1}
        return Command.of(Kind.REGENERATE, sends=self._picture(bits, known), gives=gives)

    def dump(self) -> Command:
        """Read every level."""
        return Command.of(Kind.DUMP, gives={"levels_out": self.machine.rows * self.machine.columns})

    def levels(self, fields: Mapping[str, Array]) -> dict[str, Array]:
        """Every level by device that a dump gave, [rows, columns]; in one row where they are not all."""
        shape = (self.machine.rows, self.machine.columns)
        whole = all(levels.size == shape[0] * shape[1] for levels in fields.values())
        return {name: levels.reshape(shape) if whole else levels for name, levels in fields.items()}

    def image(self, fields: Mapping[str, Array]) -> Array:
        """The image [pixels] that a regeneration gave."""
        lanes = np.arange(self.grid.lanes)
        return (fields["on"] >> lanes & 1).reshape(-1)[: self.machine.pixels].astype(np.uint8)

    def _picture(self, bits: Array, known: Array | None = None) -> dict[str, dict[str, Array]]:
        fields = {}
        for name, values in (("on", bits), ("known", np.zeros_like(bits) if known is None else known)):
            padded = np.zeros((self._beats, self.grid.lanes), np.uint64)
            padded.reshape(-1)[: self.machine.pixels] = values
            fields[name] = (padded << np.arange(self.grid.lanes, dtype=np.uint64)).sum(axis=1)
        return {"pixels": fields}
