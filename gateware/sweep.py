"""The events of a tick, and the synapses they want: lists of spikes, gone through word by word.

Twin of the array's part in ``golden.srbm.Srbm``'s tick; golden adds up whole rows and columns at once.
"""

from itertools import pairwise
from typing import NamedTuple

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.banks import tag_layout
from gateware.differential import Mode, request_layout
from gateware.learning import Gate
from gateware.stream import shape_of
from gateware.units import report_layout
from snnhw.implementation import address_width
from snnhw.network import Range
from snnhw.srbm.grid import Grid


class Part(enum.Enum, shape=2):  # type: ignore[call-arg]
    """The parts of a tick that want synapses, in their order."""

    LIF = 0
    BLIF = 1
    STDP = 2


class Place(NamedTuple):
    """Where one goes through a list is: signals, ``next`` to be driven by who goes."""

    next: Signal
    word: Signal
    lane: Signal
    mask: Signal
    last: Signal
    empty: Signal

    @classmethod
    def of(cls, name: str, grid: Grid, words: int) -> "Place":
        """Signals that tell of one of so many words."""
        widths = [1, address_width(words), grid.lanes.bit_length() - 1, grid.lanes, 1, 1]
        return cls(*(Signal(width, name=f"{name}_{field}") for field, width in zip(cls._fields, widths, strict=True)))


class WordList(wiring.Component):
    """A list of at most ``depth`` words, each with a mask of lanes, and a place in it; or several such ``lists``.

    ``push`` appends ``coming``; ``clear`` forgets all, ``rewind`` goes back to the start, where the list is two cycles
    later. It is then at ``word`` and ``mask``, and at ``lane``, the lowest that is left of the mask; ``last_lane``
    tells the last of these, ``last_word`` the last of the list. ``next_word`` goes on to the next word, after the last
    to the first, ``next_lane`` to the next lane. Of several lists ``to`` is the number of the one that is appended to,
    ``at`` that of the one that all else tells of; it must stay from a rewind to the next.
    """

    def __init__(self, depth: int, lanes: int, lists: int = 1):
        self.depth = depth
        self.lanes = lanes
        self.lists = lists
        entry = data.StructLayout({"word": address_width(depth), "mask": lanes})
        super().__init__(
            {
                **dict.fromkeys(("clear", "push", "rewind", "next_word", "next_lane"), In(1)),
                "coming": In(entry),
                "word": Out(address_width(depth)),
                "mask": Out(lanes),
                "lane": Out(lanes.bit_length() - 1),
                "last_lane": Out(1),
                "last_word": Out(1),
                "empty": Out(1),
            }
            | (dict.fromkeys(("to", "at"), In(address_width(lists))) if lists > 1 else {})
        )

    def elaborate(self, platform):
        m = Module()
        shape, address = self.coming.shape(), address_width(self.depth)
        depth = self.depth if self.lists == 1 else self.lists << address
        m.submodules.entries = store = memory.Memory(shape=shape, depth=depth, init=[])
        write, read = store.write_port(), store.read_port()
        counts = [Signal(range(self.depth + 1)) for _ in range(self.lists)]
        count, pushed = (counts[0], counts[0]) if self.lists == 1 else (Array(counts)[self.at], Array(counts)[self.to])
        ahead = Signal(address)
        entry, loading = Signal(shape), Signal()
        later = self.mask & (self.mask - 1)
        load = loading | self.next_word | (self.next_lane & self.last_lane)
        wraps = ahead == count - 1
        goes = Mux(self.rewind | wraps, 0, ahead + 1)
        m.d.comb += [
            write.addr.eq(pushed if self.lists == 1 else Cat(pushed[:address], self.to)),
            write.data.eq(self.coming),
            write.en.eq(self.push),
            read.addr.eq(goes if self.lists == 1 else Cat(goes[:address], self.at)),
            read.en.eq(self.rewind | load),
            self.word.eq(entry.word),
            self.mask.eq(entry.mask),
            self.last_lane.eq(~later.any()),
            self.empty.eq(count == 0),
        ]
        for lane in reversed(range(self.lanes)):
            with m.If(self.mask[lane]):
                m.d.comb += self.lane.eq(lane)
        m.d.sync += loading.eq(self.rewind)
        with m.If(self.rewind | load):
            m.d.sync += ahead.eq(read.addr)
        with m.If(load):
            m.d.sync += [entry.eq(read.data), self.last_word.eq(wraps)]
        with m.Elif(self.next_lane):
            m.d.sync += entry.mask.eq(later)
        for number, own in enumerate(counts):
            with m.If(self.clear):
                m.d.sync += own.eq(0)
            with m.Elif(self.push if self.lists == 1 else self.push & (self.to == number)):
                m.d.sync += own.eq(own + 1)
        return m


class Sweep(wiring.Component):
    """Lists what happened in a tick while the units report it, and asks for the synapses that are wanted.

    After ``start`` come LIF, once all rows have reported: for each word of hidden units all rows that fired; then BLIF,
    once all columns have: for each word with a unit that will be free all columns that fired; then, where ``gate`` says
    so, STDP: for each word with an open row all columns that are due, by ``step``. A word for which nothing fired is
    still asked for, once and ``blank``. ``done`` is 1 from the cycle after the last request until the next start.
    """

    def __init__(self, grid: Grid, gate: Gate):
        self.grid = grid
        self.gate = gate
        super().__init__(
            {
                "start": In(1),
                "step": In(grid.machine.synapse.bits),
                "valid": In(1),
                "report": In(report_layout(grid)),
                "requests": Out(stream.Signature(request_layout(grid))),
                "done": Out(1),
            }
        )
        rows = dict.fromkeys(("rows", "open", "free"), grid.row_words)
        columns = dict.fromkeys(("columns", "due"), grid.column_words)
        self.lists = {name: WordList(depth, grid.lanes) for name, depth in (rows | columns).items()}

    def elaborate(self, platform):
        m = Module()
        rows_ready, columns_ready = self._fill(m)
        part, running, first, last, over = Signal(Part), Signal(), Signal(), Signal(), Signal()
        outer, inner = self._outer(m, part), self._inner(m, part)
        # What is there for BLIF and STDP to do is known once all columns have reported.
        blif = ~self.lists["free"].empty
        stdp = ~(self.lists["open"].empty | self.lists["due"].empty)
        ready = Mux(part == Part.LIF, rows_ready, columns_ready)
        wanted = (part != Part.BLIF) | blif
        taken = self.requests.valid & self.requests.ready
        m.d.comb += [
            last.eq(inner.last | inner.empty),
            self.requests.valid.eq(running & ready & wanted),
            self.done.eq(~running),
            inner.next.eq(taken),
            outer.next.eq(taken & last),
            over.eq(running & ready & ((taken & last & outer.last) | ~wanted)),
            *self._request(part, outer, inner, first, last),
        ]
        with m.If(taken):
            m.d.sync += first.eq(last)
        with m.If(self.start):
            m.d.sync += [part.eq(Part.LIF), running.eq(1), first.eq(1)]
        with m.Elif(over):
            m.d.sync += part.eq(Part.BLIF)
            with m.If(columns_ready & ~((part == Part.LIF) & blif)):
                m.d.sync += [part.eq(Part.STDP), running.eq(stdp & (part != Part.STDP))]
        return m

    def _fill(self, m):
        """Append what the units report to the lists; whether those of rows are ready, and those of columns."""
        grid, report = self.grid, self.report
        is_row = Signal()
        m.d.comb += is_row.eq(report.word < grid.row_words)
        row_rewind, rows_ready = self._whole(m, grid.row_words - 1, "rows")
        column_rewind, columns_ready = self._whole(m, grid.unit_words - 1, "columns")
        fill = {
            "rows": (is_row, report.spike),
            "open": (is_row & self.gate.gate, report.open),
            "free": (is_row, report.free),
            "columns": (~is_row, report.spike),
            "due": (~is_row & self.gate.gate, report.due),
        }
        for name, (wanted, mask) in fill.items():
            m.submodules[name] = entries = self.lists[name]
            word = report.word if name in ("rows", "open", "free") else report.word - grid.row_words
            m.d.comb += [
                entries.clear.eq(self.start),
                entries.rewind.eq(row_rewind if name == "rows" else column_rewind),
                entries.push.eq(self.valid & wanted & mask.any()),
                entries.coming.word.eq(word),
                entries.coming.mask.eq(mask),
            ]
        return rows_ready, columns_ready

    def _whole(self, m, last_word, name):
        """When the lists are whole with a word's report: the cycle in which they rewind, and that they have done so."""
        whole = [Signal(name=f"{name}_{state}") for state in ("in", "loading", "ready")]
        with m.If(self.start):
            m.d.sync += [state.eq(0) for state in whole]
        with m.Else():
            m.d.sync += whole[0].eq(whole[0] | (self.valid & (self.report.word == last_word)))
            m.d.sync += [later.eq(earlier) for earlier, later in pairwise(whole)]
        return whole[0] & ~whole[1], whole[2]

    def _outer(self, m, part):
        """The words that get a current, or an update: of columns one after the other, of rows those of a list."""
        grid = self.grid
        place = Place.of("outer", grid, max(grid.row_words, grid.column_words))
        column_word = Signal(address_width(grid.hidden_words))
        with m.If(self.start):
            m.d.sync += column_word.eq(0)
        with m.Elif(place.next):
            m.d.sync += column_word.eq(column_word + 1)
        with m.Switch(part):
            with m.Case(Part.LIF):
                m.d.comb += [place.word.eq(column_word), place.last.eq(column_word == grid.hidden_words - 1)]
            for case, name in ((Part.BLIF, "free"), (Part.STDP, "open")):
                entries = self.lists[name]
                with m.Case(case):
                    m.d.comb += [
                        entries.next_word.eq(place.next),
                        place.word.eq(entries.word),
                        place.mask.eq(entries.mask),
                        place.last.eq(entries.last_word),
                        place.empty.eq(entries.empty),
                    ]
        return place

    def _inner(self, m, part):
        """The units for which each of those words is wanted."""
        grid = self.grid
        place = Place.of("inner", grid, max(grid.row_words, grid.column_words))
        with m.Switch(part):
            for case, name in ((Part.LIF, "rows"), (Part.BLIF, "columns"), (Part.STDP, "due")):
                entries = self.lists[name]
                with m.Case(case):
                    m.d.comb += [
                        entries.next_lane.eq(place.next),
                        place.word.eq(entries.word),
                        place.lane.eq(entries.lane),
                        place.last.eq(entries.last_word & entries.last_lane),
                        place.empty.eq(entries.empty),
                    ]
        return place

    def _request(self, part, outer, inner, first, last):
        """The request for a word of ``outer`` and a unit of ``inner``."""
        grid, machine, request = self.grid, self.grid.machine, self.requests.payload
        visible = Cat(outer.word < -(-max(0, machine.visible - lane) // grid.lanes) for lane in range(grid.lanes))
        bias = Cat(inner.lane, inner.word) >= machine.hidden
        by_column = part != Part.LIF
        return [
            request.mode.eq(Mux(part == Part.STDP, Mode.STDP, Mode.READ)),
            request.by_column.eq(by_column),
            request.row_word.eq(Mux(by_column, outer.word, inner.word)),
            request.column_word.eq(Mux(by_column, inner.word, outer.word)),
            request.offset.eq(inner.lane),
            # A synapse between biases never learns.
            request.mask.eq(outer.mask & (visible | ~bias.replicate(grid.lanes))),
            request.up.eq(self.gate.up),
            request.step.eq(self.step),
            request.tag.target.eq(Mux(by_column, outer.word, grid.row_words + outer.word)),
            request.tag.adds.eq(part != Part.STDP),
            request.tag.first.eq(first),
            request.tag.last.eq(last),
            request.tag.blank.eq(inner.empty),
        ]


def currents_layout(lanes: int, words: int, current: Range) -> data.StructLayout:
    """The currents of one of so many words, where ``valid``."""
    return data.StructLayout(
        {"valid": 1, "word": address_width(words), "current": data.ArrayLayout(shape_of(current), lanes)}
    )


class Accumulators(wiring.Component):
    """Adds up the weights of an array's replies: each word from its ``first`` to its ``last``, which writes the sums.

    ``write`` shows the word's currents in the cycle after the last reply. ``words`` is the number of words that there
    are, ``weight`` and ``current`` the ranges of the numbers.
    """

    def __init__(self, lanes: int, words: int, weight: Range, current: Range):
        self.lanes = lanes
        super().__init__(
            {
                "valid": In(1),
                "tag": In(tag_layout(words)),
                "weight": In(data.ArrayLayout(shape_of(weight), lanes)),
                "write": Out(currents_layout(lanes, words, current)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        adds = self.valid & self.tag.adds
        m.d.sync += self.write.valid.eq(adds & self.tag.last)
        with m.If(adds):
            m.d.sync += self.write.word.eq(self.tag.target)
            for lane in range(self.lanes):
                current = self.write.current[lane]
                so_far, weight = Mux(self.tag.first, 0, current), Mux(self.tag.blank, 0, self.weight[lane])
                m.d.sync += current.eq(so_far + weight)
        return m
