"""From words of several lanes to events. Twin of ``golden/serializer.py``."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, each, event_layout, word_layout
from snnhw.network import Range


class Serializer(wiring.Component):
    """Sends the events of each word, lowest lane first, then the word's mark.

    Accepts a word when its last event or mark leaves. A word with c events takes max(1, c + 1 if marked else c)
    cycles; latency 0: the first event leaves in the cycle in which the word is offered. Events carry no value 0; what
    address and value a mark carries means nothing.
    Back-pressure holds the word. With two event lanes the events of even and of odd addresses leave side by side, and
    c is the greater number of both.

    Parameters: number of ``addresses``, ``lanes`` of a word, range of ``values``, ``event_lanes``, ``steps`` of a
    value; ``stride``, of which the base of every word is a multiple, and which is one of ``event_lanes``.
    """

    def __init__(
        self, addresses: int, lanes: int, values: Range, event_lanes: int = 1, steps: int = 1, stride: int = 1
    ):
        if stride % event_lanes:
            raise ValueError(f"stride must be a multiple of the {event_lanes} event lanes, not {stride}")
        self.lanes = lanes
        self.event_lanes = event_lanes
        self.aligned = stride % lanes == 0 and lanes & (lanes - 1) == 0
        super().__init__(
            {
                "words": In(stream.Signature(word_layout(addresses, lanes, values, steps))),
                "events": Out(stream.Signature(event_layout(addresses, values, event_lanes, steps))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word, event = self.words.payload, self.events.payload
        addresses, values = each(event.address, self.event_lanes), each(event.value, self.event_lanes)
        pending, lowest, sent = Signal(self.lanes), Signal(self.lanes), Signal(self.lanes)
        m.d.comb += pending.eq(word.filled & ~sent)
        for start in range(self.event_lanes):
            lanes = range(start, self.lanes, self.event_lanes)
            own = Cat(pending[lane] for lane in lanes)
            # Of so few bits own & -own would be a carry chain, which takes longer.
            m.d.comb += [lowest[lane].eq(own[k] & ~own[:k].any()) for k, lane in enumerate(lanes)]
            # The last needs no choice; beside another event lane, though, its value may have been sent already.
            m.d.comb += addresses[start].eq(self._address(lanes[-1]))
            if self.event_lanes == 1 or self.lanes <= self.event_lanes:
                m.d.comb += values[start].eq(word.value[lanes[-1]])
            for lane in lanes:
                with m.If(lowest[lane]):
                    m.d.comb += [addresses[start].eq(self._address(lane)), values[start].eq(word.value[lane])]
        done, marked = Signal(), word.mark != Mark.EVENT
        m.d.comb += [
            event.mark.eq(Mux(pending.any(), Mark.EVENT, word.mark)),
            self.events.valid.eq(self.words.valid & (pending.any() | marked)),
        ]
        with m.If(marked):
            m.d.comb += done.eq(~pending.any() & self.events.ready)
        with m.Else():
            m.d.comb += done.eq(~(pending & ~lowest).any() & (self.events.ready | ~pending.any()))
        m.d.comb += self.words.ready.eq(done)
        with m.If(self.words.valid & done):
            m.d.sync += sent.eq(0)
        with m.Elif(self.events.valid & self.events.ready):
            m.d.sync += sent.eq(sent | lowest)
        return m

    def _address(self, lane):
        """The address of a lane's event, without what its event lane says."""
        below = self.event_lanes.bit_length() - 1
        base = self.words.payload.base
        if not self.aligned:
            return (base + lane) >> below
        width = self.lanes.bit_length() - 1
        return Cat(Const(lane >> below, max(0, width - below)), base[width:])
