"""What long runs of random checks have in common: their time, their table, and the folders of what has failed."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from snnhw.cli.output import console, table

ENOUGH = 3
"""Failures of one kind after which it has said what it has to say, and is left out."""

SAID_EVERY = 20.0
"""Seconds between two lines on how far a run is."""

LONGEST = 300
"""Characters of a complaint."""


@dataclass
class Tally:
    """What became of one kind of check."""

    cases: int = 0
    refused: int = 0
    """Cases that the check is not for."""
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    """A line each."""
    lacks: str | None = None
    """Why the check is not run at all, if it is not."""

    @property
    def over(self) -> bool:
        """Whether it is not to be run any more."""
        return self.lacks is not None or len(self.failures) >= ENOUGH


def one_line(text: str) -> str:
    """A complaint as a line that is not too long."""
    return " ".join(text.split())[:LONGEST]


def minutes(duration: float) -> Callable[[int], bool]:
    """Goes on for so many minutes, and says now and then on standard error how far it is."""
    begun = said = time.monotonic()

    def goes_on(number: int) -> bool:
        nonlocal said
        now = time.monotonic()
        if now - said >= SAID_EVERY:
            said = now
            sys.stderr.write(f"{(now - begun) / 60:.1f} of {duration:g} minutes: case {number:,}\n")
        return now - begun < 60 * duration

    return goes_on


def report(tallies: Mapping[str, Tally]) -> bool:
    """Print what was done and, a line each, what failed; whether nothing did."""
    right = ("cases", "not for it", "seconds", "failed")
    listed = table("check", *right, "", right=right)
    for name, tally in tallies.items():
        counts = (f"{tally.cases:,}", tally.refused or "", f"{tally.seconds:.1f}", len(tally.failures) or "")
        listed.add_row(name, *map(str, counts), tally.lacks or "")
    screen = console()
    screen.print(listed)
    failures = [line for tally in tallies.values() for line in tally.failures]
    for line in failures:
        screen.print(f"failed: {line}")
    return not failures


@contextmanager
def new_folder(place: Path) -> Iterator[Path]:
    """Give an empty folder, which becomes ``place`` when the block ends without an exception."""
    place.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=place.parent))
    try:
        yield building
        shutil.rmtree(place, ignore_errors=True)
        building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
