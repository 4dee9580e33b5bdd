"""``snnhw weights``: a model becomes an image for a circuit that takes new weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snnhw.cli.named import NETWORK_HELP, networks_only, shipped_completion
from snnhw.cli.output import Json, console, print_record
from snnhw.subject import SubjectKind
from snnhw.wording import digits

_BUILT = typer.Option(
    "--built",
    metavar="MODEL",
    help=f"What the circuit was built from. {NETWORK_HELP}",
    callback=networks_only,
    autocompletion=shipped_completion(SubjectKind.NETWORK),
)
_CIRCUIT = typer.Option("--circuit", metavar="FILE", help="The JSON beside the circuit's Verilog.")
_OUT = typer.Option("--out", metavar="FILE", help="The image; MODEL.bin in this folder unless told.")


def weights(
    model: str,
    *,
    built: Annotated[str, _BUILT],
    circuit: Annotated[str, _CIRCUIT],
    out: Annotated[str | None, _OUT] = None,
    as_json: Json = False,
) -> None:
    """Write the image of a model's weights that a circuit loads while it runs, without synthesis."""
    from snnhw.files import write_atomically
    from snnhw.implementationfile import built_as
    from snnhw.presets import resolve_model
    from snnhw.weights import image

    chosen, first = resolve_model(model), resolve_model(built)
    octets = image(chosen, built_as(circuit, first))
    path = write_atomically(out if out is not None else f"{Path(model).stem}.bin", octets)
    if as_json:
        record = {"model": model, "digest": chosen.digest, "built": built, "built_digest": first.digest}
        print_record({**record, "file": str(path), "bytes": len(octets)})
        return
    console().print(f"wrote {path}: {digits(len(octets))} bytes")
