"""What a source may do wrong between good samples, and all that is sent in one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from snnhw.interface import StreamPort
from snnhw.network import Network
from snnhw.simulate.bits import WORD, Words, insert
from snnhw.simulate.samples import Beats, pack, strangers

RESET_CYCLES = 2
"""Cycles of a reset; circuit.h says the same."""

FEWEST, MOST = 9, 22
"""Faults between samples, of which there are as many as samples within these."""


@dataclass(frozen=True)
class Fault:
    """Transfers that give no result, and leave nothing behind but, without a reset after them, a raised error flag.

    Those that a reset follows begin when all results before them have come, and their own result is not taken.
    """

    name: str
    """What is sent, for a sentence: "a sample of 4 beats"."""
    words: Words
    """[transfers, words_per_beat] payloads, as those of samples."""
    reset: float | None = None
    """When a reset follows the last transfer, as a part of the cycles that the sample before took. None: never."""
    lasting: bool = False
    """Whether the error flag stays until the sample after the next has ended: a stray event is part of the next one."""


@dataclass(frozen=True)
class Schedule:
    """Samples, and the faults between them: N entries in the order in which they are sent."""

    words: Words
    """[transfers, words_per_beat] payloads of all entries, bit 0 lowest in word 0."""
    first: NDArray[np.int64]
    """[N + 1] transfers before each entry."""
    answered: NDArray[np.bool_]
    """[N] whether it is a sample, and gives a result."""
    reset: NDArray[np.int64]
    """[N] `Fault.reset` in parts of 256, -1 for none."""


def schedule(beats: Beats, faults: Sequence[Fault] = ()) -> Schedule:
    """All that is sent: fault i between samples i and i + 1 of ``beats``. Raises ValueError for too many faults."""
    samples = len(beats.counts)
    if faults and len(faults) >= samples:
        raise ValueError(f"{len(faults)} faults lie between {len(faults) + 1} samples at least, not {samples}")
    parts, answered, reset = [beats.words[:0]], [], []
    for number, (start, end) in enumerate(pairwise([0, *np.cumsum(beats.counts).tolist()])):
        parts.append(beats.words[start:end])
        answered.append(True)
        reset.append(-1)
        if number < len(faults):
            fault = faults[number]
            parts.append(fault.words)
            answered.append(False)
            reset.append(-1 if fault.reset is None else round(256 * fault.reset))
    first = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return Schedule(np.concatenate(parts), first, np.array(answered, np.bool_), np.array(reset, np.int64))


def faults_between(network: Network, port: StreamPort, samples: NDArray[np.uint8], count: int) -> list[Fault]:
    """``count`` faults, count > 0, that a circuit must recover from, made for the stream port ``sample``.

    Samples that ``last`` ends late or early, and a late one that hides an early one; resets in the middle of a sample,
    and of what is dropped; events of an address that does not exist. Where ``count`` has room for more there are resets
    while the circuit works on a whole sample, and what it has no room for, the last of these, is left out. Every third
    of their pixels or events is the negative of that of a sample, of ``samples`` uint8 [B, *sample_shape], B > 0, one
    after the other, and the others are 0: so what leaks from them shows, and they take no longer than samples.
    """
    events, highest = network.encoder.takes_events, network.encoder.sample_range.hi
    unlike = np.zeros_like(samples)
    unlike.reshape(-1)[::3] = highest - samples.reshape(-1)[::3]
    beats = pack(network, port, unlike)
    bodies = cycle(np.split(beats.words, np.cumsum(beats.counts)[:-1]))
    faults = list(_of_events(network, port, bodies) if events else _of_pixels(port, bodies))
    return [*_interrupted(islice(bodies, max(0, count - len(faults)))), *faults[:count]]


def _of_pixels(port: StreamPort, bodies: Iterator[Words]) -> Iterator[Fault]:
    last = port.field("last").offset

    def sent(count: int, *ends: int) -> Words:
        """So many beats of samples, with ``last`` at ``ends`` alone."""
        body = next(bodies).copy()
        body[:, last // WORD] &= ~np.uint32(1 << last % WORD)
        words = np.resize(body, (count, body.shape[1]))
        insert(words, np.array(ends, np.intp), np.ones(len(ends), np.uint32), offset=last, width=1)
        return words

    beats = len(next(bodies))
    half = beats // 2
    yield Fault(f"a sample of {2 * beats} beats in the place of {beats}", sent(2 * beats, 2 * beats - 1))
    if beats > 1:
        yield Fault(f"a sample of 1 beat in the place of {beats}", sent(1, 0))
        yield Fault(f"{half} of {beats} beats and a reset", sent(half), reset=0.5)
    if beats > 2:
        yield Fault(f"a sample of {beats - 1} beats in the place of {beats}", sent(beats - 1, beats - 2))
    if beats > 1:
        late = f"a sample of {beats + 1} beats and one of {half} in the place of {beats}"
        yield Fault(late, sent(beats + 1 + half, beats, beats + half))
    yield Fault(f"{beats + 1} beats without an end and a reset", sent(beats + 1), reset=0)


def _of_events(network: Network, port: StreamPort, bodies: Iterator[Words]) -> Iterator[Fault]:
    whole = next(bodies)
    if half := len(whole) // 2:
        yield Fault(f"{half} of {len(whole)} transfers and a reset", whole[:half], reset=0.5)
    for named, payload in islice(strangers(network, port).items(), 1):
        stray = np.array([[payload >> WORD * word & ((1 << WORD) - 1) for word in range(whole.shape[1])]], np.uint32)
        name = f"an event of {named}, where there are {network.inputs} inputs"
        yield Fault(f"{name}, and a reset", stray, reset=0)
        yield Fault(name, stray, lasting=True)


def _interrupted(samples: Iterable[Words]) -> Iterator[Fault]:
    """Whole samples, each with a reset when the circuit has come further with it; with the last the result waits."""
    wholes = list(samples)
    steps = len(wholes) - 1
    for number, words in enumerate(wholes):
        reset = (number + 0.5) / steps if number < steps else 1.5
        yield Fault(f"a whole sample and, {reset:.2f} latencies later, a reset", words, reset)
