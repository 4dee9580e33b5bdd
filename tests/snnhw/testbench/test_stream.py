"""The bench of plain streams: it passes on the circuit, and fails where circuit, vectors or ports are wrong."""

import re
from pathlib import Path

import numpy as np
import pytest

from golden.network import run
from snnhw import testbench as bench
from snnhw.design import Design
from snnhw.implementation import MemoryKind
from snnhw.shell import PLAIN
from tests.circuits import CASES, model, samples
from tests.snnhw.testbench.simulators import (
    COUNT,
    STANDARDS,
    altered,
    emitted,
    files,
    held,
    icarus,
    implementation,
    passes,
    tiny,
    verilator_has_nothing_to_say,
)
from tests.tools import needs_icarus


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize(("case", "weights"), [*((case, "inline") for case in CASES), ("direct", "readmemh")])
def test_the_circuit_passes(tmp_path: Path, case: str, weights: str, standard: str):
    assert passes(icarus(tmp_path, files(case, weights=weights), standard=standard))


@pytest.mark.slow
@needs_icarus
def test_weights_are_loaded_where_they_must_be(tmp_path: Path):
    assert passes(icarus(tmp_path, files("direct", memory="spram")))


@needs_icarus
@pytest.mark.parametrize(("inputs", "pixels_per_beat", "memory"), [(1, 1, "rom"), (3, 8, "ram")])
def test_a_sample_of_one_transfer_passes(tmp_path: Path, inputs: int, pixels_per_beat: int, memory: MemoryKind):
    assert passes(icarus(tmp_path, dict(tiny(inputs, pixels_per_beat, PLAIN, memory))))


@needs_icarus
def test_pauses_change_nothing_and_can_be_chosen_from_outside(tmp_path: Path):
    for option in ("-Psnn_tb.STALLS=0", "-Psnn_tb.SEED=123456789"):
        assert passes(icarus(tmp_path, files("direct"), option))
    chosen = files("direct", stalls=False, seed=7)["snn_tb.v"]
    assert "parameter STALLS = 0;" in chosen
    assert "parameter [31:0] SEED = 32'd7;" in chosen


def test_every_sample_is_sent_and_some_come_again():
    port = emitted("direct").interface.result
    lines = files("direct")["snn_tb_results.hex"].split()
    assert {len(line) for line in lines} == {-(-port.width // 4)}
    result, field = run(model("direct"), samples("direct", COUNT)), port.field("class")
    classes = [int(line, 16) >> field.offset & (1 << field.width) - 1 for line in lines]
    assert len(classes) > 2 * COUNT
    assert classes == [result.classes[index % COUNT] for index in range(len(classes))]


@needs_icarus
def test_a_wrong_expectation_is_printed_and_fails(tmp_path: Path):
    port, written = emitted("direct").interface.result, files("direct")
    right = run(model("direct"), samples("direct", COUNT))
    scores, chosen = port.field("scores"), port.field("class")
    lines = [int(line, 16) for line in written["snn_tb_results.hex"].split()]
    lines[2] ^= 1 << scores.offset + scores.width
    lines[4] ^= 1 << chosen.offset
    vectors = {"snn_tb_results.hex": "\n".join(f"{line:x}" for line in lines)}
    assert icarus(tmp_path, {**written, **vectors}) == [
        f"sample 2: score 1 is {right.scores[2, 1]}, not {right.scores[2, 1] ^ 1}",
        f"sample 4: class is {right.classes[4]}, not {right.classes[4] ^ 1}",
        f"FAIL: {len(lines) - 2} of {len(lines)} samples",
    ]


@needs_icarus
def test_an_altered_weight_fails(tmp_path: Path):
    written = files("direct", weights="readmemh")
    weights = "snn.layer0.crossbar.weights_0.column_0.hex"
    words = written[weights].split()
    written[weights] = "\n".join(f"{~int(word, 16) & 0xFFF:03x}" for word in words)
    assert icarus(tmp_path, written)[-1].startswith("FAIL: ")


@needs_icarus
def test_a_loaded_weight_that_is_altered_fails(tmp_path: Path):
    written = files("direct", memory="spram")
    octets = written["snn_tb_weights.hex"].split()
    octets[1] = f"{int(octets[1], 16) ^ 0x08:03x}"
    assert icarus(tmp_path, {**written, "snn_tb_weights.hex": "\n".join(octets)})[-1].startswith("FAIL: ")


@needs_icarus
def test_a_sample_that_never_comes_out_fails_in_the_end(tmp_path: Path):
    written = files("rate")
    beats = written["snn_tb_samples.hex"].split()
    beats[1] = f"{int(beats[1], 16) & ~(1 << 64):017x}"
    impatient = re.sub("PATIENCE = .*?;", "PATIENCE = 400;", written["snn_tb.v"])
    said = icarus(tmp_path, {**written, "snn_tb.v": impatient, "snn_tb_samples.hex": "\n".join(beats)})
    assert said[0] == "after sample 0: error is 1, not 0"
    assert said[-2].startswith("nothing was transferred for ")
    assert said[-1].startswith("FAIL: ")
    assert said[-1].endswith(" samples, and a fault at the ports")


FAULTS = {
    "the rest of an ill-framed sample is taken for one": ("encoder.framing", r"\\\$signal\$\d+ ", "1'h0"),
    "an ill-framed sample is not told": ("encoder.framing", "error", "1'h0"),
    "the place in a sample is not kept": ("encoder.framing", r"\\\$signal ", "2'h0"),
}


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("fault", FAULTS)
def test_a_circuit_that_does_not_recover_fails(tmp_path: Path, fault: str):
    module, register, value = FAULTS[fault]
    said = icarus(tmp_path, held(files("direct"), f"snn.{module}", register, value))
    assert said[-1].startswith("FAIL: ")
    assert len(said) > 1


@needs_icarus
def test_a_result_that_a_reset_leaves_fails(tmp_path: Path):
    kept = altered(
        files("direct"),
        "snn.readout",
        r"(    (\\\S+)  = result__valid;\n(?:.*\n)*?)    if \(rst\) begin\n      \2  = 1'h0;\n    end\n",
        r"\1",
    )
    said = icarus(tmp_path, kept)
    assert "there are more results than samples" in said
    assert said[-1].startswith("FAIL: ")


@needs_icarus
def test_an_event_without_an_address_that_is_not_told_fails(tmp_path: Path):
    said = icarus(tmp_path, held(files("events"), "snn.encoder.counter", "error", "1'h0"))
    assert said[0].endswith(": error is 0, not 1")
    assert said[-1].startswith("FAIL: ")


@needs_icarus
def test_a_circuit_that_is_loaded_too_early_fails(tmp_path: Path):
    said = icarus(tmp_path, held(files("direct", memory="spram"), "snn.loader", "loaded", "1'h1"))
    assert said[0] == "loaded is 1, not 0"
    assert said[-1].startswith("FAIL: ")


def test_verilator_has_nothing_to_say(tmp_path: Path):
    verilator_has_nothing_to_say(tmp_path, files("direct", memory="spram"))


def test_vectors_are_as_wide_as_the_ports_and_what_goes_with_them():
    written, interface = files("direct", memory="spram"), emitted("direct", memory="spram").interface
    widths = {"samples": interface.sample.width + 1, "results": interface.result.width, "weights": 10}
    for name, width in widths.items():
        lines = written[f"snn_tb_{name}.hex"].split()
        assert {len(line) for line in lines} == {-(-width // 4)}
        assert max(int(line, 16) for line in lines) < 1 << width


def test_samples_that_are_none_are_refused():
    for wrong, message in (
        (samples("rate", 0), "needs a sample at least"),
        (np.zeros((2, 3), np.uint8), "must be uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            bench.testbench(Design(model("rate"), implementation("rate")), emitted("rate"), wrong)
