"""Models that ship: one table of them, of which every list is made."""

from importlib.resources import files

import pytest

import snnhw
from snnhw.doctor import _models
from snnhw.errors import ModelFileError
from snnhw.shipped import SHIPPED, is_name, resolve_shipped, shipped_file, shipped_models, unknown_model
from snnhw.srbm.presets import resolve_srbm
from snnhw.stdp.presets import resolve_stdp
from snnhw.subject import SubjectKind, load_subject, preset_names, subject_kind
from snnhw.summary import summarise_shipped


def test_the_table_is_what_the_package_has():
    lying = {file.name.removesuffix(".safetensors") for file in (files("snnhw") / "models").iterdir()}
    assert list(SHIPPED) == sorted(name for name in lying if "." not in name)
    assert dict(SHIPPED) == {name: subject_kind(str(shipped_file(name))) for name in SHIPPED}
    assert set(SHIPPED) <= set(preset_names(*SubjectKind))


def test_the_names_by_kind():
    convolutional = ("mnist-conv", "mnist-conv-seed", "mnist-conv-small")
    networks = ("lenet5", "lenet5-certified", *convolutional, "mnist-graded", "mnist-mlp")
    assert snnhw.shipped_models() == ("lenet5", "lenet5-ann", *networks[1:], "srbm-mnist", "stdp-mnist")
    assert shipped_models(SubjectKind.ANN) == ("lenet5-ann",)
    assert shipped_models(SubjectKind.NETWORK) == networks
    assert shipped_models(SubjectKind.SRBM, SubjectKind.STDP) == ("srbm-mnist", "stdp-mnist")


@pytest.mark.parametrize("name", SHIPPED)
def test_each_is_loaded_by_its_name(name: str):
    assert load_subject(name).digest == load_subject(str(shipped_file(name))).digest


def test_the_summary_of_all():
    models = summarise_shipped()
    assert [(each["name"], each["kind"]) for each in models] == [(name, str(kind)) for name, kind in SHIPPED.items()]
    for each in models:
        assert each["summary"].startswith("784") and 9500 < each["accuracy"]["correct"] < each["accuracy"]["total"]


def test_what_is_a_name(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_text("")
    (tmp_path / "folder").mkdir()
    assert [is_name(given) for given in ("mnist-mlp", "nothing", "folder")] == [True, True, True]
    paths = ("mine", "folder/x", "x.safetensors", "x.toml", "x.json", "x.pt")
    assert not any(map(is_name, paths))


@pytest.mark.parametrize(("resolve", "name"), [(resolve_srbm, "srbm-mnist"), (resolve_stdp, "stdp-mnist")])
def test_another_name_is_told_those_of_its_kind(resolve, name: str):
    with pytest.raises(ModelFileError) as raised:
        resolve(name[:-1])
    kind = SHIPPED[name]
    assert str(raised.value) == (
        f"there is no {kind} '{name[:-1]}' (did you mean '{name}'?); give the path of a .safetensors file, or one "
        f"that ships: {name}"
    )


def test_a_preset_without_a_model_says_what_makes_one():
    with pytest.raises(ModelFileError, match=r"^no trained model of preset 'x' ships: `snnhw train x` makes x\.safete"):
        resolve_shipped("x", SubjectKind.STDP, lambda path: path, {"x": None})


def test_an_unknown_model_of_several_kinds_lists_them_all():
    message = unknown_model("x", *SubjectKind)
    assert message.startswith("there is no model 'x'; give the path of a .safetensors file, of a description")
    assert message.endswith(f"or one that ships: {', '.join(SHIPPED)}")


def test_doctor_looks_for_each(monkeypatch: pytest.MonkeyPatch):
    assert [check.found for check in _models()] == [", ".join(SHIPPED)]
    monkeypatch.setattr("snnhw.shipped.SHIPPED", {**SHIPPED, "lost": SubjectKind.NETWORK})
    (check,) = _models()
    assert check.found is None and check.help == "install snnhw again, it lacks lost"
