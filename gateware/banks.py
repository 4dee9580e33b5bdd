"""Skewed banks of synapses, see :class:`snnhw.skewed.SkewedGrid`: memories, addresses, and the way to lanes and back.

What is kept in them has its twins in ``golden``; they compute nothing.
"""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from snnhw.implementation import address_width

BANK = "srbm_bank"
"""The module of Verilog that a bank becomes."""

CHUNK = 11
"""Address bits of its chunks, or more where there would be more than four of them."""


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
