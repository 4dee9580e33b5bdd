"""From a circuit of commands, in a shell, to text: what machines of all kinds share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Fragment
from amaranth.lib import wiring

from gateware.banks import BANK
from gateware.commandshell import command_top
from snnhw.commandshell import (
    CommandAxiShell,
    CommandShell,
    axi_stream,
    beat_packet,
    circuit_digest,
    command_ports,
    streams_in,
    streams_out,
)
from snnhw.conversion import convert, with_banks
from snnhw.emission import STREAM_RULE, EmittedCommandCircuit, as_json, comment, field_lines, port_lines
from snnhw.interface import CommandInterface, StreamPort
from snnhw.shell import CIRCUIT, StreamShell, UartShell

__all__ = ["emit_commands", "identify_commands"]


def identify_commands(
    circuit: wiring.Component, interface: CommandInterface, description: Mapping[str, Any]
) -> tuple[CommandInterface, str]:
    """The streams of a circuit, and the digest that it says of itself: those of `emit_commands`, without its time."""
    Fragment.get(circuit, None)  # of a component that nobody elaborates Amaranth says that it was forgotten
    return interface, circuit_digest(description, interface)


def emit_commands(
    circuit: wiring.Component,
    interface: CommandInterface,
    shell: CommandShell,
    description: Mapping[str, Any],
    *,
    what: str,
    before: Sequence[str],
    after: Sequence[str],
    built: Mapping[str, Any] | None = None,
) -> EmittedCommandCircuit:
    """A circuit in a shell, its top module called as ``interface`` says; the same arguments give the same text.

    ``interface`` is of the circuit alone; ``description``, for JSON, tells all that it computes, and its lanes.
    ``built``, for JSON too, tells how else it is built, which the digest does not depend on. ``what`` and the lines
    ``before`` and ``after`` those of the ports are for the comment at the head. Raises DescriptionError for a name that
    is a word of Verilog's own, and for a clock that is too slow.
    """
    name = interface.top
    digest = circuit_digest(description, interface)
    text = convert(command_top(circuit, interface, shell, digest), name).text
    lines = [*before, "", "Ports:", *shell_lines(interface, shell), *after]
    if not isinstance(shell, StreamShell):
        scope = f"{CIRCUIT}.{interface.tap.scope}".rstrip(".")
        interface = interface.model_copy(update={"tap": interface.tap.model_copy(update={"scope": scope})})
    described = {
        **description,
        **(built or {}),
        "digest": digest,
        "ports": [port._asdict() for port in command_ports(shell, interface)],
        "shell": describe_shell(interface, shell),
        "interface": interface.model_dump(mode="json"),
    }
    return EmittedCommandCircuit(
        verilog=comment(name, what, lines) + (with_banks(text, f"{name}_bank") if f"  {BANK} #(" in text else text),
        interface=interface,
        description=as_json(described),
        shell=shell,
        digest=digest,
    )


def describe_shell(interface: CommandInterface, shell: CommandShell) -> dict[str, object]:
    """What the JSON says of the shell: its choices, and the bytes of the beats that pass through it, in order."""
    described: dict[str, object] = shell.model_dump(mode="json")
    if not isinstance(shell, StreamShell):
        for way, ports in (("in", streams_in(interface)), ("out", streams_out(interface))):
            described[way] = {port.name: beat_packet(port).model_dump(mode="json") for port in ports}
    return described


def shell_lines(interface: CommandInterface, shell: CommandShell) -> list[str]:
    """The ports of a shell and what goes over them, as text."""
    if isinstance(shell, UartShell):
        lines = [
            f"  clk ({shell.clock_hz} Hz), rst (synchronous, active high)",
            f"  rx, tx: serial, {shell.baud} baud, 8 bits, no parity, 1 stop bit",
            "  busy, error: a command is being done; the last frame was not good",
        ]
        for way, ports in (("in", streams_in(interface)), ("out", streams_out(interface))):
            for number, port in enumerate(ports):
                lines += [f"Stream {number} {way}, {port.name}, {_beat(port)}:", *field_lines(port.fields)]
        return lines
    if isinstance(shell, CommandAxiShell):
        lines = ["  aclk, aresetn (synchronous, active low)", "  s_axi_*: AXI4-Lite, registers"]
        for port in interface.streams:
            lines += [f"  {axi_stream(port)}_*: AXI4-Stream, {_beat(port)}:", *field_lines(port.fields)]
        return lines
    return [
        "  clk, rst (synchronous, active high)",
        *(line for port in interface.streams for line in port_lines(port)),
        STREAM_RULE,
    ]


def _beat(port: StreamPort) -> str:
    """The bytes of a beat, as text."""
    size = beat_packet(port).size
    return "beats of 1 byte" if size == 1 else f"beats of {size} bytes, the lowest first"
