"""Pictures of a spiking RBM: what it completes, what its hidden units look at, and what happens tick by tick.

All of them come from the plain golden machine. It runs as a copy, so that what is drawn stays as it was.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golden.srbm import Srbm, Tick
from snnhw.bench.plot import mosaic, require, save_png
from snnhw.errors import DescriptionError
from snnhw.srbm.baselines import wrong_pixels
from snnhw.srbm.evaluate import half_masks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "membranes", "raster", "receptive_fields", "reconstructions"]

Bits = NDArray[np.uint8]

HALVES = ("left", "right", "upper", "lower")
"""What `half_masks` leaves known, in its order."""
_SHOWN = ("left", "upper")
_UNKNOWN = 0.5
_FIELDS = (5, 10)
_TRACED = (0.02, 0.1, 0.25)
"""Which hidden units are traced, as parts of all, the most active first."""


def draw(srbm: Srbm, bits: Bits, labels: NDArray[np.int64], folder: str | os.PathLike[str]) -> list[Path]:
    """Draw all pictures as PNG into a folder, of images [N, pixels] of 0 and 1 that it completes.

    The raster and the membranes are of the first one. Raises DescriptionError where pixels are not a square image,
    ToolMissingError without matplotlib.
    """
    require()
    figures = {
        "regeneration": reconstructions(srbm, bits),
        "receptive-fields": receptive_fields(srbm),
        "raster": raster(srbm, bits[0], int(labels[0])),
        "membranes": membranes(srbm, bits[0], int(labels[0])),
    }
    return [save_png(figure, Path(folder) / f"srbm-{name}.png") for name, figure in figures.items()]


def reconstructions(srbm: Srbm, bits: Bits) -> Figure:
    """Images, what the machine is shown of them (grey is what it is not), and what it makes of that."""
    side = _side(srbm)
    rows: list[tuple[str, NDArray[np.float64]]] = [("image", bits.astype(np.float64))]
    for name, known in zip(HALVES, half_masks(side, side), strict=True):
        if name in _SHOWN:
            made = np.array([srbm.regenerate(image, known)[2] for image in bits])
            wrong = 100 * wrong_pixels(bits, made, known)
            rows += [
                (f"{name} half known", np.where(known, bits, _UNKNOWN)),
                (f"completed, {wrong:.1f} % wrong", made.astype(np.float64)),
            ]
    figure = _figure(2.6 + 0.8 * len(bits), 0.8 * len(rows) + 0.2)
    axes = figure.add_subplot()
    tiles = np.concatenate([images for _, images in rows]).reshape(len(rows), len(bits), side, side)
    axes.imshow(mosaic(tiles, 1.0), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([(side + 1) * (row + 0.5) for row in range(len(rows))], [title for title, _ in rows])
    axes.set_frame_on(False)
    return figure


def receptive_fields(srbm: Srbm) -> Figure:
    """The weights between pixels and the hidden units whose weights are largest in the mean of their squares."""
    side, pixels, hidden = _side(srbm), srbm.machine.pixels, srbm.machine.hidden
    weights = (srbm.gp - srbm.gm)[:pixels, :hidden]
    down, across = _FIELDS
    chosen = np.zeros((down * across, pixels))
    strongest = np.argsort(-np.square(weights.astype(np.float64)).mean(axis=0), kind="stable")[: down * across]
    chosen[: len(strongest)] = weights[:, strongest].T
    top = float(np.quantile(np.abs(chosen), 0.995)) or 1.0
    figure = _figure(0.8 * across + 1, 0.8 * down)
    axes = figure.add_subplot()
    tiled = mosaic(chosen.reshape(down, across, side, side), -np.inf)
    axes.set_facecolor("black")
    shown = axes.imshow(np.ma.masked_invalid(tiled), cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    figure.colorbar(shown, ax=axes, label="weight, levels")
    return figure


def raster(srbm: Srbm, bits: Bits, label: int) -> Figure:
    """The spikes of every unit while an image is learned, through the phases."""
    machine = srbm.machine
    ticks = _learn(srbm, bits, label)
    rows, columns = np.array([tick.rows for tick in ticks]), np.array([tick.columns for tick in ticks])
    parts = (
        ("pixels", rows[:, : machine.pixels], 3.0),
        ("labels", rows[:, machine.pixels : machine.visible], 1.2),
        ("hidden", columns[:, : machine.hidden], 3.0),
    )
    figure = _figure(9, 7)
    panels = figure.subplots(len(parts), 1, sharex=True, height_ratios=[height for _, _, height in parts])
    for axes, (name, spikes, _) in zip(panels, parts, strict=True):
        times, units = np.nonzero(spikes)
        axes.scatter(times, units, s=1.2, c="black", linewidths=0)
        axes.set(ylabel=name, ylim=(-1, spikes.shape[1]), xlim=(0, len(ticks)))
        _shade(axes, srbm)
    panels[0].set_title(f"an image of class {label} through settle, data (g = +1), transition and model (g = -1)")
    panels[-1].set_xlabel("tick")
    return figure


def membranes(srbm: Srbm, bits: Bits, label: int) -> Figure:
    """The membranes of some hidden units while an image is learned, more and less active, and the noise alone."""
    machine = srbm.machine
    ticks = _learn(srbm, bits, label)
    fired = np.array([tick.columns[: machine.hidden] for tick in ticks])
    traces = np.array([tick.hidden for tick in ticks])
    silent = np.zeros_like(srbm.gp)
    alone = Srbm(machine, silent, silent if machine.synapse.paired else None, walk=srbm.walk)
    walk = np.array([tick.hidden for tick in _learn(alone, bits, label)])
    order = np.argsort(-fired.sum(axis=0), kind="stable")
    chosen = [int(order[int(part * machine.hidden)]) for part in _TRACED]
    figure = _figure(9, 1.8 * (len(chosen) + 1))
    panels = figure.subplots(len(chosen) + 1, 1, sharex=True)
    for axes, unit in zip(panels, chosen, strict=False):
        axes.plot(traces[:, unit], linewidth=0.8)
        times = np.nonzero(fired[:, unit])[0]
        axes.vlines(times, machine.neuron.threshold, 1.4 * machine.neuron.threshold, color="tab:red", linewidth=1)
        axes.set(ylabel=f"V of h{unit}")
    panels[-1].plot(walk[:, chosen[0]], linewidth=0.8, color="tab:green")
    panels[-1].set(ylabel="noise alone", xlabel="tick")
    for axes in panels:
        axes.axhline(machine.neuron.threshold, color="grey", linestyle=":", linewidth=0.8)
        axes.set_ylim(bottom=-2.5 * machine.neuron.threshold)
        _shade(axes, srbm)
    panels[0].set_title("membranes with the random walk; a red line is a spike, the dotted one the threshold")
    return figure


def _learn(srbm: Srbm, bits: Bits, label: int) -> list[Tick]:
    """The ticks of learning an image with a step of 1, by a copy of the machine."""
    gm = srbm.gm if srbm.machine.synapse.paired else None
    copy = Srbm(srbm.machine, srbm.gp, gm, walk=srbm.walk, refresh=srbm.refresh)
    ticks: list[Tick] = []
    copy.train(bits, label, 1, trace=ticks.append)
    return ticks


def _shade(axes: Axes, srbm: Srbm) -> None:
    """Colour the phases in which weights change."""
    phases = srbm.machine.phases
    data = phases.settle
    model = data + phases.data + phases.transition
    axes.axvspan(data, data + phases.data, color="tab:blue", alpha=0.08, linewidth=0)
    axes.axvspan(model, model + phases.model, color="tab:orange", alpha=0.12, linewidth=0)


def _side(srbm: Srbm) -> int:
    """The side of a square image."""
    pixels = srbm.machine.pixels
    side = math.isqrt(pixels)
    if side * side != pixels or side % 2:
        raise DescriptionError(f"pictures need a square image of an even side, and {pixels} pixels are none")
    return side


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
