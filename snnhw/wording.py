"""Words that errors share: what was given, quoted at a bounded length, and the name that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

__all__ = ["LONGEST", "did_you_mean", "no_such", "one_of", "quoted"]

LONGEST = 80
"""Number of characters of a quoted value, at most."""

_CUT = " ... "

_SHORTENED = 3
"""Number of letters, at least, that a longer name is known by."""


def quoted(value: object) -> str:
    """What was given, as Python writes it, on one line; of a long value the begin and the end."""
    text = " ".join(repr(value).splitlines())
    if len(text) <= LONGEST:
        return text
    half = (LONGEST - len(_CUT)) // 2
    return f"{text[:half]}{_CUT}{text[-half:]}"


def did_you_mean(name: object, known: Collection[str]) -> str:
    """The known name that is nearest to a mistyped or shortened one, as a question in brackets; else empty."""
    spelled, given = {word.casefold(): word for word in known}, str(name)[:LONGEST].casefold()
    near = get_close_matches(given, spelled, n=1)
    near += [word for word in spelled if len(given) >= _SHORTENED and word.startswith(given)]
    return f" (did you mean '{spelled[near[0]]}'?)" if near else ""


def no_such(what: str, name: object, known: Collection[str]) -> str:
    """That there is no ``what`` of that name, which one was probably meant, and which there are."""
    return f"there is no {what} {quoted(name)}{did_you_mean(name, known)}; there are {', '.join(known) or 'none'}"


def one_of(what: str, value: object, known: Collection[str]) -> str:
    """That ``what`` must be one of the known words and not this one, and which was probably meant."""
    return f"{what} must be one of {', '.join(known)}, not {quoted(value)}{did_you_mean(value, known)}"
