"""A model file gives back what was saved, and every damage to it is one line that names the field."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as to_safetensors

from snnhw.errors import ModelFileError, OutputError
from snnhw.model import Model
from snnhw.modelfile import SCHEMA, load, save
from snnhw.network import Direct, Leak

PROVENANCE = {"dataset": "mnist", "seed": 3, "accuracy": {"correct": 9871, "total": 10000}, "note": "ä"}


def model(**options: Any) -> Model:
    rng = np.random.default_rng(1)
    weights = [rng.integers(-8, 8, (5, 12)), rng.integers(-8, 8, (3, 5))]
    numbers: dict[str, Any] = {
        "thresholds": np.arange(30, 35),
        "biases": [[0, 200, -300, 7, 1], [70000, 0, -1]],
        "leak": Leak(kind="shift", bits=2),
        "weight_bits": 4,
        "encoder": Direct(bits=4),
        "provenance": PROVENANCE,
    }
    return Model.from_arrays(weights, **{**numbers, **options})


def header(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    parsed: dict[str, Any] = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return parsed


def rewritten(path: Path, *, tensors: dict[str, Any] | None = None, metadata: dict[str, str | None]) -> Path:
    """The model's file with some tensors or fields of the header put in place of its own (None: left out)."""
    given = model()
    fields = {**header(path)["__metadata__"], **metadata}
    arrays = {**{name: tensor.astype(np.int32) for name, tensor in given.tensors.items()}, **(tensors or {})}
    kept = {name: text for name, text in fields.items() if text is not None}
    path.write_bytes(to_safetensors({name: array for name, array in arrays.items() if array is not None}, kept))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save(model(), tmp_path / "model.safetensors")


def test_what_was_saved_comes_back(file: Path):
    saved, loaded = model(), load(file)
    assert loaded.network == saved.network
    assert loaded.digest == saved.digest
    assert dict(loaded.provenance) == PROVENANCE
    for name, tensor in saved.tensors.items():
        assert np.array_equal(loaded.tensors[name], tensor)
        assert not loaded.tensors[name].flags.writeable


def test_tensors_are_stored_in_the_smallest_kind(file: Path):
    kinds = {name: entry["dtype"] for name, entry in header(file).items() if name != "__metadata__"}
    assert kinds == {
        "hidden.weight": "U8",
        "hidden.bias": "I16",
        "hidden.threshold": "I8",
        "output.weight": "U8",
        "output.bias": "I32",
    }
    assert header(file)["__metadata__"]["schema"] == SCHEMA


def test_tensors_of_4_bits_are_packed_and_older_files_are_not(file: Path):
    with safe_open(file, framework="numpy") as opened:
        weight, shorter = opened.get_tensor("hidden.weight"), opened.get_tensor("output.weight")
    assert (weight.shape, shorter.shape) == ((30,), (8,))
    first, second = model().tensors["hidden.weight"][0, :2].tolist()
    assert weight[0] == (first & 15) + 16 * (second & 15)
    assert shorter[-1] == model().tensors["output.weight"][-1, -1] & 15
    assert load(rewritten(file, metadata={})).digest == model().digest


@pytest.mark.parametrize(
    "ends",
    [(-8, 7), (-9, 7), (0, 8), (-128, 127), (0, 128), (-129, 0), (-32768, 32767), (0, 32768), (-(2**31), 2**31 - 1)],
)
def test_the_ends_of_each_kind_come_back(tmp_path: Path, ends: tuple[int, int]):
    saved = model(biases=[[*ends, 0, 0, 0], None])
    path = save(saved, tmp_path / "m.safetensors")
    assert np.array_equal(load(path).tensors["hidden.bias"], saved.tensors["hidden.bias"])


def test_the_same_model_gives_the_same_bytes(file: Path, tmp_path: Path):
    others = {save(model(), tmp_path / f"{index}.safetensors").read_bytes() for index in range(8)}
    assert others == {file.read_bytes()}


def test_a_file_that_is_there_is_kept_unless_told(file: Path):
    old = file.read_bytes()
    with pytest.raises(OutputError, match="is there already; give another name"):
        save(model(thresholds=9), file)
    assert file.read_bytes() == old
    save(model(thresholds=9), file, overwrite=True)
    assert load(file).digest == model(thresholds=9).digest


def test_a_provenance_that_json_cannot_hold_writes_nothing(tmp_path: Path):
    for value, error in ((object(), TypeError), (float("nan"), ValueError)):
        with pytest.raises(error):
            save(model(provenance={"x": value}), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def test_every_truncation_is_found(file: Path):
    data = file.read_bytes()
    for length in [*range(0, 16), len(data) // 2, len(data) - 1]:
        file.write_bytes(data[:length])
        with pytest.raises(ModelFileError, match=r"is damaged or no \.safetensors file \(.*\); get it again"):
            load(file)


def test_every_flipped_bit_of_a_tensor_is_found(file: Path):
    data = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    for position in range(start, len(data)):
        data[position] ^= 1 << (position % 8)
        file.write_bytes(data)
        with pytest.raises(ModelFileError):
            load(file)
        data[position] ^= 1 << (position % 8)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04K\x01.", b"\x00" * 64, b"\xff" * 64], ids=repr)
def test_other_files_are_no_models(file: Path, content: bytes):
    file.write_bytes(content)
    with pytest.raises(ModelFileError, match="is damaged or no"):
        load(file)


def test_a_missing_file_and_a_folder(tmp_path: Path):
    with pytest.raises(ModelFileError, match=r"x is not there; give the path of a \.safetensors file"):
        load(tmp_path / "x")
    with pytest.raises(ModelFileError, match="is a folder, not a model file"):
        load(tmp_path)


def test_a_file_that_may_not_be_read(file: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # permissions do not stop the superuser
    with pytest.raises(ModelFileError, match=r"cannot read model file .*: permission denied"):
        load(file)


def changed_description(file: Path) -> dict[str, str | None]:
    description = json.loads(header(file)["__metadata__"]["description"])
    description["num_steps"] += 1
    return {"description": json.dumps(description)}


def broken_description(file: Path) -> dict[str, str | None]:
    description = json.loads(header(file)["__metadata__"]["description"])
    description["stages"][0]["neuron"]["leak"]["bits"] = 0
    return {"description": json.dumps(description)}


HEADERS: dict[str, tuple[Any, str]] = {
    "no schema": ({"schema": None}, "is no model of this project: its header has no field 'schema'"),
    "another schema": ({"schema": "2"}, "schema must be 1, not '2'; use the release of snnhw that wrote the file"),
    "no description": ({"description": None}, "field 'description' is missing"),
    "no provenance": ({"provenance": None}, "field 'provenance' is missing"),
    "no digest": ({"digest": None}, "field 'digest' is missing"),
    "description is no JSON": ({"description": "{"}, "field 'description' must be JSON"),
    "description is nested": ({"description": "[" * 100000}, "field 'description' must be JSON"),
    "description is a list": ({"description": "[]"}, "description: .* not \\[\\]"),
    "provenance is a list": ({"provenance": "[1]"}, r"provenance must be a JSON object, not \[1\]"),
    "another digest": ({"digest": "0" * 64}, "digest must be [0-9a-f]{64} .*, not '0{64}'; the file was changed"),
    "changed description": (changed_description, "digest must be .* the file was changed"),
    "impossible description": (broken_description, "stages.0.neuron.leak: leak of kind 'shift' needs bits >= 1"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_what_is_wrong_in_the_header_is_named(file: Path, case: str):
    change, message = HEADERS[case]
    rewritten(file, metadata=change(file) if callable(change) else change)
    with pytest.raises(ModelFileError, match=message) as raised:
        load(file)
    assert "\n" not in str(raised.value)
    assert str(file) in str(raised.value)


WEIGHT = model().layer("hidden").weight.astype(np.int32)
OUTSIDE = WEIGHT.copy()
OUTSIDE[2, 3] = 8
ANOTHER = WEIGHT.copy()
ANOTHER[2, 3] ^= 1

TENSORS: dict[str, tuple[dict[str, Any], str]] = {
    "changed weight": ({"hidden.weight": ANOTHER}, "digest must be .* the file was changed"),
    "weight out of range": (
        {"hidden.weight": OUTSIDE},
        r"'hidden.weight' must lie in -8\.\.7 \(4 bits\), it reaches 8",
    ),
    "wrong shape": ({"hidden.weight": WEIGHT.T.copy()}, r"'hidden.weight' must have shape \[5, 12\], not \[12, 5\]"),
    "floats": (
        {"hidden.weight": WEIGHT.astype(np.float32)},
        "'hidden.weight' must be one of I8, I16, I32, U8, not F32",
    ),
    "unsigned": ({"hidden.weight": WEIGHT.astype(np.uint8)}, r"of uint8, must have 30 bytes, not shape \[5, 12\]"),
    "packed, too long": ({"hidden.weight": np.zeros(31, np.uint8)}, r"must have 30 bytes, not shape \[31\]"),
    "packed, and more": (
        {"output.weight": np.full(8, 255, np.uint8)},
        "must end with 4 bits of 0 after its 15 integers",
    ),
    "packed, unknown": ({"hidden.mass": np.zeros(5, np.uint8)}, "there is no tensor 'hidden.mass'"),
    "missing": ({"hidden.bias": None}, "'hidden.bias' is missing"),
    "unknown": ({"hidden.mass": np.zeros(5, np.int8)}, "there is no tensor 'hidden.mass'"),
    "threshold of zero": ({"hidden.threshold": np.zeros(5, np.int8)}, "hidden.threshold must lie in 1"),
    "nothing": ({"hidden.weight": np.zeros((0, 12), np.int8)}, r"must have shape \[5, 12\], not \[0, 12\]"),
}


@pytest.mark.parametrize("case", TENSORS)
def test_what_is_wrong_in_the_tensors_is_named(file: Path, case: str):
    tensors, message = TENSORS[case]
    rewritten(file, tensors=tensors, metadata={})
    with pytest.raises(ModelFileError, match=message) as raised:
        load(file)
    assert "\n" not in str(raised.value)
    assert str(file) in str(raised.value)
