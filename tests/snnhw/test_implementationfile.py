"""Implementations from files: by hand in TOML or JSON, or as circuits and builds have written them."""

import json
from pathlib import Path
from typing import Any

import pytest

from snnhw.errors import DescriptionError
from snnhw.implementation import Implementation
from snnhw.implementationfile import built_as, load_implementation
from tests import circuits, convolutions

NETWORK = circuits.model("direct").network
"""Layers of 7 and of 4 neurons, 3 time steps."""


def loaded(folder: Path, text: str, name: str = "mine.toml") -> Implementation:
    (folder / name).write_text(text)
    return load_implementation(folder / name, NETWORK)


def test_what_is_left_out_is_as_usual(tmp_path: Path):
    assert loaded(tmp_path, "") == Implementation.of(NETWORK)
    text = "overlap = false\n[layers.layer0]\nsynapse_lanes = 3\n"
    assert loaded(tmp_path, text) == Implementation.of(NETWORK, overlap=False, synapse_lanes={"layer0": 3})


def test_every_choice_can_be_made(tmp_path: Path):
    whole = {"pixels_per_beat": 4, "overlap": False, "weights": "readmemh", "schedule": "neuron_major", "queue": False}
    layer = {
        "synapse_lanes": 4,
        "neuron_lanes": 2,
        "position_lanes": 1,
        "visits": "events",
        "bit_lanes": 1,
        "event_lanes": 2,
        "step_lanes": 3,
        "queued_words": 0,
        "memory": "ram",
    }
    chosen = loaded(tmp_path, json.dumps({**whole, "layers": {"layer0": layer}}), "mine.json")
    assert {name: getattr(chosen, name) for name in whole} == whole
    assert chosen.layers[0].model_dump() == layer
    assert chosen.layers[1] == Implementation.of(NETWORK).layers[1]
    lines = [f"{name} = {json.dumps(value)}" for name, value in whole.items()]
    lines += ["[layers.layer0]", *(f"{name} = {json.dumps(value)}" for name, value in layer.items())]
    assert loaded(tmp_path, "\n".join(lines)) == chosen


def test_what_layers_visit_and_queue(tmp_path: Path):
    network = convolutions.network(convolutions.conv(3), (1, 5, 5))
    (tmp_path / "mine.toml").write_text('[layers.first]\nvisits = "windows"\nqueued_words = 20\n')
    chosen = load_implementation(tmp_path / "mine.toml", network)
    assert chosen == Implementation.of(network, visits={"first": "windows"}, queued_words={"first": 20})
    assert (chosen.layers[0].visits, chosen.layers[0].queued_words) == ("windows", 20)


def test_what_programs_write_is_read_as_it_was(tmp_path: Path):
    chosen = Implementation.of(NETWORK, lanes=2, pixels_per_beat=6, memory={"layer1": "ram"}, queue=False)
    plain = chosen.model_dump(mode="json")
    assert loaded(tmp_path, json.dumps(plain), "list.json") == chosen
    beside = {"digest": "of another model", "implementation": plain, "ports": []}
    assert loaded(tmp_path, json.dumps(beside), "snn.json") == chosen


def test_a_byte_order_mark_is_passed_over(tmp_path: Path):
    model = circuits.model("direct")
    chosen = Implementation.of(NETWORK, lanes=2)
    text = "\ufeff" + json.dumps({"digest": model.digest, "implementation": chosen.model_dump(mode="json")})
    assert loaded(tmp_path, text, "snn.json") == chosen
    assert built_as(tmp_path / "snn.json", model).implementation == chosen


def changed(**changes: Any) -> str:
    return json.dumps({"layers": {"layer0": {"synapse_lanes": 2}}} | changes)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("mine.json", changed(pixels_per_beat=0), "pixels_per_beat: Input should be greater than or equal to 1, not 0"),
        ("mine.json", changed(queue="yes"), "queue: Input should be a valid boolean, not 'yes'"),
        ("mine.json", changed(pixels=3), "there is no key 'pixels' (did you mean 'pixels_per_beat'?); there are"),
        ("mine.json", changed(schedule="both"), "schedule: Input should be 'step_major' or 'neuron_major', not 'both'"),
        ("mine.json", changed(layers={"hidden": {}}), "layers: there is no layer 'hidden'; there are"),
        ("mine.json", changed(layers={"layer0": {"lanes": 2}}), "layers.layer0: there is no key 'lanes'"),
        (
            "mine.json",
            changed(layers={"layer0": {"synapse_lanes": 2.0}}),
            "layers.layer0.synapse_lanes: Input should be a valid integer, not 2.0",
        ),
        (
            "mine.json",
            changed(layers={"layer1": {"synapse_lanes": True}}),
            "layers.layer1.synapse_lanes: must be an integer, not true",
        ),
        ("mine.json", changed(layers={"layer1": {"memory": "disk"}}), "layers.layer1.memory: Input should be 'rom',"),
        ("mine.json", changed(layers={"layer0": {"visits": 1}}), "layers.layer0.visits: Input should be 'events' or"),
        (
            "mine.json",
            changed(layers={"layer0": {"queued_words": -1}}),
            "layers.layer0.queued_words: Input should be greater than or equal to 0, not -1",
        ),
        (
            "mine.json",
            changed(layers={"layer0": {"visits": "windows"}}),
            "layer 'layer0' can visit events, not windows",
        ),
        ("mine.json", changed(layers={"layer1": 3}), "layers.layer1 must be a table of names and values, not 3"),
        ("mine.json", changed(layers=3), "layers must be a table of names and values, not 3"),
        ("mine.json", changed(layers=[{}]), "layers holds 1, and the network has 2: layer0, layer1"),
        ("mine.json", changed(layers={"layer0": {"synapse_lanes": 8}}), "layer 'layer0' has 7 neurons, so 1 to 7"),
        ("mine.json", "[]", "an implementation must be a table of names and values, not []"),
        (
            "mine.json",
            '{"digest": "of a spiking RBM"}',
            "an implementation must be a table of names and values, not None",
        ),
    ],
)
def test_what_cannot_be_is_one_line_with_file_and_field(tmp_path: Path, name: str, text: str, complaint: str):
    with pytest.raises(DescriptionError) as raised:
        loaded(tmp_path, text, name)
    assert str(raised.value).startswith(f"{tmp_path / name}: {complaint}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("mine.toml", "queue =", "mine.toml is not valid TOML: "),
        ("mine.json", "{", "mine.json is not valid JSON: "),
        ("mine.txt", "", "the name of an implementation file must end with .json or .toml, not 'mine.txt'"),
    ],
)
def test_what_is_no_such_file_is_one_line(tmp_path: Path, name: str, text: str, complaint: str):
    with pytest.raises(DescriptionError, match=complaint):
        loaded(tmp_path, text, name)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(DescriptionError, match=r"cannot read .*none\.toml: no such file"):
        load_implementation(tmp_path / "none.toml", NETWORK)


def test_a_boolean_in_the_place_of_a_number_is_one_line(tmp_path: Path):
    with pytest.raises(DescriptionError, match=r"mine\.toml: .*event_lanes"):
        loaded(tmp_path, "[layers.layer0]\nevent_lanes = true\n")
