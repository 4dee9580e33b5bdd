"""What ``snnhw verify`` and ``snnhw verilog`` do for a spiking RBM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.circuit import Lanes
from snnhw.cli.output import DatasetName, Json, Limit, console, print_record, progress
from snnhw.cli.verilog import Folder, Top
from snnhw.errors import DatasetError, DescriptionError

if TYPE_CHECKING:
    from snnhw.srbm.verify import SrbmReport

_TRAIN_IMAGES = typer.Option(
    "--train-images", min=0, metavar="N", help="Images that a spiking RBM learns; 4 unless told."
)
_INFER_IMAGES = typer.Option("--infer-images", min=0, metavar="N", help="Images that it infers; 10 unless told.")


def verilog_machine(
    name: str, *, lanes: Lanes = None, top: Top = None, out: Folder = None, as_json: Json = False
) -> None:
    """Write the circuit of a machine; its levels are loaded when it runs."""
    from pathlib import Path

    from snnhw.files import check_can_write
    from snnhw.srbm.presets import resolve_srbm
    from snnhw.srbm.verilog import emit

    model, chosen = resolve_srbm(name), _lanes(lanes)
    folder = Path(out) if out is not None else Path(f"{Path(name).stem}_verilog")
    check_can_write(folder)
    emitted = emit(model.machine, chosen, top or "srbm")
    files = [str(path) for path in emitted.write(folder)]
    if as_json:
        record = {"model": name, "digest": model.digest, "lanes": chosen, "top": top or "srbm"}
        print_record({**record, "folder": str(folder), "files": files})
        return
    for line in [f"{chosen} lanes", *(f"wrote {file}" for file in files)]:
        console().print(line)


def _lanes(lanes: int | None) -> int:
    """The lanes that were asked for; raises DescriptionError for those that no circuit has."""
    from snnhw.skewed import MOST_LANES
    from snnhw.srbm.verify import LANES

    if lanes is not None and (not 1 <= lanes <= MOST_LANES or lanes & (lanes - 1)):
        raise DescriptionError(f"--lanes of a spiking RBM must be a power of two of at most {MOST_LANES}, not {lanes}")
    return LANES if lanes is None else lanes


def verify_machine(
    name: str,
    *,
    dataset: DatasetName = "sample",
    limit: Limit = None,
    lanes: Lanes = None,
    train_images: Annotated[int | None, _TRAIN_IMAGES] = None,
    infer_images: Annotated[int | None, _INFER_IMAGES] = None,
    as_json: Json = False,
) -> None:
    """Compare the circuit of a machine with golden while it learns and infers; status 1 where anything differs."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.srbm.evaluate import inputs
    from snnhw.srbm.presets import resolve_srbm
    from snnhw.srbm.verify import Plan, verify_srbm

    chosen = _lanes(lanes)
    model = resolve_srbm(name)
    default = Plan()
    train = default.train if train_images is None else train_images
    infer = default.infer if infer_images is None else infer_images
    plan = Plan(train=train, infer=infer, regenerate=-(-infer // 5))
    if not plan.commands:
        raise DescriptionError("--train-images and --infer-images are both 0: there is nothing to compare")
    bits, labels = inputs(model, noted(load(dataset, limit=limit or plan.images)))
    if labels is None:
        raise DatasetError(f"{dataset} has no labels, which a machine learns from: choose another dataset")
    with progress("verifying") as update:
        report = verify_srbm(model, bits, labels, plan, lanes=chosen, progress=update)
    if as_json:
        print_record({"model": name, "dataset": dataset, **report.to_json()})
    else:
        show(report)
    if not report.equal or report.timing_mismatches:
        raise typer.Exit(1)


def show(report: SrbmReport) -> None:
    """Print a report for people."""
    *rows, (verdict, images) = report.table.rows
    for name, text in rows:
        console().print(f"{name:<27} {text}")
    console().print(f"{verdict}: {images}")
