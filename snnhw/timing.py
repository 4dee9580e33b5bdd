"""How many cycles a circuit takes, predicted exactly from how many events golden counted in which word.

Every block of the gateware has its counterpart here: an object that is told when something is offered to it and says
when it was taken. Blocks pass transfers on in order, so times follow from earlier times alone, and nothing is
simulated cycle by cycle. The rules are those of the blocks' docstrings.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gateware.crossbar import crossbar_latency
from gateware.neuron import state_registered
from gateware.readout import readout_latency
from golden.network import Result
from snnhw.design import Design, DesignLayer
from snnhw.implementation import LayerShape, queue_depth
from snnhw.kinds import twin

Counts = list[list[int]]
"""Of each word, the events in each event lane; where the layer that takes them needs several cycles for some events,
the cycles of each transfer instead."""


@dataclass(frozen=True)
class Prediction:
    """Cycles of B samples."""

    latency: NDArray[np.int64]
    """[B]: from the first beat's transfer to the result's, nothing else in the circuit."""
    interval: NDArray[np.int64]
    """[B - 1]: between results, samples following each other without a pause."""


def predict(design: Design, result: Result) -> Prediction:
    """The cycles of each sample of a golden result that holds traces; source never stalling, consumer ready."""
    counts = event_counts(design, result)
    alone, stream = _Circuit(design), _Circuit(design)
    latency = np.array([alone.run_when_idle(sample) for sample in counts], np.int64)
    finished = np.array([stream.run(sample) for sample in counts], np.int64)
    return Prediction(latency=latency, interval=finished[1:] - finished[:-1])


def mistimed(cycles: NDArray[np.int64], predicted: NDArray[np.int64]) -> int:
    """How many counts of cycles are not as predicted; those that are missing are not."""
    return int(np.count_nonzero(cycles != predicted[: len(cycles)])) + len(predicted) - len(cycles)


@dataclass(frozen=True)
class SampleCounts:
    """Events in each word of a sample: of the encoder [steps][words][lanes] and of each layer the same.

    Lanes are the event lanes of the layer that takes the events. Where words hold all steps there is one step, and an
    event is a neuron that sends one at any of them.
    """

    encoder: list[Counts]
    layers: list[list[Counts]]
    kept: dict[str, list[Counts]]
    """Of what synapses keep and send within a layer, by LAYER.NAME."""


def event_counts(design: Design, result: Result) -> list[SampleCounts]:
    """Count the events of each word from golden's traces.

    Of a layer that splits its words there is one step, and of each word the counts of all steps.
    """
    told: list[Any] = [sent.told() for sent in _sent(design, result)]
    encoder, *layers = told
    kept: dict[str, list[list[Counts]]] = {}
    for layer in design.layers:
        # Where synapses keep something that they send within the layer, their twin says what.
        of_layer = getattr(twin(layer.synapse, "timing"), "sent", None)
        if of_layer is not None:
            kept |= {f"{layer.name}.{name}": sent.told() for name, sent in of_layer(layer, result).items()}
    for number, layer in enumerate(design.layers):
        if layer.splits:
            layers[number] = [[list(zip(*words, strict=True)) for words in zip(*layers[number], strict=True)]]
    return [
        SampleCounts(
            [step[b] for step in encoder],
            [[step[b] for step in counts] for counts in layers],
            {stage: [step[b] for step in counts] for stage, counts in kept.items()},
        )
        for b in range(len(result.classes))
    ]


@dataclass(frozen=True)
class _Sent:
    """What the encoder or a layer has sent: n numbers of each step, in the order of the words that they stand in."""

    times: NDArray[np.generic]
    """[steps, B, n]: how many events were sent: one at most, but for encoders that repeat them."""
    starts: list[int]
    """[words]: where each begins."""
    addresses: NDArray[np.int64]
    """[n]"""
    passes: NDArray[np.int64]
    """[n]: cycles that an event takes where it goes to."""
    lanes: int
    """Event lanes there."""

    @property
    def several(self) -> bool:
        """Whether there are events that take several cycles."""
        return int(self.passes.max()) > 1

    def counts(self, *, cycles: bool = False) -> NDArray[np.int64]:
        """Events of each word, or their ``cycles``, by lane: [steps, B, words, lanes]."""
        sides = []
        for lane in range(self.lanes):
            own = self.times * (self.addresses % self.lanes == lane)
            told = own * self.passes if cycles and self.several else own
            sides.append(np.add.reduceat(told, self.starts, axis=-1, dtype=np.int64))
        return np.stack(sides, axis=-1)

    def told(self) -> list[list[Counts]]:
        """What is told of each step and sample."""
        return self.transfers() if self.several else self.counts().tolist()

    def transfers(self) -> list[list[Counts]]:
        """The cycles of each transfer [steps][B][words][transfers]; events of both lanes are of one place."""
        counts = self.counts()
        ends, most = counts.sum(axis=-1).cumsum(axis=-1).tolist(), counts.max(axis=-1).tolist()
        return [
            [
                [taken[end - wide : end] for end, wide in zip(*of_sample, strict=True)]
                for taken, *of_sample in zip((self.passes.repeat(own).tolist() for own in step), *of_step, strict=True)
            ]
            for step, *of_step in zip(self.times, ends, most, strict=True)
        ]


def _sent(design: Design, result: Result) -> list[_Sent]:
    """What the encoder and each layer have sent."""
    if result.encoded is None:
        raise ValueError("timing needs golden's traces: run it with traces=True")
    network, first = design.network, design.layers[0]
    pixels = network.inputs if network.encoder.takes_events else design.implementation.pixels_per_beat
    inputs = np.arange(network.inputs)
    starts = inputs[::pixels].tolist()
    times = network.encoder.times(result.encoded)
    sent = [_Sent(times, starts, inputs, first.event_passes, first.chosen.event_lanes)]
    for layer, after in zip(design.layers, [*design.layers[1:], None], strict=True):
        fires = result.traces[layer.name].value != 0
        if layer.neuron_major and not layer.splits:
            fires = fires.any(axis=0, keepdims=True)
        words = [[unit for unit in word if unit is not None] for word in layer.shape.order]
        units = [unit for word in words for unit in word]
        starts = [0, *np.cumsum([len(word) for word in words])[:-1].tolist()]
        addresses = np.array([layer.shape.address(unit) for unit in units])
        passes = np.ones(len(units), np.int64) if after is None else after.event_passes[units]
        sent.append(_Sent(fires[..., units], starts, addresses, passes, layer.out_lanes))
    return sent


class _Consumer(Protocol):
    def take(self, offered: int, events: list[int], marked: bool) -> int:
        """When a word that is offered with so many events in each lane, and perhaps a mark, is taken."""
        ...


class _Encoder(Protocol):
    """What the twin of every kind of encoder is; it is made from a Design and a consumer."""

    frames: bool
    """Whether samples are taken in whole, and read word by word at every step."""
    now: int
    """The cycle from which the next sample's first beat is offered."""
    started: int
    """The cycle of the last sample's first transfer."""

    def take(self, counts: list[Counts]) -> None:
        """The events in each word of a sample, step by step."""
        ...


class _Circuit:
    """All blocks; the first beat of the first sample is transferred in cycle 0."""

    def __init__(self, design: Design) -> None:
        encoder = design.network.encoder
        self.readout = _Readout(design)
        self.shown: list[_Shown] = []
        self.kept: dict[str, _Shown] = {}
        consumer: _Consumer = self.readout
        for layer in reversed(design.layers):
            if layer.splits:
                consumer = _StepQueues(layer.shape.words, layer.steps, consumer)
            elif layer.chosen.queued_words:
                consumer = _WordQueue(layer.chosen.queued_words, consumer, early=True)
            bank = _neurons(layer, consumer) if layer.has_neuron else None
            synapses = twin(layer.synapse, "timing")(layer, bank or consumer)
            self.shown.insert(0, bank or synapses)
            self.kept |= {f"{layer.name}.{name}": part for name, part in getattr(synapses, "kept", {}).items()}
            consumer = _Serializer(synapses)
        if design.implementation.queue and not encoder.takes_events:
            consumer = _WordQueue(design.beats, consumer)
        self.encoder: _Encoder = twin(encoder, "timing")(design, consumer)

    def run(self, sample: SampleCounts) -> int:
        """The cycle of a sample's result, its beats following those of the sample before."""
        for shown, counts in zip(self.shown, sample.layers, strict=True):
            shown.counts = counts
        for stage, part in self.kept.items():
            part.counts = sample.kept[stage]
        self.encoder.take(sample.encoder)
        return self.readout.result

    def run_when_idle(self, sample: SampleCounts) -> int:
        """The latency of a sample that is sent when the circuit is idle."""
        self.encoder.now = max(self.encoder.now, self.readout.free)
        return self.run(sample) - self.encoder.started


class _Readout:
    """Takes a word a cycle; ``readout_latency`` cycles after the last word the result leaves, then it is free again."""

    def __init__(self, design: Design) -> None:
        network, last = design.network, design.layers[-1]
        self.latency = readout_latency(last.shape, network.classes)
        self.words = last.shape.words * network.num_steps // last.steps
        self.word = 0
        self.free = self.result = 0

    def take(self, offered: int, events: list[int], marked: bool) -> int:
        taken = max(offered, self.free)
        self.free = taken + 1
        self.word = (self.word + 1) % self.words
        if self.word == 0:
            self.result = taken + self.latency
            self.free = self.result + 1
        return taken


class _Shown(Protocol):
    """What a layer's tap shows: its neurons, or else its synapses."""

    counts: list[Counts]
    """Of the sample that is coming, the events in each word of each step."""


class _Neurons(_Shown, Protocol):
    def take(self, offered: int) -> int:
        """When a word of currents that is offered then is taken."""
        ...


def _neurons(layer: DesignLayer, consumer: _Consumer) -> _Neurons:
    """What updates the neurons of a layer."""
    shape, num_steps = layer.shape, layer.network.num_steps
    if not layer.neuron_major:
        bank = _RegisteredBank if state_registered(layer) else _NeuronBank
        return bank(shape, num_steps, layer.constant, consumer)
    if layer.chosen.step_lanes == num_steps:
        return _NeuronPipeline(shape, 2 * num_steps, consumer)
    return (_NeuronRing if layer.constant else _NeuronSteps)(shape, num_steps, consumer)


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
        self._move(offered)
        events = self.counts[self.step][self.word]
        marked = self.word == self.words - 1
        self.sent = self.consumer.take(self.moved + 1, events, marked)
        self.word = 0 if marked else self.word + 1
        if marked:
            self.step = (self.step + 1) % self.num_steps
        return self.issued

    def _move(self, offered: int) -> None:
        """When a word that is offered then is issued, and moves on from what its memory shows."""
        self.issued = max(offered, self.issued + 1, self.moved)
        self.moved = max(self.issued + 1, self.sent)


class _RegisteredBank(_NeuronBank):
    """The same with a register behind the memory of the state: a word takes a cycle more, and can wait there too."""

    shown = -1
    """When the last word moved into the register."""

    def _move(self, offered: int) -> None:
        """When a word that is offered then is issued, and moves on from the register."""
        self.issued = max(offered, self.issued + 1, self.shown)
        self.shown = max(self.issued + 1, self.moved)
        self.moved = max(self.shown + 1, self.sent)


class _NeuronPipeline:
    """Takes a word a cycle and offers it ``depth`` cycles later; holds from the cycle after one that had to wait."""

    def __init__(self, shape: LayerShape, depth: int, consumer: _Consumer) -> None:
        self.words = shape.words
        self.depth = depth
        self.consumer = consumer
        self.counts: list[Counts] = []
        self.word = 0
        self.last = self.sent = -1
        self.waits: deque[tuple[int, int]] = deque()

    def take(self, offered: int) -> int:
        taken = max(offered, self.last + 1)
        while self.waits and self.waits[0][1] <= taken:
            self.waits.popleft()
        if self.waits and self.waits[0][0] <= taken:
            taken = self.waits.popleft()[1]
        self.last = taken
        out = taken + self.depth
        for begin, end in self.waits:
            out += end - begin if begin < out else 0
        out = max(out, self.sent + 1)
        marked = self.word == self.words - 1
        self.sent = self.consumer.take(out, self.counts[0][self.word], marked)
        if self.sent > out:
            self.waits.append((out + 1, self.sent + 1))
        self.word = 0 if marked else self.word + 1
        return taken


class _NeuronRing:
    """Works on a word for ``num_steps`` cycles from the next on; the last waits for the word before to leave."""

    def __init__(self, shape: LayerShape, num_steps: int, consumer: _Consumer) -> None:
        self.words = shape.words
        self.num_steps = num_steps
        self.consumer = consumer
        self.counts: list[Counts] = []
        self.word = 0
        self.done = self.sent = -1

    def take(self, offered: int) -> int:
        taken = max(offered, self.done)
        self.done = max(taken + self.num_steps, self.sent)
        marked = self.word == self.words - 1
        self.sent = self.consumer.take(self.done + 1, self.counts[0][self.word], marked)
        self.word = 0 if marked else self.word + 1
        return taken


class _NeuronSteps:
    """Takes a current a step, one a cycle, and offers a word after its last, which waits for the word before to go."""

    def __init__(self, shape: LayerShape, num_steps: int, consumer: _Consumer) -> None:
        self.words = shape.words
        self.num_steps = num_steps
        self.consumer = consumer
        self.counts: list[Counts] = []
        self.word = self.step = 0
        self.sent = self.taken = -1

    def take(self, offered: int) -> int:
        self.taken = max(offered, self.taken + 1)
        self.step = (self.step + 1) % self.num_steps
        if self.step == 0:
            self.taken = max(self.taken, self.sent)
            marked = self.word == self.words - 1
            self.sent = self.consumer.take(self.taken + 1, self.counts[0][self.word], marked)
            self.word = 0 if marked else self.word + 1
        return self.taken


class _Synapses(Protocol):
    """What the twin of every kind of synapses is.

    It is made from a DesignLayer and, where it gives currents, the neurons that take them. Where it gives events it is
    made from their consumer instead, and has ``counts`` as `_Shown`.
    """

    step_cycles: int
    """Cycles that the end of a step takes of memories that events wait for, all groups together."""

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events, see `Counts`, one after the other once the first has been taken; when the last of them was."""
        ...

    def take_mark(self, offered: int) -> int:
        """When the end of a step that is offered then is taken, with all that follows from it."""
        ...


def dense(layer: DesignLayer, bank: _Neurons) -> _Crossbar | _Replay:
    """The crossbar of a layer."""
    shape, latency = layer.shape, crossbar_latency(layer)
    return (_Crossbar if shape.groups == 1 else _Replay)(
        [size * layer.slots for size in shape.group_sizes], latency, bank
    )


class _Crossbar:
    """Takes a transfer a cycle; the words of a mark come ``latency`` cycles later, the next mark after they left."""

    step_cycles = 0

    def __init__(self, sizes: list[int], latency: int, bank: _Neurons) -> None:
        self.sizes = sizes
        self.latency = latency
        self.bank = bank
        self.free = self.drained = 0

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events in each lane, one a cycle once the first has been taken; when the last of them was."""
        self.free = max(offered, self.free) + max(events)
        return self.free - 1

    def take_mark(self, offered: int) -> int:
        """A mark, and all that follows from it."""
        taken = max(offered, self.free, self.drained)
        self.free = taken + 1
        self._drain(taken, self.sizes[0])
        return taken

    def _drain(self, let_in: int, size: int) -> None:
        """The words of a group whose mark was let in then."""
        sent = let_in + self.latency - 1
        for _ in range(size):
            sent = self.bank.take(sent + 1)
        self.drained = sent + 1


class _Replay(_Crossbar):
    """Lists what comes, an item a cycle, and lets the list in once for each group, for the first as it grows."""

    def __init__(self, sizes: list[int], latency: int, bank: _Neurons) -> None:
        super().__init__(sizes, latency, bank)
        self.listed: list[list[int]] = []

    def take_events(self, offered: int, events: list[int]) -> int:
        start = max(offered, self.free)
        self.listed = self.listed or [[] for _ in events]
        for cycles, count in zip(self.listed, events, strict=True):
            cycles.extend(range(start, start + count))
        self.free = start + max(events)
        return self.free - 1

    def take_mark(self, offered: int) -> int:
        taken = max(offered, self.free)
        items = max(map(len, self.listed), default=0)
        let_in = self._first_pass(taken, items)
        for size in self.sizes:
            let_in = max(let_in + 1, self.drained)
            self._drain(let_in, size)
            let_in += items
        self.free = let_in - items + 1
        self.listed = []
        return taken

    def _first_pass(self, closed: int, items: int) -> int:
        """The last cycle before the first group's mark may be let in; a list that has ended waits for none."""
        issued = -1
        for item in range(items):
            listed = [cycles[item] if item < len(cycles) else closed for cycles in self.listed]
            issued = max(issued, *listed) + 1
        return max(issued, closed)


class _Serializer:
    """Sends a word's events and mark in the cycle that offers them, one a cycle; an empty word takes a cycle too."""

    def __init__(self, synapses: _Synapses) -> None:
        self.synapses = synapses

    def take(self, offered: int, events: list[int], marked: bool) -> int:
        last = offered - 1
        if any(events):
            last = self.synapses.take_events(offered, events)
        if marked:
            return self.synapses.take_mark(last + 1)
        return max(last, offered)


class _WordQueue:
    """Words wait here for the serializer; from an empty queue a word leaves 3 cycles after it came."""

    def __init__(self, words: int, serializer: _Consumer, early: bool = False) -> None:
        self.serializer = serializer
        self.early = early
        self.read: deque[int] = deque(maxlen=queue_depth(words))
        self.moved = self.left = -1

    def take(self, offered: int, events: list[int], marked: bool) -> int:
        """A word; when it entered the queue. Without event or mark it is dropped, ``early`` once there is room."""
        wanted, entered = any(events) or marked, offered
        if (wanted or self.early) and len(self.read) == self.read.maxlen:
            entered = max(offered, self.read[0] + 1)
        if not wanted:
            return entered
        self.read.append(max(entered + 1, self.moved))
        self.moved = max(self.read[-1] + 1, self.left)
        self.left = self.serializer.take(self.moved + 1, events, marked)
        return entered


class _StepQueues:
    """Words of all steps at once; those of a step wait until the step before has ended."""

    def __init__(self, words: int, steps: int, serializer: _Consumer) -> None:
        self.queues = [_StepQueue(words, serializer) for _ in range(steps)]
        self.turned = 0

    def take(self, offered: int, events: Any, marked: bool) -> int:
        """A word with the events of each step and lane; when all queues have taken it."""
        entered = max([offered, *(queue.room for queue in self.queues)])
        for queue, own in zip(self.queues, events, strict=True):
            if any(own) or marked:
                queue.words.append((entered, own, marked))
        self.queues[0].send(self.turned)
        if marked:
            for before, queue in pairwise(self.queues):
                queue.send(before.left + 1)
            self.turned = self.queues[-1].left + 1
        return entered


class _StepQueue:
    """The words of a step, sent on when it is its turn."""

    def __init__(self, words: int, serializer: _Consumer) -> None:
        self.serializer = serializer
        self.depth = queue_depth(words)
        self.read: deque[int] = deque(maxlen=self.depth)
        self.words: deque[tuple[int, list[int], bool]] = deque()
        self.moved = self.left = -1

    @property
    def room(self) -> int:
        """The cycle from which a word finds room."""
        last = len(self.read) + len(self.words) - self.depth
        return self.read[last] + 1 if last >= 0 else 0

    def send(self, turned: int) -> None:
        """Send all words that wait; it is the turn of this step from a cycle on."""
        while self.words:
            entered, events, marked = self.words.popleft()
            self.read.append(max(entered + 1, self.moved))
            self.moved = max(self.read[-1] + 1, self.left)
            self.left = self.serializer.take(max(self.moved + 1, turned), events, marked)


class DirectEncoder:
    """A beat a cycle goes straight on."""

    frames = False

    def __init__(self, design: Design, consumer: _Consumer) -> None:
        self.consumer = consumer
        self.now = self.started = 0

    def take(self, counts: list[Counts]) -> None:
        for beat, events in enumerate(counts[0]):
            taken = self.consumer.take(self.now, events, beat == len(counts[0]) - 1)
            self.now = taken + 1
            if beat == 0:
                self.started = taken


class FrameEncoder:
    """A sample is taken in whole while a bank is free, then read a word a cycle, all of it at every step."""

    frames = True

    def __init__(self, design: Design, consumer: _Consumer) -> None:
        self.beats = design.beats
        self.consumer = consumer
        self.freed = [-1] * (2 if design.implementation.overlap else 1)
        self.now = self.started = 0
        self.read = self.entered = -1

    def take(self, counts: list[Counts]) -> None:
        self.started = max(self.now, self.freed.pop(0) + 1)
        self.now = self.started + self.beats
        start = self.now
        for step in counts:
            for word, events in enumerate(step):
                self.read = max(start, self.read + 1, self.entered)
                self.entered = self.consumer.take(self.read + 1, events, word == len(step) - 1)
        self.freed.append(self.read)


class EventsEncoder:
    """Events go straight to the first layer."""

    frames = False

    def __init__(self, design: Design, consumer: _Consumer) -> None:
        self.consumer = consumer
        self.now = self.started = 0

    def take(self, counts: list[Counts]) -> None:
        self.started = self.now
        for (events,) in counts:
            self.now = self.consumer.take(self.now, events, True) + 1


class BinsEncoder(EventsEncoder):
    """Events are offered to the first layer in the cycle after they came, which may be that in which others leave."""

    def take(self, counts: list[Counts]) -> None:
        self.started = self.now
        for (events,) in counts:
            self.now = self.consumer.take(self.now + 1, events, True)


@dataclass(frozen=True)
class Floor:
    """Cycles that B samples need at least for what must be read from memory."""

    latency: NDArray[np.int64]
    """[B]"""
    interval: float
    """The mean, in a long stream of these samples: one memory's slack in a sample serves another's rush."""


def floor(design: Design, result: Result) -> Floor:
    """What memory bandwidth alone asks for, from a golden result that holds traces.

    Words are read one a cycle from each memory: pixels, a beat each, and weights, ``synapse_lanes`` each, every group
    of an event being a word. Where sums or windows stand in memories too, those of a step are read one a cycle, while
    events wait; of a layer that visits windows, whose weights are wired in, an event is a write, and a visit a read.
    ``interval`` is that of the memory that is busiest over all samples. ``latency`` is the longest chain of reads that
    wait for each other: those of a layer's step wait for the layer's step before, and for the events of the stage
    before, of which the last beat's, the last group's or the last word's come after all that this stage reads in the
    step. Two event lanes read from a memory each; neuron by neuron, all steps of an event are one read.
    """
    network = design.network
    steps = network.num_steps // design.steps
    batch, beats = len(result.classes), design.beats
    frames = twin(network.encoder, "timing").frames
    passes = range(2, steps + 2) if frames else [0 if network.encoder.takes_events else 1] * steps
    ready = [np.full(batch, count * beats, np.int64) for count in passes]
    meanwhile = beats if design.implementation.overlap and frames else 0
    busy, last_words = [ready[-1] - meanwhile], 1
    words = [sent.counts(cycles=True) for sent in _sent(design, result)]
    for layer, sent in zip(design.layers, words[:-1], strict=True):
        synapses: _Synapses = twin(layer.synapse, "timing")(layer, None)
        again = layer.shape.groups - 1
        finished, reads = np.zeros(batch, np.int64), np.zeros(batch, np.int64)
        for t in range(steps):
            in_step = sent[t] if t < len(sent) else np.zeros_like(sent[0])
            events, late = (part.sum(axis=1).max(axis=-1) for part in (in_step, in_step[:, -last_words:]))
            at_end = 0 if layer.constant and t else synapses.step_cycles
            finished = np.maximum(finished + events * (1 + again) + at_end, ready[t] + late + events * again + at_end)
            reads += events * (1 + again) + at_end
            ready[t] = finished
        busy.append(reads)
        last_words = 1 if synapses.step_cycles else layer.shape.group_sizes[-1]
    return Floor(latency=ready[-1], interval=max(float(reads.mean()) for reads in busy))
