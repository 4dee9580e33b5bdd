"""Which stage of a circuit a cell or a signal belongs to, by its hierarchical name."""

from __future__ import annotations

from dataclasses import dataclass

from gateware.board import CORE
from snnhw.naming import instances
from snnhw.network import Network
from snnhw.shell import CIRCUIT

__all__ = ["BOARD", "HARNESS", "REST", "SHELL", "Stages"]

REST = "rest"
"""What no name tells: mostly cells that join stages."""
SHELL = "shell"
"""The interface around the network."""
BOARD = "board"
"""Clock and reset around both."""
HARNESS = "harness"
"""What stands in for pins."""


@dataclass(frozen=True)
class Stages:
    """The stages of a circuit, and what is around it.

    yosys names a cell of a flattened circuit after the signal that it drives, whose name tells where it stood.
    ``around`` names what lies outside the circuit's own module (``board``, ``harness``), None where that is the top;
    ``shell`` says whether the circuit of the network is an instance below it.
    """

    names: tuple[str, ...]
    around: str | None = None
    shell: bool = False

    @classmethod
    def of(cls, network: Network, around: str | None = None, shell: bool = False) -> Stages:
        """Those of a network, in the order of its data."""
        return cls(("encoder", *instances(network).values(), "readout"), around, shell)

    @property
    def all(self) -> tuple[str, ...]:
        """Every stage that a name can belong to, in the order of the data, but for a harness."""
        return (BOARD, SHELL, *self.names, REST)

    def stage(self, name: str) -> str:
        """The stage that a name belongs to."""
        return self.block(name).partition(".")[0]

    def block(self, name: str) -> str:
        """The stage and, where the name tells it, the block in it: ``hidden.crossbar``."""
        path = [part for part in name.split(".")[:-1] if part and not part.startswith("$")]
        for index, part in enumerate(path):
            if part in self.names:
                return ".".join(path[index : index + 2])
        if self.around is not None and path[:1] != [CORE]:
            return self.around
        inner = path if self.around is None else path[1:]
        return SHELL if self.shell and inner[:1] != [CIRCUIT] else REST
