"""The record of :mod:`benchmarks.cnn_beside_snn`, and the table and the plots that are made of it."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.arms import ARMS, Course
from snnhw.bench.plot import require, save_svg
from snnhw.recorded import row

__all__ = ["BEGIN", "END", "PLOTS", "Comparison", "plot", "table"]

BEGIN, END = "<!-- cnn beside snn -->", "<!-- end of cnn beside snn -->"
"""The lines of the page between which the table stands."""
PLOTS = ("cnn-beside-snn-accuracy.svg", "cnn-beside-snn-loss.svg")
BASE = "cnn"
"""What the seconds of the others are compared with."""
TARGET, LOW = 95.0, 90.0
"""Percent of the test images that the report tells of: reached, and not reached for long."""
SETTLED = 3
"""The last of so many parts of a course is taken for settled."""


class Comparison(BaseModel):
    """All that was measured."""

    model_config = ConfigDict(extra="forbid")

    courses: list[Course]
    """In the order of `ARMS`."""
    batch_cpu_seconds: dict[str, float]
    """Of a training step, by arm: medians of batches that were trained in turns."""
    batches: int
    """That those are medians of, of each arm."""
    versions: dict[str, str]


def percents(course: Course) -> list[float]:
    """The part of the test images that are right after each epoch."""
    return [100 * epoch.correct / course.images for epoch in course.epochs]


def reached(course: Course) -> int | None:
    """The first epoch that reaches `TARGET`."""
    return next((number for number, right in enumerate(percents(course), start=1) if right >= TARGET), None)


def below(course: Course) -> int:
    """Number of epochs at the beginning that stay below `LOW`."""
    return sum(1 for _ in itertools.takewhile(lambda right: right < LOW, percents(course)))


def settled(course: Course) -> tuple[float, float]:
    """Mean and standard deviation of the loss over the batches of the last part of a course.

    Groups have the same number of batches, but for the last of each epoch.
    """
    means = [loss for epoch in course.epochs for loss in epoch.losses]
    deviations = [deviation for epoch in course.epochs for deviation in epoch.deviations]
    count = math.ceil(len(means) / SETTLED)
    within = statistics.fmean(deviation**2 for deviation in deviations[-count:])
    return statistics.fmean(means[-count:]), math.sqrt(within + statistics.pvariance(means[-count:]))


def table(made: Comparison) -> str:
    """The report's figures and ours, in Markdown, with the plots."""
    courses = made.courses
    head = ["", "the report's CNN", "the report's SNN", *(ARMS[course.arm].what for course in courses)]
    base = made.batch_cpu_seconds[BASE]

    def each(of: Callable[[Course], str]) -> list[str]:
        return [of(course) for course in courses]

    def epoch_seconds(course: Course) -> float:
        return made.batch_cpu_seconds[course.arm] * course.batches

    def until(course: Course) -> str:
        epoch = reached(course)
        return "-" if epoch is None else f"{epoch * epoch_seconds(course):,.0f}"

    rows: Iterable[Sequence[str]] = (
        ["CPU seconds per epoch", "-", "-", *each(lambda course: f"{epoch_seconds(course):,.1f}")],
        ["as a multiple of the CNN's", "1", "about 5", *each(lambda course: _times(course, made, base))],
        ["epochs trained", "30 or more", "-", *each(lambda course: str(len(course.epochs)))],
        ["right after the first epoch, %", "below 90", "-", *each(lambda course: f"{percents(course)[0]:.2f}")],
        ["epochs below 90 %", "20", "-", *each(lambda course: str(below(course)))],
        ["epochs to 95 %", "about 30", "5", *each(lambda course: str(reached(course) or "not reached"))],
        ["CPU seconds to 95 %, at most", "about the SNN's", "-", *each(until)],
        ["right after the last epoch, %", "about 95", "about 95", *each(lambda course: f"{percents(course)[-1]:.2f}")],
        ["the greatest after any epoch, %", "-", "-", *each(lambda course: f"{max(percents(course)):.2f}")],
        ["loss of the last third", "-", "-", *each(lambda course: f"{settled(course)[0]:.3f}")],
        ["its standard deviation", "no clear difference", "", *each(lambda course: f"{settled(course)[1]:.3f}")],
    )
    lines = [row(head), "|" + "---|" * len(head), *(row(cells) for cells in rows)]
    seconds = f"Seconds are medians of {made.batches} batches of each network, trained in turns, one thread each."
    tools = "Tools: " + ", ".join(f"{tool} {version}" for tool, version in made.versions.items()) + "."
    pictures = (f"![accuracy over epochs and seconds]({PLOTS[0]})", f"![loss over epochs]({PLOTS[1]})")
    return "\n\n".join(["\n".join(lines), seconds, *pictures, tools]) + "\n"


def _times(course: Course, made: Comparison, base: float) -> str:
    return f"{made.batch_cpu_seconds[course.arm] / base:.1f}"


def plot(made: Comparison, folder: Path) -> tuple[Path, Path]:
    """Draw accuracy and loss as SVG; the same record gives the same files. ToolMissingError without matplotlib."""
    require()
    from matplotlib.figure import Figure

    accuracy, loss = Figure(figsize=(9, 3.8), layout="constrained"), Figure(figsize=(9, 3.8), layout="constrained")
    by_epoch, by_seconds = accuracy.subplots(1, 2, sharey=True)
    by_batch = loss.subplots(1, len(made.courses))
    for number, (course, axes) in enumerate(zip(made.courses, by_batch, strict=True)):
        color, what = f"C{number}", ARMS[course.arm].what
        epochs = range(1, len(course.epochs) + 1)
        seconds = made.batch_cpu_seconds[course.arm] * course.batches
        by_epoch.plot(epochs, percents(course), marker=".", color=color, label=what)
        by_seconds.plot([epoch * seconds for epoch in epochs], percents(course), marker=".", color=color)
        means = [value for epoch in course.epochs for value in epoch.losses]
        spreads = [value for epoch in course.epochs for value in epoch.deviations]
        places = [(index + 1) * len(course.epochs) / len(means) for index in range(len(means))]
        axes.plot(places, means, color=color, linewidth=0.8)
        low, high = ([mean + sign * spread for mean, spread in zip(means, spreads, strict=True)] for sign in (-1, 1))
        axes.fill_between(places, low, high, color=color, alpha=0.25)
        axes.set(title=what, xlabel="epochs")
        axes.title.set_fontsize(8)
    by_epoch.set(xlabel="epochs", ylabel="test images right, %")
    by_seconds.set(xlabel="CPU seconds of training", xscale="log")
    by_batch[0].set_ylabel("loss of a batch, with its standard deviation")
    for axes in (by_epoch, by_seconds):
        axes.axhline(TARGET, color="tab:grey", linestyle=":")
        axes.grid(visible=True, alpha=0.3)
    accuracy.legend(loc="outside upper center", ncols=len(made.courses), fontsize=8)
    return save_svg(accuracy, folder / PLOTS[0]), save_svg(loss, folder / PLOTS[1])
