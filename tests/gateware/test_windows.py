# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Convolutions, window by window: golden's currents whatever the stalls and what came before; sums from tables."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out
from hypothesis import given
from hypothesis import strategies as st

from gateware.stream import LUT_INPUTS, shape_of
from gateware.windows import TAKEN, WeightedSum, WindowConvolution, WindowPlan
from snnhw.design import DesignLayer
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.network import Range
from tests.convolutions import (
    CASES,
    Values,
    built,
    conv,
    model,
    network,
    run_golden,
    transfers_of,
    values_of,
    words_after_resets,
)
from tests.gateware.harness import Run, Stall, drive, examples, from_words, in_steps, simulate

WINDOWS: dict[str, tuple[Any, tuple[int, ...], int]] = {
    **{name: case for name, case in CASES.items() if "windows" in case[0].visits},
    "one window in a row": (conv(2, 2, stride=(1, 2)), (2, 5, 3), 1),
    "one window in a column": (conv(2, 2, stride=(2, 1)), (2, 3, 5), 2),
    "more padding than kernel": (conv(2, 2, padding=3), (1, 2, 3), 1),
    "a kernel of one tap": (conv(3, 1, stride=2), (2, 4, 3), 2),
}


def windowed(synapse: Any, shape: tuple[int, ...], bits: int, bias: bool = True, **choices: Any) -> DesignLayer:
    return built(model(network(synapse, shape, bits, bias), seed=3), visits="windows", **choices)


def in_words(layer: DesignLayer, words: Sequence[Any]) -> list[list[int]]:
    return [from_words(layer.shape, step) for step in in_steps(words, layer.shape.words)]


def run_rtl(
    layer: DesignLayer, values: Values, marks: Sequence[int], stall: Stall | None = None
) -> tuple[Run, list[list[int]]]:
    run = simulate(WindowConvolution(layer), {"events": transfers_of(values, marks)}, stall, patience=90)
    return run, in_words(layer, [word["current"] for word in run.payloads("currents")])


@pytest.mark.slow
@pytest.mark.parametrize("case", WINDOWS)
def test_currents_are_goldens(case: str):
    """Also where a sample is aborted, first or later."""
    layer = windowed(*WINDOWS[case])
    values, marks = values_of(layer, 4)[[2, 1, 2, 3]], [ABORT, STEP, ABORT, SAMPLE]
    stall = Stall(0.4, 0.6, lazy=len(case) % 2 == 1, seed=2)
    assert run_rtl(layer, values, marks, stall)[1] == run_golden(layer, values, marks)


@pytest.mark.parametrize(("bits", "bit_lanes"), [(2, 1), (3, 1), (4, 2), (4, 1)])
def test_some_bits_of_the_inputs_at_a_time(bits: int, bit_lanes: int):
    layer = windowed(conv(3, 3, stride=2, padding=1), (1, 6, 5), bits, bit_lanes=bit_lanes)
    assert WindowPlan(layer).phases == bits // bit_lanes
    values, marks = values_of(layer, 4), [STEP, ABORT, STEP, SAMPLE]
    for stall in (Stall(), Stall(0.4, 0.6, lazy=bits == 3, seed=2)):
        assert run_rtl(layer, values, marks, stall)[1] == run_golden(layer, values, marks)


def test_a_layer_without_biases():
    layer = windowed(*WINDOWS["stride 1"], bias=False)
    values = values_of(layer, 3)
    assert run_rtl(layer, values, [STEP, STEP, SAMPLE])[1] == run_golden(layer, values)


@pytest.mark.slow
def test_a_reset_of_one_cycle_leaves_nothing_of_what_was_on_its_way():
    layer = windowed(*WINDOWS["stride 2, padding 2"])
    before, after = values_of(layer, 3, seed=1)[[2, 0, 2]], values_of(layer, 2, seed=4)
    for words in words_after_resets(WindowConvolution(layer), before, after, range(20, 130, 22), cycles=160):
        assert in_words(layer, words) == run_golden(layer, after)


def test_every_cycle_of_a_step():
    """2 x 2 windows of three blocks are 2 rows of 4 visits; 9 taps in two tables are there 4 cycles after a visit."""
    layer = windowed(conv(2, 3), (1, 4, 4), 1)
    plan = WindowPlan(layer)
    assert (plan.blocks, plan.row_visits, plan.visits, plan.latency) == (3, 4, 8, 4)
    values = values_of(layer, 3, seed=2)
    run, currents = run_rtl(layer, values, [STEP, STEP, SAMPLE])
    assert currents == run_golden(layer, values)
    start, taken, offered = 8, list[int](), list[int]()
    for events in np.count_nonzero(values, axis=1).tolist():
        mark = start + events
        taken += range(start, mark + 1)
        offered += [mark + TAKEN + visit + 4 for visit in (2, 3, 6, 7)]
        start = mark + TAKEN + 8
    assert run.taken("events") == taken
    assert run.offered("currents") == run.taken("currents") == offered


def test_nothing_moves_while_a_word_waits():
    """Events of the next step are let in as much later as the two words that come during the visits have waited."""
    layer = windowed(conv(2, 3), (1, 4, 4), 1)
    values = values_of(layer, 2)
    free, held = (run_rtl(layer, values[[0, 0]], [STEP, SAMPLE], Stall(sink=wait, seed=3))[0] for wait in (0, 0.9))
    waits = [later - first for first, later in zip(held.offered("currents"), held.taken("currents"), strict=True)]
    assert sum(waits[:4]) > 20
    assert held.taken("events")[-1] == free.taken("events")[-1] + sum(waits[:2])


def test_the_table_says_every_place_that_windows_have():
    """Of each input, and row of the kernel: the windows' row, and where in it."""
    for synapse, shape, bits in WINDOWS.values():
        layer = windowed(synapse, shape, bits)
        plan = WindowPlan(layer)
        found = {
            (place[0], tap, entry["row"][tap], entry["block"], entry["column"])
            for place, entry in zip(plan.source.places, plan.table(0), strict=True)
            if place is not None
            for tap in range(synapse.kernel[0])
            if entry["held"] >> tap & 1
        }
        wanted = set()
        for (k, y, x), i, j in _taps(plan):
            row, rest = divmod(y + synapse.padding[0] - i, synapse.stride[0])
            column, over = divmod(x + synapse.padding[1] - j, synapse.stride[1])
            if rest == over == 0 and 0 <= row < plan.rows and 0 <= column < plan.columns:
                wanted.add((k, i, row, *divmod(x + synapse.padding[1], synapse.stride[1])))
        assert wanted <= found


def _taps(plan: WindowPlan) -> Iterator[tuple[tuple[int, int, int], int, int]]:
    for place in plan.source.places:
        assert place is not None
        for i in range(plan.kernel[0]):
            for j in range(plan.kernel[1]):
                yield place, i, j


class Sum(Component):
    """A weighted sum by itself."""

    def __init__(self, weighted: WeightedSum, values: Range) -> None:
        self.weighted = weighted
        inputs = data.ArrayLayout(shape_of(values), len(weighted.weights))
        super().__init__({"moves": In(1), "first": In(1), "inputs": In(inputs), "total": Out(64)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        inputs = [self.inputs[place] for place in range(len(self.weighted.weights))]
        m.d.comb += self.total.eq(self.weighted.build(m, self.moves, inputs, self.first))
        return m


def sums_of(
    weights: list[int], values: Range, constant: int, rows: list[list[int]], seed: int, phases: int = 1
) -> list[int]:
    """The sums of rows of inputs, one after the other, each `WeightedSum.latency` moves later; it moves at random.

    The bits of a row come in so many moves, the highest first.
    """
    width = values.hi.bit_length()
    bits = width // phases
    weighted = WeightedSum(weights, values, constant, bits)
    dut, random, found = Sum(weighted, values), np.random.default_rng(seed), list[int]()
    parts = [[value >> start & (1 << bits) - 1 for value in row] for row in rows for start in _starts(width, bits)]

    async def bench(ctx: Any) -> None:
        for turn, part in enumerate([*parts, *parts[:1] * weighted.latency]):
            ctx.set(dut.first, turn % phases == 0)
            for place, value in enumerate(part):
                ctx.set(dut.inputs[place], value)
            while (moves := int(random.integers(2))) == 0:
                ctx.set(dut.moves, moves)
                await ctx.tick()
            ctx.set(dut.moves, moves)
            total = ctx.get(dut.total)
            found.append(total - (1 << 64) if total >> 63 else total)
            await ctx.tick()

    drive(dut, bench)
    return found[weighted.latency + phases - 1 :: phases]


def _starts(width: int, bits: int) -> Sequence[int]:
    return range(width - bits, -1, -bits)


@st.composite
def sums(draw: st.DrawFn) -> tuple[list[int], Range, int, list[list[int]]]:
    """Weights, the values of inputs, a constant, and rows of inputs."""
    hi = draw(st.one_of(st.integers(1, 8).map(lambda bits: (1 << bits) - 1), st.integers(1, 255)))
    weights = draw(st.lists(st.one_of(st.just(0), st.integers(-128, 127)), min_size=1, max_size=3 * LUT_INPUTS))
    row = st.lists(st.one_of(st.just(hi), st.integers(0, hi)), min_size=len(weights), max_size=len(weights))
    return weights, Range(lo=0, hi=hi), draw(st.integers(-5000, 5000)), draw(st.lists(row, min_size=1, max_size=6))


@pytest.mark.slow
@examples(10)
@given(sums(), st.integers(0, 99))
def test_weighted_sums_are_sums(chosen: tuple[list[int], Range, int, list[list[int]]], seed: int):
    weights, values, constant, rows = chosen
    expected = [constant + sum(map(int.__mul__, weights, row)) for row in rows]
    width = values.hi.bit_length()
    phases = [count for count in range(1, width + 1) if width % count == 0][seed % 2 and -1]
    assert sums_of(weights, values, constant, rows, seed, phases) == expected


@pytest.mark.parametrize("weights", [[0, 0, 0], [-8], [7], [0] * 7 + [-3], [-8] * 7, [7] * 13])
@pytest.mark.parametrize("hi", [1, 2, 5, 255])
def test_weighted_sums_at_the_ends(weights: list[int], hi: int):
    rows = [[0] * len(weights), [hi] * len(weights), [*[0] * (len(weights) - 1), hi]]
    expected = [sum(map(int.__mul__, weights, row)) - 11 for row in rows]
    assert sums_of(weights, Range(lo=0, hi=hi), -11, rows, seed=0) == expected


@pytest.mark.parametrize(
    ("count", "hi", "latency"), [(0, 1, 2), (6, 1, 2), (7, 1, 3), (12, 3, 4), (13, 1, 4), (6, 4, 4), (25, 255, 8)]
)
def test_a_weighted_sum_takes_a_cycle_for_each_level(count: int, hi: int, latency: int):
    bits = hi.bit_length()
    assert WeightedSum([1] * count, Range(lo=0, hi=hi), 0, bits).latency == latency
    if bits > 1:  # one level for what came before, and none for planes
        assert WeightedSum([1] * count, Range(lo=0, hi=hi), 0, 1).latency == latency - (bits - 1).bit_length() + 1


def test_marks_alone_give_the_biases():
    layer = windowed(*WINDOWS["one position"])
    run = simulate(WindowConvolution(layer), {"events": [{"mark": STEP, "address": 0, "value": 0}] * 2}, patience=90)
    assert EVENT not in {transfer["mark"] for transfer in run.payloads("events")}
    assert in_words(layer, [word["current"] for word in run.payloads("currents")]) == [layer.bias.tolist()] * 2
