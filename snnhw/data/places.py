"""Where datasets lie on this machine, and what of them is there."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path

from snnhw.data.catalogue import Source, SourceFile
from snnhw.errors import DatasetError
from snnhw.files import user_cache

__all__ = ["folder_of", "read_checked", "root"]

_DAMAGED_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)


def root() -> Path:
    """The folder of all datasets: SNNHW_DATA, or snnhw/data in the user's cache."""
    if given := os.environ.get("SNNHW_DATA"):
        return Path(given).expanduser()
    return user_cache("SNNHW_DATA") / "data"


def folder_of(name: str) -> Path:
    """The folder that `fetch` puts the dataset of this name into; it need not be there."""
    return root() / name


def read_checked(source: Source, file: SourceFile) -> bytes:
    """The content of a dataset's file, from its folder or torchvision's, compressed or not.

    Raises DatasetError where it is missing, or is not what the dataset's publisher put into it.
    """
    for folder in (folder_of(source.name), root() / source.torchvision):
        for path in (folder / file.name, folder / f"{file.name}.gz"):
            if os.path.isfile(path):  # False also where it may not be looked at
                return _content(path, source, file)
    names = ", ".join(file.name for file in source.all_files)
    raise DatasetError(
        f"{source.name} is not on this machine: run `snnhw data fetch {source.name}`, "
        f"or put {names} (as they are, or as .gz) into {folder_of(source.name)}"
    )


def _content(path: Path, source: Source, file: SourceFile) -> bytes:
    try:
        # One byte more than there should be tells a longer file, and bounds what a compressed one can grow to.
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(file.size + 1)
    except _DAMAGED_GZIP:
        content = b""
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}; make it readable") from error
    if len(content) != file.size or hashlib.sha256(content).hexdigest() != file.sha256:
        raise DatasetError(
            f"{path} is not the {file.name} of {source.name}: it is damaged or altered; remove it and run "
            f"`snnhw data fetch {source.name}`, or give data of your own by its path"
        )
    return content
