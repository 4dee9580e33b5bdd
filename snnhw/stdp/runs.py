"""Running experiments: what one of them came to is a `Run`, which says all that is needed to run it again.

The last `VALIDATION` training images alone choose; the test set is looked at for headlines.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import Field

from snnhw.data import Dataset
from snnhw.recorded import RecordedRun
from snnhw.resumable import run_to_end
from snnhw.stdp.evaluate import evaluate_stdp
from snnhw.stdp.experiments import Experiment
from snnhw.stdp.model import StdpModel
from snnhw.stdp.several import SeveralRun
from snnhw.stdp.train import VALIDATION, StdpPlan, StdpRun

__all__ = ["Run", "run", "trained"]

Progress = Callable[[int, int, str], None]


class Run(RecordedRun):
    """What one experiment came to with one seed."""

    learner: dict[str, Any]
    """What the learner has other than the description's defaults."""
    amplitudes: list[int]
    presentations: int
    labels: int | None = None
    supervised: bool = False
    winners: int = 1
    """As many neurons as learn an image, at most."""
    images: int
    """Of validation."""
    assigned_correct: int
    """Of them, by the class of the neuron that fired first."""
    readout_correct: int
    test_images: int | None = None
    test_assigned_correct: int | None = None
    test_readout_correct: int | None = None
    step: float | None = None
    """The step in which winners fired, in the last 10,000 presentations: the mean."""
    mute: int = 0
    """Presentations without labels in which no neuron fired."""
    curve: list[tuple[int, float]] = Field(default_factory=list)
    """Presentations without labels, and the part of validation images that are right by the class of neurons."""
    seconds: float = 0.0
    """Of training alone."""


def trained(
    experiment: Experiment, training: Dataset, *, seed: int = 1, progress: Progress | None = None
) -> tuple[StdpRun, Dataset]:
    """The training of an experiment, complete, and the images that it was not shown. Raises DatasetError."""
    kept = len(training) - min(VALIDATION, len(training) // 4)
    held = training.part(slice(kept, None))
    plan = StdpPlan(
        experiment.preset(seed), training.part(slice(kept)), held, None, Path(experiment.name), experiment.supervised
    )
    several = experiment.winners > 1
    going = SeveralRun(plan, experiment.winners, progress) if several else StdpRun(plan, progress)
    run_to_end(going, None)
    return going, held


def run(
    experiment: Experiment, training: Dataset, test: Dataset | None, *, seed: int = 1, progress: Progress | None = None
) -> Run:
    """Run an experiment on the training set of MNIST or its like; ``test`` is looked at for headlines alone.

    Raises DatasetError for images or labels that do not suit it.
    """
    going, held = trained(experiment, training, seed=seed, progress=progress)
    counted = evaluate_stdp(going.model, held)
    learned = [point for point in going.curve if point.stage == "learn"]
    learner = going.model.learner.model_dump(mode="json", exclude_defaults=True)
    known: dict[str, Any] = {
        "experiment": experiment.name,
        "seed": seed,
        "learner": learner,
        "amplitudes": list(experiment.amplitudes),
        "presentations": experiment.presentations,
        "labels": experiment.labels,
        "supervised": experiment.supervised,
        "winners": experiment.winners,
        "images": len(held),
        "assigned_correct": counted.assigned_correct,
        "readout_correct": counted.readout_correct,
        "step": learned[-1].step,
        "mute": sum(point.mute for point in learned),
        "curve": [(point.presentations, (point.validation or 0) / len(held)) for point in learned],
        "seconds": round(going.curve[-1].seconds, 1),
    }
    if experiment.headline and test is not None:
        known |= _tested(going.model, test)
    return Run(**known)


def _tested(model: StdpModel, test: Dataset) -> dict[str, Any]:
    counted = evaluate_stdp(model, test)
    return {
        "test_images": counted.images,
        "test_assigned_correct": counted.assigned_correct,
        "test_readout_correct": counted.readout_correct,
    }
