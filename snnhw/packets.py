"""Samples and results as the bytes that go over a shell's wires; see ``docs/interfaces.md``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from snnhw.interface import Interface
from snnhw.network import Network
from snnhw.samples import check_samples
from snnhw.shell import result_packet, sample_packet
from snnhw.simulate.samples import pack


def pack_samples(network: Network, interface: Interface, samples: NDArray[np.uint8]) -> list[bytes]:
    """The bytes of each of samples uint8 [B, *sample_shape]: pixels, or events and ends of steps.

    Raises ValueError for samples of another shape or kind.
    """
    samples = check_samples(network, samples)
    if not network.encoder.takes_events:
        return [sample.tobytes() for sample in samples]
    beats, size = pack(network, interface.sample, samples), sample_packet(network, interface).size
    octets = np.ascontiguousarray(beats.words.astype("<u4")).view(np.uint8)[:, :size]
    ends = [0, *np.cumsum(beats.counts).tolist()]
    return [octets[start:end].tobytes() for start, end in pairwise(ends)]


def result_dtype(interface: Interface) -> np.dtype[np.void]:
    """A result as NumPy reads it from bytes: ``class``, and ``scores`` of all classes."""
    chosen, scores = (
        (f"<{'i' if field.signed else 'u'}{field.width // 8}", field.count) for field in result_packet(interface).fields
    )
    return np.dtype([("class", chosen[0]), ("scores", scores[0], (scores[1],))])


def unpack_results(interface: Interface, received: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classes [B] and scores [B, classes] from the bytes of B results; ValueError where these are not whole."""
    table = np.frombuffer(received, result_dtype(interface))
    return table["class"].astype(np.int64), table["scores"].astype(np.int64)
