"""The bench of AXI: it passes on the circuit, and fails where packets, results or registers are wrong."""

from pathlib import Path

import pytest

from snnhw.implementation import MemoryKind
from snnhw.shell import REGISTERS, AxiShell
from tests.circuits import model
from tests.snnhw.testbench.simulators import (
    STANDARDS,
    files,
    held,
    icarus,
    passes,
    tiny,
    verilator_has_nothing_to_say,
)
from tests.tools import needs_icarus

SMALL = (5, 2, AxiShell(tdata=8))
"""A sample of several words and several beats."""


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize(("case", "tdata", "memory"), [("direct", 32, "rom"), ("events", 8, "ram")])
def test_the_circuit_passes(tmp_path: Path, case: str, tdata: int, memory: MemoryKind, standard: str):
    assert passes(icarus(tmp_path, files(case, AxiShell.model_validate({"tdata": tdata}), memory), standard=standard))


@needs_icarus
def test_a_sample_of_one_word_whose_weights_must_be_loaded_passes(tmp_path: Path):
    assert passes(icarus(tmp_path, dict(tiny(1, 8, AxiShell(tdata=64), "spram"))))


@needs_icarus
def test_pauses_change_nothing_and_can_be_chosen_from_outside(tmp_path: Path):
    for option in ("-Psnn_tb.STALLS=0", "-Psnn_tb.SEED=0"):
        assert passes(icarus(tmp_path, dict(tiny(*SMALL)), option))


FAULTS = {
    "words after a bad one are taken": ("snn.intake.check", "skipping", "1'h0", "there are more results than samples"),
    "a flag is not set": ("snn.registers", "flags", "4'h0", "status is 00000000, not 00000100"),
    "a flag is not cleared": ("snn.registers", "flags", "flags | raised", "status is 00000100, not 00000000"),
    "what is lost is not counted": ("snn.counts", "dropped", "32'h0", "dropped is 00000000, not 00000002"),
    "a soft reset that does nothing": ("snn.registers", "reset", "1'h0", "is 0000000"),
    "a word that cannot be kept": ("snn.registers", "scratch", "32'h0", "scratch is 00000000, not 01234567"),
}


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_circuit_fails(tmp_path: Path, fault: str):
    module, register, value, message = FAULTS[fault]
    said = icarus(tmp_path, held(dict(tiny(*SMALL)), module, register, value))
    assert any(message in line for line in said[:-1])
    assert said[-1].startswith("FAIL: ")


@needs_icarus
def test_a_sample_that_does_not_wait_for_weights_fails(tmp_path: Path):
    written = dict(tiny(1, 8, AxiShell(tdata=64), "spram"))
    said = icarus(tmp_path, held(written, "snn.circuit.loader", "loaded", "1'h1"))
    assert "a sample was worked on while weights were missing" in said
    assert said[-1].startswith("FAIL: ")


@needs_icarus
def test_a_wrong_score_is_printed_and_fails(tmp_path: Path):
    written = dict(tiny(*SMALL))
    lines = [int(line, 16) for line in written["snn_tb_results.hex"].split()]
    lines[1] ^= 1 << 8
    vectors = {"snn_tb_results.hex": "\n".join(f"{line:x}" for line in lines)}
    said = icarus(tmp_path, {**written, **vectors})
    assert [line.partition(" is ")[0] for line in said] == [
        "sample 1: score 0",
        f"FAIL: {len(lines) - 1} of {len(lines)} samples",
    ]


def test_registers_stand_where_they_are_and_the_digest_is_the_models():
    bench = files("direct", AxiShell())["snn_tb.v"]
    for register in REGISTERS:
        assert f"AT_{register.name.upper()} = 12'h{register.address:03x};" in bench
    for start in range(0, 64, 8):
        assert f"ALL, 32'h{model('direct').digest[start : start + 8]});" in bench


def test_verilator_has_nothing_to_say(tmp_path: Path):
    verilator_has_nothing_to_say(tmp_path, files("events", AxiShell(tdata=8), "ram"))
