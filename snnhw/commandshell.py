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
from snnhw.shell import LITE_PORTS, Packet, StreamShell, UartShell

__all__ = [
    "BUFFER_BYTES",
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
