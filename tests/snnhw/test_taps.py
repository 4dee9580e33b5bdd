"""Tap records decoded: lanes to neurons, transfers to samples and steps, and what is missing or too much."""

from dataclasses import replace

import numpy as np
import pytest

from golden.network import run
from snnhw.compare import Divergence, compare
from snnhw.design import Design
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP, Tap, TapSignal
from snnhw.simulate.amaranth import AmaranthSimulator
from snnhw.simulate.simulation import Simulation
from snnhw.simulate.taps import EncoderTrace, decode_encoder, decode_layer, record_words, signal_words
from tests import circuits


def layer_tap(order: tuple[tuple[int | None, ...], ...], steps: int = 1) -> Tap:
    widths = {"integrated": (20, True), "spike": (1, False), "value": (4, False), "membrane": (20, True)}
    signals = tuple(
        TapSignal(name=name, signal=f"tap_{name}", width=width, count=len(order[0]) * steps, signed=signed)
        for name, (width, signed) in widths.items()
    )
    return Tap(stage="layer", scope="layer", strobe="tap_strobe", signals=signals, order=order, steps=steps)


def record(*numbers: int) -> list[int]:
    """A record of two lanes whose fields hold these numbers and their successors."""
    fields = []
    for number, width in zip(numbers, (20, 1, 4, 20), strict=True):
        packed = (number & (1 << width) - 1) | (number + 1 & (1 << width) - 1) << width
        fields += [packed & 0xFFFFFFFF, packed >> 32] if width == 20 else [packed]
    return fields


def test_lanes_become_neurons_in_the_words_order():
    tap = layer_tap(((0, 1), (2, None)))
    assert record_words(tap) == 6
    rows = [record(10 * i, 0, i, -10 * i) for i in range(9)]
    trace = decode_layer(tap, np.array(rows, np.uint32), num_steps=2, samples=5)
    assert trace.integrated.tolist() == [[[0, 1, 10], [40, 41, 50]], [[20, 21, 30], [60, 61, 70]]]
    assert trace.value.tolist() == [[[0, 1, 1], [4, 5, 5]], [[2, 3, 3], [6, 7, 7]]]
    assert trace.state["membrane"].tolist() == [[[0, 1, -10], [-40, -39, -50]], [[-20, -19, -30], [-60, -59, -70]]]
    assert trace.spike[0].tolist() == [[0, 1, 0], [0, 1, 0]]


def test_records_of_all_steps_become_steps():
    """Two words a sample, each with both lanes' numbers of steps 0 and 1."""
    tap = layer_tap(((2, 1), (0, None)), steps=2)
    rows = []
    for sample, word in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]:
        numbers = [-(100 * sample + 10 * (2 * word + lane) + step) for lane in (0, 1) for step in (0, 1)]
        packed = sum((number & 0xFFFFF) << 20 * place for place, number in enumerate(numbers))
        wide = [packed >> 32 * part & 0xFFFFFFFF for part in range(3)]
        rows.append([*wide, 0b0110 if word == 0 else 0b0001, 0, *wide])
    assert record_words(tap) == len(rows[0])
    trace = decode_layer(tap, np.array(rows, np.uint32), num_steps=2, samples=5)
    assert trace.integrated.tolist() == [
        [[-20, -10, 0], [-120, -110, -100]],
        [[-21, -11, -1], [-121, -111, -101]],
    ]
    assert trace.spike.tolist() == [[[1, 1, 0], [1, 1, 0]], [[0, 0, 1], [0, 0, 1]]]
    assert trace.value.shape == trace.state["membrane"].shape == (2, 2, 3)
    assert decode_layer(tap, np.array(rows, np.uint32), num_steps=2, samples=1).spike.shape == (2, 1, 3)


def test_any_order_of_lanes_and_more_records_than_samples():
    tap = layer_tap(((2, None), (1, 0)))
    rows = [record(10, 0, 0, 0), record(20, 0, 0, 0)] * 3
    trace = decode_layer(tap, np.array(rows, np.uint32), num_steps=1, samples=2)
    assert trace.integrated.tolist() == [[[21, 20, 10], [21, 20, 10]]]


def test_nothing_recorded_is_no_samples():
    trace = decode_layer(layer_tap(((0, 1),)), np.zeros((0, 6), np.uint32), num_steps=3, samples=2)
    assert trace.integrated.shape == (3, 0, 2)


def encoder(*transfers: tuple[int, int, int], lanes: int = 1) -> EncoderTrace:
    """Of transfers whose address and value are packed, the numbers of all lanes in one."""
    fields = (("mark", 2, 1), ("address", 10, lanes), ("value", 8, lanes))
    signals = tuple(
        TapSignal(name=name, signal=f"tap_{name}", width=width, count=count) for name, width, count in fields
    )
    tap = Tap(stage="encoder", scope="encoder", strobe="tap_strobe", signals=signals)
    return decode_encoder(tap, np.array(transfers, np.uint32).reshape(-1, 3))


def pair(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int, int]:
    """A transfer of two lanes, the address and value of each."""
    return EVENT, first[0] | second[0] << 10, first[1] | second[1] << 8


def test_events_belong_to_the_sample_and_step_that_is_open():
    trace = encoder(
        *[(EVENT, 3, 9), (STEP, 0, 0), (EVENT, 1, 8), (EVENT, 2, 7), (SAMPLE, 0, 0)],
        *[(STEP, 0, 0), (EVENT, 0, 6), (SAMPLE, 0, 0), (EVENT, 3, 5)],
    )
    assert trace.steps.tolist() == [2, 2]
    assert [trace.surplus(samples) for samples in (0, 1, 2, 3)] == [0, 4, 1, 0]
    array, misplaced = trace.values(2, 3, 4)
    assert array.tolist() == [
        [[0, 0, 0, 9], [0, 0, 0, 0], [0, 0, 0, 5]],
        [[0, 8, 7, 0], [6, 0, 0, 0], [0, 0, 0, 0]],
    ]
    assert misplaced.tolist() == []


def test_a_sample_that_was_given_up_leaves_nothing():
    trace = encoder((EVENT, 1, 1), (STEP, 0, 0), (ABORT, 0, 0), (EVENT, 2, 2), (SAMPLE, 0, 0))
    assert (trace.aborts, trace.steps.tolist()) == (1, [1])
    array, misplaced = trace.values(1, 1, 3)
    assert array.tolist() == [[[0, 0, 2]]]
    assert misplaced.tolist() == []


def test_events_out_of_place_are_told_by_sample():
    twice = [(EVENT, 1, 1), (EVENT, 1, 1), (SAMPLE, 0, 0)]
    late = [(STEP, 0, 0), (EVENT, 0, 1), (SAMPLE, 0, 0)]
    outside = [(EVENT, 7, 1), (SAMPLE, 0, 0)]
    empty = [(EVENT, 0, 0), (SAMPLE, 0, 0)]
    good = [(EVENT, 0, 1), (SAMPLE, 0, 0)]
    _, misplaced = encoder(*good, *twice, *good, *late, *outside, *good, *empty, *good).values(1, 8, 4)
    assert misplaced.tolist() == [1, 3, 4, 6]


def test_two_lanes_hold_even_and_odd_addresses():
    trace = encoder(
        pair((1, 9), (0, 8)),
        pair((2, 7), (2, 0)),
        (STEP, 0, 0),
        pair((1, 0), (2, 6)),
        (SAMPLE, 1 | 2 << 10, 5 | 5 << 8),
        pair((0, 4), (0, 3)),
        (STEP, 0, 0),
        (SAMPLE, 0, 0),
        lanes=2,
    )
    assert trace.steps.tolist() == [2, 2]
    assert (trace.transfers, trace.ends.tolist()) == (8, [5, 8])
    array, misplaced = trace.values(2, 2, 6)
    assert array.tolist() == [[[0, 8, 9, 0, 7, 0], [4, 3, 0, 0, 0, 0]], [[0, 0, 0, 0, 0, 6], [0, 0, 0, 0, 0, 0]]]
    assert misplaced.tolist() == []


@pytest.mark.parametrize(
    ("first", "second"),
    [((1, 9), (3, 9)), ((3, 9), (1, 9)), ((0, 0), (0, 0))],
    ids=["an odd address outside", "an even address outside", "no event"],
)
def test_of_two_lanes_an_event_out_of_place_is_told(first: tuple[int, int], second: tuple[int, int]):
    good = [pair((0, 1), (0, 1)), (SAMPLE, 0, 0)]
    _, misplaced = encoder(*good, pair(first, second), (SAMPLE, 0, 0), *good, lanes=2).values(1, 3, 6)
    assert misplaced.tolist() == [1]


def test_of_two_lanes_an_address_that_comes_twice_is_told():
    trace = encoder(pair((0, 1), (0, 1)), pair((1, 1), (0, 1)), (SAMPLE, 0, 0), lanes=2)
    assert trace.values(1, 1, 6)[1].tolist() == [0]


# Comparison of a circuit whose records hold all steps


@pytest.fixture(scope="module")
def shown() -> Simulation:
    """What a circuit that goes neuron by neuron shows of four samples."""
    case = "neuron_major"
    simulator = AmaranthSimulator(Design(circuits.model(case), circuits.implementation(case)))
    return simulator.run(circuits.samples(case, 4)).require_complete()


GOLDEN = run(circuits.model("neuron_major"), circuits.samples("neuron_major", 4), traces=True)


@pytest.mark.slow
def test_records_of_all_steps_are_equal_to_goldens(shown: Simulation):
    found = compare(shown, GOLDEN, "isolated")
    assert found.divergence is None
    assert found.problems == ()
    assert not found.differs.any()


@pytest.mark.parametrize("step", range(circuits.STEPS))
@pytest.mark.parametrize(
    ("stage", "neuron", "field"),
    [("layer0", 0, "integrated"), ("layer0", 4, "membrane"), ("layer1", 3, "spike"), ("layer2", 1, "integrated")],
)
def test_a_number_of_one_step_is_located_in_a_record_of_all(
    shown: Simulation, stage: str, neuron: int, field: str, step: int
):
    """Its lowest bit, of sample 2."""
    tap = next(tap for tap in shown.interface.taps if tap.stage == stage)
    signal, columns = next(found for found in signal_words(tap) if found[0].name == field)
    word, lane = next((w, lanes.index(neuron)) for w, lanes in enumerate(tap.order) if neuron in lanes)
    column, bit = divmod((lane * circuits.STEPS + step) * signal.width, 32)
    records = shown.records[stage].copy()
    records[2 * len(tap.order) + word, columns.start + column] ^= np.uint32(1 << bit)
    altered = replace(shown, records={**shown.records, stage: records})
    trace = GOLDEN.traces[stage]
    right = int((trace.state if field in trace.state else vars(trace))[field][step, 2, neuron])
    found = compare(altered, GOLDEN, "isolated")
    assert found.differs.tolist() == [False, False, True, False]
    assert found.divergence == Divergence("isolated", 2, step, stage, neuron, field, right, right ^ 1)


def test_no_transfers_are_no_samples():
    trace = encoder()
    assert trace.steps.tolist() == []
    assert trace.values(2, 1, 3)[0].tolist() == [[[0, 0, 0]], [[0, 0, 0]]]
