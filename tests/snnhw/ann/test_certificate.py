"""When a spiking network is the artificial one that it stands for, and that it then gives the same scores."""

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from golden.network import Golden
from snnhw.ann import certificate
from snnhw.ann.certificate import Activation, artificial, certify, proof
from snnhw.cli.app import run
from snnhw.data import Dataset
from snnhw.errors import DescriptionError, ModelError
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import (
    Conv2d,
    CountReadout,
    Dense,
    Direct,
    Events,
    Layer,
    Leak,
    MaxPool2d,
    MembraneReadout,
    Network,
    Neuron,
    Rate,
    SMaxPool2d,
    Spike,
    SumPool2d,
)
from snnhw.presets import resolve_model
from tests import kinds
from tests.draws import Draws, RandomDraws, flag

SIDE = 6
LARGE = kinds.Limits(magnitude=200, tensor=100)


def counting(draws: Draws, *, channelled: bool) -> Neuron:
    """A neuron that integrates, fires and subtracts its threshold, with bursts or without."""
    each = "per_channel" if channelled and flag(draws) else "per_neuron"
    spike = draws.choice((Spike(), Spike(kind="count", bound=draws.integer(1, 15))))
    return Neuron(threshold=draws.choice((draws.integer(1, 200), each)), spike=spike, initial=draws.choice((0, each)))


def fires(name: str, draws: Draws, shape: tuple[int, ...]) -> Layer:
    synapse = kinds.SYNAPSES[draws.choice(("dense", "conv2d") if len(shape) > 1 else ("dense",))](draws, LARGE, shape)
    return Layer(name=name, synapse=synapse, bias=flag(draws), neuron=counting(draws, channelled=synapse.channelled))


def pools(name: str, draws: Draws, shape: tuple[int, ...], *usable: str) -> Layer:
    return Layer(name=name, synapse=kinds.SYNAPSES[draws.choice(usable)](draws, LARGE, shape), bias=False)


def reads(draws: Draws, start: Any) -> Layer:
    return Layer(
        name="out", synapse=Dense(units=4, weight_bits=8), bias=flag(draws), neuron=Neuron.integrator(initial=start)
    )


def network(stages: list[Layer], num_steps: int, encoder: Any = None) -> Network:
    usual = encoder or Direct(bits=4)
    return Network(
        input_shape=(2, SIDE, SIDE), stages=tuple(stages), encoder=usual, readout=MembraneReadout(), num_steps=num_steps
    )


def dataset(draws: Draws, chosen: Network, count: int = 20) -> Dataset:
    labels = np.arange(count) % chosen.classes
    return Dataset(kinds.samples(draws, chosen, count), labels, "drawn")


def of_one_step(draws: Draws) -> Network:
    """Up to three layers of any kind, then one that is read, in one step."""
    encoder = kinds.ENCODERS[draws.choice(sorted(set(kinds.ENCODERS) - {"events", "address_events"}))](draws, LARGE)
    stages: list[Layer] = []
    shape: tuple[int, ...] = (2, SIDE, SIDE)
    for index in range(draws.integer(0, 3)):
        name = f"layer{index}"
        pooled = len(shape) > 1 and (stages or not encoder.once) and flag(draws)
        usable = ("max_pool2d", "sum_pool2d", "s_max_pool2d")
        stages.append(pools(name, draws, shape, *usable) if pooled else fires(name, draws, shape))
        shape = stages[-1].synapse.out_shape(shape)
    return network([*stages, reads(draws, draws.choice((0, 7, "per_neuron")))], 1, encoder)


def of_one_layer(draws: Draws) -> Network:
    """One layer that fires and pools that add up, over several steps."""
    stages = [fires("first", draws, (2, SIDE, SIDE))]
    shape = stages[0].synapse.out_shape((2, SIDE, SIDE))
    if len(shape) > 1 and flag(draws):
        usable: list[Any] = [SumPool2d(size=(1, 1)), SMaxPool2d(size=(min(2, shape[1]), 1), lateral_inhibition=True)]
        stages.append(Layer(name="pool", synapse=draws.choice(usable), bias=False))
    return network([*stages, reads(draws, 0)], draws.integer(2, 7))


def started(model: Model) -> Model:
    """The model with its neurons started from 0 up to below their thresholds."""
    tensors = dict(model.tensors)
    layer = model.layers[0]
    if "first.initial" in tensors:
        thresholds = layer.parameters["threshold"].reshape(len(tensors["first.initial"]), -1).min(axis=1)
        tensors["first.initial"] = tensors["first.initial"] % thresholds
    return Model(model.network, tensors)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 32), make=st.sampled_from([of_one_step, of_one_layer]))
def test_what_is_certified_gives_the_scores_of_golden(seed: int, make: Any):
    draws = RandomDraws(np.random.default_rng(seed), ends=0.1)
    chosen = make(draws)
    model = kinds.model(draws, chosen, LARGE)
    model = started(model) if make is of_one_layer else model
    found = certify(model, dataset(draws, chosen))
    assert found.certified
    assert not found.refuted
    assert (found.scores_differing, found.differing) == (0, ())
    assert found.ann_correct == found.correct


def burst(bound: int = 3, **fields: Any) -> Neuron:
    return Neuron(threshold=10, spike=Spike(kind="count", bound=bound), **fields)


def single(currents: list[int], *, num_steps: int = 1, neuron: Neuron | None = None, tail: Any = ()) -> Model:
    """A pixel of value 1 that gives neurons these currents, and what they send, added up."""
    first = Layer(name="first", synapse=Dense(units=len(currents), weight_bits=8), neuron=neuron or burst(), bias=False)
    last = Layer(name="out", synapse=Dense(units=len(currents), weight_bits=2), neuron=Neuron.integrator(), bias=False)
    described = Network(
        input_shape=(1,),
        stages=(first, *tail, last),
        encoder=Direct(bits=1),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )
    tensors = {"first.weight": np.array(currents)[:, None], "out.weight": np.eye(len(currents), dtype=int)}
    return Model(described, {**tensors, **{f"{layer.name}.weight": tensors["out.weight"] for layer in tail}})


WHITE = np.full((1, 1), 255, np.uint8)


def test_activations_are_those_worked_out_by_hand():
    currents = [-5, 0, 9, 10, 19, 20, 39, 120]
    model = single(currents)
    assert Golden(model).run(WHITE).scores.tolist() == [[0, 0, 0, 1, 1, 2, 3, 3]]
    found = certify(model, Dataset(WHITE, np.array([6]), "white"))
    assert (found.ann_correct, found.correct, found.scores_differing) == (1, 1, 0)
    activation = artificial(model)[1]
    assert isinstance(activation, Activation)
    totals = torch.tensor([currents], dtype=torch.float64)
    assert activation(totals).tolist() == [[0, 0, 0, 1, 1, 2, 3, 3]]


def test_the_artificial_network_is_of_torchs_own_modules():
    model = resolve_model("mnist-conv-small")
    made = artificial(model)
    pairs = [nn.Conv2d, Activation] * 3
    assert [type(module) for module in made] == [nn.Unflatten, *pairs, nn.Flatten, nn.Linear]
    assert isinstance(made[-1], nn.Linear)
    assert made[-1].bias.tolist() == (3 * model.tensors["output.bias"]).tolist()


def test_layers_behind_the_first_may_differ_over_several_steps():
    """The second neuron's one spike comes in the second step, too late to inhibit the first spike of the next layer."""
    second = Layer(name="second", synapse=Dense(units=2, weight_bits=2), neuron=Neuron(threshold=1), bias=False)
    model = single([20, 10], num_steps=2, neuron=Neuron(threshold=20), tail=(second,))
    model = Model(model.network, {**model.tensors, "second.weight": np.array([[1, -2], [0, 1]])})
    assert proof(model) == (False, "over 2 steps the order of spikes matters to layer 'second'")
    assert Golden(model).run(WHITE).scores.tolist() == [[1, 1]]
    assert artificial(model)(torch.full((1, 1), 2.0, dtype=torch.float64)).tolist() == [[0, 1]]
    found = certify(model, Dataset(WHITE, np.zeros(1, int), "white"))
    assert (found.certified, found.differing, found.scores_differing) == (False, (0,), 1)
    assert (found.correct, found.ann_correct, found.refuted) == (1, 0, False)


@pytest.mark.parametrize(
    ("neuron", "tail", "encoder", "reason"),
    [
        (burst(initial=10), (), None, "neurons of layer 'first' start below 0, or not below their thresholds"),
        (burst(initial=-1), (), None, "neurons of layer 'first' start below 0, or not below their thresholds"),
        (burst(), (MaxPool2d(size=2),), None, "over 2 steps the order of spikes matters to layer 'tail0'"),
        (burst(), (SMaxPool2d(size=2),), None, "over 2 steps the order of spikes matters to layer 'tail0'"),
        (burst(), (), Rate(), "the encoder 'rate' sends other events at each of 2 steps"),
    ],
)
def test_what_is_not_certified_says_why(neuron: Neuron, tail: tuple[Any, ...], encoder: Any, reason: str):
    first = Layer(name="first", synapse=Conv2d(channels=2, kernel=1, weight_bits=4), neuron=neuron, bias=False)
    more = [Layer(name=f"tail{index}", synapse=synapse) for index, synapse in enumerate(tail)]
    draws = RandomDraws(np.random.default_rng(1))
    chosen = network([first, *more, reads(draws, 0)], 2, encoder)
    assert proof(kinds.model(draws, chosen, LARGE)) == (False, reason)


def test_a_last_convolution_that_pools_its_currents_is_not_certified():
    first = Layer(name="first", synapse=Conv2d(channels=2, kernel=1, weight_bits=4), neuron=burst(), bias=False)
    pooled = Conv2d(channels=2, kernel=1, weight_bits=4, max_pool=SIDE)
    last = Layer(name="out", synapse=pooled, neuron=Neuron.integrator())
    draws = RandomDraws(np.random.default_rng(1))
    several, one = (kinds.model(draws, network([first, last], steps), LARGE) for steps in (2, 1))
    assert proof(several) == (False, "over 2 steps the order of spikes matters to layer 'out'")
    assert proof(one)[0]
    found = certify(one, dataset(draws, one.network))
    assert (found.certified, found.scores_differing) == (True, 0)


def test_a_start_that_is_refused_makes_a_difference():
    """30 below 0 at first, and 25 a step: one spike in two steps where the total, 20, asks for two."""
    model = single([25], num_steps=2, neuron=burst(bound=1, initial=-30))
    found = certify(model, Dataset(WHITE, None, "white"))
    assert (found.certified, found.scores_differing) == (False, 1)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"encoder": Events(bits=1)}, "steps cannot be folded where the input is events"),
        ({"neuron": Neuron(threshold=9, leak=Leak(kind="shift", bits=2))}, "neurons of layer 'first' must not leak"),
        ({"neuron": Neuron(threshold=9, spike=Spike(kind="residue", bits=4))}, "layer 'first' needs spikes that are"),
        ({"readout": CountReadout()}, "steps cannot be folded with the readout 'count'"),
    ],
)
def test_what_stands_for_no_artificial_network_is_refused(fields: dict[str, Any], complaint: str):
    neuron = fields.pop("neuron", Neuron(threshold=9))
    last = Neuron(threshold=3) if "readout" in fields else Neuron.integrator()
    stages = tuple(
        Layer(name=name, synapse=Dense(units=3, weight_bits=4), neuron=each)
        for name, each in (("first", neuron), ("out", last))
    )
    described = {
        "input_shape": (1, 9),
        "encoder": Direct(bits=4),
        "readout": MembraneReadout(),
        "num_steps": 2,
        **fields,
    }
    chosen = Network(stages=stages, **described)
    zeros = Model(chosen, {name: np.zeros(shape, int) for name, shape in tensor_shapes(chosen).items()})
    with pytest.raises(DescriptionError, match=complaint) as caught:
        artificial(zeros)
    assert "\n" not in str(caught.value)


def test_membranes_of_a_channel_must_start_alike():
    synapse = Conv2d(channels=1, kernel=1, weight_bits=4)
    draws = RandomDraws(np.random.default_rng(1))
    chosen = network([Layer(name="out", synapse=synapse, neuron=Neuron.integrator(initial="per_neuron"))], 1)
    with pytest.raises(DescriptionError, match="neurons of a channel of layer 'out' must start alike"):
        artificial(kinds.model(draws, chosen, LARGE))


def test_totals_that_float64_does_not_hold_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(certificate, "_EXACT", 129)
    artificial(single([-9, 119]))
    with pytest.raises(ModelError, match="the totals of layer 'first' need 8 bits, float64 has 52"):
        artificial(single([-9, 120]))


def test_what_is_converted_for_one_step_or_of_one_layer_is_certified():
    images = np.random.default_rng(4).integers(0, 256, (200, SIDE, SIDE), np.uint8)
    torch.manual_seed(3)
    module = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 4)).eval()
    for more in ({"num_steps": 1, "most_spikes": 7}, {"num_steps": 4}):
        found = certify(Model.from_ann(module, images, weight_bits=6, **more), Dataset(images, None, "random"))
        assert (found.certified, found.scores_differing) == (True, 0)


def planted(model: Model) -> Any:
    """What makes the artificial network of a model whose threshold was changed."""
    wrong = Model(model.network, {**model.tensors, "first.threshold": model.tensors["first.threshold"] * 2})
    return lambda _: artificial(wrong)


@pytest.fixture
def model(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A network of one step as small.safetensors in the working folder."""
    monkeypatch.chdir(tmp_path)
    draws = RandomDraws(np.random.default_rng(6))
    neuron = Neuron(threshold="per_neuron", spike=Spike(kind="count", bound=3))
    stages = (
        Layer(name="first", synapse=Dense(units=12, weight_bits=4), neuron=neuron),
        Layer(name="out", synapse=Dense(units=10, weight_bits=4), neuron=Neuron.integrator()),
    )
    chosen = Network(
        input_shape=(28, 28), stages=stages, encoder=Direct(bits=2), readout=MembraneReadout(), num_steps=1
    )
    made = kinds.model(draws, chosen, LARGE)
    save(made, "small.safetensors")
    return made


def test_a_threshold_that_was_changed_is_found(
    model: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    said = ["certify", "small.safetensors", "--limit", "200"]
    assert run([*said, "--json"]) == 0
    right = json.loads(capsys.readouterr().out)
    assert (right["certified"], right["differing"], right["scores_differing"]) == (True, [], 0)
    assert right["ann_correct"] == right["correct"]
    monkeypatch.setattr(certificate, "artificial", planted(model))
    assert run([*said, "--json"]) == 1
    wrong = json.loads(capsys.readouterr().out)
    assert wrong["scores_differing"] >= len(wrong["differing"]) > 5
    assert run(said) == 1
    text = capsys.readouterr().out
    first = ", ".join(map(str, wrong["differing"][:5]))
    assert f"{len(wrong['differing'])} (images {first}, ...)" in text


@pytest.mark.usefixtures("model")
def test_the_table_says_what_was_found(capsys: pytest.CaptureFixture[str]):
    assert run(["certify", "small.safetensors", "--limit", "60"]) == 0
    rows = [re.split("  +", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert ["certified", "yes: in one step each neuron has all of its current before it fires"] in rows
    assert ["classes that differ", "0"] in rows
    np.save("own.npy", np.zeros((3, 28, 28), np.uint8))
    assert run(["certify", "small.safetensors", "--dataset", "own.npy"]) == 0
    assert "correct" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["mnist-mlp"], "neurons of layer 'hidden' must not leak, saturate or be refractory"),
        (["small.safetensors", "--dataset", "wide.npy"], "the network takes images of 28 x 28"),
        (["srbm-mnist"], "`snnhw certify` is for a network"),
    ],
)
@pytest.mark.usefixtures("model")
def test_what_cannot_be_certified_is_said_in_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
):
    np.save("wide.npy", np.zeros((3, 9, 9), np.uint8))
    assert run(["certify", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert complaint in captured.err
