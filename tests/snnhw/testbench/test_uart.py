"""The bench of the serial line: it passes on the circuit, and fails where answers or the line are wrong."""

import re
from pathlib import Path

import pytest

from snnhw.frames import ESCAPE, FLAG
from snnhw.shell import UartShell
from snnhw.testbench.uart import spoilt
from tests.snnhw.testbench.simulators import (
    STANDARDS,
    altered,
    held,
    icarus,
    passes,
    tiny,
    verilator_has_nothing_to_say,
)
from tests.tools import needs_icarus

FASTEST = UartShell(clock_hz=8, baud=1)
UNEVEN = UartShell(clock_hz=25, baud=3)
SMALL = (1, 8, FASTEST, "spram")
"""A network of one pixel, whose weights must be loaded."""


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("standard", STANDARDS)
def test_the_circuit_passes(tmp_path: Path, standard: str):
    assert passes(icarus(tmp_path, dict(tiny(5, 2, UNEVEN)), standard=standard))


@pytest.mark.slow
@needs_icarus
def test_a_network_of_one_pixel_whose_weights_must_be_loaded_passes(tmp_path: Path):
    assert passes(icarus(tmp_path, dict(tiny(*SMALL)), "-Psnn_tb.STALLS=0"))


@needs_icarus
def test_a_check_that_is_not_looked_at_fails(tmp_path: Path):
    faulty = altered(dict(tiny(*SMALL)), "snn.frames.crc", r"assign good = .*;", "assign good = 1'h1;")
    said = icarus(tmp_path, faulty)
    assert "there are more answers than requests" in said
    assert said[-1].startswith("FAIL: ")


@needs_icarus
def test_a_bad_frame_that_is_not_told_fails(tmp_path: Path):
    said = icarus(tmp_path, held(dict(tiny(*SMALL)), "snn.requests", "error", "1'h0"))
    assert any("error is 0, not 1" in line for line in said)
    assert said[-1].startswith("FAIL: ")


@needs_icarus
def test_answers_that_are_not_those_expected_are_printed_and_fail(tmp_path: Path):
    written = dict(tiny(*SMALL))
    lines = [int(line, 16) for line in written["snn_tb_answers.hex"].split()]
    lines[0] ^= 1 << 8 * 12  # the identity's number of pixels
    lines[-1] ^= 1 << 8 * 2  # the score of class 0 of the last result
    vectors = {"snn_tb_answers.hex": "\n".join(f"{line:x}" for line in lines)}
    *said, verdict = icarus(tmp_path, {**written, **vectors})
    assert [re.split(r" is | has ", line)[0] for line in said] == ["answer 0", "sample 6: score 0"]
    assert re.fullmatch(r"FAIL: \d+ of \d+ samples, and a fault at the ports", verdict)


def test_a_spoilt_frame_has_the_same_flags():
    for frame in (
        bytes([FLAG, 1, 2, 0x7F, FLAG]),
        bytes([FLAG, 1, 2, 0x7C, FLAG]),
        bytes([FLAG, 1, ESCAPE, 0x5E, FLAG]),
    ):
        (changed,) = [i for i, pair in enumerate(zip(frame, spoilt(frame), strict=True)) if pair[0] != pair[1]]
        assert {frame[changed], spoilt(frame)[changed]}.isdisjoint({FLAG, ESCAPE})


def test_verilator_has_nothing_to_say(tmp_path: Path):
    verilator_has_nothing_to_say(tmp_path, dict(tiny(*SMALL)))
