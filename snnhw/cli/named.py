"""MODEL on the command line: what may stand there, in help and in completion, and what is refused of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

import typer

from snnhw.errors import DescriptionError
from snnhw.shipped import is_name, shipped_models, unknown_model
from snnhw.subject import SubjectKind, preset_names, subject_kind

__all__ = [
    "NETWORK_HELP",
    "check_subject",
    "model_help",
    "model_name",
    "networks_only",
    "none_named",
    "shipped_completion",
]


def model_help(*kinds: SubjectKind) -> str:
    """What a model of these kinds may be given as, with those that ship."""
    *more, last = shipped_models(*kinds)
    names = f"{', '.join(more)} or {last}" if more else last
    if SubjectKind.NETWORK not in kinds:
        return f"A .safetensors file, or one that ships: {names}."
    return (
        "A .safetensors file, a description (.toml, .json) with its weights beside it, a state_dict (.pt, .pth), or a "
        f"model that ships: {names}."
    )


def shipped_completion(*kinds: SubjectKind) -> Callable[[str], list[str]]:
    """What the shell completes a model's name to; where nothing fits it goes on to files."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in shipped_models(*kinds) if name.startswith(incomplete)]

    return complete


def model_name(*kinds: SubjectKind) -> Any:
    """The annotation of an argument MODEL of these kinds."""
    return Annotated[
        str, typer.Argument(metavar="MODEL", help=model_help(*kinds), autocompletion=shipped_completion(*kinds))
    ]


NETWORK_HELP = model_help(SubjectKind.NETWORK)


def none_named(options: Mapping[str, Any]) -> None:
    """The subject of a command that does without one where none is named."""


def networks_only(context: typer.Context, model: str | None) -> str | None:
    """The callback of an option or argument that takes a network: raises DescriptionError for a model of another kind.

    For a MODEL beside the subject of a command; the subject itself is checked by :mod:`snnhw.cli.subjects`.
    """
    if model is not None and not context.resilient_parsing:
        _kind_of(str(context.command.name), model, (SubjectKind.NETWORK,))
    return model


def check_subject(command: str, found: str, kinds: Collection[SubjectKind], *, presets: bool = False) -> SubjectKind:
    """The kind of the subject of that name or file, one of ``kinds``.

    Raises DescriptionError, with what the command takes, where there is nothing of that name among the models that
    ship, or the ``presets``; and with the commands that take it where it is of another kind.
    """
    from snnhw.presets import unknown_network

    if is_name(found) and found not in preset_names(*SubjectKind):
        raise DescriptionError((unknown_network if presets else unknown_model)(found, *kinds))
    return _kind_of(command, found, kinds)


def _check_readable(found: str) -> None:
    """Raise ModelFileError where a subject's file, which says of itself what it is, cannot be read."""
    from snnhw.container import check_readable
    from snnhw.descriptionfile import is_description
    from snnhw.statefile import is_state_file

    if found not in preset_names(*SubjectKind) and not is_description(found) and not is_state_file(found):
        check_readable(found)


def _kind_of(command: str, found: str, kinds: Collection[SubjectKind]) -> SubjectKind:
    """The kind of a subject; raises DescriptionError with the commands that take it where it is none of ``kinds``."""
    from snnhw.cli.subjects import KINDS

    kind = subject_kind(found)
    if kind not in kinds:
        _check_readable(found)
        takers = " or ".join(f"a {taker}" for taker in kinds)
        *more, last = KINDS[kind]
        commands = f"{', '.join(f'`{name}`' for name in more)} and `{last}` take" if more else f"`{last}` takes"
        raise DescriptionError(f"`snnhw {command}` is for {takers}, and {found} is a {kind}, which {commands}")
    return kind
