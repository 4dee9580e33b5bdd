"""Training from the command line: files, their names, interruption and resumption, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import snnhw.training
from snnhw.cli.app import run
from snnhw.data import load
from snnhw.descriptionfile import save_description
from snnhw.errors import ToolError, ToolMissingError
from snnhw.evaluate import Evaluation
from snnhw.modelfile import load as load_model
from snnhw.presets import preset

QUICK = ["--dataset", "digits", "--hidden", "8", "--epochs", "2", "--validation", "50", "--no-augment"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a dataset `digits`: 300 images to train on and 100 to test with."""
    sample = load("sample")
    assert sample.labels is not None
    data = tmp_path / "digits"
    data.mkdir()
    np.savez(data / "train.npz", images=sample.images[:300], labels=sample.labels[:300])
    np.savez(data / "test.npz", images=sample.images[300:400], labels=sample.labels[300:400])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unforeseen(notes: str) -> list[str]:
    """The notes that tell of more than a training which is too short to learn much."""
    return [line for line in notes.splitlines() if "one answer for all" not in line]


def trained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["train", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert unforeseen(captured.err) == []
    record: dict[str, Any] = json.loads(captured.out)
    return record


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["train", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_preset_becomes_files(folder: Path, capsys: pytest.CaptureFixture[str]):
    shown = trained(["mnist-mlp", *QUICK], capsys)
    assert shown["files"] == {
        "model": "mnist-mlp.safetensors",
        "record": "mnist-mlp.training.json",
        "plot": "mnist-mlp.training.png",
    }
    assert sorted(path.name for path in folder.iterdir() if path.name != "digits") == sorted(shown["files"].values())
    model = load_model("mnist-mlp.safetensors")
    assert model.digest == shown["digest"]
    assert model.network == preset("mnist-mlp", hidden=8)
    assert model.provenance["accuracy"] == shown["accuracy"]
    assert (shown["accuracy"]["dataset"], shown["accuracy"]["total"]) == ("digits", 100)
    assert [epoch["epoch"] for epoch in shown["epochs"]] == [1, 2]
    assert json.loads(Path("mnist-mlp.training.json").read_text())["kept"] == shown["epoch"]


@pytest.mark.usefixtures("folder")
def test_what_is_there_is_replaced_only_where_told(capsys: pytest.CaptureFixture[str]):
    first = trained(["mnist-mlp", *QUICK], capsys)
    assert "mnist-mlp.safetensors is there already; give another name with --out, or say --overwrite" in refused(
        ["mnist-mlp", *QUICK], capsys
    )
    assert load_model("mnist-mlp.safetensors").digest == first["digest"]
    second = trained(["mnist-mlp", *QUICK, "--seed", "9", "--overwrite"], capsys)
    assert load_model("mnist-mlp.safetensors").digest == second["digest"] != first["digest"]


def test_a_description_becomes_files_where_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    save_description(preset("mnist-graded", hidden=5), "mine.toml")
    arguments = ["mine.toml", "--dataset", "digits", "--epochs", "1", "--limit", "200", "--validation", "0"]
    assert run(["train", *arguments, "--out", "models/a.safetensors"]) == 0
    captured = capsys.readouterr()
    assert unforeseen(captured.err) == []
    assert "of the test images, as golden counts them" in captured.out
    assert sorted(path.name for path in (folder / "models").iterdir()) == [
        "a.safetensors",
        "a.training.json",
        "a.training.png",
    ]
    assert load_model("models/a.safetensors").network.layers[0].units == 5


@pytest.mark.usefixtures("folder")
def test_numbers_of_a_description_are_overridden_as_those_of_a_preset(capsys: pytest.CaptureFixture[str]):
    save_description(preset("mnist-mlp"), "mine.toml")
    quick = ["--weight-bits", "3", "--num-steps", "8", *QUICK, "--epochs", "1"]
    of_file = trained(["mine.toml", *quick, "--set", "stages.hidden.neuron.threshold=200"], capsys)
    assert load_model("mine.safetensors").network == preset(
        "mnist-mlp", weight_bits=3, num_steps=8, hidden=8, threshold=200
    )
    of_preset = trained(["mnist-mlp", *quick, "--set", "threshold=200", "--seed", "0"], capsys)
    assert of_file["digest"] == of_preset["digest"]


def interrupting(epoch: int) -> Any:
    """`train_to_files`, interrupted in an epoch."""
    original = snnhw.training.train_to_files

    def interrupted(plan: Any, on_progress: Any) -> Any:
        def watch(now: Any) -> None:
            on_progress(now)
            if now.epoch == epoch:
                raise KeyboardInterrupt

        return original(plan, watch)

    return interrupted


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_an_interrupted_training_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    whole = trained(["mnist-mlp", *QUICK, "--out", "whole.safetensors"], capsys)
    with monkeypatch.context() as patched:
        patched.setattr(snnhw.training, "train_to_files", interrupting(epoch=2))
        message = refused(["mnist-mlp", *QUICK], capsys)
    assert "mnist-mlp.checkpoint keeps what was reached: the same command with --resume goes on" in message
    assert not Path("mnist-mlp.safetensors").exists()
    assert "mnist-mlp.checkpoint holds an interrupted training; say --resume" in refused(["mnist-mlp", *QUICK], capsys)
    assert "is of another training: its options.seed" in refused(
        ["mnist-mlp", *QUICK, "--seed", "8", "--resume"], capsys
    )
    resumed = trained(["mnist-mlp", *QUICK, "--resume"], capsys)
    assert resumed["digest"] == whole["digest"]
    assert run(["train", "mnist-mlp", *QUICK, "--resume", "--overwrite"]) == 0
    assert "there is no mnist-mlp.checkpoint to go on from" in capsys.readouterr().err
    assert not Path("mnist-mlp.checkpoint").exists()


def test_what_is_assumed_of_the_images_is_a_note(folder: Path, capsys: pytest.CaptureFixture[str]):
    for part in ("train", "test"):
        with np.load(folder / "digits" / f"{part}.npz") as arrays:
            images, labels = arrays["images"], arrays["labels"]
        np.savez(folder / "digits" / f"{part}.npz", images=images.reshape(len(images), -1), labels=labels)
    assert run(["train", "mnist-mlp", *QUICK[:-1], "--json"]) == 0
    notes = unforeseen(capsys.readouterr().err)
    assert notes == ["snnhw: the samples of digits are no images, so none is deformed in training"]
    assert "train without augmentation" in refused(
        ["mnist-mlp", *QUICK[:-1], "--augment", "--out", "x.safetensors"], capsys
    )


@pytest.mark.slow
def test_dropout_is_given_by_layer(folder: Path, capsys: pytest.CaptureFixture[str]):
    shown = trained(["mnist-mlp", *QUICK, "--dropout", "hidden=0.25"], capsys)
    record = json.loads((folder / shown["files"]["record"]).read_text())
    assert record["options"]["dropout"] == {"hidden": 0.25}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["hidden"], "--dropout takes LAYER=P, such as hidden=0.1, not 'hidden'"),
        (["hidden=much"], "--dropout takes LAYER=P, such as hidden=0.1, not 'hidden=much'"),
        (["hidden=0.1", "hidden=0.2"], "--dropout says two things of layer 'hidden': leave one out"),
        (["hidden=1"], "training options: dropout.hidden: Input should be less than 1, not 1.0"),
        (["hiden=0.1"], "dropout: there is no layer 'hiden' (did you mean 'hidden'?)"),
        (["output=0.1"], "dropout: layer 'output' is the last"),
    ],
)
def test_dropout_that_cannot_be_is_refused(given: list[str], complaint: str, capsys: pytest.CaptureFixture[str]):
    assert complaint in refused(["mnist-mlp", *QUICK, *(f"--dropout={setting}" for setting in given)], capsys)


def test_augmentation_that_is_asked_for_is_the_presets(folder: Path):
    plan = snnhw.training.plan_training("mnist-graded", options={"augment": True}, dataset=str(folder / "digits"))
    assert plan.options.augment is not None and plan.options.augment.rotation == 7.0


@pytest.mark.usefixtures("folder")
def test_a_training_that_has_ended_is_complete(capsys: pytest.CaptureFixture[str]):
    first = trained(["mnist-mlp", *QUICK], capsys)
    written = {path: path.read_bytes() for path in map(Path, first["files"].values())}
    assert run(["train", "mnist-mlp", *QUICK, "--resume", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == (
        "snnhw: this training is complete, mnist-mlp.safetensors is its model: to train anew, say --overwrite and not "
        "--resume\n"
    )
    assert json.loads(captured.out) == first
    assert {path: path.read_bytes() for path in written} == written
    for changed, message in (
        (["--seed", "8"], "mnist-mlp.training.json is of another training: its options.seed is 1, not 8"),
        (["--set", "threshold=99"], "is of another training: its network.stages.0.neuron.threshold is 256, not 99"),
        (["--limit", "200"], "is of another training: its dataset_digest"),
    ):
        assert message in refused(["mnist-mlp", *QUICK, *changed, "--resume"], capsys)
    trained(["mnist-mlp", *QUICK, "--out", "other.safetensors", "--seed", "8"], capsys)
    Path("other.safetensors").replace("mnist-mlp.safetensors")
    model = load_model("mnist-mlp.safetensors")
    assert model.digest != first["digest"]
    assert "is not the model that mnist-mlp.training.json tells of" in refused(
        ["mnist-mlp", *QUICK, "--resume"], capsys
    )
    Path("mnist-mlp.training.json").write_text("{")
    assert "is no record of a training that can be read" in refused(["mnist-mlp", *QUICK, "--resume"], capsys)


@pytest.mark.usefixtures("folder")
def test_interrupted_before_an_epoch_has_ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(snnhw.training, "train_to_files", interrupting(epoch=1))
    assert "interrupted; nothing is kept yet" in refused(["mnist-mlp", *QUICK], capsys)
    assert not list(Path().glob("mnist-mlp*"))


CANNOT: dict[str, tuple[list[str], str]] = {
    "unknown preset": (
        ["mnist"],
        "there is no network 'mnist' (did you mean 'mnist-mlp'?); give a preset",
    ),
    "unknown override": (["mnist-mlp", "--set", "depth=3"], "'mnist-mlp': there is no setting 'depth'"),
    "no number": (["mnist-mlp", "--set", "threshold=high"], "'mnist-mlp': threshold must be an integer, not 'high'"),
    "no value": (["mnist-mlp", "--set", "threshold"], "--set takes NAME=VALUE, not 'threshold'"),
    "no encoder": (["mnist-mlp", "--set", "encoder=rates"], "(did you mean 'rate'?)"),
    "impossible": (["mnist-mlp", "--set", "threshold=0"], "with threshold=0: threshold must be at least 1, not 0"),
    "training option": (["mnist-mlp", "--learning-rate", "-1"], "training options: learning_rate: "),
    "suffix": (["mnist-mlp", "--out", "x.pt"], "the name of a model file must end with .safetensors, not 'x.pt'"),
    "unwritable": (
        ["mnist-mlp", "--dataset", "digits", "--out", "digits/train.npz/x.safetensors"],
        "cannot write digits",
    ),
    "only a test set": (["mnist-mlp", "--dataset", "sample"], "sample is a part of MNIST's test set"),
    "a file that is not there": (["mine.toml", "--hidden", "3"], "cannot read mine.toml: no such file"),
}


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_be_trained_is_one_line(case: str, capsys: pytest.CaptureFixture[str]):
    arguments, message = CANNOT[case]
    assert message in refused(arguments, capsys)


@pytest.mark.usefixtures("folder")
def test_without_torch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "snnhw.train", None)
    with pytest.raises(ToolMissingError, match=r"training needs PyTorch .*pip install 'snnhw\[train\]'"):
        snnhw.training.plan_training("mnist-mlp", dataset="digits")


@pytest.mark.usefixtures("folder")
def test_counts_that_differ_are_a_defect(monkeypatch: pytest.MonkeyPatch):
    plan = snnhw.training.plan_training(
        "mnist-mlp", overrides={"hidden": 4}, options={"epochs": 1, "validation": 0, "augment": None}, dataset="digits"
    )
    wrong = Evaluation("digits", 100, -1, None, np.zeros(100, np.int64), None, {}, (), 0.0, 0.0, {})
    monkeypatch.setattr(snnhw.training, "evaluate", lambda *_: wrong)
    with pytest.raises(ToolError, match=r"the trainer counts \d+ correct images of 100, the golden model -1"):
        snnhw.training.train_to_files(plan)
    assert plan.checkpoint.exists()
    assert not plan.out.exists()


def test_a_teacher_teaches_first(folder: Path, capsys: pytest.CaptureFixture[str]):
    alone, taught = (
        trained(["mnist-mlp", *QUICK], capsys),
        trained(["mnist-mlp", *QUICK, "--teacher", "--out", "t.safetensors"], capsys),
    )
    assert alone["digest"] != taught["digest"]
    assert json.loads(Path("t.training.json").read_text())["options"]["teacher"]["epochs"] > 0
