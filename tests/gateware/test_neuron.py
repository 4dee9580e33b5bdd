"""Every variant of the neuron, word by word: each number of each step equals golden's."""

import re

import pytest
from amaranth.back import verilog
from hypothesis import given

from gateware.neuron import NeuronBank, neuron_numbers
from snnhw.interface import EVENT
from snnhw.network import (
    PER_NEURON,
    Leak,
    Neuron,
    Spike,
)
from tests.gateware.harness import Stall, Watch, examples, from_words, in_steps, simulate, stalls, to_words, unpack
from tests.gateware.neurons import (
    LEAKS,
    SHAPES,
    SMALL,
    SPIKES,
    VARIANTS,
    configs,
    model_of,
    run_golden,
    sweep,
    variant,
)
from tests.layers import built, shape_of


def bank_of(config):
    """The component."""
    model, shape, constant = config
    return NeuronBank(built(model.layers[0], shape, constant=constant))


def run_rtl(config, currents, stall=None):
    """``currents``: [samples][num_steps][units]; [samples][1][units] of a constant layer."""
    shape = config[1]
    words = [{"current": word} for sample in currents for step in sample for word in to_words(shape, step)]
    run = simulate(bank_of(config), {"currents": words}, stall)
    steps = []
    for taken in in_steps(run.payloads("steps"), shape.words):
        assert [word["base"] for word in taken] == [lanes[0] for lanes in shape.order]
        assert {word["mark"] for word in taken[:-1]} <= {EVENT}
        empty = [
            word["value"][lane]
            for word, lanes in zip(taken, shape.order, strict=True)
            for lane, unit in enumerate(lanes)
            if unit is None
        ]
        assert not any(empty), "an empty lane sends an event"
        names = [name for name in taken[0] if name not in ("base", "mark")]
        numbers = {name: from_words(shape, [word[name] for word in taken]) for name in names}
        steps.append(numbers | {"mark": taken[-1]["mark"]})
    return run, steps


@pytest.mark.slow
@examples(80)
@given(configs(), stalls)
def test_every_number_is_equal(drawn, stall):
    config, currents = drawn
    assert run_rtl(config, currents, stall)[1] == run_golden(config, currents)


@pytest.mark.slow
@pytest.mark.parametrize(("leak", "reset", "spike"), VARIANTS)
def test_every_variant(leak, reset, spike):
    """Every pair of choices, and in `make long` all combinations."""
    neuron, index = variant(leak, reset, spike)
    config = (model_of(neuron, [-15] * 5, [19] * 5, num_steps=8), shape_of(5, 3, 2), False)
    currents = sweep(5, 8)
    assert run_rtl(config, currents, Stall(sink=0.3, seed=index))[1] == run_golden(config, currents)


@pytest.mark.parametrize("current", [8, 9, 10])
@pytest.mark.parametrize("spike", SPIKES)
def test_threshold_less_one_threshold_and_one_more(current, spike):
    config = (model_of(Neuron(threshold=9, spike=SPIKES[spike]), [0], [10], num_steps=1), shape_of(1), False)
    _, steps = run_rtl(config, [[[current]]])
    assert steps == run_golden(config, [[[current]]])
    assert steps[0]["spike"] == [int(current >= 9)]
    assert steps[0]["value"] == [current - 9 if spike == "residue" and current >= 9 else int(current >= 9)]
    assert steps[0]["membrane"] == [current % 9 if current >= 9 else current]


@pytest.mark.parametrize("low", [-40, 0], ids=["signed", "unsigned"])
@pytest.mark.parametrize("threshold", [1, 2, 8, 32, 64, 128, 1 << 20])
def test_thresholds_that_are_powers_of_two(threshold, low):
    """Within what is integrated, at its ends and far above; every number around each."""
    model = model_of(
        Neuron(threshold=threshold, reset="none", leak=LEAKS["multiply by zero"]), [low], [70], num_steps=1
    )
    currents = [[[current]] for current in range(low, 71)]
    _, steps = run_rtl((model, shape_of(1), False), currents)
    assert [step["spike"][0] for step in steps] == [int(current >= threshold) for current in range(low, 71)]


def test_a_residue_of_zero_resets_and_counts_and_sends_nothing():
    config = (model_of(Neuron(threshold=9, spike=SPIKES["residue"]), [0], [19], num_steps=3), shape_of(1), False)
    _, steps = run_rtl(config, [[[9], [16], [19]]])
    assert [(s["spike"], s["value"], s["membrane"]) for s in steps] == [
        ([1], [0], [0]),
        ([1], [7], [7]),
        ([1], [7], [17]),
    ]


def test_a_burst_is_bounded():
    neuron = Neuron(threshold=9, reset_amount=4, spike=Spike(kind="count", bound=3))
    config = (model_of(neuron, [0], [90], num_steps=5), shape_of(1), False)
    currents = [[[8], [4], [9], [90], [0]]]
    _, steps = run_rtl(config, currents)
    assert steps == run_golden(config, currents)
    assert [s["spike"] for s in steps] == [[0], [1], [3], [3], [3]]


@pytest.mark.parametrize("leak", LEAKS)
def test_saturation_at_both_ends(leak):
    neuron = Neuron(leak=LEAKS[leak], threshold=30, reset="none", membrane=SMALL)
    config = (model_of(neuron, [-300, -21], [300, 31], num_steps=4), shape_of(2), False)
    currents = [[[300, 31], [-300, -21], [-300, -21], [300, 31]], [[-300, -20], [300, 30], [300, 0], [0, 0]]]
    _, steps = run_rtl(config, currents)
    assert steps == run_golden(config, currents)
    reached = {number for step in steps for number in step["integrated"]}
    assert {SMALL.lo, SMALL.hi} <= reached <= set(range(SMALL.lo, SMALL.hi + 1))


@pytest.mark.parametrize("leak", ["none", "subtract", "shift", "shift toward zero", "multiply"])
def test_unsaturated_membranes_reach_both_proven_bounds(leak):
    neuron = Neuron.integrator(leak=LEAKS[leak], initial=-3)
    model = model_of(neuron, [-100, -7], [90, 7], num_steps=6)
    config = (model, shape_of(2, 1, 1), False)
    currents = [[[90, 7]] * 6, [[-100, -7]] * 6]
    _, steps = run_rtl(config, currents)
    assert steps == run_golden(config, currents)
    reached = [number for step in steps for number in step["integrated"]]
    assert (min(reached), max(reached)) == (
        model.layer("layer").ranges.integrated.lo,
        model.layer("layer").ranges.integrated.hi,
    )


@pytest.mark.parametrize("refractory", [1, 3, 255])
def test_a_refractory_neuron_holds_its_membrane(refractory):
    """The reset leaves it far below all that a step integrates to, and there it is seen."""
    neuron = Neuron(threshold=9, reset_amount=400, refractory=refractory, initial=-150)
    config, currents = (model_of(neuron, [0], [250], num_steps=2), shape_of(1), False), [[[250]] * 2]
    _, steps = run_rtl(config, currents)
    assert steps == run_golden(config, currents)
    assert [s["integrated"] for s in steps] == [[100], [-300]]
    assert [s["refractory"] for s in steps] == [[refractory], [refractory - 1]]


@pytest.mark.parametrize("reset", ["subtract", "zero"])
def test_a_delayed_reset_waits_for_the_first_step_that_integrates(reset):
    neuron = Neuron(threshold=9, reset=reset, reset_delay=True, refractory=2)
    config = (model_of(neuron, [0], [12], num_steps=6), shape_of(1), False)
    currents = [[[12], [5], [5], [1], [0], [0]]]
    _, steps = run_rtl(config, currents)
    assert steps == run_golden(config, currents)
    assert [s["pending"] for s in steps] == [[1], [1], [1], [0], [0], [0]]
    assert [s["membrane"] for s in steps[:4]] == [[12], [12], [12], [12 - 9 + 1 if reset == "subtract" else 1]]


def test_parameters_of_each_neuron():
    """In every word and lane another threshold, reset, leak and start; empty lanes have none."""
    neuron = Neuron(
        leak=Leak(kind="multiply", bits=3, amount=PER_NEURON),
        threshold=PER_NEURON,
        reset_amount=PER_NEURON,
        initial=PER_NEURON,
        refractory=1,
    )
    numbers = {
        "leak_amount": [8, 0, 7, 1, 5],
        "threshold": [1, 3000, 9, 12, 2],
        "reset_amount": [0, 3000, 90, 1, 2],
        "initial": [-300, 3000, 0, 5, -1],
    }
    model = model_of(neuron, [-15] * 5, [19] * 5, num_steps=8, **numbers)
    for shape in (shape_of(5), shape_of(5, 3, 2), shape_of(5, 1, 1)):
        config = (model, shape, False)
        assert run_rtl(config, sweep(5, 8), Stall(0.3, 0.3))[1] == run_golden(config, sweep(5, 8))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("constant", [False, True], ids=["stream", "constant"])
@pytest.mark.parametrize("num_steps", [1, 4])
def test_every_shape_under_back_pressure(name, constant, num_steps):
    shape, neuron = SHAPES[name], Neuron(leak=LEAKS["shift"], threshold=9, reset_delay=True, refractory=1, initial=-2)
    config = (model_of(neuron, [-15] * shape.units, [19] * shape.units, num_steps), shape, constant)
    currents = [sample[: 1 if constant else num_steps] for sample in sweep(shape.units, num_steps) * 2]
    expected = run_golden(config, currents)
    for stall in (Stall(), Stall(sink=0.7, seed=1), Stall(0.4, 0.4, True, 2)):
        assert run_rtl(config, currents, stall)[1] == expected


@pytest.mark.parametrize("name", SHAPES)
def test_two_cycles_and_a_word_a_cycle(name):
    shape = SHAPES[name]
    config = (model_of(Neuron(threshold=9), [-15] * shape.units, [19] * shape.units, 5), shape, False)
    run, _ = run_rtl(config, sweep(shape.units, 5))
    assert run.taken("currents") == list(range(10 * shape.words))
    assert run.taken("steps") == [cycle + 2 for cycle in run.taken("currents")]


@pytest.mark.parametrize("num_steps", [1, 4])
@pytest.mark.parametrize("name", SHAPES)
def test_constant_currents_are_taken_once_and_applied_at_every_step(name, num_steps):
    shape = SHAPES[name]
    config = (model_of(Neuron(threshold=9), [-15] * shape.units, [19] * shape.units, num_steps), shape, True)
    run, _ = run_rtl(config, [sample[:1] for sample in sweep(shape.units, 1)])
    sample = num_steps * shape.words
    assert run.taken("currents") == [start + word for start in (0, sample) for word in range(shape.words)]
    assert run.taken("steps") == list(range(2, 2 + 2 * sample))


def test_the_tap_shows_each_word_once():
    shape = shape_of(5, 3, 2)
    model = model_of(Neuron(threshold=9, reset_delay=True), [-15] * 5, [19] * 5, 4)
    bank = bank_of((model, shape, False))
    words = [{"current": word} for step in sweep(5, 4)[0] for word in to_words(shape, step)]
    run = simulate(bank, {"currents": words}, Stall(0.3, 0.6), watches={"tap": Watch(bank.tap_strobe, bank.taps)})
    widths = {name: bank.steps.payload.shape()[name] for name in bank.taps}
    shown = [{name: unpack(widths[name].shape, raw) for name, raw in sample.items()} for sample in run.watched["tap"]]
    assert shown == [{name: word[name] for name in bank.taps} for word in run.payloads("steps")]


@pytest.mark.parametrize("num_steps", [1, 2])
def test_a_single_step_keeps_no_state(num_steps):
    shape = shape_of(5, 3, 2)
    neuron = Neuron(threshold=9, reset_delay=True, initial=-2)
    text = verilog.convert(bank_of((model_of(neuron, [-15] * 5, [19] * 5, num_steps), shape, False)))
    assert (re.search(r"\breg \[\d+:0\] \S+ \[\d+:0\];", text) is None) == (num_steps == 1)


def test_thresholds_of_a_burst_are_constants():
    """Another spike, and another, is compared with a number of the table: nothing is added or multiplied to find it."""
    neuron = Neuron(threshold=PER_NEURON, reset_amount=PER_NEURON, spike=Spike(kind="count", bound=3))
    model = model_of(neuron, [-15] * 2, [40] * 2, 1, threshold=[9, 4], reset_amount=[5, 11])
    assert neuron_numbers(built(model.layers[0], shape_of(2))) == {
        "threshold": [9, 4],
        "reset_amount": [5, 11],
        "initial": [0, 0],
        "threshold_1": [14, 15],
        "threshold_2": [19, 26],
    }
