"""Event-driven contrastive divergence: gate, phases, traces and delays. Twin of ``golden/learning.py``.

Which synapses meet, of the columns that are due and the rows that are open, is gone through in ``gateware/sweep.py``.
"""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from snnhw.implementation import address_width
from snnhw.srbm.machine import Machine


class Gate(wiring.Component):
    """Where a command is: its tick, and what follows from it.

    ``start`` begins a command, of training or not; ``advance`` goes on to the next tick. ``gate`` is 1 where g is not
    0, and then ``up`` where it is +1; ``clamped`` whether pixels and labels of a training image are clamped, and
    ``clamped_next`` whether they will be in the next tick. ``first`` and ``last`` mark ticks of a command;
    ``pixel_time``, ``label_time`` and ``bias_time`` are the tick modulo their periods.
    """

    def __init__(self, machine: Machine):
        self.machine = machine
        periods = machine.periods
        self.periods = {"pixel_time": periods.pixel, "label_time": periods.label, "bias_time": periods.bias}
        flags = ("training", "gate", "up", "clamped", "clamped_next", "first", "last")
        super().__init__(
            {"start": In(1), "train": In(1), "advance": In(1)}
            | {name: Out(1) for name in flags}
            | {name: Out(range(period)) for name, period in self.periods.items()}
        )

    def elaborate(self, platform):
        m = Module()
        machine, phases = self.machine, self.machine.phases
        tick = Signal(address_width(max(phases.ticks, machine.inference_ticks)))
        free = phases.settle + phases.data
        m.d.comb += [
            self.first.eq(tick == 0),
            self.last.eq(tick == Mux(self.training, phases.ticks - 1, machine.inference_ticks - 1)),
            self.clamped.eq(tick < free),
            self.clamped_next.eq(tick + 1 < free),
            self.up.eq(self.clamped),
            self.gate.eq(
                self.training & ((self.clamped & (tick >= phases.settle)) | (tick >= free + phases.transition))
            ),
        ]
        with m.If(self.start):
            m.d.sync += [tick.eq(0), self.training.eq(self.train)]
            m.d.sync += [getattr(self, name).eq(0) for name in self.periods]
        with m.Elif(self.advance):
            m.d.sync += tick.eq(tick + 1)
            for name, period in self.periods.items():
                time = getattr(self, name)
                m.d.sync += time.eq(Mux(time == period - 1, 0, time + 1))
        return m


def pulse(timer: Value, spike: Value, window: Value) -> Value:
    """A trace or a delay after a tick: set by a spike, else counting down to 0."""
    return Mux(spike, window, Mux(timer.any(), timer - 1, 0))
