"""The networks that :mod:`benchmarks.stbp` compares, and their trainings.

All are the calibration network ``16C5s2-32C3s2-32C3s2-512FC-Voting`` on MNIST, with weights of 4 bits, in variants of
one thing at a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from golden.network import Golden
from snnhw.data import Dataset
from snnhw.files import write_atomically
from snnhw.model import Model
from snnhw.network import Bernoulli, Network
from snnhw.presets import PRESETS, preset
from snnhw.recorded import RecordedRun
from snnhw.train import Progress, TrainOptions, train

__all__ = ["EXPERIMENTS", "RATES", "SEEDS", "Experiment", "Run", "Tuned", "network", "run"]

PRESET = "mnist-stbp"
CONVOLUTIONS = "16C5s2-32C3s2-32C3s2"
VOTING, SINGLE = f"{CONVOLUTIONS}-512FC-Voting", f"{CONVOLUTIONS}-600FC-10"
"""As many weights in dense layers, with 10 neurons a class and with one: 512 * (512 + 100) and 600 * (512 + 10)."""
NUM_STEPS = 4
SEEDS = (1, 2, 3)
RATES = (0.0025, 0.005, 0.01)
"""Learning rates that are tried with the first seed."""
TOO_LOW = 3
"""By so much thresholds of the stress are too low at the start."""

Data = tuple[Dataset, Dataset]
"""Training and test images."""
Report = Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """One variant: the arguments of the preset, or what makes the network of it."""

    name: str
    what: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 5
    seeds: tuple[int, ...] = SEEDS[:1]
    rate: float | None = 0.005
    """None: the one of `RATES` that validates best with the first seed."""
    like: str | None = None
    """The experiment whose rate it has."""
    bernoulli: bool = False
    too_low: float = 1.0
    """By so much thresholds are too low at the start."""


def _window(num_steps: int, encoding: bool, voting: bool) -> Experiment:
    name = f"window-{num_steps}-{'encoding' if encoding else 'bernoulli'}-{'voting' if voting else 'single'}"
    changes = {"notation": VOTING if voting else SINGLE, "population": 10 if voting else 1, "num_steps": num_steps}
    what = f"{'encoding layer' if encoding else 'Bernoulli input'}, {'10 neurons' if voting else '1 neuron'} a class"
    return Experiment(name, what, {**changes, "neunorm": "none"}, epochs=10, bernoulli=not encoding)


WINDOWS = (2, 4, 8, 12)
_ALL = (
    *(
        Experiment(f"{reset}-{neunorm}", f"reset {reset}, NeuNorm {neunorm}", changes, seeds=SEEDS, rate=None)
        for reset in ("zero", "subtract")
        for neunorm in ("none", "per_channel")
        for changes in ({"reset": reset, "neunorm": neunorm},)
    ),
    *(
        Experiment(f"zero-{neunorm}", f"reset zero, NeuNorm {neunorm}", {"neunorm": neunorm}, like="zero-per_channel")
        for neunorm in ("folded", "rank_one", "full")
    ),
    *(
        Experiment(f"low-{neunorm}", f"thresholds too low, NeuNorm {neunorm}", {"neunorm": neunorm}, too_low=TOO_LOW)
        for neunorm in ("none", "per_channel")
    ),
    *(
        _window(num_steps, encoding, voting)
        for num_steps in WINDOWS
        for encoding in (True, False)
        for voting in (True, False)
    ),
)
EXPERIMENTS: Mapping[str, Experiment] = {experiment.name: experiment for experiment in _ALL}


class Run(RecordedRun):
    """What one training came to."""

    epochs: int
    learning_rate: float
    validation: int
    """Images right, of those held out."""
    correct: int
    """Test images right after the last epoch."""
    images: int
    confusion: list[list[int]]
    """[label][class] of the test images."""
    rates: dict[str, float]
    """By layer, the part of its neurons that sends an event in a step, of the mean test image."""
    cpu_seconds: float
    """Of an epoch, the median, with its scoring."""


@dataclass(frozen=True)
class Tuned:
    """An experiment at one learning rate."""

    experiment: Experiment
    rate: float
    seed: int

    def file(self, folder: Path) -> Path:
        """Where its run is kept."""
        return folder / f"{self.experiment.name}-{self.rate}-{self.seed}.json"


def network(experiment: Experiment) -> Network:
    """The description that is trained."""
    chosen: dict[str, Any] = {"notation": VOTING, "num_steps": NUM_STEPS, **experiment.changes}
    made = preset(PRESET, **chosen)
    return Network.model_validate({**dict(made), "encoder": Bernoulli()}) if experiment.bernoulli else made


def run(tuned: Tuned, data: Data, folder: Path, report: Report) -> Run:
    """The recorded run of an experiment, trained where there is none yet."""
    path = tuned.file(folder)
    if path.exists():
        return Run.model_validate_json(path.read_bytes())
    experiment = tuned.experiment
    usual = TrainOptions()
    options = {
        **PRESETS[PRESET].training,
        "epochs": experiment.epochs,
        "seed": tuned.seed,
        "learning_rate": tuned.rate,
        "initial_gain": usual.initial_gain * experiment.too_low,
    }
    times = [time.process_time()]

    def after(progress: Progress) -> None:
        if progress.scored is not None:
            times.append(time.process_time())
            report(f"{path.stem}, epoch {progress.epoch}: {progress.scored.validation}, {times[-1] - times[-2]:.1f} s")

    model, record = train(
        network(experiment),
        data[0],
        TrainOptions.model_validate(options),
        on_progress=after,
    )
    validation = record.epochs[-1].validation
    assert validation is not None
    found = Run(
        experiment=experiment.name,
        seed=tuned.seed,
        epochs=experiment.epochs,
        learning_rate=tuned.rate,
        validation=validation.correct,
        cpu_seconds=round(statistics.median(np.diff(times)), 1),
        **judged(model, data[1]),
    )
    write_atomically(path, found.model_dump_json() + "\n")
    return found


def judged(model: Model, test: Dataset) -> dict[str, Any]:
    """What a model makes of the test images."""
    result = Golden(model).run(test.images)
    assert test.labels is not None
    confusion = np.zeros((10, 10), np.int64)
    np.add.at(confusion, (test.labels, result.classes), 1)
    steps = model.network.num_steps
    return {
        "correct": int(confusion.trace()),
        "images": len(test),
        "confusion": confusion.tolist(),
        "rates": {
            layer.name: round(float(result.events[layer.name].sum(axis=0).mean()) / steps / layer.units, 4)
            for layer in model.layers
        },
    }
