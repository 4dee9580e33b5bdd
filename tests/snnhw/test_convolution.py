"""Descriptions of convolutions and pools: shapes, bounds, and what is refused in one line."""

from typing import Any

import numpy as np
import pytest
import torch

from snnhw.errors import DescriptionError, ModelError
from snnhw.fpga.fit import candidates
from snnhw.implementation import Implementation, LayerShape
from snnhw.model import Model
from snnhw.network import Conv2d, Dense, MaxPool2d, Range, SMaxPool2d, SumPool2d, parse_network
from snnhw.semantics import semantics
from tests.convolutions import conv, model, network

CONVOLUTION = {"kind": "conv2d", "channels": 2, "kernel": 3, "weight_bits": 4}
CONV = {"name": "first", "synapse": CONVOLUTION}
OUT = {"name": "out", "synapse": {"units": 3, "weight_bits": 4}, "neuron": {"threshold": 5}}
FIRES = {"neuron": {"threshold": 9}}
DESCRIPTION = {
    "input_shape": [1, 6, 6],
    "encoder": "direct",
    "stages": [{**CONV, **FIRES}, OUT],
    "readout": "count",
    "num_steps": 2,
}


def described(synapse, **fields):
    """A description whose first layer has these synapses."""
    first = {"name": "first", "synapse": synapse} | ({} if "pool2d" in synapse["kind"] else FIRES)
    return DESCRIPTION | {"stages": [first, OUT], "encoder": "rate"} | fields


def test_shapes_are_torchs():
    synapse = conv(8, (5, 3), stride=(2, 1), padding=(2, 0))
    assert synapse.out_shape((3, 28, 20)) == (8, 14, 18)
    assert synapse.tensor_shapes((3, 28, 20)) == {"weight": (8, 3, 5, 3)}
    assert (synapse.fan_in((3, 28, 20)), synapse.fan_out((3, 28, 20))) == (45, 8 * 3 * 3)
    assert conv(8, 5).out_shape((28, 28)) == (8, 24, 24)
    assert conv(8, 5, max_pool=2).out_shape((28, 27)) == (8, 12, 11)
    assert MaxPool2d(size=(2, 3)).out_shape((4, 7, 7)) == (4, 3, 2)


@pytest.mark.parametrize("max_pool", [1, (2, 1)])
@pytest.mark.parametrize("padding", [0, (2, 1)])
@pytest.mark.parametrize("stride", [1, (2, 3)])
def test_an_event_reaches_as_many_neurons_as_have_it_in_their_window(stride, padding, max_pool):
    synapse = conv(3, (3, 2), stride=stride, padding=padding, max_pool=max_pool)
    ones = torch.ones(3, 2, 3, 2, dtype=torch.float64)
    inputs = torch.zeros(1, 2, 7, 8, dtype=torch.float64, requires_grad=True)
    currents = torch.nn.functional.conv2d(inputs, ones, stride=synapse.stride, padding=synapse.padding)
    rows, columns = (size * pool for size, pool in zip(synapse.out_shape((2, 7, 8))[1:], synapse.max_pool, strict=True))
    currents[:, :, :rows, :columns].sum().backward()
    assert inputs.grad is not None
    found = synapse.fan_outs((2, 7, 8))
    assert found.tolist() == inputs.grad.flatten().long().tolist()
    assert found.max() <= synapse.fan_out((2, 7, 8))
    assert Dense(units=5, weight_bits=2).fan_outs((2, 3)).tolist() == [5] * 6


def test_an_event_takes_a_cycle_for_each_row_or_position_that_it_reaches():
    """Rows 0 .. 6 of the padded input lie in windows that begin at 0, 2, 4 and have 3 rows: 2 lie in two of them."""
    synapse, rows = Conv2d(channels=2, kernel=3, stride=2, weight_bits=2), [1, 1, 2, 1, 2, 1, 1, 0]
    shape = (3, 8, 8)
    assert (synapse.event_passes(shape, 4) == 1).all()
    by_row = [[max(1, down * (right > 0)) for right in rows] for down in rows]
    assert synapse.event_passes(shape, 2).tolist() == np.tile(np.ravel(by_row), 3).tolist()
    by_position = [[max(1, down * right) for right in rows] for down in rows]
    assert synapse.event_passes(shape, 1).tolist() == np.tile(np.ravel(by_position), 3).tolist()


def test_a_sum_of_a_pool_has_the_values_of_a_whole_window():
    assert SumPool2d(size=(2, 3)).out_values(Range(lo=0, hi=5)) == Range(lo=0, hi=30)
    assert MaxPool2d(size=(2, 3)).out_values(Range(lo=0, hi=5)) == Range(lo=0, hi=5)


@pytest.mark.parametrize("lateral_inhibition", [False, True])
def test_a_spiking_maximum_sends_what_comes_in_and_keeps_what_a_sample_adds_up_to(lateral_inhibition):
    pool = SMaxPool2d(size=(2, 3), lateral_inhibition=lateral_inhibition)
    assert pool.out_shape((4, 7, 7)) == (4, 3, 2)
    assert pool.out_values(Range(lo=0, hi=5)) == Range(lo=0, hi=5)
    assert pool.kept_values(Range(lo=0, hi=5), (4, 7, 7), 4) == Range(lo=0, hi=20)
    assert MaxPool2d(size=2).kept_values(Range(lo=0, hi=5), (4, 7, 7), 4) == Range(lo=0, hi=0)


def test_biases_are_of_channels_and_thresholds_as_the_description_says():
    shapes = {}
    for sharing in ("per_channel", "per_neuron"):
        stages = [{**CONV, "neuron": {"threshold": sharing}}, OUT]
        shapes[sharing] = parse_network(DESCRIPTION | {"stages": stages}).layers[0].tensor_shapes
    weight = {"weight": (2, 1, 3, 3), "bias": (2,)}
    assert shapes == {
        "per_channel": {**weight, "threshold": (2,)},
        "per_neuron": {**weight, "threshold": (32,)},
    }
    chosen = model(network(conv(2, 3), (1, 6, 6)))
    assert chosen.layers[0].bias.tolist() == np.repeat(chosen.tensors["first.bias"], 16).tolist()


def test_bounds_are_reached_by_the_worst_window():
    layer = model(network(conv(3, 2), (2, 2, 2), bits=4), seed=4).layers[0]
    weight, bias = layer.weight.reshape(3, -1), layer.bias
    low, high = layer.current_bounds
    assert low.tolist() == (15 * weight.clip(max=0).sum(axis=1) + bias).tolist()
    assert high.tolist() == (15 * weight.clip(min=0).sum(axis=1) + bias).tolist()
    assert (
        layer.synapse.largest_sums(layer.tensors, layer.values, layer.in_shape).tolist()
        == (15 * abs(weight).sum(axis=1)).tolist()
    )


@pytest.mark.parametrize(
    ("synapse", "complaint"),
    [
        (
            {**CONVOLUTION, "kernel": 9, "padding": 1},
            "layer 'first': a kernel of 9x9 is larger than the input of 6x6 with padding 1x1",
        ),
        ({**CONVOLUTION, "kernel": 4, "max_pool": 4}, "layer 'first': a pool of 4x4 does not fit 3x3 positions"),
        ({**CONVOLUTION, "channels": 0}, "greater than or equal to 1"),
        ({**CONVOLUTION, "kernel": [3, 0]}, "greater than or equal to 1"),
        ({**CONVOLUTION, "padding": -1}, "greater than or equal to 0"),
        ({**CONVOLUTION, "stride": [1, 2, 3]}, "stride"),
        ({**CONVOLUTION, "dilation": 2}, "there is no key 'dilation'"),
        ({"kind": "max_pool2d", "size": 7}, "layer 'first': a pool of 7x7 does not fit an input of 6x6"),
        ({"kind": "max_pool2d", "size": 0}, "greater than or equal to 1"),
        ({"kind": "s_max_pool2d", "size": [2, 7]}, "layer 'first': a pool of 2x7 does not fit an input of 6x6"),
        ({"kind": "s_max_pool2d", "size": [0, 2]}, "greater than or equal to 1"),
        ({"kind": "s_max_pool2d", "size": 2, "lateral_inhibition": "some"}, "lateral_inhibition: .* valid boolean"),
        ({"kind": "s_max_pool2d", "size": 2, "inhibition": True}, "there is no key 'inhibition'"),
        ({"kind": "smax_pool2d", "size": 2}, "did you mean 's_max_pool2d'"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(synapse, complaint):
    with pytest.raises(DescriptionError, match=complaint) as caught:
        parse_network(described(synapse))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"input_shape": [36]}, "conv2d needs an input of channels, height and width, not of shape \\[36\\]"),
        ({"stages": [{**OUT, "name": "a"}, {**CONV, **FIRES}, OUT]}, "layer 'first': conv2d needs an input"),
        (
            {"stages": [{**CONV, **FIRES}, {**OUT, "neuron": {"threshold": "per_channel"}}]},
            "layer 'out' has no channels: make its threshold per_neuron",
        ),
        (
            {"stages": [{"name": "first", "synapse": {"kind": "max_pool2d", "size": 2}}, OUT]},
            "encoder 'direct' sends its events once",
        ),
        (
            {"stages": [{"name": "first", "synapse": {"kind": "s_max_pool2d", "size": 2}, "bias": True}, OUT]},
            "layer 'first' takes no bias",
        ),
        (
            {"stages": [{**CONV, **FIRES}, {"name": "last", "synapse": {"kind": "s_max_pool2d", "size": 2}}]},
            "the last layer needs neurons, which 'last' has not",
        ),
        (
            {"stages": [{**OUT, "name": "a"}, {"name": "b", "synapse": {"kind": "s_max_pool2d", "size": 2}}, OUT]},
            "layer 'b': s_max_pool2d needs an input of channels, height and width, not of shape \\[3\\]",
        ),
    ],
)
def test_where_it_cannot_stand_it_is_refused(change, complaint):
    with pytest.raises(DescriptionError, match=complaint):
        parse_network(DESCRIPTION | change)


def test_weights_of_another_shape_are_refused():
    chosen = network(conv(2, 3), (1, 6, 6))
    tensors = dict(model(chosen).tensors) | {"first.weight": np.zeros((2, 9), np.int64)}
    with pytest.raises(ModelError, match=r"tensor 'first.weight' must have shape \[2, 1, 3, 3\], not \[2, 9\]"):
        Model(chosen, tensors)


@pytest.mark.parametrize(
    ("choices", "complaint"),
    [
        ({"position_lanes": {"first": 2}}, "layer 'first' can have 1 or 3 or 9 position lanes, not 2"),
        ({"position_lanes": {"out": 3}}, "layer 'out' can have 1 position lanes, not 3"),
        ({"synapse_lanes": {"first": 3}}, "layer 'first' has 2 channels, so 1 to 2 synapse lanes, not 3"),
        ({"event_lanes": {"first": 2}}, "layer 'first' of kind 'conv2d' has 1 event lane, not 2"),
        ({"schedule": "neuron_major"}, "'neuron_major' is not for layers of kind 'conv2d', which 'first' is"),
    ],
)
def test_how_it_cannot_be_built_is_refused(choices, complaint):
    with pytest.raises(DescriptionError, match=complaint):
        Implementation.of(parse_network(DESCRIPTION), **choices)


POOL = {"name": "pool", "synapse": {"kind": "max_pool2d", "size": 2}}
AFTER = {"name": "after", "synapse": {**CONVOLUTION, "kernel": 1}, **FIRES}
ONE_LANE = "layer 'after' of kind 'conv2d' has 1 event lane, not 2"


@pytest.mark.parametrize(
    ("before", "choices", "complaint"),
    [
        ([{**CONV, **FIRES}], {}, None),
        ([{**CONV, **FIRES}, POOL], {}, None),
        (
            [{**CONV, **FIRES}],
            {"neuron_lanes": {"first": 1}},
            "layer 'after' cannot have 2 event lanes with 1 neurons in a word of layer 'first': make that even",
        ),
        ([{**CONV, **FIRES, "synapse": {**CONVOLUTION, "channels": 1}}], {}, ONE_LANE),
        ([{**CONV, **FIRES, "synapse": {**CONVOLUTION, "kernel": 6}}], {}, ONE_LANE),
        ([{**CONV, **FIRES}, {**POOL, "synapse": {"kind": "max_pool2d", "size": 4}}], {}, ONE_LANE),
        ([], {}, ONE_LANE),
    ],
)
def test_two_events_a_cycle_are_of_several_channels_and_positions(before, choices, complaint):
    chosen = parse_network(DESCRIPTION | {"input_shape": [2, 6, 6], "stages": [*before, AFTER, OUT]})
    given: dict[str, Any] = {"event_lanes": {"after": 2}, **choices}
    if complaint is None:
        assert Implementation.of(chosen, **given).layers[-2].event_lanes == 2
        return
    with pytest.raises(DescriptionError) as error:
        Implementation.of(chosen, **given)
    assert str(error.value) == complaint


def test_a_pool_takes_no_turns():
    chosen = parse_network(described({"kind": "max_pool2d", "size": 2}, input_shape=[3, 6, 6]))
    assert Implementation.of(chosen, lanes=1).layers[0].synapse_lanes == 3
    with pytest.raises(DescriptionError, match="layer 'first' needs 3 synapse lanes, not 1"):
        Implementation.of(chosen, synapse_lanes={"first": 1})


def test_a_circuit_does_not_end_with_positions():
    chosen = parse_network(DESCRIPTION | {"stages": [{**CONV, **FIRES}]})
    with pytest.raises(
        DescriptionError, match="layer 'first' is the last and has 16 positions: end with a dense layer"
    ):
        Implementation.of(chosen)


def test_words_go_position_by_position_and_channels_lie_below_in_an_address():
    shape = LayerShape(units=10, synapse_lanes=3, neuron_lanes=2, positions=2)
    assert (shape.channels, shape.groups, shape.words) == (5, 2, 6)
    assert shape.order == ((0, 2), (4, None), (1, 3), (5, None), (6, 8), (7, 9))
    assert [shape.address(unit) for unit in range(10)] == [0, 8, 1, 9, 2, 10, 3, 11, 4, 12]
    assert (shape.channel_bits, shape.addresses, shape.starts, shape.stride) == (3, 16, (0, 2, 8, 10, 3, 11), 1)


def test_it_says_what_it_computes():
    chosen = model(network(Conv2d(channels=2, kernel=3, stride=2, padding=1, weight_bits=4, max_pool=2), (1, 8, 8)))
    text = "convolution of 3x3, stride 2x2, padding 1x1, weights of 4 bits, the greatest of each 2x2 currents and bias"
    assert f"layer first: 64 -> 8, {text}" in "\n".join(semantics(chosen))


def test_a_spiking_maximum_says_which_rule_it_follows():
    text = {inhibited: SMaxPool2d(size=2, lateral_inhibition=inhibited).text for inhibited in (False, True)}
    assert text == {
        False: "of each 2x2 units the one that has sent most",
        True: "of each 2x2 units what the greatest sum has grown by",
    }


@pytest.mark.parametrize(("lanes", "layout"), [(None, (9, 3)), (27, (9, 3)), (26, (3, 3)), (8, (1, 3)), (2, (1, 2))])
def test_lanes_are_those_of_all_positions(lanes: int | None, layout: tuple[int, int]):
    first = Implementation.of(network(conv(3, 3), (1, 5, 5)), lanes=lanes).layers[0]
    assert (first.position_lanes, first.synapse_lanes) == layout


def test_fitting_begins_with_all_positions():
    assert candidates(network(conv(3, 3), (1, 5, 5))) == [27, 14, 7, 4, 2, 1]
