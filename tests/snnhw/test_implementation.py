"""Implementations: the order in which a layer's neurons pass, and lanes that cannot be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from snnhw.design import Design
from snnhw.errors import DescriptionError
from snnhw.implementation import Choices, Implementation, LayerImplementation, LayerShape, address_width, queue_depth
from snnhw.model import Model, tensor_shapes
from snnhw.network import CountReadout, Dense, Direct, Encoder, Events, IntegrateFire, Layer, MaxPool2d, Network, Neuron
from tests import convolutions
from tests.strategies import implementations, models


def model_of(network: Network) -> Model:
    """Weights of zero."""
    return Model(
        network,
        {name: np.zeros(shape, np.int64) for name, shape in tensor_shapes(network).items()},
    )


def network_of(*units: int, encoder: Encoder | None = None, num_steps: int = 2) -> Network:
    """Ten inputs, and layers a, b, ... of so many neurons."""
    stages = tuple(
        Layer(name="abc"[index], synapse=Dense(units=count, weight_bits=4), neuron=Neuron(threshold=5))
        for index, count in enumerate(units)
    )
    return Network(
        input_shape=(10,), encoder=encoder or Direct(), stages=stages, readout=CountReadout(), num_steps=num_steps
    )


@st.composite
def shapes(draw: st.DrawFn) -> LayerShape:
    units = draw(st.integers(1, 70))
    synapse_lanes = draw(st.integers(1, units))
    return LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=draw(st.integers(1, synapse_lanes)))


class TestLayerShape:
    @pytest.mark.parametrize(
        ("units", "synapse_lanes", "neuron_lanes", "order"),
        [
            (1, 1, 1, [[0]]),
            (4, 4, 2, [[0, 1], [2, 3]]),
            (5, 5, 2, [[0, 1], [2, 3], [4, None]]),
            (5, 3, 2, [[0, 1], [2, None], [3, 4]]),
            (4, 3, 3, [[0, 1, 2], [3, None, None]]),
            (7, 4, 3, [[0, 1, 2], [3, None, None], [4, 5, 6]]),
        ],
    )
    def test_order_by_hand(self, units, synapse_lanes, neuron_lanes, order):
        shape = LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=neuron_lanes)
        assert [list(word) for word in shape.order] == order

    @settings(deadline=None)
    @given(shapes())
    def test_order_holds_every_neuron_once_and_in_sequence(self, shape):
        flat = [unit for word in shape.order for unit in word]
        assert [unit for unit in flat if unit is not None] == list(range(shape.units))
        assert all(len(word) == shape.neuron_lanes for word in shape.order)
        assert all(word[0] is not None for word in shape.order)

    @settings(deadline=None)
    @given(shapes())
    def test_no_word_crosses_a_group(self, shape):
        for word in shape.order:
            assert len({unit // shape.synapse_lanes for unit in word if unit is not None}) == 1

    @settings(deadline=None)
    @given(shapes())
    def test_words_count_the_order(self, shape):
        assert shape.words == len(shape.order) == sum(shape.group_sizes)
        assert len(shape.group_sizes) == shape.groups == math.ceil(shape.units / shape.synapse_lanes)
        for group, size in enumerate(shape.group_sizes):
            starts = [
                word[0] for word in shape.order if word[0] is not None and word[0] // shape.synapse_lanes == group
            ]
            assert size == shape.group_words(group) == len(starts)

    @pytest.mark.parametrize(
        ("units", "synapse_lanes", "neuron_lanes", "stride"),
        [
            (8, 8, 4, 4),
            (8, 4, 4, 4),
            (9, 9, 4, 4),
            (10, 6, 4, 2),
            (12, 6, 6, 6),
            (7, 3, 2, 1),
            (8, 8, 1, 1),
            (1, 1, 1, 1),
            (5, 5, 5, 5),
        ],
    )
    def test_stride_by_hand(self, units, synapse_lanes, neuron_lanes, stride):
        shape = LayerShape(units=units, synapse_lanes=synapse_lanes, neuron_lanes=neuron_lanes)
        assert shape.stride == stride

    @settings(deadline=None)
    @given(shapes())
    def test_stride_divides_where_words_begin_and_nothing_greater_does(self, shape):
        starts = [word[0] for word in shape.order if word[0]]
        assert all(start % shape.stride == 0 for start in starts)
        assert not starts or all(any(start % more for start in starts) for more in range(shape.stride + 1, shape.units))


class TestUsualChoices:
    def test_are_all_neurons_at_once_and_at_most_eight_updated(self):
        chosen = Implementation.of(network_of(20, 3))
        assert [(layer.synapse_lanes, layer.neuron_lanes) for layer in chosen.layers] == [(20, 8), (3, 3)]
        assert (chosen.pixels_per_beat, chosen.overlap, chosen.weights) == (8, True, "inline")
        assert (chosen.schedule, chosen.queue) == ("step_major", True)
        assert {(layer.event_lanes, layer.step_lanes, layer.memory) for layer in chosen.layers} == {(1, 1, "rom")}

    def test_lanes_are_a_cap(self):
        chosen = Implementation.of(network_of(20, 3), lanes=5)
        assert [(layer.synapse_lanes, layer.neuron_lanes) for layer in chosen.layers] == [(5, 5), (3, 3)]

    def test_single_layers_can_be_set_by_name(self):
        chosen = Implementation.of(network_of(20, 3), lanes=4, synapse_lanes={"a": 10}, neuron_lanes={"a": 7, "b": 1})
        assert [(layer.synapse_lanes, layer.neuron_lanes) for layer in chosen.layers] == [(10, 7), (3, 1)]

    def test_every_field_can_be_chosen(self):
        fields = {*Implementation.model_fields, *LayerImplementation.model_fields} - {"layers"}
        assert set(Choices.__annotations__) == {"lanes", *fields}

    def test_so_can_events_and_steps_a_cycle(self):
        network = network_of(20, 6, 3)
        lanes: dict[str, Any] = {
            "neuron_lanes": {"a": 4, "b": 2},
            "event_lanes": {"a": 2, "b": 2, "c": 2},
            "step_lanes": {"b": 2},
        }
        chosen = Implementation.of(network, schedule="neuron_major", queue=False, **lanes)
        assert [(layer.event_lanes, layer.step_lanes) for layer in chosen.layers] == [(2, 1), (2, 2), (2, 1)]
        assert (chosen.schedule, chosen.queue) == ("neuron_major", False)

    def test_a_first_layer_of_constant_input_can_split_its_steps(self):
        model = model_of(network_of(4, 4, 4, num_steps=5))
        design = Design.of(model, step_lanes={"a": 5}, queued_words={"b": 3})
        assert [layer.splits for layer in design.layers] == [True, False, False]
        assert [layer.neuron_major for layer in design.layers] == [True, False, False]
        assert ([layer.steps for layer in design.layers], design.steps) == ([5, 1, 1], 1)
        assert not any(layer.splits for layer in Design.of(model, schedule="neuron_major", step_lanes={"a": 5}).layers)

    @pytest.mark.parametrize("lanes", [None, 3])
    def test_windows_need_no_lanes_to_be_said(self, lanes):
        network = convolutions.network(convolutions.conv(10), (1, 5, 5))
        design = Design.of(convolutions.model(network), lanes=lanes, visits={"first": "windows"})
        first, last = design.layers
        assert (first.chosen.synapse_lanes, first.chosen.neuron_lanes) == (10, 10)
        assert last.chosen.synapse_lanes == min(lanes or 2, 2)
        assert (set(first.weight_words), set(last.weight_words)) == ({0}, {1})

    def test_words_hold_all_steps_where_it_goes_neuron_by_neuron(self):
        model = model_of(network_of(4, 4, 4, num_steps=5))
        usual, chosen = Design.of(model), Design.of(model, schedule="neuron_major", step_lanes={"b": 5})
        assert (usual.steps, chosen.steps) == (1, 5)
        assert [layer.slots for layer in chosen.layers] == [1, 1, 5]
        assert [layer.slots for layer in usual.layers] == [1, 1, 1]

    @pytest.mark.parametrize(("pixels_per_beat", "beats"), [(1, 10), (3, 4), (5, 2), (8, 2), (10, 1), (16, 1)])
    def test_beats_cover_the_pixels(self, pixels_per_beat, beats):
        assert Design.of(model_of(network_of(2)), pixels_per_beat=pixels_per_beat).beats == beats

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_every_layer_has_its_shape(self, data):
        model = data.draw(models())
        chosen = data.draw(implementations(model.network))
        for layer, lanes in zip(Design(model, chosen).layers, chosen.layers, strict=True):
            assert layer.shape == LayerShape(
                units=layer.units,
                synapse_lanes=lanes.synapse_lanes,
                neuron_lanes=lanes.neuron_lanes,
                positions=layer.units // layer.channels,
            )


QUEUED = "no words of layer '{}' can be queued: they can where a layer that is not the last goes step by step"
ALL_LANES = "layer 'first' visits windows, so it needs 10 synapse and neuron lanes, all of its channels, not {} and {}"


class TestRefusals:
    @pytest.mark.parametrize(
        ("choices", "complaint"),
        [
            ({"lanes": 0}, "lanes must be at least 1, not 0"),
            ({"synapse_lanes": {"a": 21}}, "layer 'a' has 20 neurons, so 1 to 20 synapse lanes, not 21"),
            ({"synapse_lanes": {"b": 0}}, "layer 'b' has 3 neurons, so 1 to 3 synapse lanes, not 0"),
            ({"synapse_lanes": {"b": -1}}, "layer 'b' has 3 neurons, so 1 to 3 synapse lanes, not -1"),
            ({"neuron_lanes": {"a": 21}}, "layer 'a' has 20 synapse lanes, so 1 to 20 neuron lanes, not 21"),
            ({"lanes": 4, "neuron_lanes": {"a": 5}}, "layer 'a' has 4 synapse lanes, so 1 to 4 neuron lanes, not 5"),
            ({"neuron_lanes": {"b": 0}}, "layer 'b' has 3 synapse lanes, so 1 to 3 neuron lanes, not 0"),
            ({"synapse_lanes": {"c": 1}}, "synapse_lanes: there is no layer 'c'; there are a, b"),
            ({"neuron_lanes": {"c": 1}}, "neuron_lanes: there is no layer 'c'; there are a, b"),
            ({"pixels_per_beat": 0}, "pixels_per_beat: Input should be greater than or equal to 1, not 0"),
            ({"pixels_per_beat": 129}, "pixels_per_beat: Input should be less than or equal to 128, not 129"),
            ({"weights": "paper"}, "weights: Input should be 'inline' or 'readmemh', not 'paper'"),
        ],
    )
    def test_are_one_line(self, choices: dict[str, Any], complaint):
        with pytest.raises(DescriptionError) as error:
            Implementation.of(network_of(20, 3), **choices)
        assert str(error.value) == complaint

    @pytest.mark.parametrize(
        ("choices", "complaint"),
        [
            ({"schedule": "both"}, "schedule: Input should be 'step_major' or 'neuron_major', not 'both'"),
            (
                {"step_lanes": {"b": 5}},
                "layer 'b' can have 1 step lanes with schedule 'step_major', not 5",
            ),
            (
                {"step_lanes": {"a": 2}},
                "layer 'a' can have 1 or 5 step lanes with schedule 'step_major', not 2",
            ),
            ({"queued_words": {"a": -1}}, "layer 'a' can have 0 to 65536 queued words, not -1"),
            ({"queued_words": {"a": 65537}}, "layer 'a' can have 0 to 65536 queued words, not 65537"),
            ({"queued_words": {"c": 1}}, "queued_words: there is no layer 'c'; there are a, b"),
            ({"queued_words": {"b": 1}}, QUEUED.format("b")),
            ({"queued_words": {"a": 1}, "step_lanes": {"a": 5}}, QUEUED.format("a")),
            ({"queued_words": {"a": 1}, "schedule": "neuron_major"}, QUEUED.format("a")),
            ({"visits": {"a": "windows"}}, "layer 'a' can visit events, not windows"),
            ({"visits": {"c": "events"}}, "visits: there is no layer 'c'; there are a, b"),
            (
                {"schedule": "neuron_major", "step_lanes": {"a": 3}},
                "layer 'a' can have 1 or 5 step lanes with schedule 'neuron_major', not 3",
            ),
            (
                {"schedule": "neuron_major", "step_lanes": {"b": 0}},
                "layer 'b' can have 1 or 5 step lanes with schedule",
            ),
            ({"event_lanes": {"a": 3}}, "layer 'a' can have 1 or 2 event lanes, not 3"),
            ({"event_lanes": {"b": 0}}, "layer 'b' can have 1 or 2 event lanes, not 0"),
            (
                {"event_lanes": {"a": 2}, "pixels_per_beat": 3},
                "layer 'a' cannot have 2 event lanes with 3 pixels in a beat: make that even",
            ),
            (
                {"event_lanes": {"b": 2}, "neuron_lanes": {"a": 5}},
                "layer 'b' cannot have 2 event lanes with 5 neurons in a word of layer 'a': make that even",
            ),
            ({"event_lanes": {"c": 2}}, "event_lanes: there is no layer 'c'; there are a, b"),
            ({"step_lanes": {"c": 2}}, "step_lanes: there is no layer 'c'; there are a, b"),
        ],
    )
    def test_of_schedules_steps_and_events_are_one_line(self, choices: dict[str, Any], complaint):
        with pytest.raises(DescriptionError) as error:
            Implementation.of(network_of(20, 3, num_steps=5), **choices)
        assert str(error.value).startswith(complaint)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("choices", "complaint"),
        [
            ({"visits": "all"}, "what layer 'first' visits must be one of events, windows, not 'all'"),
            ({"neuron_lanes": 2}, ALL_LANES.format(10, 2)),
            ({"synapse_lanes": 5}, ALL_LANES.format(5, 5)),
            (
                {"memory": "ram"},
                "layer 'first' visits windows, with weights wired in: leave its memory rom, or visit events",
            ),
            ({"step_lanes": 2}, "layer 'first' can have 1 step lanes with schedule 'step_major', not 2"),
            ({"event_lanes": 2}, "layer 'first' of kind 'conv2d' has 1 event lane, not 2"),
        ],
    )
    def test_of_convolutions_that_visit_windows(self, choices: dict[str, Any], complaint: str):
        network = convolutions.network(convolutions.conv(10), (1, 5, 5))
        given: Any = {name: {"first": value} for name, value in {"visits": "windows", **choices}.items()}
        with pytest.raises(DescriptionError) as error:
            Implementation.of(network, **given)
        assert str(error.value) == complaint

    @pytest.mark.parametrize("synapse", [convolutions.conv(3, max_pool=2), MaxPool2d(size=2)])
    def test_of_windows_under_a_pool(self, synapse: Any):
        with pytest.raises(DescriptionError, match="layer 'first' can visit events, not windows"):
            Implementation.of(convolutions.network(synapse, (1, 5, 5)), visits={"first": "windows"})

    @pytest.mark.parametrize("encoder", [IntegrateFire(), Events()])
    def test_of_steps_apart_where_the_input_changes(self, encoder):
        with pytest.raises(DescriptionError, match="layer 'a' can have 1 step lanes with schedule 'step_major', not 2"):
            Implementation.of(network_of(4, 3, encoder=encoder), step_lanes={"a": 2})

    def test_of_steps_apart_in_the_last_layer(self):
        with pytest.raises(DescriptionError, match="layer 'a' can have 1 step lanes with schedule 'step_major', not 2"):
            Implementation.of(network_of(4), step_lanes={"a": 2})

    @pytest.mark.parametrize("encoder", [IntegrateFire(), Events()])
    def test_of_neuron_by_neuron_where_the_input_changes(self, encoder):
        with pytest.raises(DescriptionError) as error:
            Implementation.of(network_of(4, encoder=encoder), schedule="neuron_major")
        assert str(error.value) == (
            "the schedule 'neuron_major' needs an input that is the same at every step: direct encoding, not "
            f"{encoder.kind}"
        )

    def test_of_two_event_lanes_for_an_input_of_single_events(self):
        complaint = "layer 'a' cannot have 2 event lanes with 1 event in a transfer of the input: make that even"
        with pytest.raises(DescriptionError, match=complaint):
            Implementation.of(network_of(4, encoder=Events()), event_lanes={"a": 2})

    def test_of_words_that_begin_at_odd_neurons(self):
        """Groups of three, in words of two: the second group's first word begins at 3."""
        with pytest.raises(DescriptionError, match="layer 'b' cannot have 2 event lanes with 1 neurons in a word"):
            Implementation.of(network_of(6, 3), synapse_lanes={"a": 3}, neuron_lanes={"a": 2}, event_lanes={"b": 2})
        Implementation.of(network_of(6, 3), synapse_lanes={"a": 4}, neuron_lanes={"a": 2}, event_lanes={"b": 2})

    @pytest.mark.parametrize("kind", ["synapse_lanes", "neuron_lanes", "event_lanes", "step_lanes", "queued_words"])
    def test_of_lanes_that_are_no_number(self, kind):
        with pytest.raises(TypeError, match=f"{kind} of layer 'a' must be an integer, not 1.5"):
            Implementation.of(network_of(4), **{kind: {"a": 1.5}})  # type: ignore[arg-type]

    def test_of_what_is_no_choice(self):
        with pytest.raises(TypeError, match=r"there is no choice 'lane' \(did you mean 'lanes'\?\); there are lanes"):
            Implementation.of(network_of(4), lane=3)  # type: ignore[call-arg]

    def test_of_another_number_of_layers(self):
        chosen = Implementation.of(network_of(20))
        with pytest.raises(DescriptionError, match="the implementation has 1 layers, the network has 2"):
            chosen.check(network_of(20, 3))

    def test_of_a_network_that_is_smaller(self):
        with pytest.raises(DescriptionError, match="layer 'a' has 10 neurons, so 1 to 10 synapse lanes, not 20"):
            Implementation.of(network_of(20)).check(network_of(10))

    def test_of_lanes_below_1(self):
        with pytest.raises(ValidationError, match="greater than or equal to 1"):
            LayerImplementation(synapse_lanes=0, neuron_lanes=1)


@pytest.mark.parametrize(
    ("count", "bits"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (784, 10), (1024, 10), (1025, 11), ((1 << 49) + 1, 50)]
)
def test_addresses_number_everything_and_waste_no_bit(count, bits):
    assert address_width(count) == bits


@pytest.mark.parametrize(
    ("words", "depth"), [(1, 2), (2, 2), (3, 4), (4, 4), (5, 8), (98, 128), (128, 128), (129, 256)]
)
def test_queues_are_a_power_of_two_deep(words, depth):
    assert queue_depth(words) == depth


def test_numbers_of_numpy_are_lanes():
    network = network_of(8, 4)
    given: Any = {
        "lanes": np.int64(4),
        "pixels_per_beat": np.int64(4),
        "synapse_lanes": {"a": np.int32(2)},
        "event_lanes": {"a": np.uint8(2)},
    }
    plain: Any = {"lanes": 4, "pixels_per_beat": 4, "synapse_lanes": {"a": 2}, "event_lanes": {"a": 2}}
    assert Implementation.of(network, **given) == Implementation.of(network, **plain)
