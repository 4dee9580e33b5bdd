"""Pools of events: at the end of a step each window sends one event. Twin of ``golden/pooling.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.places import Source
from gateware.stream import Mark, event_layout, lookup, shape_of
from snnhw.implementation import address_width
from snnhw.pooling import Pool2d

if TYPE_CHECKING:
    from snnhw.design import DesignLayer


class Pool(wiring.Component):
    """Keeps, for each window, what its events have come to in this step.

    Takes an event a cycle. At a mark ``steps`` shows all windows, a word of `LayerShape.order` in each transfer, from
    2 cycles after the mark was let in and one a cycle, and each starts anew; events wait meanwhile. After ABORT, and
    after a reset, windows start anew without being shown; while ``settles`` is 1 no sample may be let in.
    """

    def __init__(self, layer: DesignLayer):
        self.layer = layer
        self.shape = shape = layer.shape
        self.source = Source.of(layer)
        assert isinstance(layer.synapse, Pool2d)
        self.size = layer.synapse.size
        self.memories: list[wiring.Component] = []
        self.settles = Signal(init=1)
        value = data.ArrayLayout(shape_of(layer.out_values), shape.neuron_lanes)
        word = {"mark": Mark, "base": address_width(shape.addresses), "value": value}
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(len(layer.sources), layer.values))),
                "steps": Out(stream.Signature(data.StructLayout(word))),
            }
        )
        self.tap_strobe = Signal()
        self.taps = {"value": Signal(len(self.steps.payload.value.as_value()), name="tap_value")}

    def combined(self, old: Value, new: Value) -> Value:
        """What a window has come to after an event."""
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        shape, steps = self.shape, self.steps
        move, go, reads, last = Signal(), Signal(), Signal(), Signal()
        word = Signal(address_width(shape.words))
        inside, window, channel, value, mark = self._fetch(m, move)
        m.d.comb += [
            go.eq(~steps.valid | steps.ready),
            last.eq(word == shape.words - 1),
            reads.eq(self.settles | (mark != Mark.EVENT)),
            move.eq(~self.settles & (~reads | (go & last))),
        ]
        with m.If(reads & go):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
            with m.If(last):
                m.d.sync += self.settles.eq(0)
        shown = self._windows(m, reads, go, word, inside, window, channel, value)
        with m.If(go):
            m.d.sync += steps.valid.eq(reads & ~self.settles & (mark != Mark.ABORT))
            m.d.sync += [
                steps.payload.value.eq(shown),
                steps.payload.mark.eq(Mux(last, mark, Mark.EVENT)),
                steps.payload.base.eq(lookup(word, shape.starts, steps.payload.base.shape())),
            ]
        m.d.comb += self.tap_strobe.eq(steps.valid & steps.ready)
        m.d.comb += self.taps["value"].eq(steps.payload.value)
        return m

    def _fetch(self, m, move):
        """The event of the cycle before: whether it lies in a window, in which one and in which channel; or a mark."""
        source, event, bits = self.source, self.events.payload, self.source.channel_bits
        height, width = self.size
        rows, columns = self.layer.out_shape[1:]
        layout = data.StructLayout(
            {
                "inside": 1,
                "window": address_width(rows * columns),
                "channel": address_width(source.channels),
            }
        )
        init = []
        for place in source.places:
            channel, row, column = place or (0, -1, -1)
            inside = 0 <= row // height < rows and 0 <= column // width < columns
            window = row // height * columns + column // width if inside else 0
            init.append({"inside": int(inside), "window": window, "channel": channel})
        m.submodules.routes = table = memory.Memory(shape=layout, depth=len(init), init=init)
        port, taken = table.read_port(), Signal()
        m.d.comb += [port.addr.eq(event.address[bits:]), port.en.eq(move), self.events.ready.eq(move)]
        m.d.comb += taken.eq(self.events.valid & move)
        is_event, below, value, mark = Signal(), Signal(max(1, bits)), Signal.like(event.value), Signal(Mark)
        with m.If(move):
            m.d.sync += [
                is_event.eq(taken & (event.mark == Mark.EVENT)),
                below.eq(event.address[:bits]),
                value.eq(event.value),
                mark.eq(Mux(taken, event.mark, Mark.EVENT)),
            ]
        channel = below if bits else port.data.channel
        return is_event & port.data.inside, port.data.window, channel, value, mark

    def _windows(self, m, reads, go, word, inside, window, channel, value):
        """The memory of windows, a word for each of the shape's; the one that is read starts anew."""
        shape = self.shape
        layout = data.ArrayLayout(shape_of(self.layer.out_values), shape.neuron_lanes)
        m.submodules.windows = store = memory.Memory(shape=layout, depth=shape.words, init=[])
        old, new, place = store.read_port(domain="comb"), store.write_port(), Signal(address_width(shape.words))
        words, lanes = shape.position_words(0), shape.neuron_lanes
        channels = range(shape.channels)
        own = lookup(channel, [c // lanes for c in channels], unsigned(address_width(words)))
        lane = lookup(channel, [c % lanes for c in channels], unsigned(address_width(lanes)))
        m.d.comb += [
            place.eq(Mux(reads, word, window * words + own)),
            old.addr.eq(place),
            new.addr.eq(place),
            new.en.eq(Mux(reads, go, inside)),
        ]
        for index in range(lanes):
            kept = old.data[index]
            hit = lane == index
            m.d.comb += new.data[index].eq(Mux(reads, 0, Mux(hit, self.combined(kept, value), kept)))
        return old.data


class MaxPool(Pool):
    """The greatest value of each window."""

    def combined(self, old: Value, new: Value) -> Value:
        """The greater."""
        return old | new if len(old) == 1 else Mux(new > old, new, old)


class SumPool(Pool):
    """The sum of each window."""

    def combined(self, old: Value, new: Value) -> Value:
        """The sum, which the description's range of values holds."""
        return old + new
