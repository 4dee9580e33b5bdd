"""A learner's circuit held against golden while it learns and infers: every membrane, spike, weight and threshold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from golden.stdp import Stdp, Step, check_amplitude, spike_steps
from snnhw.labels import checked_labels
from snnhw.plan import CommandPlan, run_plan
from snnhw.simulate.simulation import Stall
from snnhw.stdp.grid import StdpGrid, WeightMemory
from snnhw.stdp.learner import Learner
from snnhw.stdp.simulate import Done, RunningStdp, StdpSimulator
from snnhw.stdp.timing import Timing
from snnhw.tally import Divergence, Tally
from snnhw.verdict import CommandVerdict, Spread
from snnhw.wording import digits

__all__ = ["LANES", "Plan", "StdpReport", "verify_stdp"]

LANES = 16
"""As many as a learner of full size is worth; what they compute depends on none of it."""

_KINDS = ("membranes", "spikes", "weights", "neurons", "results")
_KEPT = ("threshold", "assigned", "readout")

Array = NDArray[Any]


@dataclass(frozen=True)
class Plan(CommandPlan):
    """Images to learn, to learn with their classes, to infer, to train the readout with."""

    COMMANDS: ClassVar[tuple[str, ...]] = ("train", "teach", "infer", "readout")

    train: int = 20
    teach: int = 4
    infer: int = 10
    readout: int = 4
    amplitude: int = 32
    rate: int = 4


@dataclass(frozen=True, repr=False)
class StdpReport(CommandVerdict):
    """What `verify_stdp` found; counts are of single values."""

    COMMANDS = MappingProxyType(
        {
            "train": "a training image",
            "teach": "a taught image",
            "infer": "an inference",
            "readout": "the readout's",
        }
    )

    train_images: int
    teach_images: int
    infer_images: int
    readout_images: int
    lanes: int
    membranes: int
    """And what they exceed their thresholds by."""
    spikes: int
    """Neuron and step of each."""
    weights: int
    neurons: int
    """Thresholds, classes, and weights of the readout."""
    results: int
    mismatches: int
    timing_mismatches: int | None
    """Commands whose cycles are not as predicted; None where sources and sinks stalled."""
    train_cycles: Spread | None
    teach_cycles: Spread | None
    infer_cycles: Spread | None
    readout_cycles: Spread | None
    train_floor: Spread | None
    """Words of synapses that the images to learn need, read one per cycle."""
    divergence: Divergence | None
    problems: tuple[str, ...]
    """What went wrong beside values, each in a line."""
    seconds: float
    build_seconds: float

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What was compared, in a line."""
        learned = f"{self.train_images} training images, {self.teach_images} with classes"
        return (learned, f"{self.infer_images} inferences, {self.readout_images} for the readout")

    @property
    def compared(self) -> str:
        """How many values of each kind were compared."""
        steps = f"{digits(self.membranes)} membranes and excesses, {digits(self.spikes)} numbers of spikes"
        return f"{steps}, {digits(self.weights)} weights, {digits(self.neurons)} numbers of neurons"


@dataclass
class _Run:
    """Both learners, side by side."""

    plan: Plan
    golden: Stdp
    circuit: RunningStdp
    timing: Timing
    tally: Tally
    floors: list[int]

    def load(self) -> None:
        """Give the circuit all that golden keeps."""
        golden = self.golden
        loads = {
            "load weights": self.circuit.load_weights(golden.weight, golden.register),
            "load neurons": self.circuit.load_neurons(golden.threshold, golden.assigned, golden.readout),
        }
        for command, done in loads.items():
            self.tally.compare_done(command, done, self._nothing())
        self._compare_kept("load")

    def train(self, number: int, image: Array, label: int) -> None:
        """Learn an image."""
        trace, command, steps = list[Step](), f"train {number}", self._steps(image)
        fired = self.golden.train(image, self.plan.amplitude, trace=trace.append)
        done = self.circuit.train(image, self.plan.amplitude)
        self._compare(command, done, trace, [] if fired is None else [fired], self._nothing())
        self.tally.count_cycles("train", done.cycles, self.timing.train(steps, fired))
        self.floors.append(self.timing.floor(steps, len(trace), 0 if fired is None else 1))
        self._dump("train", number)

    def teach(self, number: int, image: Array, label: int) -> None:
        """Learn an image with its class."""
        trace, command, golden = list[Step](), f"teach {number}", self.golden
        fired = golden.teach(image, label, self.plan.amplitude, trace=trace.append)
        done = self.circuit.teach(image, label, self.plan.amplitude)
        self._compare(command, done, trace, [] if fired is None else [fired], self._nothing())
        right = bool((golden.assigned == label).any())
        updates = 0 if fired is None else right + int(golden.assigned[fired[0]] != label)
        self.tally.count_cycles("teach", done.cycles, self.timing.teach(self._steps(image), fired, updates))
        self._dump("teach", number)

    def infer(self, number: int, image: Array, label: int) -> None:
        """Classify an image."""
        trace, command = list[Step](), f"infer {number}"
        fired = self.golden.infer(image, trace=trace.append)
        answer, scores = self.golden.score(fired)
        done = self.circuit.infer(image)
        self._compare(command, done, trace, fired, self._nothing() | {"answer": answer, "scores": scores})
        self.tally.count_cycles("infer", done.cycles, self.timing.infer(self._steps(image), fired))

    def readout(self, number: int, image: Array, label: int) -> None:
        """Let the readout learn an image with its class."""
        trace, command, learner = list[Step](), f"readout {number}", self.golden.learner
        fired = self.golden.infer(image, trace=trace.append)
        answer, scores = self.golden.train_readout(image, label, self.plan.rate)
        done = self.circuit.train_readout(image, label, self.plan.rate)
        self._compare(command, done, trace, fired, self._nothing() | {"answer": answer, "scores": scores})
        others = np.delete(scores, label)
        close = others.size > 0 and scores[label] - others.max() <= learner.margin * learner.spikes**2
        self.tally.count_cycles("readout", done.cycles, self.timing.infer(self._steps(image), fired, bool(close)))
        self._dump("readout", number)

    def _steps(self, image: Array) -> Array:
        return spike_steps(image, self.golden.learner.num_steps)

    def _nothing(self) -> dict[str, Any]:
        """The result of a command that gives no class."""
        return {
            "answer": 0,
            "scores": np.zeros(self.golden.learner.classes, np.int64),
            "register": self.golden.register,
        }

    def _compare(
        self, command: str, done: Done, trace: list[Step], fired: list[tuple[int, int]], expected: dict[str, Any]
    ) -> None:
        """Compare what steps did, the spikes, and the result."""
        steps, tally = done.steps, self.tally
        moments = ("membrane", "excess")
        fields = [
            ("membranes", name, np.array([getattr(step, name) for step in trace]), getattr(steps, name))
            for name in moments
        ]
        tally.compare_moments(command, fields)
        surplus = max(0, len(steps.membrane) - len(trace))
        if steps.misplaced or surplus:
            tally.problems.append(
                f"{command}: the tap showed {steps.misplaced} words out of turn, {surplus} steps more"
            )
        tally.compare("spikes", command, "spike", np.array(fired, np.int64).reshape(-1, 2), steps.spikes)
        winner, step = fired[0] if fired else (0, 0)
        first = {"fired": len(fired), "winner": winner, "step": step}
        first["assigned"] = int(self.golden.assigned[winner]) if fired else 0
        tally.compare_done(command, done, expected | first)

    def _dump(self, command: str, number: int) -> None:
        """Compare all that the learner keeps after a command, where the plan says so."""
        if self.plan.dumps(command, number):
            self._compare_kept(f"{command} {number}")

    def _compare_kept(self, command: str) -> None:
        """Compare all that the learner keeps."""
        done, weight = self.circuit.dump_weights()
        self.tally.compare_done(f"dump of weights after {command}", done, {})
        self.tally.compare("weights", command, "weight", self.golden.weight, weight)
        done, kept = self.circuit.dump_neurons()
        self.tally.compare_done(f"dump of neurons after {command}", done, {})
        for name in _KEPT:
            self.tally.compare("neurons", command, name, getattr(self.golden, name), kept[name])


def verify_stdp(
    golden: Stdp,
    images: NDArray[np.uint8],
    labels: NDArray[Any],
    plan: Plan,
    *,
    lanes: int = LANES,
    memory: WeightMemory = "bram",
    simulator: StdpSimulator | None = None,
    stall: Stall | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StdpReport:
    """Run the commands of a plan on golden and on the circuit, over images [B, pixels] with their labels [B], integers.

    ``golden`` is where both start; it is left as it is after the last command. After commands that learn, as often as
    the plan says, all that the learner keeps is read out of the circuit and compared. A part that wants more than B
    images begins anew with the first. ``simulator`` stands in for the circuit of the learner. Raises ToolMissingError
    without a C++ compiler, ValueError where there is nothing to do, for images or labels of another kind, shape or
    range, and for an amplitude that is none.
    """
    learner: Learner = golden.learner
    if len(images) == 0 or plan.commands == 0:
        raise ValueError(f"verify_stdp needs an image and a command at least, not {len(images)} images, {plan}")
    labels = checked_labels(labels, len(images), learner.classes)
    check_amplitude(plan.amplitude)
    begun = time.perf_counter()
    circuit = (simulator or StdpSimulator.of(learner, lanes, memory)).start(stall)
    built = time.perf_counter()
    tally = Tally(_KINDS, plan.COMMANDS, "step")
    with circuit:
        run = _Run(plan, golden, circuit, Timing(StdpGrid(learner, circuit.lanes)), tally, [])
        run_plan(run, plan, images, labels, progress)
    return StdpReport(
        train_images=len(tally.cycles["train"]),
        teach_images=len(tally.cycles["teach"]),
        infer_images=len(tally.cycles["infer"]),
        readout_images=len(tally.cycles["readout"]),
        lanes=circuit.lanes,
        **tally.counts,
        mismatches=tally.mismatches,
        timing_mismatches=tally.unlike if stall is None else None,
        train_cycles=tally.spread("train"),
        teach_cycles=tally.spread("teach"),
        infer_cycles=tally.spread("infer"),
        readout_cycles=tally.spread("readout"),
        train_floor=Spread.rounded(np.array(run.floors)),
        divergence=tally.divergence,
        problems=tuple(tally.problems),
        seconds=round(time.perf_counter() - built, 3),
        build_seconds=round(built - begun, 3),
    )
