"""``snnhw program``: a bitstream into a board."""

from __future__ import annotations

from typing import Annotated

import typer

from snnhw.cli.output import Json, console, print_record

_FLASH = typer.Option("--flash", help="Into the memory that the board starts from, not only until it is switched off.")
_DRY = typer.Option("--dry-run", help="Print the command, and do not run it.")


def program(
    build: Annotated[str, typer.Argument(metavar="BUILD", help="The folder of a build.")],
    flash: Annotated[bool, _FLASH] = False,
    dry_run: Annotated[bool, _DRY] = False,
    as_json: Json = False,
) -> None:
    """Load the bitstream of a build into its board, by openFPGALoader."""
    from snnhw.fpga.program import command
    from snnhw.fpga.program import program as run

    words = command(build, flash)
    if not dry_run:
        run(words)
    if as_json:
        print_record({"command": words, "done": not dry_run})
    else:
        console().print(" ".join(words))
