"""From words of several lanes to events. Twin of ``gateware/serializer.py``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from snnhw.interface import EVENT

Transfer = tuple[int, Any, Any]
"""Mark, address and value; with several event lanes tuples of an address and of a value each."""


class Serializer:
    """Sends the events of each word, lowest lane first, then the word's mark.

    With several ``event_lanes`` those of addresses that leave 0, 1, ... when divided by their number go side by side,
    each side in order; addresses are then quotients, and a side that has none left shows 0. With several ``steps`` a
    value is a sequence of what the event carries at each, and no event is one of nothing but 0.
    """

    def __init__(self, event_lanes: int = 1, steps: int = 1) -> None:
        self.event_lanes = event_lanes
        self.nothing = (0, 0 if steps == 1 else (0,) * steps)

    def serialize(self, words: Iterable[tuple[int, int, Sequence[Any]]]) -> list[Transfer]:
        """From words (mark, base, values of the lanes) to transfers; address and value of a mark are 0."""
        transfers = []
        for mark, base, values in words:
            sides: list[list[tuple[int, Any]]] = [[] for _ in range(self.event_lanes)]
            for address, value in enumerate(values, base):
                if any(value) if isinstance(value, Sequence) else value:
                    quotient, side = divmod(address, self.event_lanes)
                    sides[side].append((quotient, value))
            for place in range(max(map(len, sides))):
                row = [side[place] if place < len(side) else self.nothing for side in sides]
                transfers.append(self._transfer(EVENT, row))
            if mark != EVENT:
                transfers.append(self._transfer(mark, [self.nothing] * self.event_lanes))
        return transfers

    def _transfer(self, mark: int, row: Sequence[tuple[int, Any]]) -> Transfer:
        """The transfer of an event, or of none, in each event lane."""
        if self.event_lanes == 1:
            return mark, *row[0]
        addresses, values = zip(*row, strict=True)
        return mark, addresses, values
