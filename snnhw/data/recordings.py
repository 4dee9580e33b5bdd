"""The formats in which recordings of event cameras are published, read as numbers: nothing in a file is executed.

Each function takes a file's content and what messages call it, and raises DatasetError, in one line, where the content
is damaged or cut short. Channel 0 is darker, channel 1 brighter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnhw.data.events import Events
from snnhw.errors import DatasetError

__all__ = ["Recording", "decode_aedat2", "decode_aedat3", "decode_atis"]

_ATIS_EVENT = 5
_AEDAT_EVENT = 8
_PACKET_HEADER = struct.Struct("<HHIIIIII")
_POLARITY_EVENT = 1
_END_OF_HEADER = b"#!END-HEADER"


@dataclass(frozen=True)
class Recording:
    """Events as a file has them, int64 [E] each, none negative."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    channel: NDArray[np.int64]
    t: NDArray[np.int64]
    """Microseconds."""

    def between(self, start: int, end: int) -> Recording:
        """The events from one time up to another."""
        chosen = (self.t >= start) & (self.t < end)
        return Recording(self.x[chosen], self.y[chosen], self.channel[chosen], self.t[chosen])

    def events(self, height: int, width: int, name: str) -> Events:
        """The events of a sensor of that size, from the first on; DatasetError where some are outside."""
        if self.x.max(initial=0) >= width or self.y.max(initial=0) >= height:
            raise DatasetError(f"{name} is damaged: it has events outside of {width} x {height} pixels; get it anew")
        t = self.t - (self.t.min() if len(self.t) else 0)
        return Events((self.channel * height + self.y) * width + self.x, t, int(t.max(initial=0)) + 1)


def decode_atis(content: bytes, name: str) -> Recording:
    """The format of N-MNIST, after its authors: 40 bits an event, the first in the highest bits of each byte.

    x of 8 bits, y of 8 bits, polarity of 1 bit (1 is brighter), time of 23 bits in microseconds. An event of y = 240
    is none, but tells that the timer has run over: all times from there on are 2^13 later.
    """
    if len(content) % _ATIS_EVENT or not content:
        raise DatasetError(f"{name} is cut short: {len(content)} bytes, and an event takes {_ATIS_EVENT}; get it anew")
    x, y, *rest = np.frombuffer(content, np.uint8).reshape(-1, _ATIS_EVENT).T.astype(np.int64)
    run_over = y == 240
    t = ((rest[0] & 0x7F) << 16 | rest[1] << 8 | rest[2]) + (np.cumsum(run_over) << 13)
    real = ~run_over
    return Recording(x[real], y[real], (rest[0] >> 7)[real], t[real])


def decode_aedat2(content: bytes, name: str) -> Recording:
    """AEDAT 2.0 of a DVS128, as CIFAR10-DVS has it: lines that begin with #, then 64 bits an event, big-endian.

    The address has the polarity in bit 0 (0 is brighter), 127 - y in bits 1 to 7, 127 - x in bits 8 to 14; the
    timestamp is in microseconds.
    """
    version, data = _after_header(content, name)
    if not version.startswith(b"2") or len(data) % _AEDAT_EVENT or not data:
        raise DatasetError(f"{name} is damaged: it is no whole recording in AEDAT 2.0; get it anew")
    address, t = np.frombuffer(data, ">u4").reshape(-1, 2).T.astype(np.int64)
    return Recording(127 - ((address >> 8) & 0x7F), 127 - ((address >> 1) & 0x7F), 1 - (address & 1), t)


def decode_aedat3(content: bytes, name: str) -> Recording:
    """AEDAT 3.1, as DVS-Gesture has it: lines that begin with #, then packets, little-endian.

    A packet has a header of 28 bytes and so many events of one size as its capacity says. A polarity event has, from
    bit 0, a bit for valid, one for polarity (1 is brighter), y of 15 bits and x of 15 bits, then a timestamp of 31
    bits in microseconds, to which the header adds higher bits. Packets of other types are left out.
    """
    version, data = _after_header(content, name)
    if not version.startswith(b"3"):
        raise DatasetError(f"{name} is damaged: it is no recording in AEDAT 3; get it anew")
    packets = [events for events in _packets(data, name) if len(events)]
    if not packets:
        raise DatasetError(f"{name} is damaged: it holds no events; get it anew")
    fields, t = np.concatenate(packets).T
    valid = (fields & 1) == 1
    fields, t = fields[valid], t[valid]
    return Recording(fields >> 17, (fields >> 2) & 0x7FFF, (fields >> 1) & 1, t)


def _packets(data: bytes, name: str) -> Iterator[NDArray[np.int64]]:
    """The two numbers of each polarity event, [E, 2], the second the whole time, packet by packet."""
    place = 0
    while place < len(data):
        if place + _PACKET_HEADER.size > len(data):
            raise DatasetError(f"{name} is cut short within the header of a packet; get it anew")
        kind, _, size, _, overflow, capacity, number, _ = _PACKET_HEADER.unpack_from(data, place)
        place += _PACKET_HEADER.size
        end = place + size * capacity
        if end > len(data) or number > capacity or not size:
            raise DatasetError(f"{name} is cut short: a packet has {len(data) - place} bytes of {size * capacity}")
        if kind == _POLARITY_EVENT and size == _AEDAT_EVENT:
            events = np.frombuffer(data, "<u4", 2 * number, place).reshape(-1, 2).astype(np.int64)
            events[:, 1] |= overflow << 31
            yield events
        place = end


def _after_header(content: bytes, name: str) -> tuple[bytes, bytes]:
    """The version that the first line of an AEDAT file says, and what comes after all such lines."""
    first = b"#!AER-DAT"
    if not content.startswith(first):
        raise DatasetError(f"{name} is damaged: it does not begin with {first.decode()}; get it anew")
    version, start = content[len(first) : content.find(b"\n") + 1], 0
    while content[start : start + 1] == b"#":
        line_end = content.find(b"\n", start) + 1
        if not line_end:
            raise DatasetError(f"{name} is cut short within its header; get it anew")
        last = content.startswith(_END_OF_HEADER, start)
        start = line_end
        if last:
            break
    return version, content[start:]
