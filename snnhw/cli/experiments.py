"""What the commands on experiments with machines that learn have in common: options, and the page of recorded runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from snnhw.cli.output import console, print_record
from snnhw.errors import DescriptionError
from snnhw.recorded import Runs

__all__ = ["Experiments", "ExperimentsOn", "RunsFile", "RunsSeed", "WritePage", "show_page"]

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
