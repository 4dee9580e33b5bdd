"""Whole networks: classes, scores and everything that the taps show equal golden's, however the circuit is built."""

from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from hypothesis import given
from hypothesis import strategies as st

from gateware.network import NetworkCircuit
from golden import network as golden
from snnhw.design import Design
from snnhw.implementation import Implementation
from snnhw.interface import EVENT, SAMPLE, STEP
from snnhw.model import Model
from snnhw.network import (
    PER_NEURON,
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    Events,
    FirstSpikeReadout,
    IntegrateFire,
    Latency,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Rate,
    Spike,
    VoteReadout,
)
from snnhw.weights import image
from tests.gateware.harness import Stall, Watch, examples, from_words, in_steps, pack, simulate, stalls
from tests.gateware.samples import transfers_of
from tests.strategies import implementations, models, samples

UNSEEN = {"accumulated"}
"""What golden keeps and no tap shows: the sums of each input of a spiking maximum."""

STALLS = [Stall(), Stall(sink=0.95, seed=1), Stall(source=0.8, seed=2), Stall(0.4, 0.4, True, 3)]


def lanes_of(signal, raw):
    """The numbers that a field of a payload or a signal of a tap holds, lane by lane."""
    numbers = [(raw >> lane * signal.width) & ((1 << signal.width) - 1) for lane in range(signal.count)]
    return [n - (1 << signal.width) if signal.signed and n >> (signal.width - 1) else n for n in numbers]


def simulate_network(model, implementation, transfers, stall=None, **others):
    """The run, with every tap watched; ``others`` are the transfers of other inputs than samples."""
    design = Design(model, implementation)
    circuit = NetworkCircuit(design)
    watches = {}
    for tap in circuit.interface.taps:
        signals = circuit.tap_signals(tap.stage)
        watches[tap.stage] = Watch(signals["strobe"], {signal.name: signals[signal.name] for signal in tap.signals})
    passes = [max(1, layer.weight_words.max()) * (layer.inputs + 2) + 4 * layer.shape.words for layer in design.layers]
    patience = 40 + max(passes) + 2 * design.beats
    return circuit, simulate(circuit, {"sample": transfers, **others}, stall, watches=watches, patience=patience)


def encoded(network, tap, transfers):
    """Event values [samples][steps][inputs] from what the encoder's tap showed."""
    steps, step = [], [0] * network.inputs
    signals = {signal.name: signal for signal in tap.signals}
    for transfer in transfers:
        if transfer["mark"] == EVENT:
            values = lanes_of(signals["value"], transfer["value"])
            assert any(values)
            for lane, address in enumerate(lanes_of(signals["address"], transfer["address"])):
                if values[lane]:
                    assert network.encoder.repeats or step[address * len(values) + lane] == 0
                    step[address * len(values) + lane] += values[lane]
        else:
            steps.append((transfer["mark"], step))
            step = [0] * network.inputs
    count = 1 if network.constant_input else network.num_steps
    grouped = in_steps(steps, count)
    assert all([mark for mark, _ in sample] == [STEP] * (count - 1) + [SAMPLE] for sample in grouped)
    return [[step for _, step in sample] for sample in grouped]


def run_rtl(config, batch, stall=None):
    """All that is seen of the circuit: classes, scores, and each tap's numbers, [samples][steps][units]."""
    model, implementation = config
    network = model.network
    transfers = transfers_of(network, implementation.pixels_per_beat, batch)
    circuit, run = simulate_network(model, implementation, transfers, stall)
    fields, layout = circuit.interface.result.fields, circuit.result.payload.shape()
    seen: dict[str, list[Any]] = {field.name: [] for field in fields}
    for raw in [pack(layout, result) for result in run.payloads("result")]:
        for field in fields:
            seen[field.name].append(lanes_of(field, raw >> field.offset))
    seen["class"] = [only for (only,) in seen["class"]]
    assert not any(run.ports["error"])
    shapes = {layer.name: layer.shape for layer in circuit.design.layers}
    for layer, part in zip(circuit.design.layers, circuit.layers, strict=True):
        shapes |= {f"{layer.name}.{name}": kept.shape for name, kept in part.kept.items()}
    for tap in circuit.interface.taps:
        if tap.stage == "encoder":
            seen["encoder"] = encoded(network, tap, run.watched["encoder"])
            continue
        assert tap.order == shapes[tap.stage].order
        steps = in_steps(run.watched[tap.stage], len(tap.order))
        for signal in tap.signals:
            words = [[lanes_of(signal, word[signal.name]) for word in step] for step in steps]
            numbers = [
                from_words(shapes[tap.stage], [word[t :: tap.steps] for word in step])
                for step in words
                for t in range(tap.steps)
            ]
            seen[f"{tap.stage}.{signal.name}"] = in_steps(numbers, network.num_steps)
    return seen


def run_golden(config, batch):
    result = golden.run(config[0], batch, traces=True)
    seen = {"class": result.classes.tolist(), "scores": result.scores.tolist()}
    seen["encoder"] = result.encoded.swapaxes(0, 1).tolist()
    for name, trace in result.traces.items():
        fields = {"integrated": trace.integrated, "spike": trace.spike, "value": trace.value, **trace.state}
        shown = {field: kept for field, kept in fields.items() if kept is not None and field not in UNSEEN}
        seen |= {f"{name}.{field}": kept.swapaxes(0, 1).tolist() for field, kept in shown.items()}
    return seen


@st.composite
def configs(draw):
    """Any small network, built in any way, and some samples."""
    model = draw(models())
    config = (model, draw(implementations(model.network)))
    return config, draw(samples(model.network, count=draw(st.integers(1, 2))))


@pytest.mark.slow
@examples(25)
@given(configs(), stalls)
def test_everything_that_is_seen_is_equal(drawn, stall):
    config, batch = drawn
    assert run_rtl(config, batch, stall) == run_golden(config, batch)


def model_of(encoder, layers, readout, inputs=9, num_steps=4, seed=0, **tensors):
    """Random weights of 4 bits and biases, between layers of (units, neuron)."""
    random = np.random.default_rng(seed)
    stages, fan_in = [], inputs
    for index, (units, neuron) in enumerate(layers):
        name = f"layer{index}"
        stages.append(Layer(name=name, synapse=Dense(units=units, weight_bits=4), neuron=neuron))
        tensors[f"{name}.weight"] = random.integers(-8, 8, (units, fan_in))
        tensors[f"{name}.bias"] = random.integers(-9, 10, units)
        fan_in = units
    network = Network(
        input_shape=(inputs,), encoder=encoder, stages=tuple(stages), readout=readout, num_steps=num_steps
    )
    return Model(network, tensors)


def batch_of(network, count=3, seed=4):
    random = np.random.default_rng(seed)
    highest = network.encoder.sample_range.hi
    pixels = random.integers(0, highest + 1, (count, *network.sample_shape), dtype=np.uint8)
    pixels[random.random(pixels.shape) < 0.3] = 0
    return pixels


def parameters(units, seed=0):
    """Thresholds and leaks of each neuron."""
    random = np.random.default_rng(seed)
    return {"layer0.threshold": random.integers(1, 90, units), "layer0.leak_amount": random.integers(0, 9, units)}


LIF = Neuron(leak=Leak(kind="shift", bits=3), threshold=20)
GRADED = Neuron(leak=Leak(kind="subtract", amount=2), threshold=15, spike=Spike(kind="residue", bits=6))
SATURATING = Neuron(threshold=12, reset="zero", membrane=Range(lo=-8, hi=31), refractory=1)
BURSTS = Neuron(threshold=9, reset_delay=True, spike=Spike(kind="count", bound=3), initial=4)
OWN = Neuron(leak=Leak(kind="multiply", bits=3, amount=PER_NEURON), threshold=PER_NEURON)
SCORES = Neuron.integrator(leak=Leak(kind="multiply", bits=4, amount=13, rounding="toward_zero"))

MODELS = {
    "direct, membrane": model_of(Direct(bits=4), [(7, LIF), (4, SCORES)], MembraneReadout()),
    "integrate_fire, graded": model_of(IntegrateFire(), [(6, GRADED), (5, GRADED)], CountReadout()),
    "bernoulli, three layers": model_of(
        Bernoulli(seed=77), [(5, SATURATING), (7, BURSTS), (3, SCORES)], MembraneReadout()
    ),
    "rate, vote": model_of(Rate(threshold=90, period=2), [(5, BURSTS), (6, LIF)], VoteReadout(classes=3)),
    "latency, first spike": model_of(Latency(), [(4, BURSTS), (5, SATURATING)], FirstSpikeReadout(), num_steps=6),
    "events, each its own": model_of(Events(bits=3), [(7, OWN), (2, BURSTS)], CountReadout(), **parameters(7)),
    "one neuron": model_of(Direct(), [(1, LIF)], CountReadout(), inputs=1, seed=4),
    "one step": model_of(Direct(bits=2), [(5, LIF), (3, SCORES)], MembraneReadout(), num_steps=1),
}

WAYS = {
    "all lanes": {},
    "one lane": {"lanes": 1, "pixels_per_beat": 1},
    "three lanes": {"lanes": 3, "pixels_per_beat": 2, "overlap": False},
    "four lanes, three neurons": {"lanes": 4, "neurons": 3, "pixels_per_beat": 3},
    "words of one": {"neurons": 1, "pixels_per_beat": 16},
}


def implementation_of(network, lanes=None, neurons=None, **options):
    capped = {
        stage.name: min(neurons, lanes or stage.units, stage.units) for stage in network.layers if neurons is not None
    }
    return Implementation.of(network, lanes=lanes, neuron_lanes=capped, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_same_numbers_however_it_is_built_and_whatever_waits(name):
    model = MODELS[name]
    batch = batch_of(model.network)
    expected = run_golden((model, None), batch)
    assert any(np.any(numbers) for key, numbers in expected.items() if key.endswith(".spike")), "no neuron fires"
    for index, options in enumerate(WAYS.values()):
        config = (model, implementation_of(model.network, **options))
        assert run_rtl(config, batch, STALLS[index % 4]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("stall", STALLS, ids=["free", "slow sink", "slow source", "both"])
def test_no_number_depends_on_stalls(stall):
    config = (MODELS["bernoulli, three layers"], implementation_of(MODELS["bernoulli, three layers"].network, lanes=2))
    batch = batch_of(config[0].network, 4, seed=1)
    assert run_rtl(config, batch, stall) == run_golden(config, batch)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_an_earlier_sample_leaves_nothing_behind(name):
    config = (MODELS[name], implementation_of(MODELS[name].network, lanes=3))
    first, second = batch_of(config[0].network, 2, seed=2)
    first[...] = 7 if name.startswith("events") else 255
    seen = run_rtl(config, np.stack([first, second, first]))
    for key, value in run_rtl(config, second[None]).items():
        assert seen[key][1] == value[0]
        assert seen[key][0] == seen[key][2]


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [None, 3, 1], ids=["all lanes", "three lanes", "one lane"])
@pytest.mark.parametrize("name", ["direct, membrane", "integrate_fire, graded", "one neuron"])
def test_an_aborted_sample_leaves_nothing_behind(name, lanes):
    """Cut short at any beat, or too long: no result, and the next one as if nothing had been."""
    model = MODELS[name]
    way = implementation_of(model.network, lanes=lanes, pixels_per_beat=2)
    good, beats = batch_of(model.network, 2, seed=3), Design(model, way).beats
    bright = [{"pixels": [255, 255], "last": 0}] * (2 * beats)
    transfers = transfers_of(model.network, 2, good[:1])
    for length in [*range(1, beats), 2 * beats]:
        transfers += [*bright[: length - 1], {"pixels": [255, 255], "last": 1}]
    transfers += transfers_of(model.network, 2, good[1:])
    expected = run_golden((model, way), good)
    for stall in (STALLS[0], STALLS[3]):
        _, run = simulate_network(model, way, transfers, stall)
        results = run.payloads("result")
        assert [r["class"] for r in results] == expected["class"]
        assert [r["scores"] for r in results] == expected["scores"]
        assert set(run.ports["error"]) == {0, 1} and not run.ports["error"][-1]


@pytest.mark.parametrize("name", ["direct, membrane", "integrate_fire, graded"])
def test_the_next_sample_is_taken_in_while_the_last_one_is_worked_on(name):
    network = MODELS[name].network
    way = implementation_of(network)
    _, run = simulate_network(MODELS[name], way, transfers_of(network, way.pixels_per_beat, batch_of(network, 2)))
    assert run.taken("sample")[2 * -(-network.inputs // way.pixels_per_beat) - 1] < run.offered("result")[0]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("encoder", "event_lanes"), [(Direct(bits=3), 1), (Direct(bits=3), 2), (IntegrateFire(), 2), (Events(bits=2), 1)]
)
def test_a_sample_that_waits_for_weights_meets_all_of_them(encoder, event_lanes, bias):
    """It is taken as soon as they are there, and at once reads what was written last."""
    layer = Layer(name="only", synapse=Dense(units=2, weight_bits=4), bias=bias, neuron=SCORES)
    network = Network(input_shape=(2,), encoder=encoder, stages=(layer,), readout=MembraneReadout(), num_steps=2)
    model = Model(network, {"only.weight": np.full((2, 2), 7)} | ({"only.bias": np.array([3, 5])} if bias else {}))
    way = Implementation.of(
        network, pixels_per_beat=2, queue=False, event_lanes={"only": event_lanes}, memory={"only": "spram"}
    )
    batch = np.full((1, *network.sample_shape), 3 if encoder.kind == "events" else 255, np.uint8)
    octets = image(model, Design(model, way))
    loads = [{"byte": byte, "last": place == len(octets) - 1} for place, byte in enumerate(octets)]
    _, run = simulate_network(model, way, transfers_of(network, way.pixels_per_beat, batch), weights=loads)
    assert [result["scores"] for result in run.payloads("result")] == golden.run(model, batch).scores.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [None, 3], ids=["all lanes", "three lanes"])
@pytest.mark.parametrize("name", MODELS)
def test_no_combinational_cycle(name, lanes):
    """The simulator would settle on one; the conversion refuses it."""
    model = MODELS[name]
    assert rtlil.convert(NetworkCircuit(Design(model, implementation_of(model.network, lanes=lanes))))


def changed(model, tensor, where, by):
    """The model with one number changed."""
    tensors = {name: value.copy() for name, value in model.tensors.items()}
    tensors[tensor][where] += by
    return Model(model.network, tensors)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tensor", "where"),
    [
        ("layer0.weight", (3, 4)),
        ("layer1.weight", (1, 2)),
        ("layer0.bias", 6),
        ("layer0.threshold", 5),
        ("layer0.leak_amount", 0),
    ],
)
def test_a_golden_model_with_one_number_wrong_is_noticed(tensor, where):
    model = MODELS["events, each its own"]
    batch = batch_of(model.network, 6)
    config = (model, implementation_of(model.network))
    wrong = changed(model, tensor, where, -1 if model.tensors[tensor][where] > 0 else 1)
    assert run_rtl(config, batch) == run_golden(config, batch) != run_golden((wrong, None), batch)


def test_a_dropped_event_is_noticed():
    model = MODELS["integrate_fire, graded"]
    config, batch = (model, implementation_of(model.network)), batch_of(model.network, 1)
    dark = batch.copy()
    dark[0, np.argmax(batch[0])] = 0
    assert run_rtl(config, batch) == run_golden(config, batch) != run_golden(config, dark)
