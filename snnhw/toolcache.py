"""Where the programs that this one starts keep what they compile: below SNNHW_CACHE, or no longer than this process.

Left alone, each has a folder of its own below the user's home, and some fail where that cannot be written, as in many
containers: yosys and nextpnr are WebAssembly, which wasmtime compiles at their first run. (On macOS wasmtime knows no
other place for yosys.)
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from snnhw.errors import OutputError
from snnhw.files import can_write, make_folder
from snnhw.simulate.cache import root

__all__ = ["TOOLS", "cache_variables", "tool_folder"]

TOOLS = "tools"
"""The folder below SNNHW_CACHE."""


def tool_folder() -> Path:
    """The folder for what tools compile; one for this process alone where none can be kept."""
    try:
        folder = make_folder(root() / TOOLS)
        kept = can_write(folder)
    except OutputError:
        kept = False
    return folder if kept else Path(_of_this_process().name)


def cache_variables() -> dict[str, str]:
    """What the environment of a tool must say of caches."""
    folder = tool_folder()
    return {
        "XDG_CACHE_HOME": str(folder),
        "YOWASP_CACHE_DIR": str(folder / "YoWASP"),
        "npm_config_cache": str(folder / "npm"),
    }


@cache
def _of_this_process() -> tempfile.TemporaryDirectory[str]:
    """A folder that is removed when this process ends."""
    return tempfile.TemporaryDirectory(prefix="snnhw_tools_", ignore_cleanup_errors=True)
