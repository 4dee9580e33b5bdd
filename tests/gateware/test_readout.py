# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""Steps of the last layer become scores and a class, in one transfer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware import readout as gateware
from gateware.neuron import step_layout
from golden import readout as golden
from golden.neuron import NeuronStep
from snnhw.interface import EVENT, SAMPLE, STEP
from snnhw.model import Model
from snnhw.network import (
    CountReadout,
    Dense,
    Events,
    FirstSpikeReadout,
    Layer,
    MembraneReadout,
    Network,
    Neuron,
    Readout,
    Spike,
    VoteReadout,
)
from tests.gateware.harness import Stall, examples, simulate, stalls, to_words
from tests.layers import shape_of

STALLS = [Stall(), Stall(sink=0.8, seed=1), Stall(source=0.6, seed=2), Stall(0.4, 0.4, True, 3)]
BURST = Spike(kind="count", bound=3)


def model_of(readout, units, num_steps, spike=None):
    """A layer of currents from -7 to 7, and a readout."""
    fires = Neuron(threshold=1, spike=spike or Spike())
    neuron = Neuron.integrator() if readout.kind == "membrane" else fires
    stage = Layer(name="layer", synapse=Dense(units=units, weight_bits=4), bias=False, neuron=neuron)
    network = Network(input_shape=(2,), encoder=Events(), stages=(stage,), readout=readout, num_steps=num_steps)
    return Model(network, {"layer.weight": np.array([[-7, 7]] * units)})


def words_of(config, numbers, at_once):
    """Words with the marks of a neuron bank, or of a neuron pipeline where all steps come at once."""
    model, shape = config
    field, num_steps = number_field(model), model.network.num_steps
    steps = num_steps if at_once else 1
    layout = step_layout(model.network.stages[0].neuron, model.layer("layer").ranges, shape, steps)
    words = []
    for sample in numbers.tolist():
        per_step = [to_words(shape, step, empty=1) for step in sample]
        for t in range(0, num_steps, steps):
            for index, lanes in enumerate(shape.order):
                brought = [list(lane) for lane in zip(*[step[index] for step in per_step[t : t + steps]], strict=True)]
                last = index == shape.words - 1
                mark = SAMPLE if last and t + steps == num_steps else STEP if last else EVENT
                nothing = [0] * steps if steps > 1 else 0
                empty = {name: [nothing] * shape.neuron_lanes for name, _ in layout}
                shown = brought if steps > 1 else [lane[0] for lane in brought]
                words.append(empty | {"mark": mark, "base": lanes[0], field: shown})
    return layout, words


def run_rtl(config, numbers, stall=None, at_once=False):
    """``numbers``: spikes, or membranes where those are read, [samples][num_steps][units]."""
    model, shape = config
    layout, words = words_of(config, numbers, at_once)
    steps = model.network.num_steps if at_once else 1
    readout = gateware.Readout(model.network, shape, layout, model.score_range, steps)
    run = simulate(readout, {"steps": words}, stall)
    return run, [(result["class"], result["scores"]) for result in run.payloads("result")]


def run_golden(config, numbers):
    readout = golden.Readout(config[0].network)
    scores = readout.initial(len(numbers))
    for t in range(numbers.shape[1]):
        now = numbers[:, t]
        scores = readout.step(scores, t, NeuronStep(now, now, now, {"membrane": now}))
    return list(zip(readout.choose(scores).tolist(), scores.tolist(), strict=True))


READOUTS: dict[str, tuple[Readout, Spike | None]] = {
    "membrane": (MembraneReadout(), None),
    "count": (CountReadout(), None),
    "count of bursts": (CountReadout(), BURST),
    "first spike": (FirstSpikeReadout(), None),
    "first burst": (FirstSpikeReadout(), BURST),
    "vote": (VoteReadout(classes=3), None),
    "vote of bursts": (VoteReadout(classes=3), BURST),
    "vote of single neurons": (VoteReadout(classes=6), None),
    "vote for one class": (VoteReadout(classes=1), BURST),
}


def number_field(model):
    """What of a step a readout reads."""
    return "membrane" if model.network.readout.kind == "membrane" else "spike"


def numbers_range(model):
    """What a neuron can show."""
    if model.network.readout.kind == "membrane":
        return model.layer("layer").ranges.membrane
    return model.network.stages[0].neuron.spike.count_range


@st.composite
def configs(draw):
    """Any readout of a layer of any shape, and samples with many equal scores."""
    units = draw(st.integers(1, 8))
    readout, spike = READOUTS[draw(st.sampled_from(list(READOUTS)))]
    if readout.kind == "vote":
        readout = VoteReadout(classes=draw(st.sampled_from([n for n in range(1, units + 1) if units % n == 0])))
    model = model_of(readout, units, draw(st.integers(1, 5)), spike)
    synapse_lanes = draw(st.integers(1, units))
    shape = shape_of(units, synapse_lanes, draw(st.integers(1, synapse_lanes)))
    span, count = numbers_range(model), draw(st.integers(1, 3)) * model.network.num_steps * units
    number = st.one_of(st.sampled_from([span.lo, 0, span.hi]), st.integers(span.lo, span.hi))
    numbers = draw(st.lists(number, min_size=count, max_size=count))
    return (model, shape), np.array(numbers).reshape(-1, model.network.num_steps, units)


@pytest.mark.slow
@examples(60)
@given(configs(), stalls, st.booleans())
def test_class_and_scores_are_equal(drawn, stall, at_once):
    config, numbers = drawn
    assert run_rtl(config, numbers, stall, at_once)[1] == run_golden(config, numbers)


SHAPES = {
    "a single word": shape_of(6),
    "one lane": shape_of(6, 1, 1),
    "groups": shape_of(6, 2, 2),
    "lanes that do not divide the fan-out": shape_of(6, 4, 4),
    "neuron lanes that do not divide the synapse lanes": shape_of(6, 4, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True], ids=["a step a word", "all steps a word"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", READOUTS)
def test_every_readout_in_every_shape(name, shape, at_once):
    """Three samples; the ends of the range, a silent one, and anything."""
    model = model_of(READOUTS[name][0], 6, 4, READOUTS[name][1])
    span, random = numbers_range(model), np.random.default_rng(1)
    ends = np.where(np.arange(24).reshape(4, 6) % 5 < 2, span.hi, span.lo)
    numbers = np.stack([ends, np.zeros((4, 6), int), random.integers(span.lo, span.hi + 1, (4, 6))])
    config = (model, SHAPES[shape])
    for stall in STALLS[:: 3 if shape == "groups" else 4]:
        assert run_rtl(config, numbers, stall, at_once)[1] == run_golden(config, numbers)


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("name", "steps", "winner", "scores"),
    [
        ("membrane", [[9, 9], [-5, 3], [-4, -6]], 0, [-4, -6]),
        ("membrane", [[9, 9], [-5, 3], [-6, -6]], 0, [-6, -6]),
        ("count", [[0, 1], [1, 1], [0, 0]], 1, [1, 2]),
        ("count", [[1, 0], [0, 1], [0, 0]], 0, [1, 1]),
        ("count of bursts", [[1, 0], [1, 3], [0, 0]], 1, [2, 3]),
        ("first spike", [[0, 0], [0, 1], [1, 1]], 1, [2, 1]),
        ("first spike", [[0, 0], [0, 0], [0, 1]], 1, [3, 2]),
        ("first spike", [[0, 0], [0, 0], [0, 0]], 0, [3, 3]),
        ("first burst", [[0, 0], [0, 2], [3, 1]], 1, [2, 1]),
        ("vote for one class", [[1, 3], [0, 0], [2, 0]], 0, [6]),
    ],
)
def test_ties_go_to_the_lowest_class_and_silence_counts_as_last(name, steps, winner, scores, at_once):
    numbers = np.array([steps])
    for shape in (shape_of(2, 1, 1), shape_of(2)):
        config = (model_of(READOUTS[name][0], 2, 3, READOUTS[name][1]), shape)
        assert run_rtl(config, numbers, None, at_once)[1] == [(winner, scores)] == run_golden(config, numbers)


@pytest.mark.parametrize("lanes", range(1, 10))
def test_the_first_of_equals_wins_wherever_its_word_and_lane(lanes):
    """Every pair of classes has the best score once."""
    model, pairs = model_of(CountReadout(), 9, 1), [(i, j) for i in range(9) for j in range(i, 9)]
    numbers = np.zeros((len(pairs), 1, 9), int)
    for sample, pair in enumerate(pairs):
        numbers[sample, 0, list(pair)] = 1
    _, results = run_rtl((model, shape_of(9, 9, lanes)), numbers)
    assert [winner for winner, _ in results] == [i for i, _ in pairs]


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("name", READOUTS)
def test_an_earlier_sample_leaves_nothing_behind(name, at_once):
    model = model_of(READOUTS[name][0], 6, 3, READOUTS[name][1])
    span, config = numbers_range(model), (model, SHAPES["neuron lanes that do not divide the synapse lanes"])
    loud, quiet = np.full((1, 3, 6), span.hi), np.full((1, 3, 6), span.lo)
    quiet[0, 2, 4] = span.lo + 1
    for order in ([loud, quiet, loud], [quiet, loud, quiet]):
        alone = [run_rtl(config, numbers, None, at_once)[1][0] for numbers in order]
        assert run_rtl(config, np.concatenate(order), None, at_once)[1] == alone


LATENCIES = {
    ("membrane", (6, 1, 1)): 2,
    ("count", (6, 2, 2)): 3,
    ("first spike", (6, 6, 3)): 4,
    ("membrane", (6, 6, 4)): 4,
    ("membrane", (6, 6, 5)): 5,
    ("count", (9, 9, 9)): 6,
    ("vote", (6, 2, 2)): 2,
    ("vote", (6, 4, 4)): 3,
    ("vote", (6, 1, 1)): 2,
    ("vote for one class", (6, 6, 6)): 2,
}


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("name", "lanes"), LATENCIES)
def test_the_result_comes_two_cycles_and_one_a_level_of_the_tree_after_the_last_word(name, lanes, at_once):
    shape, latency = shape_of(*lanes), LATENCIES[name, lanes]
    model = model_of(READOUTS[name][0], shape.units, 4, READOUTS[name][1])
    assert gateware.readout_latency(shape, model.network.classes) == latency
    run, _ = run_rtl((model, shape), np.zeros((3, 4, shape.units), int), None, at_once)
    sample = (1 if at_once else 4) * shape.words
    ends = [sample * (n + 1) - 1 + n * latency for n in range(3)]
    assert run.taken("steps") == [cycle for end in ends for cycle in range(end - sample + 1, end + 1)]
    assert run.offered("result") == run.taken("result") == [end + latency for end in ends]


def test_no_word_is_taken_until_the_result_is():
    model, shape = model_of(CountReadout(), 6, 2), SHAPES["a single word"]
    run, _ = run_rtl((model, shape), np.zeros((4, 2, 6), int), Stall(sink=0.9, seed=5))
    assert run.taken("steps")[2::2] == [cycle + 1 for cycle in run.taken("result")[:-1]]
    assert any(r.taken > r.offered + 5 for r in run.transfers["result"])


@pytest.mark.parametrize("steps", [0, 2, 4])
def test_words_bring_one_step_or_all(steps):
    model, shape = model_of(CountReadout(), 2, 3), shape_of(2)
    layout = step_layout(model.network.stages[0].neuron, model.layer("layer").ranges, shape)
    with pytest.raises(ValueError, match=f"steps_a_word must be 1 or all 3 steps, not {steps}"):
        gateware.Readout(model.network, shape, layout, model.score_range, steps)
