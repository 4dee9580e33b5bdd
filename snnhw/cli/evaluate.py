"""``snnhw evaluate``: the golden model on a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.output import (
    DatasetName,
    Json,
    Limit,
    console,
    note,
    print_record,
    progress,
    show_counted,
    table,
)
from snnhw.wording import digits, percent, silence

if TYPE_CHECKING:
    from snnhw.evaluate import Evaluation

_ACCURACIES = {"accuracy": "the model, when it was trained", "float_accuracy": "the float network it comes from"}


_OVER_TIME = typer.Option("--over-time", help="Show the accuracy after each step too.")
_PLOT = typer.Option("--plot", metavar="FILE", help="Draw the accuracy after each step as PNG or SVG.")


def evaluate(
    model: str,
    *,
    dataset: DatasetName = "sample",
    limit: Limit = None,
    over_time: Annotated[bool, _OVER_TIME] = False,
    plot: Annotated[str | None, _PLOT] = None,
    as_json: Json = False,
) -> None:
    """Run the golden network alone: accuracy, confusion, spikes of each layer, synaptic operations, speed."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.evaluate import evaluate as run
    from snnhw.presets import resolve_model

    chosen = resolve_model(model)
    images = noted(load(dataset, limit=limit, network=chosen.network), chosen.network)
    with progress("evaluating") as on_progress:
        evaluation = run(chosen, images, on_progress=on_progress)
    note(silence(evaluation.silent))
    if plot is not None:
        from snnhw.overtime import draw

        draw(evaluation, plot)
    if as_json:
        print_record({"model": model, "digest": chosen.digest, **evaluation.record(), "plot": plot})
        return
    _show(model, evaluation)
    if over_time:
        _show_over_time(evaluation)
    if plot is not None:
        console().print(f"wrote {plot}")


def _show_over_time(evaluation: Evaluation) -> None:
    """A row a step, and one of the network in floating point where it is known."""
    if evaluation.over_time is None:
        note("the labels are not known, so there is no accuracy over time")
        return
    rows = table("steps", "correct", right=("steps", "correct"))
    for step, correct in enumerate(evaluation.over_time, start=1):
        rows.add_row(str(step), percent(correct, evaluation.images))
    if (known := evaluation.float_accuracy) is not None:
        rows.add_row("floating point", percent(*known))
    console().print(rows)


def _show(model: str, evaluation: Evaluation) -> None:
    screen = console()
    counts = None if evaluation.confusion is None else evaluation.confusion.tolist()
    show_counted(model, evaluation.dataset, evaluation.images, evaluation.correct, counts)
    for name, what in _ACCURACIES.items():
        known = evaluation.provenance_accuracy.get(name)
        if isinstance(known, dict) and known.keys() >= {"correct", "total"}:
            where = f" on {known['dataset']}" if "dataset" in known else ""
            screen.print(f"{what}{where}: {percent(known['correct'], known['total'])} correct")
    for stage, count in evaluation.events.items():
        screen.print(f"events of {stage:<12} {digits(count):>10} an image")
    screen.print(f"synaptic operations    {digits(evaluation.synaptic_operations):>10} an image")
    screen.print(f"speed                  {digits(evaluation.images_per_second):>10} images/s")
