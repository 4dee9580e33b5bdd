"""Samples as the transfers of a circuit's input stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnhw.interface import StreamPort
from snnhw.network import Network
from snnhw.samples import check_samples
from snnhw.simulate.bits import Words, insert, words_for


@dataclass(frozen=True)
class Beats:
    """The transfers of B samples, one after the other."""

    words: Words
    """[transfers, words_per_beat] payloads, bit 0 lowest in word 0."""
    counts: NDArray[np.int64]
    """[B] transfers of each sample."""


def pack(network: Network, port: StreamPort, samples: NDArray[np.uint8]) -> Beats:
    """Pack samples uint8 [B, *sample_shape] for the stream port ``sample`` of a circuit.

    Pixels go ``pixels`` lanes a transfer, the last one zero-padded and marked ``last``. Where the network's input is
    events, each value that is not 0 is one transfer, or as many as it counts where events carry no value; each step
    ends with a transfer that is marked ``end``.
    Raises ValueError for samples of another shape or kind, and for events of a value that has no bits in the port.
    """
    samples = check_samples(network, samples)
    if network.encoder.takes_events:
        return _pack_events(network, port, samples.reshape(len(samples), network.num_steps, network.inputs))
    return _pack_pixels(port, samples.reshape(len(samples), network.inputs))


def _pack_pixels(port: StreamPort, samples: NDArray[np.uint8]) -> Beats:
    batch, inputs = samples.shape
    pixels, last = port.field("pixels"), port.field("last")
    if (pixels.offset, pixels.width) != (0, 8):
        raise ValueError(f"pixels must be 8 bits wide and lie from bit 0, not {pixels.width} from bit {pixels.offset}")
    beats = -(-inputs // pixels.count)
    padded = np.zeros((batch, beats * pixels.count), np.uint8)
    padded[:, :inputs] = samples
    octets = np.zeros((batch * beats, 4 * words_for(port.width)), np.uint8)
    octets[:, : pixels.count] = padded.reshape(batch * beats, pixels.count)
    words = octets.view("<u4").astype(np.uint32, copy=False)
    ends = np.arange(beats - 1, batch * beats, beats)
    insert(words, ends, np.ones(batch, np.uint32), offset=last.offset, width=1)
    return Beats(words, np.full(batch, beats, np.int64))


def strangers(network: Network, port: StreamPort) -> dict[str, int]:
    """Payloads of events that name no input, and carry the greatest value, by what is wrong with each: "address 5".

    Of each field that names inputs the least number that does not exist, and the greatest that has bits in the port;
    none where there is no such number.
    """
    given = {}
    value = [field for field in port.fields if field.name == "value"]
    highest = sum(((1 << field.width) - 1) << field.offset for field in value)
    for name, size in network.encoder.places(network.input_shape).items():
        field = port.field(name)
        beyond = range(size, 1 << field.width)
        for number in sorted({*beyond[:1], *beyond[-1:]}):
            given[f"{name} {number}"] = number << field.offset | highest
    return given


def _pack_events(network: Network, port: StreamPort, samples: NDArray[np.uint8]) -> Beats:
    batch, steps, inputs = samples.shape
    rows, addresses = np.nonzero(samples.reshape(batch * steps, inputs))
    values = samples.reshape(-1, inputs)[rows, addresses]
    if network.encoder.repeats:
        rows, addresses = np.repeat(rows, values), np.repeat(addresses, values)
    counts = np.bincount(rows, minlength=batch * steps)
    ends = np.cumsum(counts) + np.arange(batch * steps)
    words = np.zeros((len(rows) + batch * steps, words_for(port.width)), np.uint32)
    numbers, rest = {"value": values} if network.encoder.carries_values else {}, addresses
    for name, size in network.encoder.places(network.input_shape).items():
        rest, numbers[name] = np.divmod(rest, size)
    for name, own in numbers.items():
        field = port.field(name)
        insert(words, np.arange(len(rows)) + rows, own, offset=field.offset, width=field.width)
    insert(words, ends, np.ones(len(ends), np.uint32), offset=port.field("end").offset, width=1)
    return Beats(words, counts.reshape(batch, steps).sum(1) + steps)
