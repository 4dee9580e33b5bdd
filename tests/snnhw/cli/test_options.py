"""Circuit options as one object: by a point, by a file, or one by one; and options that are no parameters."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from snnhw.cli.app import run
from snnhw.cli.circuit import CircuitOptions, lanes_of
from snnhw.cli.options import call, flat
from snnhw.errors import DescriptionError
from snnhw.implementation import Choices, Implementation
from snnhw.modelfile import save
from snnhw.points import point
from tests import circuits, convolutions
from tests.docs.commands import commands, options

MODEL = circuits.model("direct")


OTHERS = {
    **{
        name: ["layer0=1"]
        for name in ("synapse_lanes", "neuron_lanes", "position_lanes", "event_lanes", "step_lanes", "bit_lanes")
    },
    **{"lanes": 2, "pixels_per_beat": 2, "overlap": True, "queue": False, "schedule": "step_major"},
    **{"memory": ["layer0=ram"], "visits": ["layer0=events"], "queued_words": ["layer0=0"]},
}
"""Each single choice, also such as are made unless told."""


def chosen(**given: Any) -> Implementation:
    return CircuitOptions(**given).design(MODEL).implementation


def test_every_choice_is_an_option():
    assert {field.name for field in fields(CircuitOptions)} == {"point", "implementation", *Choices.__annotations__}
    assert OTHERS.keys() == Choices.__annotations__.keys() - {"weights"}


@pytest.mark.parametrize("command", ["simulate", "verify", "verilog", "build"])
def test_every_command_on_circuits_takes_them_all(command: str):
    spelled = {f"--{field.name.replace('_', '-')}" for field in fields(CircuitOptions)}
    assert spelled | {"--no-queue", "--no-overlap"} <= options(commands()[command])


def test_none_is_as_usual():
    assert chosen() == Implementation.of(MODEL.network)


def test_one_by_one():
    given = {"synapse_lanes": ["layer0=6", "layer1=4"], "neuron_lanes": ["layer0=2"], "event_lanes": ["layer1=2"]}
    whole = {"lanes": 3, "pixels_per_beat": 4, "overlap": False, "queue": False, "schedule": "neuron_major"}
    assert chosen(**given, **whole, step_lanes=["layer1=3"], memory=["layer0=ram"]) == Implementation.of(
        MODEL.network,
        synapse_lanes={"layer0": 6, "layer1": 4},
        neuron_lanes={"layer0": 2},
        event_lanes={"layer1": 2},
        step_lanes={"layer1": 3},
        memory={"layer0": "ram"},
        lanes=3,
        pixels_per_beat=4,
        overlap=False,
        queue=False,
        schedule="neuron_major",
    )


def test_what_layers_visit_and_queue():
    """A convolution that visits windows has all lanes, whatever is said of those of other layers."""
    model = convolutions.model(convolutions.network(convolutions.conv(10), (1, 5, 5)))
    given: dict[str, Any] = {"visits": ["first=windows", "out=events"], "queued_words": ["first=5"]}
    design = CircuitOptions(**given, lanes=1).design(model)
    built = design.implementation
    assert lanes_of(design)[0] == "layer first: 10 synapse lanes, 10 neuron lanes, visits windows"
    assert lanes_of(design)[1] == "layer out: 1 synapse lanes, 1 neuron lanes"
    assert built == Implementation.of(model.network, visits={"first": "windows"}, queued_words={"first": 5}, lanes=1)
    first, last = built.layers
    assert (first.synapse_lanes, first.neuron_lanes, first.visits, first.queued_words) == (10, 10, "windows", 5)
    assert (last.synapse_lanes, last.visits, last.queued_words) == (1, "events", 0)


def test_by_a_point_or_by_a_file_and_where_the_weights_are_beside_it(tmp_path: Path):
    file = tmp_path / "mine.toml"
    file.write_text("pixels_per_beat = 3\nweights = 'readmemh'\n")
    named, read = chosen(point="small", weights="readmemh"), chosen(implementation=str(file))
    assert named == point("small", MODEL.network).model_copy(update={"weights": "readmemh"})
    assert read == Implementation.of(MODEL.network, pixels_per_beat=3, weights="readmemh")
    assert chosen(implementation=str(file), weights="inline") == read.model_copy(update={"weights": "inline"})


@pytest.mark.parametrize("way", ["point", "implementation"])
@pytest.mark.parametrize("other", OTHERS)
def test_nothing_goes_with_a_point_or_a_file(way: str, other: str):
    with pytest.raises(DescriptionError) as raised:
        chosen(**{way: "small", other: OTHERS[other]})
    option = f"--{other.replace('_', '-')}"
    assert str(raised.value) == f"--{way} small says all of the lanes and memories: leave {option} out"


def test_a_point_does_not_go_with_a_file():
    with pytest.raises(DescriptionError, match="leave --implementation out"):
        chosen(point="small", implementation="mine.toml")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"event_lanes": ["layer0"]}, "--event-lanes takes LAYER=N, such as hidden=8, not 'layer0'"),
        ({"step_lanes": ["=2"]}, "--step-lanes takes LAYER=N, such as hidden=8, not '=2'"),
        ({"neuron_lanes": ["layer0=-1"]}, "--neuron-lanes takes LAYER=N, such as hidden=8, not 'layer0=-1'"),
        ({"memory": ["layer0=8"]}, "--memory takes LAYER=KIND, such as hidden=ram, KIND one of rom, ram, spram, not"),
        ({"memory": ["layer0=ram", "layer0=rom"]}, "--memory says two things of layer 'layer0': leave one out"),
        ({"schedule": "both"}, "--schedule must be one of step_major, neuron_major, not 'both'"),
        ({"weights": "paper"}, "--weights must be one of inline, readmemh, not 'paper'"),
        ({"step_lanes": ["layer0=2"]}, "layer 'layer0' can have 1 or 3 step lanes with schedule 'step_major', not 2"),
        ({"step_lanes": ["layer1=3"]}, "layer 'layer1' can have 1 step lanes with schedule 'step_major', not 3"),
        (
            {"visits": ["layer0=all"]},
            "--visits takes LAYER=WHAT, such as hidden=windows, WHAT one of events, windows, ",
        ),
        ({"visits": ["layer0=windows"]}, "layer 'layer0' can visit events, not windows"),
        ({"queued_words": ["layer0=some"]}, "--queued-words takes LAYER=N, such as hidden=8, not 'layer0=some'"),
        ({"queued_words": ["layer0=65537"]}, "layer 'layer0' can have 0 to 65536 queued words, not 65537"),
        ({"event_lanes": ["layer0=2"], "pixels_per_beat": 3}, "cannot have 2 event lanes with 3 pixels in a beat"),
    ],
)
def test_what_cannot_be_is_said(given: dict[str, Any], message: str):
    with pytest.raises(DescriptionError) as raised:
        chosen(**given)
    assert message in str(raised.value)


def test_a_circuit_is_built_as_another_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    save(MODEL, "small.safetensors")
    steps = ["--schedule", "neuron_major", "--step-lanes", "layer1=3", "--no-queue", "--event-lanes", "layer0=2"]
    assert run(["verilog", "small.safetensors", *steps, "--lanes", "2", "--out", "first", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["implementation"]
    assert (first["schedule"], first["queue"]) == ("neuron_major", False)
    assert [(layer["event_lanes"], layer["step_lanes"]) for layer in first["layers"]] == [(2, 1), (1, 3)]
    assert chosen(implementation="first/snn.json").model_dump(mode="json") == first


@dataclass(frozen=True)
class Pair:
    left: Annotated[int, typer.Option("--left")]
    right: Annotated[str | None, typer.Option("--right")] = None


def test_the_fields_of_a_dataclass_stand_in_its_place():
    came = []

    def command(name: str, pair: Pair, more: bool = False) -> None:
        came.append((name, pair, more))

    parameters = flat(command)
    assert list(parameters) == ["name", "left", "right", "more"]
    assert parameters["left"].default is parameters["left"].empty
    assert parameters["right"].annotation == Annotated[str | None, parameters["right"].annotation.__metadata__[0]]
    call(command, {"name": "x", "left": 3, "right": None, "more": True, "of others": 1})
    assert came == [("x", Pair(3), True)]
