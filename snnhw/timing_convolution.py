"""How long convolutions and pools take. Twins of ``gateware/convolution.py`` and ``gateware/pooling.py``."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from gateware.convolution import Plan, reading_latency
from gateware.windows import TAKEN, WindowPlan
from snnhw.design import DesignLayer
from snnhw.timing import Counts, _Consumer, _Neurons

Span = tuple[int, int]
"""Cycles from the first to before the second."""

Words = Generator[int, int, int]
"""What follows from a mark: gives when each word is offered, is told when it was taken; in the end, when the mark was.
"""


class _Pauses:
    """Cycles in which something stands still; asked of cycles that never lie before those asked of earlier."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def add(self, start: int, end: int) -> None:
        """From a cycle to before another; spans are added in order."""
        if end > start:
            self.spans.append((start, end))

    def moving(self, start: int, count: int = 1) -> int:
        """The last of so many moving cycles, the first of them ``start`` or later."""
        while self.spans and self.spans[0][1] <= start:
            self.spans.pop(0)
        at, left = start, count
        for begin, end in self.spans:
            if begin - at >= left:
                break
            left -= max(0, begin - at)
            at = max(at, end)
        return at + left - 1


class _Drained:
    """Takes events into a pipeline that stands still while, at a mark, words are read one a cycle.

    A word goes out after ``window`` reads.
    """

    window = 1

    def __init__(self, latency: int, reads: int, drained: int) -> None:
        self.latency = latency
        self.reads = self.step_cycles = reads
        self.drained = drained
        self.holds = _Pauses()
        self.waits = _Pauses()
        self.free = 0

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events in each lane, one a cycle once the first has been taken; when the last of them was."""
        return self._enter(offered, max(events))

    def take_mark(self, offered: int) -> int:
        """A mark, and all that follows from it."""
        words = self.marked(offered)
        try:
            at = next(words)
            while True:
                at = words.send(self._take(at))
        except StopIteration as ended:
            taken: int = ended.value
            return taken

    def taken(self, offered: int) -> int:
        """When an event or mark that is offered then would be taken; asked of cycles one after the other."""
        return self.holds.moving(max(offered, self.free))

    def marked(self, offered: int) -> Words:
        """A mark, and all that follows from it but for taking its words."""
        return self._enter_mark(offered)

    def _enter(self, offered: int, cycles: int) -> int:
        """Events that take so many cycles; when the last has entered the pipeline."""
        self.free = self.holds.moving(max(offered, self.free), cycles) + 1
        return self.free - 1

    def _enter_mark(self, offered: int) -> Words:
        """The same of a mark, with all that follows from it."""
        entered = self.holds.moving(max(offered, self.free))
        self.free = entered + 1
        arrives = at = self.holds.moving(entered + 1, self.latency)
        for number in range(1, self.reads + 1):
            read = self.waits.moving(at)
            at = read + 1
            if number % self.window == 0:
                sent = self._offered(read)
                self.waits.add(sent, (yield sent))
        self.holds.add(arrives, read)
        return entered

    def _take(self, offered: int) -> int:
        """When a word that is offered then is taken."""
        raise NotImplementedError

    def _offered(self, at: int) -> int:
        """The cycle in which what was read then is offered."""
        for _ in range(self.drained - 1):
            at = self.waits.moving(at + 1)
        return at + 1


class Convolution(_Drained):
    """Reads sums one a cycle; a word goes out where its window is complete. A transfer can wait in front of it."""

    def __init__(self, layer: DesignLayer, bank: _Neurons, group: int = 0) -> None:
        plan, shape = Plan(layer), layer.shape
        reads = shape.positions * shape.position_words(group) * plan.window
        super().__init__(reading_latency(layer), reads, 2)
        self.window = plan.window
        self.bank = bank
        self.several = layer.event_passes.max() > 1

    def taken(self, offered: int) -> int:
        """When an event or mark that is offered then would be taken: one waits inside."""
        return max(offered, self.free)

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events, see `Counts`, one after the other once the first has been taken; when the last of them was."""
        *before, last = self.transfers(events)
        if before:
            offered = self._enter(offered, sum(before)) + 1
        taken = max(offered, self.free)
        self._enter(taken, last)
        return taken

    def transfers(self, events: list[int]) -> list[int]:
        """The cycles of each transfer."""
        return events if self.several else [1] * max(events)

    def marked(self, offered: int) -> Words:
        """A mark, and all that follows from it but for taking its words."""
        taken = self.taken(offered)
        yield from self._enter_mark(taken)
        return taken

    def _take(self, offered: int) -> int:
        return self.bank.take(offered)


class GroupedConvolution(Convolution):
    """Lists what comes, and takes the list in once for each group, for the first as it grows."""

    def __init__(self, layer: DesignLayer, bank: _Neurons) -> None:
        super().__init__(layer, bank)
        groups = range(layer.shape.groups)
        self.group_reads = [Convolution(layer, bank, group).reads for group in groups]
        self.step_cycles = sum(self.group_reads)
        self.listed: list[tuple[int, int]] = []
        """When a transfer was listed, and the cycles that it takes for each group."""
        self.closed = 0
        self.left = 0

    def taken(self, offered: int) -> int:
        """When an event or mark that is offered then would be listed."""
        return max(offered, self.closed)

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events, see `Counts`, listed one a cycle; when the last of them was."""
        start, transfers = self.taken(offered), self.transfers(events)
        self.listed += enumerate(transfers, start)
        return start + len(transfers) - 1

    def marked(self, offered: int) -> Words:
        """A mark, and all that follows from it but for taking its words."""
        taken = self.taken(offered)
        for reads in self.group_reads:
            for listed, cycles in self.listed:
                self.left = self._enter(self._issued(listed) + 1, cycles)
            self.reads = reads
            issued = self._issued(taken)
            self.left = yield from self._enter_mark(issued + 1)
        self.listed, self.closed = [], issued + 1
        return taken

    def _issued(self, listed: int) -> int:
        """When an item that was listed then is given on: when the one before has left."""
        return max(listed + 1, self.left)


class Windows:
    """Takes a step's events in, one a cycle, and then visits all windows; everything waits where a word has to.

    What moves does so in lockstep, so cycles are counted without those in which a word waits, and these added: a wait
    is that of the move in which the word went.
    """

    def __init__(self, layer: DesignLayer, bank: _Neurons) -> None:
        self.plan = plan = WindowPlan(layer)
        self.latency, self.phases = plan.latency, plan.phases
        self.step_cycles = plan.visits + plan.rows * plan.columns * (plan.phases - 1)
        self.bank = bank
        self.waits: deque[tuple[int, int]] = deque()
        """Of words that went after the last visit: the move, and how many cycles they waited before it."""
        self.waited = 0
        """All cycles that earlier words waited."""
        self.ready = 0
        """The move of the next visit, at the earliest."""
        self.free = 0

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events in each lane, one a cycle once the first has been taken; when the last of them was."""
        self.free = max(offered, self.free) + max(events)
        return self.free - 1

    def take_mark(self, offered: int) -> int:
        """A mark, and all that follows from it."""
        taken = max(offered, self.free)
        move = max(self.ready, self._move(taken + TAKEN))
        for visit in range(self.plan.visits):
            while self.waits and self.waits[0][0] <= move:
                self.waited += self.waits.popleft()[1]
            self.free = move + self.waited + 1
            if visit % self.plan.row_visits < self.plan.blocks - 1:
                move += 1
                continue
            sent = move + self.latency
            reached = sent + self.waited + sum(wait for _, wait in self.waits)
            if (wait := self.bank.take(reached) - reached) > 0:
                self.waits.append((sent, wait))
            move += self.phases
        self.ready = move
        return taken

    def _move(self, cycle: int) -> int:
        """The first move that is made in this cycle or later."""
        move = cycle - self.waited
        while self.waits and self.waits[0][0] <= move:
            sent, wait = self.waits.popleft()
            self.waited += wait
            move = max(sent, move - wait)
        return move


def conv2d(layer: DesignLayer, bank: _Neurons) -> Convolution | Windows:
    """The convolution of a layer."""
    if layer.chosen.visits == "windows":
        return Windows(layer, bank)
    return (Convolution if layer.shape.groups == 1 else GroupedConvolution)(layer, bank)


class Pool(_Drained):
    """Reads windows one word a cycle, and offers each in the next."""

    def __init__(self, layer: DesignLayer, consumer: _Consumer) -> None:
        super().__init__(1, layer.shape.words, 1)
        self.consumer = consumer
        self.num_steps = layer.network.num_steps
        self.counts: list[Counts] = []
        self.step = self.word = 0

    def _take(self, offered: int) -> int:
        events, marked = self.counts[self.step][self.word], self.word == self.reads - 1
        self.word = 0 if marked else self.word + 1
        if marked:
            self.step = (self.step + 1) % self.num_steps
        return self.consumer.take(offered, events, marked)
