"""The checksum of frames on a serial line. Twin of ``snnhw/host/protocol.py``."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

POLYNOMIAL = 0xEDB88320
"""CRC-32 as in Ethernet and zip, lowest bit first."""

INITIAL = 0xFFFFFFFF

RESIDUE = 0xDEBB20E3
"""What is left after a message and its checksum."""


class Crc(wiring.Component):
    """CRC-32 of a bit a cycle: ``bit`` enters where ``step`` is 1, ``clear`` begins anew.

    ``good`` is 1 where all bits since were a message and its checksum, lowest bit first. With ``drain`` a step moves
    the register on without feedback: ``next`` before each of 32 such steps are the checksum's bits.
    """

    def __init__(self) -> None:
        super().__init__({"clear": In(1), "step": In(1), "drain": In(1), "bit": In(1), "good": Out(1), "next": Out(1)})

    def elaborate(self, platform):
        m = Module()
        register = Signal(32, init=INITIAL)
        feedback = (register[0] ^ self.bit) & ~self.drain
        m.d.comb += [self.good.eq(register == RESIDUE), self.next.eq(~register[0])]
        with m.If(self.step):
            m.d.sync += register.eq(Cat(register[1:], 0) ^ Mux(feedback, POLYNOMIAL, 0))
        with m.If(self.clear):
            m.d.sync += register.eq(INITIAL)
        return m
