"""Streams of one width become streams of another: words are cut into pieces, pieces are put together to beats."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark
from snnhw.implementation import address_width


def cut_layout(width: int, pieces: int) -> data.StructLayout:
    """A word of so many pieces: those up to number ``final`` count, and ``mark`` comes after the last of them."""
    return data.StructLayout({"data": width * pieces, "final": address_width(pieces), "mark": Mark})


def marked_layout(width: int) -> data.StructLayout:
    """``data`` of so many bits, and the ``mark`` that comes after them."""
    return data.StructLayout({"data": width, "mark": Mark})


class Narrow(wiring.Component):
    """Cuts each word into up to ``pieces`` pieces of ``width`` bits, the lowest first.

    A piece a cycle, from the cycle after the word was taken; the next word is taken with the last piece of the one
    before. All of ``pieces`` comes from registers.
    """

    def __init__(self, width: int, pieces: int):
        self.width = width
        super().__init__(
            {
                "words": In(stream.Signature(cut_layout(width, pieces))),
                "pieces": Out(stream.Signature(marked_layout(width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        word, piece = self.words.payload, self.pieces.payload
        store, left, mark = Signal.like(word.data), Signal.like(word.final), Signal(Mark)
        last = left == 0
        m.d.comb += [
            piece.data.eq(store[: self.width]),
            piece.mark.eq(Mux(last, mark, Mark.EVENT)),
            self.words.ready.eq(~self.pieces.valid | (last & self.pieces.ready)),
        ]
        with m.If(self.words.valid & self.words.ready):
            m.d.sync += [self.pieces.valid.eq(1), store.eq(word.data), left.eq(word.final), mark.eq(word.mark)]
        with m.Elif(self.pieces.ready):
            m.d.sync += [self.pieces.valid.eq(self.pieces.valid & ~last), store.eq(store >> self.width)]
            m.d.sync += left.eq(left - 1)
        return m


class Widen(wiring.Component):
    """Puts ``pieces`` pieces of ``width`` bits together, the first lowest; a mark ends a beat before it is full.

    Takes a piece a cycle; a beat is offered in the cycle after its last piece was taken. What a mark leaves of a beat
    is anything.
    """

    def __init__(self, width: int, pieces: int):
        self.width = width
        self.count = pieces
        super().__init__(
            {
                "pieces": In(stream.Signature(marked_layout(width))),
                "beats": Out(stream.Signature(marked_layout(width * pieces))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        piece, beat = self.pieces.payload, self.beats.payload
        index = Signal(address_width(self.count))
        ends = (index == self.count - 1) | (piece.mark != Mark.EVENT)
        m.d.comb += self.pieces.ready.eq(~self.beats.valid | self.beats.ready)
        with m.If(self.pieces.ready):
            m.d.sync += self.beats.valid.eq(self.pieces.valid & ends)
        with m.If(self.pieces.valid & self.pieces.ready):
            m.d.sync += [
                beat.data.word_select(index, self.width).eq(piece.data),
                beat.mark.eq(piece.mark),
                index.eq(Mux(ends, 0, index + 1)),
            ]
        return m


class Skid(wiring.Component):
    """A register in a stream, both ways: neither side's outputs depend on the other's inputs in the same cycle.

    A transfer a cycle, a cycle of latency, room for two.
    """

    def __init__(self, layout: data.StructLayout):
        super().__init__({"taken": In(stream.Signature(layout)), "given": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        taken, given = self.taken, self.given
        full, store = Signal(), Signal(taken.payload.shape())
        m.d.comb += taken.ready.eq(~full)
        with m.If(given.ready | ~given.valid):
            m.d.sync += [
                given.valid.eq(taken.valid | full),
                given.payload.eq(Mux(full, store, taken.payload)),
                full.eq(0),
            ]
        with m.Elif(taken.valid & taken.ready):
            m.d.sync += [store.eq(taken.payload), full.eq(1)]
        return m
