"""Pools of events: at the end of a step each window sends one event. Twin of ``golden/pooling.py``."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.places import Source
from gateware.stream import Mark, choose, event_layout, lookup, shape_of
from snnhw.implementation import address_width
from snnhw.pooling import Pool2d, SMaxPool2d

if TYPE_CHECKING:
    from snnhw.design import DesignLayer


class _Taken(NamedTuple):
    """What was taken in the cycle before."""

    inside: Value
    """Whether it is an event that lies in a window."""
    window: Value
    """The window's place among those of its channel."""
    unit: Value
    """Which of the window's units sends it, row by row; of no bits where that does not matter."""
    channel: Value
    value: Value
    mark: Value


class Pool(wiring.Component):
    """Keeps, for each window, what its events have come to in this step.

    Takes an event a cycle. At a mark ``steps`` shows all windows, a word of `LayerShape.order` in each transfer, from
    2 cycles after the mark was let in and one a cycle, and each starts anew; events wait meanwhile. After ABORT, and
    after a reset, windows start anew without being shown; while ``settles`` is 1 no sample may be let in.

    ``layer`` has a `Pool2d`, registered or not.
    """

    by_unit: ClassVar[bool] = False
    """Whether it matters which unit of its window an event comes from."""

    def __init__(self, layer: DesignLayer):
        self.layer = layer
        self.shape = shape = layer.shape
        self.source = Source.of(layer)
        assert isinstance(layer.synapse, Pool2d)
        self.size = layer.synapse.size
        self.unit_bits = (math.prod(self.size) - 1).bit_length() if self.by_unit else 0
        self.memories: list[wiring.Component] = []
        self.settles = Signal(init=1)
        shown = {name: data.ArrayLayout(field, shape.neuron_lanes) for name, field in self.fields.items()}
        word = {"mark": Mark, "base": address_width(shape.addresses), **shown}
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(len(layer.sources), layer.values))),
                "steps": Out(stream.Signature(data.StructLayout(word))),
            }
        )
        self.tap_strobe = Signal()
        self.taps = {name: Signal(len(self.steps.payload[name].as_value()), name=f"tap_{name}") for name in shown}

    @property
    def fields(self) -> dict[str, Shape]:
        """What is shown of a window, by name."""
        return {"value": shape_of(self.layer.out_values)}

    def combined(self, old: Value, new: Value) -> Value:
        """What a window has come to after an event."""
        raise NotImplementedError

    def left(self, old: Value, ends: Value) -> Value:
        """What a window that was shown begins the next step with; ``ends`` says whether a sample ends there."""
        return Const(0)

    def elaborate(self, platform):
        m = Module()
        shape, steps = self.shape, self.steps
        move, go, reads, last = Signal(), Signal(), Signal(), Signal()
        word = Signal(address_width(shape.words))
        taken = self._fetch(m, move)
        mark = taken.mark
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
        shown = self._windows(m, reads, go, word, taken)
        with m.If(go):
            m.d.sync += steps.valid.eq(reads & ~self.settles & (mark != Mark.ABORT))
            m.d.sync += [
                *(steps.payload[name].eq(Cat(*values)) for name, values in shown.items()),
                steps.payload.mark.eq(Mux(last, mark, Mark.EVENT)),
                steps.payload.base.eq(lookup(word, shape.starts, steps.payload.base.shape())),
            ]
        m.d.comb += self.tap_strobe.eq(steps.valid & steps.ready)
        m.d.comb += [tap.eq(steps.payload[name]) for name, tap in self.taps.items()]
        return m

    def _fetch(self, m, move) -> _Taken:
        """The event or mark of the cycle before."""
        source, event, bits = self.source, self.events.payload, self.source.channel_bits
        height, width = self.size
        rows, columns = self.layer.out_shape[1:]
        layout = data.StructLayout(
            {
                "inside": 1,
                "window": address_width(rows * columns),
                "unit": self.unit_bits,
                "channel": address_width(source.channels),
            }
        )
        init = []
        for place in source.places:
            channel, row, column = place or (0, -1, -1)
            inside = 0 <= row // height < rows and 0 <= column // width < columns
            window = row // height * columns + column // width if inside else 0
            unit = row % height * width + column % width if inside and self.by_unit else 0
            init.append({"inside": int(inside), "window": window, "unit": unit, "channel": channel})
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
        return _Taken(is_event & port.data.inside, port.data.window, port.data.unit, channel, value, mark)

    def _place(self, m, reads, word, taken: _Taken):
        """The word that is looked at, that of the event or of those that are read, and the event's lane."""
        shape = self.shape
        words, lanes = shape.position_words(0), shape.neuron_lanes
        channels = range(shape.channels)
        own = lookup(taken.channel, [c // lanes for c in channels], unsigned(address_width(words)))
        lane = lookup(taken.channel, [c % lanes for c in channels], unsigned(address_width(lanes)))
        place = Signal(address_width(shape.words))
        m.d.comb += place.eq(Mux(reads, word, taken.window * words + own))
        return place, lane

    def _windows(self, m, reads, go, word, taken: _Taken) -> dict[str, list[Value]]:
        """The memory of windows, a word for each of the shape's; the one that is read starts anew.

        What is shown of each window of the word, by name.
        """
        shape = self.shape
        layout = data.ArrayLayout(shape_of(self.layer.out_values), shape.neuron_lanes)
        m.submodules.windows = store = memory.Memory(shape=layout, depth=shape.words, init=[])
        old, new = store.read_port(domain="comb"), store.write_port()
        place, lane = self._place(m, reads, word, taken)
        ends = self.settles | (taken.mark != Mark.STEP)
        m.d.comb += [old.addr.eq(place), new.addr.eq(place), new.en.eq(Mux(reads, go, taken.inside))]
        for index in range(shape.neuron_lanes):
            kept = old.data[index]
            hit = lane == index
            added = Mux(hit, self.combined(kept, taken.value), kept)
            m.d.comb += new.data[index].eq(Mux(reads, self.left(kept, ends), added))
        return {"value": [old.data[index] for index in range(shape.neuron_lanes)]}


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


class SMaxPool(Pool):
    """The value of the unit of each window that has sent most, or what the greatest sum has grown by.

    The sums of a window's units lie side by side in a word, so that a sample's last words clear them while they are
    shown: nothing takes longer than without them. A sum that overtakes the greatest of its window brings its event's
    value with it; one that equals it may make the window's value greater.
    """

    by_unit = True

    def __init__(self, layer: DesignLayer):
        assert isinstance(layer.synapse, SMaxPool2d)
        self.lateral_inhibition = layer.synapse.lateral_inhibition
        super().__init__(layer)

    @property
    def fields(self) -> dict[str, Shape]:
        """Value and greatest sum."""
        return {**super().fields, "greatest": shape_of(self.layer.kept_values)}

    def _windows(self, m, reads, go, word, taken: _Taken) -> dict[str, list[Value]]:
        """The memory of windows; of the word that is read values start anew, and sums where a sample ends."""
        lanes, window = range(self.shape.neuron_lanes), data.StructLayout(self.fields)
        place, lane = self._place(m, reads, word, taken)
        read, ends = Signal(), Signal()
        m.d.comb += [read.eq(reads & go), ends.eq(self.settles | (taken.mark != Mark.STEP))]
        accumulated = self._accumulated(m, read & ends, place, lane, taken)
        layout = data.ArrayLayout(window, len(lanes))
        m.submodules.windows = store = memory.Memory(shape=layout, depth=self.shape.words, init=[])
        old, new, kept = store.read_port(domain="comb"), store.write_port(granularity=1), Signal(window)
        m.d.comb += [
            old.addr.eq(place),
            new.addr.eq(place),
            kept.eq(choose([Value.cast(old.data[index]) for index in lanes], lane)),
        ]
        overtakes = accumulated > kept.greatest
        greatest = Mux(overtakes, accumulated, kept.greatest)
        for index in lanes:
            held = Mux(ends, 0, old.data[index].greatest)
            m.d.comb += [
                new.en[index].eq(read | (taken.inside & (lane == index))),
                new.data[index].greatest.eq(Mux(reads, held, greatest)),
                new.data[index].value.eq(Mux(reads, 0, self._value(kept, accumulated, overtakes, taken.value))),
            ]
        return {name: [old.data[index][name] for index in lanes] for name in self.fields}

    def _accumulated(self, m, clears, place, lane, taken: _Taken) -> Value:
        """The memory of sums, and the sum of the unit that an event comes from, that event included."""
        lanes, units = range(self.shape.neuron_lanes), range(math.prod(self.size))
        layout = data.ArrayLayout(shape_of(self.layer.kept_values), len(lanes) * len(units))
        m.submodules.sums = store = memory.Memory(shape=layout, depth=self.shape.words, init=[])
        old, new = store.read_port(domain="comb"), store.write_port(granularity=1)
        accumulated = Signal(shape_of(self.layer.kept_values))
        # Units are numbered by whole bits, so that lane and unit are one index: the last stands for those beyond it.
        numbered = [min(unit, units[-1]) for unit in range(1 << self.unit_bits)]
        sums = [old.data[index * len(units) + unit] for index in lanes for unit in numbered]
        m.d.comb += [
            old.addr.eq(place),
            new.addr.eq(place),
            accumulated.eq(choose(sums, Cat(taken.unit, lane)) + taken.value),
        ]
        for index, unit in product(lanes, units):
            sends = taken.inside & (Cat(taken.unit, lane) == (index << self.unit_bits | unit))
            number = index * len(units) + unit
            m.d.comb += new.en[number].eq(clears | sends)
            m.d.comb += new.data[number].eq(Mux(clears, 0, accumulated))
        return accumulated

    def _value(self, kept, accumulated: Value, overtakes: Value, new: Value) -> Value:
        """What a window sends after an event of its, from what it kept."""
        if self.lateral_inhibition:
            return Mux(overtakes, kept.value + (accumulated - kept.greatest), kept.value)
        equals = accumulated == kept.greatest
        return Mux(overtakes | (equals & (new > kept.value)), new, kept.value)
