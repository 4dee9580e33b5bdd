"""``snnhw stdp``: the experiments with learners by STDP, their page, and pictures."""

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
from snnhw.cli.output import Json, console, print_record

if TYPE_CHECKING:
    from snnhw.stdp.runs import Run

app = typer.Typer(help="Experiments with learners by STDP, and pictures of them.")


@app.command("list")
def list_experiments(as_json: Json = False) -> None:
    """List the experiments."""
    from snnhw.stdp.experiments import EXPERIMENTS

    show_list(EXPERIMENTS, {"group": "group", "what": "what"}, as_json)


@app.command("run")
def run_experiments(
    names: Experiments,
    runs: RunsFile = "stdp-runs.json",
    seed: RunsSeed = 1,
    dataset: ExperimentsOn = "mnist",
    as_json: Json = False,
) -> None:
    """Run experiments, and record what they came to."""
    from snnhw.stdp.experiments import find_experiment
    from snnhw.stdp.results import record
    from snnhw.stdp.runs import run

    chosen = [find_experiment(name) for name in names]
    run_all(chosen, dataset, seed, runs, as_json, run=run, record=record, result=_right)


@app.command("page")
def page_of_runs(runs: RunsFile = "stdp-runs.json", write: WritePage = None, as_json: Json = False) -> None:
    """Make the tables and plots of recorded runs."""
    from snnhw.stdp.results import BEGIN, END, load, page, plot

    show_page(load(runs), runs, write, as_json, group="stdp", page=page, plot=plot, marks=(BEGIN, END))


def pictures(
    model: str,
    *,
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the pictures go.")] = ".",
    dataset: ExperimentsOn = "mnist",
    as_json: Json = False,
) -> None:
    """Draw receptive fields, a competition, the change of a weight over time, and a rule that fails beside one not."""
    from snnhw.cli.images import note_all
    from snnhw.data import load
    from snnhw.stdp.evaluate import inputs
    from snnhw.stdp.pictures import draw
    from snnhw.stdp.presets import resolve_stdp

    chosen = resolve_stdp(model)
    training, test = load(dataset, "train"), load(dataset, "test", limit=1)
    note_all(training, test)
    images, _ = inputs(chosen.learner, test)
    files = [str(path) for path in draw(chosen, images[0], training, out)]
    if as_json:
        print_record({"model": model, "digest": chosen.digest, "files": files})
    else:
        console().print("\n".join(files))


def _right(run: Run) -> str:
    tested = ""
    if run.test_images is not None:
        tested = f", test {run.test_assigned_correct} and {run.test_readout_correct}"
    return f"{run.assigned_correct} and {run.readout_correct} of {run.images} right{tested}"
