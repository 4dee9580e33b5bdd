"""Training from a name to files: the model, its record, the curve, and a checkpoint while it goes on.

This module can be imported without PyTorch; `train_to_files` needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from snnhw.data import Dataset, load
from snnhw.errors import DescriptionError, ToolError, ToolMissingError
from snnhw.evaluate import evaluate
from snnhw.model import Model
from snnhw.modelfile import load as load_model
from snnhw.modelfile import save
from snnhw.network import Network, first_complaint
from snnhw.presets import PRESETS, resolve_network
from snnhw.resumable import TrainingFiles, check_told, model_path
from snnhw.wording import shown

if TYPE_CHECKING:
    from snnhw.train import Progress, TrainingRecord, TrainOptions

__all__ = ["Plan", "Trained", "plan_training", "train_to_files"]

DEFAULT_DATASET = "mnist"


@dataclass(frozen=True)
class Plan(TrainingFiles):
    """A training that can begin: what is trained, on what, how, and where its files go."""

    network: Network
    dataset: Dataset
    test: Dataset | None
    """The dataset's test split, where it has one of its own: scored after each epoch."""
    options: TrainOptions
    out: Path
    """The model file. Beside it: NAME.training.json, NAME.training.png, and NAME.checkpoint while it goes on."""
    complete: bool = False

    @property
    def plot(self) -> Path:
        """The curve, where matplotlib is installed."""
        return self.out.with_suffix(".training.png")


@dataclass(frozen=True)
class Trained:
    """What a training left."""

    model: Model
    record: TrainingRecord
    files: dict[str, Path]
    """``model``, ``record``, and ``plot`` where matplotlib is installed."""

    def __repr__(self) -> str:
        return shown(self, repr(self.model), f"files: {', '.join(self.files)}")


def plan_training(
    name: str,
    *,
    overrides: Mapping[str, int | str] | None = None,
    options: Mapping[str, Any] | None = None,
    dataset: str | None = None,
    limit: int | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
) -> Plan:
    """Prepare a training, so that what is wrong shows before it begins.

    ``name`` is a preset, a description file or a model file, which ``overrides`` change. ``options`` are fields of
    ``snnhw.train.TrainOptions``, before those of the preset; ``augment`` may be a boolean. ``dataset`` is the preset's,
    unless told; ``limit`` takes its first images only. With ``resume``, a training that has ended is complete. Raises
    ToolMissingError without PyTorch, DescriptionError, DatasetError, OutputError, and ModelFileError where what has
    ended is another training.
    """
    network = resolve_network(name, **(overrides or {}))
    known = PRESETS.get(name)
    usual, asked = (known.training if known else {}), dict(options or {})
    if isinstance(augment := asked.get("augment"), bool):
        asked["augment"] = usual.get("augment", {}) if augment else None
    chosen = _options({**usual, **asked})
    source = dataset or (known.dataset if known else DEFAULT_DATASET)
    target = model_path(out, Path(name).stem)
    images = load(source, "train", limit, network=network)
    test = load(source, "test", network=network) if images.split is not None else None
    plan = Plan(network, images, test, chosen, target)
    if plan.ended(overwrite=overwrite, resume=resume):
        _ended(plan)
        return replace(plan, complete=True)
    plan.clear_way([plan.out], overwrite=overwrite, resume=resume)
    return plan


def train_to_files(plan: Plan, on_progress: Callable[[Progress], None] | None = None) -> Trained:
    """Train, count the test set with the golden model, and write the files; then the checkpoint is removed.

    What a plan that is complete has left is read instead. Raises ToolError where trainer and golden model count
    differently, which would be a defect, and ModelFileError for a checkpoint of another training.
    """
    if plan.complete:
        return _ended(plan)
    from snnhw.train import train, write_record

    model, record = train(
        plan.network,
        plan.dataset,
        plan.options,
        test=plan.test,
        checkpoint=plan.checkpoint,
        on_progress=on_progress,
    )
    if plan.test is not None:
        model = _with_accuracy(model, record, plan.test)
    files = {"model": save(model, plan.out, overwrite=True)}
    files["record"] = write_record(record, plan.record)
    try:
        from snnhw.train import plot_record

        files["plot"] = plot_record(record, plan.plot)
    except ImportError:
        files.pop("plot", None)
    plan.checkpoint.unlink(missing_ok=True)
    return Trained(model, record, files)


def _ended(plan: Plan) -> Trained:
    """What a training that ended left; raises ModelFileError where that is of another training."""
    from snnhw.train import new_record, read_ended

    record = read_ended(plan.record, new_record(plan.network, plan.dataset, plan.options))
    model = load_model(plan.out)
    said = {"dataset_digest": record.dataset_digest, "seed": record.options.seed, "epoch": record.kept}
    check_told(plan, told=model.network == plan.network and said.items() <= model.provenance.items())
    files = {"model": plan.out, "record": plan.record}
    return Trained(model, record, files | ({"plot": plan.plot} if plan.plot.exists() else {}))


def _options(values: Mapping[str, Any]) -> TrainOptions:
    try:
        from snnhw.train import TrainOptions
    except ImportError as error:
        raise ToolMissingError(f"training needs PyTorch ({error}): pip install 'snnhw[train]'") from error
    try:
        return TrainOptions(**values)
    except ValidationError as error:
        raise DescriptionError(f"training options: {first_complaint(error)}") from error


def _with_accuracy(model: Model, record: TrainingRecord, test: Dataset) -> Model:
    """The model with its accuracy in the provenance, as both trainer and golden model count it."""
    counted = evaluate(model, test)
    score = record.best.test if record.best else None
    if score is None or score.correct != counted.correct:
        raise ToolError(
            f"the trainer counts {score.correct if score else None} correct images of {counted.images}, the golden "
            f"model {counted.correct}: this is a defect of snnhw, please report it with the checkpoint"
        )
    accuracy = {"dataset": test.name, "correct": counted.correct, "total": counted.images}
    return replace(model, provenance={**model.provenance, "accuracy": accuracy})
