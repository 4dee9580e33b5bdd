"""``snnhw bench``: the points of a model, measured, beside what others built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.output import DATASET_HELP, MODEL_HELP, Json, console, note, print_record, progress

if TYPE_CHECKING:
    from snnhw.bench.figures import Figures
    from snnhw.data import Dataset
    from snnhw.points import Point

_MODEL = typer.Argument(metavar="[MODEL]", help=MODEL_HELP)
_POINTS = typer.Option("--points", metavar="NAMES", help="Only these, with commas between; all unless told.")
_DATASET = typer.Option("--dataset", metavar="DATA", help=f"{DATASET_HELP} mnist unless told, sample without it.")
_OUT = typer.Option("--out", metavar="DIR", help="Write bench.json and the plot into this folder.")
_WRITE = typer.Option("--write", metavar="FILE", help="Write the tables into this page, and the plot beside it.")


def bench(
    model: Annotated[str, _MODEL] = "mnist-mlp",
    points: Annotated[str | None, _POINTS] = None,
    dataset: Annotated[str | None, _DATASET] = None,
    out: Annotated[str | None, _OUT] = None,
    write: Annotated[str | None, _WRITE] = None,
    as_json: Json = False,
) -> None:
    """Build and verify every point of a model; status 1 where one differs from golden or misses its clock."""
    from dataclasses import asdict

    from snnhw.bench.measure import measure
    from snnhw.bench.page import PLOT, around, page
    from snnhw.bench.page import write as write_page
    from snnhw.bench.peers import PEERS
    from snnhw.bench.plot import plot, require
    from snnhw.files import write_atomically
    from snnhw.presets import resolve_model

    chosen, wanted = resolve_model(model), _points(points)
    images = _images(dataset)
    if out is not None or write is not None:
        require()
    if write is not None:
        around(Path(write))
    with progress("measuring") as update:
        table = measure(model, chosen, wanted, images, update)
    text = page(table)
    record = {**table.model_dump(mode="json"), "peers": [asdict(peer) for peer in PEERS]}
    if out is not None:
        import json

        write_atomically(Path(out) / "bench.json", json.dumps(record, indent=1) + "\n")
        plot(table, Path(out) / PLOT)
    if write is not None:
        write_page(Path(write), text)
        plot(table, Path(write).with_name(PLOT))
    if as_json:
        print_record(record)
    else:
        console().print(text.rstrip())
    if failed := [line for figures in table.points for line in _failures(figures)]:
        for line in failed:
            note(line)
        raise typer.Exit(1)


def _points(names: str | None) -> tuple[Point, ...]:
    """The points of ``--points``, or all."""
    from snnhw.points import POINTS, find_point

    return tuple(POINTS.values() if names is None else map(find_point, names.split(",")))


def _images(name: str | None) -> Dataset:
    """The dataset that is asked for, else mnist, else the sample, which is then said."""
    from snnhw.data import load
    from snnhw.errors import DatasetError

    if name is not None:
        return load(name)
    try:
        return load("mnist")
    except DatasetError as error:
        note(f"measuring on sample: {error}")
        return load("sample")


def _failures(figures: Figures) -> list[str]:
    """What is wrong with a point, a line each."""
    lines = [f"{figures.name}: {problem}" for problem in figures.problems]
    if figures.mismatches:
        lines.append(f"{figures.name}: {figures.mismatches} of {figures.images} images differ from golden")
    if figures.timing_mismatches:
        lines.append(f"{figures.name}: {figures.timing_mismatches} numbers of cycles are not as predicted")
    if not figures.met:
        lines.append(f"{figures.name}: the clock is missed, {figures.fmax_mhz:.1f} MHz reached")
    return lines
