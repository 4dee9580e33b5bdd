"""Words that hold all steps at once, one step after the other. Without a twin: golden has steps first."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.intake import WordQueue
from gateware.stream import Mark, each, filled, word_layout
from snnhw.implementation import address_width
from snnhw.network import Range


class StepQueues(wiring.Component):
    """Takes words of ``steps`` steps, and gives those of each step, the first step as they come.

    Each step has a queue with room for the ``count`` words of a sample; words without events are dropped. A word is
    taken where all queues take it, and can leave 3 cycles later; one a cycle in and out. SAMPLE, which the last word
    carries, ends every step: it goes out as STEP but for the last one.
    """

    def __init__(self, addresses: int, lanes: int, values: Range, steps: int, count: int):
        self.steps = steps
        self.queues = [WordQueue(addresses, lanes, values, count, early=True) for _ in range(steps)]
        super().__init__(
            {
                "words": In(stream.Signature(word_layout(addresses, lanes, values, steps))),
                "kept": Out(stream.Signature(word_layout(addresses, lanes, values))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word, turn = self.words.payload, Signal(address_width(self.steps))
        takes = Cat(queue.words.ready for queue in self.queues)
        m.d.comb += self.words.ready.eq(takes.all())
        for step, queue in enumerate(self.queues):
            m.submodules[f"queue_{step}"] = queue
            own, last = queue.words.payload, step == self.steps - 1
            values = [each(value, self.steps)[step] for value in word.value]
            m.d.comb += [
                queue.words.valid.eq(self.words.valid & takes.all()),
                own.mark.eq(Mux(word.mark == Mark.EVENT, Mark.EVENT, Mark.SAMPLE if last else Mark.STEP)),
                own.base.eq(word.base),
                Value.cast(own.value).eq(Cat(values)),
                own.filled.eq(filled(values)),
            ]
        with m.Switch(turn):
            for step, queue in enumerate(self.queues):
                with m.Case(step):
                    m.d.comb += [
                        self.kept.valid.eq(queue.kept.valid),
                        self.kept.payload.eq(queue.kept.payload),
                        queue.kept.ready.eq(self.kept.ready),
                    ]
        with m.If(self.kept.valid & self.kept.ready & (self.kept.payload.mark != Mark.EVENT)):
            m.d.sync += turn.eq(Mux(turn == self.steps - 1, 0, turn + 1))
        return m
