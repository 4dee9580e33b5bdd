"""From a model to Verilog: the circuit, its description as JSON, weight files, an instantiation template."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateware.network import TOP
from gateware.shell import interface_of, shell_top
from snnhw.conversion import convert
from snnhw.design import Design
from snnhw.emission import STREAM_RULE, EmittedCircuit, as_json, comment, field_lines, port_lines
from snnhw.interface import Interface, Port
from snnhw.naming import check_name
from snnhw.network import Network
from snnhw.semantics import semantics
from snnhw.shell import (
    COUNTED,
    PLAIN,
    AerShell,
    AxiShell,
    Packet,
    Shell,
    StreamShell,
    UartShell,
    registers_of,
    request_packet,
    result_packet,
    sample_packet,
)


@dataclass(frozen=True, repr=False)
class Emitted(EmittedCircuit):
    """The circuit of a network in its shell, as text."""

    interface: Interface
    shell: Shell = PLAIN

    @property
    def ports(self) -> list[Port]:
        """All ports of the top module."""
        return self.shell.ports(self.interface)

    @property
    def files(self) -> dict[str, str]:
        """All files by name: memories, ``NAME.v``, ``NAME.json``, ``NAME.vlt`` and ``NAME_template.vh``."""
        template = instantiation_template(self.interface, self.shell)
        return {**super().files, f"{self.interface.top}_template.vh": template}


def emit(design: Design, name: str = TOP, shell: Shell = PLAIN) -> Emitted:
    """Generate the circuit of a design in a shell; the same arguments give the same text.

    ``name`` is that of the top module, and the first part of every other module's, so that circuits of different
    names can be used together. Raises DescriptionError for one that Verilog does not allow.
    """
    check_name(name)
    top = shell_top(design, shell)
    converted = convert(top, name)
    text, memories = converted.apart() if design.implementation.weights == "readmemh" else (converted.text, {})
    interface = interface_of(top, name)
    return Emitted(
        verilog=header(design, interface, list(memories), shell) + text,
        interface=interface,
        description=as_json(describe(design, interface, shell)),
        memories=memories,
        shell=shell,
    )


def emit_apart(design: Design, name: str = TOP, shell: Shell = PLAIN) -> Emitted:
    """The same with its weights in files, wherever the design has them: what tools read that need not know weights."""
    implementation = design.implementation.model_copy(update={"weights": "readmemh"})
    return emit(replace(design, implementation=implementation), name, shell)


def describe(design: Design, interface: Interface, shell: Shell) -> dict[str, object]:
    """What the JSON beside the Verilog says of a design."""
    model = design.model
    return {
        "digest": model.digest,
        "semantics": semantics(model),
        "network": model.network.model_dump(mode="json"),
        "implementation": design.implementation.model_dump(mode="json"),
        "ports": [port._asdict() for port in shell.ports(interface)],
        "shell": describe_shell(model.network, interface, shell),
        "interface": interface.model_dump(mode="json"),
        "provenance": dict(model.provenance),
    }


def describe_shell(network: Network, interface: Interface, shell: Shell) -> dict[str, object]:
    """What the JSON says of the shell: its choices, and the bytes and registers that pass through it."""
    described: dict[str, object] = shell.model_dump(mode="json")
    if isinstance(shell, AxiShell | UartShell):
        described["result"] = result_packet(interface).model_dump(mode="json")
    if isinstance(shell, AxiShell):
        described["sample"] = sample_packet(network, interface).model_dump(mode="json")
        described["registers"] = [register.model_dump(mode="json") for register in registers_of(interface)]
    if isinstance(shell, UartShell):
        described["sample"] = request_packet(network).model_dump(mode="json")
    return described


def header(design: Design, interface: Interface, memories: list[str], shell: Shell) -> str:
    """The comment at the head of the Verilog: digest, semantics, ports, and the files it reads."""
    lanes = ", ".join(
        f"{layer.name} {layer.chosen.synapse_lanes}/{layer.chosen.neuron_lanes}" for layer in design.layers
    )
    model = design.model
    lines = [
        f"Model digest (SHA-256): {model.digest}",
        "",
        "What it computes, in integers:",
        *(f"  {line}" for line in semantics(model)),
        f"Synapse/neuron lanes: {lanes}.",
        "",
        "Ports:",
        *shell_lines(model.network, interface, shell),
    ]
    if memories:
        lines += ["", f"Weights are read from the folder that the tool runs in: {', '.join(memories)}."]
    return comment(interface.top, "a spiking neural network", lines)


def shell_lines(network: Network, interface: Interface, shell: Shell) -> list[str]:
    """The ports of a shell and what goes over them, as text."""
    if isinstance(shell, StreamShell):
        return [
            "  clk, rst (synchronous, active high)",
            *port_lines(interface.sample),
            *port_lines(interface.result),
            f"  error: {error_text(network)}",
            *(f"  {register.name}: {register.meaning}" for register in COUNTED if register.name in interface.counts),
            *([*port_lines(interface.weights), "  loaded: all weights are there"] if interface.weights else []),
            STREAM_RULE,
        ]
    if isinstance(shell, AerShell):
        return [
            "  clk, rst (synchronous, active high)",
            "  aer_request, aer_acknowledge: four phases, of any clock; beside them the event's place, which holds",
            f"  {bin_text(shell)}",
            *port_lines(interface.result),
            "  error: an event had an address that does not exist, or too many bins ended at once (until a reset)",
            *(f"  {register.name}: {register.meaning}" for register in COUNTED if register.name in interface.counts),
            STREAM_RULE,
        ]
    result = result_packet(interface)
    outcome = [f"A result, {size(result)}:", *field_lines(result.fields)]
    if isinstance(shell, UartShell):
        request = request_packet(network)
        return [
            f"  clk ({shell.clock_hz} Hz), rst (synchronous, active high)",
            f"  rx, tx: serial, {shell.baud} baud, 8 bits, no parity, 1 stop bit",
            "  busy, error: a sample is worked on; the last frame was not good",
            f"A sample, {size(request)}, the highest bits of each pixel:",
            *field_lines(request.fields),
            *outcome,
        ]
    sample = sample_packet(network, interface)
    return [
        "  aclk, aresetn (synchronous, active low)",
        f"  s_axis_*: AXI4-Stream of {shell.tdata} bits, samples in",
        f"  m_axis_*: AXI4-Stream of {shell.tdata} bits, results out",
        *(["  s_axis_weights_*: AXI4-Stream of 8 bits, new weights in"] if interface.weights else []),
        "  s_axi_*: AXI4-Lite, registers",
        f"{'An event' if sample.repeated else 'A sample'}, {size(sample)}:",
        *field_lines(sample.fields),
        *outcome,
        "Registers:",
        *(f"  0x{register.address:02X} {register.name}" for register in registers_of(interface)),
    ]


def bin_text(shell: AerShell) -> str:
    """What ends a bin."""
    return f"a bin ends every {shell.bin_cycles} cycles" if shell.bin_cycles else "bin_end: 1 for a cycle ends a bin"


def size(packet: Packet) -> str:
    """The bytes of a packet, as text."""
    return "1 byte" if packet.size == 1 else f"{packet.size} bytes, the lowest first"


def error_text(network: Network) -> str:
    """What the port ``error`` says."""
    if network.encoder.takes_events:
        return "an event had an address that does not exist and was dropped; 1 until a sample ends without one"
    return "the last sample was framed wrongly and dropped"


def declaration(kind: str, name: str, width: int) -> str:
    """A declaration in Verilog, as ``wire [7:0] name;``."""
    return f"{kind} [{width - 1}:0] {name};" if width > 1 else f"{kind} {name};"


def instantiation(interface: Interface, instance: str, shell: Shell = PLAIN) -> str:
    """Verilog that instantiates the circuit, each port joined with what has its name."""
    connected = ",\n".join(f"    .{port.name}({port.name})" for port in shell.ports(interface))
    return f"{interface.top} {instance} (\n{connected}\n);\n"


def instantiation_template(interface: Interface, shell: Shell = PLAIN) -> str:
    """Verilog that declares a wire for each port and instantiates the circuit, to be copied."""
    wires = "".join(declaration("wire", port.name, port.width) + "\n" for port in shell.ports(interface))
    return f"// To be copied into the module that uses {interface.top}.\n{wires}\n" + instantiation(
        interface, f"{interface.top}_instance", shell
    )
