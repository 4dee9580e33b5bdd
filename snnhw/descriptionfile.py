"""Networks as files to be written by hand: JSON or TOML, one key for each field of :class:`snnhw.network.Network`.

A field that has a default may be left out. A neuron without ``threshold`` never fires: TOML has no word for null, so
in files the missing key says it.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from snnhw.errors import DescriptionError, OutputError
from snnhw.files import write_atomically
from snnhw.network import Network, parse_network
from snnhw.wording import quoted

__all__ = ["SUFFIXES", "is_description", "load_description", "read_document", "save_description"]

SUFFIXES = (".json", ".toml")
"""What the names of description files end with, which says how they are written."""


def is_description(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a description by its name."""
    return Path(path).suffix.lower() in SUFFIXES


def load_description(path: str | os.PathLike[str]) -> Network:
    """Read a network; raises DescriptionError: one line that says which field, what it must be and what came."""
    return parse_network(_without_threshold(read_document(path)), str(path))


def read_document(path: str | os.PathLike[str], what: str = "a description") -> Any:
    """The plain data in a TOML or JSON file; raises DescriptionError, one line.

    ``what`` the file holds is said where its name tells neither format.
    """
    source = Path(path)
    suffix = _format(source, what)
    try:
        text = source.read_text(encoding="utf-8-sig")  # some editors begin it with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error.strerror).lower()
        raise DescriptionError(f"cannot read {source}: {reason}") from error
    try:
        return tomllib.loads(text) if suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DescriptionError(f"{source} is not valid {suffix[1:].upper()}: {error}") from error


def save_description(network: Network, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a network to ``path``, all or nothing, every field of it, and return the path.

    Raises OutputError where the file is there already (unless ``overwrite``) or cannot be written.
    """
    destination = Path(path)
    document = network.model_dump(mode="json", exclude_none=True)
    text = _toml(document) if _format(destination) == ".toml" else json.dumps(document, indent=2) + "\n"
    if destination.exists() and not overwrite:
        raise OutputError(f"{destination} is there already; give another name, or say that it may be overwritten")
    return write_atomically(destination, text)


def _format(path: Path, what: str = "a description") -> str:
    if not is_description(path):
        raise DescriptionError(
            f"the name of {what} file must end with {' or '.join(SUFFIXES)}, not {quoted(path.name)}"
        )
    return path.suffix.lower()


def _without_threshold(document: Any) -> Any:
    """The document with ``threshold`` null, and no reset unless given, in each neuron that leaves it out."""
    stages = document.get("stages") if isinstance(document, dict) else None
    for stage in stages if isinstance(stages, list) else []:
        neuron = stage.get("neuron") if isinstance(stage, dict) else None
        if isinstance(neuron, dict) and neuron.setdefault("threshold", None) is None:
            neuron.setdefault("reset", "none")
    return document


def _toml(document: dict[str, Any]) -> str:
    """TOML of a network's document: its values, its tables, then a table for each stage."""
    values = {key: value for key, value in document.items() if not isinstance(value, dict) and key != "stages"}
    tables = [(f"[{key}]", value) for key, value in document.items() if isinstance(value, dict)]
    tables += [("[[stages]]", stage) for stage in document["stages"]]
    blocks = [_lines(values), *(f"{name}\n{_lines(table)}" for name, table in tables)]
    return "\n".join(blocks)


def _lines(table: dict[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    """A value in TOML: tables inline, and text as JSON writes it, which is the same."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return json.dumps(value)
