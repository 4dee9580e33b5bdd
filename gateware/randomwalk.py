"""The noise of the units: a random walk of the membrane. Twin of ``golden/randomwalk.py``."""

from collections.abc import Iterable

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gateware.lfsr import lfsr_advance
from gateware.stream import lookup, shape_of
from snnhw.srbm.machine import Noise

PHASE_BITS = 8
"""Shifts of the register for a unit's phase, which its lowest bits choose."""


class RandomWalk(wiring.Component):
    """The register all units share, and the noise of ``lanes`` units a cycle.

    ``load`` sets the register to ``state``. ``draw`` draws for the first ``count`` lanes, one of ``counts``: lane n
    from the register after n + 1 leaps, which is left where the last of them found it. Their ``noise`` is there in the
    next cycle. ``draw_phase`` draws 8 bits, which ``phase`` shows in that very cycle.
    """

    def __init__(self, noise: Noise, lanes: int, counts: Iterable[int]):
        self.setting = noise
        self.lanes = lanes
        self.counts = sorted({0, *counts})
        super().__init__(
            {
                "load": In(1),
                "state": In(32),
                "draw": In(1),
                "count": In(range(lanes + 1)),
                "draw_phase": In(1),
                "phase": Out(PHASE_BITS),
                "noise": Out(data.ArrayLayout(shape_of(noise.range), lanes)),
                "register": Out(32, init=1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = self.setting.bits
        phase = lfsr_advance(m, self.register, PHASE_BITS, "after_phase")
        after = [lfsr_advance(m, self.register, bits * (lane + 1), f"after_{lane}") for lane in range(self.lanes)]
        draws = Signal(data.ArrayLayout(bits, self.lanes))
        m.d.comb += self.phase.eq(phase)
        m.d.comb += [self.noise[lane].eq(noise_of(self.setting, draws[lane])) for lane in range(self.lanes)]
        with m.If(self.load):
            m.d.sync += self.register.eq(self.state)
        with m.Elif(self.draw_phase):
            m.d.sync += self.register.eq(phase)
        with m.Elif(self.draw):
            m.d.sync += [draws[lane].eq(after[lane]) for lane in range(self.lanes)]
            with m.Switch(self.count):
                for count in self.counts[1:]:
                    with m.Case(count):
                        m.d.sync += self.register.eq(after[count - 1])
        return m


def noise_of(noise: Noise, draw: Value) -> Value:
    """What a draw adds to the membrane."""
    shape = shape_of(noise.range)
    if noise.kind == "walk":
        ones = sum(draw[1:], draw[0])
        return lookup(ones, [(2 * count - noise.draws) * noise.step for count in range(noise.draws + 1)], shape)
    rises, falls = draw < noise.up, draw >= 256 - noise.down
    return Mux(rises, noise.step, Mux(falls, -noise.step, 0))
