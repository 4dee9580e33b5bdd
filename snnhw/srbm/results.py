"""Recorded runs of experiments: their file, and the page and the plots that are made of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from snnhw import recorded
from snnhw.bench.plot import require, save_svg
from snnhw.recorded import row, spread
from snnhw.srbm.experiments import EXPERIMENTS, GROUPS, Experiment
from snnhw.srbm.machine import Machine
from snnhw.srbm.runs import Run

__all__ = ["BEGIN", "CURVES", "END", "SWEEPS", "Runs", "load", "page", "plot", "record"]

BEGIN, END = "<!-- snnhw srbm page -->", "<!-- end of snnhw srbm page -->"
"""The lines of a page between which the tables stand."""
CURVES, SWEEPS = "srbm-curves.svg", "srbm-sweeps.svg"
_CURVES = ("cnn2", "cnn1", "rate-250", "base", "labels-160", "hidden-944", "pool-average", "pool-combination")
_SWEEPS = ("threshold", "rate", "walk", "delta")
_FIRST = dict.fromkeys(
    ("labels", "hidden", "walk", "sampling", "hold", "initial", "pooling"), ("base", "the base", "")
) | {
    "threshold": ("base", "above 0.3, the base", "79.6"),
    "rate": ("base", "a spike every 9 ticks: 222 Hz, the base", "the best, of 220 Hz"),
    "delta": ("base", "4, then 2, then 1 level, the base", ""),
    "optimiser": ("short", "without", ""),
}
"""The experiment that a group is compared with, first in its table: its name, what it is there, and the deck's."""
_TICKS_A_SECOND = 2000


Runs = recorded.Runs[Run]


def load(path: str | os.PathLike[str]) -> Runs:
    """The runs of a file, see :func:`snnhw.recorded.load_runs`."""
    return recorded.load_runs(path, Run)


def record(run: Run, path: str | os.PathLike[str]) -> Runs:
    """Put a run into a file of runs, see :func:`snnhw.recorded.record_run`."""
    return recorded.record_run(run, path, EXPERIMENTS)


def page(runs: Runs) -> str:
    """The tables of all groups that have runs, in Markdown."""
    parts = [_group(name, title, runs) for name, title in GROUPS.items()]
    pictures = [f"![accuracy over presentations]({CURVES})", f"![sweeps]({SWEEPS})"]
    return "\n\n".join([part for part in parts if part] + pictures) + "\n"


def _group(name: str, title: str, runs: Runs) -> str | None:
    """The table of a group; None where nothing of it was run."""
    rows = [(made, runs.of(made.name)) for made in EXPERIMENTS.values() if made.group == name and runs.of(made.name)]
    if not rows:
        return None
    special = {"rate": _RATES, "devices": _PULSES}.get(name, ())
    if any(run.wrong is not None for _, found in rows for run in found):
        special = (*special, ("wrong in a completed half, %", "wrong"))
    compared, what, deck = _FIRST.get(name, ("", "", ""))
    if runs.of(compared):
        rows.insert(0, (replace(EXPERIMENTS[compared], what=what, deck=deck), runs.of(compared)))
    head = ["", "presentations", "correct, %", "seeds", "the deck, %", *(title for title, _ in special)]
    lines = [f"### {title}", "", row(head), "|" + "---|" * len(head)]
    for experiment, found in rows:
        extra = [_mean(value, found) for _, value in special]
        lines.append(
            row(
                [
                    experiment.what,
                    _presentations(found),
                    _accuracy(experiment, found),
                    str(len(found)),
                    experiment.deck or "-",
                    *extra,
                ]
            )
        )
    return "\n".join(lines)


_RATES = (("clamped pixels, spikes a tick", "clamped_rate"), ("free pixels, spikes a tick", "free_rate"))
_PULSES = (("SET pulses", "set_pulses"), ("RESET pulses", "reset_pulses"))


def _presentations(runs: Sequence[Run]) -> str:
    count = sum(count for _, count in runs[0].schedule)
    return f"{count:,}" if count else "-"


def _accuracy(experiment: Experiment, runs: Sequence[Run]) -> str:
    """Validation, or training where said, with its spread over seeds; the test set behind it for headlines."""
    told = [100 * run.correct / run.images for run in runs if run.correct is not None]
    if not told:
        return "-"
    text = spread(told)
    tested = [run.test_correct for run in runs if run.test_correct is not None]
    if experiment.headline and tested:
        text += f"; test {spread([correct / 100 for correct in tested])}"
    return text


def _mean(field: str, runs: Sequence[Run]) -> str:
    """The mean over seeds of a field, as its column shows it."""
    values = [value for run in runs if (value := getattr(run, field)) is not None]
    if not values:
        return "-"
    mean = sum(values) / len(values)
    if field == "wrong":
        tested = [run.test_wrong for run in runs if run.test_wrong is not None]
        return f"{100 * mean:.1f}" + (f"; test {100 * sum(tested) / len(tested):.2f}" if tested else "")
    return f"{mean:,.0f}" if mean >= 1 else f"{mean:.4f}"


def plot(runs: Runs, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Draw the curves and the sweeps as SVG; the same runs give the same files. ToolMissingError without matplotlib."""
    require()
    from matplotlib.figure import Figure

    curves = Figure(figsize=(7, 4.2), layout="constrained")
    axes = curves.add_subplot()
    for name in _CURVES:
        for run in runs.of(name)[:1]:
            axes.plot(*zip(*((count, 100 * part) for count, part in run.curve), strict=True), marker="o", label=name)
    axes.set(xlabel="presentations", ylabel="validation images right, %")
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        curves.legend(loc="outside right upper")
    sweeps = Figure(figsize=(9, 6), layout="constrained")
    for axes, group in zip(sweeps.subplots(2, 2).flat, _SWEEPS, strict=True):
        points = sorted(_sweep(runs, group))
        axes.plot([value for value, _ in points], [part for _, part in points], marker="o", label="as asked")
        if group == "rate":
            passed = sorted(_through_refractory(dict(points)))
            axes.plot(
                [rate for rate, _ in passed], [part for _, part in passed], "--", label="through a refractory unit"
            )
            axes.legend()
        axes.set(title=GROUPS[group], ylabel="validation images right, %", xlabel=_AXES[group])
        axes.grid(visible=True, alpha=0.3)
    return save_svg(curves, Path(folder) / CURVES), save_svg(sweeps, Path(folder) / SWEEPS)


_AXES = {"threshold": "threshold", "rate": "Hz", "walk": "levels", "delta": "levels"}


def _sweep(runs: Runs, group: str) -> Iterable[tuple[float, float]]:
    """What a group changes, and how many are right in the mean of seeds; the base is a point of most sweeps."""
    for name in dict.fromkeys(run.experiment for run in runs.runs):
        experiment = EXPERIMENTS.get(name)
        if experiment is None or (experiment.group != group and (name != "base" or group == "delta")):
            continue
        machine = experiment.described(784)
        values = {
            "threshold": experiment.level,
            "rate": _TICKS_A_SECOND / machine.periods.pixel,
            "walk": machine.noise.step,
            "delta": experiment.schedule[0][0],
        }
        parts = [100 * run.correct / run.images for run in runs.of(name) if run.correct is not None]
        yield values[group], sum(parts) / len(parts)


def _through_refractory(measured: Mapping[float, float]) -> Iterable[tuple[float, float]]:
    """What rates come to, in Hz, if spikes that come while a unit is refractory are lost."""
    shortest = Machine().neuron.refractory + 1
    for rate in measured:
        period = round(_TICKS_A_SECOND / rate)
        passed = _TICKS_A_SECOND / (period * -(-shortest // period))
        if passed in measured:
            yield rate, measured[passed]
