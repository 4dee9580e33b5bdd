"""Networks in floating point on the command line: trained, shown, evaluated and converted; what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.ann import presets
from snnhw.ann.build import classes_of, images_of, trained_module
from snnhw.ann.model import AnnModel, load_ann, save_ann
from snnhw.cli.app import run
from snnhw.data import load
from snnhw.evaluate import evaluate
from snnhw.modelfile import load as load_model
from tests.snnhw.ann.small import PRESET, write_digits


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with `digits`, 300 images to train on and 100 to test with, and a preset `small` for them."""
    write_digits(tmp_path)
    np.savez(tmp_path / "dark.npz", images=np.zeros((90, 28, 28), np.uint8), labels=np.zeros(90, int))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(presets, "ANN_PRESETS", {"small": PRESET})
    return tmp_path


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.removeprefix("snnhw: ").strip()


@pytest.fixture
def trained(folder: Path, capsys: pytest.CaptureFixture[str]) -> AnnModel:
    """The preset's network, trained a little: small.safetensors."""
    shown = printed(["train", "small", "--epochs", "4"], capsys)
    model = load_ann("small.safetensors")
    assert (shown["digest"], shown["accuracy"]) == (model.digest, model.provenance["accuracy"])
    assert len(shown["epochs"]) == 4
    return model


def test_it_is_shown_and_evaluated_as_its_module_computes(trained: AnnModel, capsys: pytest.CaptureFixture[str]):
    shown = printed(["info", "small.safetensors"], capsys)
    assert (shown["digest"], shown["network"]) == (trained.digest, trained.ann.model_dump(mode="json"))
    sample = load("sample")
    correct = int((classes_of(trained_module(trained), images_of(trained.ann, sample)) == sample.labels).sum())
    assert printed(["evaluate", "small.safetensors"], capsys)["correct"] == correct > 500
    for command in ("info", "evaluate"):
        assert run([command, "small.safetensors"]) == 0
    out = capsys.readouterr().out
    assert "4x24x24" in out and "parameters  1,562" in out and f"{correct} of 1000" in out


def test_a_conversion_writes_a_model_that_golden_runs(trained: AnnModel, capsys: pytest.CaptureFixture[str]):
    shown = printed(["convert", "small.safetensors", "--num-steps", "6", "--out", "made.safetensors"], capsys)
    model = load_model("made.safetensors")
    assert shown["digest"] == model.digest and model.network.num_steps == 6
    assert model.provenance["converted"]["num_steps"] == 6 and model.provenance["ann"] == trained.digest
    assert model.provenance["float_accuracy"] == trained.provenance["accuracy"]
    # The last 50 training images were not trained on, and thresholds do not come from them.
    held = load("digits", "train").part(slice(250, None))
    assert shown["held_out"]["correct_over_time"] == list(evaluate(model, held).over_time or ())
    assert shown["held_out"]["float_correct"] == trained.provenance["validation"]["correct"]
    assert model.provenance["accuracy"]["correct"] == evaluate(model, load("digits", "test")).correct


@pytest.mark.parametrize(
    ("options", "held"), [(["--validation", "0"], 0), (["--limit", "200", "--validation", "20"], 120)]
)
def test_what_was_trained_on_is_never_called_held_out(
    options: list[str], held: int, capsys: pytest.CaptureFixture[str]
):
    """Of 300 images all, or the first 180; then the other 120 were not trained on."""
    printed(["train", "small", "--epochs", "1", *options], capsys)
    judged = printed(["convert", "small.safetensors"], capsys)["held_out"]
    assert (0 if judged is None else judged["images"]) == held
    assert run(["convert", "small.safetensors", "--overwrite"]) == 0
    assert ("no images with labels were kept out" in capsys.readouterr().err) == (held == 0)


def test_the_table_has_a_row_a_step_and_one_in_floating_point(trained: AnnModel, capsys: pytest.CaptureFixture[str]):
    assert run(["convert", "small.safetensors", "--num-steps", "3"]) == 0
    out = capsys.readouterr().out
    rows = [line.split()[0] for line in out.splitlines() if "of 50 (" in line]
    assert rows == ["1", "2", "3", "floating"]
    assert "small-spiking.safetensors" in out


def test_the_preset_of_the_same_network_says_what_is_left_open(
    trained: AnnModel, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from dataclasses import replace

    chosen = replace(PRESET, conversion={"percentile": 90.0, "most_spikes": 3})
    monkeypatch.setattr("snnhw.ann.conversion.ANN_PRESETS", {"small": chosen})
    assert run(["convert", "small.safetensors", "--percentile", "95"]) == 0
    assert capsys.readouterr().err == "snnhw: as the preset says: most_spikes=3\n"
    made = load_model("small-spiking.safetensors").provenance["converted"]
    assert (made["percentile"], made["most_spikes"]) == (95.0, 3)


def test_what_cannot_be_converted_is_one_line_and_nothing_is_written(
    trained: AnnModel, folder: Path, capsys: pytest.CaptureFixture[str]
):
    before = sorted(path.name for path in folder.iterdir())
    convert = ["convert", "small.safetensors"]
    assert "max_pooling: Input should be" in refused([*convert, "--max-pooling", "average"], capsys)
    assert "percentile: Input should be less than or equal to 100" in refused([*convert, "--percentile", "101"], capsys)
    assert "the highest 4 bits of all pixels are 0" in refused([*convert, "--dataset", "dark.npz"], capsys)
    assert "is dead" in refused([*convert, "--percentile", "0.001", "--per-layer", "--zeros"], capsys)
    assert "must end with .safetensors" in refused([*convert, "--out", "made.txt"], capsys)
    (folder / "made.safetensors").write_text("mine")
    assert "is there already" in refused([*convert, "--out", "made.safetensors"], capsys)
    (folder / "made.safetensors").unlink()
    assert sorted(path.name for path in folder.iterdir()) == before
    bare = AnnModel(trained.ann, trained.tensors)
    save_ann(bare, "bare.safetensors")
    assert "does not say what it was trained on: give --dataset" in refused(["convert", "bare.safetensors"], capsys)
    assert "`snnhw convert` is for a network in floating point" in refused(["convert", "mnist-mlp"], capsys)
    assert "which `train`, `info`, `evaluate` and `convert` take" in refused(["verify", "small.safetensors"], capsys)
