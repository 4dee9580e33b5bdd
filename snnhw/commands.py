"""A command for a circuit that does one after the other: what goes to its streams, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.interface import CommandInterface

__all__ = ["Command"]

Fields = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Command:
    """A command by its ``name``, and the payloads of other streams that it takes, by their fields.

    ``asked`` are fields of stream ``command``, the others of which are 0. ``gives`` has the number of beats of each
    stream that the circuit sends; the command is done when they have come.
    """

    name: str
    asked: Mapping[str, int]
    gives: Mapping[str, int]
    sends: Mapping[str, Fields]

    @classmethod
    def of(
        cls,
        kind: Any,
        asked: Mapping[str, int] | None = None,
        *,
        sends: Mapping[str, Fields] | None = None,
        gives: Mapping[str, int] | None = None,
    ) -> Command:
        """The command of a kind, a member of an enumeration; one that gives nothing else gives a result."""
        return cls(kind.name, {"kind": kind.value, **(asked or {})}, gives or {"result": 1}, sends or {})

    def inputs(self, interface: CommandInterface) -> dict[str, Fields]:
        """All that goes to the circuit's streams, the command first: nothing else is taken before it."""
        named = dict.fromkeys((member.name for member in interface.stream("command").fields), 0) | dict(self.asked)
        return {"command": {name: np.array([value]) for name, value in named.items()}, **self.sends}
