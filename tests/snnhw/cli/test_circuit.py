"""Commands that run a circuit: simulate, verify, demo; what they print, their status, and what is refused."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snnhw.testbench
import snnhw.verification
from golden.network import run as run_golden
from snnhw.cli.app import run
from snnhw.compare import Divergence
from snnhw.data import load
from snnhw.design import Design
from snnhw.implementation import Implementation
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.presets import preset
from snnhw.verification import Report, verify

IMAGES = 3
LIMIT = ["--limit", str(IMAGES)]
SLOW = ["--engine", "amaranth"]
"""Needs no compiler, and is faster than one for a few images."""


def network() -> Model:
    chosen = preset("mnist-mlp", hidden=4, num_steps=2)
    rng = np.random.default_rng(5)
    return Model(chosen, {name: rng.integers(-8, 8, shape) for name, shape in tensor_shapes(chosen).items()})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small model file."""
    monkeypatch.chdir(tmp_path)
    save(network(), "small.safetensors")
    return tmp_path


def record(arguments: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    assert run([*arguments, "--json"]) == status
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.count("\n") == 1
    parsed: dict[str, Any] = json.loads(captured.out)
    return parsed


def golden(start: int = 0) -> Any:
    return run_golden(network(), load("sample").images[start : start + IMAGES], traces=True)


@pytest.mark.slow
def test_simulate(folder: Path, capsys: pytest.CaptureFixture[str]):
    files = ["--vcd", "wave.vcd", "--traces", "made/traces.npz", "--pictures", "drawn"]
    shown = record(["simulate", "small.safetensors", *LIMIT, *SLOW, "--index", "7", *files], capsys)
    expected = golden(7)
    assert [image["index"] for image in shown["images"]] == [7, 8, 9]
    assert [image["class"] for image in shown["images"]] == expected.classes.tolist()
    assert [image["scores"] for image in shown["images"]] == expected.scores.tolist()
    assert shown["images"][0]["label"] == load("sample").labels[7]
    assert shown["files"] == {"traces": "made/traces.npz", "vcd": "wave.vcd"}
    drawn = ["encoder", "hidden", "hidden-spikes", "output"]
    assert shown["pictures"] == [f"drawn/small-{name}.png" for name in drawn]
    assert all((folder / path).read_bytes().startswith(b"\x89PNG") for path in shown["pictures"])
    assert (folder / "wave.vcd").read_text().startswith("$")
    with np.load(folder / "made" / "traces.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["hidden.membrane"], expected.traces["hidden"].state["membrane"])
        assert np.array_equal(arrays["encoder.value"], expected.encoded)
        assert np.array_equal(arrays["output.integrated"], expected.traces["output"].integrated)


@pytest.mark.slow
def test_simulate_for_people(capsys: pytest.CaptureFixture[str]):
    assert run(["simulate", "small.safetensors", *LIMIT, *SLOW, "--stream", "--vcd", "w.vcd"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert " ".join(map(str, golden().scores[2].tolist())) in captured.out
    assert "wrote w.vcd" in captured.out


@pytest.mark.slow
def test_verify(folder: Path, capsys: pytest.CaptureFixture[str]):
    shown = record(["verify", "small.safetensors", *LIMIT, *SLOW], capsys)
    assert (shown["images"], shown["mismatches"], shown["equal"]) == (IMAGES, 0, True)
    assert shown["correct"] == (golden().classes == load("sample").labels[:IMAGES]).sum()
    assert shown["cycles"]["min"] <= shown["cycles"]["mean"] <= shown["cycles"]["max"]
    assert shown["digest"] == network().digest
    assert shown["recoveries"] == IMAGES
    assert sorted(path.name for path in folder.iterdir()) == ["small.safetensors"]


@pytest.mark.slow
def test_verify_the_verilog_with_any_lanes(capsys: pytest.CaptureFixture[str]):
    lanes = ["--lanes", "3", "--neuron-lanes", "output=2", "--pixels-per-beat", "5", "--no-overlap"]
    assert run(["verify", "small.safetensors", "--limit", "50", *lanes]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.endswith("equal: 50 of 50 images\n")
    assert "by verilator" in captured.out
    assert "all as predicted" in captured.out
    assert "recovery            22 ill-framed or interrupted samples dropped, and only those\n" in captured.out


@lru_cache
def sound() -> Report:
    """The report of a circuit that does not differ."""
    images = load("sample", limit=IMAGES)
    chosen = network()
    return verify(Design(chosen, Implementation.of(chosen.network)), images.images, images.labels, engine="amaranth")


def differing(**changes: Any) -> Any:
    """In the place of `verify`, one with a report of a circuit that differs."""
    return lambda *_arguments, **_options: replace(sound(), **changes)


@pytest.mark.slow
def test_a_circuit_that_differs_is_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    divergence = Divergence("stream", 1, 0, "hidden", 3, "membrane", 5, 6)
    changes = {"mismatches": 2, "divergence": divergence, "problems": ("it got stuck",), "waveform": Path("x.vcd")}
    monkeypatch.setattr(snnhw.verification, "verify", differing(**changes))
    shown = record(["verify", "small.safetensors", *LIMIT, *SLOW], capsys, status=1)
    assert shown["divergence"]["neuron"] == 3
    assert shown["waveform"] == "x.vcd"
    assert run(["verify", "small.safetensors", *LIMIT, *SLOW]) == 1
    text = capsys.readouterr().out
    assert "NOT EQUAL: 1 of 3 images" in text
    assert "first difference    stream: sample 1, step 0, stage hidden, neuron 3, membrane: golden 5, circuit 6" in text
    assert "problem             it got stuck" in text
    assert "waveform            x.vcd" in text
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert run(["demo", "small.safetensors", *LIMIT]) == 1


def test_cycles_unlike_the_prediction_are_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(snnhw.verification, "verify", differing(timing_mismatches=2))
    assert run(["verify", "small.safetensors", *LIMIT, *SLOW]) == 1
    text = capsys.readouterr().out
    assert "equal: 3 of 3 images" in text
    assert "2 are not as predicted" in text


@pytest.mark.long
def test_verify_the_verilog_whose_weights_are_in_files(capsys: pytest.CaptureFixture[str]):
    shown = record(["verify", "small.safetensors", *LIMIT, "--weights", "readmemh"], capsys)
    assert (shown["equal"], shown["engine"]) == (True, "verilator")


@pytest.mark.slow
def test_demo(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert run(["demo", "small.safetensors", *LIMIT, "--index", "5"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "simulating with amaranth, at most 10 samples, because CXX names 'no-such-compiler'" in captured.err
    assert "<-- the class" in captured.out
    assert "spikes of layer hidden, 4 neurons" in captured.out
    assert captured.out.endswith("equal: 3 of 3 images\n")
    assert (folder / "small_verilog" / "snn.v").is_file()
    assert run(["demo", "small.safetensors", *LIMIT, "--json", "--out", "there"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["image"]["class"] == golden().classes[0]
    assert "there/snn.v" in shown["files"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "images"),
    [
        ([], 10),
        (["--interface", "axi", "--limit", "2"], 2),
        (["--interface", "uart", "--clock-hz", "921600"], 3),
    ],
)
def test_a_test_bench(
    options: list[str], images: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    sent, write = [], snnhw.testbench.testbench

    def spy(design: Any, emitted: Any, samples: Any) -> dict[str, str]:
        sent.append(len(samples))
        return write(design, emitted, samples)

    monkeypatch.setattr(snnhw.testbench, "testbench", spy)
    shown = record(["verilog", "small.safetensors", "--testbench", *options, "--top", "mine"], capsys)
    assert shown["top"] == "mine"
    assert {"small_verilog/mine.v", "small_verilog/mine_tb.v"} <= set(shown["files"])
    assert sent == [images]


CANNOT: dict[str, tuple[list[str], str]] = {
    "lanes": (["verify", "small.safetensors", "--synapse-lanes", "hidden=5"], "so 1 to 4 synapse lanes, not 5"),
    "engine": (
        ["verify", "small.safetensors", "--engine", "fast"],
        "--engine must be one of auto, verilator, amaranth",
    ),
    "beyond": (["simulate", "small.safetensors", "--index", "1000"], "--index must be below 1000"),
    "beyond the demo's": (["demo", "small.safetensors", "--index", "1000"], "--index must be below 1000"),
    "traces": (["simulate", "small.safetensors", *LIMIT, "--traces", "x.txt"], "must end with .npz, not 'x.txt'"),
    "waveform": (["simulate", "small.safetensors", "--vcd", "x.txt"], "must end with .vcd or .fst, not 'x.txt'"),
    "waveform of what differs": (["verify", "small.safetensors", "--vcd", "x.gz"], "with .vcd or .fst, not 'x.gz'"),
    "fst of amaranth": (["simulate", "small.safetensors", *SLOW, "--vcd", "x.fst"], "or take --engine verilator"),
    "fst of what differs": (["verify", "small.safetensors", *SLOW, "--vcd", "x.fst"], "or take --engine verilator"),
    "unwritable": (
        ["simulate", "small.safetensors", *LIMIT, *SLOW, "--vcd", "small.safetensors/w.vcd"],
        "cannot write",
    ),
    "no such images": (["verify", "small.safetensors", "--dataset", "own"], "no dataset and no file is called own"),
    "top": (["verilog", "small.safetensors", "--top", "9x"], "a module's name must be"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_is_one_line(case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """And is told before anything is built or simulated."""
    arguments, message = CANNOT[case]
    for simulator in ("verilator.VerilatorSimulator.prepare", "amaranth._Bench.run"):
        monkeypatch.setattr(f"snnhw.simulate.{simulator}", lambda *_: pytest.fail("simulated"))
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.parametrize("command", ["verify", "simulate"])
def test_a_missing_compiler_that_was_asked_for(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert run([command, "small.safetensors", "--engine", "verilator"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "snnhw: CXX names 'no-such-compiler', which is no program here: correct it, or unset it\n"


@pytest.mark.parametrize("command", ["verify", "simulate"])
def test_a_missing_compiler_is_told_before_the_slow_simulator_runs(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupt(*_: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("snnhw.simulate.amaranth.AmaranthSimulator.run", interrupt)
    assert run([command, "small.safetensors"]) == 2
    note, error = capsys.readouterr().err.splitlines()
    assert note.startswith("snnhw: simulating with amaranth, at most 10 samples, because CXX names 'no-such-compiler'")
    assert error.startswith("snnhw: interrupted")


def test_images_of_another_size(folder: Path, capsys: pytest.CaptureFixture[str]):
    np.save(folder / "own.npy", np.zeros((2, 20, 28), np.uint8))
    for command in ("verify", "simulate"):
        assert run([command, "small.safetensors", "--dataset", "own.npy"]) == 2
        assert "the network takes images of 28 x 28" in capsys.readouterr().err
