"""The container on a kind of model that nobody has: what every kind can rely on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnhw import container
from snnhw.container import Schema
from snnhw.errors import ModelFileError

KIND = Schema(
    kind="toy",
    called="toy",
    version="3",
    fields=("description", "state"),
    types=("I16",),
    trained="toy",
    covers="this toy",
    advice="; round it",
)
FIELDS = {"description": {"units": 2}, "state": [1, 2]}
DIGEST = "d" * 64


def written(path: Path, schema: Schema = KIND) -> Path:
    tensors = {"weight": np.array([[1, -2]], np.int16)}
    return container.write(path, schema, FIELDS, {"seed": 1}, DIGEST, tensors)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "toy.safetensors")


def complaint(file: Path, schema: Schema) -> str:
    with pytest.raises(ModelFileError) as raised:
        container.read(file, schema)
    assert "\n" not in str(raised.value)
    return str(raised.value).partition(f"{file}")[2]


def test_what_was_written_is_read(file: Path):
    metadata, tensors = container.read(file, KIND)
    assert container.kind_of(file) == "toy"
    assert {name: container.parse_field(file, metadata, name) for name in KIND.fields} == FIELDS
    assert container.parse_object(file, metadata, "provenance") == {"seed": 1}
    assert {name: values.tolist() for name, values in tensors.items()} == {"weight": [[1, -2]]}
    container.check_digest(file, KIND, metadata, DIGEST)
    with pytest.raises(ModelFileError, match=r"digest must be e{64} for this toy, not 'd{64}'; the file was changed"):
        container.check_digest(file, KIND, metadata, "e" * 64)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (replace(KIND, kind="game"), " is no toy: its header's kind is 'toy'"),
        (replace(KIND, kind=None, called="game"), " holds no game but a machine of kind 'toy': "),
        (replace(KIND, version="4"), ": schema must be 4, not '3'; use the release of snnhw that wrote the file"),
        (replace(KIND, fields=("state", "name")), ": the header's field 'name' is missing; get the file again"),
        (replace(KIND, types=("U8", "I8")), ": tensor 'weight' must be one of U8, I8, not I16; round it"),
    ],
)
def test_a_file_of_another_schema_is_refused_by_what_differs(file: Path, schema: Schema, said: str):
    assert complaint(file, schema).startswith(said)


def test_an_object_has_the_keys_that_were_asked_for(file: Path):
    metadata, _ = container.read(file, KIND)
    assert container.parse_object(file, metadata, "description", ("units",)) == {"units": 2}
    with pytest.raises(ModelFileError, match=r"description must be a JSON object with units and size, not \{'units'"):
        container.parse_object(file, metadata, "description", ("units", "size"))
    with pytest.raises(ModelFileError, match=r"state must be a JSON object, not \[1, 2\]"):
        container.parse_object(file, metadata, "state")


def test_a_file_of_no_kind_has_none(tmp_path: Path):
    assert container.kind_of(tmp_path / "nothing.safetensors") is None
    assert container.kind_of(written(tmp_path / "plain.safetensors", replace(KIND, kind=None))) is None
