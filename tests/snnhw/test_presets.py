"""Presets, and names for models and networks: what there is, and one line for what there is not."""

import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.descriptionfile import save_description
from snnhw.errors import DescriptionError, ModelFileError
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import CountReadout, Direct, Rate, Spike
from snnhw.presets import PRESETS, preset, resolve_model, resolve_network
from snnhw.shipped import shipped_models
from snnhw.subject import SubjectKind


def zeros(network: Any) -> Model:
    """A model of a network, every tensor 0, or 1 where it is thresholds."""
    return Model.from_tensors(
        network,
        {name: np.full(shape, int(name.endswith("threshold"))) for name, shape in tensor_shapes(network).items()},
    )


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_network_that_a_model_can_have(name: str):
    network = preset(name)
    if sum(math.prod(shape) for shape in tensor_shapes(network).values()) < 1 << 20:
        assert zeros(network).network is network
    assert network.inputs == int(re.match(r"\d+", PRESETS[name].summary)[0])
    assert network.classes == 10
    assert {"num_steps", "weight_bits"} <= PRESETS[name].overrides.keys()


def test_the_two_networks():
    mlp, graded = preset("mnist-mlp"), preset("mnist-graded")
    assert [layer.units for layer in mlp.layers] == [128, 10]
    assert mlp.num_steps == 4
    assert {stage.synapse.weight_range.width for stage in mlp.stages} == {4}
    assert isinstance(mlp.encoder, Direct)
    assert mlp.encoder.bits <= 4
    assert [layer.units for layer in graded.layers] == [50, 10]
    hidden = graded.stages[0].neuron
    assert (hidden.leak.kind, hidden.reset, hidden.refractory) == ("subtract", "subtract", 0)
    assert hidden.spike == Spike(kind="residue", bits=8)
    assert graded.stages[1].neuron.leak.kind == "subtract"
    assert {mlp.readout.kind, graded.readout.kind} == {"membrane"}


def test_overrides():
    network = preset("mnist-mlp", hidden=64, num_steps=8, weight_bits=6, pixel_bits=2, threshold=99, leak_bits=3)
    assert network.layers[0].units == 64
    assert network.num_steps == 8
    assert [stage.synapse.weight_range.width for stage in network.stages] == [6, 6]
    assert network.encoder == Direct(bits=2)
    assert network.stages[0].neuron.threshold == 99
    assert network.stages[0].neuron.leak.bits == 3
    assert preset("mnist-graded", hidden=20, leak=0) == resolve_network("mnist-graded", hidden=20, leak=0)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("mnist", {}, "no preset 'mnist' .did you mean 'mnist-mlp'.*; there are mnist-mlp, mnist-graded"),
        ("mnist-mlp", {"layers": 3}, "'mnist-mlp': there is no setting 'layers'; there are hidden, num_steps"),
        ("mnist-mlp", {"hidden": 0}, "with hidden=0: units: .* greater than or equal to 1, not 0"),
        ("mnist-mlp", {"weight_bits": 17, "hidden": 3}, "with weight_bits=17, hidden=3: weight_bits: .*, not 17"),
        ("mnist-mlp", {"num_steps": "x"}, "num_steps must be an integer, not 'x'"),
        ("mnist-mlp", {"encoder": "rates"}, "encoder: kind must be one of .* .did you mean 'rate'"),
        ("mnist-mlp", {"readout": "vote"}, "readout.classes: Field required"),
        ("mnist-graded", {"readot": "count"}, "there is no setting 'readot' .did you mean 'readout'"),
    ],
)
def test_what_no_preset_can_be_is_one_line(name: str, overrides: dict[str, Any], message: str):
    with pytest.raises(DescriptionError, match=message) as raised:
        preset(name, **overrides)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["mnist-mlp", "mnist-graded"])
def test_encoder_and_readout_of_a_preset_are_words(name: str):
    network = preset(name, encoder="rate", readout="count", hidden=5)
    assert (network.encoder, network.readout) == (Rate(), CountReadout())
    assert network.stages[1].neuron == network.stages[0].neuron
    assert preset(name, encoder="direct", readout="membrane") == preset(name)
    assert preset(name, hidden=np.int64(5)) == preset(name, hidden=5)  # type: ignore[arg-type]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships a smaller `mnist-mlp` and has another file beside it; the working folder is empty."""
    package, work = tmp_path / "package", tmp_path / "work"
    save(zeros(preset("mnist-mlp", hidden=3)), package / "models" / "mnist-mlp.safetensors")
    save(zeros(preset("mnist-mlp", hidden=2)), package / "models" / "other.safetensors")
    work.mkdir()
    monkeypatch.setattr("snnhw.shipped.SHIPPED", {"mnist-mlp": SubjectKind.NETWORK})
    monkeypatch.chdir(work)
    monkeypatch.setattr("snnhw.shipped.files", {"snnhw": package}.__getitem__)
    return package / "models"


def test_a_shipped_model_is_found_by_its_name(shipped: Path):
    assert shipped_models() == ("mnist-mlp",)
    assert resolve_model("mnist-mlp").network.layers[0].units == 3


def test_a_file_is_found_by_its_path(shipped: Path):
    shutil.copy(shipped / "other.safetensors", "mnist-mlp")
    assert resolve_model("mnist-mlp").network.layers[0].units == 2
    assert resolve_model(Path("./mnist-mlp")).network.layers[0].units == 2
    with pytest.raises(ModelFileError, match=r"model file mnist-mlp\.safetensors is not there"):
        resolve_model("mnist-mlp.safetensors")
    with pytest.raises(ModelFileError, match="model file models/mnist-mlp is not there"):
        resolve_model("models/mnist-mlp")


def test_a_folder_does_not_hide_a_shipped_model(shipped: Path):
    Path("mnist-mlp").mkdir()
    assert resolve_model("mnist-mlp").network.layers[0].units == 3


@pytest.mark.usefixtures("shipped")
def test_a_wrong_name_lists_what_ships():
    with pytest.raises(ModelFileError, match=r"no model 'mnist' .did you mean 'mnist-mlp'.*; give .*: mnist-mlp$"):
        resolve_model("mnist")


@pytest.mark.usefixtures("shipped")
def test_a_preset_whose_model_does_not_ship():
    with pytest.raises(ModelFileError) as raised:
        resolve_model("mnist-graded")
    assert str(raised.value) == (
        "no trained model of preset 'mnist-graded' ships: `snnhw train mnist-graded` makes mnist-graded.safetensors, "
        "to be given in its place; these ship: mnist-mlp"
    )


def test_a_network_is_a_preset_a_description_or_a_model(shipped: Path):
    network = preset("mnist-graded", hidden=7)
    save_description(network, "net.toml")
    assert resolve_network("net.toml") == network
    assert resolve_network("mnist-mlp", hidden=7).layers[0].units == 7
    assert resolve_network(shipped / "other.safetensors").layers[0].units == 2


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        (
            "mnist",
            {},
            "no network 'mnist' .did you mean 'mnist-mlp'.*; give a preset .mnist-mlp, mnist",
        ),
        ("net.toml", {}, "cannot read net.toml: no such file"),
    ],
)
def test_what_is_no_network_is_one_line(name: str, overrides: dict[str, Any], message: str):
    with pytest.raises(DescriptionError, match=message):
        resolve_network(name, **overrides)


@pytest.mark.parametrize("name", shipped_models(SubjectKind.NETWORK))
def test_every_shipped_model_is_of_its_preset(name: str):
    assert resolve_model(name).network == preset(name)


@pytest.mark.parametrize("name", ["srbm-mnist", "stdp-mnist"])
def test_a_model_of_another_kind_is_told_what_loads_it(name: str):
    for resolve, error in ((resolve_model, ModelFileError), (resolve_network, DescriptionError)):
        with pytest.raises(
            error, match=rf"^{name} is a .*, not a network of layers: snnhw\.\w+\.presets\.\w+ loads it$"
        ):
            resolve(name)
