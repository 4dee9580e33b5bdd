"""Conversion from a name to a file: a trained network in floating point becomes a spiking one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snnhw.ann.build import images_of, trained_module
from snnhw.ann.convert import from_ann
from snnhw.ann.evaluate import AnnEvaluation, evaluate_ann
from snnhw.ann.model import AnnModel
from snnhw.ann.presets import ANN_PRESETS, resolve_ann
from snnhw.data import Dataset, load
from snnhw.errors import DescriptionError, OutputError
from snnhw.evaluate import Evaluation, evaluate
from snnhw.model import Model
from snnhw.modelfile import save
from snnhw.resumable import held_back, model_path
from snnhw.wording import shown

__all__ = ["ConversionPlan", "Converted", "convert_to_file", "plan_conversion"]


@dataclass(frozen=True)
class ConversionPlan:
    """A conversion that can begin."""

    ann: AnnModel
    options: dict[str, Any]
    """Of the conversion: what was asked for, before what the preset of this network says."""
    assumed: dict[str, Any]
    """Those of them that are the preset's."""
    data: Dataset
    """What thresholds are found on."""
    held: Dataset | None
    """Images that were not trained on: what the choice of options may be judged by. None where there are none."""
    test: Dataset | None
    out: Path


@dataclass(frozen=True)
class Converted:
    """What a conversion left."""

    model: Model
    held: Evaluation | None
    """On the images that were not trained on; None where there are none."""
    held_float: AnnEvaluation | None
    """The network in floating point on the same."""
    out: Path

    def __repr__(self) -> str:
        return shown(self, repr(self.model), str(self.out))


def plan_conversion(
    name_or_path: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    dataset: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> ConversionPlan:
    """Prepare a conversion of a model in floating point, so that what is wrong shows before it begins.

    ``options`` are fields of :class:`snnhw.ann.convert.AnnOptions`; what they leave open is as the preset of the same
    network says. ``dataset`` is what the network was trained on, unless told; what the training kept, and of another
    dataset the last twelfth, is not looked at. Raises ModelFileError, DescriptionError, DatasetError and OutputError.
    """
    ann = resolve_ann(name_or_path)
    known = next((preset for preset in ANN_PRESETS.values() if preset.ann == ann.ann), None)
    usual = dict(known.conversion) if known else {}
    source = dataset or ann.provenance.get("dataset")
    if not isinstance(source, str):
        raise DescriptionError(f"{name_or_path} does not say what it was trained on: give --dataset")
    images = load(source, "train")
    images_of(ann.ann, images)
    seen = _trained_on(ann, images) or len(images) - held_back(len(images), None, images.name)
    held = images.part(slice(seen, None)) if seen < len(images) else None
    target = model_path(out, known.spiking if known else f"{Path(name_or_path).stem}-spiking")
    if target.exists() and not overwrite:
        raise OutputError(f"{target} is there already; give another name with --out, or say --overwrite")
    given = dict(options or {})
    assumed = {name: value for name, value in usual.items() if name not in given}
    test = load(source, "test") if images.split is not None else None
    return ConversionPlan(ann, {**usual, **given}, assumed, images.part(slice(seen)), held, test, target)


def _trained_on(ann: AnnModel, images: Dataset) -> int | None:
    """How many of these images, the first, a network was trained on; None where they are others."""
    trained, kept = ann.provenance.get("samples"), ann.provenance.get("validation") or {"total": 0}
    if not isinstance(trained, int) or not isinstance(kept, dict) or not isinstance(kept.get("total"), int):
        return None
    used = images.first(trained + kept["total"])
    return trained if used.digest == ann.provenance.get("dataset_digest") else None


def convert_to_file(plan: ConversionPlan) -> Converted:
    """Convert, count held-out images at every step, and the test set where there is one, and write the model.

    Raises ModelError or DescriptionError, one line, where the network or the data cannot be converted; nothing is
    written then.
    """
    model = from_ann(trained_module(plan.ann), plan.data, **plan.options)
    held, held_float = None, None
    if plan.held is not None:
        held, held_float = evaluate(model, plan.held), evaluate_ann(plan.ann, plan.held)
    provenance: dict[str, Any] = {**model.provenance, "ann": plan.ann.digest, "dataset": plan.data.name}
    if plan.test is not None:
        for name, counted in (
            ("accuracy", evaluate(model, plan.test)),
            ("float_accuracy", evaluate_ann(plan.ann, plan.test)),
        ):
            provenance[name] = {"dataset": counted.dataset, "correct": counted.correct, "total": counted.images}
    model = replace(model, provenance=provenance)
    save(model, plan.out, overwrite=True)
    return Converted(model, held, held_float, plan.out)
