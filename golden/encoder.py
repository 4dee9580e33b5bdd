"""Encoders: pixels become events, step by step. Twin of ``gateware/encoder.py``.

Each takes samples uint8 [B, inputs] and yields the values of one step's events, [B, inputs], 0 meaning none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from golden.lfsr import lfsr_advance
from snnhw.kinds import twin
from snnhw.network import AddressEvents, Bernoulli, Direct, Events, IntegrateFire, Network, Rate

Values = NDArray[np.uint8]


def encode(network: Network, samples: NDArray[np.uint8]) -> Iterator[Values]:
    """Yield the events of each step, uint8 [B, inputs]; once only for direct encoding, whose input is constant.

    ``samples`` is [B, inputs] of pixels, or [B, num_steps, inputs] where the network's input is events.
    """
    yields: Iterator[Values] = twin(network.encoder, "golden")(network, samples)
    return yields


def direct(network: Network, samples: Values) -> Iterator[Values]:
    """``x >> (8 - bits)``, once."""
    assert isinstance(network.encoder, Direct)
    yield samples >> np.uint8(8 - network.encoder.bits)


def integrate_fire(network: Network, samples: Values) -> Iterator[Values]:
    """``acc += x``; a spike where acc >= 256, which subtracts 256. ``acc`` starts at 128 at step 0."""
    fire_at = IntegrateFire.FIRE_AT
    acc = np.full(samples.shape, IntegrateFire.START, np.uint16)
    for _ in range(network.num_steps):
        acc = acc + samples
        fires = acc >= fire_at
        acc = acc - fire_at * fires.astype(np.uint16)
        yield fires.view(np.uint8)


def bernoulli(network: Network, samples: Values) -> Iterator[Values]:
    """A spike where the random byte of this step and pixel is below x; the same bytes for every sample."""
    assert isinstance(network.encoder, Bernoulli)
    random = random_bytes(network.encoder.seed, network.num_steps * network.inputs)
    for noise in random.reshape(network.num_steps, network.inputs):
        yield (noise < samples).view(np.uint8)


def rate(network: Network, samples: Values) -> Iterator[Values]:
    """A spike where x > threshold, at the steps with ``t % period == phase``."""
    encoder = network.encoder
    assert isinstance(encoder, Rate)
    for t in range(network.num_steps):
        fires = (samples > encoder.threshold) & (t % encoder.period == encoder.phase)
        yield fires.view(np.uint8)


def latency(network: Network, samples: Values) -> Iterator[Values]:
    """A spike where x > 0, at step ``((255 - x) * num_steps) >> 8`` only."""
    moment = ((255 - samples.astype(np.uint32)) * network.num_steps) >> 8
    for t in range(network.num_steps):
        yield ((samples > 0) & (moment == t)).view(np.uint8)


def events(network: Network, samples: Values) -> Iterator[Values]:
    """The events themselves, ``samples[:, t]``."""
    assert isinstance(network.encoder, Events)
    for t in range(network.num_steps):
        yield samples[:, t]


def address_events(network: Network, samples: Values) -> Iterator[Values]:
    """The counts of the events in each bin, ``samples[:, t]``; see `binned`."""
    assert isinstance(network.encoder, AddressEvents)
    for t in range(network.num_steps):
        yield samples[:, t]


@dataclass(frozen=True)
class Binned:
    """A sample made of events, and how many were dropped."""

    sample: Values
    """[num_steps, *input_shape]"""
    doubles: int
    """Events beyond the highest count of their input in their bin."""
    outside: int
    """Events that name no input."""


def binned(network: Network, bins: NDArray[np.integer], places: Mapping[str, NDArray[np.integer]]) -> Binned:
    """Count events: of each its bin, [n] of 0 to num_steps - 1, and by name the fields that name its input, [n].

    Their order means nothing. Raises ValueError for a bin that there is not.
    """
    encoder = network.encoder
    bins = np.asarray(bins, np.int64)
    if len(bins) and not (bins.min() >= 0 and bins.max() < network.num_steps):
        raise ValueError(f"bins are 0 to {network.num_steps - 1}, not {bins.min()} to {bins.max()}")
    address, inside, stride = np.zeros(len(bins), np.int64), np.ones(len(bins), np.bool_), 1
    for name, size in encoder.places(network.input_shape).items():
        field = np.asarray(places[name], np.int64)
        inside &= (field >= 0) & (field < size)
        address += field * stride
        stride *= size
    place = (bins * network.inputs + address)[inside]
    counts = np.bincount(place, minlength=network.num_steps * network.inputs)
    kept = counts.clip(max=encoder.value_range.hi)
    return Binned(
        sample=kept.astype(np.uint8).reshape(network.sample_shape),
        doubles=int((counts - kept).sum()),
        outside=int(np.count_nonzero(~inside)),
    )


@lru_cache(maxsize=8)
def random_bytes(seed: int, count: int) -> Values:
    """The low bytes of the register's state, position n after ``8 * (n + 1)`` shifts from the seed; uint8 [count]."""
    table = [lfsr_advance(byte) for byte in range(256)]
    state, low = seed, bytearray(count)
    for n in range(count):
        state = (state >> 8) ^ table[state & 0xFF]
        low[n] = state & 0xFF
    return np.frombuffer(bytes(low), np.uint8)
