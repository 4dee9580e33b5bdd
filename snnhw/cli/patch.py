"""``snnhw patch``: the weights of another model in the bitstream of a build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.named import NETWORK_HELP, networks_only, shipped_completion
from snnhw.cli.output import Json, Overwrite, console, note, print_record, progress
from snnhw.subject import SubjectKind

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.model import Model

_BUILD = typer.Argument(metavar="BUILD", help="The folder of a build for a board.")
_MODEL = typer.Argument(
    metavar="MODEL",
    help=f"Whose weights it gets. {NETWORK_HELP}",
    callback=networks_only,
    autocompletion=shipped_completion(SubjectKind.NETWORK),
)
_OUT = typer.Option("--out", metavar="DIR", help="The folder; MODEL_patched in this folder unless told.")


def patch(
    build: Annotated[str, _BUILD],
    model: Annotated[str, _MODEL],
    out: Annotated[str | None, _OUT] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Put other weights into the bitstream of a build, without synthesis: bit for bit what a rebuild would give."""
    from snnhw.fpga.pages import page
    from snnhw.fpga.patch import patch as run
    from snnhw.fpga.report import load
    from snnhw.presets import resolve_model

    report, chosen = load(build), resolve_model(model)
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_patched")
    images = None if report.cycles is None else _images(report.cycles.dataset, chosen)
    with progress("patching:", stages=True) as update:
        patched = run(
            build,
            chosen,
            folder,
            name=model,
            dataset=images,
            overwrite=overwrite,
            on_step=lambda step: update(0, 1, step),
        )
    if as_json:
        print_record({**patched.record(), "folder": str(folder)})
    else:
        console().print(page(patched).rstrip())


def _images(name: str, model: Model) -> Dataset | None:
    """The dataset of the build's report, where it is still there."""
    from snnhw.cli.images import noted
    from snnhw.data import check_images, load
    from snnhw.errors import DatasetError

    try:
        dataset = noted(load(name, network=model.network), model.network)
        check_images(dataset, model.network)
        return dataset
    except DatasetError as error:
        note(f"the report is without cycles: {error}")
        return None
