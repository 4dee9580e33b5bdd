"""The emitted Verilog: what tools say of it, what its header and its JSON hold, and where its weights lie."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snnhw.errors import DescriptionError, OutputError
from snnhw.implementation import Implementation
from snnhw.interface import Interface
from snnhw.network import Network
from snnhw.semantics import semantics
from snnhw.shell import PLAIN
from snnhw.simulate.compiler import verilator_root
from snnhw.verilog import LINT_WAIVERS, emit, lint_waivers, split_memories
from tests.circuits import CASES, emitted, implementation, model

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is not installed")
each_case = pytest.mark.parametrize("case", CASES)


def run(folder: Path, *command: str | Path, **environment: str) -> str:
    """What a program prints; its failure is the test's."""
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def lint(folder: Path, *files: str) -> set[str]:
    """The rules by which verilator warns with -Wall."""
    program = verilator_root() / "bin" / "verilator_bin"
    said = run(folder, program, "--lint-only", "-Wall", "-Wno-fatal", *files, VERILATOR_ROOT=str(verilator_root()))
    return set(re.findall(r"^%Warning-(\w+)", said, re.MULTILINE))


@each_case
def test_verilator_finds_nothing_but_what_is_waived(tmp_path: Path, case: str):
    emitted(case).write(tmp_path)
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()


def test_every_waiver_is_needed_and_waives_one_rule(tmp_path: Path):
    drawn = set()
    for case in CASES:
        (tmp_path / "snn.v").write_text(emitted(case).verilog)
        drawn |= lint(tmp_path, "snn.v")
    assert drawn == set(LINT_WAIVERS)
    (tmp_path / "snn.v").write_text(emitted("direct").verilog)
    waivers = lint_waivers().splitlines(keepends=True)
    (tmp_path / "fewer.vlt").write_text("".join(line for line in waivers if "-rule WIDTHTRUNC" not in line))
    assert lint(tmp_path, "fewer.vlt", "snn.v") == {"WIDTHTRUNC"}


def test_numbers_that_are_cut_are_not_waived(tmp_path: Path):
    emitted("rate").write(tmp_path)
    cut = "module cut(input [3:0] a, output [1:0] b, output c); assign b = a; assign c = !a; endmodule\n"
    (tmp_path / "snn.v").write_text(cut)
    assert lint(tmp_path, "snn.vlt", "snn.v") == {"WIDTHTRUNC"}
    (tmp_path / "snn.v").write_text(cut.replace("assign b = a;", "assign b = a[1:0];"))
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()


def test_waivers_leave_other_files_alone(tmp_path: Path):
    emitted("rate").write(tmp_path)
    (tmp_path / "other.v").write_text("module other(input [3:0] a, output [1:0] b); assign b = a; endmodule\n")
    assert lint(tmp_path, "snn.vlt", "--top-module", "other", "other.v", "snn.v") >= {"WIDTHTRUNC"}


@needs_icarus
@each_case
def test_icarus_accepts_it_without_a_word(tmp_path: Path, case: str):
    emitted(case).write(tmp_path)
    assert run(tmp_path, "iverilog", "-g2005", "-Wall", "-o", "snn.vvp", "snn.v") == ""


@each_case
def test_yosys_accepts_it(tmp_path: Path, case: str):
    emitted(case).write(tmp_path)
    passes = ["read_verilog snn.v", "hierarchy -check -top snn", "proc", "check -assert"]
    lines = ["from pyosys import libyosys", "design = libyosys.Design()"]
    lines += [f"libyosys.run_pass({command!r}, design)" for command in passes]
    assert "Found and reported 0 problems." in run(tmp_path, sys.executable, "-c", "\n".join(lines))


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
    text = (
        "module a(clk);\n  reg [3:0] m [1:0];\n  initial begin\n    m[0] = 4'h0;\n    m[1] = 4'h0;\n  end\nendmodule\n"
    )
    assert split_memories(text) == (text, {})


def test_a_memory_s_file_is_named_by_module_and_memory():
    text = "module \\a.b (clk);\n  initial begin\n    \\m$1 [0] = 1'h0;\n    \\m$1 [1] = 1'h1;\n  end\nendmodule\n"
    kept, files = split_memories(text)
    assert files == {"a.b.m$1.hex": "0\n1\n"}
    assert '    $readmemh("a.b.m$1.hex", \\m$1 , 0, 1);\n' in kept
    assert "1'h1" not in kept


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
    named = emit(model("rate"), implementation("rate", "readmemh"), "Digits_2")
    modules = re.findall(r"^module \\?([\w.]+)", named.verilog, re.MULTILINE)
    assert len(modules) > 1
    assert all(module.split(".")[0] == "Digits_2" for module in modules)
    assert named.interface.top == "Digits_2"
    assert all(name.startswith("Digits_2") for name in named.files)
    named.write(tmp_path)
    assert lint(tmp_path, "Digits_2.vlt", "Digits_2.v") == set()


@pytest.mark.parametrize("name", ["", "2d", "a-b", "a.b", "ä", "a b", "table"])
def test_a_name_that_verilog_does_not_allow_is_refused(name: str):
    with pytest.raises(DescriptionError, match="name"):
        emit(model("rate"), implementation("rate"), name)


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
