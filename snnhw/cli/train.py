"""``snnhw train``: a preset or a description becomes a model file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.cli.output import DATASET_HELP, Json, Overwrite, console, note, print_record, progress, table
from snnhw.errors import DescriptionError, SnnhwError
from snnhw.shipped import shipped_models
from snnhw.subject import SubjectKind, preset_names
from snnhw.wording import percent, quoted

if TYPE_CHECKING:
    from snnhw.ann.train import AnnProgress, AnnTrained
    from snnhw.cli.output import Update
    from snnhw.resumable import TrainingFiles
    from snnhw.train import Progress
    from snnhw.training import Plan, Trained

_SET = typer.Option(
    "--set",
    metavar="NAME=VALUE",
    help="Of a preset threshold=300, of any network stages.LAYER.neuron.threshold=300 or encoder=rate; repeatable.",
)
_HIDDEN = typer.Option("--hidden", min=1, help="Neurons of the hidden layer.")
_WEIGHT_BITS = typer.Option("--weight-bits", min=2, help="Bits of all weights.")
_DROPOUT = typer.Option(
    "--dropout", metavar="LAYER=P", help="Drop this layer's events in training with probability P; repeatable."
)
_FOLDED = typer.Option("--folded", min=0, help="First so many passes on counts of spikes; for neurons without leak.")
_PENALTY = typer.Option("--spike-penalty", min=0, help="What 100,000 synaptic operations add to the loss.")
_LOSS = typer.Option(
    "--loss", help="cross_entropy of the scores, or ce_rate, ce_count, mse_count, mse_vote of the last spikes."
)
_DATASET = typer.Option("--dataset", metavar="DATA", help=f"Instead of the preset's, or of mnist: {DATASET_HELP}")
_OUT = typer.Option("--out", metavar="FILE", help="The model file; NAME.safetensors in this folder unless told.")

Number = int | None
Trainable = Annotated[
    str,
    typer.Argument(
        metavar="PRESET|FILE",
        help=f"A preset, such as {', '.join(shipped_models())}; or a description (.json, .toml), or a model.",
        autocompletion=lambda incomplete: [name for name in preset_names(*SubjectKind) if name.startswith(incomplete)],
    ),
]
TrainedOn = Annotated[str | None, _DATASET]
FirstImages = Annotated[Number, typer.Option("--limit", min=1, help="Train on the first N images only.")]
Seed = Annotated[Number, typer.Option("--seed", min=0, help="The same seed gives the same integers.")]
Validation = Annotated[
    Number,
    typer.Option(
        "--validation", min=0, help="Images not trained on, to choose by (default: a twelfth, at most 5,000)."
    ),
]
Epochs = Annotated[Number, typer.Option("--epochs", min=0, help="Passes over the training images.")]
BatchSize = Annotated[Number, typer.Option("--batch-size", min=1, help="Images of an optimiser's step.")]
LearningRate = Annotated[float | None, typer.Option("--learning-rate", help="At the first step.")]
Augment = Annotated[
    bool | None,
    typer.Option("--augment/--no-augment", help="Deform the training images (where they are images)."),
]
Threads = Annotated[Number, typer.Option("--threads", min=1, help="Threads that compute.")]
ModelOut = Annotated[str | None, _OUT]
Presentations = Annotated[
    Number,
    typer.Option("--presentations", min=1, help="Images shown to what learns on the chip, instead of the preset's."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training; show one that has ended.")]


def train(
    name: str,
    *,
    hidden: Annotated[Number, _HIDDEN] = None,
    num_steps: Annotated[Number, typer.Option("--num-steps", min=1, help="Time steps.")] = None,
    weight_bits: Annotated[Number, _WEIGHT_BITS] = None,
    others: Annotated[list[str] | None, _SET] = None,
    dataset: TrainedOn = None,
    limit: FirstImages = None,
    epochs: Epochs = None,
    folded: Annotated[Number, _FOLDED] = None,
    seed: Seed = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    validation: Validation = None,
    augment: Augment = None,
    teacher: Annotated[bool, typer.Option("--teacher", help="Learn from a convolutional network too.")] = False,
    dropout: Annotated[list[str] | None, _DROPOUT] = None,
    spike_penalty: Annotated[float | None, _PENALTY] = None,
    loss: Annotated[str | None, _LOSS] = None,
    threads: Threads = None,
    out: ModelOut = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train the network of a preset, a description or a model."""
    from snnhw.cli.images import note_all
    from snnhw.training import plan_training

    overrides = given(hidden=hidden, num_steps=num_steps, weight_bits=weight_bits) | _settings(others or [])
    options = given(
        epochs=epochs,
        seed=seed,
        batch_size=batch_size,
        learning_rate=learning_rate,
        validation=validation,
        threads=threads,
        augment=augment,
        spike_penalty=spike_penalty,
        loss=loss,
    )
    if folded is not None:
        options["folded"] = {"epochs": folded} if folded else None
    if teacher:
        options["teacher"] = {}
    if dropout:
        options["dropout"] = _probabilities(dropout)
    plan = plan_training(
        name,
        overrides=overrides,
        options=options,
        dataset=dataset,
        limit=limit,
        out=out,
        overwrite=overwrite,
        resume=resume,
    )
    note_resumption(plan, resume=resume)
    note_all(plan.dataset, plan.test, network=plan.network)
    trained = _run(plan)
    if as_json:
        print_record({**epochs_record(trained), "epoch": trained.record.kept})
    else:
        _show(trained)


def note_resumption(plan: TrainingFiles, *, resume: bool) -> None:
    """Say where a training that is to go on has ended, or has not begun."""
    if plan.complete:
        note(f"this training is complete, {plan.out} is its model: to train anew, say --overwrite and not --resume")
    elif resume and not plan.checkpoint.exists():
        note(f"there is no {plan.checkpoint} to go on from: the training begins anew")


@contextmanager
def interruptible(checkpoint: Path) -> Iterator[None]:
    """Make of an interruption an error that says what is kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        kept = f"{checkpoint} keeps what was reached: the same command with --resume goes on"
        raise SnnhwError(f"interrupted; {kept if checkpoint.exists() else 'nothing is kept yet'}") from error


def show_epoch(update: Update, now: Progress | AnnProgress, *, who: str = "") -> None:
    """Show on a bar how far a training is that goes epoch by epoch, batch by batch, and what it scored."""
    text = f"{who}epoch {now.epoch} of {now.epochs}, loss {now.loss:.4f}"
    if now.scored is not None and now.scored.validation is not None:
        text += f", {now.scored.validation.percent:.2f} % in validation"
    update((now.epoch - 1) * now.batches + now.batch, now.epochs * now.batches, text)


def epochs_record(trained: Trained | AnnTrained) -> dict[str, Any]:
    """What ``--json`` says of a training that went epoch by epoch."""
    return {
        "files": {kind: str(path) for kind, path in trained.files.items()},
        "digest": trained.model.digest,
        "accuracy": trained.model.provenance.get("accuracy"),
        "seconds": trained.record.seconds,
        "epochs": [epoch.model_dump(mode="json") for epoch in trained.record.epochs],
    }


def given(**values: Any) -> dict[str, Any]:
    """Those options that the user gave."""
    return {name: value for name, value in values.items() if value is not None}


def _settings(given: list[str]) -> dict[str, int | str]:
    """NAME=VALUE, parsed: a value is an integer or a word."""
    settings: dict[str, int | str] = {}
    for setting in given:
        name, _, value = setting.partition("=")
        if not value:
            raise DescriptionError(f"--set takes NAME=VALUE, not {quoted(setting)}")
        try:
            settings[name.replace("-", "_")] = int(value)
        except ValueError:
            settings[name.replace("-", "_")] = value
    return settings


def _probabilities(given: list[str]) -> dict[str, float]:
    """What ``--dropout`` says of layers, parsed from LAYER=P."""
    probabilities: dict[str, float] = {}
    for setting in given:
        layer, _, word = setting.partition("=")
        if layer in probabilities:
            raise DescriptionError(f"--dropout says two things of layer '{layer}': leave one out")
        try:
            probabilities[layer] = float(word)
        except ValueError as error:
            raise DescriptionError(f"--dropout takes LAYER=P, such as hidden=0.1, not {quoted(setting)}") from error
    return probabilities


def _run(plan: Plan) -> Trained:
    from snnhw.training import train_to_files

    with progress("training") as update, interruptible(plan.checkpoint):

        def on_progress(now: Progress) -> None:
            show_epoch(update, now, who="teacher, " if now.teacher else "")

        return train_to_files(plan, on_progress)


def _show(trained: Trained) -> None:
    screen, record = console(), trained.record
    rows = table("epoch", "loss", "validation", "test", right=("epoch", "loss", "validation", "test"))
    for epoch in record.epochs:
        scores = [f"{score.percent:.2f} %" if score else "" for score in (epoch.validation, epoch.test)]
        rows.add_row(str(epoch.epoch), f"{epoch.loss:.4f}", *scores)
    screen.print(rows)
    accuracy = trained.model.provenance.get("accuracy")
    if accuracy:
        screen.print(f"{percent(accuracy['correct'], accuracy['total'])} of the test images, as golden counts them")
    screen.print(f"epoch {record.kept} of {len(record.epochs)} is kept; {record.seconds:.0f} s")
    for kind, path in trained.files.items():
        screen.print(f"{kind:<8} {path}")
