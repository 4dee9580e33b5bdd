"""Registers, such as :data:`snnhw.shell.REGISTERS` lists them, behind AXI4-Lite."""

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

from snnhw.shell import LITE_PORTS, REGISTERS, Register, RegisterField

STATE_BITS = 8
"""Of ``status``, the lowest: how it is now. What lies above are flags, which stay until they are cleared."""


def _named(registers: Sequence[Register], name: str) -> Register:
    """The register of that name."""
    return next(register for register in registers if register.name == name)


def flags_of(registers: Sequence[Register]) -> list[RegisterField]:
    """The fields of ``status`` that stay until they are cleared."""
    return [field for field in _named(registers, "status").fields if field.lowest >= STATE_BITS]


def states_of(registers: Sequence[Register]) -> list[RegisterField]:
    """The fields of ``status`` that say how it is now, bit by bit from the lowest."""
    return [field for field in _named(registers, "status").fields if field.lowest < STATE_BITS]


FLAGS = flags_of(REGISTERS)
"""Those of a network's registers."""

COUNTS = ("samples", "results", "dropped", "latency", "interval")
"""The registers that the circuit of a network counts."""


class Response(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What AXI4-Lite answers."""

    OKAY = 0
    SLVERR = 2


class Registers(wiring.Component):
    """An AXI4-Lite slave with the registers; ``reset`` is 1 for a cycle where a soft reset is asked for.

    The five channels are independent: an address may come before, with or after its data. A write takes effect, and
    its answer is offered, two cycles after the later of the two; a read is answered in the cycle after its address.
    Addresses without a register, and writes to what can only be read, are answered by SLVERR and change nothing.
    The two lowest bits of an address are ignored; ``awprot`` and ``arprot`` too.

    ``constants``: the value of each register that never changes, by name; the others that are only read are inputs,
    and so are the states of ``status``. ``raised`` sets its flags, in their order. A soft reset clears the flags, not
    ``scratch``.
    """

    def __init__(self, registers: Sequence[Register], constants: Mapping[str, list[int]]):
        self.registers = tuple(registers)
        self.constants = constants
        self.states, flags = states_of(registers), flags_of(registers)
        counts = [each.name for each in registers if each.access == "read" and each.name not in constants]
        super().__init__(
            {port.name: (In if port.direction == "input" else Out)(port.width) for port in LITE_PORTS}
            | {name: In(32) for name in counts if name != "status"}
            | {field.name: In(1) for field in self.states}
            | ({"raised": In(len(flags))} if flags else {})
            | {"reset": Out(1)}
        )
        self.flags = Signal(len(flags))
        self.scratch = Signal(32)

    def elaborate(self, platform):
        m = Module()
        self._read(m)
        self._write(m)
        return m

    def _value(self, register: Register, index: int) -> Value:
        """What a register reads as."""
        if register.name in self.constants:
            return Value.cast(self.constants[register.name][index])
        if register.name == "status":
            states = Cat(getattr(self, field.name) for field in self.states)
            return Cat(states, Const(0, STATE_BITS - len(states)), self.flags)
        if register.name == "scratch":
            return self.scratch
        return Value.cast(0) if register.access == "write" else getattr(self, register.name)

    def _read(self, m):
        with m.If(self.s_axi_arvalid & self.s_axi_arready):
            m.d.sync += [self.s_axi_rvalid.eq(1), self.s_axi_rdata.eq(0), self.s_axi_rresp.eq(Response.SLVERR)]
            with m.Switch(self.s_axi_araddr[2:]):
                for register in self.registers:
                    for index in range(register.count):
                        with m.Case(register.address // 4 + index):
                            value = self._value(register, index)
                            m.d.sync += [self.s_axi_rdata.eq(value), self.s_axi_rresp.eq(Response.OKAY)]
        with m.Elif(self.s_axi_rready):
            m.d.sync += self.s_axi_rvalid.eq(0)
        m.d.comb += self.s_axi_arready.eq(~self.s_axi_rvalid)

    def _write(self, m):
        addressed, filled = Signal(), Signal()
        address, data, strobes = Signal(len(self.s_axi_awaddr) - 2), Signal(32), Signal(4)
        m.d.comb += [self.s_axi_awready.eq(~addressed), self.s_axi_wready.eq(~filled)]
        with m.If(self.s_axi_awvalid & self.s_axi_awready):
            m.d.sync += [addressed.eq(1), address.eq(self.s_axi_awaddr[2:])]
        with m.If(self.s_axi_wvalid & self.s_axi_wready):
            m.d.sync += [filled.eq(1), data.eq(self.s_axi_wdata), strobes.eq(self.s_axi_wstrb)]
        written = Cat(data.word_select(byte, 8) & strobes[byte].replicate(8) for byte in range(4))
        kept = Cat(self.scratch.word_select(byte, 8) & ~strobes[byte].replicate(8) for byte in range(4))
        cleared = Signal.like(self.flags)
        m.d.sync += self.reset.eq(0)
        if len(self.flags):
            m.d.sync += self.flags.eq(Mux(self.reset, 0, self.flags & ~cleared | self.raised))
        with m.If(self.s_axi_bready):
            m.d.sync += self.s_axi_bvalid.eq(0)
        with m.If(addressed & filled & (~self.s_axi_bvalid | self.s_axi_bready)):
            m.d.sync += [addressed.eq(0), filled.eq(0), self.s_axi_bvalid.eq(1)]
            m.d.sync += self.s_axi_bresp.eq(Response.OKAY)
            with m.Switch(address):
                with m.Case(self._word("control")):
                    m.d.sync += self.reset.eq(written[0])
                if len(self.flags):
                    with m.Case(self._word("status")):
                        m.d.comb += cleared.eq(written[STATE_BITS:])
                with m.Case(self._word("scratch")):
                    m.d.sync += self.scratch.eq(kept | written)
                with m.Default():
                    m.d.sync += self.s_axi_bresp.eq(Response.SLVERR)

    def _word(self, name: str) -> int:
        """Where a register lies, in words."""
        return _named(self.registers, name).address // 4
