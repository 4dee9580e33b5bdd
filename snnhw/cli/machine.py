"""What ``snnhw train``, ``snnhw info`` and ``snnhw evaluate`` do for a spiking RBM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from snnhw.cli.output import (
    DatasetName,
    Json,
    Limit,
    Overwrite,
    console,
    note,
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
    Threads,
    TrainedOn,
    Validation,
    interruptible,
    note_resumption,
)
from snnhw.wording import digits, percent

if TYPE_CHECKING:
    from snnhw.srbm.evaluate import SrbmEvaluation
    from snnhw.srbm.machine import Machine
    from snnhw.srbm.train import SrbmTrained

_FIRST = "(the first time the machine is compiled, which takes half a minute)"


def note_limits(*machines: Machine) -> None:
    """Say, once each, what is allowed in machines that are to learn, and hardly wanted."""
    for limit in dict.fromkeys(limit for machine in machines for limit in machine.limits):
        note(limit)


def train_machine(
    name: str,
    *,
    dataset: TrainedOn = None,
    limit: FirstImages = None,
    seed: Seed = None,
    validation: Validation = None,
    presentations: Presentations = None,
    threads: Threads = None,
    out: ModelOut = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train the machine of a preset."""
    from snnhw.cli.images import note_all
    from snnhw.srbm.presets import find_srbm_preset
    from snnhw.srbm.train import plan_srbm_training, train_srbm

    plan = plan_srbm_training(
        find_srbm_preset(name),
        seed=seed,
        dataset=dataset,
        limit=limit,
        validation=validation,
        presentations=presentations,
        threads=threads,
        out=out,
        overwrite=overwrite,
        resume=resume,
    )
    note_limits(plan.preset.machine)
    note_all(plan.training, plan.validation, plan.test)
    note_resumption(plan, resume=resume)
    with progress("training") as update, interruptible(plan.checkpoint):
        update(0, 1, _FIRST)
        trained = train_srbm(plan, update)
    if as_json:
        print_record(_record(trained))
    else:
        _show(trained, 0 if plan.validation is None else len(plan.validation))


def info_machine(name: str, *, as_json: Json = False) -> None:
    """Show a machine: its units and synapses, what its pixels are, where it comes from."""
    from dataclasses import asdict

    from snnhw.srbm.presets import resolve_srbm

    chosen = resolve_srbm(name)
    if as_json:
        record = {"machine": chosen.machine.model_dump(mode="json"), "features": asdict(chosen.pixels)}
        print_record({"model": name, "digest": chosen.digest, **record, "provenance": dict(chosen.provenance)})
        return
    screen = console()
    screen.print(described(chosen.machine))
    screen.print(f"features {chosen.pixels.name}, level {chosen.pixels.level}")
    screen.print(f"digest {chosen.digest}")
    _show_results(chosen.provenance)


def described(machine: Machine) -> str:
    """The units and synapses of a machine, a line."""
    return (
        f"{machine.pixels} pixels and {machine.classes} x {machine.labels_per_class} labels visible, {machine.hidden} "
        f"units hidden; {machine.rows} x {machine.columns} {machine.synapse.cell} synapses of {machine.synapse.bits} "
        "bits a device"
    )


def evaluate_machine(name: str, *, dataset: DatasetName = "sample", limit: Limit = None, as_json: Json = False) -> None:
    """Run the golden machine on a dataset."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.srbm.evaluate import evaluate_srbm
    from snnhw.srbm.presets import resolve_srbm

    chosen, images = resolve_srbm(name), noted(load(dataset, limit=limit))
    with progress("evaluating") as update:
        update(0, len(images), _FIRST)
        evaluation = evaluate_srbm(chosen, images, on_progress=update)
    if as_json:
        print_record({"model": name, "digest": chosen.digest, **evaluation.record()})
    else:
        _show_evaluation(name, evaluation)


def _record(trained: SrbmTrained) -> dict[str, Any]:
    provenance = trained.model.provenance
    return {
        "files": {kind: str(path) for kind, path in trained.files.items()},
        "digest": trained.model.digest,
        "presentations": trained.curve[-1].presentations,
        "seconds": trained.seconds,
        "images_per_second": trained.curve[-1].presentations / max(trained.seconds, 1e-9),
        "validation": {"correct": trained.curve[-1].validation, "total": provenance["validation"]},
        "accuracy": provenance.get("accuracy"),
        "completion": provenance.get("completion"),
    }


def _show(trained: SrbmTrained, validation: int) -> None:
    screen = console()
    names = ("presentations", "seconds", "validation", "hidden rate, data", "model")
    rows = table(*names, right=names)
    for point in trained.curve:
        right = "" if point.validation is None else f"{100 * point.validation / validation:.2f} %"
        rates = (f"{point.data_rate:.4f}", f"{point.model_rate:.4f}")
        rows.add_row(str(point.presentations), f"{point.seconds:.0f}", right, *rates)
    screen.print(rows)
    _show_results(trained.model.provenance)
    for kind, path in trained.files.items():
        screen.print(f"{kind:<8} {path}")


def _show_results(provenance: Mapping[str, Any]) -> None:
    """Print what was counted of the test images, where that is known."""
    screen = console()
    if accuracy := provenance.get("accuracy"):
        screen.print(f"{percent(accuracy['correct'], accuracy['total'])} of the test images")
    if halves := provenance.get("completion"):
        screen.print(f"{percent(halves['wrong'], halves['unknown'])} wrong of the pixels of a missing half")


def _show_evaluation(name: str, evaluation: SrbmEvaluation) -> None:
    screen = console()
    counts = None if evaluation.confusion is None else evaluation.confusion.tolist()
    show_counted(name, evaluation.dataset, evaluation.images, evaluation.correct, counts)
    screen.print(f"ticks                  {digits(evaluation.ticks):>10} an image")
    screen.print(f"spikes of a hidden unit {evaluation.hidden_rate:>9.4f} a tick")
    screen.print(f"speed                  {digits(evaluation.images_per_second):>10} images/s")
