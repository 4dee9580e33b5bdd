"""A circuit that does commands behind AXI: a stream for each of its streams, and registers. See docs/interfaces.md."""

from amaranth.hdl import Cat, ClockDomain, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gateware.registers import Registers
from gateware.width import Skid
from snnhw.commandshell import (
    COMMAND_IDENTITY,
    COMMAND_REGISTERS,
    COMMAND_REGISTERS_VERSION,
    CommandAxiShell,
    axi_stream,
    beat_packet,
    command_ports,
    streams_in,
    streams_out,
)
from snnhw.interface import CommandInterface, StreamPort
from snnhw.shell import LITE_PORTS, digest_words


class CommandAxiTop(wiring.Component):
    """A circuit of commands with the ports of :class:`snnhw.commandshell.CommandAxiShell`.

    All outputs of the streams come from registers, and stay as they are until they have been taken; TLAST comes with
    the last beat that a command gives. A soft reset forgets the command that is being done and beats that came for it,
    and lets a beat that is offered go out; what the circuit has learned stays.
    """

    def __init__(self, circuit: wiring.Component, interface: CommandInterface, digest: str):
        self.circuit = circuit
        self.interface = interface
        self.registers = Registers(
            COMMAND_REGISTERS,
            {
                "identity": [COMMAND_IDENTITY],
                "version": [COMMAND_REGISTERS_VERSION],
                "digest": digest_words(digest),
            },
        )
        ports = command_ports(CommandAxiShell(), interface)
        super().__init__({port.name: (In if port.direction == "input" else Out)(port.width) for port in ports})

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.d.comb += [sync.clk.eq(self.aclk), sync.rst.eq(~self.aresetn)]
        m.submodules.registers = registers = self.registers
        for lite in LITE_PORTS:
            inner, outer = getattr(registers, lite.name), getattr(self, lite.name)
            m.d.comb += inner.eq(outer) if lite.direction == "input" else outer.eq(inner)
        m.submodules.circuit = ResetInserter(registers.reset)(self.circuit)
        for port in streams_in(self.interface):
            self._take(m, port)
        waiting = [self._give(m, port) for port in streams_out(self.interface)]
        self._count(m, Cat(waiting).any())
        return m

    def _take(self, m: Module, port: StreamPort) -> None:
        """A stream in."""
        name, inner = axi_stream(port), getattr(self.circuit, port.name)
        skid = Skid(data.StructLayout({"data": 8 * beat_packet(port).size}))
        m.submodules[f"skid_{port.name}"] = ResetInserter(self.registers.reset)(skid)
        m.d.comb += [
            skid.taken.valid.eq(getattr(self, f"{name}_tvalid")),
            skid.taken.payload.data.eq(getattr(self, f"{name}_tdata")),
            getattr(self, f"{name}_tready").eq(skid.taken.ready),
            inner.valid.eq(skid.given.valid),
            Value.cast(inner.payload).eq(skid.given.payload.data),
            skid.given.ready.eq(inner.ready),
        ]

    def _give(self, m: Module, port: StreamPort) -> Value:
        """A stream out; whether a beat is offered."""
        name, inner = axi_stream(port), getattr(self.circuit, port.name)
        beats = self.interface.beats.get(port.name, 1)
        m.submodules[f"skid_{port.name}"] = skid = Skid(
            data.StructLayout({"data": 8 * beat_packet(port).size, "last": 1})
        )
        count = Signal(range(max(2, beats)), name=f"count_{port.name}")
        last = count == beats - 1
        m.d.comb += [
            skid.taken.valid.eq(inner.valid),
            skid.taken.payload.data.eq(Value.cast(inner.payload)),
            skid.taken.payload.last.eq(last),
            inner.ready.eq(skid.taken.ready),
            getattr(self, f"{name}_tvalid").eq(skid.given.valid),
            getattr(self, f"{name}_tdata").eq(skid.given.payload.data),
            getattr(self, f"{name}_tlast").eq(skid.given.payload.last),
            skid.given.ready.eq(getattr(self, f"{name}_tready")),
        ]
        with m.If(self.registers.reset):
            m.d.sync += count.eq(0)
        with m.Elif(skid.taken.valid & skid.taken.ready):
            m.d.sync += count.eq(Mux(last, 0, count + 1))
        return skid.given.valid

    def _count(self, m: Module, waiting: Value) -> None:
        """The registers that say how it goes."""
        registers, command, result = self.registers, self.circuit.command, self.circuit.result
        running = Signal(32)
        m.d.comb += registers.busy.eq(~command.ready | waiting)
        m.d.sync += running.eq(running + 1)
        with m.If(~command.ready):
            m.d.sync += registers.cycles.eq(running + 1)
        with m.If(command.valid & command.ready):
            m.d.sync += [registers.commands.eq(registers.commands + 1), running.eq(1)]
        with m.If(result.valid & result.ready):
            m.d.sync += registers.results.eq(registers.results + 1)
        with m.If(registers.reset):
            m.d.sync += [registers.commands.eq(0), registers.results.eq(0), registers.cycles.eq(0)]
