"""Models: every refusal names its tensor in one line; the digest covers all that computes; tensors cannot change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snnhw.errors import ModelError, SnnhwError
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    PER_NEURON,
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    FirstSpikeReadout,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Range,
    Spike,
    VoteReadout,
)
from tests.strategies import models

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def network_of(neuron: Neuron | None = None, **fields: Any) -> Network:
    """Two inputs, and two neurons that count spikes."""
    layer = Layer(name="only", synapse=Dense(units=2, weight_bits=4), neuron=neuron or Neuron(threshold=5))
    return Network(
        **{"input_shape": (2,), "encoder": Direct(), "stages": (layer,), "readout": CountReadout(), "num_steps": 3}
        | fields
    )


TENSORS: dict[str, Any] = {"only.weight": [[1, -8], [7, 0]], "only.bias": [0, 3]}

BOUNDED = Range(lo=-8, hi=100)

EVERY_PARAMETER = Neuron(
    leak=Leak(kind="multiply", bits=3, amount=PER_NEURON),
    threshold=PER_NEURON,
    reset_amount=PER_NEURON,
    spike=Spike(kind="residue", bits=4),
    initial=PER_NEURON,
    membrane=BOUNDED,
)
ALL_TENSORS: dict[str, Any] = {
    **TENSORS,
    "only.leak_amount": [7, 8],
    "only.threshold": [5, 6],
    "only.reset_amount": [5, 4],
    "only.initial": [-8, 100],
}


class TestRefusals:
    @pytest.mark.parametrize(
        ("tensor", "value", "complaint"),
        [
            ("only.weight", None, "tensor 'only.weight' is missing; it must be integers of shape [2, 2]"),
            ("only.threshold", None, "tensor 'only.threshold' is missing; it must be integers of shape [2]"),
            ("only.colour", [1, 2], "there is no tensor 'only.colour'; there are only.weight, "),
            ("only.weight", [[1, 2, 3], [4, 5, 6]], "tensor 'only.weight' must have shape [2, 2], not [2, 3]"),
            ("only.bias", 3, "tensor 'only.bias' must have shape [2], not []"),
            ("only.weight", [[0.5, 1], [0, 0]], "tensor 'only.weight' must hold integers, not float64; quantise it"),
            ("only.weight", [[True, False]] * 2, "tensor 'only.weight' must hold integers, not bool"),
            ("only.weight", [["a", "b"]] * 2, "tensor 'only.weight' must hold integers, not <U1"),
            ("only.weight", [[8, 0], [0, 0]], "tensor 'only.weight' must lie in -8..7 (4 bits), it reaches 8"),
            ("only.weight", [[7, 0], [0, -9]], "tensor 'only.weight' must lie in -8..7 (4 bits), it reaches -9"),
            ("only.bias", [0, 2**31], "tensor 'only.bias' must lie within 32 bits, it reaches 2147483648"),
            ("only.bias", [-(2**31) - 1, 0], "tensor 'only.bias' must lie within 32 bits, it reaches -2147483649"),
            (
                "only.bias",
                np.array([0, 2**64 - 1], np.uint64),
                "tensor 'only.bias' must lie within 32 bits, it reaches 18446744073709551615",
            ),
            ("only.leak_amount", [0, 9], "only.leak_amount must lie in 0..8, it reaches 9"),
            ("only.leak_amount", [-1, 0], "only.leak_amount must lie in 0..8, it reaches -1"),
            ("only.threshold", [0, 5], "only.threshold must lie in 1..2147483647, it reaches 0"),
            ("only.threshold", [5, 101], "only.threshold 101 does not fit the membrane's range -8..100"),
            ("only.reset_amount", [-1, 0], "only.reset_amount must lie in 0..2147483647, it reaches -1"),
            ("only.reset_amount", [5, 7], "only.reset_amount must not exceed the threshold where spikes are residues"),
            ("only.initial", [-9, 0], "only.initial -9 does not fit the membrane's range -8..100"),
            ("only.initial", [0, 101], "only.initial 101 does not fit the membrane's range -8..100"),
        ],
    )
    def test_name_the_tensor_in_one_line(self, tensor, value, complaint):
        given_tensors = {**ALL_TENSORS, tensor: value}
        if value is None:
            del given_tensors[tensor]
        with pytest.raises(ModelError) as error:
            Model.from_tensors(network_of(EVERY_PARAMETER), given_tensors)
        assert str(error.value).startswith(complaint)
        assert "\n" not in str(error.value)
        assert isinstance(error.value, SnnhwError)

    def test_the_tensors_themselves_are_fine(self):
        model = Model.from_tensors(network_of(EVERY_PARAMETER), ALL_TENSORS)
        assert model.tensors.keys() == ALL_TENSORS.keys()

    def test_of_a_reset_that_leaves_the_membranes_range(self):
        neuron = Neuron(threshold=PER_NEURON, reset_amount=20, membrane=BOUNDED)
        Model.from_tensors(network_of(neuron), {**TENSORS, "only.threshold": [12, 13]})
        with pytest.raises(ModelError, match="only: threshold - reset_amount falls below the membrane's range"):
            Model.from_tensors(network_of(neuron), {**TENSORS, "only.threshold": [12, 11]})
        delayed = neuron.model_copy(update={"reset_delay": True})
        Model.from_tensors(network_of(delayed), {**TENSORS, "only.threshold": [12, 11]})

    def test_of_a_matrix_that_is_transposed(self):
        tensors = {"only.weight": np.ones((4, 3), int), "only.bias": np.zeros(3, int)}
        network = Network(
            input_shape=(4,),
            encoder=Direct(),
            stages=(Layer(name="only", synapse=Dense(units=3, weight_bits=4), neuron=Neuron(threshold=1)),),
            readout=CountReadout(),
            num_steps=1,
        )
        with pytest.raises(ModelError, match=r"shape \[3, 4\], not \[4, 3\]; it is transposed, give its .T"):
            Model(network, tensors)

    def test_of_a_bias_that_the_description_does_without(self):
        layer = Layer(name="only", synapse=Dense(units=2, weight_bits=4), bias=False, neuron=Neuron(threshold=5))
        with pytest.raises(ModelError, match=r"no tensor 'only\.bias'"):
            Model.from_tensors(network_of(stages=(layer,)), TENSORS)

    def test_of_numbers_that_64_bits_do_not_hold(self):
        """Sums of 2**47 a step, 64 steps, times 2**16: found before they overflow, and cured by saturation."""
        units = 1 << 16
        wide = Neuron(threshold=1, spike=Spike(kind="residue", bits=16))
        keeping = Leak(kind="multiply", bits=16, amount=1 << 16)

        def model(last: Neuron) -> Model:
            stages = (
                Layer(name="wide", synapse=Dense(units=units, weight_bits=2), bias=False, neuron=wide),
                Layer(name="sum", synapse=Dense(units=1, weight_bits=16), bias=False, neuron=last),
            )
            network = Network(
                input_shape=(1,), encoder=Direct(), stages=stages, readout=MembraneReadout(), num_steps=64
            )
            weights = {"wide.weight": np.ones((units, 1), np.int64), "sum.weight": np.full((1, units), 32767)}
            return Model(network, weights)

        with pytest.raises(ModelError, match="sum: its numbers may need 69 bits, more than 62; give it a membrane"):
            model(Neuron.integrator(leak=keeping))
        bounded = Range(lo=-(1 << 31), hi=(1 << 31) - 1)
        assert model(Neuron.integrator(membrane=bounded)).layer("sum").ranges.membrane.hi == bounded.hi


class TestTensors:
    def test_shapes_follow_from_the_description(self):
        assert tensor_shapes(network_of(EVERY_PARAMETER)) == {
            "only.weight": (2, 2),
            "only.bias": (2,),
            "only.leak_amount": (2,),
            "only.threshold": (2,),
            "only.reset_amount": (2,),
            "only.initial": (2,),
        }

    def test_are_read_only_copies(self):
        weight = np.array(TENSORS["only.weight"])
        model = Model(network_of(), {"only.weight": weight, "only.bias": np.array([0, 3])})
        weight[0, 0] = 5
        assert model.layer("only").weight.tolist() == [[1, -8], [7, 0]]
        with pytest.raises(ValueError, match="read-only"):
            model.layer("only").weight[0, 0] = 5
        with pytest.raises(TypeError):
            model.tensors["only.weight"] = weight  # type: ignore[index]

    @pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
    def test_of_any_integer_kind_give_the_same_model(self, kind):
        given_tensors = {name: np.array(values, kind) for name, values in TENSORS.items()}
        model = Model(network_of(), given_tensors)
        assert {tensor.dtype for tensor in model.tensors.values()} == {np.dtype(np.int64)}
        assert model.digest == Model.from_tensors(network_of(), TENSORS).digest

    def test_absent_biases_are_zero(self):
        layer = Layer(name="only", synapse=Dense(units=2, weight_bits=4), bias=False, neuron=Neuron(threshold=5))
        model = Model.from_tensors(network_of(stages=(layer,)), {"only.weight": TENSORS["only.weight"]})
        assert model.layer("only").bias.tolist() == [0, 0]

    def test_parameters_are_arrays_in_the_descriptions_order(self):
        values = Model.from_tensors(network_of(EVERY_PARAMETER), ALL_TENSORS).layer("only").parameters
        assert {name: value.tolist() for name, value in values.items()} == {
            "leak_amount": [7, 8],
            "threshold": [5, 6],
            "reset_amount": [5, 4],
            "initial": [-8, 100],
        }

    def test_a_reset_amount_that_is_not_given_is_the_threshold(self):
        model = Model.from_tensors(network_of(Neuron(threshold=PER_NEURON)), {**TENSORS, "only.threshold": [5, 6]})
        assert model.layer("only").parameters["reset_amount"].tolist() == [5, 6]

    def test_layers_are_found_by_name(self):
        model = Model.from_tensors(network_of(), TENSORS)
        assert model.layer("only").units == 2
        with pytest.raises(KeyError, match="no layer 'other'; there are only"):
            model.layer("other")


class TestScores:
    @pytest.mark.parametrize(
        ("readout", "spike", "expected"),
        [
            (CountReadout(), Spike(), Range(lo=0, hi=3)),
            (CountReadout(), Spike(kind="count", bound=4), Range(lo=0, hi=12)),
            (CountReadout(), Spike(kind="residue", bits=4), Range(lo=0, hi=3)),
            (FirstSpikeReadout(), Spike(), Range(lo=0, hi=3)),
            (VoteReadout(classes=1), Spike(), Range(lo=0, hi=6)),
        ],
    )
    def test_range(self, readout, spike, expected):
        model = Model.from_tensors(network_of(Neuron(threshold=5, spike=spike), readout=readout), TENSORS)
        assert model.score_range == expected

    def test_range_of_membranes_is_theirs(self):
        model = Model.from_tensors(network_of(Neuron.integrator(), readout=MembraneReadout()), TENSORS)
        assert model.score_range == model.layer("only").ranges.membrane == Range(lo=-6120, hi=5364)


class TestDigest:
    def test_is_the_same_for_the_same(self):
        first, second = (Model.from_tensors(network_of(), TENSORS, {"seed": seed}) for seed in (1, 2))
        assert first.digest == second.digest
        assert len(first.digest) == 64

    def test_changes_with_any_field_of_the_description(self):
        changes: list[dict[str, Any]] = [
            {},
            {"input_shape": (1, 2)},
            {"encoder": Direct(bits=7)},
            {"encoder": Bernoulli()},
            {"encoder": Bernoulli(seed=2)},
            {"readout": FirstSpikeReadout()},
            {"readout": VoteReadout(classes=2)},
            {"readout": VoteReadout(classes=1)},
            {"num_steps": 4},
            {"stages": (Layer(name="only", synapse=Dense(units=2, weight_bits=5), neuron=Neuron(threshold=5)),)},
        ]
        neurons: list[dict[str, Any]] = [
            {"threshold": 6},
            {"reset": "zero"},
            {"reset_amount": 5},
            {"reset_delay": True},
            {"refractory": 1},
            {"membrane": Range(lo=-300, hi=300)},
            {"membrane": Range(lo=-300, hi=301)},
            {"initial": 1},
            {"spike": Spike(kind="residue", bits=2)},
            {"spike": Spike(kind="residue", bits=3)},
            {"spike": Spike(kind="count", bound=2)},
            {"leak": Leak(kind="shift", bits=1)},
            {"leak": Leak(kind="shift", bits=1, rounding="toward_zero")},
            {"leak": Leak(kind="shift", bits=2)},
            {"leak": Leak(kind="multiply", bits=1, amount=1)},
            {"leak": Leak(kind="subtract", amount=1)},
        ]
        networks = [network_of(**fields) for fields in changes]
        networks += [network_of(Neuron(**{"threshold": 5, **fields})) for fields in neurons]
        digests = {Model.from_tensors(network, TENSORS).digest for network in networks}
        assert len(digests) == len(networks)

    def test_changes_with_a_layers_name(self):
        layer = network_of().stages[0].model_copy(update={"name": "other"})
        renamed = {name.replace("only", "other"): value for name, value in TENSORS.items()}
        other = Model.from_tensors(network_of(stages=(layer,)), renamed)
        assert other.digest != Model.from_tensors(network_of(), TENSORS).digest

    @settings(max_examples=50, deadline=None, suppress_health_check=SLOW)
    @given(st.data())
    def test_changes_with_any_number_of_any_tensor(self, data):
        model = data.draw(models())
        name = data.draw(st.sampled_from([name for name in model.tensors if name.endswith(("weight", "bias"))]))
        changed = model.tensors[name].copy()
        index = data.draw(st.integers(0, changed.size - 1))
        changed.flat[index] += 1 if changed.flat[index] < 0 else -1
        assert Model(model.network, {**model.tensors, name: changed}).digest != model.digest

    @settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
    @given(models())
    def test_does_not_change_with_provenance_or_order(self, model):
        backwards = dict(reversed(model.tensors.items()))
        assert Model(model.network, backwards, {"accuracy": "1/2"}).digest == model.digest
