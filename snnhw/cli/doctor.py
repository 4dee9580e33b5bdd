"""``snnhw doctor``: what of this machine can be used, and how to get what is missing."""

from __future__ import annotations

import typer

from snnhw.cli.output import Json, console, print_record, table


def doctor(as_json: Json = False) -> None:
    """Look at Python, packages, tools, caches and datasets; status 1 where something that is needed is missing."""
    from snnhw.doctor import examine

    report = examine()
    if as_json:
        print_record(report.record())
    else:
        rows = table("", "what", "found, or how to get it", "for")
        for check in report.checks:
            state = "ok" if check.found is not None else "MISSING" if check.needed else "-"
            rows.add_row(state, check.name, check.found if check.found is not None else check.help, check.purpose)
        screen = console()
        screen.print(rows)
        missing = ", ".join(check.name for check in report.missing)
        screen.print(f"missing, and needed: {missing}" if missing else "all that is needed is there")
    if report.missing:
        raise typer.Exit(1)
