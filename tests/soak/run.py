"""The soak: one case after the other, until its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from snnhw.cli.output import console
from tests.long_run import Tally, one_line
from tests.soak.case import Case, draw_case, read_case, write_case
from tests.soak.checks import CHECKS, Check, Refusal


def complaint_of(check: Check, case: Case) -> str | None:
    """What a check finds wrong with a case, as one line; raises Refusal where it is not for it."""
    try:
        found = check.find(case)
    except Refusal:
        raise
    except Exception as error:  # noqa: BLE001, whatever a case makes of the code is what is looked for
        found = f"{type(error).__name__}: {error or 'without a word'}"
    return None if found is None else one_line(found)


def soak(seed: int, out: Path, goes_on: Callable[[int], bool], checks: Sequence[Check] = CHECKS) -> dict[str, Tally]:
    """Draw and check cases while ``goes_on``, which is asked before each check and told the case's number.

    A case that fails is written below ``out``.
    """
    tallies = {check.name: Tally(lacks=check.lacks()) for check in checks}
    for number, check, case in _turns(seed, checks):
        if not goes_on(number):
            break
        tally = tallies[check.name]
        if tally.over:
            if all(each.over for each in tallies.values()):
                break
            continue
        begun = time.perf_counter()
        try:
            found = complaint_of(check, case)
        except Refusal:
            tally.refused += 1
        else:
            tally.cases += 1
            if found is not None:
                place = write_case(case, check.name, found, out)
                tally.failures.append(f"{check.name}: {found} (python -m tests.soak --replay {place})")
        tally.seconds += time.perf_counter() - begun
    return tallies


def _turns(seed: int, checks: Sequence[Check]) -> Iterator[tuple[int, Check, Case]]:
    """Each check that it is the turn of, case by case; a check that is alone has every case."""
    number = 0
    while True:
        try:
            case = draw_case(seed, number)
        except Exception as error:
            error.add_note(f"in drawing case {number} of seed {seed}")
            raise
        for check in checks:
            if number % check.every == 0 or len(checks) == 1:
                yield number, check, case
        number += 1


def replay(place: Path) -> bool:
    """Run the check again that the case in a folder has failed; whether it passes now."""
    case, name = read_case(place)
    found = complaint_of(next(check for check in CHECKS if check.name == name), case)
    console().print(f"{name}: {found or 'passes now'}")
    return found is None
