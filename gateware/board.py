"""What stands between a circuit and the pins of a part: clock and reset, or a harness where there are no pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

CORE = "core"
"""The instance of the circuit below a harness or a board."""


@dataclass(frozen=True)
class Primitive:
    """A clock generator of a part: its parameters (a pair is a value and its bits), and the names of its ports.

    ``feedback`` are an output and an input to be joined; ``buffer`` is a primitive between the clock and the circuit,
    and its input and output.
    """

    name: str
    parameters: Mapping[str, int | float | str | tuple[int, int]]
    constants: Mapping[str, int]
    clock_in: str
    clock_out: str
    locked: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    feedback: tuple[str, str] | None = None
    buffer: tuple[str, str, str] | None = None


class Harness(wiring.Component):
    """Gives a circuit with hundreds of ports registers instead of pins, so that it can be placed on its own.

    Every input comes from a shift register that ``shift_in`` feeds; outputs are taken by registers at ``capture`` and
    shifted out at ``shift_out``. No path through the harness is longer than one look-up table.

    ``top`` is the circuit's module, ``ports`` the names, directions (``input`` or ``output``) and widths of its ports;
    ``clock`` is the one of them that is the clock.
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


class BoardTop(wiring.Component):
    """A circuit behind a serial line, on the pins of a board.

    Ports: ``clk`` (the oscillator), ``rx``, ``tx``, where there are such ``rst`` (a button) and ``led`` (lit while the
    circuit runs), and pins ``tied`` to a level. ``reset_low`` and ``led_low`` say whether button and light are active
    low, None that there is none. The circuit is in reset until ``pll`` (None: the oscillator is the clock) has
    locked, and ``startup`` cycles (at least 1) more, for block RAM that is not ready at once; and while the button is
    pressed.
    """

    def __init__(
        self,
        top: str,
        *,
        pll: Primitive | None,
        startup: int,
        reset_low: bool | None,
        led_low: bool | None,
        tied: Mapping[str, int],
    ):
        self._top = top
        self._pll = pll
        self._startup = startup
        self._reset_low = reset_low
        self._led_low = led_low
        self._tied = dict(tied)
        super().__init__(
            {
                "clk": In(1),
                "rx": In(1, init=1),
                "tx": Out(1),
                **({"rst": In(1)} if reset_low is not None else {}),
                **({"led": Out(1)} if led_low is not None else {}),
                **{name: Out(1) for name in tied},
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        locked = Signal()
        self._clocks(m, locked)
        pressed, stable, released = Signal(), Signal(), Signal()
        if self._reset_low is not None:
            m.submodules.button = FFSynchronizer(self.rst ^ self._reset_low, pressed)
        m.submodules.lock = FFSynchronizer(locked, stable)
        waited = Signal(range(self._startup + 1))
        with m.If(~stable | pressed):
            m.d.sync += [waited.eq(0), released.eq(0)]
        with m.Elif(waited == self._startup):
            m.d.sync += released.eq(1)
        with m.Else():
            m.d.sync += waited.eq(waited + 1)
        m.submodules[CORE] = Instance(
            self._top,
            i_clk=ClockSignal(),
            i_rst=~released,
            i_rx=self.rx,
            o_tx=self.tx,
        )
        if self._led_low is not None:
            m.d.comb += self.led.eq(released ^ self._led_low)
        m.d.comb += [getattr(self, name).eq(level) for name, level in self._tied.items()]
        return m

    def _clocks(self, m, locked):
        """The clock of the circuit from the oscillator."""
        clock = Signal()
        m.d.comb += ClockSignal().eq(clock)
        if self._pll is None:
            m.d.comb += [clock.eq(self.clk), locked.eq(1)]
            return
        pll = self._pll
        made = Signal() if pll.buffer else clock
        ports = {f"i_{pll.clock_in}": self.clk, f"o_{pll.clock_out}": made, f"o_{pll.locked}": locked}
        if pll.feedback is not None:
            output, back = pll.feedback
            loop = made if output == pll.clock_out else Signal()
            ports |= {f"o_{output}": loop, f"i_{back}": loop}
        m.submodules.pll = Instance(
            pll.name,
            **{f"a_{name}": value for name, value in pll.attributes.items()},
            **{
                f"p_{name}": Const(*value) if isinstance(value, tuple) else value
                for name, value in pll.parameters.items()
            },
            **{f"i_{name}": Const(level, 1) for name, level in pll.constants.items()},
            **ports,
        )
        if pll.buffer is not None:
            name, inward, outward = pll.buffer
            m.submodules.buffer = Instance(name, **{f"i_{inward}": made, f"o_{outward}": clock})
