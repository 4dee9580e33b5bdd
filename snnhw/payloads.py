"""Payloads of streams from numbers, and back: as 32-bit words for a simulation, as bytes for what goes over a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.commands import Command
from snnhw.commandshell import MOST_BEATS, beat_packet, streams_in
from snnhw.interface import CommandInterface, StreamPort
from snnhw.network import Range
from snnhw.simulate.bits import WORD, Words, insert, words_for
from snnhw.simulate.taps import unpack_field

__all__ = ["command_octets", "pack_beats", "pack_fields", "under_heads", "unpack_beats"]

Array = NDArray[Any]


def pack_fields(port: StreamPort, fields: Mapping[str, Array]) -> Words:
    """Payloads of a stream from their fields, integers [n], of a field of several lanes [n, lanes].

    Raises ValueError for a number that its field cannot hold.
    """
    count = len(next(iter(fields.values())))
    words = np.zeros((count, words_for(port.width)), np.uint32)
    rows = np.arange(count)
    for member in port.fields:
        numbers, room = np.asarray(fields[member.name]), Range.of_bits(member.width, signed=member.signed)
        if count and not room.lo <= int(numbers.min()) <= int(numbers.max()) <= room.hi:
            raise ValueError(
                f"field '{member.name}' of stream '{port.name}' must lie in {room.lo}..{room.hi}, not in "
                f"{numbers.min()}..{numbers.max()}"
            )
        held = numbers.astype(np.uint64).reshape(count, member.count) & np.uint64((1 << member.width) - 1)
        for lane in range(member.count):
            insert(words, rows, held[:, lane], offset=member.offset + lane * member.width, width=member.width)
    return words


def pack_beats(port: StreamPort, fields: Mapping[str, Array]) -> bytes:
    """The beats of a stream from their fields, see `pack_fields`: whole bytes each, one after the other."""
    words = pack_fields(port, fields)
    octets = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    return octets[:, : beat_packet(port).size].tobytes()


def unpack_beats(port: StreamPort, beats: bytes) -> dict[str, Array]:
    """The fields [n, count] of n beats of a stream. Raises ValueError for bytes that are no whole beats."""
    size = beat_packet(port).size
    if len(beats) % size:
        raise ValueError(f"beats of stream '{port.name}' have {size} bytes each, and {len(beats)} are no whole number")
    octets = np.zeros((len(beats) // size, words_for(port.width) * WORD // 8), np.uint8)
    octets[:, :size] = np.frombuffer(beats, np.uint8).reshape(-1, size)
    words = octets.view("<u4").astype(np.uint32)
    return {member.name: unpack_field(member, words) for member in port.fields}


def under_heads(number: int, port: StreamPort, beats: bytes) -> bytes:
    """Beats of the stream of that number as a UART takes them: behind heads that say of which stream and how many."""
    part = MOST_BEATS * beat_packet(port).size
    size = beat_packet(port).size
    parts = (beats[start : start + part] for start in range(0, len(beats), part))
    return b"".join(bytes([number, len(each) // size - 1]) + each for each in parts)


def command_octets(interface: CommandInterface, command: Command) -> bytes:
    """All that a command sends over a UART, without frames."""
    numbered = {port.name: (number, port) for number, port in enumerate(streams_in(interface))}
    inputs = ((*numbered[name], fields) for name, fields in command.inputs(interface).items())
    return b"".join(under_heads(number, port, pack_beats(port, fields)) for number, port, fields in inputs)
