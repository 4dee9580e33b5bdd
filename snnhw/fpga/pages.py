"""Reports as text: a page for one build, a table for two."""

from __future__ import annotations

from typing import NamedTuple

from snnhw.fpga.parts import Cells
from snnhw.fpga.report import BuildReport, CommandImplementation
from snnhw.shell import UartShell
from snnhw.verdict import Spread

__all__ = ["Row", "compare", "page"]

_COLUMNS = ("lut", "lutram", "ff", "carry", "bram", "spram", "dsp")


def page(report: BuildReport) -> str:
    """A build on a page."""
    part = report.part
    lines = [
        f"{report.name} on {report.board or part.name} ({part.family} {part.device} {part.package}), {_shell(report)}",
        f"digest {report.digest}",
        *(f"  {line}" for line in report.semantics),
        _lanes(report),
        "",
        *_resources(report),
        "",
        *_clock(report),
        *_image(report),
        "",
        f"seed {report.seed}; " + ", ".join(f"{tool} {version}" for tool, version in report.tools.items()),
        "time " + ", ".join(f"{step} {seconds:.1f} s" for step, seconds in report.seconds.items()),
    ]
    if report.bitstream:
        lines.append(f"bitstream {report.bitstream}, SHA-256 {report.bitstream_sha256}")
    if report.patched_from:
        lines.append(f"patched: weights in the place of those that were built, digest {report.patched_from}")
    return "\n".join(lines) + "\n"


def _lanes(report: BuildReport) -> str:
    built = report.implementation
    if isinstance(built, CommandImplementation):
        lanes = "1 lane" if built.lanes == 1 else f"{built.lanes} lanes"
        return f"{lanes}, synapses in {built.memory}; what is learned is loaded when it runs"
    lanes = ", ".join(f"{layer.synapse_lanes}/{layer.neuron_lanes}" for layer in built.layers)
    return f"synapse/neuron lanes {lanes}; {built.pixels_per_beat} pixels a beat"


def _resources(report: BuildReport) -> list[str]:
    rows = {**report.stages, "all stages": report.total}
    width = max(len("of the part"), *map(len, rows))
    lines = [f"{'':{width}}" + "".join(f"{column:>9}" for column in _COLUMNS)]
    lines += [f"{name:{width}}" + _cells(cells) for name, cells in rows.items()]
    holds = report.part.holds.model_dump()
    lines.append(f"{'of the part':{width}}" + "".join(f"{holds.get(column, ''):>9}" for column in _COLUMNS))
    if report.harness is not None:
        lines.append(f"{'harness':{width}}{_cells(report.harness)}  (stands in for pins; not counted)")
    if report.placed:
        used = ", ".join(f"{name} {used}/{available}" for name, (used, available) in report.placed.items())
        lines.append(f"placed: {used}")
    return lines


def _cells(cells: Cells) -> str:
    return "".join(f"{getattr(cells, column):>9g}" for column in _COLUMNS)


def _clock(report: BuildReport) -> list[str]:
    timing = report.timing
    if timing is None:
        return [f"clock {report.clock_mhz:g} MHz asked for; not placed, so nothing says whether it is reached"]
    return [
        f"clock {timing.asked_mhz:g} MHz asked for, {timing.fmax_mhz:.1f} MHz reached, slack {timing.slack_ns:.2f} ns",
        f"worst path {timing.worst_path_ns:.2f} ns: {' -> '.join(timing.worst_path)}",
    ]


def _image(report: BuildReport) -> list[str]:
    if report.cycles is None or report.time is None:
        return ["no images of this shape: cycles and work are not known (--dataset)"]
    cycles, time, work = report.cycles, report.time, report.work
    lines = [
        f"cycles an image {_spread(cycles.latency)} (min / mean / max), between results {_spread(cycles.interval)}, "
        f"{cycles.images:,} images of {cycles.dataset}",
        f"at {report.clock_mhz:g} MHz {time.latency_us:.2f} us an image, {time.images_per_s:,.0f} images/s",
    ]
    if work is None:
        return lines
    return [
        *lines,
        f"{work.synaptic_operations:,.0f} synaptic operations and {work.weight_bits_read:,.0f} weight bits read an "
        f"image: about {work.energy_nj:.1f} nJ",
        f"  ({work.energy_source})",
    ]


def _shell(report: BuildReport) -> str:
    shell = report.shell
    return f"serial line at {shell.baud} baud" if isinstance(shell, UartShell) else f"{shell.kind} interface"


def _spread(spread: Spread) -> str:
    return f"{spread.min} / {spread.mean:.1f} / {spread.max}"


class Row(NamedTuple):
    """A figure of two builds; None where one does not know it."""

    name: str
    first: float | None
    second: float | None

    @property
    def ratio(self) -> float | None:
        """The second as a part of the first; None where there is no such number."""
        return self.second / self.first if self.first and self.second is not None else None


def compare(first: BuildReport, second: BuildReport) -> list[Row]:
    """Figures of two builds side by side."""
    return [
        Row(name, before, after) for (name, before), (_, after) in zip(figures(first), figures(second), strict=True)
    ]


def figures(report: BuildReport) -> list[tuple[str, float | None]]:
    """What can be compared of a build, by name; None what it does not know."""
    timing, cycles, time, work = report.timing, report.cycles, report.time, report.work
    return [
        *((column, float(getattr(report.total, column))) for column in _COLUMNS),
        ("clock MHz", report.clock_mhz),
        ("Fmax MHz", timing.fmax_mhz if timing else None),
        ("slack ns", timing.slack_ns if timing else None),
        ("latency, cycles", cycles.latency.mean if cycles else None),
        ("interval, cycles", cycles.interval.mean if cycles else None),
        ("latency, us", time.latency_us if time else None),
        ("images/s", time.images_per_s if time else None),
        ("synaptic operations", work.synaptic_operations if work else None),
        ("weight bits read", work.weight_bits_read if work else None),
        ("energy, nJ", work.energy_nj if work else None),
    ]
