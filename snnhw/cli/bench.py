"""``snnhw bench``: the points of a model and every board, measured, beside what others built."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.named import NETWORK_HELP, shipped_completion
from snnhw.cli.output import DATASET_HELP, Json, console, note, print_record, progress
from snnhw.subject import SubjectKind

if TYPE_CHECKING:
    from snnhw.bench.figures import Figures
    from snnhw.bench.measure import Example
    from snnhw.data import Dataset
    from snnhw.points import Point

BenchModel = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL]",
        help=f"{NETWORK_HELP} Unless told, mnist-mlp for points, and for a board the one it has room for.",
        autocompletion=shipped_completion(SubjectKind.NETWORK),
    ),
]
_POINTS = typer.Option("--points", metavar="NAMES", help="Of points only these, with commas between.")
_BOARDS = typer.Option("--boards", metavar="NAMES", help="Of boards only these; without both options, all of both.")
_DATASET = typer.Option("--dataset", metavar="DATA", help=f"{DATASET_HELP} mnist unless told, sample without it.")
_OUT = typer.Option("--out", metavar="DIR", help="Write bench.json and the plot into this folder.")
_WRITE = typer.Option(
    "--write",
    metavar="FILE",
    help="Write the tables into this page, the plot beside it.",
)


def bench(
    model: str | None,
    *,
    points: Annotated[str | None, _POINTS] = None,
    boards: Annotated[str | None, _BOARDS] = None,
    dataset: Annotated[str | None, _DATASET] = None,
    out: Annotated[str | None, _OUT] = None,
    write: Annotated[str | None, _WRITE] = None,
    as_json: Json = False,
) -> None:
    """Build and verify every point of a model, and for every board; status 1 where one differs or misses its clock.

    Where a part has no room that is said, and is status 1 of points and boards that were asked for by name.
    """
    from dataclasses import asdict

    from snnhw.bench.measure import measure
    from snnhw.bench.page import around, marks, page, plot_name
    from snnhw.bench.page import write as write_page
    from snnhw.bench.peers import PEERS
    from snnhw.bench.plot import plot, require
    from snnhw.cli.images import noted
    from snnhw.files import write_atomically
    from snnhw.presets import resolve_model

    name = model or "mnist-mlp"
    chosen, wanted, examples = resolve_model(name), _points(points, boards), _examples(boards, points, model)
    images = noted(_images(dataset), chosen.network)
    if wanted and (out is not None or write is not None):
        require()
    if write is not None:
        around(Path(write), marks(name))
    with progress("measuring", stages=True) as update:
        table = measure(name, chosen, wanted, examples, images, update)
    text = page(table)
    record = {**table.model_dump(mode="json"), "peers": [asdict(peer) for peer in PEERS]}
    if out is not None:
        import json

        write_atomically(Path(out) / "bench.json", json.dumps(record, indent=1) + "\n")
    if write is not None:
        write_page(Path(write), text, marks(name))
    for folder in (out and Path(out), write and Path(write).parent):
        if folder and wanted:
            plot(table, folder / plot_name(name))
    if as_json:
        print_record(record)
    else:
        console().print(text.rstrip())
    failed = [line for figures in (*table.points, *table.boards) for line in _failures(figures)]
    for line in (*failed, *(f"{name}: {reason}" for name, reason in table.no_room.items())):
        note(line)
    if failed or (table.no_room and (points or boards)):
        raise typer.Exit(1)


def _points(names: str | None, boards: str | None) -> tuple[Point, ...]:
    """The points of ``--points``; without it all, or none where ``--boards`` is given."""
    from snnhw.points import POINTS, find_point

    if names is None:
        return () if boards is not None else tuple(POINTS.values())
    return tuple(map(find_point, names.split(",")))


def _examples(names: str | None, points: str | None, model: str | None) -> tuple[Example, ...]:
    """What is built for the boards of ``--boards``; without it for all, or for none where ``--points`` is given."""
    from snnhw.bench.measure import Example
    from snnhw.fpga.boards import board_names, find_board
    from snnhw.presets import resolve_model

    if names is None and points is not None:
        return ()
    examples = []
    for name in board_names() if names is None else names.split(","):
        board = find_board(name)
        chosen = model or board.model
        examples.append(Example(Path(name).stem, board, chosen, resolve_model(chosen)))
    return tuple(examples)


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
