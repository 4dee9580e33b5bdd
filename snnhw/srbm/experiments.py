"""The experiments of the student project that the spiking RBM follows, by name, each a change of a common base.

The base is short: `PRESENTATIONS` images. Experiments with devices or an optimiser exist in the golden machine alone.
:mod:`snnhw.srbm.runs` runs them, and :mod:`snnhw.srbm.results` makes a page of what they came to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from snnhw.errors import DescriptionError
from snnhw.srbm.devices import Imperfections
from snnhw.srbm.machine import Machine, parse_machine
from snnhw.srbm.optimisers import Adam, Momentum, Optimiser
from snnhw.wording import no_such

__all__ = ["EXPERIMENTS", "GROUPS", "Experiment", "find_experiment"]

PRESENTATIONS = 20_000
SCHEDULE = ((4, 10_000), (2, 5_000), (1, 5_000))
SIGMA = 58.0

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
    "long": "Longer training",
    "initial": "Initial weights",
    "pooling": "Pooling",
    "cnn": "Convolutional front end",
    "optimiser": "Optimisers (golden alone)",
    "devices": "Imperfect devices (golden alone)",
    "chips": "The chips' experiment",
    "completion": "Completing a half of an image by copying",
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
    """Of so many of the last presentations pixels are held throughout, see ``golden.srbm.Srbm.train``."""
    held: int = 100
    """How many of a hundred of those."""
    baseline: str | None = None
    completes: bool = False
    """Whether it is told how well halves of images are completed."""
    headline: bool = False
    """Whether its test images are looked at."""

    def described(self, pixels: int) -> Machine:
        """The machine, for so many bits of an image."""
        return parse_machine({"pixels": pixels, **self.machine}, f"experiment '{self.name}'")


def find_experiment(name: str) -> Experiment:
    """The experiment of that name; DescriptionError with the list of those there are."""
    if name not in EXPERIMENTS:
        raise DescriptionError(no_such("experiment", name, EXPERIMENTS))
    return EXPERIMENTS[name]


def _rate(period: int, deck: str = "") -> Experiment:
    hertz = round(2000 / period)
    return Experiment(
        f"rate-{hertz}",
        "rate",
        f"a spike every {period} ticks: {hertz} Hz",
        deck,
        {"periods": {"pixel": period}},
        completes=True,
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


_SHORT = ((4, 3_000),)
"""Rows whose levels are written by the image take some times as long."""

_EPOCHS = ((4, 20_000), (2, 40_000), (1, 60_000))
_LABELS = "85.4 to 87.1 (60 to 160 labels)"
_LONG = ((4, 20_000), (2, 20_000), (1, 20_000))

_ALL = (
    Experiment(
        "base", "base", "threshold 0.3, 222 Hz, 40 labels, 500 hidden, walk of 550", "79.6 (epoch 3)", completes=True
    ),
    Experiment("threshold-0", "threshold", "above 0", "the best at 200 Hz", level=0.0),
    Experiment("threshold-0.1", "threshold", "above 0.1", "84.3 (epoch 6)", level=0.1),
    Experiment("threshold-0.1307", "threshold", "above 0.1307", "88 (epoch 21)", level=0.1307),
    Experiment("threshold-0.2", "threshold", "above 0.2", "84.3 (epoch 6)", level=0.2),
    Experiment("threshold-0.5", "threshold", "above 0.5", "76.7", level=0.5),
    Experiment("threshold-0.7", "threshold", "above 0.7", "73.9", level=0.7),
    _rate(20),
    _rate(16),
    _rate(14),
    _rate(13),
    _rate(11),
    _rate(10, "initial value; 90 at 210 Hz (epoch 21)"),
    _rate(8, "falls above 230 Hz"),
    _rate(7, "falls"),
    Experiment("labels-80", "labels", "80 label units", _LABELS, {"labels_per_class": 8}),
    Experiment("labels-120", "labels", "120 label units", _LABELS, {"labels_per_class": 12}),
    Experiment("labels-160", "labels", "160 label units", _LABELS, {"labels_per_class": 16}),
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
    Experiment("hold", "hold", "in the last 10,000 presentations", hold=10_000, completes=True),
    Experiment("hold-250", "hold", "the same, at 250 Hz", "", {"periods": {"pixel": 8}}, hold=10_000, completes=True),
    Experiment("long-222", "long", "the base, two epochs", "", schedule=_EPOCHS, completes=True),
    Experiment(
        "long-250",
        "long",
        "the machine that ships, 250 Hz and a walk of 800, six epochs, 70 of 100 held after 20,000",
        "",
        {"periods": {"pixel": 8}, "noise": {"kind": "walk", "step": 800}},
        schedule=((4, 20_000), (2, 40_000), (1, 270_000)),
        hold=310_000,
        held=70,
        completes=True,
    ),
    Experiment("initial-614", "initial", "deviation 614 levels: its first, 1.06 for Gp and Gm", "", sigma=614.0),
    Experiment("initial-xavier", "initial", "deviation 15.8 levels: Xavier of 832 and 508 units", "", sigma=15.8),
    Experiment("pool-average", "pooling", "the mean of 2 x 2, tiled", "", features="average"),
    Experiment("pool-maximum", "pooling", "the greatest of 2 x 2, tiled", "failed", features="maximum"),
    Experiment("pool-combination", "pooling", "mean, mean, greatest, least", "", features="combination"),
    Experiment("cnn1", "cnn", "mode 1, 12 x 12 x 5", "", features="cnn1"),
    Experiment("cnn2", "cnn", "mode 2, 8 x 8 x 12", "", features="cnn2"),
    Experiment("cnn2-dense", "cnn", "mode 2, its threshold set after training", "", features="cnn2-dense"),
    Experiment(
        "cnn2-long",
        "cnn",
        "mode 2 with 120 label units, 60,000 presentations",
        "91.1 (120 labels, 888 hidden, initial deviation 0.3426, epoch 12)",
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
    Experiment("all-off", "completion", "all left off", baseline="off", completes=True, headline=True),
    Experiment(
        "nearest", "completion", "from the nearest training image", baseline="nearest", completes=True, headline=True
    ),
    Experiment("logistic", "baseline", "logistic regression on the base's bits", baseline="logistic"),
    Experiment("rbm", "baseline", "RBM by CD-1 on the base's bits, 500 hidden, 10 epochs", baseline="rbm"),
    Experiment(
        "logistic-cnn2", "baseline", "logistic regression on the bits of mode 2", features="cnn2", baseline="logistic"
    ),
)

EXPERIMENTS: Mapping[str, Experiment] = {experiment.name: experiment for experiment in _ALL}
"""The experiments by name."""
