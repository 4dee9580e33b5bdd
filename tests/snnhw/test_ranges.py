"""Derived ranges hold every number that the oracle ever produces, and currents reach their ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnhw.model import Model
from snnhw.network import (
    CountReadout,
    Dense,
    Direct,
    Events,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Spike,
)
from snnhw.ranges import LayerRanges, magnitude_bound
from tests import oracle
from tests.strategies import models, samples

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def numbers(rows: list[list[Any]]) -> list[int]:
    """All numbers of a trace; None where a refractory neuron computed none."""
    return [number for row in rows for number in row if number is not None]


def check_layer(model: Model, layer: Layer, trace: oracle.LayerTrace) -> None:
    ranges = model.layer(layer.name).ranges
    for name in ("current", "leaked", "unsaturated", "integrated", "membrane"):
        allowed = getattr(ranges, name)
        assert all(number in allowed for number in numbers(getattr(trace, name))), name
    for field in layer.neuron.state_fields(ranges.membrane):
        assert all(number in field.range for number in numbers(getattr(trace, field.name))), field.name
    assert all(value in layer.neuron.spike.value_range for value in numbers(trace.value))
    assert all(spike in layer.neuron.spike.count_range for spike in numbers(trace.spike))
    if not ranges.saturates:
        pairs = zip(trace.unsaturated, trace.integrated, strict=True)
        assert all(free in (None, kept) for before, after in pairs for free, kept in zip(before, after, strict=True))


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
@given(st.data())
def test_no_number_leaves_its_range(data):
    model = data.draw(models(), label="model")
    sample = data.draw(samples(model.network), label="samples")[0]
    outcome = oracle.run(model.network, model.tensors, sample.tolist())
    for layer in model.network.stages:
        if layer.neuron is not None:
            check_layer(model, layer, outcome.layers[layer.name])
    assert all(score in model.score_range for score in outcome.scores)
    assert all(value in model.network.encoder.value_range for row in outcome.encoder for value in row)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(models())
def test_currents_reach_both_ends(model):
    """The input that has an event exactly where the weight helps: no narrower range would do."""
    for index, layer in enumerate(model.network.stages):
        if layer.synapse.kind != "dense":
            continue
        highest = model.network.layers[index].values.hi
        lowest_currents, highest_currents = [], []
        for unit, row in enumerate(model.layer(layer.name).weight.tolist()):
            helpful = [highest if weight > 0 else 0 for weight in row]
            harmful = [highest if weight < 0 else 0 for weight in row]
            highest_current, lowest_current = oracle.SYNAPSES["dense"](layer, model.tensors, [helpful, harmful], ())
            highest_currents.append(highest_current[unit])
            lowest_currents.append(lowest_current[unit])
        current = model.layer(layer.name).ranges.current
        assert (current.lo, current.hi) == (min(lowest_currents), max(highest_currents))


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(st.data())
def test_sums_of_any_part_of_a_steps_events_stay_in_range(data):
    model = data.draw(models())
    layer = model.layers[-1]  # which is dense
    values = data.draw(st.lists(st.integers(0, layer.values.hi), min_size=layer.inputs, max_size=layer.inputs))
    unit = data.draw(st.integers(0, layer.units - 1))
    total = int(model.layer(layer.name).bias[unit])
    for index in data.draw(st.permutations(range(len(values)))):
        assert total in model.layer(layer.name).ranges.current
        total += int(model.layer(layer.name).weight[unit, index]) * values[index]
    assert total in model.layer(layer.name).ranges.current


def ranges_of(neuron: Neuron, weight: list[int], bias: int = 0, num_steps: int = 4, encoder: Any = None) -> LayerRanges:
    """The ranges of one neuron with these weights."""
    readout: Any = CountReadout() if neuron.fires else MembraneReadout()
    layer = Layer(name="only", synapse=Dense(units=1, weight_bits=16), neuron=neuron)
    network = Network(
        input_shape=(len(weight),), encoder=encoder or Events(), stages=(layer,), readout=readout, num_steps=num_steps
    )
    return Model.from_tensors(network, {"only.weight": [weight], "only.bias": [bias]}).layer("only").ranges


class TestByHand:
    def test_integrator(self):
        ranges = ranges_of(Neuron.integrator(initial=5), [3, -2, 4], bias=1)
        assert ranges.weight == Range(lo=-2, hi=4)
        assert ranges.current == Range(lo=-1, hi=8)
        assert ranges.unsaturated == ranges.integrated == Range(lo=1, hi=37)
        assert ranges.membrane == Range(lo=1, hi=37)
        assert ranges.leaked == Range(lo=2, hi=29)
        assert not ranges.saturates

    def test_weights_of_one_sign_still_hold_zero(self):
        assert ranges_of(Neuron.integrator(), [3, 4]).weight == Range(lo=0, hi=4)
        assert ranges_of(Neuron.integrator(), [-3, -4]).weight == Range(lo=-4, hi=0)

    def test_graded_input_multiplies_currents(self):
        assert ranges_of(Neuron.integrator(), [3, -2], encoder=Direct(bits=4)).current == Range(lo=-30, hi=45)

    def test_saturation_cuts(self):
        ranges = ranges_of(Neuron.integrator(membrane=Range(lo=-1, hi=9)), [5, -5])
        assert ranges.unsaturated == Range(lo=-6, hi=14)
        assert ranges.integrated == ranges.membrane == Range(lo=-1, hi=9)
        assert ranges.saturates

    def test_a_range_that_is_never_left_needs_no_saturation(self):
        assert not ranges_of(Neuron.integrator(membrane=Range(lo=-20, hi=20)), [5, -5]).saturates

    def test_reset_to_zero_never_keeps_the_threshold(self):
        ranges = ranges_of(Neuron(threshold=10, reset="zero"), [4])
        assert ranges.integrated == Range(lo=0, hi=13)
        assert ranges.membrane == Range(lo=0, hi=9)

    def test_refractory_neurons_need_no_more_room(self):
        free, refractory = (Neuron(threshold=10, refractory=steps) for steps in (0, 2))
        assert ranges_of(free, [4, -3]) == ranges_of(refractory, [4, -3])

    def test_reset_by_subtraction_keeps_the_rest(self):
        ranges = ranges_of(Neuron(threshold=10), [14], num_steps=2)
        assert ranges.integrated == Range(lo=0, hi=23)
        assert ranges.membrane == Range(lo=0, hi=13)

    def test_reset_amount_above_the_threshold_reaches_below_zero(self):
        assert ranges_of(Neuron(threshold=10, reset_amount=16), [10], num_steps=1).membrane == Range(lo=-6, hi=9)

    def test_delayed_reset_keeps_what_was_integrated(self):
        ranges = ranges_of(Neuron(threshold=10, reset_delay=True), [12], num_steps=2)
        assert ranges.membrane == ranges.integrated
        assert ranges.integrated.hi == 24

    def test_delayed_reset_reaches_below_what_was_integrated(self):
        ranges = ranges_of(Neuron(threshold=10, reset_amount=50, reset_delay=True), [10], num_steps=2)
        assert ranges.unsaturated == Range(lo=-40, hi=20)

    def test_delayed_reset_that_leaves_the_membranes_range_saturates(self):
        """It holds 10, loses 50 with the next step, and -5 is kept of that."""
        neuron = Neuron(threshold=10, reset_amount=50, reset_delay=True, membrane=Range(lo=-5, hi=30))
        ranges = ranges_of(neuron, [10], num_steps=2)
        assert ranges.unsaturated == Range(lo=-40, hi=20)
        assert ranges.integrated == ranges.membrane == Range(lo=-5, hi=20)
        assert ranges.saturates

    def test_delayed_reset_to_zero_starts_again_from_the_current(self):
        far = Neuron(threshold=5, reset="zero", reset_delay=True, initial=100)
        assert ranges_of(far, [0], bias=6).unsaturated.lo == 6
        leaky = Neuron(threshold=5, reset="zero", reset_delay=True, initial=-50, leak=Leak(kind="subtract", amount=50))
        assert ranges_of(leaky, [0], bias=105, num_steps=2).unsaturated == Range(lo=5, hi=105)

    def test_reset_to_zero_reaches_below_what_never_fires(self):
        ranges = ranges_of(Neuron(threshold=10, reset="zero", initial=3), [10], bias=3, num_steps=1)
        assert ranges.integrated == Range(lo=6, hi=16)
        assert ranges.membrane == Range(lo=0, hi=9)

    def test_burst_removes_as_many_as_it_sends(self):
        burst = Neuron(threshold=10, reset_amount=4, spike=Spike(kind="count", bound=3))
        assert ranges_of(burst, [30], num_steps=1).membrane == Range(lo=0, hi=18)

    def test_traces_of_a_refractory_neuron_fit_what_it_holds(self):
        """It holds 50-120 = -70, although 50, -20 and 30 are all that it ever integrates."""
        neuron = Neuron(threshold=50, reset_amount=120, refractory=1)
        ranges = ranges_of(neuron, [0], bias=50)
        assert -70 in ranges.membrane
        assert -70 in ranges.integrated
        assert not ranges.saturates


@pytest.mark.parametrize(
    "neuron",
    [
        Neuron.integrator(leak=Leak(kind="multiply", bits=16, amount=65536), initial=2**31 - 1),
        Neuron(threshold=1, reset="none", leak=Leak(kind="subtract", amount=2**31 - 1)),
        Neuron(threshold=1, reset_amount=2**31 - 1, spike=Spike(kind="count", bound=255)),
        Neuron(threshold=1, membrane=Range(lo=-(2**33), hi=2**33), reset="zero"),
    ],
)
@pytest.mark.parametrize("current", [-(2**31), 2**31 - 1])
def test_the_bound_of_magnitudes_holds_at_extremes(neuron, current):
    layer = Layer(name="only", synapse=Dense(units=1, weight_bits=1), neuron=neuron)
    values = {name: np.array([value], np.int64) for name, value in neuron.parameters.items()}
    bound = magnitude_bound(neuron, values, (np.array([current]), np.array([current])), 6)
    trace = oracle.run_layer(layer, {"only.weight": [[0]], "only.bias": [current]}, [[0]] * 6, (1,))
    largest = max(
        abs(number) for name in ("leaked", "unsaturated", "membrane") for number in numbers(getattr(trace, name))
    )
    factor = neuron.leak.amount if neuron.leak.kind == "multiply" else 1
    assert largest * int(factor) <= bound
    assert bound.bit_length() <= 62
