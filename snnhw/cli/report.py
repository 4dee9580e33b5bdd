"""``snnhw report``: what a build came to, alone or beside another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.output import Json, console, note, print_record, table
from snnhw.errors import BoardError

if TYPE_CHECKING:
    from snnhw.fpga.report import BuildReport

_REPORTS = typer.Argument(metavar="BUILD", help="The folder of a build, or its report.json.")
_COMPARE = typer.Option("--compare", help="Two builds side by side.")


def report(
    builds: Annotated[list[str], _REPORTS],
    compare: Annotated[bool, _COMPARE] = False,
    as_json: Json = False,
) -> None:
    """Show the report of a build, or compare two; status 1 where timing was missed."""
    from snnhw.fpga.pages import page
    from snnhw.fpga.report import load

    wanted = 2 if compare else 1
    if len(builds) != wanted:
        raise BoardError(f"report takes one build, and two with --compare; {len(builds)} came")
    reports = [load(build) for build in builds]
    if compare:
        _compare(builds, reports, as_json)
    elif as_json:
        print_record(reports[0].record())
    else:
        console().print(page(reports[0]).rstrip())
    missed = [found.missed for found in reports if not found.met]
    for line in missed:
        note(line)
    if missed:
        raise typer.Exit(1)


def _compare(builds: list[str], reports: list[BuildReport], as_json: bool) -> None:
    """Print two builds side by side, with the second as a part of the first."""
    from snnhw.fpga.pages import compare

    rows = compare(*reports)
    if as_json:
        figures = {row.name: {"values": [row.first, row.second], "ratio": row.ratio} for row in rows}
        print_record({"builds": builds, "figures": figures})
        return
    shown = table("", *builds, "ratio", right=(*builds, "ratio"))
    for row in rows:
        shown.add_row(row.name, _number(row.first), _number(row.second), _number(row.ratio))
    console().print(shown)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
