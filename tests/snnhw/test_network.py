"""Descriptions: what they refuse and in which words, interval arithmetic, and their way through JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from snnhw.errors import DescriptionError
from snnhw.network import Network, Neuron, Range, Rate, Spike, parse_network
from tests.strategies import networks

ranges = st.tuples(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40)).map(
    lambda ends: Range(lo=min(ends), hi=max(ends))
)


class TestRange:
    @pytest.mark.parametrize(
        ("lo", "hi", "width", "signed"),
        [
            (0, 0, 1, False),
            (0, 1, 1, False),
            (5, 7, 3, False),
            (0, 255, 8, False),
            (0, 256, 9, False),
            (-1, -1, 1, True),
            (-1, 0, 1, True),
            (-1, 1, 2, True),
            (-128, 127, 8, True),
            (-129, 0, 9, True),
            (-1, 128, 9, True),
        ],
    )
    def test_widths_by_hand(self, lo, hi, width, signed):
        assert (Range(lo=lo, hi=hi).width, Range(lo=lo, hi=hi).signed) == (width, signed)

    @given(ranges)
    def test_width_holds_both_ends_and_no_bit_less_does(self, span):
        room = Range.of_bits(span.width, signed=span.signed)
        assert span.lo in room
        assert span.hi in room
        if span.width > 1:
            less = Range.of_bits(span.width - 1, signed=span.signed)
            assert not (span.lo in less and span.hi in less)

    @given(ranges, ranges, st.data())
    def test_a_union_holds_every_member(self, left, right, data):
        assert data.draw(st.integers(left.lo, left.hi)) in left | right
        assert data.draw(st.integers(right.lo, right.hi)) in left | right
        assert {(left | right).lo, (left | right).hi} <= {left.lo, left.hi, right.lo, right.hi}

    def test_ends_must_be_ordered(self):
        with pytest.raises(ValidationError, match="must have lo <= hi, not lo=1, hi=0"):
            Range(lo=1, hi=0)


def document() -> dict[str, Any]:
    """A description that holds, with a layer that fires and one that does not."""
    return {
        "input_shape": [2, 3],
        "encoder": {"kind": "rate", "threshold": 10, "period": 2, "phase": 1},
        "stages": [
            {"name": "hidden", "synapse": {"units": 4, "weight_bits": 4}, "neuron": {"threshold": 9}},
            {"name": "out", "synapse": {"units": 3, "weight_bits": 4}, "neuron": {"threshold": None, "reset": "none"}},
        ],
        "readout": {"kind": "membrane"},
        "num_steps": 5,
    }


HIDDEN, LAST = "stages.0.neuron", "stages.1.neuron"

COMPLAINTS = [
    # path, value, what is said
    ("input_shape", [], "input_shape: Tuple should have at least 1 item"),
    ("input_shape", [1, 1, 1, 1], "input_shape: Tuple should have at most 3 items"),
    ("input_shape", [0], "input_shape.0: Input should be greater than or equal to 1, not 0"),
    ("num_steps", 0, "num_steps: Input should be greater than or equal to 1, not 0"),
    ("num_steps", 4097, "num_steps: Input should be less than or equal to 4096, not 4097"),
    ("num_steps", 2.5, "num_steps: Input should be a valid integer"),
    ("num_steps", True, "num_steps: must be an integer, not true"),
    ("input_shape", [28, True], "input_shape.1: must be an integer, not true"),
    ("encoder.period", True, "period: must be an integer, not true"),
    ("stages.0.synapse.units", True, "stages.0.synapse.units: must be an integer, not true"),
    (f"{HIDDEN}.threshold", True, "stages.0.neuron.threshold: must be an integer, not true"),
    (f"{HIDDEN}.reset_amount", False, "reset_amount: must be an integer, not false"),
    (f"{HIDDEN}.refractory", True, "refractory: must be an integer, not true"),
    (f"{HIDDEN}.membrane", {"lo": False, "hi": 20}, "membrane.lo: must be an integer, not false"),
    (f"{HIDDEN}.leak", {"kind": "subtract", "amount": True}, "leak.amount: must be an integer, not true"),
    ("stages", [], "stages: Tuple should have at least 1 item"),
    ("colour", 1, "there is no key 'colour'; there are input_shape, encoder"),
    ("encoder.kind", "morse", "encoder: kind must be one of direct, integrate_fire, "),
    ("encoder", {"kind": "direct", "bits": 9}, "bits: Input should be less than or equal to 8, not 9"),
    ("encoder", {"kind": "events", "bits": 0}, "bits: Input should be greater than or equal to 1, not 0"),
    ("encoder", {"kind": "bernoulli", "seed": 0}, "seed: Input should be greater than or equal to 1, not 0"),
    ("encoder.threshold", 256, "threshold: Input should be less than or equal to 255, not 256"),
    ("encoder.period", 0, "period: Input should be greater than or equal to 1, not 0"),
    ("encoder.phase", 2, "phase must be below the period 2, not 2"),
    ("readout.kind", "guess", "readout: kind must be one of membrane, count, first_spike, vote, not 'guess'"),
    ("readout", {"kind": "count"}, "readout 'count' needs a layer that fires as the last layer, 'out' is not"),
    ("readout", {"kind": "vote", "classes": 0}, "classes: Input should be greater than or equal to 1, not 0"),
    (LAST, {"threshold": 5}, "readout 'membrane' needs one that never fires (threshold = null)"),
    (HIDDEN, {"threshold": None, "reset": "none"}, "layer 'hidden' never fires, which only the last layer may"),
    ("stages.0.name", "out", "layer names must differ, 'out' occurs 2 times"),
    ("stages.0.name", "encoder", "a layer cannot be named 'encoder'"),
    ("stages.0.name", "readout", "a layer cannot be named 'readout'"),
    ("stages.0.name", "Hidden 1", "name: String should match pattern"),
    ("stages.0.name", "h" * 33, "name: String should have at most 32 characters"),
    ("stages.0.synapse.units", 0, "units: Input should be greater than or equal to 1, not 0"),
    ("stages.0.synapse.weight_bits", 17, "weight_bits: Input should be less than or equal to 16, not 17"),
    ("stages.0.synapse.kind", "conv", "synapse: kind must be one of dense"),
    (f"{HIDDEN}.threshold", 0, "threshold must be at least 1, not 0"),
    (f"{HIDDEN}.threshold", 2**31, "threshold must lie within 32 bits, not 2147483648"),
    (f"{HIDDEN}.threshold", "high", "threshold"),
    (f"{HIDDEN}.reset_amount", -1, "reset_amount must not be negative, it is -1"),
    (f"{HIDDEN}.reset_amount", 10**30, "reset_amount must lie within 32 bits"),
    (f"{HIDDEN}.initial", -(2**31) - 1, "initial must lie within 32 bits, not -2147483649"),
    (f"{HIDDEN}.refractory", 256, "refractory: Input should be less than or equal to 255, not 256"),
    (f"{HIDDEN}.reset", "twice", "reset: Input should be 'subtract', 'zero' or 'none', not 'twice'"),
    (HIDDEN, {"threshold": 9, "reset": "none", "reset_delay": True}, "reset_delay needs a reset of kind"),
    (LAST, {"threshold": None}, "a neuron without threshold never fires: it takes reset='none'"),
    (LAST, {"threshold": None, "reset": "none", "refractory": 1}, "a neuron without threshold never fires"),
    (f"{HIDDEN}.spike", {"kind": "residue"}, "spike bits must be at least 1 for kind 'residue'"),
    (f"{HIDDEN}.spike", {"kind": "binary", "bits": 3}, "spike bits must be at least 1 for kind 'residue'"),
    (f"{HIDDEN}.spike", {"kind": "count"}, "spike bound must be at least 1 for kind 'count'"),
    (f"{HIDDEN}.spike", {"kind": "binary", "bound": 3}, "spike bound must be at least 1 for kind 'count'"),
    (f"{HIDDEN}.spike", {"kind": "residue", "bits": 17}, "bits: Input should be less than or equal to 16, not 17"),
    (
        HIDDEN,
        {"threshold": 9, "reset_amount": 10, "spike": {"kind": "residue", "bits": 2}},
        "residue spikes need reset_amount <= threshold, not 10 > 9",
    ),
    (f"{HIDDEN}.leak", {"kind": "shift"}, "leak of kind 'shift' needs bits >= 1"),
    (f"{HIDDEN}.leak", {"kind": "multiply"}, "leak of kind 'multiply' needs bits >= 1"),
    (f"{HIDDEN}.leak", {"kind": "none", "amount": 1}, "leak of kind 'none' takes no amount"),
    (f"{HIDDEN}.leak", {"kind": "shift", "bits": 1, "amount": 1}, "leak of kind 'shift' takes no amount"),
    (f"{HIDDEN}.leak", {"kind": "subtract", "bits": 1}, "leak of kind 'subtract' takes neither bits nor rounding"),
    (f"{HIDDEN}.leak", {"rounding": "toward_zero"}, "leak of kind 'none' takes neither bits nor rounding"),
    (f"{HIDDEN}.leak", {"kind": "subtract", "amount": -1}, "leak amount must lie in 0..2147483647, not -1"),
    (f"{HIDDEN}.leak", {"kind": "multiply", "bits": 3, "amount": 9}, "leak amount must lie in 0..8, not 9"),
    (f"{HIDDEN}.membrane", {"lo": 1, "hi": 20}, "the membrane's range must hold 0, 1..20 does not"),
    (f"{HIDDEN}.membrane", {"lo": -5, "hi": 8}, "threshold 9 does not fit the membrane's range -5..8"),
    (
        HIDDEN,
        {"threshold": 9, "initial": -6, "membrane": {"lo": -5, "hi": 9}},
        "initial -6 does not fit the membrane's range -5..9",
    ),
    (
        HIDDEN,
        {"threshold": 9, "reset_amount": 15, "membrane": {"lo": -5, "hi": 9}},
        "threshold 9 - reset_amount 15 falls below the membrane's range -5..9",
    ),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The description with one field set."""
    whole: Any = document()
    place: Any = whole
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part)] if part.isdigit() else place[part]
    place[last] = value
    return whole


class TestRefusals:
    @pytest.mark.parametrize(("path", "value", "complaint"), COMPLAINTS)
    def test_are_one_line_that_names_the_field(self, path, value, complaint):
        with pytest.raises(DescriptionError) as error:
            parse_network(changed(path, value), "net.json")
        message = str(error.value)
        assert message.startswith("net.json: ")
        assert complaint in message
        assert "\n" not in message

    @pytest.mark.parametrize("missing", ["input_shape", "encoder", "stages", "readout", "num_steps"])
    def test_of_what_is_missing(self, missing):
        incomplete = document()
        del incomplete[missing]
        with pytest.raises(DescriptionError, match=f"^description: {missing}: Field required$"):
            parse_network(incomplete)

    @pytest.mark.parametrize("nonsense", [None, 3, "text", [1]])
    def test_of_what_is_no_description(self, nonsense):
        with pytest.raises(DescriptionError, match=r"^description: Input should be a valid dictionary"):
            parse_network(nonsense)

    def test_of_a_reset_below_the_membrane_are_for_those_in_the_same_step(self):
        """A delayed one is removed where the next step integrates and saturates."""
        delayed = {"threshold": 9, "reset_amount": 15, "membrane": {"lo": -5, "hi": 9}, "reset_delay": True}
        assert parse_network(changed(HIDDEN, delayed)).stages[0].neuron.reset_amount == 15

    def test_of_unequal_populations(self):
        voting = changed("readout", {"kind": "vote", "classes": 2})
        voting["stages"][1]["neuron"] = {"threshold": 5}
        with pytest.raises(DescriptionError, match="vote needs equal populations: 3 neurons for 2 classes"):
            parse_network(voting)


class TestDescriptions:
    def test_say_their_sizes(self):
        network = parse_network(document())
        assert (network.inputs, network.classes, network.sample_shape) == (6, 3, (2, 3))
        assert (network.layers[0].inputs, network.layers[1].inputs) == (6, 4)
        assert network.constant_input is False

    def test_of_events_take_samples_with_steps_in_front(self):
        network = parse_network(changed("encoder", {"kind": "events", "bits": 3}))
        assert network.sample_shape == (5, 2, 3)
        assert network.layers[0].values == Range(lo=0, hi=7)

    def test_of_graded_spikes_say_what_the_next_layer_takes_in(self):
        graded = changed("stages.0.neuron.spike", {"kind": "residue", "bits": 6})
        assert parse_network(graded).layers[1].values == Range(lo=0, hi=63)
        burst = changed("stages.0.neuron.spike", {"kind": "count", "bound": 5})
        assert parse_network(burst).layers[1].values == Range(lo=0, hi=5)

    @settings(max_examples=60, deadline=None)
    @given(networks())
    def test_come_back_from_json_equal_and_with_the_same_hash(self, network):
        text = json.dumps(network.model_dump(mode="json"))
        again = parse_network(json.loads(text))
        assert again == network
        assert hash(again) == hash(network)
        assert {network: 1}[again] == 1

    def test_are_frozen(self):
        network = parse_network(document())
        with pytest.raises(ValidationError, match="frozen"):
            network.num_steps = 3  # type: ignore[misc]
        with pytest.raises(ValidationError, match="frozen"):
            network.stages[0].neuron.threshold = 3  # type: ignore[misc]

    def test_that_differ_in_one_field_are_not_equal(self):
        assert parse_network(changed("num_steps", 6)) != parse_network(document())
        assert parse_network(changed(f"{HIDDEN}.initial", 1)) != parse_network(document())

    def test_are_networks_of_python_objects_too(self):
        assert isinstance(parse_network(parse_network(document())), Network)


class TestState:
    """State fields follow from the variant: memories, traces and comparisons iterate over them."""

    MEMBRANE = Range(lo=-9, hi=9)

    @pytest.mark.parametrize(
        ("fields", "names"),
        [
            ({}, ["membrane"]),
            ({"reset_delay": True}, ["membrane", "pending"]),
            ({"refractory": 3}, ["membrane", "refractory"]),
            ({"reset_delay": True, "refractory": 3}, ["membrane", "pending", "refractory"]),
        ],
    )
    def test_fields(self, fields, names):
        kept = Neuron(threshold=5, initial=2, **fields).state_fields(self.MEMBRANE)
        assert [field.name for field in kept] == names
        assert (kept[0].range, kept[0].initial) == (self.MEMBRANE, 2)
        assert all(field.initial == 0 for field in kept[1:])

    def test_pending_holds_a_whole_burst(self):
        burst = Neuron(threshold=5, reset_delay=True, spike=Spike(kind="count", bound=6), refractory=4)
        assert [field.range.hi for field in burst.state_fields(self.MEMBRANE)[1:]] == [6, 4]

    @pytest.mark.parametrize(
        ("neuron", "names"),
        [
            (Neuron.integrator(), ["initial"]),
            (Neuron(threshold=5), ["threshold", "reset_amount", "initial"]),
            (Neuron(threshold=5, reset="zero"), ["threshold", "initial"]),
            (
                Neuron(threshold=5, reset="none", spike=Spike(kind="residue", bits=2)),
                ["threshold", "reset_amount", "initial"],
            ),
        ],
    )
    def test_parameters_are_those_that_are_used(self, neuron, names):
        assert list(neuron.parameters) == names


SHORT = {"input_shape": [4], "num_steps": 2, "encoder": "rate", "readout": "count"}


def a_layer(**neuron):
    return {"name": "only", "synapse": {"units": 3, "weight_bits": 4}, "neuron": {"threshold": 5, **neuron}}


def test_a_word_is_a_kind_with_its_defaults():
    network = parse_network({**SHORT, "stages": [a_layer(leak="none", spike="binary")]})
    assert network == parse_network(
        {**SHORT, "encoder": {"kind": "rate"}, "readout": {"kind": "count"}, "stages": [a_layer()]}
    )
    for key, word, complaint in (
        ("readout", "vote", "readout.classes: Field required"),
        ("encoder", "rates", "encoder: kind must be one of direct, .* not 'rates' .did you mean 'rate'"),
        ("encoder", 3, "encoder: must be a kind or a table with one, not 3; kind must be one of direct"),
    ):
        with pytest.raises(DescriptionError, match=complaint):
            parse_network({**SHORT, "stages": [a_layer()], key: word})
    with pytest.raises(DescriptionError, match="leak: leak of kind 'shift' needs bits"):
        parse_network({**SHORT, "stages": [a_layer(leak="shift")]})


def test_mistyped_words_and_keys_are_answered_with_what_was_meant():
    for document, complaint in (
        ({**SHORT, "stage": []}, r"there is no key 'stage' \(did you mean 'stages'\?\)"),
        (
            {**SHORT, "stages": [a_layer(treshold=3)]},
            r"there is no key 'treshold' \(did you mean 'threshold'\?",
        ),
        ({**SHORT, "stages": [a_layer(reset="substract")]}, r"not 'substract' \(did you mean 'subtract'\?\)"),
    ):
        with pytest.raises(DescriptionError, match=complaint):
            parse_network(document)


def test_a_value_is_quoted_in_80_letters():
    with pytest.raises(DescriptionError) as error:
        parse_network({**SHORT, "stages": [a_layer(refractory="x" * 1000)]})
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.asarray])
def test_integers_of_numpy_are_integers(kind):
    def network(of):
        neuron = a_layer(threshold=of(5), refractory=of(2), leak={"kind": "shift", "bits": of(3)})
        return Network.model_validate(
            {**SHORT, "input_shape": (of(4),), "num_steps": of(2), "stages": [neuron], "encoder": Rate(period=of(3))}
        )

    assert network(kind) == network(int)
    assert type(network(kind).num_steps) is int
    assert type(network(kind).input_shape[0]) is int
    assert Range(lo=np.int64(-3), hi=kind(3)).width == 3
    with pytest.raises(ValidationError, match="must be an integer, not true"):
        Range(lo=np.bool_(True), hi=3)


def test_an_array_of_numpy_is_a_shape():
    assert parse_network({**SHORT, "input_shape": np.array([4]), "stages": [a_layer()]}).input_shape == (4,)
