"""From words of several lanes to single events. Twin of ``golden/serializer.py``."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, event_layout, word_layout
from snnhw.network import Range


class Serializer(wiring.Component):
    """Sends the events of each word, lowest lane first, then the word's mark.

    Accepts a word when its last event or mark leaves. A word with c events takes max(1, c + 1 if marked else c)
    cycles; latency 0: the first event leaves in the cycle in which the word is offered. Events carry no value 0.
    Back-pressure holds the word.

    Parameters: number of ``addresses``, ``lanes`` of a word, range of ``values``.
    """

    def __init__(self, addresses: int, lanes: int, values: Range):
        self.lanes = lanes
        super().__init__(
            {
                "words": In(stream.Signature(word_layout(addresses, lanes, values))),
                "events": Out(stream.Signature(event_layout(addresses, values))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word, event = self.words.payload, self.events.payload
        sent = Signal(self.lanes)
        pending = Signal(self.lanes)
        lowest = Signal(self.lanes)
        m.d.comb += [
            pending.eq(Cat(word.value[lane].any() for lane in range(self.lanes)) & ~sent),
            lowest.eq(pending & -pending),
            self.events.valid.eq(self.words.valid & (pending.any() | (word.mark != Mark.EVENT))),
        ]
        with m.If(pending.any()):
            m.d.comb += event.mark.eq(Mark.EVENT)
            for lane in range(self.lanes):
                with m.If(lowest[lane]):
                    m.d.comb += [event.address.eq(word.base + lane), event.value.eq(word.value[lane])]
        with m.Else():
            m.d.comb += event.mark.eq(word.mark)
        done = Signal()
        with m.If(word.mark == Mark.EVENT):
            m.d.comb += done.eq(~(pending & ~lowest).any() & (self.events.ready | ~pending.any()))
        with m.Else():
            m.d.comb += done.eq(~pending.any() & self.events.ready)
        m.d.comb += self.words.ready.eq(done)
        with m.If(self.words.valid & done):
            m.d.sync += sent.eq(0)
        with m.Elif(self.events.valid & self.events.ready):
            m.d.sync += sent.eq(sent | lowest)
        return m
