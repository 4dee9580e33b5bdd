from typing import Any

import numpy as np
import pytest
from amaranth.lib import data

from gateware.banks import SinglePortBank
from gateware.competition import Race, best_layout
from gateware.latency import SpikeTimes
from gateware.plasticity import LOUDEST, losses
from gateware.stdp import Kind, StdpCircuit
from golden.stdp import Stdp, spike_steps
from snnhw.stdp.grid import StdpGrid
from snnhw.stdp.learner import Learner, Window
from tests.gateware.harness import Stall, Watch, drive, simulate

TOY = Learner.usual(6, 4, pixels=10, classes=3, spikes=3, num_steps=5)
LANES = 4


@pytest.mark.parametrize(("lanes", "num_steps"), [(1, 8), (4, 5), (8, 1)])
def test_pixels_are_listed_by_the_steps_of_golden(lanes: int, num_steps: int):
    grid = StdpGrid(Learner(pixels=21, neurons=4, num_steps=num_steps, spikes=1), lanes)
    image = np.random.default_rng(lanes).integers(0, 256, 21).astype(np.uint8)
    image[3:9] = 0
    padded = np.full(grid.row_words * lanes, 255)  # what fills up the last beat must not count
    padded[:21] = image
    steps = spike_steps(image, num_steps)
    dut, listed = SpikeTimes(grid), list[tuple[int, int]]()

    async def bench(ctx):
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        beats = padded.reshape(-1, lanes).tolist()
        for _ in range(200):
            ctx.set(dut.pixels.valid, bool(beats))
            for lane, pixel in enumerate(beats[0] if beats else []):
                ctx.set(dut.pixels.payload.pixels[lane], pixel)
            if ctx.get(dut.listed.valid):
                mask, word, to = (ctx.get(getattr(dut.listed, name)) for name in ("mask", "word", "to"))
                listed.extend((to, word * lanes + lane) for lane in range(lanes) if mask >> lane & 1)
            if ctx.get(dut.done):
                break
            if ctx.get(dut.pixels.ready) and beats:
                beats.pop(0)
            await ctx.tick()
        for word in range(grid.row_words):
            ctx.set(dut.address, word)
            await ctx.tick().repeat(2)
            for lane, at in enumerate(steps[word * lanes : (word + 1) * lanes]):
                assert ctx.get(dut.steps[lane]) == at, (word, lane)

    drive(dut, bench)
    assert sorted(listed) == sorted((int(at), pixel) for pixel, at in enumerate(steps) if at < num_steps)


def test_a_single_port_bank_keeps_what_was_written_and_reads_the_other_half_meanwhile():
    dut, draw, kept = SinglePortBank(data.ArrayLayout(3, 1), 11), np.random.default_rng(1), dict[tuple[int, int], int]()
    fields = ("half", "address")

    async def bench(ctx):
        expected: list[int | None] = [None, None]
        for turn in range(400):
            half, address, coming = int(draw.integers(2)), int(draw.integers(11)), int(draw.integers(8))
            wanted = (1 - half, int(draw.integers(11)))
            ctx.set(dut.writes, 1)
            ctx.set(dut.coming[0], coming)
            ctx.set(dut.reads, turn > 100)
            for name, written, read in zip(fields, (half, address), wanted, strict=True):
                ctx.set(getattr(dut, f"write_{name}"), written)
                ctx.set(getattr(dut, f"read_{name}"), read)
            expected.append(kept.get(wanted) if turn > 100 else None)
            kept[half, address] = coming
            await ctx.tick()
            due = expected[-2]
            assert due is None or ctx.get(dut.kept[0]) == due, turn

    drive(dut, bench)


@pytest.mark.parametrize("lanes", [1, 4])
def test_the_first_of_the_best_wins_the_race(lanes: int):
    grid = StdpGrid(Learner(pixels=4, neurons=12, spikes=1), lanes)
    draw = np.random.default_rng(lanes)
    dut, shape = Race(grid), best_layout(grid)

    async def bench(ctx):
        for _ in range(20):
            keys = draw.integers(0, 4, grid.column_words * lanes)
            ctx.set(dut.begin, 1)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            for word in range(grid.column_words):
                for lane in range(lanes):
                    chosen = {"lane": lane, "word": word}
                    entry = {"key": int(keys[word * lanes + lane]), "class": 0, "neuron": chosen}
                    ctx.set(dut.candidates[lane], shape.const(entry))
                ctx.set(dut.valid, 1)
                ctx.set(dut.last, word == grid.column_words - 1)
                await ctx.tick()
            ctx.set(dut.valid, 0)
            for _ in range(grid.lane_bits):
                assert not ctx.get(dut.over)
                await ctx.tick()
            assert ctx.get(dut.over)
            best = ctx.get(dut.best)
            if keys.max() > 0:
                assert best.neuron.word * lanes + best.neuron.lane == keys.argmax()
            await ctx.tick()

    drive(dut, bench)


@pytest.mark.parametrize(
    "window",
    [
        Window(),
        Window(a_plus=2, a_minus=1, silent=0, tau_plus=1, tau_minus=3),
        Window(shape="rectangular", a_plus=0, silent=2, tau_minus=2),
    ],
)
@pytest.mark.parametrize("num_steps", [1, 8, 64])
def test_exponents_are_those_of_the_windows_strengths(window: Window, num_steps: int):
    table = losses(window, num_steps)
    assert len(table) == 2 * num_steps
    for power in range(LOUDEST):
        amplitude = 1 << power
        before = [window.plus(distance, amplitude) for distance in reversed(range(num_steps))]
        after = [window.minus(distance, amplitude) for distance in range(1, num_steps)]
        strengths = [*before, *after, window.silent * amplitude]
        made = [1 << power + 1 - less if power + 1 >= less else 0 for less in table]
        assert made == strengths


class Commands:
    """Commands for a circuit, and what golden says of them."""

    def __init__(self) -> None:
        draw, self.golden = np.random.default_rng(4), Stdp(TOY)
        self.draw = draw
        self.golden.threshold = draw.integers(0, 60 * 15 * 64, 6)
        self.golden.assigned = draw.integers(0, 3, 6)
        self.golden.readout = draw.integers(-2048, 2048, (6, 3))
        self.inputs: dict[str, list[Any]] = {name: [] for name in ("command", "pixels", "weights_in", "neurons_in")}
        self.results: list[dict[str, Any]] = []
        for row in self.golden.weight.tolist():
            words = [*row, 0, 0]
            self.inputs["weights_in"] += [{"weight": words[start : start + LANES]} for start in range(0, 8, LANES)]
        self.inputs["neurons_in"] = self.kept()
        self.command(Kind.LOAD_WEIGHTS, register=self.golden.register)
        self.expect()
        self.command(Kind.LOAD_NEURONS)
        self.expect()

    def kept(self) -> list[dict[str, Any]]:
        golden = self.golden
        numbers = zip(golden.threshold.tolist(), golden.assigned.tolist(), golden.readout.tolist(), strict=True)
        return [{"threshold": threshold, "class": of, "readout": row} for threshold, of, row in numbers]

    def command(self, kind: Any, **fields: int) -> None:
        self.inputs["command"].append(
            {"kind": kind.value, "label": 0, "amplitude": 0, "rate": 0, "register": 0} | fields
        )

    def expect(self, fired: Any = (), answer: int = 0, scores: Any = (0, 0, 0)) -> None:
        winner, step = fired[0] if fired else (0, 0)
        assigned = int(self.golden.assigned[winner]) if fired else 0
        first = {"fired": len(fired), "winner": winner, "assigned": assigned, "step": step}
        kept = {"register": self.golden.register, "class": answer, "scores": list(map(int, scores))}
        self.results.append(first | kept)

    def image(self) -> np.ndarray:
        image = self.draw.integers(0, 256, 10).astype(np.uint8)
        padded = [*image.tolist(), 255, 255]
        self.inputs["pixels"] += [{"pixels": padded[start : start + LANES]} for start in range(0, 12, LANES)]
        return image


@pytest.mark.slow
@pytest.mark.parametrize("stall", [None, Stall(source=0.5, sink=0.5), Stall(sink=0.9, lazy=True)], ids=str)
def test_a_learner_keeps_to_the_rules_of_streams_and_to_golden(stall: Stall | None):
    asked = Commands()
    golden = asked.golden
    for label in range(3):
        asked.command(Kind.TRAIN, amplitude=6)
        asked.expect([golden.train(asked.image(), 64)])
        asked.command(Kind.TEACH, amplitude=3, label=label)
        asked.expect([golden.teach(asked.image(), label, 8)])
        asked.command(Kind.INFER)
        fired = golden.infer(asked.image())
        asked.expect(fired, *golden.score(fired))
        asked.command(Kind.TRAIN_READOUT, rate=2, label=label)
        image = asked.image()
        asked.expect(golden.infer(image), *golden.train_readout(image, label, 4))
    asked.command(Kind.DUMP_WEIGHTS)
    asked.command(Kind.DUMP_NEURONS)
    dut = StdpCircuit(TOY, LANES)
    watch = Watch(dut.tap_strobe, dut.taps)
    run = simulate(dut, asked.inputs, stall, watches={"neurons": watch}, patience=150, limit=30_000)
    assert run.payloads("result") == asked.results
    words = [word["weight"] for word in run.payloads("weights_out")]
    rows = np.array(words).reshape(10, -1)[:, :6]
    assert np.array_equal(rows, golden.weight)
    assert run.payloads("neurons_out") == asked.kept()
    assert sum(sample["spike"] for sample in watch.samples) == sum(result["fired"] for result in asked.results)
