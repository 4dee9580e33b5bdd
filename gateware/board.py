"""What stands between a circuit and the pins of a part: clock and reset, or a harness where there are no pins."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

CORE = "core"
"""The instance of the circuit below a harness or a board."""


class Harness(wiring.Component):
    """Gives a circuit with hundreds of ports registers instead of pins, so that it can be placed on its own.

    Every input comes from a shift register that ``shift_in`` feeds; outputs are taken by registers at ``capture`` and
    shifted out at ``shift_out``. No path through the harness is longer than one look-up table.

    ``top`` is the circuit's module, ``ports`` its names, directions (``input`` or ``output``) and widths; ``clock`` is
    the one of them that is the clock.
    """

    def __init__(self, top: str, ports: Sequence[tuple[str, str, int]], clock: str = "clk"):
        self._top = top
        self._clock = clock
        self._ports = [port for port in ports if port[0] != clock]
        super().__init__({"shift_in": In(1), "capture": In(1), "shift_out": Out(1)})

    def elaborate(self, platform):
        m = Module()
        joined = {name: Signal(width, name=f"core_{name}") for name, _, width in self._ports}
        core = {f"{'i' if way == 'input' else 'o'}_{name}": joined[name] for name, way, _ in self._ports}
        m.submodules[CORE] = Instance(self._top, **{f"i_{self._clock}": ClockSignal()}, **core)
        inputs = Cat(joined[name] for name, way, _ in self._ports if way == "input")
        outputs = Cat(joined[name] for name, way, _ in self._ports if way == "output")
        sent, taken = Signal(len(inputs), reset_less=True), Signal(len(outputs), reset_less=True)
        m.d.comb += [inputs.eq(sent), self.shift_out.eq(taken[0])]
        m.d.sync += [sent.eq(Cat(self.shift_in, sent)), taken.eq(taken >> 1)]
        with m.If(self.capture):
            m.d.sync += taken.eq(outputs)
        return m
