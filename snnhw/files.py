"""Writing files so that a reader sees the old file or the whole new one, and never a part.

The new file is written beside its destination under a hidden name and renamed when it is complete. Whatever interrupts
the writing, an exception or the user, the destination stays as it was and the hidden file is removed.
"""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from snnhw.errors import OutputError

__all__ = [
    "beside",
    "can_write",
    "check_can_write",
    "make_folder",
    "move_folder",
    "replacing",
    "user_cache",
    "write_atomically",
]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def user_cache(variable: str) -> Path:
    """The folder of this project in the user's cache, for what ``variable`` of the environment does not place.

    Raises OutputError where the user has no home: the variable must then be set.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if cache.is_absolute():
        return cache / "snnhw"
    try:
        return Path.home() / ".cache" / "snnhw"
    except RuntimeError as error:
        raise OutputError(f"this user has no home folder: set HOME, or {variable} to a folder of your own") from error


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder and its parents where they are missing, and return its path.

    Raises OutputError where that is not possible.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _output_error(folder, error) from error
    return folder


def can_write(folder: Path) -> bool:
    """Whether a file can be made in a folder, or in the nearest that is there above it: one is, and removed."""
    try:
        check_can_write(folder)
    except OutputError:
        return False
    return True


def check_can_write(folder: Path) -> None:
    """Raise OutputError where no file could be made in a folder, or in the nearest that is there above it."""
    there = next(place for place in (folder, *folder.parents) if os.path.exists(place))
    try:
        with tempfile.TemporaryFile(dir=there):
            return
    except OSError as error:
        raise _output_error(folder, error) from error


def beside(path: Path) -> Path:
    """A hidden name in the same folder that nothing has, with the same suffix."""
    return path.with_name(f".{path.stem[:100]}.{secrets.token_hex(6)}{path.suffix}")


def move_folder(folder: Path, destination: Path) -> None:
    """Give a folder another name in the same folder, in the place of a folder that has it.

    Whatever interrupts it, one of the two is there whole under that name. Raises OutputError where it cannot be done;
    nothing has then changed.
    """
    aside = beside(destination)
    try:
        if destination.exists():
            destination.rename(aside)
        folder.rename(destination)
    except OSError as error:
        raise _output_error(destination, error) from error
    finally:
        if aside.exists() and not destination.exists():
            aside.rename(destination)
        shutil.rmtree(aside, ignore_errors=True)


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write `content` (text as UTF-8, line ends unchanged) to `path`, all or nothing, and return the path.

    Missing parent folders are made. Raises OutputError where the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with replacing(path) as temporary:
        try:
            temporary.write_bytes(data)
        except OSError as error:
            raise _output_error(Path(path), error) from error
    return Path(path)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of an empty file to write to, which becomes `path` when the block ends without an exception.

    The file lies in the folder of `path` and has its suffix, for writers that choose the format by it. Missing parent
    folders are made. Raises OutputError where the file cannot be written; other exceptions of the block pass through.
    """
    destination = Path(os.path.realpath(path))
    if destination.exists() and not destination.is_file():
        raise OutputError(f"cannot write {path}: it is there and is not a file; give the path of a file")
    make_folder(destination.parent)
    temporary = beside(destination)
    try:
        try:
            temporary.open("xb").close()
        except OSError as error:
            raise _output_error(Path(path), error) from error
        yield temporary
        try:
            temporary.replace(destination)
        except OSError as error:
            raise _output_error(Path(path), error) from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise _output_error(Path(path), error) from error
        raise
    finally:
        with suppress(OSError):  # on a disk that nothing can be written to, nothing can be removed either
            temporary.unlink(missing_ok=True)


def _output_error(path: Path, error: OSError) -> OutputError:
    reason = (error.strerror or str(error)).lower()
    return OutputError(f"cannot write {path}: {reason}; choose a place with room that you may write to")
