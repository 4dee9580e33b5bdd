"""``snnhw run``: a dataset through a board, or through a simulated circuit, over a serial line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli import circuit
from snnhw.cli.output import DatasetName, Json, Limit, ModelName, console, percent, print_record, progress

if TYPE_CHECKING:
    from snnhw.host.board import Board
    from snnhw.host.run import Report
    from snnhw.model import Model

SIMULATED = "sim"
_SIMULATED_SECONDS = 20.0
"""Silence of a simulated circuit after which an answer is taken to be lost: the machine may be busy."""

_PORT = typer.Option(
    "--port", metavar="PORT", help="The serial port that the board is behind, or sim: a simulated circuit."
)
_BAUD = typer.Option("--baud", min=1, metavar="N", help="The rate that the circuit was built for.")


def run(
    model: ModelName,
    port: Annotated[str, _PORT],
    baud: Annotated[int, _BAUD] = 115_200,
    dataset: DatasetName = "sample",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Classify images on a board and compare its answers with golden; status 1 where any differs."""
    from snnhw.data import check_images, load
    from snnhw.host.run import run as classify
    from snnhw.presets import resolve_model

    chosen = resolve_model(model)
    images = load(dataset, limit=limit)
    samples = check_images(images, chosen.network.sample_shape)
    with progress("running") as update, _board(chosen, port, baud) as board:
        report = classify(board, chosen, samples, images.labels, update)
    if as_json:
        where = {"model": model, "digest": chosen.digest, "dataset": images.name, "port": port, "baud": baud}
        print_record({**where, **report.record()})
    else:
        _show(report)
    if report.difference is not None:
        raise typer.Exit(1)


@contextmanager
def _board(model: Model, port: str, baud: int) -> Iterator[Board]:
    """The board at a port, or a simulated one, for the time of the block."""
    from snnhw.host.board import ANSWER_SECONDS, Board
    from snnhw.host.link import open_link

    if port != SIMULATED:
        with open_link(port, baud) as link:
            yield Board(link, baud, ANSWER_SECONDS)
        return
    from snnhw.host.simulated import simulated_port
    from snnhw.implementation import Implementation

    with simulated_port(model, Implementation.of(model.network)) as name, open_link(name, baud) as link:
        yield Board(link, baud, _SIMULATED_SECONDS)


def _show(report: Report) -> None:
    screen = console()
    if report.correct is not None:
        screen.print(f"correct             {percent(report.correct, report.images)}")
    screen.print(f"cycles of the end   {circuit.spread(report.cycles)} (min / mean / max, from the last pixels)")
    screen.print(f"time                {report.seconds:.1f} s, {report.images_per_second:.1f} images/s")
    if report.repeated:
        screen.print(f"sent again          {report.repeated} requests")
    if report.difference is not None:
        screen.print(f"first difference    {report.difference}")
    equal = report.difference is None
    screen.print(f"{'equal' if equal else 'NOT EQUAL'}: {report.equal} of {report.images} images")
