"""Points: implementations by name that suit any network, and that compute what golden does."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from snnhw.cli.app import run
from snnhw.design import Design
from snnhw.errors import DescriptionError, ToolMissingError
from snnhw.fpga.boards import find_board
from snnhw.fpga.parts import find_part
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import IntegrateFire, Network
from snnhw.points import POINTS, point
from snnhw.presets import preset
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.verification import verify
from tests.families import family
from tests.strategies import networks


def small() -> Model:
    network = preset("mnist-mlp", hidden=9, num_steps=3, threshold=40).model_copy(update={"input_shape": (5, 5)})
    rng = np.random.default_rng(5)
    return Model(network, {key: rng.integers(-8, 8, shape) for key, shape in tensor_shapes(network).items()})


SMALL = small()


@pytest.mark.slow
@given(network=networks())
def test_points_suit_any_network(network: Network):
    for name in POINTS:
        chosen = point(name, network)
        chosen.check(network)
        assert (chosen.schedule == "neuron_major") == network.allows_neuron_major


def test_what_a_point_asks_for_is_what_a_large_network_gets():
    network = preset("mnist-mlp")
    fast, small, up5k = (point(name, network) for name in ("fast", "small", "up5k"))
    assert [layer.synapse_lanes for layer in fast.layers] == [128, 10]
    assert [layer.event_lanes for layer in fast.layers] == [2, 1]
    assert [layer.step_lanes for layer in small.layers] == [1, 1]
    assert [layer.memory for layer in up5k.layers] == ["spram", "rom"]


def test_dense_layers_behind_channels_have_lanes_of_their_own():
    fast, small = (point(name, preset("lenet5")) for name in ("fast", "small"))
    assert [layer.synapse_lanes for layer in fast.layers] == [6, 6, 16, 16, 120, 84, 10]
    assert [layer.event_lanes for layer in fast.layers] == [1] * 7
    assert [layer.synapse_lanes for layer in small.layers][-3:] == [4, 4, 10]


def test_where_the_input_changes_a_point_goes_step_by_step():
    network = preset("mnist-mlp").model_copy(update={"encoder": IntegrateFire()})
    chosen = point("fast", network)
    assert chosen.schedule == "step_major"
    assert [layer.step_lanes for layer in chosen.layers] == [1, 1]


@pytest.mark.parametrize("chosen", POINTS.values(), ids=POINTS)
def test_a_point_is_for_a_part_that_there_is(chosen):
    part = find_part(chosen.part)
    assert chosen.board is None or find_board(chosen.board).device == part


@pytest.mark.slow
@pytest.mark.parametrize("name", family(POINTS, always=["fast", "tiny"]))
def test_a_point_computes_what_golden_does(name: str):
    network = SMALL.network
    rng = np.random.default_rng(6)
    images = rng.integers(0, 256, (40, 5, 5), np.uint8) * rng.integers(0, 2, (40, 5, 5), np.uint8)
    chosen = point(name, network)
    quick = replace(VerilatorSimulator.of(Design(SMALL, chosen)), optimise=False)
    report = verify(Design(SMALL, chosen), images, simulator=None if name == "up5k" else quick)
    assert report.equal
    assert report.timing_mismatches == 0
    assert report.images == 40


def test_without_a_compiler_a_point_whose_weights_are_loaded_does_not_run():
    network = preset("mnist-mlp")
    model = Model(network, {key: np.zeros(shape, np.int64) for key, shape in tensor_shapes(network).items()})
    with pytest.raises(ToolMissingError, match="take --engine verilator"):
        verify(Design(model, point("up5k", network)), np.zeros((1, 28, 28), np.uint8), engine="amaranth")


def test_no_such_point():
    with pytest.raises(
        DescriptionError, match=r"no point 'faster' \(did you mean 'fast'\?\); there are fast, balanced"
    ):
        point("faster", preset("mnist-mlp"))


def test_a_point_on_the_command_line(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    save(SMALL, "small.safetensors")
    assert run(["verilog", "small.safetensors", "--point", "small", "--weights", "readmemh", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["implementation"]
    wanted = point("small", SMALL.network).model_copy(update={"weights": "readmemh"})
    assert shown == wanted.model_dump(mode="json")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lanes", "4"], "leave --lanes out"),
        (["--no-overlap"], "leave --overlap out"),
        (["--pixels-per-beat", "8"], "leave --pixels-per-beat out"),
        (["--synapse-lanes", "hidden=4"], "leave --synapse-lanes out"),
        (["--memory", "hidden=ram"], "leave --memory out"),
    ],
)
@pytest.mark.parametrize("command", ["verilog", "simulate", "verify", "build"])
def test_a_point_and_lanes_are_too_much(
    command: str, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    board = ["--board", "icebreaker"] if command == "build" else []
    assert run([command, "mnist-mlp", "--point", "fast", *options, *board]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_point_leaves_nothing_to_fit(capsys: pytest.CaptureFixture[str]):
    assert run(["build", "mnist-mlp", "--point", "fast", "--fit", "--board", "icebreaker"]) == 2
    assert "leave --point out" in capsys.readouterr().err


def test_what_a_convolutional_network_gets():
    """The first layer visits windows, the next has lanes for all it reaches, and the third half of them."""
    network = preset("mnist-conv", first=12, second=32, third=64, bound=1, num_steps=3)
    fast, small, tiny = (point(name, network) for name in ("fast", "small", "tiny"))
    assert [layer.visits for layer in fast.layers] == ["windows", "events", "events", "events"]
    assert [(layer.position_lanes, layer.synapse_lanes) for layer in fast.layers[1:3]] == [(9, 32), (2, 64)]
    assert [layer.neuron_lanes for layer in fast.layers] == [12, 16, 16, 2]
    assert (fast.layers[0].bit_lanes, fast.layers[0].event_lanes, fast.layers[0].step_lanes) == (
        4,
        2,
        network.num_steps,
    )
    assert [layer.queued_words for layer in fast.layers] == [0, 98, 64, 0]
    assert [(layer.position_lanes, layer.synapse_lanes) for layer in small.layers[1:]] == [(3, 32), (1, 32), (1, 10)]
    assert (small.layers[0].bit_lanes, small.layers[0].step_lanes, small.layers[0].queued_words) == (1, 1, 196)
    assert [layer.neuron_lanes for layer in small.layers] == [12, 8, 4, 1]
    assert (small.pixels_per_beat, point("small", preset("mnist-mlp")).pixels_per_beat) == (8, 2)
    assert {(layer.visits, layer.position_lanes, layer.synapse_lanes) for layer in tiny.layers} == {("events", 1, 1)}


def test_words_of_neurons_are_a_power_of_two_of_a_position():
    """So that bits of a word's number tell the words of a position apart; 13 are more than 8, and have no half."""
    lanes = {}
    for second in (40, 48, 28, 26):
        lanes[second] = point("fast", preset("mnist-conv", second=second)).layers[1].neuron_lanes
    assert lanes == {40: 10, 48: 12, 28: 14, 26: 13}
    assert point("small", preset("mnist-conv", second=26)).layers[1].neuron_lanes == 8


def test_many_weights_are_not_wired_in():
    wide = point("fast", preset("mnist-conv", first=64))
    assert [layer.visits for layer in wide.layers] == ["events"] * 4
    assert wide.layers[0].synapse_lanes == 64
