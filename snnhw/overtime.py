"""Accuracy after each time step, drawn: how soon a network knows what it sees."""

from __future__ import annotations

import os
from pathlib import Path

from snnhw.bench.plot import require, save_png
from snnhw.errors import DatasetError, OutputError
from snnhw.evaluate import Evaluation
from snnhw.wording import quoted

__all__ = ["draw"]

_SUFFIX = ".png"


def draw(evaluation: Evaluation, path: str | os.PathLike[str]) -> Path:
    """Draw the accuracy after each step, beside it that of the network in floating point where it is known, as PNG.

    Raises ToolMissingError without matplotlib, DatasetError where the labels are not known, and OutputError where the
    file cannot be written, or is called otherwise.
    """
    if Path(path).suffix != _SUFFIX:
        raise OutputError(f"the name of this plot must end with {_SUFFIX}, not {quoted(Path(path).name)}")
    if evaluation.over_time is None:
        raise DatasetError(f"{evaluation.dataset} has no labels, which an accuracy needs")
    require()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    steps = range(1, len(evaluation.over_time) + 1)
    axes.plot(steps, [100 * count / evaluation.images for count in evaluation.over_time], marker="o", label="spikes")
    if (known := evaluation.float_accuracy) is not None:
        axes.axhline(100 * known[0] / known[1], color="tab:grey", linestyle="--", label="floating point")
    axes.set(xlabel="time steps", ylabel=f"% correct of {evaluation.images} images of {evaluation.dataset}")
    axes.locator_params(axis="x", integer=True)
    axes.legend()
    return save_png(figure, path)
