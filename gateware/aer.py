"""A network behind the port of a camera: events by four-phase handshake, and bins that a clock or a pin cuts.

Without a twin: what it passes on is an input of events, whose twins are those of ``gateware/encoder.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from gateware.network import NetworkCircuit
from snnhw.errors import DescriptionError
from snnhw.implementation import address_width
from snnhw.shell import AerShell

if TYPE_CHECKING:
    from snnhw.design import Design

CLOCK = ("clk", "rst")
"""The ports that Amaranth adds by itself."""

END = "end"
"""The field of a transfer that says whether it ends a bin."""


class Receiver(wiring.Component):
    """Takes an event by four-phase handshake (address-event representation) and offers it as a transfer.

    The sender holds ``place`` from before ``request`` rises until ``acknowledge`` does; both then fall, the request
    first. ``request`` may be of any clock or none: two flip-flops bring it to this one. An event is offered 2 cycles
    after a request was seen and acknowledged in the cycle after it was taken: a sender that answers at once sends one
    every 6 cycles.
    """

    def __init__(self, place: data.StructLayout, sample: data.StructLayout):
        super().__init__(
            {
                "request": In(1),
                "place": In(place),
                "acknowledge": Out(1),
                "events": Out(stream.Signature(sample)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        requested, event = Signal(), self.events.payload
        m.submodules.request = FFSynchronizer(self.request, requested)
        m.d.comb += [self.events.valid.eq(requested & ~self.acknowledge), event.end.eq(0)]
        m.d.comb += [event[name].eq(self.place[name]) for name, _ in self.place.shape()]
        m.d.sync += self.acknowledge.eq(requested & (self.acknowledge | self.events.ready))
        return m


class BinEnds(wiring.Component):
    """Puts the end of a bin into a stream of events for each cycle with ``tick``.

    A transfer a cycle, each offered in the cycle after it was taken. An event that was not taken when the tick came
    belongs to the next bin. Ends that wait go first; up to ``MOST`` of them can, and ``lost`` says, until a reset, that
    there were more.
    """

    MOST = 255

    def __init__(self, sample: data.StructLayout):
        super().__init__(
            {
                "events": In(stream.Signature(sample)),
                "tick": In(1),
                "sample": Out(stream.Signature(sample)),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        due, goes, ends = Signal(range(self.MOST + 1)), Signal(), Signal()
        sample, payload = self.sample, self.sample.payload
        m.d.comb += [
            goes.eq(~sample.valid | sample.ready),
            ends.eq(goes & (due != 0)),
            self.events.ready.eq(goes & (due == 0)),
        ]
        with m.If(goes):
            m.d.sync += [sample.valid.eq(self.events.valid | ends), payload.eq(self.events.payload)]
            m.d.sync += payload.end.eq(ends)
        full = (due == self.MOST) & ~ends
        m.d.sync += due.eq(due - ends + (self.tick & ~full))
        with m.If(self.tick & full):
            m.d.sync += self.lost.eq(1)
        return m


class AerTop(wiring.Component):
    """A network of camera events with the ports of :class:`snnhw.shell.AerShell`.

    Raises DescriptionError for a network whose input is anything else, and for memories that take new weights.
    """

    def __init__(self, design: Design, bin_cycles: int):
        encoder = design.network.encoder
        if encoder.carries_values or not encoder.takes_events:
            raise DescriptionError(
                f"--interface aer is for networks with the encoder 'address_events', not '{encoder.kind}'"
            )
        if any(layer.loadable for layer in design.layers):
            raise DescriptionError("--interface aer has no port for weights that are loaded: leave all memories rom")
        self.circuit = NetworkCircuit(design)
        self.bin_cycles = bin_cycles
        ports = [
            port for port in AerShell(bin_cycles=bin_cycles).ports(self.circuit.interface) if port.name not in CLOCK
        ]
        super().__init__({port.name: (In if port.direction == "input" else Out)(port.width) for port in ports})

    def elaborate(self, platform):
        m = Module()
        circuit, sample = self.circuit, self.circuit.sample.payload.shape()
        place = data.StructLayout({name: member.shape for name, member in sample if name != END})
        m.submodules.circuit = circuit
        m.submodules.receiver = receiver = Receiver(place, sample)
        m.submodules.bins = ends = BinEnds(sample)
        wiring.connect(m, receiver.events, ends.events)
        wiring.connect(m, ends.sample, circuit.sample)
        m.d.comb += [
            receiver.request.eq(self.aer_request),
            receiver.place.eq(Cat(getattr(self, f"aer_{name}") for name, _ in place)),
            self.aer_acknowledge.eq(receiver.acknowledge),
            ends.tick.eq(self._tick(m)),
            self.result__valid.eq(circuit.result.valid),
            self.result__payload.eq(circuit.result.payload),
            circuit.result.ready.eq(self.result__ready),
            self.error.eq(circuit.error | ends.lost),
            *(getattr(self, name).eq(getattr(circuit, name)) for name in circuit.interface.counts),
        ]
        return m

    def _tick(self, m):
        """Whether a bin ends: the pin, or every so many cycles."""
        if not self.bin_cycles:
            return self.bin_end
        cycle, last = Signal(address_width(self.bin_cycles)), self.bin_cycles - 1
        m.d.sync += cycle.eq(Mux(cycle == last, 0, cycle + 1))
        return cycle == last
