"""The emitted test bench: it passes on the circuit, and fails where circuit, vectors or ports are wrong."""

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snnhw.testbench as bench
from golden.network import run
from snnhw.simulate.compiler import verilator_root
from tests.circuits import CASES, emitted, implementation, model, samples

COUNT = 5

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")


def files(case: str, weights: str = "inline", **options: Any) -> dict[str, str]:
    """A circuit and its bench."""
    circuit, chosen = emitted(case, weights), samples(case, COUNT)
    result = run(model(case), chosen)
    return {
        **circuit.files,
        **bench.testbench(
            model(case).network, implementation(case, weights), circuit.interface, chosen, result, **options
        ),
    }


def icarus(folder: Path, written: dict[str, str], *options: str) -> list[str]:
    """What a bench prints in Icarus, line by line."""
    for name, text in written.items():
        (folder / name).write_text(text)
    build = ["iverilog", "-g2005", "-Wall", *options, "-s", "snn_tb", "-o", "tb.vvp", "snn.v", "snn_tb.v"]
    built = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    ran = subprocess.run(["vvp", "-n", "tb.vvp"], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return [line for line in ran.stdout.splitlines() if "$finish" not in line]


@needs_icarus
@pytest.mark.parametrize(
    ("case", "weights"), [*((case, "inline") for case in CASES), ("direct", "readmemh"), ("bernoulli", "readmemh")]
)
def test_the_circuit_passes(tmp_path: Path, case: str, weights: str):
    assert icarus(tmp_path, files(case, weights)) == [f"PASS: {COUNT} of {COUNT} samples"]


@needs_icarus
def test_pauses_change_nothing_and_can_be_chosen_from_outside(tmp_path: Path):
    for option in ("-Psnn_tb.STALLS=0", "-Psnn_tb.SEED=0", "-Psnn_tb.SEED=123456789"):
        assert icarus(tmp_path, files("direct"), option) == [f"PASS: {COUNT} of {COUNT} samples"]
    assert icarus(tmp_path, files("direct", stalls=False, seed=7)) == [f"PASS: {COUNT} of {COUNT} samples"]


@needs_icarus
def test_a_wrong_expectation_is_printed_and_fails(tmp_path: Path):
    chosen = samples("direct", COUNT)
    right = run(model("direct"), chosen)
    scores, classes = right.scores.copy(), right.classes.copy()
    scores[2, 1] += 3
    classes[4] ^= 1
    wrong = dataclasses.replace(right, scores=scores, classes=classes)
    circuit = emitted("direct")
    vectors = bench.testbench(model("direct").network, implementation("direct"), circuit.interface, chosen, wrong)
    assert icarus(tmp_path, {**circuit.files, **vectors}) == [
        f"sample 2: score 1 is {right.scores[2, 1]}, not {scores[2, 1]}",
        f"sample 4: class is {right.classes[4]}, not {classes[4]}",
        f"FAIL: 3 of {COUNT} samples",
    ]


@needs_icarus
def test_an_altered_weight_fails(tmp_path: Path):
    written = files("direct", "readmemh")
    weights = "snn.layer0.crossbar.weights_0.column_0.hex"
    words = written[weights].split()
    written[weights] = "\n".join(f"{~int(word, 16) & 0xFFF:03x}" for word in words)
    assert icarus(tmp_path, written)[-1].startswith("FAIL: ")


@needs_icarus
def test_a_sample_that_never_comes_out_fails_in_the_end(tmp_path: Path):
    written = files("rate")
    beats = written["snn_tb_samples.hex"].split()
    beats[1] = f"{int(beats[1], 16) & ~(1 << 64):017x}"
    said = icarus(tmp_path, {**written, "snn_tb_samples.hex": "\n".join(beats)})
    assert said[0] == "after sample 0: the circuit calls its input ill-framed"
    assert said[-2].startswith("nothing was transferred for ")
    assert said[-1].startswith("FAIL: ")
    assert said[-1].endswith(f" of {COUNT} samples, and a fault at the ports")


@needs_icarus
def test_a_result_too_many_fails(tmp_path: Path):
    written = files("rate")
    beats = written["snn_tb_samples.hex"].split()
    vectors = {"snn_tb_samples.hex": "\n".join([*beats, *beats[:2]])}
    longer = written["snn_tb.v"].replace(f"BEATS = {len(beats)};", f"BEATS = {len(beats) + 2};")
    said = icarus(tmp_path, {**written, **vectors, "snn_tb.v": longer})
    assert said == [
        "there are more results than samples",
        f"FAIL: {COUNT} of {COUNT} samples, and a fault at the ports",
    ]


@pytest.mark.parametrize("case", ["direct", "events"])
def test_verilator_has_nothing_to_say(tmp_path: Path, case: str):
    for name, text in files(case).items():
        (tmp_path / name).write_text(text)
    program = verilator_root() / "bin" / "verilator_bin"
    command = [
        str(program),
        "--lint-only",
        "--timing",
        "-Wall",
        "--top-module",
        "snn_tb",
        "snn.vlt",
        "snn.v",
        "snn_tb.v",
    ]
    environment = {**os.environ, "VERILATOR_ROOT": str(verilator_root())}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_vectors_are_as_wide_as_the_ports():
    written, interface = files("events"), emitted("events").interface
    for name, port in (("samples", interface.sample), ("results", interface.result)):
        lines = written[f"snn_tb_{name}.hex"].split()
        assert {len(line) for line in lines} == {-(-port.width // 4)}
        assert max(int(line, 16) for line in lines) < 1 << port.width


def test_a_result_of_other_samples_is_refused():
    case = "rate"
    result = run(model(case), samples(case, 2))
    for count in (0, 3):
        with pytest.raises(ValueError, match="result each"):
            bench.testbench(
                model(case).network, implementation(case), emitted(case).interface, samples(case, count), result
            )
    with pytest.raises(ValueError, match="must be uint8"):
        bench.testbench(
            model(case).network, implementation(case), emitted(case).interface, np.zeros((2, 3), np.uint8), result
        )
