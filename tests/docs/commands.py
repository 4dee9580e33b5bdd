"""The commands as typer knows them, without running any."""

from __future__ import annotations

import shlex
from typing import Any

from typer.main import get_command

from snnhw.cli.app import app


def commands() -> dict[str, Any]:
    """Every command by its words, such as ``data list``."""
    found: dict[str, Any] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        found |= {name: command} if below is None else {f"{name} {inner}": below[inner] for inner in below}
    return found


def options(command: Any) -> set[str]:
    """The options that a command takes, each spelling of it, without those that every command has."""
    spelled = [name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)]
    return {name for name in spelled if name.startswith("--")} - {"--json"}


def check(line: str) -> None:
    """Parse a line ``snnhw COMMAND ...`` as the shell would hand it over; raises what a user would see.

    A command's name alone, or the name of a group of them, speaks of it and runs nothing.
    """
    program, *words = shlex.split(line, comments=True)
    assert program == "snnhw"
    known = commands()
    name = next((name for name in (" ".join(words[:2]), words[0]) if name in known), None)
    if name is None:
        assert any(command.startswith(f"{' '.join(words)} ") for command in known), f"no such command: {line}"
        return
    if name == " ".join(words):
        return
    known[name].make_context(f"snnhw {name}", words[len(name.split()) :])
