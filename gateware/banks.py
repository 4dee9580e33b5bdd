"""Skewed banks of synapses, see :class:`snnhw.skewed.SkewedGrid`: memories, addresses, and the way to lanes and back.

What is kept in them has its twins in ``golden``; they compute nothing.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, ClockSignal, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from gateware.weights import SPRAM_BITS
from snnhw.implementation import address_width

BANK = "srbm_bank"
"""The module of Verilog that a bank becomes."""

CHUNK = 11
"""Address bits of its chunks, or more where there would be more than four of them."""

NIBBLES = 4
"""What an SPRAM's word can be written by."""


class Bank(wiring.Component):
    """A memory that is read and written in every cycle; ``kept`` is there two cycles after ``reads``.

    In emitted Verilog it is an instance of ``BANK``, a memory in chunks that fill a block RAM's depth: the generator of
    memories makes one of the whole, and takes a minute for ten million bits.
    """

    def __init__(self, shape: data.Layout, depth: int):
        self.depth = depth
        address = address_width(depth)
        super().__init__(
            {
                "reads": In(1),
                "read_address": In(address),
                "kept": Out(shape),
                "writes": In(1),
                "write_address": In(address),
                "coming": In(shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        address = len(self.read_address)
        if platform is not None:
            ports = {f"i_{name}": getattr(self, name) for name in ("reads", "read_address", "writes", "write_address")}
            ports |= {"i_clk": ClockSignal(), "i_coming": self.coming.as_value(), "o_kept": self.kept.as_value()}
            sizes = {"p_WIDTH": len(self.kept.as_value()), "p_ADDRESS": address, "p_DEPTH": self.depth}
            chunk = min(address, max(CHUNK, address - 2))
            m.submodules.memory = Instance(BANK, p_CHUNK=chunk, **sizes, **ports)
            return m
        m.submodules.memory = store = memory.Memory(shape=self.kept.shape(), depth=self.depth, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [read.en.eq(self.reads), read.addr.eq(self.read_address)]
        m.d.sync += self.kept.eq(read.data)
        m.d.comb += [write.en.eq(self.writes), write.addr.eq(self.write_address), write.data.eq(self.coming)]
        return m


class SinglePortBank(wiring.Component):
    """A `Bank` of synapses of at most a nibble in two SPRAMs of iCE40UP5K, which hold nothing until they are written.

    ``read_half`` and ``write_half`` say in which of them an address lies; a cycle that reads and writes must do so in
    different ones. ``depth`` is that of each, at most 65,536.
    """

    def __init__(self, shape: data.Layout, depth: int):
        self.depth = depth
        address = address_width(depth)
        super().__init__(
            {
                "reads": In(1),
                "read_half": In(1),
                "read_address": In(address),
                "kept": Out(shape),
                "writes": In(1),
                "write_half": In(1),
                "write_address": In(address),
                "coming": In(shape),
            }
        )

    def elaborate(self, platform):
        m = Module()
        half, nibble, coming = Signal(), Signal(range(NIBBLES)), Signal(SPRAM_BITS // NIBBLES)
        words = [Signal(SPRAM_BITS, name=f"word_{number}") for number in range(2)]
        m.d.comb += coming.eq(self.coming.as_value())
        m.d.sync += [half.eq(self.read_half), nibble.eq(self.read_address)]
        for number, word in enumerate(words):
            reads, writes = self.reads & (self.read_half == number), self.writes & (self.write_half == number)
            store = self._spram if platform is not None else self._block
            m.submodules[f"half_{number}"] = store(m, reads, writes, coming.replicate(NIBBLES), word)
        word, bits = Mux(half, words[1], words[0]), len(coming)
        nibbles = [word[place : place + bits] for place in range(0, SPRAM_BITS, bits)]
        m.d.sync += self.kept.as_value().eq(Array(nibbles)[nibble])
        return m

    def _spram(self, m, reads, writes, coming, word):
        """A half in an SPRAM."""
        address = Mux(writes, self.write_address, self.read_address)
        return Instance(
            "SB_SPRAM256KA",
            i_CLOCK=ClockSignal(),
            i_ADDRESS=Cat(address[address_width(NIBBLES) :], Const(0, 14))[:14],
            i_DATAIN=coming,
            i_MASKWREN=self._mask,
            i_WREN=writes,
            i_CHIPSELECT=writes | reads,
            i_STANDBY=Const(0),
            i_SLEEP=Const(0),
            i_POWEROFF=Const(1),
            o_DATAOUT=word,
        )

    def _block(self, m, reads, writes, coming, word):
        """What stands for it in Amaranth's simulator."""
        place = slice(address_width(NIBBLES), None)
        store = memory.Memory(shape=SPRAM_BITS, depth=-(-self.depth // NIBBLES), init=[])
        write, read = store.write_port(granularity=SPRAM_BITS // NIBBLES), store.read_port()
        m.d.comb += [
            read.addr.eq(self.read_address[place]),
            read.en.eq(reads),
            word.eq(read.data),
            write.addr.eq(self.write_address[place]),
            write.data.eq(coming),
            write.en.eq(Mux(writes, self._mask, 0)),
        ]
        return store

    @property
    def _mask(self):
        """Which of a word's nibbles is written."""
        return 1 << self.write_address[: address_width(NIBBLES)]


def tag_layout(words: int) -> data.StructLayout:
    """What goes with a request to its reply, for who adds up weights, see :class:`gateware.sweep.Accumulators`.

    ``target`` is one of so many words.
    """
    return data.StructLayout({"target": address_width(words), "adds": 1, "first": 1, "last": 1, "blank": 1})


def bank_address(by_column, offset, block, bank):
    """The address in a bank of the synapse that stands there of row ``offset`` of a block, or of that column."""
    lane = Mux(by_column, bank - offset, offset)
    return Cat(lane[: len(offset)], block)


def rotated(m, words, width, amount, left, name):
    """Words of ``width`` bits, the lowest first, moved ``amount`` places: up where ``left``, else down, and round."""
    count = len(words) // width
    for bit in range(len(amount)):
        places = (1 << bit) * width
        moved = words.rotate_left(places) if left else words.rotate_right(places)
        step = Signal(count * width, name=f"{name}_{bit}")
        m.d.comb += step.eq(Mux(amount[bit], moved, words))
        words = step
    return words


def either(values: list[Value]) -> Value:
    """The bits that are 1 in any of the values."""
    return reduce(or_, values)
