"""The events of a step once for each group of channels, for synapses that may have to wait.

Without a twin: golden computes all channels at once.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, event_layout
from snnhw.implementation import address_width
from snnhw.network import Range


def turn_layout(addresses: int, values: Range, groups: int, lanes: int) -> data.StructLayout:
    """Events or a mark, and the ``group`` whose turn it is."""
    members = dict(event_layout(addresses, values, lanes).members)
    return data.StructLayout({**members, "group": address_width(groups)})


class Turns(wiring.Component):
    """Lists the events of a step, and gives the list and a mark once for each of ``groups``, the first as it grows.

    Takes a transfer of events a cycle, and offers it 2 cycles later; then one a cycle. From a step's mark until the
    last group's has been given on the input waits. An ABORT is given once, and ends whatever there is. Each address
    comes at most once a step; with two event ``lanes`` those of a word come side by side, as a serializer sends them.
    """

    def __init__(self, addresses: int, values: Range, groups: int, lanes: int):
        self.depth = -(-addresses // lanes)
        self.groups = groups
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(addresses, values, lanes))),
                "items": Out(stream.Signature(turn_layout(addresses, values, groups, lanes))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        event, item = self.events.payload, self.items.payload
        count, position = Signal(range(self.depth + 1)), Signal(range(self.depth + 1))
        closed, closing, group = Signal(), Signal(Mark), Signal(range(self.groups))
        taken, free, more, issues, ends = Signal(), Signal(), Signal(), Signal(), Signal()
        last, given = Signal(), Signal(Mark)
        entry = data.StructLayout({"address": event.address.shape(), "value": event.value.shape()})
        m.submodules.listed = store = memory.Memory(
            shape=entry, depth=self.depth, init=[], attrs={"ram_style": "block"}
        )
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            self.events.ready.eq(~closed),
            taken.eq(self.events.valid & ~closed),
            free.eq(~self.items.valid | self.items.ready),
            more.eq((position != count) & ~(closed & (closing == Mark.ABORT))),
            issues.eq(more & free),
            ends.eq(closed & ~more & free),
            last.eq((group == self.groups - 1) | (closing == Mark.ABORT)),
            write.addr.eq(count),
            write.data.address.eq(event.address),
            write.data.value.eq(event.value),
            write.en.eq(taken & (event.mark == Mark.EVENT)),
            read.addr.eq(position),
            read.en.eq(issues),
            item.address.eq(read.data.address),
            item.value.eq(read.data.value),
            item.mark.eq(given),
        ]
        with m.If(write.en):
            m.d.sync += count.eq(count + 1)
        with m.If(taken & (event.mark != Mark.EVENT)):
            m.d.sync += [closed.eq(1), closing.eq(event.mark)]
        with m.If(free):
            m.d.sync += [
                self.items.valid.eq(issues | ends),
                given.eq(Mux(issues, Mark.EVENT, closing)),
                item.group.eq(group),
            ]
        with m.If(issues):
            m.d.sync += position.eq(position + 1)
        with m.If(ends):
            m.d.sync += [position.eq(0), group.eq(Mux(last, 0, group + 1))]
            with m.If(last):
                m.d.sync += [closed.eq(0), count.eq(0)]
        return m
