"""Steps of the last layer become scores and a class, in one transfer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateware import readout as gateware
from gateware.neuron import step_layout
from golden import readout as golden
from golden.neuron import NeuronStep
from golden.serializer import EVENT
from snnhw.implementation import LayerShape
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

STALLS = [Stall(), Stall(sink=0.8, seed=1), Stall(source=0.6, seed=2), Stall(0.4, 0.4, True, 3)]
BURST = Spike(kind="count", bound=3)


def model_of(readout, units, num_steps, spike=None):
    """A layer of currents from -7 to 7, and a readout."""
    fires = Neuron(threshold=1, spike=spike or Spike())
    neuron = Neuron.integrator() if readout.kind == "membrane" else fires
    stage = Layer(name="layer", synapse=Dense(units=units, weight_bits=4), bias=False, neuron=neuron)
    network = Network(input_shape=(2,), encoder=Events(), stages=(stage,), readout=readout, num_steps=num_steps)
    return Model(network, {"layer.weight": np.array([[-7, 7]] * units)})


def shape_of(units, synapse_lanes=None, neuron_lanes=None):
    synapse_lanes = synapse_lanes or units
    return LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=neuron_lanes or synapse_lanes)


def run_rtl(config, numbers, stall=None):
    """``numbers``: spikes, or membranes where those are read, [samples][num_steps][units]."""
    model, shape = config
    field = "membrane" if model.network.readout.kind == "membrane" else "spike"
    layout = step_layout(model.network.stages[0].neuron, model.ranges["layer"], shape)
    words = []
    for step in numbers.reshape(-1, shape.units).tolist():
        for lanes, word in zip(shape.order, to_words(shape, step, empty=1), strict=True):
            empty = {name: 0 if name in ("mark", "base") else [0] * shape.neuron_lanes for name, _ in layout}
            words.append(empty | {"mark": EVENT, "base": lanes[0], field: word})
    run = simulate(gateware.Readout(model.network, shape, layout, model.score_range), {"steps": words}, stall)
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


def numbers_range(model):
    """What a neuron can show."""
    if model.network.readout.kind == "membrane":
        return model.ranges["layer"].membrane
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


@examples(60)
@given(configs(), stalls)
def test_class_and_scores_are_equal(drawn, stall):
    config, numbers = drawn
    assert run_rtl(config, numbers, stall)[1] == run_golden(config, numbers)


SHAPES = {
    "a single word": shape_of(6),
    "one lane": shape_of(6, 1, 1),
    "groups": shape_of(6, 2, 2),
    "lanes that do not divide the fan-out": shape_of(6, 4, 4),
    "neuron lanes that do not divide the synapse lanes": shape_of(6, 4, 3),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", READOUTS)
def test_every_readout_in_every_shape(name, shape):
    """Three samples; the ends of the range, a silent one, and anything."""
    model = model_of(READOUTS[name][0], 6, 4, READOUTS[name][1])
    span, random = numbers_range(model), np.random.default_rng(1)
    ends = np.where(np.arange(24).reshape(4, 6) % 5 < 2, span.hi, span.lo)
    numbers = np.stack([ends, np.zeros((4, 6), int), random.integers(span.lo, span.hi + 1, (4, 6))])
    config = (model, SHAPES[shape])
    for stall in STALLS[:: 3 if shape == "groups" else 4]:
        assert run_rtl(config, numbers, stall)[1] == run_golden(config, numbers)


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
def test_ties_go_to_the_lowest_class_and_silence_counts_as_last(name, steps, winner, scores):
    config = (model_of(READOUTS[name][0], 2, 3, READOUTS[name][1]), shape_of(2, 1, 1))
    assert run_rtl(config, np.array([steps]))[1] == [(winner, scores)] == run_golden(config, np.array([steps]))


@pytest.mark.parametrize("name", READOUTS)
def test_an_earlier_sample_leaves_nothing_behind(name):
    model = model_of(READOUTS[name][0], 6, 3, READOUTS[name][1])
    span, config = numbers_range(model), (model, SHAPES["neuron lanes that do not divide the synapse lanes"])
    loud, quiet = np.full((1, 3, 6), span.hi), np.full((1, 3, 6), span.lo)
    quiet[0, 2, 4] = span.lo + 1
    for order in ([loud, quiet, loud], [quiet, loud, quiet]):
        alone = [run_rtl(config, numbers)[1][0] for numbers in order]
        assert run_rtl(config, np.concatenate(order))[1] == alone


@pytest.mark.parametrize("name", ["membrane", "first spike", "vote", "vote for one class"])
def test_the_result_comes_a_cycle_a_class_and_one_after_the_last_word(name):
    model = model_of(READOUTS[name][0], 6, 4, READOUTS[name][1])
    shape, classes = SHAPES["groups"], model.network.classes
    run, _ = run_rtl((model, shape), np.zeros((3, 4, 6), int))
    sample = 4 * shape.words
    ends = [sample * (n + 1) - 1 + n * (classes + 1) for n in range(3)]
    assert run.taken("steps") == [cycle for end in ends for cycle in range(end - sample + 1, end + 1)]
    assert run.offered("result") == run.taken("result") == [end + classes + 1 for end in ends]


def test_no_word_is_taken_until_the_result_is():
    model, shape = model_of(CountReadout(), 6, 2), SHAPES["a single word"]
    run, _ = run_rtl((model, shape), np.zeros((4, 2, 6), int), Stall(sink=0.9, seed=5))
    assert run.taken("steps")[2::2] == [cycle + 1 for cycle in run.taken("result")[:-1]]
    assert any(r.taken > r.offered + 5 for r in run.transfers["result"])
