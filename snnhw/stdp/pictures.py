"""Pictures of learners by STDP: what neurons look at, how they compete, how a synapse changes, and where a rule fails.

All but the last are of the plain golden model, which is run as a copy, so that what is drawn stays as it was.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golden.stdp import Stdp, Step, spike_steps
from snnhw.bench.plot import mosaic, require, save_png
from snnhw.data import Dataset
from snnhw.errors import DescriptionError
from snnhw.stdp.evaluate import golden
from snnhw.stdp.experiments import EXPERIMENTS, MENDED
from snnhw.stdp.learner import FRACTION_BITS, Learner
from snnhw.stdp.model import StdpModel
from snnhw.stdp.runs import trained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["changes", "draw", "failure", "membranes", "receptive_fields"]

_ACROSS = 10
_DOWN = 5
_TRACED = 3
_SYNAPSES = 4000
"""Of the learner whose changes are shown: the mean of those at each distance."""


def draw(model: StdpModel, image: NDArray[np.uint8], training: Dataset, folder: str | os.PathLike[str]) -> list[Path]:
    """Draw all pictures as PNG into a folder; ``image`` [pixels] is the one of the membranes.

    Raises DescriptionError where pixels are no square image, ToolMissingError without matplotlib or numba.
    """
    require()
    figures = {
        "receptive-fields": receptive_fields(model),
        "membranes": membranes(model, image),
        "changes": changes(model.learner),
        "failure": failure(training),
    }
    return [save_png(figure, Path(folder) / f"stdp-{name}.png") for name, figure in figures.items()]


def receptive_fields(model: StdpModel) -> Figure:
    """The weights of some neurons of each class, a column a class."""
    side = _side(model.learner)
    tiles = np.zeros((_DOWN, model.learner.classes, model.learner.pixels))
    for column in range(model.learner.classes):
        chosen = np.flatnonzero(model.assigned == column)[:_DOWN]
        tiles[: len(chosen), column] = model.weight[:, chosen].T
    figure = _figure(0.8 * model.learner.classes + 1, 0.8 * _DOWN + 0.3)
    axes = figure.add_subplot()
    tiled = mosaic(tiles.reshape(_DOWN, model.learner.classes, side, side), model.learner.weight.hi)
    shown = axes.imshow(tiled, cmap="gray_r", vmin=0, vmax=model.learner.weight.hi, interpolation="nearest")
    places = [(side + 1) * (column + 0.5) for column in range(model.learner.classes)]
    axes.set(xticks=places, xticklabels=range(model.learner.classes), yticks=[], title="neurons by their class")
    figure.colorbar(shown, ax=axes, label="weight")
    return figure


def membranes(model: StdpModel, image: NDArray[np.uint8]) -> Figure:
    """Inputs by the step of their spike, and the membranes of the neurons that fire first, with their thresholds."""
    learner, steps = golden(model), list[Step]()
    won = learner.train(image, 1, trace=steps.append)
    learner = golden(model)  # before it learned
    chosen = np.argsort(-steps[-1].excess, kind="stable")[:_TRACED]
    traces = np.array([step.membrane for step in steps])
    figure = _figure(8, 5)
    inputs, panel = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2])
    counts = np.bincount(spike_steps(image, model.learner.num_steps), minlength=model.learner.num_steps)
    inputs.bar(range(model.learner.num_steps), counts[: model.learner.num_steps], color="grey")
    inputs.set(ylabel="spikes of inputs")
    for place, neuron in enumerate(chosen.tolist()):
        colour = f"C{place}"
        panel.plot(
            traces[:, neuron], marker="o", color=colour, label=f"neuron {neuron}, class {model.assigned[neuron]}"
        )
        panel.axhline(learner.threshold[neuron] >> FRACTION_BITS, color=colour, linestyle=":", linewidth=1)
    if won is not None:
        panel.axvline(won[1], color="tab:red", linewidth=1, label=f"neuron {won[0]} fires, all others are inhibited")
    panel.set(xlabel="step", ylabel="membrane (dotted: threshold)")
    panel.legend(loc="best", fontsize=8)
    return figure


def changes(learner: Learner) -> Figure:
    """The mean change of a weight over the steps from its neuron's spike to its input's, as golden makes it."""
    amplitude, top = 64, learner.weight.hi
    figure = _figure(8, 4)
    axes = figure.add_subplot()
    for place, part in enumerate((4, 2)):
        weight = top // part
        distances, moved, silent = measured_changes(learner, weight, amplitude)
        axes.plot(distances, moved, marker="o", color=f"C{place}", label=f"from a weight of {weight}")
        axes.axhline(silent, color=f"C{place}", linestyle=":", label="of an input that is silent")
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set(
        xlabel="step of the input's spike less that of the neuron's",
        ylabel="change of the weight, mean",
        title=f"amplitude {amplitude}, weights up to {top}",
    )
    axes.legend(fontsize=8)
    return figure


def measured_changes(learner: Learner, weight: int, amplitude: int) -> tuple[list[int], list[float], float]:
    """Distances, the mean change of a weight at each, and that of an input without a spike, of one golden learner.

    It has the windows of ``learner`` and as many steps as show them twice on either side. Its one neuron has
    as many inputs for each step as are silent, and fires in the middle.
    """
    steps = min(4 * max(learner.window.tau_plus, learner.window.tau_minus), 64)
    fires, repeats = (steps - 1) // 2, _SYNAPSES // (steps + 1)
    values = [255 - -(-256 * step // steps) for step in range(steps)] + [0]
    image = np.repeat(np.array(values, np.uint8), repeats)
    one = {
        "pixels": len(image),
        "neurons": 1,
        "spikes": 1,
        "num_steps": steps,
        "leakage": 0,
        "threshold": (fires + 1) * repeats * weight,
    }
    alone = Learner.model_validate({**learner.model_dump(), **one})
    stdp = Stdp(alone, np.full((len(image), 1), weight))
    if stdp.train(image, amplitude) != (0, fires):
        raise DescriptionError(f"a neuron whose weights are {weight} cannot be made to fire at step {fires}")
    moved = (stdp.weight[:, 0] - weight).reshape(steps + 1, repeats).mean(axis=1)
    return [step - fires for step in range(steps)], moved[:steps].tolist(), float(moved[steps])


def failure(training: Dataset) -> Figure:
    """Receptive fields of the student project's rule and of what it became, each learned anew from ``training``."""
    figure = _figure(9, 4)
    for axes, name in zip(figure.subplots(1, 2), MENDED, strict=True):
        going, held = trained(EXPERIMENTS[name], training)
        learner, side = going.model.learner, _side(going.model.learner)
        right = [point.validation for point in going.curve if point.stage == "learn"][-1] or 0
        tiles = np.full((_DOWN * _ACROSS, learner.pixels), float(learner.weight.hi))
        tiles[: learner.neurons] = going.model.weight.T[: len(tiles)]
        tiled = mosaic(tiles.reshape(_DOWN, _ACROSS, side, side), learner.weight.hi)
        axes.imshow(tiled, cmap="gray_r", vmin=0, vmax=learner.weight.hi, interpolation="nearest")
        what = "the pair rule alone" if name == MENDED[0] else "the learner"
        axes.set(xticks=[], yticks=[], title=f"{what}: {100 * right / len(held):.1f} % by neurons")
    return figure


def _side(learner: Learner) -> int:
    """The side of a square image."""
    side = math.isqrt(learner.pixels)
    if side * side != learner.pixels:
        raise DescriptionError(f"pictures need a square image, and {learner.pixels} pixels are none")
    return side


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
