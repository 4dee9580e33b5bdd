"""From words of several lanes to single events. Twin of ``gateware/serializer.py``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

EVENT, STEP, SAMPLE, ABORT = range(4)


class Serializer:
    """Sends the events of each word, lowest lane first, then the word's mark."""

    def serialize(self, words: Iterable[tuple[int, int, Sequence[int]]]) -> list[tuple[int, int, int]]:
        """From words (mark, base, values of the lanes) to transfers (mark, address, value); marks are (mark, 0, 0)."""
        events = []
        for mark, base, value in words:
            events += [(EVENT, base + lane, v) for lane, v in enumerate(value) if v]
            if mark != EVENT:
                events.append((mark, 0, 0))
        return events
