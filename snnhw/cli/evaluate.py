"""``snnhw evaluate``: the golden model on a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snnhw.cli.output import (
    DatasetName,
    Json,
    Limit,
    console,
    note,
    print_record,
    progress,
    show_counted,
)
from snnhw.wording import digits, percent, silence

if TYPE_CHECKING:
    from snnhw.evaluate import Evaluation

_ACCURACIES = {"accuracy": "the model, when it was trained", "float_accuracy": "the float network it comes from"}


def evaluate(model: str, *, dataset: DatasetName = "sample", limit: Limit = None, as_json: Json = False) -> None:
    """Run the golden network alone: accuracy, confusion, spikes of each layer, synaptic operations, speed."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.evaluate import evaluate as run
    from snnhw.presets import resolve_model

    chosen = resolve_model(model)
    images = noted(load(dataset, limit=limit), chosen.network)
    with progress("evaluating") as on_progress:
        evaluation = run(chosen, images, on_progress=on_progress)
    note(silence(evaluation.silent))
    if as_json:
        print_record({"model": model, "digest": chosen.digest, **evaluation.record()})
    else:
        _show(model, evaluation)


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
