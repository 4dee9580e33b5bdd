"""What commands do for networks in floating point: train, info, evaluate, and convert, which is for them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.cli.info import value_text
from snnhw.cli.output import DATASET_HELP, DatasetName, Json, Limit, Overwrite, console, note, print_record, table
from snnhw.cli.output import progress as bar
from snnhw.cli.train import (
    Augment,
    BatchSize,
    Epochs,
    FirstImages,
    LearningRate,
    ModelOut,
    Resume,
    Seed,
    Threads,
    TrainedOn,
    Validation,
    epochs_record,
    given,
    interruptible,
    note_resumption,
    show_epoch,
)
from snnhw.wording import digits, percent

if TYPE_CHECKING:
    from snnhw.ann.conversion import Converted
    from snnhw.ann.train import AnnTrained

_DATASET = typer.Option("--dataset", metavar="DATA", help=f"Instead of what it was trained on: {DATASET_HELP}")
_STEPS = typer.Option("--num-steps", min=1, help="Time steps.")
_WEIGHT_BITS = typer.Option("--weight-bits", min=2, help="Bits of all weights.")
_PIXEL_BITS = typer.Option("--pixel-bits", min=1, max=8, help="Bits of a pixel.")
_PERCENTILE = typer.Option("--percentile", help="Per cent of the activations that a spike a step can stand for.")
_ZEROS = typer.Option("--zeros/--no-zeros", help="Whether activations that are 0 count in the percentile.")
_PER_CHANNEL = typer.Option("--per-channel/--per-layer", help="What has a threshold of its own.")
_START = typer.Option("--start", help="Membranes start at `half` the threshold, or at `zero`.")
_MOST = typer.Option("--most-spikes", min=1, help="Spikes that a neuron can send in a step, as one event.")
_POOLING = typer.Option("--max-pooling", help="`lateral_inhibition`, `s_max` or `currents`.")
_READOUT = typer.Option("--readout", help="`membrane` or `count`.")
_IMAGES = typer.Option("--images", min=1, help="Images on which activations are looked at.")


def train_network(
    name: str,
    *,
    dataset: TrainedOn = None,
    limit: FirstImages = None,
    epochs: Epochs = None,
    seed: Seed = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    validation: Validation = None,
    augment: Augment = None,
    threads: Threads = None,
    out: ModelOut = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train a network in floating point."""
    from snnhw.ann.presets import find_ann_preset
    from snnhw.ann.train import plan_ann_training, train_ann
    from snnhw.cli.images import note_all

    options = given(
        epochs=epochs,
        seed=seed,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation=validation,
        threads=threads,
    )
    if augment is not None:
        options["augment"] = {} if augment else None
    plan = plan_ann_training(
        find_ann_preset(name),
        options=options,
        dataset=dataset,
        limit=limit,
        out=out,
        overwrite=overwrite,
        resume=resume,
    )
    note_resumption(plan, resume=resume)
    note_all(plan.images, plan.test)
    with bar("training") as update, interruptible(plan.checkpoint):
        trained = train_ann(plan, lambda now: show_epoch(update, now))
    if as_json:
        print_record(epochs_record(trained))
    else:
        _show(trained)


def info_network(name: str, *, as_json: Json = False) -> None:
    """Show a network in floating point: its parts, and where it comes from."""
    from snnhw.ann.presets import resolve_ann

    model = resolve_ann(name)
    if as_json:
        network, provenance = model.ann.model_dump(mode="json"), dict(model.provenance)
        print_record({"model": name, "digest": model.digest, "network": network, "provenance": provenance})
        return
    screen = console()
    rows = table("part", "kind", "output", right=("part",))
    for number, (part, shape) in enumerate(zip(model.ann.parts, model.ann.shapes[1:], strict=True)):
        rows.add_row(str(number), part.kind, "x".join(map(str, shape)))
    screen.print(rows)
    learned = [tensor.size for name, tensor in model.tensors.items() if "running" not in name]
    screen.print(f"parameters  {digits(sum(learned))}")
    screen.print(f"digest      {model.digest}")
    for what, value in model.provenance.items():
        screen.print(f"{what:<11} {value_text(value)}")


def evaluate_network(name: str, *, dataset: DatasetName = "sample", limit: Limit = None, as_json: Json = False) -> None:
    """Run a network in floating point on a dataset."""
    from snnhw.ann.evaluate import evaluate_ann
    from snnhw.ann.presets import resolve_ann
    from snnhw.cli.images import noted
    from snnhw.data import load

    model = resolve_ann(name)
    found = evaluate_ann(model, noted(load(dataset, limit=limit)))
    if as_json:
        record = {"dataset": found.dataset, "images": found.images, "correct": found.correct}
        print_record({"model": name, "digest": model.digest, **record})
    elif found.correct is None:
        console().print(f"{name} on {found.dataset}: {found.images} images, whose labels are not known")
    else:
        console().print(f"{name} on {found.dataset}: {percent(found.correct, found.images)} correct")


def convert(
    name: str,
    *,
    dataset: Annotated[str | None, _DATASET] = None,
    num_steps: Annotated[int | None, _STEPS] = None,
    weight_bits: Annotated[int | None, _WEIGHT_BITS] = None,
    pixel_bits: Annotated[int | None, _PIXEL_BITS] = None,
    percentile: Annotated[float | None, _PERCENTILE] = None,
    zeros: Annotated[bool | None, _ZEROS] = None,
    per_channel: Annotated[bool | None, _PER_CHANNEL] = None,
    start: Annotated[str | None, _START] = None,
    most_spikes: Annotated[int | None, _MOST] = None,
    max_pooling: Annotated[str | None, _POOLING] = None,
    readout: Annotated[str | None, _READOUT] = None,
    images: Annotated[int | None, _IMAGES] = None,
    out: ModelOut = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make a spiking network of a trained one in floating point: the same weights, integrated and fired.

    What is shown is its accuracy after each step on images that were not trained on. What an option leaves open is as
    the preset says.
    """
    from snnhw.ann.conversion import convert_to_file, plan_conversion

    options = given(
        num_steps=num_steps,
        weight_bits=weight_bits,
        pixel_bits=pixel_bits,
        percentile=percentile,
        zeros=zeros,
        per_channel=per_channel,
        start=start,
        most_spikes=most_spikes,
        max_pooling=max_pooling,
        readout=readout,
        images=images,
    )
    plan = plan_conversion(name, options=options, dataset=dataset, out=out, overwrite=overwrite)
    if plan.assumed:
        note("as the preset says: " + ", ".join(f"{option}={value}" for option, value in plan.assumed.items()))
    with bar("converting"):
        converted = convert_to_file(plan)
    if as_json:
        print_record(_converted(converted))
    else:
        _show_converted(converted)


def _show(trained: AnnTrained) -> None:
    screen, record = console(), trained.record
    rows = table("epoch", "loss", "validation", right=("epoch", "loss", "validation"))
    for epoch in record.epochs:
        score = "" if epoch.validation is None else f"{epoch.validation.percent:.2f} %"
        rows.add_row(str(epoch.epoch), f"{epoch.loss:.4f}", score)
    screen.print(rows)
    if (counted := trained.model.provenance.get("accuracy")) is not None:
        screen.print(f"{counted['dataset']}: {percent(counted['correct'], counted['total'])} correct")
    for kind, path in trained.files.items():
        screen.print(f"{kind:<8} {path}")


def _converted(converted: Converted) -> dict[str, Any]:
    model, held = converted.model, converted.held
    judged = None
    if held is not None and converted.held_float is not None:
        over_time = None if held.over_time is None else list(held.over_time)
        judged = {"images": held.images, "correct_over_time": over_time, "float_correct": converted.held_float.correct}
    return {
        "files": {"model": str(converted.out)},
        "digest": model.digest,
        "held_out": judged,
        "provenance": dict(model.provenance),
    }


def _show_converted(converted: Converted) -> None:
    screen, held = console(), converted.held
    if held is None or held.over_time is None:
        note("no images with labels were kept out of the training, by which options could be chosen")
    else:
        rows = table("steps", "held-out images", right=("steps", "held-out images"))
        for step, correct in enumerate(held.over_time, start=1):
            rows.add_row(str(step), percent(correct, held.images))
        if converted.held_float is not None and converted.held_float.correct is not None:
            rows.add_row("floating point", percent(converted.held_float.correct, held.images))
        screen.print(rows)
    for name, what in (("accuracy", "spiking"), ("float_accuracy", "in floating point")):
        if (counted := converted.model.provenance.get(name)) is not None:
            screen.print(f"{counted['dataset']}, {what}: {percent(counted['correct'], counted['total'])} correct")
    screen.print(f"model    {converted.out}")
