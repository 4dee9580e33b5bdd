"""Words that errors, tables and objects in Python share.

What was given, quoted at a bounded length; the name that was probably meant; numbers for people; the one line that an
object is shown as.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

__all__ = [
    "LONGEST",
    "counted",
    "did_you_mean",
    "digits",
    "no_such",
    "one_of",
    "percent",
    "quoted",
    "shown",
    "sizes",
    "spread",
]

LONGEST = 80
"""Number of characters of a quoted value, at most."""

_CUT = " ... "

_SHOWN = 100
"""Number of characters of the line that an object is shown as, at most."""

_MOST_SIZES = 6

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


def percent(correct: int, total: int) -> str:
    """Counts and their part: ``9871 of 10000 (98.71 %)``."""
    return f"{correct} of {total} ({100 * correct / total:.2f} %)"


def counted(provenance: Mapping[str, Any]) -> str:
    """How many test images a model got right, where its provenance says so; else empty."""
    accuracy = provenance.get("accuracy")
    if not isinstance(accuracy, Mapping) or not accuracy.get("total") or "correct" not in accuracy:
        return ""
    return f"{percent(accuracy['correct'], accuracy['total'])} correct"


def digits(number: float) -> str:
    """A number for people: thousands grouped, one decimal below a thousand."""
    return f"{number:,.0f}" if number >= 1000 or number == int(number) else f"{number:,.1f}"


def spread(cycles: Mapping[str, Any] | None) -> str:
    """Least, mean and greatest on one line."""
    return "unknown" if cycles is None else f"{cycles['min']} / {cycles['mean']:.1f} / {cycles['max']}"


def sizes(numbers: Collection[int]) -> str:
    """Sizes of what follows each other: ``784-128-10``; of many the first and the last."""
    texts = [str(number) for number in numbers]
    if len(texts) > _MOST_SIZES:
        texts = [*texts[:3], "...", *texts[-2:]]
    return "-".join(texts)


def silence(layers: Collection[str]) -> str | None:
    """A note on layers that sent no event for any image; None where there are none."""
    names = ", ".join(f"'{name}'" for name in layers)
    which = f"layer {names}" if len(layers) == 1 else f"layers {names}"
    return f"{which} sent no event for any of these images: lower thresholds there, or train anew" if layers else None


def shown(of: object, *parts: str) -> str:
    """The one line that an object is shown as: its class and these parts, without empty ones, at a bounded length."""
    text = f"{type(of).__name__}({', '.join(part for part in parts if part)})"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]}...)"
