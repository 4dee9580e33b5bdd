"""What ``snnhw verify`` and ``snnhw verilog`` share for circuits that do commands, and learn: options and printing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.output import DatasetName, Limit, console, print_record
from snnhw.cli.verilog import LineBaud, LineClock, Surrounded, shell_fields
from snnhw.errors import DatasetError, DescriptionError

if TYPE_CHECKING:
    from snnhw.commandshell import CommandShell
    from snnhw.data import Dataset
    from snnhw.emission import EmittedCommandCircuit
    from snnhw.plan import CommandPlan
    from snnhw.simulate.simulation import Stall
    from snnhw.verdict import CommandVerdict

__all__ = ["Comparison", "check_lanes", "number", "print_report", "write_circuit"]

_SPLIT = typer.Option("--split", metavar="SPLIT", help="Images of a dataset that a circuit gets: test, or train.")
_TRAIN_IMAGES = typer.Option(
    "--train-images",
    min=0,
    metavar="N",
    help="Images to learn; unless told 4 for a spiking RBM, 20 for a learner by STDP.",
)
_INFER_IMAGES = typer.Option("--infer-images", min=0, metavar="N", help="Images to infer; 10 unless told.")
_DUMP_EVERY = typer.Option(
    "--dump-every", min=1, metavar="N", help="Images learned per comparison of all that is kept; 1 unless told."
)
_STALL = typer.Option(
    "--stall", min=0, metavar="SEED", help="Let sources and sinks pause at random; cycles are then not compared."
)


@dataclass(frozen=True)
class Comparison:
    """Options of the comparison of a circuit that learns with golden."""

    dataset: DatasetName = "sample"
    split: Annotated[str, _SPLIT] = "test"
    limit: Limit = None
    train_images: Annotated[int | None, _TRAIN_IMAGES] = None
    infer_images: Annotated[int | None, _INFER_IMAGES] = None
    dump_every: Annotated[int, _DUMP_EVERY] = 1
    stall: Annotated[int | None, _STALL] = None

    @property
    def stalls(self) -> Stall | None:
        """How sources and sinks pause."""
        from snnhw.simulate.simulation import Stall

        return None if self.stall is None else Stall(self.stall)

    def images(self, plan: CommandPlan) -> Dataset:
        """The images of a plan, with their labels, after notes on them.

        Raises DescriptionError where the plan has no command, DatasetError where there are no labels.
        """
        from snnhw.cli.images import noted
        from snnhw.data import load

        if not plan.commands:
            raise DescriptionError("every number of images is 0, as --train-images 0: there is nothing to compare")
        found = noted(load(self.dataset, self.split, limit=self.limit or plan.images))
        if found.labels is None:
            raise DatasetError(f"{self.dataset} has no labels, which a machine learns from: choose another dataset")
        return found


@dataclass(frozen=True)
class Surroundings:
    """Options of what surrounds a circuit that learns."""

    interface: Surrounded = "stream"
    baud: LineBaud = None
    clock_hz: LineClock = None

    @property
    def shell(self) -> CommandShell:
        """The shell that is asked for; raises DescriptionError for one that cannot be."""
        from pydantic import TypeAdapter

        from snnhw.commandshell import CommandShell

        adapter: TypeAdapter[CommandShell] = TypeAdapter(CommandShell)
        options = {"stream": (), "axi": (), "uart": ("baud", "clock_hz")}
        fields = shell_fields(options, self.interface, adapter, baud=self.baud, clock_hz=self.clock_hz)
        return adapter.validate_python(fields)


def number(told: int | None, usual: int) -> int:
    """What an option says, or what is usual."""
    return usual if told is None else told


def check_lanes(lanes: int | None, usual: int, kind: str) -> int:
    """The lanes that were asked for, or the usual ones; raises DescriptionError for those that no circuit has."""
    from snnhw.skewed import MOST_LANES

    if lanes is not None and (not 1 <= lanes <= MOST_LANES or lanes & (lanes - 1)):
        raise DescriptionError(f"--lanes of a {kind} must be a power of two of at most {MOST_LANES}, not {lanes}")
    return number(lanes, usual)


def write_circuit(
    name: str,
    digest: str,
    emit: Callable[[], EmittedCommandCircuit],
    lanes: int,
    *,
    out: str | None,
    as_json: bool,
) -> None:
    """Emit a circuit into the folder ``out``, and print where it is; OutputError, before, where it cannot be."""
    from snnhw.files import check_can_write

    folder = Path(out) if out is not None else Path(f"{Path(name).stem}_verilog")
    check_can_write(folder)
    emitted = emit()
    files = [str(path) for path in emitted.write(folder)]
    if as_json:
        record = {"model": name, "digest": digest, "lanes": lanes, "top": emitted.interface.top}
        record |= {"shell": emitted.shell.model_dump(mode="json"), "circuit_digest": emitted.digest}
        print_record({**record, "folder": str(folder), "files": files})
        return
    for line in [f"{lanes} lanes", *(f"wrote {file}" for file in files)]:
        console().print(line)


def print_report(report: CommandVerdict) -> None:
    """Print a report for people."""
    *rows, (verdict, images) = report.table.rows
    for name, text in rows:
        console().print(f"{name:<27} {text}")
    console().print(f"{verdict}: {images}")
