"""Whether a circuit recovers: good samples between faults of the source, which are lost, and only those."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golden.network import Golden
from snnhw.compare import Comparison, compare
from snnhw.simulate.faults import FEWEST, MOST, Fault, faults_between
from snnhw.simulate.simulation import Simulation, Simulator, Stall


@dataclass(frozen=True)
class Recovery:
    """What became of the samples between some faults."""

    dropped: int
    """Faults that gave no result and changed no number, up to the first that did."""
    sample: int | None
    """The number of the first sample that differs."""
    problems: tuple[str, ...]
    """What went wrong, each in one line."""

    def besides(self, differs: NDArray[np.bool_]) -> tuple[str, ...]:
        """The problems; none where the sample is one of those that differ without any fault, ``differs`` [B]."""
        return () if self.sample is not None and differs[self.sample] else self.problems


def check_recovery(
    simulator: Simulator,
    golden: Golden,
    samples: NDArray[np.uint8],
    *,
    fewest: int = FEWEST,
    stall: Stall | None = None,
    progress: Callable[[int], None] | None = None,
) -> Recovery:
    """Send the first of ``samples`` uint8 [B, *sample_shape], B > 0, with a fault after each, and compare them.

    There are as many faults as samples within ``fewest`` and `MOST`; where that is more, samples are sent again. All
    that the circuit shows of them is compared with golden, and the error flag after each sample and each fault with
    what docs/interfaces.md says of it.
    """
    faults = faults_between(golden.network, simulator.sample_port, samples, min(max(len(samples), fewest), MOST))
    count = len(faults) + 1 + faults[-1].lasting
    numbers = np.arange(count) % len(samples)
    good = samples[numbers]
    run = simulator.run(good, mode="stream", stall=stall, faults=faults, progress=progress)
    found = compare(run, golden.run(good, traces=True, threads=1), "stream")
    wrong = int(np.argmax(found.differs)) if found.differs.any() else None
    dropped = len(faults) if wrong is None else max(0, wrong - 1)
    problems = tuple(f"recovery: {problem}" for problem in _problems(run, found, faults, wrong))
    return Recovery(dropped, None if wrong is None else int(numbers[wrong]), problems)


def _problems(run: Simulation, found: Comparison, faults: Sequence[Fault], wrong: int | None) -> Iterator[str]:
    """The first sample that differs, since its fault may have spoilt the others too, and the first wrong flag."""
    if wrong is not None:
        after = f", after sample {wrong - 1} and {faults[wrong - 1].name}" if 0 < wrong <= len(faults) else ""
        shown = str(found.divergence).partition(": ")[2] if wrong < len(run.finished) or not run.stuck else run.stuck
        yield f"{shown}{after}"
    elif run.extra_results:
        yield f"the circuit gave {run.extra_results} results that nobody asked for"
    for (sent, due), flag in zip(_flags(faults, run.samples), run.errors.tolist(), strict=False):
        if flag != due:
            yield f"the error flag was {int(flag)} after {sent}"
            return


def _flags(faults: Sequence[Fault], samples: int) -> Iterator[tuple[str, bool]]:
    """What was sent, and the error flag that must be seen after it."""
    before = None
    for sample in range(samples):
        yield f"sample {sample}", before is not None and before.lasting
        before = faults[sample] if sample < len(faults) else None
        if before is not None:
            yield f"sample {sample} and {before.name}", before.reset is None
