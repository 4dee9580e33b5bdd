"""Two-dimensional convolutions, event-driven. Twin of ``golden/convolution.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.multiples import product
from gateware.places import Banks, Source
from gateware.stream import Mark, choose, current_layout, each, event_layout, lookup, shape_of
from gateware.turns import Turns
from gateware.weights import Contents, WeightMemory
from gateware.windows import WindowConvolution
from snnhw.convolution import Conv2d
from snnhw.implementation import address_width
from snnhw.network import Range

if TYPE_CHECKING:
    from snnhw.design import DesignLayer
    from snnhw.model import ModelLayer

Weights = Sequence[Sequence[Sequence[Sequence[int]]]]
"""[channels][in_channels][kernel height][kernel width]"""

LUT_DEPTH = 32
"""Words of a LUT as memory."""

DRAINED = 2
"""Cycles from reading a word's sums to the offer of its currents."""


def reading_latency(layer: DesignLayer) -> int:
    """Cycles from letting in an event, or a mark, to its turn at the sums: table, weights, register, product, sum."""
    return 3 + (layer.values.hi > 1) + (layer.chosen.event_lanes > 1)


class Plan:
    """Everything about a convolution's circuit that is known before it is built: tables, rows of weights, widths."""

    def __init__(self, layer: DesignLayer) -> None:
        assert isinstance(layer.synapse, Conv2d)
        self.layer = layer
        self.pool = layer.synapse.max_pool
        self.shape = layer.shape
        self.lanes = layer.shape.synapse_lanes
        self.event_lanes = layer.chosen.event_lanes
        self.source = Source.of(layer)
        self.banks = Banks(layer)
        self.pass_bits = (max(map(len, self.routes)) - 1).bit_length()

    @cached_property
    def routes(self) -> list[list[list[Any]]]:
        """For each place and pass, what happens in each bank, in order of banks; [] where there is no input."""
        return [
            []
            if place is None
            else [sorted(reached, key=lambda one: one.bank) for reached in self.banks.reached(*place[1:])]
            for place in self.source.places
        ]

    @cached_property
    def rotations(self) -> list[tuple[tuple[int, int] | None, ...]]:
        """The taps that the banks get side by side: a row of weights holds those of one rotation and channel."""
        found = {tuple(one.tap for one in reached): None for passes in self.routes for reached in passes}
        return list(found)

    @cached_property
    def table(self) -> list[dict[str, Any]]:
        """For each place and pass the rows of weights it begins at, and of each bank whether and where it adds."""
        number = {taps: index for index, taps in enumerate(self.rotations)}
        nothing = {"row": 0, "adds": 0, "target": [0] * self.banks.count}
        rows: list[dict[str, Any]] = []
        for place, passes in zip(self.source.places, self.routes, strict=True):
            entries = []
            for reached in passes:
                row = number[tuple(one.tap for one in reached)]
                if place is not None and not self.aligned:
                    row = row * self.lane_channels + place[0]
                adds = sum(1 << one.bank for one in reached if one.address is not None)
                entries.append({"row": row, "adds": adds, "target": [one.address or 0 for one in reached]})
            rows += entries + [nothing] * ((1 << self.pass_bits) - len(entries))
        return rows

    @property
    def lane_channels(self) -> int:
        """Channels of the input that an event lane has, one of them perhaps none of the input's."""
        return -(-self.source.channels // self.event_lanes)

    @property
    def channel_bits(self) -> int:
        """The lowest bits of an event lane's address that are a channel of those."""
        return self.source.channel_bits - (self.event_lanes - 1)

    @property
    def aligned(self) -> bool:
        """Whether the channel in an address is the lowest bits of a row of weights, and nothing is to be added."""
        return self.source.channel_bits > 0 and self.lane_channels == 1 << self.channel_bits

    @property
    def row_bits(self) -> int:
        """The lowest bits of an address of weights that are not the group."""
        return address_width(len(self.rotations) * self.lane_channels)

    @property
    def table_layout(self) -> data.StructLayout:
        """An entry of the table."""
        count, target = self.banks.count, address_width(self.banks.depth)
        row = address_width(max(entry["row"] for entry in self.table) + 1)
        return data.StructLayout({"row": row, "adds": count, "target": data.ArrayLayout(target, count)})

    def weight_rows(self, weight: Weights, event_lane: int) -> list[list[int]]:
        """An event lane's memory of weights: rows of [bank][lane], of each rotation one for every channel of its input.

        Those of a group of channels begin at a multiple of a power of two. ``weight`` is [channels, in_channels, kernel
        height, kernel width], as lists.
        """
        stride, step = self.lane_channels, 1 << self.row_bits
        sources = range(event_lane, self.source.channels, self.event_lanes)
        depth = (self.shape.groups - 1) * step + len(self.rotations) * stride
        raised = 0 if self.shift is None else 1 << self.shift
        rows = [[0] * (self.banks.count * self.lanes) for _ in range(depth)]
        for unit in range(self.shape.groups * self.lanes):
            group, lane = divmod(unit, self.lanes)
            # A lane without a channel is raised as the others are: what is counted is counted for all.
            kernel = weight[unit] if unit < len(weight) else None
            for number, taps in enumerate(self.rotations):
                start = group * step + number * stride
                for bank, tap in enumerate(taps):
                    if tap is not None:
                        for place, channel in enumerate(sources):
                            own = 0 if kernel is None else kernel[channel][tap[0]][tap[1]]
                            rows[start + place][bank * self.lanes + lane] = own + raised
        return rows

    @property
    def shift(self) -> int | None:
        """The logarithm of what is added to each weight, so that none is negative; None where none was."""
        lowest = self.layer.built.weight.lo
        return (-lowest - 1).bit_length() if lowest < 0 else None

    @property
    def spare(self) -> bool:
        """Whether banks have a word more, which stays 0: what they show while another is read is then nothing.

        That takes less than choosing among them, where a LUT as memory has room for it.
        """
        return self.banks.count > 4 and self.banks.depth % LUT_DEPTH != 0

    @property
    def kept(self) -> Range:
        """What stands in the memory of weights: they are raised by ``1 << shift``."""
        weights = self.layer.built.weight
        return weights if self.shift is None else Range(lo=0, hi=weights.hi + (1 << self.shift))

    @property
    def words(self) -> int:
        """Words of currents at a position, in the group that has most."""
        return self.shape.position_words(0)

    @cached_property
    def reads(self) -> list[dict[str, int]]:
        """Each read of the sums, in order: for each word of a group's currents all positions of its pool's window.

        ``bank``, ``address`` and ``word`` say what is read; ``cell``, where it is kept what was read the last time;
        ``bias``, the row of biases; ``last`` is 1 for the last of a group. With a ``spare`` word ``bank`` has a bit for
        each of them.
        """
        height, width = self.pool
        rows, columns = self.layer.out_shape[1:]
        found: list[dict[str, int]] = []
        bias = 0
        for group in range(self.shape.groups):
            words = self.shape.position_words(group)
            for place in range(rows * columns):
                top, left = place // columns * height, place % columns * width
                for word in range(words):
                    for index in range(self.window):
                        bank, address = self.banks.place(top + index // width, left + index % width)
                        cell = (place * self.words + word) * self.window + index
                        found.append(
                            {
                                "bank": 1 << bank if self.spare else bank,
                                "address": address,
                                "word": word,
                                "cell": cell,
                                "bias": bias + word,
                                "last": 0,
                            }
                        )
            bias += words
            found[-1]["last"] = 1
        return found

    @property
    def reads_layout(self) -> data.StructLayout:
        """An entry of ``reads``."""
        most = {name: max(read[name] for read in self.reads) + 1 for name in self.reads[0]}
        return data.StructLayout({name: address_width(count) for name, count in most.items()})

    @property
    def cells(self) -> int:
        """Sums that are kept as they were when last read."""
        return max(read["cell"] for read in self.reads) + 1

    @property
    def ahead(self) -> bool:
        """Whether what was read the last time is looked up a cycle early: block RAM takes half of a cycle to show it.

        Where a group has few reads, what has just been read would not be there yet, and no block RAM is needed.
        """
        fewest = min(self.shape.position_words(group) for group in range(self.shape.groups))
        return fewest * self.shape.positions * self.window > LUT_DEPTH

    @property
    def window(self) -> int:
        """Positions in a pool's window."""
        return self.pool[0] * self.pool[1]

    @cached_property
    def sums(self) -> Range:
        """What the products of a step add up to, without bias."""
        layer = self.layer
        if layer.loadable:
            most = layer.synapse.fan_in(layer.in_shape) * layer.values.hi
            weights = layer.synapse.weight_range
            return Range(lo=most * weights.lo, hi=most * weights.hi)
        low, high = layer.synapse.current_bounds(layer.tensors, layer.values, layer.in_shape)
        return Range(lo=min(0, int(low.min())), hi=max(0, int(high.max())))

    def bias_rows(self, bias: Sequence[int]) -> list[list[int]]:
        """The memory of biases: a row for each word of a position, group by group; ``bias`` is [units]."""
        by_word = dict.fromkeys(
            tuple(None if unit is None else unit // self.shape.positions for unit in word) for word in self.shape.order
        )
        of_channels = bias[:: self.shape.positions]
        return [[0 if channel is None else of_channels[channel] for channel in word] for word in by_word]


class _Item(NamedTuple):
    """What goes through the pipeline of events: a stage of registers.

    ``value`` is of each event lane; once their weights have been added up it is the sum of them.
    """

    mark: Signal
    value: Any
    adds: Signal
    target: Signal


class Convolution(wiring.Component):
    """Adds, for each event, its value times its weights to the sums of all neurons that it reaches.

    Sums stand in memories, ``position_lanes`` banks of them, each with a lane for every channel; a position lies in
    the bank that its coordinates have modulo what a kernel reaches, so that an event meets each bank once. The weights
    of an event are read in that order. An event takes a cycle, with fewer banks as many as `DesignLayer.event_passes`;
    one that cannot begin yet is taken and waits.
    With fewer ``synapse_lanes`` than channels a step's events are listed and come once for each group, see `Turns`.

    With two ``event_lanes`` a transfer holds an event of an even and one of an odd channel of the same position, or one
    of them. Both reach the same banks and addresses, in as many cycles as one. Each lane has a memory of the weights of
    its channels; what both add is added up in a cycle of its own, before it comes to the sums.

    At a mark the sums become ``currents``, bias included, in words of ``neuron_lanes`` in the order of
    ``LayerShape.order``: `Plan.reads` are read one a cycle, and all events wait meanwhile; with a pool a word goes out
    where its window is complete. The first word is offered ``DRAINED`` cycles after it was read, that is
    ``reading_latency`` after its mark was let in. Sums are never cleared: a current is what a sum has grown by since it
    was last read, in as many bits as a current has, and what it was then stands in a memory of its own. Weights are
    raised so that none is negative, which leaves the higher bits of a sum to the carry; how often, at each position, is
    counted beside the sums, and taken away when they are read. After ABORT the sums are read without being sent, and
    after a reset too: then ``settles`` is 1 and no sample may be let in.

    ``layer`` is the design's convolution; where it is loadable, any weights and biases can be loaded into ``memories``.
    """

    def __init__(self, layer: DesignLayer):
        self.layer = layer
        self.shape = layer.shape
        self.plan = plan = Plan(layer)
        rows = [plan.weight_rows(layer.weight.tolist(), lane) for lane in range(plan.event_lanes)]
        self.weights = [WeightMemory(bank, plan.kept, layer.chosen.memory) for bank in rows]
        self.biases = None
        if layer.biased and (layer.loadable or layer.bias.any()):
            self.biases = WeightMemory(
                plan.bias_rows(layer.bias.tolist()),
                layer.built.current | Range(lo=0, hi=0),
                "ram" if layer.loadable else "rom",
            )
        self.memories = [part for part in (*self.weights, self.biases) if part] if layer.loadable else []
        self.sum_shape = shape_of(plan.sums)
        addresses, groups = len(layer.sources), layer.shape.groups
        self.turns = Turns(addresses, layer.values, groups, plan.event_lanes) if groups > 1 else None
        self.settles = Signal(init=1)
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(addresses, layer.values, plan.event_lanes))),
                "currents": Out(stream.Signature(current_layout(layer.shape.neuron_lanes, layer.built.current))),
            }
        )

    @staticmethod
    def windows(layer: DesignLayer) -> WindowConvolution:
        """The same convolution, window by window."""
        return WindowConvolution(layer)

    @staticmethod
    def contents(layer: DesignLayer, numbers: ModelLayer) -> Iterator[Contents]:
        """What ``memories`` hold where the layer's weights and biases are those of ``numbers``, weights first."""
        plan = Plan(layer)
        for lane in range(plan.event_lanes):
            yield Contents(plan.weight_rows(numbers.weight.tolist(), lane), plan.kept)
        if layer.biased:
            yield Contents(plan.bias_rows(numbers.bias.tolist()), layer.built.current | Range(lo=0, hi=0))

    def elaborate(self, platform):
        m = Module()
        move, go, reads, sends = Signal(), Signal(), Signal(), Signal()
        item, weights, marked = self._fetch(m, move, self._items(m))
        entry, coming = self._entry(m, reads & go, ~sends)
        last = entry.last
        # After a reset all sums are read once, from the second cycle on, when the next entry is there.
        settles = self.settles & ~(reads & last)
        m.d.sync += [self.settles.eq(settles), reads.eq(settles | Mux(move, marked, reads & ~self.settles))]
        m.d.comb += [
            go.eq(~self.currents.valid | self.currents.ready),
            sends.eq(~self.settles & (item.mark != Mark.ABORT)),
            move.eq(~self.settles & (~reads | (go & last))),
        ]
        sums = self._sums(m, item, weights, entry, reads)
        self._drain(m, go, reads, sends, entry, coming, sums)
        return m

    def _items(self, m):
        """The stream of events, once for each group where there are several; else ready comes from a register."""
        if self.turns is not None:
            m.submodules.turns = self.turns
            wiring.connect(m, wiring.flipped(self.events), self.turns.events)
            return self.turns.items
        given, items = self.events, self.events.signature.flip().create()
        kept, waits = Signal(given.payload.shape(), reset_less=True), Signal()
        m.d.comb += [
            given.ready.eq(~waits),
            items.valid.eq(given.valid | waits),
            items.payload.eq(Mux(waits, kept.as_value(), given.payload.as_value())),
        ]
        m.d.sync += waits.eq(items.valid & ~items.ready)
        with m.If(~waits):
            m.d.sync += kept.eq(given.payload)
        return items

    def _fetch(self, m, move, items):
        """The events with the weights that they want, at their turn, and marks; everything waits where not ``move``.

        Also whether a mark comes next.
        """
        plan, event = self.plan, items.payload
        turn, last = Signal(address_width(1 << plan.pass_bits)), Signal()
        taken, place = items.valid & move, self._place(event)
        last_turn = lookup(place, [max(1, len(passes)) - 1 for passes in plan.routes], turn.shape())
        m.d.comb += [
            last.eq((turn == last_turn) | (event.mark != Mark.EVENT)),
            items.ready.eq(move & last),
        ]
        with m.If(taken):
            m.d.sync += turn.eq(Mux(last, 0, turn + 1))
        m.submodules.routes = table = memory.Memory(
            shape=plan.table_layout, depth=len(plan.table), init=plan.table, attrs={"ram_style": "block"}
        )
        route = table.read_port()
        m.d.comb += [
            route.addr.eq(Cat(turn[: plan.pass_bits], place)),
            route.en.eq(move),
        ]
        lanes, bits = each(event.address, plan.event_lanes), plan.channel_bits
        channels, value, mark = [Signal(max(1, bits)) for _ in lanes], Signal.like(event.value), Signal(Mark)
        group = Signal(0 if self.turns is None else len(event.group))
        weights = self._weights(m, move, route.data.row, [channel[:bits] for channel in channels], group)
        with m.If(move):
            m.d.sync += [channel.eq(address[:bits]) for channel, address in zip(channels, lanes, strict=True)]
            m.d.sync += [value.eq(event.value), group.eq(0 if self.turns is None else event.group)]
            m.d.sync += mark.eq(Mux(taken, event.mark, Mark.EVENT))
        is_event = Signal()
        with m.If(move):
            m.d.sync += is_event.eq(taken & (event.mark == Mark.EVENT))
        item = _Item(mark, value, route.data.adds & is_event.replicate(plan.banks.count), route.data.target.as_value())
        read = self._register(m, move, item, "fetched_0")
        item = self._register(m, move, read, "fetched_1")
        held = self._hold(m, move, read, weights)
        marked = taken & (event.mark != Mark.EVENT)
        for _ in range(reading_latency(self.layer) - 1):
            before, marked = marked, Signal(name="marked")
            with m.If(move):
                m.d.sync += marked.eq(before)
        return *self._add(m, move, *self._multiply(m, move, item, held)), marked

    def _place(self, event):
        """Where the events of a cycle come from, as a lane says that has one: they come from one place."""
        places = [address[self.plan.channel_bits :] for address in each(event.address, self.plan.event_lanes)]
        return places[0] if len(places) == 1 else Mux(event.value[0].any(), *places)

    def _weights(self, m, move, start, channels, group):
        """The weights of each event lane's channel, where those of all of its channels begin at a row."""
        plan = self.plan
        row = Signal(plan.row_bits - plan.channel_bits if plan.aligned else plan.row_bits)
        m.d.comb += row.eq(start)
        for lane, (weights, channel) in enumerate(zip(self.weights, channels, strict=True)):
            m.submodules["weights" if plan.event_lanes == 1 else f"weights_{lane}"] = weights
            m.d.comb += [
                weights.addr.eq(
                    Cat(channel, row, group) if plan.aligned else Cat((row + channel)[: plan.row_bits], group)
                ),
                weights.en.eq(move),
            ]
        return [weights.data for weights in self.weights]

    def _hold(self, m, move, item, weights):
        """Weights, a cycle later; with several event lanes 0 where a lane has no event, whose address may be any."""
        lanes, held = self.plan.event_lanes, []
        for lane, (read, value) in enumerate(zip(weights, each(item.value, lanes), strict=True)):
            register = Signal.like(read, name="held" if lanes == 1 else f"held_{lane}", reset_less=True)
            with m.If(move):
                m.d.sync += register.eq(read if lanes == 1 else Mux(value, read.as_value(), 0))
            held.append(register)
        return held

    def _register(self, m, move, item, name):
        """An item a stage later."""
        new = _Item(
            *(Signal.like(part, name=f"{name}_{field}") for field, part in zip(item._fields, item, strict=True))
        )
        with m.If(move):
            m.d.sync += [register.eq(part) for register, part in zip(new, item, strict=True)]
        return new

    def _multiply(self, m, move, item, weights):
        """Products of each event lane, a cycle later; of events that can only carry 1 the weights as they are."""
        places, lanes = range(self.plan.banks.count * self.plan.lanes), self.plan.event_lanes
        numbers = [[own[place] for place in places] for own in weights]
        if self.layer.values.hi == 1:
            return item, numbers
        products = []
        for lane, (own, value) in enumerate(zip(numbers, each(item.value, lanes), strict=True)):
            of = "" if lanes == 1 else f"_{lane}"
            found = [product(weight, value) for weight in own]
            products.append([self._kept(m, move, new, f"product_{place}{of}") for place, new in enumerate(found)])
        return self._register(m, move, item, "multiplied"), products

    def _add(self, m, move, item, products):
        """What the events of a cycle add, a cycle later; of one event lane the products as they are."""
        if self.plan.event_lanes == 1:
            return item, products[0]
        added = [
            self._kept(m, move, even + odd, f"added_{place}")
            for place, (even, odd) in enumerate(zip(*products, strict=True))
        ]
        return self._register(m, move, item._replace(value=item.value[0] + item.value[1]), "added"), added

    def _kept(self, m, move, number, name):
        """A number a cycle later."""
        register = Signal(number.shape(), name=name, reset_less=True)
        with m.If(move):
            m.d.sync += register.eq(number)
        return register

    def _entry(self, m, advances, silent):
        """Which sums are read, and which in the next cycle: `Plan.reads`, the next of them where it ``advances``.

        A silent reading ends with a group. What is read stands in a register, and the memory shows what comes next:
        it takes most of a cycle to show anything.
        """
        plan, count = self.plan, len(self.plan.reads)
        entry, coming = Signal(plan.reads_layout, init=plan.reads[0]), Signal(plan.reads_layout)
        turn, following = Signal(range(count + 1), init=1), Signal(range(count + 1))
        # A row more, so that there is always a next.
        rows = [*plan.reads, plan.reads[0]]
        m.submodules.reading = store = memory.Memory(shape=plan.reads_layout, depth=count + 1, init=rows)
        port = store.read_port()
        over = entry.last & (silent | (turn == count))
        m.d.comb += [following.eq(turn), coming.eq(entry)]
        with m.If(advances):
            first = plan.reads_layout.const(plan.reads[0]).as_value()
            m.d.comb += [following.eq(Mux(over, 1, turn + 1)), coming.eq(Mux(over, first, port.data.as_value()))]
        m.d.sync += [turn.eq(following), entry.eq(coming)]
        m.d.comb += port.addr.eq(following)
        return entry, coming

    def _sums(self, m, item, products, entry, reads):
        """The sums of the word that is read, after each lane of each bank has taken its product."""
        plan, row = self.plan, self._kept_layout(self.plan.lanes)
        targets = data.View(data.ArrayLayout(address_width(plan.banks.depth), plan.banks.count), item.target)
        shown = []
        depth = plan.banks.depth + plan.spare
        for bank in range(plan.banks.count):
            m.submodules[f"sums_{bank}"] = store = memory.Memory(shape=row, depth=depth, init=[])
            old, new, place = store.read_port(domain="comb"), store.write_port(), Signal(address_width(depth))
            shows = Mux(entry.bank[bank], entry.address, plan.banks.depth) if plan.spare else entry.address
            m.d.comb += [
                place.eq(Mux(reads, shows, targets[bank])),
                old.addr.eq(place),
                new.addr.eq(place),
                new.en.eq(item.adds[bank] & ~reads),
            ]
            for lane in range(plan.lanes):
                m.d.comb += new.data.sum[lane].eq(old.data.sum[lane] + products[bank * plan.lanes + lane])
            m.d.comb += new.data.count.eq(old.data.count + item.value)
            shown.append(old.data.as_value())
        if plan.spare:
            return self._word(reduce(or_, shown), entry.word)
        # Words first: what chooses among few banks takes a LUT for each bit that is left.
        return choose([self._word(bank, entry.word) for bank in shown], entry.bank)

    def _word(self, row, word):
        """The sums of a word of lanes, and the count, of a row of all lanes."""
        sums, step = len(row) - self._kept_layout(0).size, self.shape.neuron_lanes * self.sum_shape.width
        words = [row[start : min(start + step, sums)] for start in range(0, sums, step)]
        return Cat(choose(words, word)[:step], row[sums:])

    def _kept_layout(self, lanes):
        """So many sums of a position, and how often weights were raised in each; all modulo what a current needs."""
        width, shift = self.sum_shape.width, self.plan.shift
        counted = 0 if shift is None else max(0, width - shift)
        return data.StructLayout({"sum": data.ArrayLayout(width, lanes), "count": counted})

    def _drain(self, m, go, reads, sends, entry, coming, sums):
        """From the sums that are read to words of currents."""
        plan, lanes, width = self.plan, self.shape.neuron_lanes, self.sum_shape.width
        word = self._kept_layout(lanes)
        m.submodules.earlier = store = memory.Memory(shape=word, depth=plan.cells, init=[])
        write = store.write_port()
        read = store.read_port(transparent_for=(write,) if plan.cells == 1 else ())
        now, cell, first = Signal(word, reset_less=True), Signal.like(entry.cell), Signal()
        fresh, sent, ends = Signal(), Signal(), Signal()
        place = Signal(address_width(plan.window))
        complete = place == plan.window - 1
        with m.If(go & reads):
            m.d.sync += place.eq(Mux(complete, 0, place + 1))
        with m.If(go):
            m.d.sync += [
                now.eq(sums),
                cell.eq(entry.cell),
                first.eq(place == 0),
                ends.eq(complete),
                fresh.eq(reads),
                sent.eq(reads & sends),
            ]
        m.d.comb += [write.addr.eq(cell), write.data.eq(now), write.en.eq(fresh & go)]
        earlier = self._shown(m, go, read, entry.cell, coming.cell)
        biases, raised = self._biases(m, go, entry, coming), Signal(width)
        m.d.comb += raised.eq((now.count - earlier.count) << (plan.shift or 0))
        with m.If(go):
            m.d.sync += self.currents.valid.eq(sent & ends)
        for lane in range(lanes):
            grown = Signal(self.sum_shape, name=f"grown_{lane}")
            m.d.comb += grown.eq(now.sum[lane] - earlier.sum[lane] - raised)
            current = self.currents.payload.current[lane]
            total = grown if biases is None else grown + biases[lane]
            if plan.window > 1:
                total = Mux(~first & (current > total), current, total)
            with m.If(go & sent):
                m.d.sync += current.eq(total)
        return m

    def _shown(self, m, go, port, place, coming):
        """What a memory holds at a place, a cycle later.

        ``Plan.ahead`` it is looked up a cycle earlier, at the ``coming`` place, and a register stands behind it.
        """
        if not self.plan.ahead:
            m.d.comb += [port.addr.eq(place), port.en.eq(go)]
            return port.data
        kept = Signal(port.data.shape(), name="kept", reset_less=True)
        m.d.comb += [port.addr.eq(coming), port.en.eq(1)]
        with m.If(go):
            m.d.sync += kept.eq(port.data)
        return kept

    def _biases(self, m, go, entry, coming):
        """The biases of the word that was read a cycle ago, None where there are none."""
        if self.biases is None:
            return None
        m.submodules.biases = self.biases
        biases = self._shown(m, go, self.biases, entry.bias, coming.bias)
        return [biases[lane] for lane in range(self.shape.neuron_lanes)]
