"""A folder of built things, each under the digest of what it was built from."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snnhw.errors import OutputError
from snnhw.files import user_cache

KEPT_ENTRIES = 64
KEPT_BYTES = 1 << 30
_SEAL = "contents.json"
SAFE_SECONDS = 3600.0
"""What was used within this time stays, also where the cache is full: another process may be about to load it."""


def root() -> Path:
    """The folder of caches: SNNHW_CACHE, or snnhw in the user's cache."""
    if given := os.environ.get("SNNHW_CACHE"):
        return Path(given).expanduser()
    return user_cache("SNNHW_CACHE")


def digest(content: Any) -> str:
    """A key for anything that JSON can write; equal content gives an equal key."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def entry(kind: str, key: str) -> Path:
    """Where the entry of that kind and key lies, or would."""
    return root() / "verilator" / kind / key


def cached(kind: str, key: str, build: Callable[[Path], None], within: Path | None = None) -> Path:
    """The folder of an entry; ``build`` fills a new one, which appears only when it is complete.

    It lies in the folder ``within``, or with the compiled circuits. What was damaged since is built anew.

    Two processes may build the same entry at once: the first to end wins, and both have it. Raises OutputError where
    the cache cannot be written.
    """
    place = entry(kind, key) if within is None else within / kind / key
    if os.path.isdir(place):  # False also where it may not be looked at
        if _is_whole(place):
            _mark_used(place)
            return place
        shutil.rmtree(place, ignore_errors=True)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=place.parent))
    except OSError as error:
        raise OutputError(
            f"cannot write the cache {place.parent}: {error.strerror}; set SNNHW_CACHE to a folder of your own"
        ) from error
    try:
        try:
            build(building)
            _seal(building)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(
                f"cannot build in the cache {place.parent}: {reason}; make room, or set SNNHW_CACHE to another folder"
            ) from error
        try:
            building.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    trim(place.parent)
    return place


def _seal(place: Path) -> None:
    """Write down what an entry holds."""
    (place / _SEAL).write_text(json.dumps(_contents(place)))


def _is_whole(place: Path) -> bool:
    """Whether an entry holds what it held when it was built."""
    try:
        return bool(json.loads((place / _SEAL).read_text()) == _contents(place))
    except (OSError, ValueError, RecursionError):
        return False


def _contents(place: Path) -> dict[str, str]:
    files = sorted(path for path in place.rglob("*") if path.is_file() and path.name != _SEAL)
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def trim(folder: Path, *, entries: int = KEPT_ENTRIES, octets: int = KEPT_BYTES) -> None:
    """Remove what has not been used for longest, until at most ``entries`` with ``octets`` bytes are left.

    Folders of builds that were interrupted go as well. What was used within the last hour stays.
    """
    now, size = time.time(), 0
    used = sorted((_age(place, now), place) for place in folder.iterdir())
    for count, (age, place) in enumerate(used, start=1):
        size += _size(place)
        if age > SAFE_SECONDS and (place.name.startswith(".") or count > entries or size > octets):
            shutil.rmtree(place, ignore_errors=True)


def _mark_used(place: Path) -> None:
    try:
        os.utime(place)
    except OSError:
        return  # a cache that others own is read as it is


def _age(place: Path, now: float) -> float:
    try:
        return now - place.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _size(place: Path) -> int:
    try:
        return sum(file.stat().st_size for file in place.rglob("*"))
    except FileNotFoundError:
        return 0
