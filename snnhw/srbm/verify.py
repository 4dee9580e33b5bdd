"""A machine's circuit held against golden while it learns, infers and regenerates: every spike, membrane and level."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from golden.srbm import Srbm, Tick
from snnhw.labels import checked_labels
from snnhw.plan import CommandPlan, run_plan
from snnhw.simulate.simulation import Stall
from snnhw.srbm.grid import Grid
from snnhw.srbm.model import SrbmModel
from snnhw.srbm.simulate import RunningSrbm, SrbmSimulator, Ticks
from snnhw.srbm.timing import Timing
from snnhw.tally import Divergence, Tally
from snnhw.verdict import CommandVerdict, Spread
from snnhw.wording import digits

__all__ = ["LANES", "Plan", "SrbmReport", "verify_srbm"]

LANES = 16
"""As many as a machine of full size is worth; what they compute depends on none of it."""

_KINDS = ("spikes", "membranes", "levels", "results")
_SPIKES = ("rows", "columns")
_MEMBRANES = ("visible", "hidden")

Array = NDArray[Any]


@dataclass(frozen=True)
class Plan(CommandPlan):
    """Images to learn, every second of which holds its pixels, to infer, and to complete from one half."""

    COMMANDS: ClassVar[tuple[str, ...]] = ("train", "infer", "regenerate")

    train: int = 4
    infer: int = 10
    regenerate: int = 2
    step: int = 8


@dataclass(frozen=True, repr=False)
class SrbmReport(CommandVerdict):
    """What `verify_srbm` found; counts are of single values."""

    COMMANDS = MappingProxyType({"train": "a training image", "infer": "an inference", "regenerate": "a regeneration"})

    train_images: int
    infer_images: int
    regenerate_images: int
    lanes: int
    spikes: int
    membranes: int
    levels: int
    results: int
    """Classes, scores, pixels, and what goes on from one training image to the next."""
    mismatches: int
    timing_mismatches: int | None
    """Commands whose cycles are not as predicted; None where sources and sinks stalled."""
    train_cycles: Spread | None
    infer_cycles: Spread | None
    regenerate_cycles: Spread | None
    divergence: Divergence | None
    """Of its fields "rows" and "columns" are spikes, "visible" and "hidden" membranes."""
    problems: tuple[str, ...]
    """What went wrong beside values, each in a line."""
    seconds: float
    build_seconds: float
    digest: str

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What was compared, in a line."""
        counts = f"{self.train_images} training images, {self.infer_images} inferences"
        return (f"{counts}, {self.regenerate_images} regenerations",)

    @property
    def compared(self) -> str:
        """How many values of each kind were compared."""
        return f"{digits(self.spikes)} spikes, {digits(self.membranes)} membranes, {digits(self.levels)} levels"


@dataclass
class _Run:
    """Both machines, side by side."""

    plan: Plan
    golden: Srbm
    circuit: RunningSrbm
    timing: Timing
    tally: Tally

    def load(self) -> None:
        """Give the circuit golden's levels."""
        golden = self.golden
        second = golden.gm if golden.machine.synapse.paired else None
        done = self.circuit.load(golden.gp, second, golden.walk, golden.refresh)
        self.tally.compare_done("load", done, self._saved())
        self._levels("load")

    def train(self, number: int, bits: Array, label: int) -> None:
        """Learn an image; every second one holds its pixels."""
        hold, trace, command, step = number % 2 == 1, list[Tick](), f"train {number}", self.plan.step
        self.golden.train(bits, label, step, hold, trace=trace.append)
        done, ticks = self.circuit.train(bits, label, step, hold), _stacked(trace)
        nothing = np.zeros(self.golden.machine.classes, np.int64)
        self._ticks(command, ticks, done.ticks)
        self.tally.compare_done(command, done, {"classified": 0, "scores": nothing, **self._saved()})
        self.tally.count_cycles("train", done.cycles, self.timing.train(ticks.rows, ticks.columns, hold))
        if self.plan.dumps("train", number):
            self._levels(command)

    def infer(self, number: int, bits: Array, label: int) -> None:
        """Classify an image."""
        trace, command = list[Tick](), f"infer {number}"
        classified, scores = self.golden.infer(bits, trace=trace.append)
        done, ticks = self.circuit.infer(bits), _stacked(trace)
        self._ticks(command, ticks, done.ticks)
        self.tally.compare_done(command, done, {"classified": classified, "scores": scores, **self._saved()})
        self.tally.count_cycles("infer", done.cycles, self.timing.infer(ticks.rows, ticks.columns))

    def regenerate(self, number: int, bits: Array, label: int) -> None:
        """Complete an image of which the first half is known, or the second."""
        trace, command = list[Tick](), f"regenerate {number}"
        known = (np.arange(len(bits)) < len(bits) // 2) ^ (number % 2 == 1)
        classified, scores, image = self.golden.regenerate(bits * known, known.astype(np.uint8), trace=trace.append)
        done, ticks = self.circuit.regenerate(bits * known, known), _stacked(trace)
        self._ticks(command, ticks, done.ticks)
        expected = {"classified": classified, "scores": scores, "image": image, **self._saved()}
        self.tally.compare_done(command, done, expected)
        predicted = self.timing.regenerate(ticks.rows, ticks.columns, known)
        self.tally.count_cycles("regenerate", done.cycles, predicted)

    def _ticks(self, command: str, golden: Ticks, circuit: Ticks) -> None:
        """Compare what every tick did."""
        kinds = {name: "spikes" if name in _SPIKES else "membranes" for name in (*_SPIKES, *_MEMBRANES)}
        fields = [(kind, name, getattr(golden, name), getattr(circuit, name)) for name, kind in kinds.items()]
        self.tally.compare_moments(command, fields)
        surplus = max(0, len(circuit.rows) - len(golden.rows))
        if circuit.misplaced or surplus:
            self.tally.problems.append(
                f"{command}: the tap showed {circuit.misplaced} words out of turn, {surplus} ticks more"
            )

    def _saved(self) -> dict[str, int]:
        return {"walk": self.golden.walk, "refresh": self.golden.refresh}

    def _levels(self, command: str) -> None:
        done, levels = self.circuit.dump()
        if done.stuck is not None:
            self.tally.problems.append(f"dump after {command}: {done.stuck}")
        for name, values in levels.items():
            self.tally.compare("levels", command, name, getattr(self.golden, name), values)


def verify_srbm(
    model: SrbmModel,
    bits: NDArray[np.uint8],
    labels: NDArray[Any],
    plan: Plan,
    *,
    lanes: int = LANES,
    simulator: SrbmSimulator | None = None,
    stall: Stall | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SrbmReport:
    """Run the commands of a plan on golden and on the circuit, over images [B, pixels] with their labels [B], integers.

    After training images, as often as the plan says, all levels are read out of the circuit and compared. A part that
    wants more than B images begins anew with the first. ``simulator`` stands in for the circuit of the machine. Raises
    ToolMissingError without a C++ compiler, ValueError where there is nothing to do, and for images or labels of
    another kind, shape or range.
    """
    if len(bits) == 0 or plan.commands == 0:
        raise ValueError(f"verify_srbm needs an image and a command at least, not {len(bits)} images, {plan}")
    labels = checked_labels(labels, len(bits), model.machine.classes)
    begun = time.perf_counter()
    circuit = (simulator or SrbmSimulator.of(model.machine, lanes)).start(stall)
    built = time.perf_counter()
    tally = Tally(_KINDS, plan.COMMANDS, "tick")
    golden = Srbm(model.machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)
    with circuit:
        run = _Run(plan, golden, circuit, Timing(Grid(model.machine, circuit.lanes)), tally)
        run_plan(run, plan, bits, labels, progress)
    return SrbmReport(
        train_images=len(tally.cycles["train"]),
        infer_images=len(tally.cycles["infer"]),
        regenerate_images=len(tally.cycles["regenerate"]),
        lanes=circuit.lanes,
        **tally.counts,
        mismatches=tally.mismatches,
        timing_mismatches=tally.unlike if stall is None else None,
        train_cycles=tally.spread("train"),
        infer_cycles=tally.spread("infer"),
        regenerate_cycles=tally.spread("regenerate"),
        divergence=tally.divergence,
        problems=tuple(tally.problems),
        seconds=round(time.perf_counter() - built, 3),
        build_seconds=round(built - begun, 3),
        digest=model.digest,
    )


def _stacked(trace: list[Tick]) -> Ticks:
    """Golden's ticks as arrays."""
    return Ticks(
        rows=np.array([tick.rows for tick in trace]),
        columns=np.array([tick.columns for tick in trace]),
        visible=np.array([tick.visible for tick in trace]),
        hidden=np.array([tick.hidden for tick in trace]),
    )
