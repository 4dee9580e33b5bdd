"""Circuits of commands in their shells: ports, bytes and digests as data, and in the Verilog."""

import json
import re
from pathlib import Path

import pytest

from snnhw.commandshell import CommandAxiShell, CommandShell, circuit_digest, command_ports
from snnhw.errors import DescriptionError
from snnhw.shell import PLAIN, UartShell
from snnhw.srbm.machine import Machine
from snnhw.srbm.verilog import emit as emit_srbm
from snnhw.srbm.verilog import identify as identify_srbm
from snnhw.stdp.learner import Learner
from snnhw.stdp.verilog import emit as emit_stdp
from snnhw.stdp.verilog import identify as identify_stdp
from tests import adder
from tests.tools import lint

UART = UartShell(baud=1_000_000, clock_hz=25_000_000)
SHELLS: dict[str, CommandShell] = {"stream": PLAIN, "axi": CommandAxiShell(), "uart": UART}
LEARNER = Learner.usual(6, 4, pixels=10, classes=3, spikes=3, num_steps=5)
RBM = Machine(pixels=9, classes=3, labels_per_class=2, hidden=7, biases=2)


@pytest.mark.parametrize("kind", SHELLS)
def test_ports_are_those_described(kind: str):
    emitted = adder.emit(SHELLS[kind], "summer")
    text = re.search(r"^module summer\((.*?)\);", emitted.verilog, re.MULTILINE | re.DOTALL)[1]
    described = json.loads(emitted.description)
    ports = command_ports(SHELLS[kind], emitted.interface)
    assert sorted(re.findall(r"\w+", text)) == sorted(port.name for port in ports)
    for port in ports:
        width = rf"\[{port.width - 1}:0\] " if port.width > 1 else ""
        assert re.search(rf"^  {port.direction} {width}{port.name};$", emitted.verilog, re.MULTILINE), port
    assert described["ports"] == [port._asdict() for port in ports]
    assert described["shell"]["kind"] == kind
    assert (described["digest"], described["adder"]) == (emitted.digest, 1)


def test_beats_stand_in_the_json_and_in_the_head():
    emitted = adder.emit(UART)
    shell = json.loads(emitted.description)["shell"]
    assert list(shell["in"]) == ["command", "weights_in"]
    assert {name: packet["size"] for name, packet in shell["out"].items()} == {"result": 5, "words_out": 2}
    assert "// Stream 1 in, weights_in, beats of 2 bytes, the lowest first:\n" in emitted.verilog
    assert "//   clk (25000000 Hz), rst (synchronous, active high)\n" in emitted.verilog
    assert (
        "//   m_axis_result_*: AXI4-Stream, beats of 5 bytes, the lowest first:\n" in adder.emit(SHELLS["axi"]).verilog
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["axi", "uart"])
def test_verilator_finds_nothing_but_what_is_waived(tmp_path: Path, kind: str):
    adder.emit(SHELLS[kind], "summer").write(tmp_path)
    assert lint(tmp_path, "--top-module", "summer", "summer.vlt", "summer.v") == set()


@pytest.mark.slow
def test_the_digest_is_of_what_is_computed_alone():
    plain = emit_stdp(LEARNER, 4)
    assert emit_stdp(LEARNER, 4, "other", shell=UART).digest == plain.digest == identify_stdp(LEARNER, 4)[1]
    assert emit_srbm(RBM, 4).digest == identify_srbm(RBM, 4)[1]
    others = [
        identify_stdp(LEARNER, 2),
        identify_stdp(LEARNER.model_copy(update={"seed": 5}), 4),
        identify_srbm(RBM, 4),
    ]
    assert len({plain.digest, *(digest for _, digest in others)}) == 4
    interface = plain.interface
    assert circuit_digest({"a": 1}, interface) != circuit_digest({"a": 2}, interface)


def test_a_name_and_a_clock_that_cannot_be_are_refused():
    with pytest.raises(DescriptionError, match="a module's name must be"):
        emit_stdp(LEARNER, 4, "2nd")
    with pytest.raises(ValueError, match="needs a clock of at least"):
        UartShell(baud=1_000_000, clock_hz=1_000_000)
