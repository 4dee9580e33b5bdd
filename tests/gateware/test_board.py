"""Clock and reset around a circuit, and the harness that stands in for pins; what they hold is replaced by stubs."""

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from gateware import board
from gateware.board import BoardTop, Harness, Primitive
from tests.gateware.harness import drive

STARTUP = 5


@pytest.fixture
def core(monkeypatch):
    """A circuit of Verilog becomes one that sends its reset, or its inverted input; loops lock where ``lock`` is 1."""
    made = {}

    def instance(name, **ports):
        m = Module()
        made[name] = ports
        if name == "serial":
            m.d.comb += ports["o_tx"].eq(ports["i_rst"] | ~ports["i_rx"])
        if name == "streams":
            m.d.comb += ports["o_there"].eq(~ports["i_here"])
        if name == "loop":
            m.d.comb += [ports["o_OUT"].eq(ports["i_IN"]), ports["o_LOCK"].eq(ports["i_RST"])]
        return m

    monkeypatch.setattr(board, "Instance", instance)
    return made


def clocked(top, process):
    """Run a process that is given a function which lets cycles of the pin ``clk`` pass."""

    async def testbench(ctx):
        async def cycles(count):
            for _ in range(count):
                ctx.set(top.clk, 1)
                await ctx.delay(1e-9)
                ctx.set(top.clk, 0)
                await ctx.delay(1e-9)

        await process(ctx, cycles)

    simulator = Simulator(top)
    simulator.add_testbench(testbench)
    simulator.run()


def top_of(**options):
    usual = {"pll": None, "startup": STARTUP, "reset_low": True, "led_low": True, "tied": {"high": 1, "low": 0}}
    return BoardTop("serial", **{**usual, **options})


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("low", [True, False])
def test_reset_lasts_long_enough_and_comes_with_the_button(low):
    top = top_of(reset_low=low, led_low=low)

    async def process(ctx, cycles):
        def state():
            return ctx.get(top.tx), ctx.get(top.led) ^ low

        ctx.set(top.rst, low)
        assert (ctx.get(top.high), ctx.get(top.low)) == (1, 0)
        await cycles(STARTUP)
        assert state() == (1, 0)
        await cycles(4)
        assert state() == (0, 1)
        ctx.set(top.rx, 0)
        await ctx.delay(1e-9)
        assert ctx.get(top.tx) == 1, "the line goes through"
        ctx.set(top.rx, 1)
        ctx.set(top.rst, not low)
        await cycles(4)
        assert state() == (1, 0)
        ctx.set(top.rst, low)
        await cycles(STARTUP)
        assert state() == (1, 0)
        await cycles(4)
        assert state() == (0, 1)

    clocked(top, process)


@pytest.mark.parametrize("locked", [True, False])
def test_a_loop_that_has_not_locked_keeps_the_circuit_in_reset(core, locked):
    pll = Primitive("loop", {"DIVF": (3, 7)}, {"RST": int(locked)}, "IN", "OUT", "LOCK")
    top = top_of(pll=pll, reset_low=None, led_low=None, tied={})
    assert not hasattr(top, "rst")

    async def process(ctx, cycles):
        await cycles(4 * STARTUP)
        assert ctx.get(top.tx) == (not locked)

    clocked(top, process)
    assert len(core["loop"]["p_DIVF"]) == 7


@pytest.mark.usefixtures("core")
def test_a_harness_reaches_every_port():
    ports = [("clk", "input", 1), ("here", "input", 3), ("there", "output", 3)]
    harness = Harness("streams", ports)
    sent = [1, 0, 0]

    async def testbench(ctx):
        for bit in sent:
            ctx.set(harness.shift_in, bit)
            await ctx.tick()
        ctx.set(harness.capture, 1)
        await ctx.tick()
        ctx.set(harness.capture, 0)
        came = []
        for _ in sent:
            came.append(ctx.get(harness.shift_out))
            await ctx.tick()
        assert came == [1 - bit for bit in reversed(sent)]

    drive(harness, testbench)
