"""The circuit against golden: every event, membrane and score of every sample, in both modes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import Golden, Result
from snnhw.compare import Comparison, Divergence, compare
from snnhw.design import Design
from snnhw.labels import checked_labels
from snnhw.recovery import Recovery, check_recovery
from snnhw.samples import check_samples
from snnhw.simulate import engines
from snnhw.simulate.engines import EngineName
from snnhw.simulate.faults import FEWEST
from snnhw.simulate.simulation import Mode, Simulator, Stall, Waveform
from snnhw.tables import Table
from snnhw.timing import mistimed, predict
from snnhw.verdict import Spread, Verdict
from snnhw.wording import digits, percent, spread

MODES: tuple[Mode, ...] = ("isolated", "stream")
THREADS = 2
REFRESH_SECONDS = 0.2

CHUNK_VALUES = 1 << 22
"""About how many values a thread holds of golden and of the circuit at a time."""
CHUNK_SAMPLES = 512


@dataclass(frozen=True, repr=False)
class Report(Verdict):
    """What `verify` found."""

    images: int
    mismatches: int
    """Images of which anything differs in any mode."""
    correct: int | None
    """Images that the circuit classifies as their labels say; None without labels."""
    cycles: Spread | None
    """Latency of an isolated sample."""
    interval: Spread | None
    """Cycles between results in a stream."""
    values: int
    """Values compared."""
    timing_mismatches: int | None
    """Latencies and intervals that are not as predicted; None where they were not predicted."""
    seconds: float
    """Time of simulating, computing golden and comparing, without that of building the circuit."""
    build_seconds: float
    engine: str
    note: str | None
    """Why the engine is not the one hoped for, if so."""
    digest: str
    modes: tuple[Mode, ...]
    recoveries: int
    """Samples that were framed wrongly or interrupted between good ones, and lost, without any other being touched."""
    divergence: Divergence | None
    silent: tuple[str, ...]
    """Layers that can send events, and sent none for any of the images: of them little was compared."""
    problems: tuple[str, ...]
    """What went wrong beside values: a circuit that got stuck or did not recover, surplus results. Each is one line."""
    waveform: Path | None = None
    """The waveform around the first divergence, where it was asked for and there is one."""

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What was compared, in a line."""
        right = "" if self.correct is None else f"{percent(self.correct, self.images)} correct"
        return (f"{self.images - self.mismatches} of {self.images} images", f"{digits(self.values)} values", right)

    def table(self, *, recoveries: bool = True) -> Table:
        """The report for people; with the faults of the source that the circuit recovered from where that is wanted."""
        record = self.to_json()
        rows = [] if self.correct is None else [("correct", percent(self.correct, self.images))]
        rows += [
            ("cycles an image", f"{spread(record['cycles'])} (min / mean / max)"),
            ("cycles between", f"{spread(record['interval'])} (results, images back to back)"),
        ]
        if self.timing_mismatches is not None:
            rows.append(("cycles predicted", predicted(self.timing_mismatches)))
        rows.append(("compared", f"{digits(self.values)} values, by {self.engine}"))
        if recoveries:
            rows.append(recovered(self.recoveries))
        rows.append(("time", f"{self.build_seconds:.1f} s to build the circuit, {self.seconds:.1f} s to run it"))
        rows += [("problem", problem) for problem in self.problems]
        rows += [("first difference", str(self.divergence))] if self.divergence is not None else []
        rows += [("waveform", str(self.waveform))] if self.waveform is not None else []
        verdict = "equal" if self.equal else "NOT EQUAL"
        return Table(rows=(*rows, (verdict, f"{self.images - self.mismatches} of {self.images} images")))

    def _repr_html_(self) -> str:
        """The table that ``snnhw verify`` prints, for a notebook."""
        return self.table().html


def verify(
    design: Design,
    samples: NDArray[np.uint8],
    labels: NDArray[Any] | None = None,
    *,
    engine: EngineName = "auto",
    modes: Sequence[Mode] = MODES,
    simulator: Simulator | None = None,
    stall: Stall | None = None,
    timing: bool = True,
    waveform: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Run samples uint8 [B, *sample_shape] on the circuit and on golden, and compare all that the circuit shows.

    Samples may be of another shape that the network takes, see :meth:`snnhw.network.Network.takes`.

    Some of them are then sent once more, between samples that are framed wrongly or interrupted by a reset: these give
    no results, and change none.

    ``labels`` are integers [B], each a class. ``simulator`` stands in for the circuit of ``design``. ``stall`` makes
    source and sink pause, without which ``timing`` compares the cycles with their prediction. ``waveform`` is the file
    to write where the circuit differs, .vcd or .fst. ``progress`` is told how many of how many samples are done, a
    sample counting once for each mode. Raises ToolMissingError where the engine asked for is not installed, OutputError
    for a waveform that it cannot write; ValueError for samples or labels of another kind, shape or range, and without
    samples or modes: nothing compared is nothing equal.
    """
    if len(samples) == 0 or not modes:
        raise ValueError(
            f"verify needs a sample and a mode at least, not {len(samples)} samples in modes {tuple(modes)}"
        )
    samples = check_samples(design.network, samples)
    if labels is not None:
        labels = checked_labels(labels, len(samples), design.network.classes)
    begun = time.perf_counter()
    window = Waveform(waveform) if waveform else None
    name, note, limit, fewest = "given", None, None, FEWEST
    if simulator is None:
        choice = engines.engine(engine)
        name, note, limit = choice.engine.name, choice.note, choice.sample_limit
        if window:
            window.require(choice.engine.waveforms)
        simulator, fewest = choice.engine.simulator(design, len(samples[:limit])), choice.engine.fewest_faults
    samples, labels = samples[:limit], None if labels is None else labels[:limit]
    built = time.perf_counter()
    run = _Run(design, Golden(design.model), simulator, tuple(modes), stall, timing and stall is None, fewest)
    chunks, recovery = run.run_all(samples, progress)
    report = _report(chunks, recovery, labels)
    return replace(
        report,
        seconds=round(time.perf_counter() - built, 3),
        build_seconds=round(built - begun, 3),
        engine=name,
        note=note,
        digest=design.model.digest,
        modes=tuple(modes),
        waveform=run.write_waveform(samples, report.divergence, window) if window else None,
    )


def predicted(mismatches: int) -> str:
    """Whether cycles were as predicted, in words."""
    return f"{mismatches} are not as predicted" if mismatches else "all as predicted"


def recovered(recoveries: int) -> tuple[str, str]:
    """The row of what the circuit recovered from."""
    return ("recovery", f"{recoveries} ill-framed or interrupted samples dropped, and only those")


@dataclass(frozen=True)
class _Chunk:
    """What became of some samples in a row, by mode; ``start`` is the first one's number."""

    start: int
    classes: NDArray[np.int64]
    """[B] by the first mode; -1 where there is no result."""
    latency: NDArray[np.int64]
    interval: NDArray[np.int64]
    comparisons: tuple[Comparison, ...]
    silent: frozenset[str]
    """Layers that sent nothing, and could."""
    timing_mismatches: int | None


class _CancelledError(Exception):
    """Ends a simulation that nobody waits for any more."""


class _Count:
    """Counts results over all threads, and ends their simulations once it is ``cancelled``."""

    def __init__(self) -> None:
        self.cancelled = False
        self._parts: list[list[int]] = []

    @property
    def done(self) -> int:
        """Results so far."""
        return sum(part[0] for part in self._parts)

    def follow(self) -> Callable[[int], None]:
        """What one simulation is to call with the number of its results."""
        part = [0]
        self._parts.append(part)

        def update(results: int) -> None:
            self.go_on(results)
            part[0] = results

        return update

    def go_on(self, _results: int) -> None:
        """What a simulation is to call whose results do not count."""
        if self.cancelled:
            raise _CancelledError


@dataclass(frozen=True)
class _Run:
    """Simulates and compares chunk by chunk, so that memory stays bounded and threads stay busy."""

    design: Design
    golden: Golden
    simulator: Simulator
    modes: tuple[Mode, ...]
    stall: Stall | None
    timing: bool
    fewest_faults: int

    def chunk_size(self, count: int) -> int:
        """Samples of a chunk: few enough to fit the memory, and for all threads to have some."""
        network = self.golden.network
        values = network.num_steps * (network.inputs + sum(4 * layer.units for layer in network.layers))
        return max(1, min(CHUNK_SAMPLES, CHUNK_VALUES // values, -(-count // THREADS)))

    def run_all(
        self, samples: NDArray[np.uint8], progress: Callable[[int, int], None] | None
    ) -> tuple[list[_Chunk], Recovery]:
        """Run every chunk and the check of recovery, several at a time; an exception ends all of them."""
        size, total = self.chunk_size(len(samples)), len(samples) * len(self.modes)
        count = _Count()
        with ThreadPoolExecutor(THREADS) as pool:
            try:
                recovery = pool.submit(
                    check_recovery,
                    self.simulator,
                    self.golden,
                    samples,
                    fewest=self.fewest_faults,
                    stall=self.stall,
                    progress=count.go_on,
                )
                chunks = [
                    pool.submit(self.chunk, start, samples[start : start + size], count)
                    for start in range(0, len(samples), size)
                ]
                running: set[Future[Any]] = {recovery, *chunks}
                while running:
                    ended, running = wait(running, REFRESH_SECONDS, FIRST_EXCEPTION)
                    for future in ended:
                        future.result()
                    if progress:
                        progress(count.done, total)
            except BaseException:
                count.cancelled = True
                pool.shutdown(cancel_futures=True)
                raise
        if progress:
            progress(total, total)
        return [chunk.result() for chunk in chunks], recovery.result()

    def chunk(self, start: int, samples: NDArray[np.uint8], count: _Count) -> _Chunk:
        """Simulate some samples in each mode and compare them with golden."""
        expected = self.golden.run(samples, traces=True, threads=1)
        classes = np.full(len(samples), -1, np.int64)
        cycles: dict[Mode, NDArray[np.int64]] = {}
        comparisons = []
        for mode in self.modes:
            simulation = self.simulator.run(samples, mode=mode, stall=self.stall, progress=count.follow())
            comparisons.append(_moved(compare(simulation, expected, mode), start))
            cycles[mode] = simulation.latency if mode == "isolated" else simulation.interval
            if mode == self.modes[0]:
                classes[: len(simulation.classes)] = simulation.classes
        none = np.zeros(0, np.int64)
        return _Chunk(
            start=start,
            classes=classes,
            latency=cycles.get("isolated", none),
            interval=cycles.get("stream", none),
            comparisons=tuple(comparisons),
            silent=frozenset(self.golden.network.silent({name: n.sum() for name, n in expected.events.items()})),
            timing_mismatches=self.timing_mismatches(expected, cycles) if self.timing else None,
        )

    def timing_mismatches(self, expected: Result, cycles: dict[Mode, NDArray[np.int64]]) -> int:
        """How many counts of cycles are not as predicted."""
        predicted = predict(self.design, expected)
        wanted = {"isolated": predicted.latency, "stream": predicted.interval}
        return sum(mistimed(cycles[mode], wanted[mode]) for mode in self.modes)

    def write_waveform(
        self, samples: NDArray[np.uint8], divergence: Divergence | None, waveform: Waveform
    ) -> Path | None:
        """Run what diverged once more, and write the waveform of that sample."""
        if divergence is None:
            return None
        number = divergence.sample
        size = self.chunk_size(len(samples))
        start = number if divergence.mode == "isolated" else number // size * size
        end = number + (1 if divergence.mode == "isolated" else 2)
        window = replace(waveform, first=number - start, last=number - start)
        self.simulator.run(samples[start:end], mode=divergence.mode, traces=False, stall=self.stall, waveform=window)
        return waveform.path


def _moved(comparison: Comparison, start: int) -> Comparison:
    """The comparison with samples numbered from ``start``."""
    if comparison.divergence is None:
        return comparison
    moved = replace(comparison.divergence, sample=comparison.divergence.sample + start)
    return replace(comparison, divergence=moved)


def _report(chunks: list[_Chunk], recovery: Recovery, labels: NDArray[np.int64] | None) -> Report:
    """Put the chunks together; what does not follow from them is filled in by `verify`."""
    none = [np.zeros(0, np.int64)]
    classes = np.concatenate([chunk.classes for chunk in chunks] or none)
    parts = [np.any([comparison.differs for comparison in chunk.comparisons], axis=0) for chunk in chunks]
    differs = np.concatenate(parts)
    problems = [problem for chunk in chunks for comparison in chunk.comparisons for problem in comparison.problems]
    divergences = [c.divergence for chunk in chunks for c in chunk.comparisons if c.divergence]
    timing = [chunk.timing_mismatches for chunk in chunks]
    return Report(
        images=len(classes),
        mismatches=int(np.count_nonzero(differs)),
        correct=None if labels is None else int(np.count_nonzero(classes == labels)),
        cycles=Spread.rounded(np.concatenate([chunk.latency for chunk in chunks] or none)),
        interval=Spread.rounded(np.concatenate([chunk.interval for chunk in chunks] or none)),
        values=sum(comparison.values for chunk in chunks for comparison in chunk.comparisons),
        timing_mismatches=None if None in timing else sum(count for count in timing if count),
        seconds=0.0,
        build_seconds=0.0,
        engine="",
        note=None,
        digest="",
        modes=(),
        recoveries=recovery.dropped,
        divergence=min(divergences, key=lambda found: found.sample, default=None),
        silent=tuple(sorted(frozenset.intersection(*(chunk.silent for chunk in chunks)))),
        problems=tuple(dict.fromkeys([*problems, *recovery.besides(differs)])),
    )
