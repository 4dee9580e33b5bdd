"""The emitted Verilog: what tools say of it, what its header and its JSON hold, and where its weights lie."""

import hashlib
import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import Component, Out

from snnhw.conversion import MemoryContents, convert
from snnhw.design import Design
from snnhw.errors import DescriptionError, OutputError, ToolError
from snnhw.implementation import Implementation
from snnhw.interface import Interface
from snnhw.lint import WAIVERS
from snnhw.network import Network
from snnhw.semantics import semantics
from snnhw.shell import PLAIN
from snnhw.stdp.learner import Learner
from snnhw.stdp.verilog import emit as emit_learner
from snnhw.verilog import emit
from tests import convolutions
from tests.circuits import CASES, emitted, implementation, model
from tests.tools import lint, needs_icarus, run

each_case = pytest.mark.parametrize("case", CASES)


@pytest.mark.slow
def test_every_waiver_is_needed_and_waives_one_rule(tmp_path: Path):
    learner = Learner.usual(4, 4, pixels=5, classes=2, spikes=2)
    drawn, texts = [], [*(emitted(case).verilog for case in CASES), emit_learner(learner, 2, "snn").verilog]
    for waiver in WAIVERS:
        fewer = "".join(other.line("*snn.v") for other in WAIVERS if other != waiver)
        (tmp_path / "fewer.vlt").write_text(f"`verilator_config\n{fewer}")
        for text in texts:
            (tmp_path / "snn.v").write_text(text)
            if said := lint(tmp_path, "fewer.vlt", "snn.v"):
                break
        drawn.append(said)
    extended = [{"WIDTHEXPAND"}] * 4
    others = [{"UNSIGNED"}, {"WIDTHTRUNC"}, {"INITIALDLY"}, {"CASEINCOMPLETE"}]
    assert drawn == [{"DECLFILENAME"}, {"UNUSEDSIGNAL"}, {"PROCASSINIT"}, *extended, *others]


def test_numbers_that_are_cut_are_not_waived(tmp_path: Path):
    emitted("rate").write(tmp_path)
    cut = "module cut(input [3:0] a, output [1:0] b, output c); assign b = a; assign c = !a; endmodule\n"
    (tmp_path / "snn.v").write_text(cut)
    assert lint(tmp_path, "snn.vlt", "snn.v") == {"WIDTHTRUNC"}
    (tmp_path / "snn.v").write_text(cut.replace("assign b = a;", "assign b = a[1:0];"))
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()


@pytest.mark.slow
@pytest.mark.parametrize("choices", [{}, {"visits": "windows"}, {"visits": "windows", "bit_lanes": 2}], ids=str)
def test_no_tool_complains_of_convolutions(tmp_path: Path, choices: dict[str, Any]):
    network = convolutions.network(convolutions.conv(2, 3, padding=1), (2, 4, 4), bits=4)
    chosen: dict[str, Any] = {name: {"first": value} for name, value in choices.items()}
    emit(Design.of(convolutions.model(network, seed=2), **chosen)).write(tmp_path)
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()


def test_waivers_leave_other_files_alone(tmp_path: Path):
    emitted("rate").write(tmp_path)
    (tmp_path / "other.v").write_text("module other(input [3:0] a, output [1:0] b); assign b = a; endmodule\n")
    assert lint(tmp_path, "snn.vlt", "--top-module", "other", "other.v", "snn.v") >= {"WIDTHTRUNC"}


@pytest.mark.slow
def test_the_same_model_gives_the_same_text_in_every_process(tmp_path: Path):
    program = (
        "import hashlib\n"
        "from tests.circuits import emitted\n"
        "print(hashlib.sha256(repr(emitted('direct', 'readmemh').files).encode()).hexdigest())"
    )
    printed = run(Path(__file__).parents[2], sys.executable, "-c", program, PYTHONHASHSEED="12345")
    assert printed.strip() == hashlib.sha256(repr(emitted("direct", "readmemh").files).encode()).hexdigest()


@pytest.mark.parametrize("case", ["direct", "bernoulli"])
def test_weights_in_files_are_the_weights_inline(case: str):
    apart, inline = emitted(case, "readmemh"), emitted(case)
    assert {name.removeprefix("snn.layer0.crossbar.") for name in apart.memories} >= {"weights_0.column_0.hex"}

    def put_back(found: re.Match[str]) -> str:
        words = apart.memories[found["file"]].split()
        width = int(re.search(rf"reg \[(\d+):0\] {found['memory']} \[{found['last']}:0\];", apart.verilog)[1]) + 1
        return "\n".join(f"    {found['memory']}[{i}] = {width}'h{word};" for i, word in enumerate(words))

    reads = r'    \$readmemh\("(?P<file>\S+)", (?P<memory>\w+), 0, (?P<last>\d+)\);'
    restored = re.sub(reads, put_back, apart.verilog)
    assert body(restored) == body(inline.verilog)
    assert inline.memories == {}
    assert all(name in header(apart.verilog) for name in apart.memories)


def header(text: str) -> str:
    return text.partition("\nmodule ")[0]


def body(text: str) -> str:
    return text[text.index("\nmodule ") :]


@each_case
def test_no_wire_has_the_name_of_another_s_bit(case: str):
    """ABC9 of yosys joins such wires, and then ends with an error, or does not."""
    text = emitted(case).verilog
    assert re.search(r"wire \[\d+:0\] \\\w+\.0 ;", text), "there are names that had brackets"
    assert not re.search(r"\\\S+\[\S* ", text)


def test_memories_that_start_as_zeros_need_no_file():
    words = r"^  reg (\[\d+:0\] )?\w+ \[\d+:0\];\n  initial begin\n    \w+\[0\] = \d+'h0+;"
    assert re.search(words, emitted("direct", "readmemh").verilog, re.MULTILINE)


class Rom(Component):
    """A word of a memory whose name, and whose output's bits, look like the memory's own words in Verilog."""

    def __init__(self):
        super().__init__({"data": Out(6)})

    def elaborate(self, platform):
        m = Module()
        word, sent = Signal(name="column_0"), Signal(2, name="events")
        m.submodules["m$1"] = store = memory.Memory(shape=4, depth=2, init=[0, 9])
        port = store.read_port(domain="comb")
        m.d.sync += word.eq(~word)
        m.d.comb += [port.addr.eq(word), self.data.eq(Cat(port.data, sent)), sent[1].eq(1)]
        with m.If(word):
            m.d.comb += sent[1].eq(0)
        return m


def test_only_memories_are_taken_out():
    converted = convert(Rom(), "rom")
    assert converted.memories == (MemoryContents("rom", "m$1", 4, (0, 9)),)
    text, files = converted.apart()
    assert files == {"rom.m$1.hex": "0\n9\n"}
    assert '    $readmemh("rom.m$1.hex", \\m$1 , 0, 1);\n' in text
    gone = set(converted.text.splitlines()) - set(text.splitlines())
    assert gone == {"    \\m$1 [0] = 4'h0;", "    \\m$1 [1] = 4'h9;"}


def test_a_memory_that_is_written_in_another_way_is_refused():
    converted = convert(Rom(), "rom")
    other = replace(converted, text=converted.text.replace("initial begin", "initial  begin"))
    with pytest.raises(ToolError, match=r"the Verilog of rom does not hold the words of m\$1: .* leave out readmemh"):
        other.apart()


@each_case
def test_the_header_says_what_the_circuit_is(case: str):
    said = header(emitted(case).verilog)
    assert all(line.startswith("//") for line in said.splitlines() if line)
    assert model(case).digest in said
    assert all(f"//   {line}\n" in said for line in semantics(model(case)))
    interface = emitted(case).interface
    for port in PLAIN.ports(interface):
        assert re.search(rf"\b{port.name}\b", said), port
    for stream in (interface.sample, interface.result):
        for field in stream.fields:
            bits = f"[{field.offset + field.count * field.width - 1}:{field.offset}] {field.name}:"
            assert bits in said
    assert ("error: an event had an address" in said) == (case == "events")
    assert ("error: the last sample was framed wrongly" in said) == (case != "events")


@each_case
def test_ports_and_taps_are_those_of_the_verilog(case: str):
    text, interface = emitted(case).verilog, emitted(case).interface
    modules = dict(re.findall(r"^module \\?([\w.]+)\s*\(.*?\);\n(.*?)^endmodule", text, re.MULTILINE | re.DOTALL))
    declared = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", modules["snn"], re.MULTILINE)
    found = [(name, kind, int(high or 0) + 1) for kind, high, name in declared]
    assert sorted(found) == sorted(tuple(port) for port in PLAIN.ports(interface))
    assert [tap.stage for tap in interface.taps] == ["encoder", *(layer.name for layer in model(case).network.stages)]
    for tap in interface.taps:
        inside = modules[f"snn.{tap.scope}"]
        for name, width in [(tap.strobe, 1), *((signal.signal, signal.width * signal.count) for signal in tap.signals)]:
            size = rf"\[{width - 1}:0\] " if width > 1 else ""
            assert re.search(rf"^  wire {size}{name};", inside, re.MULTILINE), (tap.stage, name, width)


@each_case
def test_the_description_comes_back_from_json(case: str):
    document = json.loads(emitted(case).description)
    assert Interface.model_validate(document["interface"]) == emitted(case).interface
    assert Network.model_validate(document["network"]) == model(case).network
    assert Implementation.model_validate(document["implementation"]) == implementation(case)
    assert document["digest"] == model(case).digest
    assert [tuple(port.values()) for port in document["ports"]] == [
        tuple(port) for port in PLAIN.ports(emitted(case).interface)
    ]


def test_another_name_goes_through_everything(tmp_path: Path):
    named = emit(Design(model("rate"), implementation("rate", "readmemh")), "Digits_2")
    modules = re.findall(r"^module \\?([\w.]+)", named.verilog, re.MULTILINE)
    assert len(modules) > 1
    assert all(module.split(".")[0] == "Digits_2" for module in modules)
    assert named.interface.top == "Digits_2"
    assert all(name.startswith("Digits_2") for name in named.files)
    named.write(tmp_path)
    assert lint(tmp_path, "Digits_2.vlt", "Digits_2.v") == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "2d", "a-b", "a.b", "ä", "a b", "table"])
def test_a_name_that_verilog_does_not_allow_is_refused(name: str):
    with pytest.raises(DescriptionError, match="name"):
        emit(Design(model("rate"), implementation("rate")), name)


@needs_icarus
def test_the_template_instantiates_the_circuit(tmp_path: Path):
    emitted("direct").write(tmp_path)
    template = (tmp_path / "snn_template.vh").read_text()
    (tmp_path / "user.v").write_text(f"module user;\n{template}endmodule\n")
    assert run(tmp_path, "iverilog", "-g2005", "-Wall", "-s", "user", "-o", "user.vvp", "user.v", "snn.v") == ""


def test_all_files_are_written(tmp_path: Path):
    paths = emitted("direct", "readmemh").write(tmp_path / "new" / "folder")
    names = {"snn.v", "snn.json", "snn.vlt", "snn_template.vh"}
    names |= {f"snn.layer{index}.crossbar.weights_0.column_0.hex" for index in (0, 1)}
    assert names <= {path.name for path in paths} == set(os.listdir(tmp_path / "new" / "folder"))
    assert {path.name: path.read_text() for path in paths} == emitted("direct", "readmemh").files


def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write") as raised:
        emitted("rate").write(tmp_path / "file" / "folder")
    assert "\n" not in str(raised.value)
    assert os.listdir(tmp_path) == ["file"]
