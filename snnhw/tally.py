"""What was compared of a circuit of commands with golden, value by value, and the first difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.verdict import Spread

__all__ = ["Divergence", "Tally"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Divergence:
    """The first value that differs."""

    command: str
    """Such as "train 3", from 0."""
    moment: str | None
    """Such as "tick 5"; None for what is of no moment."""
    field: str
    unit: int | tuple[int, ...]
    golden: int
    circuit: int | None
    """None where the circuit showed nothing."""

    def __str__(self) -> str:
        when = "" if self.moment is None else f", {self.moment}"
        shown = "nothing" if self.circuit is None else self.circuit
        return f"{self.command}{when}, {self.field} {self.unit}: golden {self.golden}, circuit {shown}"


class Tally:
    """Counts of values by kind, mismatches, the first divergence, problems, and cycles beside their prediction.

    ``kinds`` are those of values, "results" among them, ``commands`` those whose cycles are kept, ``moments`` what time
    is counted in, such as "tick".
    """

    def __init__(self, kinds: Iterable[str], commands: Iterable[str], moments: str) -> None:
        self.counts = dict.fromkeys(kinds, 0)
        self.cycles: dict[str, list[int]] = {name: [] for name in commands}
        self.mismatches = 0
        self.divergence: Divergence | None = None
        self.problems: list[str] = []
        self.unlike = 0
        """Commands whose cycles are not as predicted."""
        self.moments = moments

    def compare(self, kind: str, command: str, what: str, golden: Array, circuit: Array) -> None:
        """Compare values of one kind that are of no moment."""
        self.counts[kind] += golden.size
        if circuit.shape != golden.shape:
            self._differs(golden.size, Divergence(command, None, what, 0, int(golden.size), None))
            return
        places = np.argwhere(golden != circuit)
        if len(places):
            first = tuple(map(int, places[0]))
            unit = first[0] if len(first) == 1 else first
            found = Divergence(command, None, what, unit, int(golden[first]), int(circuit[first]))
            self._differs(len(places), found)

    def compare_moments(self, command: str, fields: Iterable[tuple[str, str, Array, Array]]) -> None:
        """Compare what every moment did: kind and name of each field, golden's values and the circuit's, [T, units].

        The first difference is that of the first moment with any.
        """
        candidates: list[tuple[tuple[int, int], Divergence]] = []
        mismatches = 0
        for order, (kind, name, expected, shown) in enumerate(fields):
            self.counts[kind] += expected.size
            whole = min(len(shown), len(expected))
            places = np.argwhere(expected[:whole] != shown[:whole])
            mismatches += len(places) + (len(expected) - whole) * expected.shape[1]
            if len(places):
                moment, unit = map(int, places[0])
                values = int(expected[moment, unit]), int(shown[moment, unit])
                candidates.append(((moment, order), Divergence(command, self._at(moment), name, unit, *values)))
            elif whole < len(expected):
                missing = Divergence(command, self._at(whole), name, 0, int(expected[whole, 0]), None)
                candidates.append(((whole, order), missing))
        if candidates:
            self._differs(mismatches, min(candidates, key=lambda candidate: candidate[0])[1])

    def compare_done(self, command: str, done: Any, expected: Mapping[str, Any]) -> None:
        """Compare a command's result: fields of what the simulation says of it, which says as ``stuck`` if it is."""
        if done.stuck is not None:
            self.problems.append(f"{command}: {done.stuck}")
        for name, value in expected.items():
            shown = getattr(done, name)
            self.compare("results", command, name, np.atleast_1d(value), np.atleast_1d([] if shown is None else shown))

    def count_cycles(self, kind: str, cycles: int, predicted: int) -> None:
        """Keep a command's cycles beside their prediction."""
        self.cycles[kind].append(cycles)
        self.unlike += cycles != predicted

    def spread(self, command: str) -> Spread | None:
        """The spread of a command's cycles; None where it was never given."""
        return Spread.rounded(np.array(self.cycles[command]))

    def _at(self, moment: int) -> str:
        return f"{self.moments} {moment}"

    def _differs(self, count: int, found: Divergence) -> None:
        self.mismatches += count
        self.divergence = self.divergence or found
