"""Networks from the notation of papers."""

from typing import Any

import pytest

from snnhw.errors import DescriptionError
from snnhw.network import Conv2d, Dense, Direct, Leak, NeuNormConv2d, Neuron, SumPool2d
from snnhw.notation import stbp_network
from snnhw.presets import preset

NEURON = Neuron(threshold="per_channel", reset="zero", leak=Leak(kind="multiply", amount=1, bits=2))


def network(notation: str, **options: Any) -> Any:
    usual = {"input_shape": (2, 12, 12), "encoder": Direct(bits=4), "num_steps": 3, "neuron": NEURON}
    return stbp_network(notation, **{**usual, **options})


def test_every_part_is_a_layer():
    made = network("6C5s2-8C3-AP2-P3-30-20FC-7", population=4, neunorm="per_channel", decay_bits=2, weight_bits=5)
    conv1, conv2, pool1, pool2, hidden1, hidden2, output = made.stages
    assert conv1.synapse == Conv2d(channels=6, kernel=5, stride=2, padding=2, weight_bits=5)
    assert isinstance(conv2.synapse, NeuNormConv2d)
    assert (conv2.synapse.form, conv2.synapse.decay_bits, conv2.synapse.position_bits) == ("per_channel", 2, 0)
    assert (pool1.synapse, pool2.synapse) == (SumPool2d(size=2), SumPool2d(size=3))
    assert [layer.synapse for layer in (hidden1, hidden2, output)] == [
        Dense(units=units, weight_bits=5) for units in (30, 20, 28)
    ]
    assert [stage.name for stage in made.stages] == ["conv1", "conv2", "pool1", "pool2", "hidden1", "hidden2", "output"]
    assert made.classes == 7
    assert [stage.neuron and stage.neuron.threshold for stage in made.stages] == [
        "per_channel",
        "per_channel",
        None,
        None,
        *["per_neuron"] * 3,
    ]


@pytest.mark.parametrize("neunorm", ["none", "folded", "per_channel", "rank_one", "full"])
def test_every_form_of_neunorm_is_behind_the_encoding_layer(neunorm):
    made = network("4C3-4C3-4C3-Voting", neunorm=neunorm)
    kinds = [stage.synapse.kind for stage in made.stages]
    assert kinds == ["conv2d", *2 * ["conv2d" if neunorm == "none" else "neunorm_conv2d"], "dense"]
    assert made.classes == 10


def test_a_single_hidden_layer_has_no_number():
    assert [stage.name for stage in preset("mnist-stbp").stages] == [
        "conv1",
        "pool1",
        "conv2",
        "pool2",
        "hidden",
        "output",
    ]


@pytest.mark.parametrize("notation", ["4C3-XP2-10", "4D3-10", "4C3--10", "4C3-end"])
def test_what_is_no_layer_is_named(notation):
    with pytest.raises(DescriptionError, match="which is no layer: 15C5, 15C5s2, AP2 and 300 are"):
        network(notation)


def test_a_form_that_there_is_not_is_refused():
    with pytest.raises(DescriptionError, match="neunorm must be one of none, folded, per_channel"):
        network("4C3-10", neunorm="fold")


@pytest.mark.parametrize(("dt", "tau_mem", "amount"), [(1.0, 2.0, 128), (0.8, 1.0, 51), (1e-3, 20e-3, 243)])
def test_a_leak_by_eulers_method(dt, tau_mem, amount):
    assert Leak.euler(dt, tau_mem) == Leak(kind="multiply", amount=amount, bits=8)


@pytest.mark.parametrize("dt", [0.0, 2.0, -1.0, 3.0])
def test_a_time_step_that_overshoots_is_refused(dt):
    with pytest.raises(ValueError, match="dt must lie between 0 and tau_mem"):
        Leak.euler(dt, 2.0)
