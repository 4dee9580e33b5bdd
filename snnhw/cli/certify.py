"""``snnhw certify``: is a spiking network the artificial one that it stands for?"""

from __future__ import annotations

import typer

from snnhw.cli.output import DatasetName, Json, Limit, console, print_record, printed, progress


def certify(model: str, *, dataset: DatasetName = "sample", limit: Limit = None, as_json: Json = False) -> None:
    """Compare a network with the artificial one it stands for; status 1 where a certified one differs."""
    from snnhw.cli.images import noted
    from snnhw.data import load
    from snnhw.errors import ToolMissingError
    from snnhw.presets import resolve_model

    try:
        from snnhw.ann.certificate import certify as run
    except ImportError as error:
        raise ToolMissingError(f"certifying needs PyTorch ({error}): pip install 'snnhw[train]'") from error

    chosen = resolve_model(model)
    images = noted(load(dataset, limit=limit, network=chosen.network), chosen.network)
    with progress("certifying") as on_progress:
        certificate = run(chosen, images, on_progress=on_progress)
    if as_json:
        print_record({"model": model, "digest": chosen.digest, **certificate.record()})
    else:
        console().print(printed(certificate.table))
    if certificate.refuted:
        raise typer.Exit(1)
