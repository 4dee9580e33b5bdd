"""Recorded runs of experiments with learners by STDP: the page and the plots that are made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from snnhw import recorded
from snnhw.bench.plot import require, save_svg
from snnhw.recorded import row, spread
from snnhw.stdp.experiments import EXPERIMENTS, GROUPS, Experiment
from snnhw.stdp.runs import Run

__all__ = ["BEGIN", "CURVES", "END", "SWEEPS", "Runs", "load", "page", "plot", "record"]

BEGIN, END = "<!-- snnhw stdp page -->", "<!-- end of snnhw stdp page -->"
"""The lines of a page between which the tables stand."""
CURVES, SWEEPS = "stdp-curves.svg", "stdp-sweeps.svg"
_CURVES = ("400-4bit-180k", "100-4bit-180k", "50-8bit-180k", "mended", "student")
_SWEEPS = {"bits": "bits", "steps": "steps", "threshold": "largest weights", "labels": "labels"}
_BASE = {"bits": 8.0, "steps": 8.0, "threshold": 60.0}
"""Where the base stands in a sweep."""

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
    columns = ["", "presentations", "by neurons, %", "by readout, %", "seeds"]
    tested, beside = any(made.headline for made, _ in rows), any(made.beside for made, _ in rows)
    mute = any(run.mute for _, found in rows for run in found)
    columns += ["test, by neurons, %", "test, by readout, %"] * tested + ["mute, %"] * mute + ["beside it, %"] * beside
    lines = [f"### {title}", "", row(columns), "|" + "---|" * len(columns)]
    for made, found in rows:
        cells = [
            made.what,
            f"{found[0].presentations:,}",
            spread([100 * run.assigned_correct / run.images for run in found]),
            spread([100 * run.readout_correct / run.images for run in found]),
            str(len(found)),
        ]
        if tested:
            cells += _tested(found)
        if mute:
            cells.append(f"{100 * sum(run.mute / run.presentations for run in found) / len(found):.1f}")
        lines.append(row([*cells, *([made.beside or "-"] if beside else [])]))
    return "\n".join(lines)


def _tested(runs: Sequence[Run]) -> list[str]:
    """What was counted of the test set, by neurons and by readout."""
    told = [run for run in runs if run.test_images is not None]
    if not told:
        return ["-", "-"]
    counts = (
        [100 * (run.test_assigned_correct or 0) / (run.test_images or 1) for run in told],
        [100 * (run.test_readout_correct or 0) / (run.test_images or 1) for run in told],
    )
    return [spread(values) for values in counts]


def plot(runs: Runs, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Draw the curves and the sweeps as SVG; the same runs give the same files. ToolMissingError without matplotlib."""
    require()
    from matplotlib.figure import Figure

    curves = Figure(figsize=(7, 4.2), layout="constrained")
    axes = curves.add_subplot()
    for name in _CURVES:
        for run in runs.of(name)[:1]:
            counts, parts = zip(*run.curve, strict=True)
            axes.plot(counts, [100 * part for part in parts], marker=".", label=name)
    axes.set(xlabel="presentations", ylabel="validation images right, by neurons, %")
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        curves.legend(loc="outside right upper")
    sweeps = Figure(figsize=(9, 6), layout="constrained")
    for axes, (group, label) in zip(sweeps.subplots(2, 2).flat, _SWEEPS.items(), strict=True):
        points = sorted(_sweep(runs, group))
        for place, answer in ((1, "by neurons"), (2, "by readout")):
            axes.plot([point[0] for point in points], [point[place] for point in points], marker="o", label=answer)
        if group in ("steps", "labels"):
            axes.set_xscale("log")
        axes.set(title=GROUPS[group].partition(",")[0], ylabel="validation images right, %", xlabel=label)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    return save_svg(curves, Path(folder) / CURVES), save_svg(sweeps, Path(folder) / SWEEPS)


def _sweep(runs: Runs, group: str) -> list[tuple[float, float, float]]:
    """What a group changes, and how many are right in the mean of seeds, by neurons and by readout."""
    points = []
    for made in EXPERIMENTS.values():
        found = runs.of(made.name)
        if found and (made.group == group or (made.name == "base" and group in _BASE)):
            value = _BASE[group] if made.name == "base" else _changed(made, group)
            means = (
                sum(100 * run.assigned_correct / run.images for run in found) / len(found),
                sum(100 * run.readout_correct / run.images for run in found) / len(found),
            )
            points.append((value, *means))
    return points


def _changed(made: Experiment, group: str) -> float:
    learner = made.described()
    values = {
        "bits": made.bits,
        "steps": learner.num_steps,
        "threshold": learner.threshold / learner.weight.hi,
        "labels": made.labels or 0,
    }
    return float(values[group])
