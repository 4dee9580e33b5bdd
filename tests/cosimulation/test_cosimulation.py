"""The emitted Verilog in other simulators, driven by cocotb through its ports alone, against golden."""

import json
import os
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from golden.network import Result, run
from snnhw.interface import StreamPort
from snnhw.simulate.compiler import verilator_root
from snnhw.simulate.samples import pack
from snnhw.simulate.simulation import patience
from snnhw.verilog import lint_waivers
from tests.circuits import emitted, implementation, model, samples

SAMPLES = 5
TESTS = 5

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def vectors(case: str) -> dict[str, object]:
    """The beats of some samples, and what golden makes of them, as payloads."""
    given, circuit = samples(case, SAMPLES), emitted(case)
    beats = pack(model(case).network, circuit.interface.sample, given)
    payloads = [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in beats.words]
    starts = [0, *np.cumsum(beats.counts).tolist()]
    return {
        "samples": [payloads[start:end] for start, end in pairwise(starts)],
        "results": result_payloads(circuit.interface.result, run(model(case), given)),
        "patience": patience(model(case).network, implementation(case)),
        "framed": model(case).network.encoder.kind != "events",
        "seed": 7,
    }


def result_payloads(port: StreamPort, result: Result) -> list[int]:
    payloads = []
    for chosen, scores in zip(result.classes.tolist(), result.scores.tolist(), strict=True):
        payload = 0
        for name, numbers in (("class", [chosen]), ("scores", scores)):
            field = port.field(name)
            for lane, number in enumerate(numbers):
                payload |= (number & (1 << field.width) - 1) << field.offset + lane * field.width
        payloads.append(payload)
    return payloads


def outcome(folder: Path, simulator: str, case: str, given: dict[str, object], *options: str) -> tuple[int, int]:
    """Build the circuit in a simulator and run the bench: tests that ran, and tests that failed."""
    top, circuit = emitted(case).interface.top, emitted(case)
    (folder / f"{top}.v").write_text(circuit.verilog)
    (folder / "vectors.json").write_text(json.dumps(given))
    sources = [folder / f"{top}.v"]
    if simulator == "verilator":
        (folder / f"{top}.vlt").write_text(lint_waivers(top))
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
            test_module="tests.cosimulation.bench",
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


@needs_icarus
@pytest.mark.parametrize("case", ["direct", "bernoulli", "events"])
def test_icarus(tmp_path: Path, case: str):
    assert outcome(tmp_path, "icarus", case, vectors(case), "-g2005") == (TESTS, 0)


@needs_icarus
def test_a_wrong_expectation_fails(tmp_path: Path):
    given = vectors("direct")
    results = given["results"]
    assert isinstance(results, list)
    results[2] ^= 1
    assert outcome(tmp_path, "icarus", "direct", given, "-g2005") == (TESTS, TESTS - 1)


@needs_make
@pytest.mark.verilator
def test_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # The wheel's own command is a Perl script around this program, which needs it no more.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "verilator").symlink_to(verilator_root() / "bin" / "verilator_bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("VERILATOR_ROOT", str(verilator_root()))
    # Without the first, make looks for compiled headers that g++ names otherwise; the others save most of the time.
    monkeypatch.setenv("MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0")
    assert outcome(tmp_path, "verilator", "direct", vectors("direct"), "-Wall") == (TESTS, 0)
