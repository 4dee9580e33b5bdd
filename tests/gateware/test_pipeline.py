# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Neurons whose steps follow each other in place: each number of each step equals golden's, in exact cycles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware.pipeline import NeuronPipeline
from snnhw.interface import EVENT, SAMPLE
from snnhw.network import PER_NEURON, Leak, Neuron
from tests.families import family
from tests.gateware.harness import Stall, Watch, examples, from_words, simulate, stalls, to_words, unpack
from tests.gateware.neurons import (
    LEAKS,
    SHAPES,
    VARIANTS,
    configs,
    model_of,
    run_golden,
    sweep,
    variant,
)
from tests.layers import built, shape_of

ALL = "all"


def pipeline_of(config, step_lanes):
    """The component; ``step_lanes`` 1 or ALL."""
    model, shape, constant = config
    lanes = model.network.num_steps if step_lanes == ALL else step_lanes
    return NeuronPipeline(built(model.layers[0], shape, constant=constant, step_lanes=lanes, neuron_major=True))


def words_of(config, currents, step_lanes):
    """``currents`` as in ``test_neuron.run_rtl``; a word holds all steps of its neurons, or they come one by one."""
    model, shape, constant = config
    words = []
    for sample in currents:
        per_step = [to_words(shape, step) for step in sample]
        for word in zip(*per_step, strict=True):
            lanes = [list(steps) for steps in zip(*word, strict=True)]
            if constant or model.network.num_steps == 1 or step_lanes == 1:
                words += [{"current": list(step)} for step in (word[:1] if constant else word)]
            else:
                words.append({"current": lanes})
    return words


def run_rtl(config, currents, step_lanes, stall=None):
    """What each sample's steps did, as golden tells it but for the marks."""
    model, shape, _ = config
    num_steps = model.network.num_steps
    run = simulate(pipeline_of(config, step_lanes), {"currents": words_of(config, currents, step_lanes)}, stall)
    taken = run.payloads("steps")
    assert len(taken) == len(currents) * shape.words
    steps = []
    for start in range(0, len(taken), shape.words):
        words = taken[start : start + shape.words]
        assert [word["base"] for word in words] == [lanes[0] for lanes in shape.order]
        assert [word["mark"] for word in words] == [EVENT] * (shape.words - 1) + [SAMPLE]
        names = [name for name in words[0] if name not in ("base", "mark")]
        split = [{name: in_steps(word[name], num_steps) for name in names} for word in words]
        for word, lanes in zip(split, shape.order, strict=True):
            empty = [value for step in word["value"] for value, unit in zip(step, lanes, strict=True) if unit is None]
            assert not any(empty), "an empty lane sends an event"
        steps += [
            {name: from_words(shape, [word[name][t] for word in split]) for name in names} for t in range(num_steps)
        ]
    return run, steps


def in_steps(lanes, num_steps):
    """[lane][step] as [step][lane]."""
    return [lanes] if num_steps == 1 else [list(step) for step in zip(*lanes, strict=True)]


def expected(config, currents):
    """Golden's steps without their marks."""
    return [{name: value for name, value in step.items() if name != "mark"} for step in run_golden(config, currents)]


@pytest.mark.slow
@examples(80)
@given(configs(), st.sampled_from([1, ALL]), stalls)
def test_every_number_is_equal(drawn, step_lanes, stall):
    config, currents = drawn
    assert run_rtl(config, currents, step_lanes, stall)[1] == expected(config, currents)


@pytest.mark.slow
@pytest.mark.parametrize(("leak", "reset", "spike"), VARIANTS)
def test_every_variant(leak, reset, spike):
    """Every pair of choices, and in `make long` all combinations."""
    neuron, index = variant(leak, reset, spike)
    constant = bool(index % 4)
    config = (model_of(neuron, [-15] * 5, [19] * 5, num_steps=5), shape_of(5, 3, 2), constant)
    currents = sweep(5, 1 if constant else 5)
    assert run_rtl(config, currents, (1, ALL)[index % 2])[1] == expected(config, currents)


@pytest.mark.slow
@pytest.mark.parametrize("step_lanes", [1, ALL])
def test_parameters_of_each_neuron(step_lanes):
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
    model = model_of(neuron, [-15] * 5, [19] * 5, num_steps=6, **numbers)
    for shape in (shape_of(5), shape_of(5, 3, 2), shape_of(5, 1, 1)):
        config = (model, shape, False)
        assert run_rtl(config, sweep(5, 6), step_lanes, Stall(0.3, 0.3))[1] == expected(config, sweep(5, 6))


@pytest.mark.slow
@pytest.mark.parametrize("name", family(SHAPES, always=["one neuron", "two words", "neither divides"]))
@pytest.mark.parametrize("constant", [False, True], ids=["stream", "constant"])
@pytest.mark.parametrize(("num_steps", "step_lanes"), [(1, 1), (4, 1), (4, ALL)])
def test_every_shape_under_back_pressure(name, constant, num_steps, step_lanes):
    shape, neuron = SHAPES[name], Neuron(leak=LEAKS["shift"], threshold=9, reset_delay=True, refractory=1, initial=-2)
    config = (model_of(neuron, [-15] * shape.units, [19] * shape.units, num_steps), shape, constant)
    currents = [sample[: 1 if constant else num_steps] for sample in sweep(shape.units, num_steps) * 2]
    for stall in (Stall(), Stall(sink=0.7, seed=1), Stall(0.4, 0.4, True, 2)):
        assert run_rtl(config, currents, step_lanes, stall)[1] == expected(config, currents)


@pytest.mark.slow
@pytest.mark.parametrize("num_steps", [1, 2, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_unrolled_steps_take_a_word_a_cycle_and_two_cycles_a_step(name, num_steps):
    shape = SHAPES[name]
    config = (model_of(Neuron(threshold=9), [-15] * shape.units, [19] * shape.units, num_steps), shape, True)
    run, _ = run_rtl(config, sweep(shape.units, 1), ALL)
    assert run.taken("currents") == list(range(2 * shape.words))
    assert run.taken("steps") == [cycle + 2 * num_steps for cycle in run.taken("currents")]


@pytest.mark.parametrize("num_steps", [2, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_one_unit_takes_a_cycle_a_step_and_one_more(name, num_steps):
    shape = SHAPES[name]
    config = (model_of(Neuron(threshold=9), [-15] * shape.units, [19] * shape.units, num_steps), shape, True)
    run, _ = run_rtl(config, sweep(shape.units, 1), 1)
    assert run.taken("currents") == [num_steps * word for word in range(2 * shape.words)]
    assert run.offered("steps") == [cycle + num_steps + 1 for cycle in run.taken("currents")]


@pytest.mark.parametrize("num_steps", [2, 5])
def test_one_unit_takes_steps_one_by_one_and_offers_the_word_in_the_cycle_after(num_steps):
    shape = SHAPES["one lane"]
    config = (model_of(Neuron(threshold=9), [-15] * shape.units, [19] * shape.units, num_steps), shape, False)
    run, _ = run_rtl(config, sweep(shape.units, num_steps), 1)
    assert run.taken("currents") == list(range(2 * shape.words * num_steps))
    assert run.offered("steps") == [cycle + 1 for cycle in run.taken("currents")[num_steps - 1 :: num_steps]]


def test_one_unit_works_on_the_next_word_while_one_is_offered():
    """Taken late by less than a word's steps, nothing slows down."""
    shape, num_steps = SHAPES["one lane"], 5
    config = (model_of(Neuron(threshold=9), [-15] * 4, [19] * 4, num_steps), shape, True)
    run, _ = run_rtl(config, sweep(4, 1), 1, Stall(lazy=True))
    assert run.taken("steps") == [cycle + 1 for cycle in run.offered("steps")]
    assert run.taken("currents") == [num_steps * word for word in range(2 * shape.words)]


@pytest.mark.parametrize("step_lanes", [1, ALL])
def test_the_tap_shows_each_word_once(step_lanes):
    config = (model_of(Neuron(threshold=9, reset_delay=True), [-15] * 5, [19] * 5, 4), shape_of(5, 3, 2), False)
    pipeline = pipeline_of(config, step_lanes)
    watch = Watch(pipeline.tap_strobe, pipeline.taps)
    words = words_of(config, sweep(5, 4), step_lanes)
    run = simulate(pipeline, {"currents": words}, Stall(0.3, 0.6), watches={"tap": watch})
    layout = pipeline.steps.payload.shape()
    shown = [{name: unpack(layout[name].shape, raw) for name, raw in sample.items()} for sample in run.watched["tap"]]
    assert shown == [{name: word[name] for name in pipeline.taps} for word in run.payloads("steps")]
    assert len(shown) == 2 * 3
