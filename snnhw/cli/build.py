"""``snnhw build``: a model becomes a bitstream, or an estimate, with a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.circuit import CircuitOptions
from snnhw.cli.output import Json, Overwrite, console, note, print_record, progress
from snnhw.errors import BoardError

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.design import Design
    from snnhw.fpga.boards import Board
    from snnhw.fpga.parts import Part
    from snnhw.fpga.report import BuildReport
    from snnhw.model import Model

_BOARD = typer.Option("--board", metavar="NAME", help="A board, or none: resources and timing without pins.")
_PART = typer.Option("--part", metavar="PART", help="The part, where there is no board.")
_CLOCK = typer.Option("--clock", min=0.1, max=1000, metavar="MHZ", help="The clock; the part's usual one unless told.")
_BAUD = typer.Option("--baud", min=1, metavar="N", help="Of the serial line; the board's usual one unless told.")
_DATASET = typer.Option("--dataset", metavar="DATA", help="Images whose cycles are told; sample where it fits.")
_OUT = typer.Option("--out", metavar="DIR", help="The folder; MODEL_PART in this folder unless told.")


def build(
    model: str,
    *,
    board: Annotated[str, _BOARD],
    part: Annotated[str | None, _PART] = None,
    clock: Annotated[float | None, _CLOCK] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of place and route.")] = 1,
    baud: Annotated[int | None, _BAUD] = None,
    fit: Annotated[bool, typer.Option("--fit", help="Take the most lanes that there is room for.")] = False,
    circuit: CircuitOptions,
    dataset: Annotated[str | None, _DATASET] = None,
    out: Annotated[str | None, _OUT] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Build a model for a board or a part; status 1 where it cannot run at the clock that is asked for."""
    from snnhw.fpga.boards import Board
    from snnhw.fpga.build import build as run
    from snnhw.fpga.build import check
    from snnhw.fpga.fit import build_largest
    from snnhw.fpga.folder import place_of
    from snnhw.fpga.pages import page
    from snnhw.presets import resolve_model

    target = _target(board, part)
    if fit and (surplus := [name for name in ("lanes", "point", "implementation") if name in circuit.given]):
        raise BoardError(f"--fit chooses the lanes itself: leave --{surplus[0]} out")
    place = part if board == "none" else Path(board).stem
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_{place}")
    check(target, folder, clock_mhz=clock, baud=baud, overwrite=overwrite)
    chosen = resolve_model(model)
    if isinstance(target, Board) and not fit and not circuit.given:
        circuit = replace(circuit, point=target.point)

    images = _images(chosen, dataset)
    with progress("building:", stages=True) as update:

        def attempt(design: Design) -> BuildReport:
            return run(
                design,
                target,
                folder,
                name=model,
                clock_mhz=clock,
                baud=baud,
                seed=seed,
                dataset=images,
                overwrite=overwrite,
                on_step=lambda step: update(0, 1, step),
            )

        def capped(lanes: int) -> Design:
            return replace(circuit, lanes=lanes).design(chosen)

        if fit:
            update(0, 1, "synthesising the fewest lanes")
            report = build_largest(chosen.network, capped, target, attempt)
        else:
            report = attempt(circuit.design(chosen))
    written = place_of(folder, report)
    if as_json:
        print_record({**report.record(), "folder": str(written)})
    else:
        console().print(page(report).rstrip())
    if not report.met:
        stays = f"; {folder} stays as it was, this build is in {written}" if written != folder else ""
        note(f"{report.missed}{stays}")
        raise typer.Exit(1)


def _target(board: str, part: str | None) -> Board | Part:
    """The board, or the part without one."""
    from snnhw.fpga.boards import find_board
    from snnhw.fpga.parts import find_part

    if board != "none":
        if part is not None:
            raise BoardError(f"--part goes with --board none: the part of {board} is on it")
        return find_board(board)
    if part is None:
        raise BoardError("--board none takes --part too, such as --part xc7a35t")
    return find_part(part)


def _images(model: Model, dataset: str | None) -> Dataset | None:
    """The dataset that is asked for, or else the sample, where it is of the network's shape."""
    from snnhw.cli.images import noted
    from snnhw.data import check_images, load

    network = model.network
    if dataset is not None:
        images = noted(load(dataset), network)
        check_images(images, network)
        return images
    sample = load("sample")
    fits = not network.encoder.takes_events and sample.images.shape[1:] == network.sample_shape
    return sample if fits else None
