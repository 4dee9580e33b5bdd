"""What surrounds a circuit that does commands: nothing, AXI or a UART. As data, all made of the circuit's streams.

A payload of a stream is a **beat**: as many whole bytes as hold it, bit 0 of the payload lowest, fields at their
places, zeros above. Streams in are numbered from 0 in the order of the interface, and so are streams out.
``gateware/commanduart.py`` builds from what stands here; headers of Verilog, the JSON beside it and host programs read
it. ``docs/interfaces.md`` says it in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from snnhw.frames import COMMAND_MAGIC, DIGEST_BYTES, VERSION
from snnhw.interface import CommandInterface, Port, StreamPort
from snnhw.kinds import Frozen
from snnhw.shell import LITE_PORTS, Packet, Register, RegisterField, StreamShell, UartShell

__all__ = [
    "BUFFER_BYTES",
    "COMMAND_IDENTITY",
    "COMMAND_REGISTERS",
    "COMMAND_REGISTERS_VERSION",
    "MOST_BEATS",
    "CommandAxiShell",
    "CommandShell",
    "axi_stream",
    "beat_packet",
    "circuit_digest",
    "circuit_digest_bytes",
    "command_identity",
    "command_ports",
    "streams_in",
    "streams_out",
]

BUFFER_BYTES = 2048
"""Bytes of the memory in which a UART keeps what has come, and of that for what is to go: a block of an ECP5 each."""

MOST_BEATS = 256
"""The most beats of a stream behind one head in what comes over a UART."""


COMMAND_IDENTITY = 0x534E4E43
"""What the first register reads as: SNNC in ASCII."""

COMMAND_REGISTERS_VERSION = 1
"""Of the registers; it changes when one of them changes its place or its meaning."""

COMMAND_REGISTERS: tuple[Register, ...] = (
    Register(name="identity", address=0x00, access="read", meaning=f"0x{COMMAND_IDENTITY:08X}: SNNC in ASCII"),
    Register(name="version", address=0x04, access="read", meaning=f"{COMMAND_REGISTERS_VERSION}: of these registers"),
    Register(
        name="control",
        address=0x08,
        access="write",
        meaning="what is to be done",
        fields=(RegisterField(name="reset", lowest=0, width=1, meaning="1: a soft reset, once"),),
    ),
    Register(
        name="status",
        address=0x0C,
        access="read",
        meaning="state",
        fields=(RegisterField(name="busy", lowest=0, width=1, meaning="a command is being done, or a beat waits"),),
    ),
    Register(name="commands", address=0x10, access="read", meaning="commands taken"),
    Register(name="results", address=0x14, access="read", meaning="results given to the output"),
    Register(
        name="cycles",
        address=0x18,
        access="read",
        meaning="cycles from the last command's transfer to when the next may come",
    ),
    Register(name="scratch", address=0x24, access="read_write", meaning="keeps what is written"),
    Register(
        name="digest",
        address=0x40,
        access="read",
        count=8,
        meaning="the circuit's SHA-256: eight digits each, the first in the first register",
    ),
)
"""The registers of a circuit of commands, in the order of their addresses; see :data:`snnhw.shell.REGISTERS`."""


class CommandAxiShell(Frozen):
    """An AXI4-Stream for each stream, as wide as its beats, and AXI4-Lite for registers."""

    kind: Literal["axi"] = "axi"


CommandShell = Annotated[StreamShell | CommandAxiShell | UartShell, Field(discriminator="kind")]


def axi_stream(stream: StreamPort) -> str:
    """How the ports of a stream begin in :class:`CommandAxiShell`."""
    return f"{'s' if stream.direction == 'in' else 'm'}_axis_{stream.name}"


def command_ports(shell: CommandShell, interface: CommandInterface) -> list[Port]:
    """All ports of the top module of a circuit in a shell."""
    if isinstance(shell, UartShell):
        return shell.ports(interface)
    if isinstance(shell, StreamShell):
        return interface.ports
    ports = [Port("aclk", "input", 1), Port("aresetn", "input", 1)]
    for stream in interface.streams:
        name, inward = axi_stream(stream), stream.direction == "in"
        ahead: Literal["input", "output"] = "input" if inward else "output"
        ports += [
            Port(f"{name}_tdata", ahead, 8 * beat_packet(stream).size),
            *([] if inward else [Port(f"{name}_tlast", ahead, 1)]),
            Port(f"{name}_tvalid", ahead, 1),
            Port(f"{name}_tready", "output" if inward else "input", 1),
        ]
    return [*ports, *LITE_PORTS]


def beat_packet(stream: StreamPort) -> Packet:
    """The bytes of a beat of a stream."""
    return Packet(size=-(-stream.width // 8), fields=stream.fields)


def streams_in(interface: CommandInterface) -> tuple[StreamPort, ...]:
    """The streams into a circuit, in the order of their numbers."""
    return tuple(port for port in interface.streams if port.direction == "in")


def streams_out(interface: CommandInterface) -> tuple[StreamPort, ...]:
    """The streams out of a circuit, in the order of their numbers."""
    return tuple(port for port in interface.streams if port.direction == "out")


def circuit_digest(description: Mapping[str, Any], interface: CommandInterface) -> str:
    """SHA-256, in hexadecimal, over what a circuit computes and its streams; not over what it has learned.

    ``description`` is plain data for JSON, the lanes in it. The name of the top module does not count.
    """
    streams = [stream.model_dump(mode="json") for stream in interface.streams]
    said = json.dumps([dict(description), streams], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def circuit_digest_bytes(digest: str) -> bytes:
    """What a circuit behind a UART says of its digest: the first bytes."""
    return bytes.fromhex(digest)[:DIGEST_BYTES]


def command_identity(digest: str, depth: int) -> bytes:
    """What a circuit behind a UART says of itself: its digest, and the bytes that wait in either direction."""
    return COMMAND_MAGIC + bytes([VERSION]) + circuit_digest_bytes(digest) + depth.to_bytes(2, "little")
