"""Files of networks in floating point: what is written is read, and what is damaged or changed is refused."""

from pathlib import Path

import numpy as np
import pytest

from snnhw import container
from snnhw.ann.build import module_of, tensors_of, trained_module
from snnhw.ann.model import AnnModel, load_ann, save_ann
from snnhw.ann.network import parse_ann
from snnhw.errors import ModelError, ModelFileError, OutputError
from snnhw.modelfile import load
from snnhw.shipped import shipped_file

ANN = parse_ann(
    {
        "input_shape": (4, 4),
        "parts": [
            {"kind": "conv2d", "channels": 2, "kernel": 3},
            {"kind": "batch_norm"},
            {"kind": "relu"},
            {"kind": "flatten"},
            {"kind": "linear", "units": 3},
        ],
    }
)


def model() -> AnnModel:
    return AnnModel(ANN, tensors_of(module_of(ANN)), {"seed": 1})


def test_a_file_gives_back_what_was_written(tmp_path: Path):
    made = model()
    save_ann(made, tmp_path / "x.safetensors")
    found = load_ann(tmp_path / "x.safetensors")
    assert (found.ann, found.digest, dict(found.provenance)) == (made.ann, made.digest, {"seed": 1})
    assert all(np.array_equal(found.tensors[name], made.tensors[name]) for name in ANN.tensor_shapes)
    assert all(np.array_equal(array, made.tensors[name]) for name, array in tensors_of(trained_module(found)).items())
    assert repr(found) == f"AnnModel(4x4 to 3, {made.digest[:12]})"
    with pytest.raises(OutputError, match="is there already"):
        save_ann(made, tmp_path / "x.safetensors")


def test_every_weight_and_the_description_count_in_the_digest():
    made = model()
    digests = {made.digest}
    for name in ANN.tensor_shapes:
        changed = made.tensors[name].copy()
        changed.flat[-1] += 1
        digests.add(AnnModel(ANN, {**made.tensors, name: changed}).digest)
    plain = ANN.model_copy(update={"input_shape": (1, 4, 4)})
    digests.add(AnnModel(plain, made.tensors).digest)
    assert len(digests) == len(ANN.tensor_shapes) + 2
    assert AnnModel(ANN, made.tensors, {"seed": 2}).digest == made.digest


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("0.weight", None, r"tensor '0.weight' is missing; it must be floats of shape \[2, 1, 3, 3\]"),
        ("0.bias", np.zeros(3), r"tensor '0.bias' must have shape \[2\], not \[3\]"),
        ("4.bias", np.array([0, np.nan, 0]), "tensor '4.bias' must hold finite numbers"),
        ("1.running_var", np.array([1, -1]), "tensor '1.running_var' must not hold negative variances"),
        ("5.bias", np.zeros(3), "no tensor '5.bias'"),
    ],
)
def test_tensors_are_checked(name: str, value: np.ndarray | None, complaint: str):
    tensors = {**model().tensors, name: value}
    with pytest.raises(ModelError, match=complaint):
        AnnModel(ANN, {key: array for key, array in tensors.items() if array is not None})


def test_a_changed_file_is_refused(tmp_path: Path):
    path = save_ann(model(), tmp_path / "x.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="the file was changed after it was written"):
        load_ann(path)


def test_a_file_of_another_kind_is_refused_both_ways(tmp_path: Path):
    with pytest.raises(ModelFileError, match="is no artificial network: its header's kind is None"):
        load_ann(Path(str(shipped_file("mnist-mlp"))))
    path = save_ann(model(), tmp_path / "x.safetensors")
    assert container.kind_of(path) == "ann"
    with pytest.raises(ModelFileError, match="a machine of kind 'ann'"):
        load(path)
