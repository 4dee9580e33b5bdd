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
from typing import Any

from snnhw.frames import COMMAND_MAGIC, DIGEST_BYTES, VERSION
from snnhw.interface import CommandInterface, StreamPort
from snnhw.shell import Packet

__all__ = [
    "BUFFER_BYTES",
    "MOST_BEATS",
    "beat_packet",
    "circuit_digest",
    "circuit_digest_bytes",
    "command_identity",
    "streams_in",
    "streams_out",
]

BUFFER_BYTES = 2048
"""Bytes of the memory in which a UART keeps what has come, and of that for what is to go: a block of an ECP5 each."""

MOST_BEATS = 256
"""The most beats of a stream behind one head in what comes over a UART."""


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

    ``description`` is plain data for JSON. The name of the top module does not count.
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
