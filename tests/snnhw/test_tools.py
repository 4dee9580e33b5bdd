"""Every tool that reads Verilog accepts what is emitted, and reads it alike: all cases, and circuits at the edge."""

import re
from functools import lru_cache
from pathlib import Path

import pytest

from snnhw.design import Design
from snnhw.implementation import Implementation
from snnhw.interface import Port
from snnhw.model import Model
from snnhw.network import Rate
from snnhw.shell import AxiShell, Shell, UartShell
from snnhw.verilog import Emitted, emit
from tests.circuits import CASES, EDGES, edge, emitted, implementation, model
from tests.families import family
from tests.tools import EDITIONS, SYSTEM_VERILATOR, icarus, lint, needs_icarus, needs_system_verilator, run, yosys

SHELLS: dict[str, Shell] = {
    "axi8": AxiShell(tdata=8),
    "axi32": AxiShell(),
    "axi64": AxiShell(tdata=64),
    "uart": UartShell(clock_hz=12_000_000),
}
SUBJECTS = [*CASES, *EDGES, *SHELLS]
SOME = ["bernoulli", "events", "neuron_major", *EDGES, "axi32", "uart"]
"""Those that tools read which are slow, or say the same of the others."""

each_subject = pytest.mark.parametrize("subject", SUBJECTS)
some_subjects = pytest.mark.parametrize("subject", family(SUBJECTS, always=SOME))
each_edition = pytest.mark.parametrize("edition", EDITIONS)


@lru_cache
def shelled(name: str) -> Emitted:
    """A circuit that is not at the edge, in a shell."""
    return emit(Design(model("direct"), implementation("direct")), shell=SHELLS[name])


@pytest.fixture
def circuit(subject: str, tmp_path: Path) -> Emitted:
    """The circuit, its files in a folder of their own."""
    if subject in SHELLS:
        made = shelled(subject)
    else:
        made = emitted(subject) if subject in CASES else edge(subject)
    made.write(tmp_path)
    return made


@pytest.mark.slow
@each_subject
def test_verilator_finds_nothing_but_what_is_waived(circuit: Emitted, tmp_path: Path):
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()


@pytest.mark.slow
def test_nothing_is_compared_with_what_no_pixel_exceeds(tmp_path: Path):
    built = model("rate")
    network = built.network.model_copy(update={"encoder": Rate(threshold=255)})
    emit(Design(Model(network, built.tensors), implementation("rate"))).write(tmp_path)
    assert lint(tmp_path, "snn.vlt", "snn.v") == set()


@pytest.mark.slow
@needs_system_verilator
@some_subjects
def test_so_does_an_old_verilator(circuit: Emitted, tmp_path: Path):
    assert lint(tmp_path, "snn.vlt", "snn.v", program=SYSTEM_VERILATOR) == set()


@pytest.mark.slow
@needs_icarus
@each_edition
@some_subjects
def test_icarus_accepts_it_without_a_word(circuit: Emitted, tmp_path: Path, edition: str):
    assert icarus(tmp_path, edition, "snn.v") == ""


@pytest.mark.slow
@needs_icarus
def test_icarus_accepts_a_digest_whose_highest_bit_is_1(tmp_path: Path):
    """A circuit that takes weights over a serial line holds 64 bits of the digest in a register."""
    built, choices = model("rate"), Implementation.of(model("rate").network, memory={"layer0": "ram"})
    assert int(built.digest[14:16], 16) >= 128, "the first 8 bytes, the lowest first"
    emit(Design(built, choices), shell=UartShell(clock_hz=1_000_000)).write(tmp_path)
    assert icarus(tmp_path, EDITIONS[0], "snn.v") == ""


@pytest.mark.slow
@each_subject
def test_yosys_accepts_it(circuit: Emitted, tmp_path: Path):
    assert "Found and reported 0 problems." in yosys(tmp_path, "snn.v")


@pytest.mark.parametrize("subject", [name for name, (*_, weights, _) in EDGES.items() if weights == "readmemh"])
def test_weights_in_files_are_read_into_memories_alone(circuit: Emitted, tmp_path: Path):
    reads = re.findall(r'\$readmemh\("(\S+)", (\w+), 0, (\d+)\);', circuit.verilog)
    assert {file for file, *_ in reads} == set(circuit.memories)
    for file, memory, last in reads:
        assert f'{memory} [{last}:0];\n  initial begin\n    $readmemh("{file}"' in circuit.verilog
        assert len(circuit.memories[file].split()) == int(last) + 1
    layers = [name for name in circuit.memories if name.startswith("snn.") and ".weights_0." in name]
    assert layers, "weights are in files"


def idle_bench(ports: list[Port]) -> str:
    """A bench that never resets, offers nothing but reads of AXI4-Lite, and prints what ports of one bit are."""
    inputs = [port for port in ports if port.direction == "input"]
    flags = [port.name for port in ports if port.direction == "output" and port.width == 1]
    clock = next(name for name in ("clk", "aclk") if name in [port.name for port in inputs])
    high = {"aresetn", "rx", "s_axi_arvalid", "s_axi_rready"}
    held = [f"  reg [{port.width - 1}:0] {port.name} = {int(port.name in high)};\n" for port in inputs]
    given = [f".{port.name}({port.name})" for port in inputs]
    shown = [f".{name}({name})" for name in flags]
    read = ".s_axi_rdata(data)" if clock == "aclk" else ""
    wires = "".join(f"  wire {name};\n" for name in flags)
    return f"""
module bench;
{"".join(held)}{wires}
  always #5 {clock} = !{clock};
  wire [31:0] data;
  snn circuit({", ".join(filter(None, [*given, *shown, read]))});
  integer cycle = 0;
  always @(posedge {clock}) begin
    $display("%b", {{{", ".join(flags)}}});
    {"if (s_axi_rvalid) begin $display(s_axi_araddr, data); s_axi_araddr <= s_axi_araddr + 4; end" if read else ""}
    cycle <= cycle + 1;
    if (cycle == 64) $finish;
  end
endmodule
"""


@pytest.mark.slow
@needs_icarus
@each_edition
@pytest.mark.parametrize("subject", ["direct", "axi32", *EDGES])
def test_everything_is_known_without_reset(circuit: Emitted, tmp_path: Path, edition: str):
    (tmp_path / "bench.v").write_text(idle_bench(circuit.shell.ports(circuit.interface)))
    run(tmp_path, "iverilog", edition, "-s", "bench", "-o", "bench.vvp", "bench.v", "snn.v")
    said = run(tmp_path, "vvp", "bench.vvp")
    assert said.count("\n") > (65 if isinstance(circuit.shell, AxiShell) else 64), "registers were read"
    assert "x" not in said.lower()
