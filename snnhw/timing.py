"""How many cycles a circuit takes, predicted exactly from how many events golden counted in which word.

Every block of the gateware has its counterpart here: an object that is told when something is offered to it and says
when it was taken. Blocks pass transfers on in order, so times follow from earlier times alone, and nothing is
simulated cycle by cycle. The rules are those of the blocks' docstrings.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from golden.network import Result
from snnhw.implementation import Implementation, LayerShape
from snnhw.network import Network

Counts = list[int]


@dataclass(frozen=True)
class Prediction:
    """Cycles of B samples."""

    latency: NDArray[np.int64]
    """[B]: from the first beat's transfer to the result's, nothing else in the circuit."""
    interval: NDArray[np.int64]
    """[B - 1]: between results, samples following each other without a pause."""


def predict(network: Network, implementation: Implementation, result: Result) -> Prediction:
    """The cycles of each sample of a golden result that holds traces; source never stalling, consumer ready."""
    counts = event_counts(network, implementation, result)
    alone, stream = _Circuit(network, implementation), _Circuit(network, implementation)
    latency = np.array([alone.run_when_idle(sample) for sample in counts], np.int64)
    finished = np.array([stream.run(sample) for sample in counts], np.int64)
    return Prediction(latency=latency, interval=finished[1:] - finished[:-1])


@dataclass(frozen=True)
class SampleCounts:
    """Events in each word of a sample: of the encoder [steps][words] and of each layer [steps][words]."""

    encoder: list[Counts]
    layers: list[list[Counts]]


def event_counts(network: Network, implementation: Implementation, result: Result) -> list[SampleCounts]:
    """Count the events of each word from golden's traces."""
    encoder, *layers = _word_counts(network, implementation, result)
    return [
        SampleCounts(encoder[:, b].tolist(), [layer[:, b].tolist() for layer in layers])
        for b in range(len(result.classes))
    ]


def _word_counts(network: Network, implementation: Implementation, result: Result) -> list[NDArray[np.int64]]:
    """Events in each word of the encoder and of each layer: [steps, B, words]."""
    if result.encoded is None:
        raise ValueError("timing needs golden's traces: run it with traces=True")
    pixels = implementation.pixels_per_beat if network.encoder.kind != "events" else network.inputs
    encoder = _count(result.encoded, list(range(0, network.inputs, pixels)))
    layers = [
        _count(result.traces[stage.name].value, [word[0] for word in shape.order if word[0] is not None])
        for stage, shape in zip(network.stages, implementation.shapes(network), strict=True)
    ]
    return [encoder, *layers]


def _count(values: NDArray[Any], starts: Counts) -> NDArray[np.int64]:
    """Non-zero values in each run that begins at ``starts``: [steps, B, n] to [steps, B, runs]."""
    return np.add.reduceat((values != 0).astype(np.int64), starts, axis=-1)


class _Consumer(Protocol):
    def take(self, offered: int, events: int, marked: bool) -> int:
        """When a word that is offered with so many events, and perhaps a mark, is taken."""
        ...


class _Encoder(Protocol):
    now: int
    """The cycle from which the next sample's first beat is offered."""

    def take(self, counts: list[Counts]) -> None:
        """The events in each word of a sample, step by step."""
        ...


class _Circuit:
    """All blocks; the first beat of the first sample is transferred in cycle 0."""

    def __init__(self, network: Network, implementation: Implementation) -> None:
        shapes = implementation.shapes(network)
        self.readout = _Readout(network, shapes[-1])
        self.banks: list[_NeuronBank] = []
        consumer: _Consumer = self.readout
        for index, shape in reversed(list(enumerate(shapes))):
            bank = _NeuronBank(shape, network.num_steps, network.constant_input and index == 0, consumer)
            self.banks.insert(0, bank)
            consumer = _Serializer(_Crossbar(shape, bank))
        self.encoder: _Encoder = _ENCODERS.get(network.encoder.kind, _FrameEncoder)(network, implementation, consumer)

    def run(self, sample: SampleCounts) -> int:
        """The cycle of a sample's result, its beats following those of the sample before."""
        for bank, counts in zip(self.banks, sample.layers, strict=True):
            bank.counts = counts
        self.encoder.take(sample.encoder)
        return self.readout.result

    def run_when_idle(self, sample: SampleCounts) -> int:
        """The latency of a sample that is sent when the circuit is idle."""
        started = self.encoder.now = max(self.encoder.now, self.readout.free)
        return self.run(sample) - started


class _Readout:
    """Takes a word a cycle; ``classes + 1`` cycles after the last word the result leaves, then it is free again."""

    def __init__(self, network: Network, shape: LayerShape) -> None:
        self.classes = network.classes
        self.words = shape.words * network.num_steps
        self.word = 0
        self.free = self.result = 0

    def take(self, offered: int, events: int, marked: bool) -> int:
        taken = max(offered, self.free)
        self.free = taken + 1
        self.word = (self.word + 1) % self.words
        if self.word == 0:
            self.result = taken + self.classes + 1
            self.free = self.result + 1
        return taken


class _NeuronBank:
    """Takes a word of currents a cycle; what it did is offered 2 cycles later, and waits in place if it must."""

    def __init__(self, shape: LayerShape, num_steps: int, constant: bool, consumer: _Consumer) -> None:
        self.words = shape.words
        self.num_steps = num_steps
        self.constant = constant
        self.consumer = consumer
        self.counts: list[Counts] = []
        self.word = self.step = 0
        self.issued = self.moved = self.sent = -1

    def take(self, offered: int) -> int:
        """One word of currents; in a constant layer the last of them sets off the remaining steps."""
        taken = self._issue(offered)
        if self.constant and self.word == 0:
            while self.step != 0:
                self._issue(self.issued + 1)
        return taken

    def _issue(self, offered: int) -> int:
        self.issued = max(offered, self.issued + 1, self.moved)
        self.moved = max(self.issued + 1, self.sent)
        events = self.counts[self.step][self.word]
        marked = self.word == self.words - 1
        self.sent = self.consumer.take(self.moved + 1, events, marked)
        self.word = 0 if marked else self.word + 1
        if marked:
            self.step = (self.step + 1) % self.num_steps
        return self.issued


class _Crossbar:
    """Takes an event a cycle; after a mark come the replays for further groups, and the groups' words drain."""

    def __init__(self, shape: LayerShape, bank: _NeuronBank) -> None:
        self.sizes = shape.group_sizes
        self.bank = bank
        self.free = self.drained = 0
        self.listed = 0

    def take_events(self, offered: int, count: int) -> int:
        """``count`` events, one a cycle once the first has been taken; when the last of them was."""
        last = max(offered, self.free) + count - 1
        self.free = last + 1
        self.listed += count
        return last

    def take_mark(self, offered: int) -> int:
        """A mark, and all that follows from it."""
        taken = max(offered, self.free)
        loaded = taken - self.listed
        for size in self.sizes:
            loaded = max(loaded + self.listed + 1, self.drained)
            self.drained = loaded
            for _ in range(size):
                self.drained = self.bank.take(self.drained + 1)
        self.free = loaded
        self.listed = 0
        return taken


class _Serializer:
    """Sends a word's events and mark in the cycle that offers them, one a cycle; an empty word takes a cycle too."""

    def __init__(self, crossbar: _Crossbar) -> None:
        self.crossbar = crossbar

    def take(self, offered: int, events: int, marked: bool) -> int:
        last = offered - 1
        if events:
            last = self.crossbar.take_events(offered, events)
        if marked:
            return self.crossbar.take_mark(last + 1)
        return max(last, offered)


class _WordQueue:
    """Words wait here for the serializer; from an empty queue a word leaves 2 cycles after it came."""

    def __init__(self, depth: int, serializer: _Consumer) -> None:
        self.serializer = serializer
        self.moved: deque[int] = deque(maxlen=depth)
        self.left = -1

    def take(self, offered: int, events: int, marked: bool) -> int:
        """A word; when it entered the queue. Words with neither event nor mark are dropped at once."""
        if not events and not marked:
            return offered
        entered = offered
        if len(self.moved) == self.moved.maxlen:
            entered = max(offered, self.moved[0] + 1)
        self.moved.append(max(entered + 1, self.left))
        self.left = self.serializer.take(self.moved[-1] + 1, events, marked)
        return entered


class _DirectEncoder:
    """A beat a cycle goes straight to the queue."""

    def __init__(self, network: Network, implementation: Implementation, serializer: _Consumer) -> None:
        self.queue = _WordQueue(implementation.beats(network), serializer)
        self.now = 0

    def take(self, counts: list[Counts]) -> None:
        for beat, events in enumerate(counts[0]):
            self.now = self.queue.take(self.now, events, beat == len(counts[0]) - 1) + 1


class _FrameEncoder:
    """A sample is taken in whole while a bank is free, then read a word a cycle, all of it at every step."""

    def __init__(self, network: Network, implementation: Implementation, serializer: _Consumer) -> None:
        self.beats = implementation.beats(network)
        self.queue = _WordQueue(self.beats, serializer)
        self.freed = [-1] * (2 if implementation.overlap else 1)
        self.now = 0
        self.read = self.entered = -1

    def take(self, counts: list[Counts]) -> None:
        self.now = max(self.now, self.freed.pop(0) + 1) + self.beats
        start = self.now
        for step in counts:
            for word, events in enumerate(step):
                self.read = max(start, self.read + 1, self.entered)
                self.entered = self.queue.take(self.read + 1, events, word == len(step) - 1)
        self.freed.append(self.read)


class _EventsEncoder:
    """Events go straight to the first crossbar."""

    def __init__(self, network: Network, implementation: Implementation, serializer: _Consumer) -> None:
        self.serializer = serializer
        self.now = 0

    def take(self, counts: list[Counts]) -> None:
        for (events,) in counts:
            self.now = self.serializer.take(self.now, events, True) + 1


_ENCODERS: dict[str, Any] = {"direct": _DirectEncoder, "events": _EventsEncoder}


@dataclass(frozen=True)
class Floor:
    """Cycles that B samples need at least for what must be read from memory."""

    latency: NDArray[np.int64]
    """[B]"""
    interval: float
    """The mean, in a long stream of these samples: one memory's slack in a sample serves another's rush."""


def floor(network: Network, implementation: Implementation, result: Result) -> Floor:
    """What memory bandwidth alone asks for, from a golden result that holds traces.

    Words are read one a cycle from each memory: pixels, a beat each, and weights, ``synapse_lanes`` each, every group
    of an event being a word. ``interval`` is that of the memory that is busiest over all samples. ``latency`` is the
    longest chain of reads that wait for each other: those of a layer's step wait for the layer's step before, and for
    the events of the stage before, of which the last beat's or the last group's come after all that this stage reads
    in the step.
    """
    steps, batch, beats = network.num_steps, len(result.classes), implementation.beats(network)
    passes = {"direct": [1] * steps, "events": [0] * steps}.get(network.encoder.kind, range(2, steps + 2))
    ready = [np.full(batch, count * beats, np.int64) for count in passes]
    meanwhile = beats if implementation.overlap and network.encoder.kind not in _ENCODERS else 0
    busy, last_words = [ready[-1] - meanwhile], 1
    words = _word_counts(network, implementation, result)
    for shape, sent in zip(implementation.shapes(network), words[:-1], strict=True):
        finished, reads = np.zeros(batch, np.int64), np.zeros(batch, np.int64)
        for t in range(steps):
            in_step = sent[t] if t < len(sent) else np.zeros_like(sent[0])
            events, late = in_step.sum(axis=1), in_step[:, -last_words:].sum(axis=1)
            reads += events * shape.groups
            finished = np.maximum(finished + events * shape.groups, ready[t] + late + events * (shape.groups - 1))
            ready[t] = finished
        busy.append(reads)
        last_words = shape.group_sizes[-1]
    return Floor(latency=ready[-1], interval=max(float(reads.mean()) for reads in busy))
