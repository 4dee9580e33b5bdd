"""What ``snnhw train``, ``snnhw info`` and ``snnhw evaluate`` do for a learner by STDP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.cli.output import (
    DatasetName,
    Json,
    Limit,
    Overwrite,
    console,
    print_record,
    progress,
    show_counted,
    table,
)
from snnhw.cli.train import (
    FirstImages,
    ModelOut,
    Presentations,
    Resume,
    Seed,
    TrainedOn,
    Validation,
    interruptible,
    note_resumption,
)
from snnhw.wording import digits, percent

if TYPE_CHECKING:
    from snnhw.stdp.learner import Learner
    from snnhw.stdp.train import StdpTrained

_SUPERVISED = typer.Option("--supervised", help="Let a learner by STDP learn with labels too, after all else.")
_FIRST = "(the first time the learner is compiled, which takes some seconds)"
_ANSWERS = {"accuracy": "by the readout", "assignment": "by the class of the first spike's neuron"}


def train_learner(
    name: str,
    *,
    dataset: TrainedOn = None,
    limit: FirstImages = None,
    seed: Seed = None,
    validation: Validation = None,
    presentations: Presentations = None,
    supervised: Annotated[bool, _SUPERVISED] = False,
    out: ModelOut = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train the learner of a preset."""
    from snnhw.cli.images import note_all
    from snnhw.stdp.presets import find_stdp_preset
    from snnhw.stdp.train import plan_stdp_training, train_stdp

    plan = plan_stdp_training(
        find_stdp_preset(name),
        seed=seed,
        dataset=dataset,
        limit=limit,
        validation=validation,
        presentations=presentations,
        supervised=supervised,
        out=out,
        overwrite=overwrite,
        resume=resume,
    )
    note_all(plan.training, plan.validation, plan.test)
    note_resumption(plan, resume=resume)
    with progress("training") as update, interruptible(plan.checkpoint):
        update(0, 1, _FIRST)
        trained = train_stdp(plan, update)
    if as_json:
        print_record(_record(trained))
    else:
        _show(trained, 0 if plan.validation is None else len(plan.validation))


def info_learner(name: str, *, as_json: Json = False) -> None:
    """Show a learner: its numbers, and where it comes from."""
    from snnhw.stdp.presets import resolve_stdp

    chosen = resolve_stdp(name)
    if as_json:
        record = {"learner": chosen.learner.model_dump(mode="json"), "provenance": dict(chosen.provenance)}
        print_record({"model": name, "digest": chosen.digest, **record})
        return
    screen = console()
    for line in described(chosen.learner):
        screen.print(line)
    screen.print(f"digest {chosen.digest}")
    _show_results(chosen.provenance)


def described(learner: Learner) -> list[str]:
    """The neurons, the window and the memory of a learner, some lines."""
    window = learner.window
    weights, thresholds = learner.pixels * learner.neurons * learner.weight_bits, learner.thresholds.width
    readout = learner.neurons * learner.classes * learner.readout_bits
    return [
        f"{learner.pixels} pixels, {learner.neurons} neurons, {learner.classes} classes; weights of "
        f"{learner.weight_bits} bits, membranes of {learner.membrane.width}; {learner.num_steps} steps",
        f"{window.shape} windows of {window.tau_plus} steps before and {window.tau_minus} after the spike: A+ "
        f"{window.a_plus}, A- {window.a_minus}, silent {window.silent} times the amplitude; {learner.bounds} bounds",
        f"memory: {digits(weights)} bits of weights, {digits(learner.neurons * thresholds)} of thresholds, "
        f"{digits(readout)} of the readout",
    ]


def evaluate_learner(name: str, *, dataset: DatasetName = "sample", limit: Limit = None, as_json: Json = False) -> None:
    """Run the golden learner on a dataset, without learning."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.stdp.evaluate import evaluate_stdp
    from snnhw.stdp.presets import resolve_stdp

    chosen, images = resolve_stdp(name), noted(load(dataset, limit=limit))
    with progress("evaluating") as update:
        update(0, len(images), _FIRST)
        evaluation = evaluate_stdp(chosen, images, on_progress=update)
    if as_json:
        print_record({"model": name, "digest": chosen.digest, **evaluation.record()})
        return
    counts = None if evaluation.confusion is None else evaluation.confusion.tolist()
    show_counted(name, evaluation.dataset, evaluation.images, evaluation.correct, counts)
    screen = console()
    for what, correct in (("accuracy", evaluation.readout_correct), ("assignment", evaluation.assigned_correct)):
        if correct is not None:
            screen.print(f"{percent(correct, evaluation.images)} {_ANSWERS[what]}")
    screen.print(f"spikes                 {digits(evaluation.spikes):>10} an image")
    screen.print(f"the first one          {evaluation.first_step:>10.2f} is its step, from 0")
    screen.print(f"speed                  {digits(evaluation.images_per_second):>10} images/s")


def _record(trained: StdpTrained) -> dict[str, Any]:
    provenance, last = trained.model.provenance, trained.curve[-1]
    return {
        "files": {kind: str(path) for kind, path in trained.files.items()},
        "digest": trained.model.digest,
        "presentations": sum(block["presentations"] for block in provenance["learning"]),
        "seconds": trained.seconds,
        "validation": {"correct": last.validation, "total": provenance["validation"]},
        "accuracy": provenance.get("accuracy"),
        "assignment": provenance.get("assignment"),
    }


def _show(trained: StdpTrained, validation: int) -> None:
    screen = console()
    names = ("presentations", "strength", "seconds", "validation", "step", "mute")
    rows = table("stage", *names, right=names)
    for point in trained.curve:
        right = "" if point.validation is None else f"{100 * point.validation / validation:.2f} %"
        step = "" if point.step is None else f"{point.step:.2f}"
        cells = (str(point.presentations), str(point.strength), f"{point.seconds:.1f}", right, step, str(point.mute))
        rows.add_row(point.stage, *cells)
    screen.print(rows)
    _show_results(trained.model.provenance)
    for kind, path in trained.files.items():
        screen.print(f"{kind:<8} {path}")


def _show_results(provenance: Mapping[str, Any]) -> None:
    """Print what was counted of the test images, where that is known."""
    for name, what in _ANSWERS.items():
        if counted := provenance.get(name):
            console().print(f"{percent(counted['correct'], counted['total'])} of the test images {what}")
