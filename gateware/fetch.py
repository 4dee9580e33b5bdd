"""Which weights are read next: those of the events as they come, or of a list of them, once for each group.

Without a twin: golden multiplies a whole matrix.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, each, event_layout, shape_of
from snnhw.implementation import address_width
from snnhw.network import Range


def fetch_signature(inputs: int, groups: int, values: Range, lanes: int, steps: int) -> wiring.Signature:
    """What both ways of fetching have in common.

    ``mark``, ``value`` (per event lane and step; 0 where there is no event) and ``row`` (per event lane) describe this
    cycle's item; ``mark`` is EVENT also where there is none. ``reserve`` is 1 in the cycle that lets a mark of a
    group's end in, which ``busy`` keeps out.
    """
    layout = event_layout(inputs, values, lanes, steps)
    rows = address_width(-(-inputs // lanes)) + (address_width(groups) if groups > 1 else 0)
    return wiring.Signature(
        {
            "events": In(stream.Signature(layout)),
            "busy": In(1),
            "reserve": Out(1),
            "mark": Out(Mark),
            "value": Out(data.ArrayLayout(data.ArrayLayout(shape_of(values), steps), lanes)),
            "row": Out(data.ArrayLayout(rows, lanes)),
        }
    )


class Direct(wiring.Component):
    """Events are used as they come, one transfer a cycle; combinational."""

    latency = 0

    def __init__(self, inputs: int, values: Range, lanes: int, steps: int):
        self.lanes = lanes
        super().__init__(fetch_signature(inputs, 1, values, lanes, steps))

    def elaborate(self, platform):
        m = Module()
        event = self.events.payload
        taken, ends = Signal(), Signal()
        m.d.comb += [
            ends.eq((event.mark == Mark.STEP) | (event.mark == Mark.SAMPLE)),
            self.events.ready.eq(~(ends & self.busy)),
            taken.eq(self.events.valid & self.events.ready),
            self.reserve.eq(taken & ends),
            self.mark.eq(Mux(taken, event.mark, Mark.EVENT)),
            self.value.eq(Mux(taken & (event.mark == Mark.EVENT), Cat(event.value), 0)),
            Cat(self.row).eq(event.address),
        ]
        return m


class Replay(wiring.Component):
    """The events of a step are listed, and the list is gone through once for each group, for the first as it grows.

    The input waits from a step's mark until the last group's has been let in. An item is issued from the cycle after
    its events were listed; with two event lanes each has a list, an item is the next of both, and where a list may
    still grow the other waits for it. A group's mark follows its last item. Items come out ``latency`` cycles later.
    """

    latency = 2

    def __init__(self, inputs: int, groups: int, values: Range, lanes: int, steps: int):
        self.groups = groups
        self.lanes = lanes
        self.steps = steps
        self.depth = -(-inputs // lanes)
        self._entry = data.StructLayout(
            {"address": address_width(self.depth), "value": data.ArrayLayout(shape_of(values), steps)}
        )
        super().__init__(fetch_signature(inputs, groups, values, lanes, steps))

    def elaborate(self, platform):
        m = Module()
        mark = self.events.payload.mark
        closed, group = Signal(), Signal(range(self.groups))
        issue, aborts, more, waits = Signal(), Signal(), Signal(), Signal()
        taken, last = self.events.valid & ~closed, group == self.groups - 1
        m.d.comb += [
            self.events.ready.eq(~closed),
            aborts.eq(taken & (mark == Mark.ABORT)),
            issue.eq(more & ~waits & ~aborts),
            self.reserve.eq(closed & ~more & ~self.busy),
        ]
        with m.If(taken & ~aborts & (mark != Mark.EVENT)):
            m.d.sync += closed.eq(1)
        with m.If(self.reserve):
            m.d.sync += [group.eq(Mux(last, 0, group + 1)), closed.eq(~last)]
        lists = self._lists(m, taken & (mark == Mark.EVENT), issue, aborts | (self.reserve & last))
        m.d.comb += [
            more.eq(Cat(has for has, _ in lists).any()),
            waits.eq(~closed & ~Cat(has for has, _ in lists).all()),
        ]
        issued_mark, issued_group = Signal(Mark), Signal.like(group)
        m.d.sync += [
            issued_mark.eq(Mux(aborts, Mark.ABORT, Mux(self.reserve, Mark.STEP, Mark.EVENT))),
            issued_group.eq(group),
            self.mark.eq(issued_mark),
        ]
        for lane, (has, entry) in enumerate(lists):
            used = Signal(name=f"used_{lane}")
            m.d.sync += [
                used.eq(issue & has),
                self.row[lane].eq(Cat(entry.address, issued_group)),
                self.value[lane].eq(Mux(used, entry.value.as_value(), 0)),
            ]
        return m

    def _lists(self, m, write, issue, restart):
        """A list for each event lane; whether it has an item at the common position, and the item a cycle later."""
        event, lists = self.events.payload, []
        position = Signal(range(self.depth + 1))
        with m.If(restart | self.reserve):
            m.d.sync += position.eq(0)
        with m.Elif(issue):
            m.d.sync += position.eq(position + 1)
        addresses, values = each(event.address, self.lanes), each(event.value, self.lanes)
        for lane in range(self.lanes):
            count, has = Signal(range(self.depth + 1), name=f"count_{lane}"), Signal(name=f"has_{lane}")
            ended = Signal(name=f"ended_{lane}")
            store = memory.Memory(shape=self._entry, depth=self.depth, init=[], attrs={"ram_style": "block"})
            m.submodules[f"list_{lane}"] = store
            into, out = store.write_port(), store.read_port()
            value = Cat(each(values[lane], self.steps))
            m.d.comb += [
                has.eq((position != count) & ~ended),
                into.addr.eq(count),
                into.data.eq(Cat(addresses[lane], value)),
                into.en.eq(write & value.any()),
                out.addr.eq(position),
            ]
            with m.If(restart | self.reserve):
                m.d.sync += ended.eq(0)
            with m.Elif(issue & ~has):
                m.d.sync += ended.eq(1)
            with m.If(restart):
                m.d.sync += count.eq(0)
            with m.Elif(into.en):
                m.d.sync += count.eq(count + 1)
            lists.append((has, out.data))
        return lists
