import pytest

from gateware.randomwalk import RandomWalk
from golden import randomwalk as golden
from golden.lfsr import lfsr_advance
from snnhw.srbm.machine import Noise, RandomSampling
from snnhw.srbm.machine import RandomWalk as Walk
from tests.gateware.harness import drive

SEED = 0xACE1
NOISES = [Walk(), Walk(step=3, draws=1), Walk(step=1, draws=16), RandomSampling(), RandomSampling(up=256, down=0)]
NOISES += [RandomSampling(step=1, up=0, down=256), RandomSampling(up=7, down=200), Walk(step=0)]


def run_rtl(noise: Noise, lanes: int, counts: list[int], seed: int = SEED) -> tuple[list[int], list[int]]:
    """The noise of each unit, and the register after each word."""
    dut = RandomWalk(noise, lanes, counts)
    drawn: list[int] = []
    registers: list[int] = []

    async def bench(ctx):
        ctx.set(dut.load, 1)
        ctx.set(dut.state, seed)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.draw, 1)
        for count in counts:
            ctx.set(dut.count, count)
            await ctx.tick()
            drawn.extend(ctx.get(dut.noise[lane]) for lane in range(count))
            registers.append(ctx.get(dut.register))

    drive(dut, bench)
    return drawn, registers


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_every_draw_is_goldens(noise: Noise, lanes: int):
    counts = [lanes, lanes, lanes - 1, 0, lanes, 1, lanes]
    drawn, registers = run_rtl(noise, lanes, counts)
    state, expected = golden.RandomWalk(noise, sum(counts)).draw(SEED)
    assert drawn == expected.tolist()
    assert registers[-1] == state


@pytest.mark.parametrize("lanes", [1, 8])
def test_a_word_without_units_leaves_the_register_alone(lanes: int):
    assert run_rtl(Walk(), lanes, [0, 0])[1] == [SEED, SEED]


@pytest.mark.slow
def test_lanes_change_no_draw():
    words = {lanes: run_rtl(Walk(), lanes, [lanes] * (32 // lanes)) for lanes in (1, 4, 32)}
    assert len({tuple(drawn) for drawn, _ in words.values()}) == 1
    assert len({registers[-1] for _, registers in words.values()}) == 1


def test_a_phase_is_eight_shifts():
    dut = RandomWalk(Walk(), 2, [2])
    shown, expected = [], []

    async def bench(ctx):
        ctx.set(dut.load, 1)
        ctx.set(dut.state, SEED)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.draw_phase, 1)
        for _ in range(5):
            shown.append(ctx.get(dut.phase))
            await ctx.tick()

    drive(dut, bench)
    state = SEED
    for _ in range(5):
        state = lfsr_advance(state, 8)
        expected.append(state & 255)
    assert shown == expected
