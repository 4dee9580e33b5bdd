"""``snnhw srbm``: the experiments with the spiking RBM, their page, and its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.experiments import (
    Experiments,
    ExperimentsOn,
    RunsFile,
    RunsSeed,
    WritePage,
    run_all,
    show_list,
    show_page,
)
from snnhw.cli.output import Json, console, print_record, progress

if TYPE_CHECKING:
    from snnhw.srbm.runs import Run

app = typer.Typer(help="Experiments with the spiking restricted Boltzmann machine, and pictures of it.")


@app.command("list")
def list_experiments(as_json: Json = False) -> None:
    """List the experiments, with what the student project found."""
    from snnhw.srbm.experiments import EXPERIMENTS

    show_list(EXPERIMENTS, {"group": "group", "what": "what", "the deck": "deck"}, as_json)


@app.command("run")
def run_experiments(
    names: Experiments,
    runs: RunsFile = "srbm-runs.json",
    seed: RunsSeed = 1,
    dataset: ExperimentsOn = "mnist",
    as_json: Json = False,
) -> None:
    """Run experiments, and record what they came to."""
    from snnhw.cli.machine import note_limits
    from snnhw.srbm.experiments import find_experiment
    from snnhw.srbm.results import record
    from snnhw.srbm.runs import run

    chosen = [find_experiment(name) for name in names]
    pixels = 784  # no limit depends on them
    note_limits(*(experiment.described(pixels) for experiment in chosen if experiment.baseline is None))
    run_all(chosen, dataset, seed, runs, as_json, run=run, record=record, result=_right)


@app.command("page")
def page_of_runs(runs: RunsFile = "srbm-runs.json", write: WritePage = None, as_json: Json = False) -> None:
    """Make the tables and plots of recorded runs."""
    from snnhw.srbm.results import BEGIN, END, load, page, plot

    show_page(load(runs), runs, write, as_json, group="srbm", page=page, plot=plot, marks=(BEGIN, END))


def pictures(
    model: str,
    *,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the pictures go.")] = ".",
    dataset: Annotated[str, typer.Option("--dataset", metavar="DATA", help="Images with labels.")] = "sample",
    images: Annotated[int, typer.Option("--images", min=1, help="How many images are completed.")] = 10,
    as_json: Json = False,
) -> None:
    """Draw what a machine completes, its receptive fields, and a training image's spikes and membranes."""
    from golden.srbm import Srbm
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.errors import DatasetError
    from snnhw.srbm.evaluate import inputs
    from snnhw.srbm.pictures import draw
    from snnhw.srbm.presets import resolve_srbm

    chosen = resolve_srbm(model)
    bits, labels = inputs(chosen, noted(load(dataset, limit=images)))
    if labels is None:
        raise DatasetError(f"{dataset} has no labels, which the pictures of learning need")
    machine = Srbm(chosen.machine, chosen.gp, chosen.gm, walk=chosen.walk, refresh=chosen.refresh)
    files = [str(path) for path in draw(machine, bits, labels, out)]
    if as_json:
        print_record({"model": model, "digest": chosen.digest, "files": files})
    else:
        console().print("\n".join(files))


@app.command("frontend")
def frontend(
    name: Annotated[str, typer.Argument(metavar="FRONTEND", help="cnn1, cnn2 or cnn2-dense.")],
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="NAME.safetensors unless told.")] = None,
    dataset: ExperimentsOn = "mnist",
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes over the training images.")] = 10,
    seed: RunsSeed = 1,
    as_json: Json = False,
) -> None:
    """Train a convolutional front end anew, as the ones that ship were, and write its integers."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.errors import ToolMissingError
    from snnhw.srbm.cnn import save_front_end

    try:
        from snnhw.train.frontend import Options, train_front_end
    except ModuleNotFoundError as error:
        raise ToolMissingError("PyTorch is not installed in this Python: pip install 'snnhw[train]'") from error
    training, options = noted(load(dataset, "train")), Options(epochs=epochs, seed=seed)
    with progress(name) as update:
        made = train_front_end(name, training, options, lambda epoch, *_: update(epoch, epochs))
    path = save_front_end(made, out or f"{name}.safetensors")
    if as_json:
        print_record({"file": str(path), "digest": made.digest, "provenance": dict(made.provenance)})
    else:
        right = made.provenance["validation_accuracy"]
        console().print(f"{path}: a linear classifier of its bits gets {100 * right:.2f} % of validation images right")


def _right(run: Run) -> str:
    if run.correct is None:
        return f"{100 * (run.wrong or 0):.2f} % of unknown pixels wrong"
    tested = "" if run.test_correct is None else f", test {run.test_correct}"
    return f"{run.correct} of {run.images} right{tested}"
