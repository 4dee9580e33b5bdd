"""What ``snnhw run`` does for circuits that learn: a learner by STDP, a spiking RBM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.cli.commanded import check_lanes, number
from snnhw.cli.output import DatasetName, Json, Limit, console, print_record, progress
from snnhw.cli.run import BAUD, SIMULATED, Baud, Port
from snnhw.errors import DatasetError, DescriptionError, OutputError
from snnhw.subject import SubjectKind
from snnhw.wording import percent

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from snnhw.data import Dataset
    from snnhw.emission import EmittedCommandCircuit
    from snnhw.host.commands import CommandBoard
    from snnhw.host.learning import LearningReport, Machine
    from snnhw.interface import CommandInterface
    from snnhw.shell import UartShell

    Inputs = Callable[[Dataset], tuple[NDArray[Any], NDArray[Any] | None]]

_LANES = typer.Option("--lanes", min=1, metavar="N", help="Lanes of a circuit that learns; 16 unless told.")
_LEARN = typer.Option("--learn", min=1, metavar="N", help="Let it learn the first N training images, and read it back.")
_OUT = typer.Option("--out", metavar="FILE", help="With --learn: the model file of what was read back.")
_OVERWRITE = typer.Option("--overwrite", help="Replace what is there.")
_AMPLITUDE = typer.Option(
    "--amplitude",
    min=1,
    metavar="A",
    help="With --learn, of the changes of a learner by STDP: a power of two up to 64; 4 unless told.",
)
_SUPERVISED = typer.Option("--supervised", help="With --learn: let a learner by STDP learn with labels.")
_UNTRAINED = typer.Option(
    "--untrained",
    help="With --learn: let a learner by STDP begin with what its seed draws, and name classes afterwards.",
)
_STEP = typer.Option(
    "--step", min=0, metavar="N", help="With --learn, of a spiking RBM: levels of a change; 8 unless told."
)

_SIMULATED_SECONDS = 60.0
"""Silence of a simulated circuit after which an answer, of two thousand bytes at most, is taken to be lost."""
_USUAL_AMPLITUDE = 4
_USUAL_STEP = 8


@dataclass(frozen=True)
class LearningRun:
    """Options of a run of a circuit that learns."""

    port: Port
    baud: Baud = BAUD
    lanes: Annotated[int | None, _LANES] = None
    dataset: DatasetName = "sample"
    limit: Limit = None
    learn: Annotated[int | None, _LEARN] = None
    out: Annotated[str | None, _OUT] = None
    overwrite: Annotated[bool, _OVERWRITE] = False

    def check(self, **others: bool) -> None:
        """Raise DescriptionError for an option, ``others`` among them, that goes with --learn alone."""
        given = {"out": self.out is not None, "overwrite": self.overwrite, **others}
        for name, told in given.items():
            if told and self.learn is None:
                raise DescriptionError(f"--{name} goes with --learn N, the number of images to learn")

    def target(self) -> Path | None:
        """Where the model is to be written; raises OutputError where that is known to fail."""
        from snnhw.resumable import model_path

        if self.out is None:
            return None
        path = model_path(self.out, self.out)
        if path.exists() and not self.overwrite:
            raise OutputError(f"{path} is there already; give another name with --out, or say --overwrite")
        return path

    def images(self, inputs: Inputs) -> tuple[Any, Any, Any, Any]:
        """Images to infer and to learn, each with their labels; None where there are none."""
        from snnhw.cli.images import noted
        from snnhw.data import load

        infer = inputs(noted(load(self.dataset, limit=self.limit)))
        if self.learn is None:
            return *infer, None, None
        return *infer, *inputs(noted(load(self.dataset, "train", limit=self.learn)))


def run_learner(
    name: str,
    *,
    on: LearningRun,
    amplitude: Annotated[int | None, _AMPLITUDE] = None,
    supervised: Annotated[bool, _SUPERVISED] = False,
    untrained: Annotated[bool, _UNTRAINED] = False,
    as_json: Json = False,
) -> None:
    """Let a learner on a board infer, and learn; all is compared with golden, status 1 where any differs."""
    from golden.stdp import Stdp
    from snnhw.stdp.evaluate import golden, inputs
    from snnhw.stdp.model import save_stdp
    from snnhw.stdp.onboard import StdpOnBoard
    from snnhw.stdp.presets import resolve_stdp
    from snnhw.stdp.verify import LANES
    from snnhw.stdp.verilog import emit, identify

    on.check(amplitude=amplitude is not None, supervised=supervised, untrained=untrained)
    lanes = check_lanes(on.lanes, LANES, SubjectKind.STDP)
    model, target = resolve_stdp(name), on.target()
    images = on.images(lambda dataset: inputs(model.learner, dataset))
    if images[3] is None and (supervised or untrained):
        raise DatasetError(
            f"{on.dataset} has no labels, which --supervised and --untrained need: choose another dataset"
        )
    begun = Stdp(model.learner) if untrained else golden(model)
    machine = StdpOnBoard(begun, lanes, number(amplitude, _USUAL_AMPLITUDE), supervised=supervised, untrained=untrained)
    known = _Known(lambda: identify(model.learner, lanes), lambda shell: emit(model.learner, lanes, shell=shell))
    report = _run(on, known, machine, images)
    if target is not None:
        save_stdp(machine.model(_provenance(on, model.digest)), target, overwrite=on.overwrite)
    _finish({"model": name, "digest": model.digest, "lanes": lanes}, on, report, as_json)


def run_rbm(name: str, *, on: LearningRun, step: Annotated[int | None, _STEP] = None, as_json: Json = False) -> None:
    """Let a spiking RBM on a board infer, and learn; all is compared with golden, status 1 where any differs."""
    from snnhw.srbm.evaluate import inputs
    from snnhw.srbm.model import save_srbm
    from snnhw.srbm.onboard import SrbmOnBoard
    from snnhw.srbm.presets import resolve_srbm
    from snnhw.srbm.verify import LANES
    from snnhw.srbm.verilog import emit, identify

    on.check(step=step is not None)
    lanes = check_lanes(on.lanes, LANES, SubjectKind.SRBM)
    model, target = resolve_srbm(name), on.target()
    images = on.images(lambda dataset: inputs(model, dataset))
    if on.learn is not None and images[3] is None:
        raise DatasetError(f"{on.dataset} has no labels, which a spiking RBM learns from: choose another dataset")
    machine = SrbmOnBoard(model, lanes, number(step, _USUAL_STEP))
    known = _Known(lambda: identify(model.machine, lanes), lambda shell: emit(model.machine, lanes, shell=shell))
    report = _run(on, known, machine, images)
    if target is not None:
        save_srbm(machine.model(_provenance(on, model.digest)), target, overwrite=on.overwrite)
    _finish({"model": name, "digest": model.digest, "lanes": lanes}, on, report, as_json)


@dataclass(frozen=True)
class _Known:
    """What is known of the circuit at the port: its streams and digest, and how it is emitted in a shell."""

    identify: Callable[[], tuple[CommandInterface, str]]
    emit: Callable[[UartShell], EmittedCommandCircuit]


@contextmanager
def board_of(known: _Known, port: str, baud: int) -> Iterator[CommandBoard]:
    """The board at a port, or a simulated one, for the time of the block."""
    from snnhw.host.asking import ANSWER_SECONDS
    from snnhw.host.commands import CommandBoard
    from snnhw.host.link import open_link

    if port != SIMULATED:
        with open_link(port, baud) as link:
            yield CommandBoard(link, baud, *known.identify(), ANSWER_SECONDS)
        return
    from snnhw.host.simulated import SHELL, port_of

    emitted = known.emit(SHELL)
    with port_of(emitted) as name, open_link(name, baud) as link:
        yield CommandBoard(link, baud, emitted.interface, emitted.digest, _SIMULATED_SECONDS)


def _run(on: LearningRun, known: _Known, machine: Machine, images: tuple[Any, Any, Any, Any]) -> LearningReport:
    from snnhw.host.learning import run_machine

    with progress("running") as update, board_of(known, on.port, on.baud) as board:
        return run_machine(board, machine, *images, update)


def _provenance(on: LearningRun, digest: str) -> dict[str, Any]:
    """Where a model that was read back comes from."""
    return {"learned_from": digest, "dataset": on.dataset, "presentations": on.learn, "port": on.port}


def _finish(record: dict[str, Any], on: LearningRun, report: LearningReport, as_json: bool) -> None:
    """Print what became of a run; raises Exit with status 1 where anything differs."""
    if as_json:
        where = {"dataset": on.dataset, "port": on.port, "baud": on.baud, "file": on.out}
        print_record({**record, **where, **report.to_json()})
    else:
        _show(report, on.out)
    if not report.equal:
        raise typer.Exit(1)


def _show(report: LearningReport, file: str | None) -> None:
    """Print a report for people."""
    screen = console()
    for when, correct in (("correct", report.correct), ("correct afterwards", report.correct_learned)):
        if correct is not None:
            screen.print(f"{when:<19} {percent(correct, report.images)}")
    rates = ((report.infer_per_second, "inferred"), (report.learn_per_second, "learned"))
    speeds = [f"{rate:.1f} images/s {what}" for rate, what in rates if rate is not None]
    screen.print(f"over the line       {', '.join(speeds)}; {report.load_seconds:.1f} s to load")
    for name, count in report.kept.items():
        screen.print(f"{name:<19} {report.kept_equal[name]:,} of {count:,} are golden's")
    if report.repeated:
        screen.print(f"sent again          {report.repeated} requests")
    if report.divergence is not None:
        screen.print(f"first difference    {report.divergence}")
    if file is not None:
        screen.print(f"wrote               {file}")
    learned = f", {report.learned} learned" if report.learned else ""
    screen.print(f"{'equal' if report.equal else 'NOT EQUAL'}: {report.images} images inferred{learned}")
