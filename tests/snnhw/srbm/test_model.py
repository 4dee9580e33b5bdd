"""A spiking RBM's file gives back what was saved, and every damage to it is one line that names the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as to_safetensors

from snnhw.errors import DescriptionError, ModelError, ModelFileError, OutputError
from snnhw.modelfile import load
from snnhw.presets import resolve_model
from snnhw.srbm.model import Pixels, SrbmModel, initial_levels, load_srbm, save_srbm
from snnhw.srbm.presets import SRBM_PRESETS, Stage, find_srbm_preset, resolve_srbm
from snnhw.subject import SubjectKind, subject_kind
from tests.snnhw.srbm.small import small_machine, small_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save_srbm(small_model(), tmp_path / "machine.safetensors")


def rewritten(path: Path, *, tensors: dict[str, Any] | None = None, **metadata: str | None) -> Path:
    """The file with some tensors or fields of the header put in place of its own (None: left out)."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    fields = {**header["__metadata__"], **metadata}
    model = small_model()
    arrays = {"gp": model.gp, "gm": model.gm, **(tensors or {})}
    kept = {name: text for name, text in fields.items() if text is not None}
    path.write_bytes(to_safetensors({name: array for name, array in arrays.items() if array is not None}, kept))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_srbm(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_was_saved_comes_back(file):
    saved, loaded = small_model(), load_srbm(file)
    assert loaded.machine == saved.machine
    assert (loaded.walk, loaded.refresh, loaded.pixels) == (77, 5, Pixels())
    assert dict(loaded.provenance) == {"seed": 3}
    assert loaded.digest == saved.digest
    np.testing.assert_array_equal(loaded.gp, saved.gp)
    np.testing.assert_array_equal(loaded.gm, saved.gm)
    np.testing.assert_array_equal(loaded.weights, saved.gp.astype(int) - saved.gm)


def test_one_device_of_few_bits_comes_back(tmp_path):
    synapse = {"cell": "3T1R", "update": "gradual", "bits": 6, "refresh_rows": 0, "refresh_level": 1}
    machine = small_machine(synapse=synapse)
    gp, gm = initial_levels(machine, 10, 1)
    assert gm is None
    saved = SrbmModel(machine, gp, pixels=Pixels("average", 0.5))
    loaded = load_srbm(save_srbm(saved, tmp_path / "one.safetensors"))
    assert loaded.gm is None
    assert loaded.walk == machine.seed
    assert loaded.pixels == Pixels("average", 0.5)
    np.testing.assert_array_equal(loaded.weights, gp.astype(int) - 32)


def test_levels_of_16_bits_come_back(tmp_path):
    machine = small_machine(synapse={"bits": 16})
    gp = np.full((machine.rows, machine.columns), 65535)
    saved = SrbmModel(machine, gp, np.zeros_like(gp))
    assert load_srbm(save_srbm(saved, tmp_path / "wide.safetensors")).weights.max() == 65535


def test_the_same_model_gives_the_same_bytes(file, tmp_path):
    assert save_srbm(load_srbm(file), tmp_path / "again.safetensors").read_bytes() == file.read_bytes()


def test_a_file_that_is_there_is_kept(file):
    with pytest.raises(OutputError, match="is there already"):
        save_srbm(small_model(), file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "other"}, "is no spiking RBM"),
        ({"kind": None}, "is no spiking RBM"),
        ({"schema": "9"}, "schema must be 1, not '9'"),
        ({"schema": None}, "'schema' is missing"),
        ({"state": None}, "'state' is missing"),
        ({"state": "["}, "'state' must be JSON"),
        ({"state": '{"walk": 1}'}, "state must be a JSON object with walk and refresh"),
        ({"state": '{"walk": 0, "refresh": 0}'}, "walk must be an integer in 1..4294967295, not 0"),
        ({"state": '{"walk": 1, "refresh": 44}'}, "refresh must be an integer in 0..43, not 44"),
        ({"state": '{"walk": 1.5, "refresh": 0}'}, "walk must be an integer"),
        ({"features": '{"name": "smell", "level": 0.3}'}, "features must be one of threshold"),
        ({"features": '{"name": "threshold", "level": 3}'}, "must lie in 0..1, not 3"),
        ({"provenance": "[]"}, "provenance must be a JSON object"),
        ({"description": '{"hidden": 0}'}, "hidden"),
        ({"description": '{"pixels": 30}'}, "tensor 'gp' must have shape"),
        ({"digest": "0" * 64}, "the file was changed"),
        ({"tensors": {"gm": None}}, "two devices: gm must be given"),
        ({"tensors": {"gp": None}}, "'gp' is missing"),
        ({"tensors": {"gx": np.zeros(3, np.uint8)}}, "there is no tensor 'gx'"),
        ({"tensors": {"gp": np.zeros((44, 14), np.int32)}}, "must be one of U8, U16, not I32"),
        ({"tensors": {"gp": np.zeros((44, 13), np.uint16)}}, "must have shape [44, 14], not [44, 13]"),
        ({"tensors": {"gp": np.full((44, 14), 4096, np.uint16)}}, "must lie in 0..4095 (12 bits), it reaches 4096"),
        ({"tensors": {"gp": np.ones((44, 14), np.uint16)}}, "the file was changed"),
    ],
)
def test_damage_is_named(file, change, words):
    assert words in complaint(rewritten(file, **change))


def test_what_is_no_file_is_named(tmp_path):
    assert "is not there" in complaint(tmp_path / "none.safetensors")
    assert "is a folder" in complaint(tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"no model")
    assert "is damaged" in complaint(tmp_path / "x.safetensors")


def test_a_network_is_no_machine_and_a_machine_no_network(file):
    assert subject_kind(file) == subject_kind("srbm-mnist") == SubjectKind.SRBM
    assert subject_kind("mnist-mlp") == subject_kind("nowhere.safetensors") == SubjectKind.NETWORK
    with pytest.raises(ModelFileError, match="a machine of kind 'srbm'"):
        load(file)
    for name in ("srbm-mnist", file):
        with pytest.raises(ModelFileError, match="is a spiking RBM, not a network"):
            resolve_model(name)
    assert resolve_srbm(file).digest == small_model().digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gm": None}, "two devices"),
        ({"gp": np.full((44, 14), -1)}, "it reaches -1"),
        ({"gp": np.zeros((44, 14))}, "must hold integers"),
        ({"walk": 1 << 32}, "walk must be"),
    ],
)
def test_a_model_refuses_what_does_not_fit(change, words):
    with pytest.raises(ModelError, match=words):
        small_model(**change)


def test_initial_weights():
    machine = small_machine()
    gp, gm = initial_levels(machine, 100, 1)
    weights = gp.astype(int) - gm
    assert ((gp == 0) | (gm == 0)).all()
    assert not weights[machine.visible :, machine.hidden :].any()
    assert 90 < weights.std() < 110
    np.testing.assert_array_equal(initial_levels(machine, 100, 1)[0], gp)
    assert (initial_levels(machine, 100, 2)[0] != gp).any()
    with pytest.raises(DescriptionError, match=r"sigma must lie in 0\.\.4095"):
        initial_levels(machine, -1, 1)


def test_a_schedule():
    preset = find_srbm_preset("srbm-mnist")
    assert len(list(preset.schedule())) == preset.presentations
    stages = (Stage(4, 2), Stage(3, 4, hold=50), Stage(2, 2, hold=100))
    shown = type(preset)("x", "", preset.machine, preset.pixels, "mnist", 1.0, stages)
    held = [(4, False)] * 2 + [(3, False), (3, True)] * 2 + [(2, True)] * 2
    assert list(shown.schedule()) == held
    with pytest.raises(DescriptionError, match="there is no spiking RBM 'x'; there are srbm-mnist"):
        find_srbm_preset("x")


@pytest.mark.parametrize("name", SRBM_PRESETS)
def test_steps_of_presets_fit(name):
    preset = find_srbm_preset(name)
    assert all(step in preset.machine.synapse.levels for step, _ in preset.schedule())


def test_arrays_in_another_order_of_memory_are_saved_as_they_are(tmp_path: Path):
    """As those are that were read out of a circuit."""
    saved = small_model(gp=np.asfortranarray(small_model().gp), gm=np.asfortranarray(small_model().gm))
    assert load_srbm(save_srbm(saved, tmp_path / "made.safetensors")).digest == saved.digest == small_model().digest
