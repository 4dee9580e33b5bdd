"""``snnhw build``: a model becomes a bitstream, or an estimate, with a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
    from snnhw.fpga.subject import BuildSubject
    from snnhw.model import Model

_BOARD = typer.Option("--board", metavar="NAME", help="A board, or none: resources and timing without pins.")
_PART = typer.Option("--part", metavar="PART", help="The part, where there is no board.")
_CLOCK = typer.Option("--clock", min=0.1, max=1000, metavar="MHZ", help="The clock; the part's usual one unless told.")
_SEED = typer.Option("--seed", min=0, metavar="N", help="Of place and route.")
_BAUD = typer.Option("--baud", min=1, metavar="N", help="Of the serial line; the board's usual one unless told.")
_DATASET = typer.Option("--dataset", metavar="DATA", help="Images whose cycles are told; sample where it fits.")
_OUT = typer.Option("--out", metavar="DIR", help="The folder; MODEL_PART in this folder unless told.")


@dataclass(frozen=True)
class BuildOptions:
    """Options of a build, whatever is built."""

    board: Annotated[str, _BOARD]
    part: Annotated[str | None, _PART] = None
    clock: Annotated[float | None, _CLOCK] = None
    seed: Annotated[int, _SEED] = 1
    baud: Annotated[int | None, _BAUD] = None
    dataset: Annotated[str | None, _DATASET] = None
    out: Annotated[str | None, _OUT] = None
    overwrite: Overwrite = False

    def prepare(self, name: str) -> Prepared:
        """Where the model of that name is built for, and into which folder.

        Raises what `snnhw.fpga.build.check` raises, and BoardError where there is no such board or part.
        """
        from snnhw.fpga.build import check

        target = _target(self.board, self.part)
        place = self.part if self.board == "none" else Path(self.board).stem
        folder = Path(self.out) if self.out is not None else Path(f"{Path(name).stem}_{place}")
        check(target, folder, clock_mhz=self.clock, baud=self.baud, overwrite=self.overwrite)
        return Prepared(self, name, target, folder)


@dataclass(frozen=True)
class Prepared:
    """A build that can begin: of which model, for what, into which folder."""

    options: BuildOptions
    name: str
    target: Board | Part
    folder: Path

    def run(
        self, subject: Design | BuildSubject, images: Dataset | None, update: Callable[[int, int, str], None]
    ) -> BuildReport:
        """Build; ``update`` is told of the steps. Raises what `snnhw.fpga.build.build` raises."""
        from snnhw.fpga.build import build

        options = self.options
        return build(
            subject,
            self.target,
            self.folder,
            name=self.name,
            clock_mhz=options.clock,
            baud=options.baud,
            seed=options.seed,
            dataset=images,
            overwrite=options.overwrite,
            on_step=lambda step: update(0, 1, step),
        )

    def finish(self, report: BuildReport, as_json: bool) -> None:
        """Print a report; raises Exit with status 1 where the circuit cannot run at the clock that was asked for."""
        from snnhw.fpga.folder import place_of
        from snnhw.fpga.pages import page

        written = place_of(self.folder, report)
        if as_json:
            print_record({**report.record(), "folder": str(written)})
        else:
            console().print(page(report).rstrip())
        if not report.met:
            stays = f"; {self.folder} stays as it was, this build is in {written}" if written != self.folder else ""
            note(f"{report.missed}{stays}")
            raise typer.Exit(1)


def build(
    model: str,
    *,
    on: BuildOptions,
    fit: Annotated[bool, typer.Option("--fit", help="Take the most lanes that there is room for.")] = False,
    circuit: CircuitOptions,
    as_json: Json = False,
) -> None:
    """Build a model for a board or a part; status 1 where it cannot run at the clock that is asked for."""
    from snnhw.fpga.boards import Board
    from snnhw.fpga.fit import build_largest
    from snnhw.presets import resolve_model

    if fit and (surplus := [name for name in ("lanes", "point", "implementation") if name in circuit.given]):
        raise BoardError(f"--fit chooses the lanes itself: leave --{surplus[0]} out")
    prepared = on.prepare(model)
    chosen = resolve_model(model)
    if isinstance(prepared.target, Board) and not fit and not circuit.given:
        circuit = replace(circuit, point=prepared.target.point)

    images = _images(chosen, on.dataset)
    with progress("building:", stages=True) as update:

        def attempt(design: Design) -> BuildReport:
            return prepared.run(design, images, update)

        def capped(lanes: int) -> Design:
            return replace(circuit, lanes=lanes).design(chosen)

        if fit:
            update(0, 1, "synthesising the fewest lanes")
            report = build_largest(chosen.network, capped, prepared.target, attempt)
        else:
            report = attempt(circuit.design(chosen))
    prepared.finish(report, as_json)


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
        images = noted(load(dataset, network=network), network)
        check_images(images, network)
        return images
    sample = load("sample")
    fits = not network.encoder.takes_events and sample.images.shape[1:] == network.sample_shape
    return sample if fits else None
