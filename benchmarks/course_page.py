"""The record of :mod:`benchmarks.cnn_beside_snn`, and the table and the plots that are made of it."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.arms import ARMS, Course
from snnhw.bench.plot import require, save_svg
from snnhw.recorded import row

__all__ = ["BEGIN", "END", "PLOTS", "Comparison", "Seconds", "plot", "table"]

BEGIN, END = "<!-- cnn beside snn -->", "<!-- end of cnn beside snn -->"
"""The lines of the page between which the table stands."""
PLOTS = ("cnn-beside-snn-accuracy.svg", "cnn-beside-snn-loss.svg")
BASE = "cnn"
"""What the seconds of the others are compared with."""
TARGET, LOW = 95.0, 90.0
"""Percent of the test images that the report tells of: reached, and not reached for long."""
SETTLED = 3
"""The last of so many parts of a course is taken for settled."""


class Seconds(BaseModel):
    """What training steps take, measured in turns."""

    model_config = ConfigDict(extra="forbid")

    batches: int
    """Of each arm."""
    medians: dict[str, float]
    """CPU seconds of a batch, by arm."""


class Comparison(BaseModel):
    """All that was measured."""

    model_config = ConfigDict(extra="forbid")

    courses: list[Course]
    """In the order of `ARMS`; without an epoch where none has been trained."""
    seconds: Seconds
    versions: dict[str, str]

    def epoch_seconds(self, course: Course) -> float:
        """CPU seconds of an epoch."""
        return self.seconds.medians[course.arm] * course.batches


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
    head = ["", "the report's CNN", "the report's SNN", *(ARMS[course.arm].what for course in made.courses)]
    base = made.seconds.medians[BASE]

    def each(of: Callable[[Course], str]) -> list[str]:
        return [of(course) if course.epochs else "-" for course in made.courses]

    def until(course: Course) -> str:
        epoch = reached(course)
        return "-" if epoch is None else f"{epoch * made.epoch_seconds(course):,.0f}"

    times = [f"{made.seconds.medians[course.arm] / base:.1f}" for course in made.courses]
    rows: Iterable[Sequence[str]] = (
        ["CPU seconds per epoch", "-", "-", *(f"{made.epoch_seconds(course):,.1f}" for course in made.courses)],
        ["as a multiple of the first CNN's", "1", "about 5", *times],
        ["epochs trained", "30 or more", "-", *(str(len(course.epochs)) for course in made.courses)],
        ["right after the first epoch, %", "below 90", "-", *each(lambda course: f"{percents(course)[0]:.2f}")],
        ["epochs below 90 %", "20", "-", *each(lambda course: str(below(course)))],
        ["epochs to 95 %", "about 30", "5", *each(lambda course: str(reached(course) or "not reached"))],
        ["CPU seconds to 95 %, at most", "about the SNN's", "-", *each(until)],
        ["right after the last epoch, %", "about 95", "about 95", *each(lambda course: f"{percents(course)[-1]:.2f}")],
        ["least and most in the last third, %", "-", "-", *each(_extremes)],
        ["loss of the last third", "-", "-", *each(lambda course: f"{settled(course)[0]:.3f}")],
        ["its standard deviation", "as the SNN's", "as the CNN's", *each(lambda course: f"{settled(course)[1]:.3f}")],
    )
    lines = [row(head), "|" + "---|" * len(head), *(row(cells) for cells in rows)]
    measured = (
        f"Seconds are medians of {made.seconds.batches} batches of each network, trained in turns, one thread each."
    )
    tools = "Tools: " + ", ".join(f"{tool} {version}" for tool, version in made.versions.items()) + "."
    pictures = (f"![accuracy over epochs and seconds]({PLOTS[0]})", f"![loss over epochs]({PLOTS[1]})")
    return "\n\n".join(["\n".join(lines), measured, *pictures, tools]) + "\n"


def _extremes(course: Course) -> str:
    last = percents(course)[-math.ceil(len(course.epochs) / SETTLED) :]
    return f"{min(last):.2f} to {max(last):.2f}"


def plot(made: Comparison, folder: Path) -> tuple[Path, Path]:
    """Draw accuracy and loss as SVG; the same record gives the same files. ToolMissingError without matplotlib."""
    require()
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    trained = [course for course in made.courses if course.epochs]
    accuracy, loss = Figure(figsize=(9, 3.8), layout="constrained"), Figure(figsize=(9, 3.2), layout="constrained")
    by_epoch, by_seconds = accuracy.subplots(1, 2, sharey=True)
    panels = loss.subplots(1, len(trained), squeeze=False)[0]
    for number, (course, axes) in enumerate(zip(trained, panels, strict=True)):
        epochs, color, what = range(1, len(course.epochs) + 1), f"C{number}", ARMS[course.arm].what
        seconds = [epoch * made.epoch_seconds(course) for epoch in epochs]
        by_epoch.plot(epochs, percents(course), marker=".", color=color, label=what)
        by_seconds.plot(seconds, percents(course), marker=".", color=color)
        _draw_loss(course, axes, color)
    by_epoch.set(xlabel="epochs", ylabel="test images right, %")
    by_seconds.set(xlabel="CPU seconds of training", xscale="log")
    by_seconds.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    by_seconds.xaxis.set_major_formatter("{x:,.0f}")
    by_seconds.xaxis.set_minor_formatter(NullFormatter())
    for axes in (by_epoch, by_seconds):
        axes.axhline(TARGET, color="tab:grey", linestyle=":")
        axes.grid(visible=True, alpha=0.3)
    accuracy.legend(loc="outside upper center", ncols=len(trained), fontsize=8)
    loss.supylabel("loss, with its standard deviation", fontsize=9)
    return save_svg(accuracy, folder / PLOTS[0]), save_svg(loss, folder / PLOTS[1])


def _draw_loss(course: Course, axes: Any, color: str) -> None:
    """The mean of each group of batches, within its standard deviation."""
    means = [value for epoch in course.epochs for value in epoch.losses]
    spreads = [value for epoch in course.epochs for value in epoch.deviations]
    places = [(index + 1) * len(course.epochs) / len(means) for index in range(len(means))]
    low, high = ([mean + sign * spread for mean, spread in zip(means, spreads, strict=True)] for sign in (-1, 1))
    axes.plot(places, means, color=color, linewidth=0.8)
    axes.fill_between(places, low, high, color=color, alpha=0.25)
    axes.set(xlabel="epochs")
    axes.set_title(ARMS[course.arm].what, fontsize=8)
