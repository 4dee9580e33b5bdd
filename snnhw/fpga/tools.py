"""Running the tools of the extra ``fpga``: each in a process of its own, in a folder, with a log."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from snnhw.errors import ToolError, ToolMissingError
from snnhw.toolcache import cache_variables

__all__ = ["call", "first_error", "log_kept", "require", "versions"]

_CALL = """
import sys
from {module} import {function} as function
sys.exit(function(sys.argv[1:]) if function.__code__.co_argcount else function())
"""
"""Some functions take the words of their command line, and some look for them in ``sys.argv``."""


def require(module: str) -> None:
    """Raise ToolMissingError where a package of the extra is not installed."""
    if find_spec(module.partition(".")[0]) is None:
        raise ToolMissingError(f"{_package(module)} is not installed in this Python: pip install 'snnhw[fpga]'")


def versions(*modules: str) -> dict[str, str]:
    """The versions of packages; raises ToolMissingError where one is missing."""
    for module in modules:
        require(module)
    return {_package(module): metadata.version(_package(module)) for module in modules}


def _package(module: str) -> str:
    """The package that a module comes from."""
    return module.partition(".")[0].replace("_", "-")


def call(module: str, function: str, arguments: Sequence[str], folder: Path, log: str) -> int:
    """Call a package's function with words of a command line and return its exit status; output goes to ``log``.

    The tools see no absolute paths, so arguments name files of ``folder``.
    """
    require(module)
    return run([sys.executable, "-c", _CALL.format(module=module, function=function), *arguments], folder, log)


def run(command: Sequence[str], folder: Path, log: str) -> int:
    """Run a command in a folder, and return its exit status; its output goes to ``log`` there."""
    environment = {**os.environ, **cache_variables(), "PYTHONUNBUFFERED": "1"}
    with (folder / log).open("wb") as output:
        return subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT).returncode


@contextmanager
def log_kept(folder: Path, log: str, out: Path) -> Iterator[None]:
    """Copy a tool's log from the folder that it runs in to another, whether or not it succeeds."""
    try:
        yield
    finally:
        if (folder / log).is_file():
            shutil.copyfile(folder / log, out / log)


def first_error(folder: Path, log: str, what: str) -> ToolError:
    """The exception for a tool that failed, with the first complaint of its log."""
    lines = (folder / log).read_text(errors="replace").splitlines()
    complaint = next((line for line in lines if "ERROR" in line), lines[-1] if lines else "it said nothing")
    return ToolError(f"{what} failed: {complaint.strip()[:300]} (its log: {log})")
