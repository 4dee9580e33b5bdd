"""A kind of layer that is nowhere but here: what docs/extending.md says is all that it takes.

It delays events by a step: it has neither weights nor neurons, but it keeps something from step to step.
"""

from typing import Any, Literal

import numpy as np
import pytest
import torch
from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateware.stream import Mark, each, event_layout, lookup, shape_of
from golden import network as golden
from snnhw.ann.certificate import artificial
from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.implementation import Implementation, address_width
from snnhw.kinds import register
from snnhw.model import Model
from snnhw.modelfile import load, save
from snnhw.network import Range, Shape, Synapse, parse_network
from snnhw.semantics import semantics
from snnhw.summary import summarise
from snnhw.train.evaluate import scores
from snnhw.verification import verify
from snnhw.verilog import emit
from tests import kinds, oracle
from tests.draws import RandomDraws
from tests.soak.case import draw_case
from tests.soak.checks import CHECKS


class Delay(Synapse):
    """Each event again, one step later; what comes in the last step is lost."""

    gives_currents = False

    kind: Literal["toy_delay"] = "toy_delay"

    def out_shape(self, in_shape: Shape) -> Shape:
        return in_shape

    def out_values(self, values: Range) -> Range:
        return values

    def fan_in(self, in_shape: Shape) -> int:
        return 1

    def fan_out(self, in_shape: Shape) -> int:
        return 1

    @property
    def text(self) -> str:
        return "events one step later"


class GoldenDelay:
    def __init__(self, layer):
        self.units = layer.units

    def initial_state(self, batch):
        return {"held": np.zeros((batch, self.units), np.uint16)}

    def step(self, state, values):
        return {"held": values}, state["held"]


class DelayCircuit(wiring.Component):
    """Takes an event a cycle in each event lane; a mark sends the step before, a word a cycle."""

    def __init__(self, layer):
        self.lanes, self.units, self.shape = layer.chosen.event_lanes, layer.units, layer.shape
        self.memories = []
        self.number = shape_of(layer.values)
        value = data.ArrayLayout(self.number, self.shape.neuron_lanes)
        word = {"mark": Mark, "base": address_width(self.units), "value": value, "held": value}
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(layer.inputs, layer.values, self.lanes))),
                "steps": Out(stream.Signature(data.StructLayout(word))),
            }
        )
        self.tap_strobe = Signal()
        self.taps = {
            name: Signal(len(self.steps.payload[name].as_value()), name=f"tap_{name}") for name in ("value", "held")
        }

    def elaborate(self, platform):
        m = Module()
        layout, order = data.ArrayLayout(self.number, self.units), self.shape.order
        coming, held, mark = Signal(layout), Signal(layout), Signal(Mark)
        sends, word = Signal(), Signal(address_width(len(order)))
        event, out = self.events.payload, self.steps.payload
        m.d.comb += self.events.ready.eq(~sends)
        with m.If(self.events.valid & ~sends):
            with m.If(event.mark == Mark.EVENT):
                pairs = zip(each(event.address, self.lanes), each(event.value, self.lanes), strict=True)
                for lane, (address, value) in enumerate(pairs):
                    with m.If(value != 0):
                        m.d.sync += coming[address * self.lanes + lane].eq(value)
            with m.Else():
                m.d.sync += [sends.eq(1), mark.eq(event.mark)]
        last = word == len(order) - 1
        m.d.comb += [
            self.steps.valid.eq(sends),
            out.mark.eq(Mux(last, mark, Mark.EVENT)),
            out.base.eq(lookup(word, [lanes[0] for lanes in order], out.base.shape())),
        ]
        for lane in range(self.shape.neuron_lanes):
            units = [lanes[lane] for lanes in order]
            for source, shown in ((held, out.value), (coming, out.held)):
                m.d.comb += shown[lane].eq(Array(0 if unit is None else source[unit] for unit in units)[word])
        with m.If(self.steps.valid & self.steps.ready):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
            with m.If(last):
                m.d.sync += [sends.eq(0), coming.eq(0), held.eq(Mux(mark == Mark.SAMPLE, 0, coming.as_value()))]
        m.d.comb += self.tap_strobe.eq(self.steps.valid & self.steps.ready)
        m.d.comb += [tap.eq(out[name]) for name, tap in self.taps.items()]
        return m


class DelayTiming:
    def __init__(self, layer, consumer):
        self.consumer, self.num_steps, self.words = consumer, layer.network.num_steps, layer.shape.words
        self.step_cycles = self.words
        self.counts: list[Any] = []
        self.free = self.step = 0

    def take_events(self, offered, events):
        self.free = max(offered, self.free) + max(events)
        return self.free - 1

    def take_mark(self, offered):
        taken = sent = max(offered, self.free)
        for word, events in enumerate(self.counts[self.step]):
            sent = self.consumer.take(sent + 1, events, word == self.words - 1)
        self.free, self.step = sent + 1, (self.step + 1) % self.num_steps
        return taken


def delayed(layer, tensors, events):
    return torch.cat([torch.zeros_like(events[:1]), events[:-1]])


def spelled(layer, tensors, incoming, shape):
    """For the oracle: what came in a step goes out in the next."""
    return [[0 for _ in incoming[0]], *incoming[:-1]]


register(Delay, golden=GoldenDelay, gateware=DelayCircuit, timing=DelayTiming, training=delayed)


@pytest.fixture(autouse=True)
def drawn_and_spelled(monkeypatch):
    """It is drawn as often as other kinds, and the oracle knows it."""
    monkeypatch.setitem(kinds.SYNAPSES, Delay.name(), lambda draws, limits, shape: Delay())
    monkeypatch.setitem(oracle.SYNAPSES, Delay.name(), spelled)


DELAY = {"name": "later", "synapse": {"kind": "toy_delay"}}
DENSE = {"name": "hidden", "synapse": {"units": 5, "weight_bits": 4}, "neuron": {"threshold": 9}}
LAST = {"name": "out", "synapse": {"units": 3, "weight_bits": 4}, "neuron": {"threshold": 5}}
DESCRIPTION = {
    "input_shape": [7],
    "encoder": {"kind": "latency"},
    "stages": [DELAY, DENSE, {**DELAY, "name": "again"}, LAST],
    "readout": {"kind": "count"},
    "num_steps": 6,
}
NETWORK = parse_network(DESCRIPTION)
MODEL = kinds.model(RandomDraws(np.random.default_rng(3)), NETWORK)
SAMPLES = np.random.default_rng(4).integers(0, 256, (40, 7), np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices", [{}, {"lanes": 2}, {"event_lanes": {"later": 2, "out": 2}, "neuron_lanes": {"later": 4, "again": 2}}]
)
def test_every_number_and_every_cycle_is_as_golden_and_timing_say(choices):
    report = verify(Design.of(MODEL, **choices), SAMPLES)
    assert report.equal, report.divergence
    assert report.timing_mismatches == 0
    assert report.values > len(SAMPLES) * NETWORK.num_steps * 2 * (7 + 5)  # values and state of both delays


def test_what_comes_goes_a_step_later():
    trace = golden.run(MODEL, SAMPLES, traces=True)
    came, went = trace.encoded, trace.traces["later"].value
    assert not went[0].any()
    assert np.array_equal(went[1:], came[:-1])
    assert went.any()


@pytest.mark.slow
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1 << 32))
def test_golden_is_the_oracles_and_the_trainers_equal(seed):
    draws = RandomDraws(np.random.default_rng(seed))
    network = kinds.network(draws)
    model, samples = kinds.model(draws, network), kinds.samples(draws, network, 3)
    result = golden.run(model, samples, traces=True)
    outcome = oracle.run(network, model.tensors, samples[1])
    assert oracle.difference(model, result, 1, outcome) is None
    assert np.array_equal(scores(model, samples), result.scores)


@pytest.mark.slow
def test_the_soak_draws_it_and_finds_nothing(monkeypatch):
    monkeypatch.setattr(kinds, "SYNAPSES", {"toy_delay": kinds.SYNAPSES["toy_delay"], "dense": kinds.SYNAPSES["dense"]})
    case = next(
        case
        for case in (draw_case(7, number) for number in range(1000))
        if len(case.model.layers) > 1 and not case.model.layers[0].has_neuron
    )
    found = {
        check.name: check.find(case) for check in CHECKS if check.name in ("oracle", "trainer", "circuit", "cycles")
    }
    assert found == dict.fromkeys(("oracle", "trainer", "circuit", "cycles"))


def test_it_is_kept_in_files_and_told_in_words(tmp_path):
    save(MODEL, tmp_path / "delayed.safetensors")
    kept = load(tmp_path / "delayed.safetensors")
    assert (kept.network, kept.digest) == (NETWORK, MODEL.digest)
    assert "layer later: 7 -> 7, events one step later" in semantics(kept)
    later = summarise(kept)["layers"][0]
    assert (later["ranges"], later["weight_bits"], later["parameters"]) == (None, None, 0)
    assert "module snn" in emit(Design.of(kept)).verilog


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"stages": [LAST | {"neuron": None}]}, "layer 'out' has no neuron, and synapses of kind 'dense' need one"),
        ({"stages": [DELAY | {"neuron": {"threshold": 1}}, LAST]}, "layer 'later' takes no neuron"),
        ({"stages": [DELAY | {"bias": True}, LAST]}, "layer 'later' takes no bias"),
        ({"stages": [DENSE, DELAY]}, "the last layer needs neurons, which 'later' has not"),
        ({"encoder": {"kind": "direct"}}, "encoder 'direct' sends its events once: the first layer needs neurons"),
    ],
)
def test_where_it_cannot_stand_it_is_refused(change, complaint):
    with pytest.raises(DescriptionError, match=complaint):
        parse_network(DESCRIPTION | change)


@pytest.mark.parametrize(
    ("choices", "complaint"),
    [
        ({"memory": {"later": "ram"}}, "layer 'later' has no weights to load"),
        ({"schedule": "neuron_major"}, "the schedule 'neuron_major' needs"),
    ],
)
def test_how_it_cannot_be_built_is_refused(choices, complaint):
    direct = parse_network(DESCRIPTION | {"encoder": {"kind": "direct"}, "stages": [DENSE, DELAY, LAST]})
    with pytest.raises(DescriptionError, match=complaint):
        Implementation.of(direct, **choices)


def test_a_kind_is_registered_whole_and_once():
    class Again(Delay):
        pass

    with pytest.raises(ValueError, match="there is a kind 'toy_delay' of Synapse already"):
        register(Again, golden=GoldenDelay, gateware=DelayCircuit, timing=DelayTiming, training=delayed)

    class Half(Delay):
        kind: Literal["toy_half"] = "toy_half"  # type: ignore[assignment]

    with pytest.raises(ValueError, match="Half needs these twins: golden, gateware, timing, training"):
        register(Half, golden=GoldenDelay)


def test_its_name_alone_is_a_layer_without_bias():
    stages = [{"name": "later", "synapse": "toy_delay"}, DENSE, {**DELAY, "name": "again"}, LAST]
    assert parse_network(DESCRIPTION | {"stages": stages}) == NETWORK
    assert not NETWORK.stages[0].bias


def test_a_model_needs_no_tensors_of_it():
    assert not [name for name in MODEL.tensors if name.startswith(("later", "again"))]
    assert Model(NETWORK, dict(MODEL.tensors)).digest == MODEL.digest


def test_no_artificial_network_has_it():
    last = LAST | {"neuron": {"threshold": None, "reset": "none"}}
    network = parse_network(DESCRIPTION | {"stages": [DENSE, DELAY, last], "readout": {"kind": "membrane"}})
    with pytest.raises(DescriptionError, match="no artificial network is known for layer 'later' of kind 'toy_delay'"):
        artificial(kinds.model(RandomDraws(np.random.default_rng(3)), network))


def test_two_events_a_cycle_of_a_layer_without_channels_are_refused_a_convolution():
    """Words of the delay hold neighbours of a row, though its shape has channels."""
    convolution = {"kind": "conv2d", "channels": 2, "kernel": 2, "weight_bits": 4}
    stages = [DELAY, {"name": "after", "synapse": convolution, "neuron": {"threshold": 9}}, LAST]
    network = parse_network(DESCRIPTION | {"input_shape": [2, 3, 4], "stages": stages})
    with pytest.raises(DescriptionError, match="layer 'after' of kind 'conv2d' has 1 event lane, not 2"):
        Implementation.of(network, event_lanes={"after": 2})
