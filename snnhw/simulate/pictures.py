"""Pictures of a simulation, of what the circuit's own taps showed: spike values over time, and waveforms by layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnhw.bench.plot import require, save_png
from snnhw.network import Layer
from snnhw.simulate.simulation import Simulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "encoder_waveform", "layer_waveform", "spike_values"]

_UNITS = 10
"""Pixels or neurons of a layer that are drawn: those with most different values."""
_BARS = 4
"""Of them in a picture of bars."""

Array = NDArray[Any]


def draw(simulation: Simulation, name: str, folder: str | os.PathLike[str]) -> list[Path]:
    """Draw a complete simulation with traces as PNG into a folder; images stand one after the other.

    The files are ``NAME-encoder.png``; for each layer with neurons ``NAME-LAYER.png``; and ``NAME-LAYER-spikes.png``
    where they fire. Raises ToolMissingError without matplotlib, OutputError where a file cannot be written.
    """
    require()
    figures = {"encoder": encoder_waveform(simulation)}
    for layer in simulation.network.stages:
        if layer.neuron is not None:
            figures[layer.name] = layer_waveform(simulation, layer)
            if _fires(layer):
                figures[f"{layer.name}-spikes"] = spike_values(simulation, layer)
    return [save_png(figure, Path(folder) / f"{name}-{part}.png") for part, figure in figures.items()]


def spike_values(simulation: Simulation, layer: Layer) -> Figure:
    """The values that neurons of a layer send, step by step; 0 where one does not fire."""
    values = _in_a_row(simulation.layer(layer.name).value)
    shown = _varied(values, _BARS)
    figure = _figure(3.2)
    axes = figure.add_subplot()
    width = 0.8 / len(shown)
    for place, unit in enumerate(shown):
        axes.bar(np.arange(len(values)) + 0.1 + width * (place + 0.5), values[:, unit], width, color=_colour(place))
    axes.set(ylabel="value of the spike", title=f"layer {layer.name}: spikes of {_part(shown, values)} neurons")
    _legend(axes, shown, "neuron")
    _marks(axes, simulation)
    return figure


def encoder_waveform(simulation: Simulation) -> Figure:
    """What the encoder sends for some pixels; events that are sent once an image stay for all its steps."""
    network, trace = simulation.network, simulation.encoder()
    steps = 1 if network.encoder.once else network.num_steps
    sent, _ = trace.values(steps, simulation.samples, network.inputs)
    values = _in_a_row(np.repeat(sent, network.num_steps // steps, axis=0))
    shown = _varied(values)
    figure = _figure(0.35 * len(shown) + 1)
    axes = figure.add_subplot()
    _rows(axes, values, shown, "pixel")
    once = ", sent once an image" if network.encoder.once else ""
    axes.set(title=f"encoder: events of {_part(shown, values)} pixels{once}")
    _marks(axes, simulation)
    return figure


def layer_waveform(simulation: Simulation, layer: Layer) -> Figure:
    """Membranes of neurons after each step, and above them, where neurons fire, the values of their spikes."""
    trace = simulation.layer(layer.name)
    values, membranes = _in_a_row(trace.value), _in_a_row(trace.state["membrane"])
    shown = _varied(values if _fires(layer) else membranes)
    figure = _figure(3.2 + (0.3 * len(shown) if _fires(layer) else 0))
    if _fires(layer):
        spikes, axes = figure.subplots(2, 1, sharex=True, height_ratios=[0.3 * len(shown), 2.6])
        _rows(spikes, values, shown, "neuron")
        _marks(spikes, simulation, labels=False)
        spikes.set(title=f"layer {layer.name}: {_part(shown, values)} neurons, their spikes and membranes")
    else:
        axes = figure.add_subplot()
        axes.set(title=f"layer {layer.name}: membranes of {_part(shown, values)} neurons")
    for place, unit in enumerate(shown):
        _wave(axes, membranes[:, unit], _colour(place))
    axes.set(ylabel="membrane")
    _legend(axes, shown, "neuron")
    _marks(axes, simulation)
    return figure


def _fires(layer: Layer) -> bool:
    return layer.neuron is not None and layer.neuron.threshold is not None


def _in_a_row(values: Array) -> Array:
    """Values [steps, samples, units] as [samples * steps, units]."""
    return values.transpose(1, 0, 2).reshape(-1, values.shape[2]).astype(np.int64)


def _varied(values: Array, most: int = _UNITS) -> list[int]:
    """The units, in order, that have most different values [times, units]; of equals those whose spread is largest."""
    different = [len(np.unique(values[:, unit])) for unit in range(values.shape[1])]
    chosen = np.lexsort((-values.std(axis=0), -np.array(different)))
    return sorted(chosen[:most].tolist())


def _part(shown: list[int], values: Array) -> str:
    return f"{len(shown)} of {values.shape[1]}"


def _rows(axes: Axes, values: Array, shown: list[int], called: str) -> None:
    """A row for each unit, as a logic analyser has them: its value as a line, and as a number where it changes."""
    most = max(1, int(values[:, shown].max()))
    for place, unit in enumerate(shown):
        base, wave = -place, values[:, unit]
        _wave(axes, base + 0.7 * wave / most, _colour(place))
        for time in np.flatnonzero((wave > 0) & (np.diff(wave, prepend=0) != 0)).tolist():
            axes.annotate(str(wave[time]), (time + 0.1, base + 0.05), fontsize=5)
    axes.set(yticks=[-place for place in range(len(shown))], yticklabels=[f"{called} {unit}" for unit in shown])
    axes.tick_params(axis="y", labelsize=7)


def _wave(axes: Axes, wave: Array, colour: str) -> None:
    """A value that stays from one step to the next."""
    axes.step(np.arange(len(wave) + 1), np.append(wave, wave[-1]), where="post", color=colour, linewidth=1)


def _marks(axes: Axes, simulation: Simulation, labels: bool = True) -> None:
    """Lines between images, and below each its number and the class that it was given."""
    steps, samples = simulation.network.num_steps, simulation.samples
    for start in range(0, (samples + 1) * steps, steps):
        axes.axvline(start, color="grey", linestyle=":", linewidth=0.7)
    axes.set(xlim=(0, samples * steps), xticks=[steps * (number + 0.5) for number in range(samples)])
    classes = enumerate(simulation.classes.tolist())
    axes.set_xticklabels([f"image {number}\n{steps} steps\nclass {given}" for number, given in classes])
    axes.tick_params(axis="x", labelsize=7, length=0, labelbottom=labels)


def _legend(axes: Axes, shown: list[int], called: str) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=_colour(place), label=str(unit)) for place, unit in enumerate(shown)]
    axes.legend(handles=patches, title=called, fontsize=7, title_fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))


def _colour(place: int) -> str:
    return f"C{place}"


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(8, height), layout="constrained")
