"""A description with its weights beside it is a model; what is missing or wrong is one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw import npzfile
from snnhw.data import load
from snnhw.descriptionfile import load_description
from snnhw.design import Design
from snnhw.errors import DescriptionError, ModelFileError
from snnhw.implementation import Implementation
from snnhw.model import tensor_shapes
from snnhw.network import IntegrateFire
from snnhw.presets import resolve_model
from snnhw.tensorfile import lacks_tensors, load_described
from snnhw.verification import verify

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits.toml"

SMALL = """
input_shape = [4]
num_steps = 2
encoder = { kind = "rate" }
readout = { kind = "count" }

[[stages]]
name = "only"
synapse = { units = 3, weight_bits = 4 }
neuron = { threshold = "per_neuron" }
"""
TENSORS: dict[str, Any] = {
    "only.weight": np.arange(12).reshape(3, 4) - 5,
    "only.bias": [0, 1, 2],
    "only.threshold": [3, 4, 5],
}


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A description in the working folder, without weights."""
    monkeypatch.chdir(tmp_path)
    Path("net.toml").write_text(SMALL)
    return Path("net.toml")


@pytest.mark.slow
def test_the_example_becomes_a_circuit_that_is_equal(tmp_path: Path):
    network = load_description(EXAMPLE)
    assert [layer.units for layer in network.layers] == [48, 24, 10]
    assert network.stages[0].neuron.refractory == 1
    assert isinstance(network.encoder, IntegrateFire)
    path = tmp_path / EXAMPLE.name
    path.write_bytes(EXAMPLE.read_bytes())
    random = np.random.default_rng(1)
    tensors: dict[str, Any] = {name: random.integers(-16, 16, shape) for name, shape in tensor_shapes(network).items()}
    np.savez_compressed(path.with_suffix(".npz"), **tensors)
    model = resolve_model(path)
    assert model.network == network
    assert np.array_equal(model.layer("hidden2").weight, tensors["hidden2.weight"])
    images = load("sample", limit=1).images
    report = verify(Design(model, Implementation.of(network, lanes=16)), images, engine="amaranth", modes=("isolated",))
    assert report.equal
    assert report.timing_mismatches == 0


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int64])
def test_integers_of_any_type(net: Path, kind: Any):
    tensors: dict[str, Any] = {name: np.asarray(values).astype(kind) for name, values in TENSORS.items()}
    np.savez("net.npz", **tensors)
    assert not lacks_tensors(net)
    model = load_described(net)
    assert model.layer("only").parameters["threshold"].tolist() == [3, 4, 5]
    assert model.provenance == {"description": "net.toml", "tensors": "net.npz"}


def test_json_has_its_weights_beside_it_too(net: Path):
    Path("other.JSON").write_text(load_description(net).model_dump_json())
    np.savez("other.npz", **TENSORS)
    assert resolve_model("other.JSON").network == load_description(net)


@pytest.mark.usefixtures("net")
def test_without_weights_it_says_which_and_what_to_do():
    assert lacks_tensors("net.toml")
    assert not lacks_tensors("net.safetensors")
    with pytest.raises(ModelFileError) as raised:
        resolve_model("net.toml")
    assert str(raised.value) == (
        "net.toml has no weights beside it: put integers into net.npz as arrays only.weight [3, 4], only.bias [3], "
        "only.threshold [3]; or let `snnhw train net.toml` make a model"
    )


@pytest.mark.usefixtures("net")
def test_a_description_that_is_not_there():
    np.savez("gone.npz", **TENSORS)
    with pytest.raises(DescriptionError, match=r"cannot read gone\.toml: no such file"):
        resolve_model("gone.toml")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"only.bias": None}, r"net\.npz: tensor 'only\.bias' is missing; it must be integers of shape \[3\]"),
    "unknown": ({"only.colour": [1]}, r"net\.npz: there is no tensor 'only\.colour'; there are on"),
    "shape": ({"only.weight": np.zeros((4, 3), int)}, r"net\.npz: tensor 'only\.weight' must have shape \[3, 4\], not"),
    "floats": ({"only.bias": [0.5, 0, 0]}, r"net\.npz: tensor 'only\.bias' must hold integers, not float64; quantise"),
    "range": ({"only.weight": np.full((3, 4), 8)}, r"net\.npz: tensor 'only\.weight' must lie in -8\.\.7 \(4 bits\)"),
    "objects": (
        {"only.bias": np.array([{}, 1, 2], object)},
        r"cannot read net\.npz: it holds Python objects; save numbers",
    ),
}


@pytest.mark.usefixtures("net")
@pytest.mark.parametrize("case", BAD)
def test_wrong_weights_are_one_line(case: str):
    changes, message = BAD[case]
    np.savez("net.npz", **{name: value for name, value in (TENSORS | changes).items() if value is not None})
    with pytest.raises(ModelFileError, match=message) as raised:
        resolve_model("net.toml")
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("net")
def test_damaged_or_enormous_weights(monkeypatch: pytest.MonkeyPatch):
    Path("net.npz").write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(ModelFileError, match=r"cannot read net\.npz: .*; save it again"):
        resolve_model("net.toml")
    np.savez_compressed("net.npz", **TENSORS)
    monkeypatch.setattr(npzfile, "LARGEST", 100)
    with pytest.raises(ModelFileError, match=r"net\.npz unpacks to \d+ bytes, and 100 is the most"):
        resolve_model("net.toml")
