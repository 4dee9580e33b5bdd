"""Bytes on a serial line: eight bits, lowest first, no parity, one stop bit."""

from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from snnhw.errors import DescriptionError
from snnhw.shell import LEAST_CYCLES_PER_BIT

TOLERANCE = Fraction(1, 400)
"""How far the time of a bit may be from the one that is asked for; both ends together may be off by 4 %."""

ONE_BYTE = 10
"""Bits on the line of each byte, with those that begin and end it."""


@dataclass(frozen=True)
class BitTime:
    """The cycles of a bit: ``whole``, and one more in ``part`` of ``1 << part_bits`` bits."""

    whole: int
    part: int
    part_bits: int

    @classmethod
    def of(cls, clock_hz: int, baud: int) -> "BitTime":
        """The coarsest within the tolerance. Raises DescriptionError for a baud that the clock is too slow for."""
        if baud < 1 or clock_hz < LEAST_CYCLES_PER_BIT * baud:
            raise DescriptionError(
                f"a baud of {baud} needs a clock of at least {LEAST_CYCLES_PER_BIT * max(baud, 1)} Hz, not {clock_hz}"
            )
        exact = Fraction(clock_hz, baud)
        part_bits = 0
        while abs((nearest := Fraction(round(exact * (1 << part_bits)), 1 << part_bits)) - exact) > exact * TOLERANCE:
            part_bits += 1
        whole = nearest.numerator // nearest.denominator
        return cls(whole=whole, part=int((nearest - whole) * (1 << part_bits)), part_bits=part_bits)

    @property
    def cycles(self) -> Fraction:
        """The mean time of a bit."""
        return self.whole + Fraction(self.part, 1 << self.part_bits)


class BitTimer(wiring.Component):
    """``tick`` once a bit: first ``first`` cycles after the last one in which ``hold`` was 1."""

    def __init__(self, time: BitTime, first: int):
        self.time = time
        self.first = first
        super().__init__({"hold": In(1), "tick": Out(1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self.time.whole + 1))
        extra = Const(0)
        if self.time.part_bits:
            phase = Signal(self.time.part_bits)
            later = Signal(self.time.part_bits + 1)
            extra = later[-1]
            m.d.comb += later.eq(phase + self.time.part)
            with m.If(self.tick):
                m.d.sync += phase.eq(later)
        m.d.comb += self.tick.eq((left == 0) & ~self.hold)
        with m.If(self.hold):
            m.d.sync += left.eq(self.first - 1)
        with m.Else():
            m.d.sync += left.eq(Mux(self.tick, self.time.whole - 1 + extra, left - 1))
        return m


class Receiver(wiring.Component):
    """Gives each byte from the line ``rx`` in the middle of its stop bit, whether anybody takes it or not.

    The line is looked at in the middle of each bit. A low that is over by the middle of a start bit is passed over, and
    so is a byte that does not end with a stop bit.
    """

    def __init__(self, time: BitTime):
        self.time = time
        super().__init__({"rx": In(1, init=1), "bytes": Out(stream.Signature(8, always_ready=True))})

    def elaborate(self, platform):
        m = Module()
        line, active, count = Signal(init=1), Signal(), Signal(range(ONE_BYTE))
        m.submodules.line = FFSynchronizer(self.rx, line, init=1)
        m.submodules.timer = timer = BitTimer(self.time, first=self.time.whole // 2)
        byte, ends = self.bytes.payload, count == ONE_BYTE - 1
        m.d.comb += [
            timer.hold.eq(~active),
            self.bytes.valid.eq(timer.tick & ends & line),
        ]
        with m.If(~active):
            m.d.sync += [active.eq(~line), count.eq(0)]
        with m.Elif(timer.tick):
            m.d.sync += count.eq(count + 1)
            with m.If(((count == 0) & line) | ends):
                m.d.sync += active.eq(0)
            with m.If(~ends):
                m.d.sync += byte.eq(Cat(byte[1:], line))
        return m


class Transmitter(wiring.Component):
    """Sends bytes on the line ``tx``; takes one whenever the last one's stop bit is over."""

    def __init__(self, time: BitTime):
        self.time = time
        super().__init__({"bytes": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        line, active, count = Signal(9, init=-1), Signal(), Signal(range(ONE_BYTE))
        m.submodules.timer = timer = BitTimer(self.time, first=self.time.whole)
        m.d.comb += [timer.hold.eq(~active), self.tx.eq(line[0]), self.bytes.ready.eq(~active)]
        with m.If(~active), m.If(self.bytes.valid):
            m.d.sync += [line.eq(Cat(0, self.bytes.payload)), active.eq(1), count.eq(0)]
        with m.Elif(timer.tick):
            m.d.sync += [line.eq(Cat(line[1:], 1)), count.eq(count + 1)]
            with m.If(count == ONE_BYTE - 1):
                m.d.sync += active.eq(0)
        return m
