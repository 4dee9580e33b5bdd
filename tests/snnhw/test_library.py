"""Weights are no part of a compiled circuit: they are files, which it reads when it starts."""

import functools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnhw.design import Design
from snnhw.errors import OutputError, ToolError
from snnhw.model import Model
from snnhw.simulate import cache, compiler
from snnhw.simulate.engines import engine
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import verify
from snnhw.verilog import emit
from tests.circuits import implementation, model, samples

MODEL, IMPLEMENTATION, SAMPLES = model("direct"), implementation("direct"), samples("direct", 40)
WEIGHTS = "snn.layer0.crossbar.weights_0.column_0.hex"


def with_weights(weights: np.ndarray) -> Design:
    return Design(Model(MODEL.network, {**MODEL.tensors, "layer0.weight": weights}), IMPLEMENTATION)


REVERSED = with_weights(MODEL.tensors["layer0.weight"][:, ::-1])
"""Other weights whose sums have the same bounds."""


OWN = Design(MODEL, IMPLEMENTATION)


@functools.cache
def simulator(design: Design) -> VerilatorSimulator:
    return replace(VerilatorSimulator.of(design), optimise=False)


def with_file(text: str) -> VerilatorSimulator:
    """The circuit, with another file of weights."""
    circuit = simulator(OWN)
    assert circuit.memories[WEIGHTS] != text
    return replace(circuit, memories={**circuit.memories, WEIGHTS: text})


@pytest.mark.slow
def test_new_weights_of_the_same_widths_need_no_compiler_and_are_those_that_run(monkeypatch: pytest.MonkeyPatch):
    simulator(OWN).prepare()
    monkeypatch.setattr(compiler, "compile_objects", lambda *_: pytest.fail("compiled again"))
    circuit = simulator(REVERSED)
    assert verify(REVERSED, SAMPLES, simulator=circuit).equal
    assert not verify(OWN, SAMPLES, simulator=circuit).equal


@pytest.mark.slow
def test_a_word_that_is_wrong_in_a_file_of_weights_is_found():
    first, *others = simulator(OWN).memories[WEIGHTS].splitlines(keepends=True)
    flipped = f"{int(first, 16) ^ 1:0{len(first) - 1}x}\n"
    report = verify(OWN, SAMPLES, simulator=with_file("".join([flipped, *others])))
    assert report.mismatches > 0
    assert report.divergence is not None
    assert (report.divergence.stage, report.divergence.field) == ("layer0", "integrated")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", f".*/{WEIGHTS}: .*end"), ("0\n", f".*/{WEIGHTS}: .*end"), ("no\n", ".readmem file syntax error$")],
)
def test_a_file_of_weights_that_is_short_or_has_no_numbers_is_an_error(text: str, complaint: str):
    with pytest.raises(ToolError, match=f"^the compiled circuit cannot be started: {complaint}"):
        with_file(text).run(SAMPLES)


@pytest.mark.slow
def test_a_file_of_weights_that_is_missing_is_an_error():
    with pytest.raises(ToolError, match=r"\.hex: \$readmem file not found$"):
        replace(simulator(OWN), memories={}).run(SAMPLES)


@pytest.mark.slow
def test_files_of_weights_that_cannot_be_written_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(
        OutputError, match=r"^cannot write the weights of a simulation \(.*\): make room, or set TMPDIR"
    ):
        simulator(OWN).run(SAMPLES)


def test_weights_of_other_widths_have_another_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cache, "cached", lambda kind, key, build: Path(kind) / key)
    narrow = with_weights(MODEL.tensors["layer0.weight"] // 4)
    own, same, other = (simulator(each)._build(None) for each in (OWN, REVERSED, narrow))
    assert own.path == same.path != other.path
    assert own.memories != same.memories


def test_what_is_simulated_is_what_is_emitted_with_weights_in_files():
    circuit = simulator(OWN)
    emitted = emit(Design(MODEL, implementation("direct", "readmemh")))
    assert (circuit.verilog, circuit.memories) == (emitted.verilog, emitted.memories)


def test_only_a_long_run_is_worth_an_optimised_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(VerilatorSimulator, "prepare", lambda _: None)
    monkeypatch.setattr(VerilatorSimulator, "of", lambda _: simulator(OWN))
    chosen = engine("verilator").engine
    levels = []
    for count in (1, 10_000_000):
        circuit = chosen.simulator(OWN, count)
        assert isinstance(circuit, VerilatorSimulator)
        levels.append(circuit.optimise)
    assert levels == [False, True]
