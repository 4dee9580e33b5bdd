"""The folder of a build: filled beside its place, which it takes when it is whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateware.network import TOP
from snnhw.errors import BoardError, OutputError, SnnhwError
from snnhw.files import beside, check_can_write, make_folder, move_folder
from snnhw.fpga.report import BuildReport, load

__all__ = ["check_place", "failed_folder", "filled_beside", "place_of"]

_WRITTEN = re.compile(
    rf"{TOP}(\..+)?\.(v|json|vlt|hex|bin|bit|fs)|{TOP}_template\.vh|(board|harness)\.v|.+\.(pcf|lpf|cst|xdc)"
    r"|report\.(json|txt)|patch\.(json|placed)|(yosys|nextpnr|pack)\.log|build\.tcl"
    r"|vivado.*|\.Xil|usage_statistics_webtalk\..*|clockInfo\.txt"
)
"""Names of what a build, or Vivado in its folder, writes."""


def failed_folder(out: str | os.PathLike[str]) -> Path:
    """Where a failed build for ``out`` is kept: beside it, as NAME-failed."""
    place = _resolved(out)
    return place.with_name(f"{place.name}-failed")


def place_of(out: str | os.PathLike[str], report: BuildReport) -> Path:
    """Where a build lies: in ``out``, or, where it misses its clock and the build in ``out`` does not, beside it."""
    place = _resolved(out)
    if report.met:
        return place
    return failed_folder(out) if _meets(place) else place


def check_place(out: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Raise OutputError where a build cannot be moved to ``out``.

    A build that is there is replaced with ``overwrite`` alone, and a folder that holds anything else never is.
    """
    place, failed = _resolved(out), failed_folder(out)
    for folder in (place, failed):
        if not folder.exists():
            continue
        if not folder.is_dir():
            raise OutputError(f"{folder} is there and is no folder: give the path of a folder with --out")
        if others := sorted(entry.name for entry in folder.iterdir() if not _WRITTEN.fullmatch(entry.name)):
            raise OutputError(f"{folder} holds {others[0]}, which is of no build: give another folder with --out")
    if place.exists():
        if os.path.ismount(place) or Path.cwd().is_relative_to(place.resolve()):
            raise OutputError(f"{out} cannot be replaced as a whole: give a folder in it with --out")
        if not overwrite and any(place.iterdir()):
            raise OutputError(f"{out} is there already; give another name with --out, or say --overwrite")
    if _meets(failed):
        raise OutputError(f"{failed} holds a build, and a failed one of {out} would go there: give another with --out")
    check_can_write(place.parent if place.exists() else place)


@contextmanager
def filled_beside(out: str | os.PathLike[str], *, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder beside ``out``, which takes its place when the block ends without an exception.

    The block writes a report, which decides on that place (see `place_of`). Where the block raises an exception,
    ``out`` stays as it was, and what was written till then, logs among it, is kept as `failed_folder`; the message of
    a SnnhwError says so. After an interruption nothing is kept. Raises OutputError as `check_place` does.
    """
    check_place(out, overwrite=overwrite)
    place, failed = _resolved(out), failed_folder(out)
    make_folder(place.parent)
    folder = make_folder(beside(place))
    try:
        yield folder
        check_place(out, overwrite=overwrite)  # a build takes minutes, in which others may write there
        chosen = place_of(out, load(folder))
        move_folder(folder, chosen)
        if chosen != failed:
            shutil.rmtree(failed, ignore_errors=True)
    except SnnhwError as error:
        if _keep(folder, failed):
            raise type(error)(f"{error}; the files and logs of this build are in {failed}") from error
        raise
    except Exception:
        _keep(folder, failed)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _meets(folder: Path) -> bool:
    """Whether a folder holds a build that meets its clock."""
    try:
        return load(folder).met
    except (BoardError, OSError):
        return False


def _keep(folder: Path, failed: Path) -> bool:
    """Keep what a failed build has written, if anything; whether it is kept."""
    with suppress(OSError, OutputError):
        if any(folder.iterdir()):
            move_folder(folder, failed)
            return True
    return False


def _resolved(out: str | os.PathLike[str]) -> Path:
    """The path whose last part is the folder's own name."""
    path = Path(out)
    return Path(os.path.realpath(path)) if path.is_symlink() or path.name in ("", "..") else path
