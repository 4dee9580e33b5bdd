import random

import numpy as np
import pytest
from amaranth.hdl import Module, Signal

from gateware.differential import Mode
from gateware.learning import Gate, pulse
from gateware.sweep import Sweep
from golden.learning import Learning
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine, Periods, Phases, Window
from tests.gateware.harness import drive

TOY = Machine(
    pixels=5,
    classes=2,
    labels_per_class=1,
    hidden=6,
    biases=2,
    phases=Phases(settle=2, data=6, transition=3, model=5),
    periods=Periods(pixel=3, label=4, bias=7),
    window=Window(visible=3, hidden=2),
    inference_ticks=9,
)


@pytest.mark.parametrize("train", [True, False])
def test_the_gate_follows_the_phases(train: bool):
    dut, phases = Gate(TOY), TOY.phases
    ticks = phases.ticks if train else TOY.inference_ticks

    async def bench(ctx):
        ctx.set(dut.start, 1)
        ctx.set(dut.train, train)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.advance, 1)
        for tick in range(ticks):
            gate = phases.gate(tick) if train else 0
            assert ctx.get(dut.gate) == (gate != 0), tick
            assert gate == 0 or ctx.get(dut.up) == (gate > 0), tick
            assert (ctx.get(dut.first), ctx.get(dut.last)) == (tick == 0, tick == ticks - 1)
            if train:
                assert ctx.get(dut.clamped) == phases.clamped(tick)
                assert ctx.get(dut.clamped_next) == phases.clamped(tick + 1)
            times = (ctx.get(dut.pixel_time), ctx.get(dut.label_time), ctx.get(dut.bias_time))
            assert times == (tick % 3, tick % 4, tick % 7)
            await ctx.tick()

    drive(dut, bench)


@pytest.mark.parametrize("window", [1, 2, 7])
def test_a_pulse_lasts_as_long_as_its_window(window: int):
    m, timer, spike = Module(), Signal(4), Signal()
    m.d.sync += timer.eq(pulse(timer, spike, window))
    spikes = random.Random(window).choices([0, 1], [5, 1], k=60)
    learning = Learning(TOY.model_copy(update={"window": Window(visible=window)}))

    async def bench(ctx):
        for fires in spikes:
            ctx.set(spike, fires)
            await ctx.tick()
            learning.tick(np.full(TOY.rows, bool(fires)), np.zeros(TOY.columns, bool), 0)
            assert ctx.get(timer) == learning.trace[0]

    drive(m, bench)


def reports(
    grid: Grid, rows: np.ndarray, columns: np.ndarray, open_rows: np.ndarray, due: np.ndarray
) -> list[dict[str, int]]:
    """What the units report of a tick, word by word."""

    def words(units: np.ndarray, count: int) -> list[int]:
        padded = np.zeros(count * grid.lanes, int)
        padded[: len(units)] = units
        return [int(word @ (1 << np.arange(grid.lanes))) for word in padded.reshape(count, grid.lanes)]

    spikes = [*words(rows, grid.row_words), *words(columns, grid.column_words)]
    opened = [*words(open_rows, grid.row_words), *[0] * grid.column_words]
    dues = [*[0] * grid.row_words, *words(due, grid.column_words)]
    named = zip(spikes, opened, dues, strict=True)
    return [{"word": word, "spike": s, "open": o, "due": d} for word, (s, o, d) in enumerate(named)]


@pytest.mark.parametrize("lanes", [1, 2, 4, 16])
def test_updates_are_those_of_golden(lanes: int):
    """Every column that is due meets every open row once, and no two biases meet."""
    grid, draw = Grid(TOY, lanes), np.random.default_rng(lanes)
    gate, learning = Gate(TOY), Learning(TOY)
    dut, m = Sweep(grid, gate), Module()
    m.submodules.gate, m.submodules.dut = gate, dut
    ticks = range(TOY.phases.ticks)
    fired = [(draw.random(TOY.rows) < 0.2, draw.random(TOY.columns) < 0.2) for _ in ticks]

    async def tick(ctx, words, stalls):
        """The synapses of a tick's updates, and how often each is asked for."""
        updates: list[tuple[int, int]] = []
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        request = dut.requests.payload
        for cycle in range(2000):
            report = words[cycle] if cycle < len(words) else None
            ctx.set(dut.valid, report is not None)
            for name, value in (report or {}).items():
                ctx.set(getattr(dut.report, name), value)
            if cycle >= len(words) and ctx.get(dut.done):
                return updates
            ready = stalls.random() < 0.7
            ctx.set(dut.requests.ready, ready)
            if ready and ctx.get(dut.requests.valid) and ctx.get(request.mode) == Mode.STDP:
                assert ctx.get(request.by_column)
                column = ctx.get(request.column_word) * lanes + ctx.get(request.offset)
                mask, first = ctx.get(request.mask), ctx.get(request.row_word) * lanes
                updates += [(first + lane, column) for lane in range(lanes) if mask >> lane & 1]
            await ctx.tick()
        raise AssertionError("the sweep never ends")

    async def bench(ctx):
        stalls = random.Random(lanes)
        ctx.set(gate.start, 1)
        ctx.set(gate.train, 1)
        await ctx.tick()
        ctx.set(gate.start, 0)
        for number in ticks:
            rows, columns = fired[number]
            due = learning.delay == 1
            expected = learning.tick(rows, columns, TOY.phases.gate(number))
            updates = await tick(ctx, reports(grid, rows, columns, learning.trace > 0, due), stalls)
            wanted = [(int(row), column) for column, open_rows in expected for row in np.flatnonzero(open_rows)]
            assert sorted(updates) == sorted(wanted), number
            ctx.set(gate.advance, 1)
            await ctx.tick()
            ctx.set(gate.advance, 0)

    drive(m, bench)
