"""What the commands on experiments with machines that learn have in common: options, and the page of recorded runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from snnhw.cli.output import console, note, print_record, progress, table
from snnhw.errors import DescriptionError
from snnhw.recorded import Runs

__all__ = ["Experiments", "ExperimentsOn", "RunsFile", "RunsSeed", "WritePage", "run_all", "show_list", "show_page"]

Experiments = Annotated[list[str], typer.Argument(metavar="EXPERIMENTS", help="Their names, as `list` shows them.")]
RunsFile = Annotated[str, typer.Option("--runs", metavar="FILE", help="The file of recorded runs.")]
RunsSeed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same integers.")]
ExperimentsOn = Annotated[
    str, typer.Option("--dataset", metavar="DATA", help="Images with labels, with a training and a test set.")
]
WritePage = Annotated[
    str | None,
    typer.Option("--write", metavar="FILE", help="Write the tables into this page, and the plots beside it."),
]


def show_list(experiments: Mapping[str, Any], columns: Mapping[str, str], as_json: bool) -> None:
    """Print experiments by name; ``columns`` are their fields by the headings that they have in the table."""
    if as_json:
        described = [
            {"name": name, **{field: getattr(made, field) or None for field in columns.values()}}
            for name, made in experiments.items()
        ]
        print_record({"experiments": described})
        return
    shown = table("experiment", *columns)
    for name, made in experiments.items():
        shown.add_row(name, *(getattr(made, field) or "-" for field in columns.values()))
    console().print(shown)


def run_all(
    experiments: Sequence[Any],
    dataset: str,
    seed: int,
    runs: str,
    as_json: bool,
    *,
    run: Callable[..., Any],
    record: Callable[[Any, str], object],
    result: Callable[[Any], str],
) -> None:
    """Run experiments on a dataset and record each run as it ends, in the file ``runs``.

    ``run`` takes an experiment, training and test images, ``seed`` and ``progress``; ``result`` says what came of it.
    """
    from snnhw.cli.images import note_all
    from snnhw.data import load

    training, test = load(dataset, "train"), load(dataset, "test")
    note_all(training, test)
    finished = []
    for experiment in experiments:
        with progress(experiment.name) as update:
            made = run(experiment, training, test, seed=seed, progress=update)
        record(made, runs)
        finished.append(made)
        if not as_json:
            note(f"{experiment.name}: {result(made)}, {made.seconds:.1f} s, recorded in {runs}")
    if as_json:
        print_record({"runs": [made.model_dump(mode="json") for made in finished]})


def show_page(
    loaded: Runs[Any],
    runs: str,
    write: str | None,
    as_json: bool,
    *,
    group: str,
    page: Callable[[Any], str],
    plot: Callable[[Any, Path], object],
    marks: tuple[str, str],
) -> None:
    """Print the tables of recorded runs, or write them into a page; DescriptionError where there are none.

    ``group`` is the name of the commands, such as ``srbm``.
    """
    from snnhw.bench.page import write as write_page

    if not loaded.runs:
        raise DescriptionError(f"{runs} has no runs: `snnhw {group} run base --runs {runs}` makes one")
    text = page(loaded)
    if write is not None:
        write_page(Path(write), text, marks)
        plot(loaded, Path(write).parent)
    if as_json:
        print_record({"runs": [made.model_dump(mode="json") for made in loaded.runs]})
    else:
        console().print(text.rstrip())
