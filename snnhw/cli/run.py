"""``snnhw run``: a dataset through a board, or through a simulated circuit, over a serial line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.named import NETWORK_HELP, networks_only, shipped_completion
from snnhw.cli.output import DatasetName, Json, Limit, console, print_record, progress
from snnhw.errors import DescriptionError
from snnhw.subject import SubjectKind
from snnhw.wording import percent, spread

if TYPE_CHECKING:
    from snnhw.design import Design
    from snnhw.host.board import Board
    from snnhw.host.run import Report
    from snnhw.model import Model
    from snnhw.network import Range

BAUD = 1_000_000
SIMULATED = "sim"
_SIMULATED_SECONDS = 20.0
"""Silence of a simulated circuit after which an answer is taken to be lost: the machine may be busy."""

_PORT = typer.Option(
    "--port", metavar="PORT", help="The serial port that the board is behind, or sim: a simulated circuit."
)
_BAUD = typer.Option("--baud", min=1, metavar="N", help="The circuit's rate; the boards' unless told.")
Port = Annotated[str, _PORT]
Baud = Annotated[int, _BAUD]
_CIRCUIT = typer.Option(
    "--circuit", metavar="FILE", help="The JSON beside the circuit's Verilog; if it takes weights, MODEL's are loaded."
)
_BUILT = typer.Option(
    "--built",
    metavar="MODEL",
    help=f"With --circuit: what it was built from; MODEL unless told. {NETWORK_HELP}",
    callback=networks_only,
    autocompletion=shipped_completion(SubjectKind.NETWORK),
)


def run(
    model: str,
    *,
    port: Port,
    baud: Baud = BAUD,
    circuit: Annotated[str | None, _CIRCUIT] = None,
    built: Annotated[str | None, _BUILT] = None,
    dataset: DatasetName = "sample",
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Classify images on a board and compare its answers with golden; status 1 where any differs."""
    from snnhw.cli.images import fitted
    from snnhw.data import load
    from snnhw.host.run import run as classify
    from snnhw.presets import resolve_model

    if built is not None and circuit is None:
        raise DescriptionError("--built goes with --circuit, which says how that model was built")
    chosen = resolve_model(model)
    behind = _Circuit.of(chosen, resolve_model(built) if built is not None else chosen, circuit)
    images = fitted(load(dataset, limit=limit, network=chosen.network), chosen.network)
    with progress("running") as update, _board(behind, port, baud) as board:
        if behind.image is not None:
            board.load(chosen, behind.image)
        report = classify(board, chosen, images.images, images.labels, update, behind.room)
    if as_json:
        loaded = 0 if behind.image is None else len(behind.image)
        where = {"model": model, "digest": chosen.digest, "dataset": images.name, "port": port, "baud": baud}
        where |= {"bytes_loaded": loaded}
        print_record({**where, **report.record()})
    else:
        _show(report)
    if report.difference is not None:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Circuit:
    """What is known of the circuit on the board."""

    design: Design
    """What it was built from."""
    image: bytes | None = None
    """The weights to be loaded, if any."""
    room: Range | None = None
    """For scores, where it takes weights."""

    @classmethod
    def of(cls, model: Model, built: Model, path: str | None) -> _Circuit:
        """The circuit that a file describes, for a model; without a file, one that has the model built in."""
        from snnhw.design import Design
        from snnhw.implementationfile import built_as
        from snnhw.weights import image

        if path is None:
            return cls(Design.of(built))
        design = built_as(path, built)
        if model.digest == built.digest and not any(layer.loadable for layer in design.layers):
            return cls(design)
        return cls(design, image(model, design), design.scores)


@contextmanager
def _board(behind: _Circuit, port: str, baud: int) -> Iterator[Board]:
    """The board at a port, or a simulated one, for the time of the block."""
    from snnhw.host.asking import ANSWER_SECONDS
    from snnhw.host.board import Board
    from snnhw.host.link import open_link

    if port != SIMULATED:
        with open_link(port, baud) as link:
            yield Board(link, baud, ANSWER_SECONDS)
        return
    from snnhw.host.simulated import simulated_port

    with simulated_port(behind.design) as name, open_link(name, baud) as link:
        yield Board(link, baud, _SIMULATED_SECONDS)


def _show(report: Report) -> None:
    screen = console()
    if report.correct is not None:
        screen.print(f"correct             {percent(report.correct, report.images)}")
    screen.print(f"cycles of the end   {spread(report.cycles)} (min / mean / max, from the last pixels)")
    screen.print(f"time                {report.seconds:.1f} s, {report.images_per_second:.1f} images/s")
    if report.repeated:
        screen.print(f"sent again          {report.repeated} requests")
    if report.difference is not None:
        screen.print(f"first difference    {report.difference}")
    equal = report.difference is None
    screen.print(f"{'equal' if equal else 'NOT EQUAL'}: {report.equal} of {report.images} images")
