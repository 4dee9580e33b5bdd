"""The fuzz: damaged files, one reader after the other, in a process of its own that may hang, crash or grow."""

from __future__ import annotations

import multiprocessing
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np

from snnhw.cli.output import console
from snnhw.errors import SnnhwError
from tests.fuzz.mutate import mutate
from tests.fuzz.readers import READERS, Reader
from tests.long_run import ENOUGH, Tally, new_folder, one_line

MOST_SECONDS = 2.0
"""Of one reading."""

MOST_BYTES = 500 << 20
"""That one reading may take."""

ALL_BYTES = 1 << 30
"""That the process may have beside what it begins with: more is refused by the system."""

LONGEST_MESSAGE = 1000

STUCK_SECONDS = 4 * MOST_SECONDS
"""After which a reading that cannot even be interrupted is ended with its process."""

WARM_SECONDS = 180.0
"""In which a process must have read everything that is valid."""

TEXT = "failure.txt"


class SlowError(BaseException):
    """A reading takes too long; no reader catches it."""


class Outcome(NamedTuple):
    """What became of one reading."""

    seconds: float
    complaint: str | None


def complaint_of(reader: Reader, folder: Path) -> str | None:
    """What is wrong with how a reader takes what lies in a folder, as one line; None where nothing is.

    It must give a value or an error of the project's on one line, soon, and within the memory that is allowed.
    """
    before = _memory()
    begun = time.monotonic()
    try:
        with _alarm(MOST_SECONDS):
            reader.read(folder)
    except SnnhwError as error:
        if _without_memory(error):
            return "it asked for more memory than there is, and took its refusal for damage"
        if len(str(error).splitlines()) != 1 or not str(error).isprintable() or len(str(error)) > LONGEST_MESSAGE:
            return one_line(f"its message is not one line of printable text: {str(error)!r}")
    except SlowError:
        return f"it was not done after {MOST_SECONDS:g} seconds"
    except Exception as error:  # noqa: BLE001, whatever else is raised is what is looked for
        place = next(
            (each for each in reversed(traceback.extract_tb(error.__traceback__)) if "/snnhw/" in each.filename), None
        )
        where = f" at {Path(place.filename).name}:{place.lineno}" if place else ""
        return one_line(f"{type(error).__name__}{where}: {error}")
    after = _memory()
    if after.peak > before.peak and after.peak - before.now > MOST_BYTES:
        return f"it took {after.peak - before.now:,} bytes of memory"
    return f"it took {time.monotonic() - begun:.1f} seconds" if time.monotonic() - begun > MOST_SECONDS else None


def _without_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Memory(NamedTuple):
    """Bytes of address space, now and at most so far; zeros where the system does not tell."""

    now: int
    peak: int


def _memory() -> _Memory:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return _Memory(0, 0)
    sizes = {
        name: int(rest.split()[0]) << 10
        for name, _, rest in (line.partition(":") for line in lines)
        if name in ("VmSize", "VmPeak")
    }
    return _Memory(sizes["VmSize"], sizes["VmPeak"])


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise SlowError in the block once so many seconds are over."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise SlowError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def damage(reader: Reader, valid: bytes, seed: int, number: int) -> bytes:
    """What case ``number`` of a seed makes of a valid file."""
    random = np.random.default_rng([seed, number])
    inside = reader.inside if random.random() < 1 / 2 else None
    return (inside or mutate)(valid, random)


class Bench:
    """The folders of readers with what is valid, in each of which one file is damaged at a time."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._valid: dict[str, bytes] = {}

    def folder(self, reader: Reader) -> Path:
        """The folder of a reader, filled and read once: what a first reading loads is no part of later ones."""
        folder = self._work / reader.name
        if reader.name not in self._valid:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            reader.make(folder)
            reader.read(folder)
            self._valid[reader.name] = (folder / reader.damaged).read_bytes()
        return folder

    def put(self, reader: Reader, seed: int, number: int) -> Path:
        """Damage the file of a reader; its folder."""
        folder = self.folder(reader)
        path = folder / reader.damaged
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damage(reader, self._valid[reader.name], seed, number))
        return folder


@dataclass(frozen=True)
class Plan:
    """Which cases a process goes through: those of a seed from ``first`` on, the readers in turn."""

    seed: int
    readers: tuple[Reader, ...]
    work: Path
    """Folder of files that are read."""
    out: Path
    """Folder of cases that fail."""
    first: int = 0
    over: frozenset[str] = frozenset()
    """Readers whose turns are passed over from the beginning."""

    def reader(self, number: int) -> Reader:
        """Whose turn it is."""
        return self.readers[number % len(self.readers)]

    def place(self, number: int) -> Path:
        """Where a case that failed is kept."""
        return self.out / f"{self.reader(number).name}-{self.seed}-{number}"

    def keep(self, number: int, complaint: str) -> None:
        """Keep what a reader has failed at, all or nothing, with what it did."""
        reader, place = self.reader(number), self.place(number)
        with new_folder(place) as building:
            shutil.copytree(self.work / reader.name, building, dirs_exist_ok=True)
            (building / TEXT).write_text(
                f"{reader.name}\n{complaint}\n\nThe file is {reader.damaged}. To read it again: "
                f"python -m tests.fuzz --replay {place}\n"
            )


def replay(place: Path) -> bool:
    """Read again what a reader has failed at; whether it passes now."""
    name = (place / TEXT).read_text().splitlines()[0]
    reader = next(each for each in READERS if each.name == name)
    with tempfile.TemporaryDirectory(prefix="snnhw_fuzz_") as work:
        bench = Bench(Path(work))
        folder = bench.folder(reader)
        shutil.copyfile(place / reader.damaged, folder / reader.damaged)
        found = complaint_of(reader, folder)
    console().print(f"{name}: {found or 'passes now'}")
    return found is None


def read_on(plan: Plan, told: Connection) -> None:
    """Read damaged files, and tell what became of each, until ended from outside or once much memory was taken."""
    bench = Bench(plan.work)
    for reader in plan.readers:
        bench.folder(reader)
    warnings.simplefilter("error")  # a warning would be a second line
    first = _memory()
    resource.setrlimit(resource.RLIMIT_AS, (first.now + ALL_BYTES, first.now + ALL_BYTES))
    failures = Counter(dict.fromkeys(plan.over, ENOUGH))
    for number in count(plan.first):
        reader = plan.reader(number)
        if failures[reader.name] >= ENOUGH:
            continue
        folder = bench.put(reader, plan.seed, number)
        told.send(number)
        begun = time.perf_counter()
        found = complaint_of(reader, folder)
        if found is not None:
            failures[reader.name] += 1
            plan.keep(number, found)
        told.send(Outcome(time.perf_counter() - begun, found))
        if _memory().peak > max(first.peak, first.now + MOST_BYTES):
            return  # another process begins anew: here the peak that stands would hide others


def fuzz(seed: int, out: Path, goes_on: Callable[[int], bool], readers: Sequence[Reader] = READERS) -> dict[str, Tally]:
    """Have readers read damaged files while ``goes_on``, which is told the case's number.

    What fails is kept below ``out``.
    """
    tallies = {reader.name: Tally() for reader in readers}
    with tempfile.TemporaryDirectory(prefix="snnhw_fuzz_") as work:
        plan = Plan(seed, tuple(readers), Path(work), out)
        number: int | None = 0
        while number is not None:
            over = frozenset(name for name, tally in tallies.items() if tally.over)
            number = _follow(replace(plan, first=number, over=over), goes_on, tallies)
    return tallies


def _follow(plan: Plan, goes_on: Callable[[int], bool], tallies: dict[str, Tally]) -> int | None:
    """Run a process until its time is over, or a reader has broken it; the case to go on with, if any."""
    with _process(plan) as (process, hears):
        number = _hear(process, hears, WARM_SECONDS)
        if not isinstance(number, int):
            raise RuntimeError("the process that reads has ended before it began: a reader refuses what is valid")
        while goes_on(number):
            name = plan.reader(number).name
            tally, outcome = tallies[name], _hear(process, hears, STUCK_SECONDS)
            tally.cases += 1
            if isinstance(outcome, Outcome):
                tally.seconds += outcome.seconds
                found = outcome.complaint
            else:
                found = (
                    "it could not be interrupted" if process.is_alive() else f"it ended the process: {process.exitcode}"
                )
                plan.keep(number, found)
            if found is not None:
                tally.failures.append(f"{name}: {found} (python -m tests.fuzz --replay {plan.place(number)})")
            if all(each.over for each in tallies.values()):
                return None
            following = _hear(process, hears, STUCK_SECONDS) if isinstance(outcome, Outcome) else None
            if not isinstance(following, int):
                return number + 1
            number = following
    return None


@contextmanager
def _process(plan: Plan) -> Iterator[tuple[BaseProcess, Connection]]:
    """A process that reads, and where it tells of it; ended with the block."""
    context = multiprocessing.get_context("fork")
    hears, told = context.Pipe(duplex=False)
    process = context.Process(target=read_on, args=(plan, told), daemon=True)
    process.start()
    told.close()
    try:
        yield process, hears
    finally:
        process.kill()
        process.join()
        hears.close()


def _hear(process: BaseProcess, hears: Connection, patience: float) -> int | Outcome | None:
    """What a process tells next: a case that it begins, or what became of it; None where it tells nothing more."""
    try:
        told: int | Outcome | None = hears.recv() if hears.poll(patience) else None
    except EOFError:
        process.join()
        return None
    return told
