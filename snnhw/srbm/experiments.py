"""The experiments of the student project that the spiking RBM follows, by name, each a change of a common base.

The base is short: `PRESENTATIONS` of a training set without the last `VALIDATION` images, which alone choose. What an
experiment came to is a `Run`, which says all that is needed to run it again; :mod:`snnhw.srbm.results` makes a page of
runs. Experiments with devices or an optimiser exist in the golden machine alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from snnhw.data import Dataset
from snnhw.errors import DatasetError, DescriptionError
from snnhw.srbm.baselines import logistic_regression, train_rbm
from snnhw.srbm.devices import Devices, Imperfections
from snnhw.srbm.evaluate import compiled
from snnhw.srbm.features import bits as features_of
from snnhw.srbm.features import digest
from snnhw.srbm.machine import Machine, parse_machine
from snnhw.srbm.model import SrbmModel, initial_levels
from snnhw.srbm.optimisers import Adam, Momentum, Optimiser, Weights

__all__ = ["EXPERIMENTS", "GROUPS", "VALIDATION", "Experiment", "Run", "find_experiment", "run"]

VALIDATION = 5000
TEST = 10_000
PRESENTATIONS = 20_000
SCHEDULE = ((4, 10_000), (2, 5_000), (1, 5_000))
SIGMA = 58.0
_CHUNK = 1000
_POINTS = 5
_ON_THE_WAY = 1000
"""Validation images of the points of a curve before the last, which takes all of them."""

Bits = NDArray[np.uint8]
Labels = NDArray[np.int64]
Progress = Callable[[int, int], None]
"""Called with the presentations that are done, and all."""

GROUPS: Mapping[str, str] = {
    "base": "Base",
    "threshold": "MNIST threshold",
    "rate": "Spike rate",
    "labels": "Label units",
    "hidden": "Hidden units",
    "walk": "Step of the random walk",
    "sampling": "Random-walk sampling",
    "delta": "Change of a weight, and annealing",
    "hold": "Pixels held throughout",
    "initial": "Initial weights",
    "pooling": "Pooling",
    "cnn": "Convolutional front end",
    "optimiser": "Optimisers (golden alone)",
    "devices": "Imperfect devices (golden alone)",
    "chips": "The chips' experiment",
    "baseline": "Baselines in floating point",
}
"""Every group of experiments with its name on the page, in its order."""


@dataclass(frozen=True)
class Experiment:
    """One row: what it changes of the base, and what the student project found (``deck``)."""

    name: str
    group: str
    what: str
    deck: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)
    features: str = "threshold"
    level: float = 0.3
    schedule: tuple[tuple[int, int], ...] = SCHEDULE
    sigma: float = SIGMA
    images: int | None = None
    """The first so many training images alone, on which accuracy is then told."""
    devices: Imperfections | None = None
    optimiser: Callable[[], Optimiser] | None = None
    hold: int = 0
    """So many of the last presentations hold their pixels throughout, see ``golden.srbm.Srbm.train``."""
    baseline: str | None = None
    headline: bool = False
    """Whether its test images are looked at."""

    def described(self, pixels: int) -> Machine:
        """The machine, for so many bits of an image."""
        return parse_machine({"pixels": pixels, **self.machine}, f"experiment '{self.name}'")


class Run(BaseModel):
    """What one experiment came to with one seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    seed: int
    machine: dict[str, Any]
    """What the machine has other than the default."""
    schedule: list[tuple[int, int]]
    hold: int = 0
    features: str
    bits_digest: str
    images: int
    correct: int
    """Of `images`: those of validation, or of training where there are few."""
    test_correct: int | None = None
    curve: list[tuple[int, float]] = []
    """Presentations, and the part that is right of validation images, the first 1,000 until the last."""
    hidden_rate: float | None = None
    """Spikes of a hidden unit a tick, in the data phases of the last tenth."""
    clamped_rate: float | None = None
    """Spikes of a pixel a tick in those phases, and in the model phases."""
    free_rate: float | None = None
    set_pulses: int | None = None
    reset_pulses: int | None = None
    seconds: float = 0.0


def find_experiment(name: str) -> Experiment:
    """The experiment of that name; DescriptionError with the list of those there are."""
    if name not in EXPERIMENTS:
        raise DescriptionError(f"there is no experiment '{name}'; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def run(
    experiment: Experiment, training: Dataset, test: Dataset | None, *, seed: int = 1, progress: Progress | None = None
) -> Run:
    """Run an experiment on the training set of MNIST or its like; ``test`` is looked at for headlines alone."""
    bits, labels = _bits(experiment, training), _labels(training)
    kept = len(bits) - min(VALIDATION, len(bits) // 4)
    seen = kept if experiment.images is None else min(experiment.images, kept)
    held = slice(kept, None) if experiment.images is None else slice(seen)
    parts = _Parts(bits[:seen], labels[:seen], bits[held], labels[held])
    start = time.perf_counter()
    known: dict[str, Any] = {
        "experiment": experiment.name,
        "seed": seed,
        "schedule": list(experiment.schedule),
        "hold": experiment.hold,
        "features": experiment.features,
        "bits_digest": digest(bits)[:16],
        "images": len(parts.held),
    }
    if experiment.baseline is not None:
        correct, test_correct = _baseline(experiment, parts, test if experiment.headline else None, seed)
        known |= {"machine": {}, "schedule": [], "correct": correct, "test_correct": test_correct}
    else:
        known |= _trained(experiment, parts, test if experiment.headline else None, seed, progress)
    return Run(**known, seconds=round(time.perf_counter() - start, 1))


@dataclass(frozen=True)
class _Parts:
    bits: Bits
    labels: Labels
    held: Bits
    held_labels: Labels


def _bits(experiment: Experiment, dataset: Dataset) -> Bits:
    return features_of(experiment.features, dataset.images, experiment.level)


def _labels(dataset: Dataset) -> Labels:
    if dataset.labels is None:
        raise DatasetError(f"{dataset.name} has no labels, which experiments need")
    return dataset.labels


def _baseline(experiment: Experiment, parts: _Parts, test: Dataset | None, seed: int) -> tuple[int, int | None]:
    """How many of the validation and test images a baseline tells."""
    sets = [(parts.held, parts.held_labels)]
    if test is not None:
        sets.append((_bits(experiment, test), _labels(test)))
    shown = np.concatenate([bits for bits, _ in sets])
    if experiment.baseline == "logistic":
        told = logistic_regression(parts.bits, parts.labels, shown, seed=seed)
    else:
        told = train_rbm(parts.bits, parts.labels, epochs=10, seed=seed).classes(shown)
    right = told == np.concatenate([labels for _, labels in sets])
    count = len(parts.held)
    return int(right[:count].sum()), None if test is None else int(right[count:].sum())


def _trained(
    experiment: Experiment, parts: _Parts, test: Dataset | None, seed: int, progress: Progress | None
) -> dict[str, Any]:
    """Train the machine and evaluate it: fields of a run."""
    machine = experiment.described(parts.bits.shape[1])
    steps = np.concatenate([np.full(count, step) for step, count in experiment.schedule])
    holds = np.arange(len(steps)) >= len(steps) - experiment.hold
    order = _order(len(parts.bits), len(steps), seed)
    learner = _Learner(experiment, machine, seed)
    curve, rates = [], np.zeros(3)
    ends = sorted({len(steps) * point // _POINTS for point in range(_POINTS + 1)})
    for begin, end in pairwise(ends):
        rates = np.zeros(3)
        for chunk in _chunks(begin, end):
            chosen = order[chunk]
            rates += learner.learn(parts.bits[chosen], parts.labels[chosen], steps[chunk], holds[chunk])
            if progress is not None:
                progress(chunk.stop, len(steps))
        rates /= end - begin
        if end < len(steps):
            few = min(_ON_THE_WAY, len(parts.held))
            curve.append((end, learner.correct(parts.held[:few], parts.held_labels[:few]) / few))
    learner.finish()
    correct = learner.correct(parts.held, parts.held_labels)
    curve.append((len(steps), correct / len(parts.held)))
    pulses = learner.devices
    return {
        "machine": machine.model_dump(mode="json", exclude_defaults=True),
        "correct": correct,
        "test_correct": None if test is None else learner.correct(_bits(experiment, test), _labels(test)),
        "curve": curve,
        "hidden_rate": round(float(rates[0]), 5),
        "clamped_rate": round(float(rates[1]), 5),
        "free_rate": round(float(rates[2]), 5),
        "set_pulses": None if pulses is None else pulses.set_pulses,
        "reset_pulses": None if pulses is None else pulses.reset_pulses,
    }


def _order(images: int, presentations: int, seed: int) -> NDArray[np.int64]:
    """Which image is shown when: every one once before any comes again."""
    generator = np.random.default_rng(seed)
    rounds = [generator.permutation(images) for _ in range(-(-presentations // images))]
    return np.concatenate(rounds)[:presentations]


def _chunks(begin: int, end: int) -> Iterator[slice]:
    for start in range(begin, end, _CHUNK):
        yield slice(start, min(start + _CHUNK, end))


class _Learner:
    """A machine that learns, with perfect devices or through `Devices` or an optimiser, which come in by the image."""

    def __init__(self, experiment: Experiment, machine: Machine, seed: int) -> None:
        levels, second = initial_levels(machine, experiment.sigma, seed)
        gp, gm = np.asarray(levels, np.int64), np.asarray(second, np.int64)
        self.devices: Devices | None = None
        self.weights: Weights | None = None
        if experiment.devices is not None:
            self.devices = Devices(machine, experiment.devices, seed)
            gp, gm = self.devices.begin(gp, gm)
        if experiment.optimiser is not None:
            self.weights = Weights(experiment.optimiser(), gp, gm, machine.synapse.bits)
        if self.devices is not None or self.weights is not None:
            synapse = machine.synapse.model_copy(update={"refresh_rows": 0})
            machine = machine.model_copy(update={"synapse": synapse})
        self._machine = machine
        self._srbm = compiled(SrbmModel(machine, gp.astype(np.uint16), gm.astype(np.uint16)))

    def learn(
        self, bits: Bits, labels: Labels, steps: NDArray[np.int64], holds: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Learn images in order; the sums of the rates of hidden units, clamped pixels and free pixels."""
        if self.devices is None and self.weights is None:
            return self._rates(self._srbm.train(bits, labels, steps, holds))
        rates = np.zeros(3)
        for n in range(len(bits)):
            before = self._levels()
            only = slice(n, n + 1)
            rates += self._rates(self._srbm.train(bits[only], labels[only], steps[only], holds[only]))
            after = self._levels()
            if self.devices is not None:
                self._load(*self.devices.write(before, after, int(steps[n])))
            elif self.weights is not None:
                self._load(*self.weights.write((after[0] - after[1]) - (before[0] - before[1])))
        return rates

    def finish(self) -> None:
        """Let the devices age."""
        if self.devices is not None:
            self._load(*self.devices.aged(*self._levels()))

    def correct(self, bits: Bits, labels: Labels) -> int:
        """How many images it tells."""
        return int((self._srbm.infer(bits).classes == labels).sum())

    def _levels(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._srbm.gp.astype(np.int64), self._srbm.gm.astype(np.int64)

    def _load(self, gp: NDArray[np.int64], gm: NDArray[np.int64]) -> None:
        self._srbm = type(self._srbm)(self._machine, gp, gm, walk=self._srbm.walk)

    def _rates(self, spikes: NDArray[np.int32]) -> NDArray[np.float64]:
        machine, phases = self._machine, self._machine.phases
        hidden = spikes[:, 1, machine.rows : machine.rows + machine.hidden].mean(axis=1).sum()
        clamped, free = spikes[:, 1, : machine.pixels], spikes[:, 3, : machine.pixels]
        return np.array(
            [hidden / phases.data, clamped.mean(axis=1).sum() / phases.data, free.mean(axis=1).sum() / phases.model]
        )


def _rate(period: int, deck: str = "") -> Experiment:
    hertz = round(2000 / period)
    return Experiment(
        f"rate-{hertz}", "rate", f"a spike every {period} ticks: {hertz} Hz", deck, {"periods": {"pixel": period}}
    )


def _walk(step: int, deck: str = "") -> Experiment:
    noise = {"kind": "walk", "step": step}
    return Experiment(f"walk-{step}", "walk", f"{step} levels, four steps a tick", deck, {"noise": noise})


def _sampled(part: int) -> Experiment:
    """Up or down with a probability of part / 256 each, of the walk's variance: 4 * 550^2."""
    step = round(550 * (4 * 128 / part) ** 0.5)
    noise = {"kind": "sampling", "step": step, "up": part, "down": part}
    what = f"up and down with probability {part / 256:g} each, {step} levels"
    return Experiment(f"sampling-{part}", "sampling", what, "", {"noise": noise})


def _devices(name: str, what: str, **wrong: float) -> Experiment:
    return Experiment(name, "devices", what, "", schedule=_SHORT, devices=Imperfections(**wrong))  # type: ignore[arg-type]


_SHORT = ((4, 5_000),)
"""Rows whose levels are written by the image take some times as long."""

_LONG = ((4, 20_000), (2, 20_000), (1, 20_000))

_ALL = (
    Experiment("base", "base", "threshold 0.3, 222 Hz, 40 labels, 500 hidden, walk of 550"),
    Experiment("threshold-0", "threshold", "above 0", "the best at 200 Hz", level=0.0),
    Experiment("threshold-0.1", "threshold", "above 0.1", "84.3", level=0.1),
    Experiment("threshold-0.1307", "threshold", "above 0.1307", "88 (epoch 21)", level=0.1307),
    Experiment("threshold-0.5", "threshold", "above 0.5", "76.7", level=0.5),
    Experiment("threshold-0.7", "threshold", "above 0.7", "73.9", level=0.7),
    _rate(20),
    _rate(16),
    _rate(13),
    _rate(11),
    _rate(10, "initial value; 90 at 210 Hz (epoch 21)"),
    _rate(8, "falls above 230 Hz"),
    _rate(7, "falls"),
    Experiment("labels-80", "labels", "80 label units", "85 to 87", {"labels_per_class": 8}),
    Experiment("labels-120", "labels", "120 label units", "85 to 87", {"labels_per_class": 12}),
    Experiment("labels-160", "labels", "160 label units", "85 to 87", {"labels_per_class": 16}),
    Experiment("hidden-300", "hidden", "300 hidden units", "", {"hidden": 300}),
    Experiment("hidden-824", "hidden", "824 hidden units", "initial value", {"hidden": 824}),
    Experiment(
        "hidden-944",
        "hidden",
        "944 hidden units, 160 labels",
        "87.7 (threshold 0.5, 210 Hz, epoch 9)",
        {"hidden": 944, "labels_per_class": 16},
    ),
    _walk(350),
    _walk(450, "0.06, 0.051 and 0.05 of its units, 88 at best"),
    _walk(650),
    _walk(750),
    _sampled(32),
    _sampled(64),
    Experiment("delta-8", "delta", "8 levels", "", schedule=((8, PRESENTATIONS),)),
    Experiment("delta-4", "delta", "4 levels", "0.01 of its units", schedule=((4, PRESENTATIONS),)),
    Experiment("delta-2", "delta", "2 levels", "0.009 of its units", schedule=((2, PRESENTATIONS),)),
    Experiment("delta-1", "delta", "1 level", "", schedule=((1, PRESENTATIONS),)),
    Experiment("hold", "hold", "in the last 10,000 presentations", hold=10_000),
    Experiment("hold-250", "hold", "the same, at 250 Hz", "", {"periods": {"pixel": 8}}, hold=10_000),
    Experiment("initial-614", "initial", "deviation 614 levels: its first, 1.06 for Gp and Gm", "", sigma=614.0),
    Experiment("initial-xavier", "initial", "deviation 15.8 levels: Xavier of 832 and 508 units", "", sigma=15.8),
    Experiment("pool-average", "pooling", "the mean of 2 x 2, tiled", "", features="average"),
    Experiment("pool-maximum", "pooling", "the greatest of 2 x 2, tiled", "failed", features="maximum"),
    Experiment("pool-combination", "pooling", "mean, mean, greatest, least", "", features="combination"),
    Experiment("cnn1", "cnn", "mode 1, 12 x 12 x 5", "", features="cnn1"),
    Experiment("cnn2", "cnn", "mode 2, 8 x 8 x 12", "", features="cnn2"),
    Experiment(
        "cnn2-long",
        "cnn",
        "mode 2 with 120 label units, 60,000 presentations",
        "91.1 (120 labels, 888 hidden, epoch 12)",
        {"labels_per_class": 12},
        features="cnn2",
        schedule=_LONG,
        headline=True,
    ),
    Experiment("momentum", "optimiser", "momentum 0.9, rate 0.1", schedule=_SHORT, optimiser=Momentum),
    Experiment("adam", "optimiser", "Adam, 2 levels", schedule=_SHORT, optimiser=Adam),
    Experiment("short", "devices", "as perfect devices are", schedule=_SHORT, devices=Imperfections()),
    _devices("write-noise", "noise of a pulse: a step", write_noise=1.0),
    _devices("variability", "gains of devices differ by 30 %", variability=0.3),
    _devices(
        "drift", "drift exponent 0.05 +- 0.02, 4 decades after training", drift=0.05, drift_spread=0.02, decades=4.0
    ),
    _devices("stuck-reset", "5 % of devices stuck at 0", stuck=0.05),
    _devices("stuck-set", "1 % of devices stuck at level 1024", stuck=0.01, stuck_level=1024),
    _devices(
        "all-devices",
        "noise, gains, 1 % stuck at 0 and drift together",
        write_noise=1.0,
        variability=0.3,
        stuck=0.01,
        drift=0.05,
        drift_spread=0.02,
        decades=4.0,
    ),
    Experiment(
        "chips",
        "chips",
        "100 images, accuracy on themselves",
        "92 (2019), 93 (2022), of the chips' papers",
        schedule=((4, 10_000),),
        images=100,
    ),
    Experiment("logistic", "baseline", "logistic regression on the base's bits", baseline="logistic"),
    Experiment("rbm", "baseline", "RBM by CD-1 on the base's bits, 500 hidden, 10 epochs", baseline="rbm"),
    Experiment(
        "logistic-cnn2", "baseline", "logistic regression on the bits of mode 2", features="cnn2", baseline="logistic"
    ),
)

EXPERIMENTS: Mapping[str, Experiment] = {experiment.name: experiment for experiment in _ALL}
"""The experiments by name."""
