"""The experiments with learners by STDP, by name.

Those beside the headlines change one thing of a common base: 100 neurons, weights of 8 bits, 60,000 presentations.
:mod:`snnhw.stdp.runs` runs them, and :mod:`snnhw.stdp.results` makes a page of what they came to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from snnhw.errors import DescriptionError
from snnhw.stdp.learner import Learner
from snnhw.stdp.presets import COARSE, FINE, StdpPreset, blocks_of

__all__ = ["EXPERIMENTS", "GROUPS", "MENDED", "Experiment", "find_experiment"]

PRESENTATIONS = 60_000
"""Of the base: about an epoch."""

GROUPS: Mapping[str, str] = {
    "headline": "Neurons, bits and presentations",
    "taught": "With labels, 60,000 presentations more",
    "student": "The student project's rule, and what mends it",
    "rule": "Parts of the rule",
    "window": "Windows",
    "bits": "Bits of a weight",
    "steps": "Steps of an image",
    "threshold": "Threshold at the start, in units of the largest weight",
    "large": "The same with 400 neurons, 4 bits",
    "nudge": "The nudge of a threshold, 100 neurons, 4 bits, with labels",
    "labels": "Labels that are known, to classes of neurons and readout",
}
"""Every group of experiments with its name on the page, in its order."""


@dataclass(frozen=True)
class Experiment:
    """One row: a learner of so many neurons and bits, with what it has other than usual."""

    name: str
    group: str
    what: str
    beside: str = ""
    """What others have published of as many neurons."""
    neurons: int = 100
    bits: int = 8
    learner: Mapping[str, Any] = field(default_factory=dict)
    amplitudes: tuple[int, ...] = FINE
    presentations: int = PRESENTATIONS
    labels: int | None = None
    """The first so many training images alone have labels."""
    supervised: bool = False
    winners: int = 1
    """As many neurons as learn an image, at most; more than one by the plain golden model alone, which is slow."""
    headline: bool = False
    """Whether its test images are looked at."""

    def described(self) -> Learner:
        """The learner."""
        return Learner.usual(self.neurons, self.bits, **self.learner)

    def preset(self, seed: int) -> StdpPreset:
        """The training with a seed."""
        blocks = blocks_of(self.amplitudes, self.presentations)
        made = StdpPreset(self.name, self.what, self.described(), "mnist", blocks, labels=self.labels)
        return made.seeded(seed)


def find_experiment(name: str) -> Experiment:
    """The experiment of that name; DescriptionError with the list of those there are."""
    if name not in EXPERIMENTS:
        raise DescriptionError(f"there is no experiment '{name}'; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


_BESIDE = {
    50: "",
    100: "Diehl and Cook (2015) 82.9",
    400: "Diehl and Cook (2015) 87.0; Querlioz et al. (2013) 93.5 with 300",
    1600: "Diehl and Cook (2015) 91.9",
}


def _headline(neurons: int, bits: int, thousands: int, group: str = "headline") -> Experiment:
    taught = group == "taught"
    return Experiment(
        f"{'taught-' if taught else ''}{neurons}-{bits}bit{'' if taught else f'-{thousands}k'}",
        group,
        f"{neurons} neurons, {bits} bits",
        "" if taught else _BESIDE[neurons],
        neurons,
        bits,
        {},
        FINE if neurons <= 100 else COARSE,
        1000 * thousands,
        supervised=taught,
        headline=True,
    )


def _window(shape: str, tau: int) -> Mapping[str, Any]:
    return {"shape": shape, "tau_plus": tau, "tau_minus": tau}


def _changed(name: str, group: str, what: str, **learner: Any) -> Experiment:
    return Experiment(name, group, what, learner=learner)


_PAIR: Mapping[str, Any] = {"window": {"silent": 0}}
_STUDENT = ("student", "student-homeostasis", "student-forced", "mended")
MENDED = (_STUDENT[0], _STUDENT[-1])
"""The student project's rule, and what it became."""


def _student(place: int, what: str, **learner: Any) -> Experiment:
    return Experiment(_STUDENT[place], "student", what, neurons=50, learner=learner)


_ALL = (
    _headline(50, 8, 60),
    _headline(50, 8, 180),
    _headline(50, 4, 180),
    _headline(100, 8, 60),
    _headline(100, 4, 180),
    _headline(400, 8, 60),
    _headline(400, 8, 180),
    _headline(400, 4, 180),
    _headline(400, 6, 180),
    _headline(1600, 4, 180),
    _headline(50, 4, 180, "taught"),
    _headline(50, 8, 180, "taught"),
    _headline(100, 4, 180, "taught"),
    _headline(400, 4, 180, "taught"),
    _student(
        0, "50 neurons: the pair rule alone, no forced spike, thresholds that stay", **_PAIR, forced=False, fall=0
    ),
    _student(1, "with homeostasis", **_PAIR, forced=False),
    _student(2, "and a forced spike", **_PAIR),
    _student(3, "and silent depression: the learner as it is"),
    Experiment("base", "rule", "the base"),
    _changed("pair", "rule", "no silent depression (the pair rule)", **_PAIR),
    _changed("pair-unforced", "rule", "neither that nor a forced spike", **_PAIR, forced=False),
    _changed("unforced", "rule", "no forced spike", forced=False),
    _changed("hard", "rule", "hard bounds", bounds="hard"),
    _changed("still", "rule", "no homeostasis", fall=0),
    _changed("no-post-pre", "rule", "no depression by inputs that fire later", window={"a_minus": 0}),
    _changed("no-leak", "rule", "no leakage", leakage=0),
    _changed("silent-2", "rule", "twice the silent depression", window={"silent": 2}),
    *(
        Experiment(f"winners-{winners}", "rule", f"{told} learn an image", winners=winners)
        for winners, told in ((2, "the first two to fire"), (4, "the first four"), (100, "all that fire"))
    ),
    _changed("rectangular", "window", "rectangles of 8 steps", window=_window("rectangular", 8)),
    _changed("rectangular-4", "window", "rectangles of 4 steps", window=_window("rectangular", 4)),
    *(_changed(f"tau-{tau}", "window", f"half-life {tau}", window=_window("exponential", tau)) for tau in (1, 2, 8)),
    *(Experiment(f"bits-{bits}", "bits", f"{bits} bits", bits=bits) for bits in (2, 3, 4, 6)),
    *(_changed(f"steps-{steps}", "steps", f"{steps}", num_steps=steps) for steps in (1, 2, 4, 16, 32)),
    *(
        _changed(f"threshold-{weights}", "threshold", f"{weights}", threshold=weights * 255)
        for weights in (30, 45, 70, 90)
    ),
    *(
        Experiment(
            f"threshold-400-{weights}", "large", f"{weights}", "", 400, 4, {"threshold": weights * 15}, COARSE, 180_000
        )
        for weights in (60, 80, 90)
    ),
    *(
        Experiment(f"nudge-{nudge}", "nudge", f"{nudge}", "", 100, 4, {"nudge": nudge}, FINE, 180_000, supervised=True)
        for nudge in (0, 8, 32, 64, 256)
    ),
    *(
        Experiment(
            f"labels-{labels}", "labels", f"{labels:,}, 400 neurons, 4 bits", "", 400, 4, {}, COARSE, labels=labels
        )
        for labels in (500, 1000, 5000, 55_000)
    ),
)

EXPERIMENTS: Mapping[str, Experiment] = {experiment.name: experiment for experiment in _ALL}
"""The experiments by name."""
