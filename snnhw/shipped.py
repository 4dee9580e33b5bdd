"""Models that ship with the package: where they lie, and how one of a machine's presets is read."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

from snnhw.container import SUFFIX
from snnhw.errors import ModelFileError

__all__ = ["load_shipped", "shipped_folder"]

Loaded = TypeVar("Loaded")


def shipped_folder() -> Traversable:
    """The folder of models that ship."""
    return files("snnhw") / "models"


def load_shipped(name: str, load: Callable[[Path], Loaded]) -> Loaded:
    """The trained model of a preset; raises ModelFileError where none ships, and what ``load`` raises."""
    shipped = shipped_folder() / f"{name}{SUFFIX}"
    if not shipped.is_file():
        raise ModelFileError(
            f"no trained model of preset '{name}' ships: `snnhw train {name}` makes {name}{SUFFIX}, to be given in its "
            "place"
        )
    with as_file(shipped) as file:
        return load(file)
