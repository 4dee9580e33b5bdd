"""Where the programs that this one starts keep what they compile: below SNNHW_CACHE, or no longer than this process.

Left alone, each has a folder of its own below the user's home, and some fail where that cannot be written, as in many
containers: yosys and nextpnr are WebAssembly, which wasmtime compiles at their first run. (On macOS wasmtime knows no
other place for yosys.)
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from snnhw.errors import OutputError
from snnhw.files import can_write, make_folder
from snnhw.simulate.cache import root

__all__ = ["TOOLS", "cache_variables", "moved_caches"]

TOOLS = "tools"
"""The folder below SNNHW_CACHE."""

_LOCK = threading.RLock()


def cache_variables() -> dict[str, str]:
    """What the environment of a tool must say of caches; a folder for this process alone where none can be kept."""
    try:
        folder = make_folder(root() / TOOLS)
        kept = can_write(folder)
    except OutputError:
        kept = False
    if not kept:
        folder = Path(_of_this_process().name)
    return {
        "XDG_CACHE_HOME": str(folder),
        "YOWASP_CACHE_DIR": str(folder / "YoWASP"),
        "npm_config_cache": str(folder / "npm"),
    }


@contextmanager
def moved_caches(**others: str) -> Iterator[None]:
    """For the time of the block, this process's environment says so too, and ``others``.

    It is for libraries that start a tool themselves. One thread at a time is in such a block.
    """
    with _LOCK:
        chosen = {**cache_variables(), **others}
        before = {name: os.environ.get(name) for name in chosen}
        os.environ.update(chosen)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@cache
def _of_this_process() -> tempfile.TemporaryDirectory[str]:
    """A folder that is removed when this process ends."""
    return tempfile.TemporaryDirectory(prefix="snnhw_tools_", ignore_cleanup_errors=True)
