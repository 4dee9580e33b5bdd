"""Circuits in shells: ports, text and JSON say the same, tools accept them, and what cannot be is refused."""

import gc
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.host.protocol import Identity, pack_pixels
from snnhw.packets import pack_samples
from snnhw.shell import (
    PLAIN,
    AxiShell,
    Packet,
    Register,
    Shell,
    UartShell,
    pixel_bits,
    request_packet,
    result_packet,
    sample_packet,
)
from snnhw.verilog import Emitted, emit
from tests.circuits import CASES, INPUTS, STEPS, emitted, implementation, model, samples
from tests.tools import needs_icarus, run

SHELLS: dict[str, Any] = {
    "axi8": AxiShell(tdata=8),
    "axi32": AxiShell(),
    "axi64": AxiShell(tdata=64),
    "uart": UartShell(clock_hz=12_000_000),
}
each_shell = pytest.mark.parametrize("name", SHELLS)


@lru_cache
def shelled(name: str, case: str = "direct") -> Emitted:
    return emit(Design(model(case), implementation(case)), shell=SHELLS[name])


@pytest.mark.slow
@each_shell
def test_ports_are_those_of_the_verilog(name: str):
    circuit = shelled(name)
    body = re.search(r"^module snn\s*\(.*?\);\n(.*?)^endmodule", circuit.verilog, re.MULTILINE | re.DOTALL)[1]
    declared = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", body, re.MULTILINE)
    found = sorted((port, kind, int(high or 0) + 1) for kind, high, port in declared)
    assert found == sorted(tuple(port) for port in SHELLS[name].ports(circuit.interface))
    document = json.loads(circuit.description)
    assert found == sorted(tuple(port.values()) for port in document["ports"])


@pytest.mark.slow
@pytest.mark.parametrize("shell", [PLAIN, AxiShell()], ids=lambda shell: shell.kind)
def test_weights_that_can_be_loaded_have_ports(shell: Shell):
    chosen = implementation("direct")
    layers = tuple(layer.model_copy(update={"memory": "ram"}) for layer in chosen.layers)
    circuit = emit(Design(model("direct"), chosen.model_copy(update={"layers": layers})), shell=shell)
    header, body = circuit.verilog.split("\nmodule snn(", 1)
    for port in shell.ports(circuit.interface):
        if "weights" in port.name or port.name == "loaded":
            assert re.search(rf"^  {port.direction} (\[7:0\] |\[8:0\] )?{port.name};", body, re.MULTILINE), port
            assert re.sub(r"(s_axis_weights)_.*", r"\1_*", port.name) in header
    extra = {port.name for port in shell.ports(circuit.interface)} - {
        port.name for port in shell.ports(emitted("direct").interface)
    }
    assert len(extra) == 4


@each_shell
def test_taps_are_found_within_the_shell(name: str):
    circuit = shelled(name)
    modules = dict(re.findall(r"^module \\?([\w.]+)\s*\(.*?\);\n(.*?)^endmodule", circuit.verilog, re.M | re.S))
    plain = emitted("direct").interface
    assert [tap.signals for tap in circuit.interface.taps] == [tap.signals for tap in plain.taps]
    for tap in circuit.interface.taps:
        for signal in [tap.strobe, *(signal.signal for signal in tap.signals)]:
            assert re.search(rf"^  wire (\[\d+:0\] )?{signal};", modules[f"snn.{tap.scope}"], re.MULTILINE)


@needs_icarus
@each_shell
def test_the_template_instantiates_it(tmp_path: Path, name: str):
    shelled(name).write(tmp_path)
    template = (tmp_path / "snn_template.vh").read_text()
    (tmp_path / "user.v").write_text(f"module user;\n{template}endmodule\n")
    assert run(tmp_path, "iverilog", "-g2005", "-Wall", "-s", "user", "-o", "user.vvp", "user.v", "snn.v") == ""


@pytest.mark.slow
@each_shell
def test_the_header_names_the_ports(name: str):
    header = shelled(name).verilog.partition("\nmodule ")[0]
    assert all(line.startswith("//") for line in header.splitlines() if line)
    for port in SHELLS[name].ports(shelled(name).interface):
        stem = re.sub(r"^(s_axis|m_axis|s_axi)_.*", r"\1_*", port.name)
        assert stem in header


@pytest.mark.slow
def test_json_holds_bytes_and_registers():
    for case in ("direct", "events"):
        circuit = shelled("axi32", case)
        shell = json.loads(circuit.description)["shell"]
        assert Packet.model_validate(shell.pop("sample")) == sample_packet(model(case).network, circuit.interface)
        assert Packet.model_validate(shell.pop("result")) == result_packet(circuit.interface)
        registers = [Register.model_validate(register) for register in shell.pop("registers")]
        assert {register.name for register in registers} >= {"identity", "status", "digest"}
        assert TypeAdapter(Shell).validate_python(shell) == circuit.shell
    assert json.loads(emitted("direct").description)["shell"] == {"kind": "stream"}


@pytest.mark.parametrize("case", [case for case in CASES if case != "events"])
def test_a_request_is_what_the_host_sends(case: str):
    described, given = request_packet(model(case).network), samples(case, 2)
    for sent in pack_pixels(Identity.of(model(case)), given):
        assert len(sent) == described.size
    assert described.fields[0].width == pixel_bits(model(case).network)


def test_the_head_and_the_json_tell_a_request():
    circuit = shelled("uart")
    packet = request_packet(model("direct").network)
    assert (packet.size, packet.fields[0].width) == (6, 4)
    assert Packet.model_validate(json.loads(circuit.description)["shell"]["sample"]) == packet
    assert "A sample, 6 bytes, the lowest first, the highest bits of each pixel:" in circuit.verilog


def test_events_over_a_line_are_refused_and_leave_nothing():
    with pytest.raises(DescriptionError, match="cannot be reached over a UART: use --interface stream or axi"):
        emit(Design(model("events"), implementation("events")), shell=SHELLS["uart"])
    gc.collect()  # a component that nobody used would warn now


def test_nothing_around_it_changes_no_letter():
    assert emit(Design(model("direct"), implementation("direct")), shell=PLAIN).files == emitted("direct").files


def test_samples_as_bytes():
    given = samples("direct", 3)
    packets = pack_samples(model("direct").network, emitted("direct").interface, given)
    assert packets == [sample.tobytes() for sample in given]
    network, interface = model("events").network, emitted("events").interface
    (packet,) = pack_samples(network, interface, samples("events", 1))
    events = np.frombuffer(packet, np.uint8)
    spikes = samples("events", 1)[0].reshape(STEPS, INPUTS).tolist()
    ends = np.flatnonzero(events >> 6)
    for step, (start, end) in enumerate(zip([0, *ends[:-1] + 1], ends, strict=True)):
        expected = [value << 4 | position for position, value in enumerate(spikes[step]) if value]
        assert sorted(events[start:end].tolist()) == sorted(expected)
    with pytest.raises(ValueError, match="samples must be uint8"):
        pack_samples(model("direct").network, emitted("direct").interface, given.astype(np.int16))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "axi", "tdata": 16}, "8, 32 or 64"),
        ({"kind": "uart", "clock_hz": 500_000}, "needs a clock of at least 921600 Hz, not 500000"),
        ({"kind": "spi"}, "spi"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(Shell).validate_python(given)
