"""Training and counting a spiking RBM: it learns, resumes to the same integers, and says what is in the way."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from golden.srbm import Srbm
from golden.srbm_kernel import CompiledSrbm
from snnhw.cli.app import run
from snnhw.data import Dataset
from snnhw.errors import DatasetError, ModelFileError, OutputError
from snnhw.srbm import train as training
from snnhw.srbm.evaluate import complete_halves, evaluate_srbm, half_masks
from snnhw.srbm.model import load_srbm, save_srbm
from snnhw.srbm.presets import SrbmPreset, Stage
from snnhw.srbm.train import plan_srbm_training, train_srbm
from tests.snnhw.srbm.small import bars, small_machine, small_model

STAGES = (Stage(40, 300), Stage(10, 200, hold=50))


class Interrupted(Exception):
    """Stands for the user's ctrl-C."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a dataset `bars`: 150 images to train on, 50 of which for validation, and 50 to test."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bars").mkdir()
    for name, count, seed in (("train", 150, 1), ("test", 50, 2)):
        images, labels = bars(count, seed)
        np.savez(tmp_path / "bars" / f"{name}.npz", images=images, labels=labels)
    return tmp_path


def preset_of(**changes: Any) -> SrbmPreset:
    preset = SrbmPreset("bars", "", small_machine(), small_model().pixels, "bars", 60.0, STAGES)
    return replace(preset, **changes)


def plan_of(**options: Any) -> training.SrbmPlan:
    preset = options.pop("preset", preset_of())
    return plan_srbm_training(preset, **{"validation": 50, "threads": 1, **options})


def test_it_learns(folder):
    told: list[tuple[int, int, str]] = []
    trained = train_srbm(plan_of(), lambda *now: told.append(now))
    assert trained.model.provenance["accuracy"]["correct"] >= 40
    assert trained.curve[-1].validation >= 40
    assert told[-1][:2] == (500, 500)
    assert sorted(path.name for path in folder.iterdir()) == ["bars", "bars.safetensors", "bars.training.json"]
    assert load_srbm("bars.safetensors").digest == trained.model.digest
    record = json.loads(Path("bars.training.json").read_text())
    assert record["stages"] == [
        {"step": 40, "presentations": 300, "hold": 0},
        {"step": 10, "presentations": 200, "hold": 50},
    ]


def test_the_plain_machine_learns_the_same(folder):
    plan = plan_of(preset=preset_of(stages=(Stage(40, 6), Stage(9, 6, hold=50))))
    begin = training._begin(plan)
    trained = train_srbm(plan).model
    plain = Srbm(begin.machine, begin.gp, begin.gm)
    bits = (plan.training.images.reshape(100, -1) > 0.3 * 255).astype(np.uint8)
    for image, (step, hold) in zip(training._order(plan, 100), plan.preset.schedule(), strict=False):
        plain.train(bits[image], int(plan.training.labels[image]), step, hold)
    np.testing.assert_array_equal(trained.gp, plain.gp)
    np.testing.assert_array_equal(trained.gm, plain.gm)
    assert (trained.walk, trained.refresh) == (plain.walk, plain.refresh)


def test_resumed_is_as_if_never_interrupted(folder, monkeypatch):
    monkeypatch.setattr(training, "EVERY", 100)
    straight = train_srbm(plan_of(out="straight.safetensors"))

    def interrupt(done: int, total: int, text: str) -> None:
        if done == 300:
            raise Interrupted

    monkeypatch.setattr(training, "CHUNK", 50)
    with pytest.raises(Interrupted):
        train_srbm(plan_of(out="broken.safetensors"), interrupt)
    assert Path("broken.checkpoint").exists() and not Path("broken.safetensors").exists()
    told: list[int] = []
    resumed = train_srbm(plan_of(out="broken.safetensors", resume=True), lambda *now: told.append(now[0]))
    assert told[0] == 250
    assert resumed.model.digest == straight.model.digest
    assert Path("broken.safetensors").read_bytes() == Path("straight.safetensors").read_bytes()
    assert not Path("broken.checkpoint").exists()


def test_a_checkpoint_in_the_way(folder, monkeypatch):
    monkeypatch.setattr(training, "EVERY", 100)

    def interrupt(done: int, total: int, text: str) -> None:
        if done == 200:
            raise Interrupted

    monkeypatch.setattr(training, "CHUNK", 50)
    with pytest.raises(Interrupted):
        train_srbm(plan_of(), interrupt)
    with pytest.raises(OutputError, match="holds an interrupted training; say --resume"):
        plan_of()
    with pytest.raises(ModelFileError, match="of another training"):
        train_srbm(plan_of(seed=9, resume=True))
    plan_of(overwrite=True)
    assert not Path("bars.checkpoint").exists()


def test_a_checkpoint_that_is_damaged(folder):
    plan = plan_of(resume=True)
    for kept in (b"", b"x" * 100):
        plan.checkpoint.write_bytes(kept)
        with pytest.raises(
            ModelFileError, match=r"^bars\.checkpoint is damaged .*; to train anew, remove it, or say --ov"
        ):
            train_srbm(plan)


@pytest.mark.parametrize(
    "point",
    [
        {"presentations": "x"},
        {"presentations": -1},
        {"seconds": -1},
        {"seconds": None},
        {"validation": [3]},
        {"data_rate": "much"},
        None,
    ],
)
def test_a_checkpoint_whose_curve_is_none(folder, point):
    plan = plan_of(resume=True)
    good = {"presentations": 100, "seconds": 1.0, "validation": 3, "data_rate": 0.1, "model_rate": 0.1}
    for provenance in ({"training": {"identity": plan.identity, "curve": [point and {**good, **point}]}}, {}):
        model = replace(training._begin(plan), provenance=provenance)
        save_srbm(model, plan.checkpoint, overwrite=True)
        with pytest.raises(
            ModelFileError, match=r"^bars\.checkpoint is no checkpoint of a training; to train anew, re"
        ):
            train_srbm(plan)


def test_a_seed_says_it_all(folder):
    first, again, other = (train_srbm(plan_of(seed=seed, overwrite=True)).model.digest for seed in (1, 1, 2))
    assert first == again != other


def test_presentations_scale_the_stages(folder):
    assert [stage.presentations for stage in plan_of(presentations=50).preset.stages] == [30, 20]
    assert [stage.presentations for stage in plan_of(presentations=1).preset.stages] == [1, 1]


def test_a_training_that_has_ended_is_complete(folder):
    trained = train_srbm(plan_of())
    again = train_srbm(plan_of(resume=True))
    assert (again.model.digest, again.curve, again.files) == (trained.model.digest, trained.curve, trained.files)
    with pytest.raises(
        ModelFileError, match=r"bars\.training\.json is of another training: images, machine, .* or seed"
    ):
        plan_of(resume=True, seed=2)
    train_srbm(plan_of(seed=2, out="other.safetensors"))
    Path("other.safetensors").replace("bars.safetensors")
    with pytest.raises(ModelFileError, match=r"is not the model that bars\.training\.json tells of"):
        plan_of(resume=True)
    Path("bars.training.json").write_text("[]")
    with pytest.raises(ModelFileError, match=r"bars\.training\.json is no checkpoint of a training"):
        plan_of(resume=True)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"validation": 150}, DatasetError, "150 were to be kept for validation"),
        ({"dataset": "nowhere"}, DatasetError, "nowhere"),
        ({"dataset": "unlabelled"}, DatasetError, "has no labels"),
        ({"dataset": "large"}, DatasetError, "makes 49 bits, and the machine has 36 pixels"),
        ({"dataset": "many"}, DatasetError, "reach 5, and the network has classes 0 to 2"),
        ({"out": "model.bin"}, OutputError, "must end with .safetensors"),
        ({"out": "there.safetensors"}, OutputError, "there.safetensors is there already"),
        ({"out": "record.safetensors"}, OutputError, "record.training.json is there already"),
    ],
)
def test_what_is_wrong_shows_before_it_begins(folder, options, error, words):
    images, labels = bars(60, 3)
    Path("there.safetensors").touch()
    Path("record.training.json").touch()
    sets: dict[str, dict[str, Any]] = {
        "unlabelled": {"images": images},
        "large": {"images": np.zeros((60, 7, 7), np.uint8), "labels": labels},
        "many": {"images": images, "labels": labels + 3},
    }
    for name, arrays in sets.items():
        Path(name).mkdir()
        for part in ("train", "test"):
            np.savez(Path(name) / f"{part}.npz", **arrays)
    with pytest.raises(error, match=words) as caught:
        plan_of(**options)
    assert "\n" not in str(caught.value)


def test_counting_agrees_with_the_plain_machine():
    model = small_model()
    images, labels = bars(20, 4)
    evaluation = evaluate_srbm(model, Dataset(images, labels, "bars"), threads=2)
    plain = Srbm(model.machine, model.gp, model.gm)
    bits = (images.reshape(20, -1) > 76.5).astype(np.uint8)
    chosen = np.array([plain.infer(image)[0] for image in bits])
    np.testing.assert_array_equal(evaluation.classes, chosen)
    assert evaluation.correct == np.count_nonzero(chosen == labels) == np.trace(evaluation.confusion)
    assert evaluation.record()["ticks"] == 40
    completion = complete_halves(model, Dataset(images, labels, "bars"), threads=1)
    known = half_masks(6, 6)[np.arange(20) % 4]
    completed = [plain.regenerate(image, seen) for image, seen in zip(bits, known, strict=True)]
    images_out = np.array([out for _, _, out in completed])
    wrong = int((images_out != bits)[known == 0].sum())
    assert (completion.wrong, completion.unknown, completion.images) == (wrong, 20 * 18, 20)
    assert completion.on == int(bits[known == 0].sum())


class Stopwatch:
    """A clock that a function moves: by 100 seconds at its first call, by half a second at others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, function: str, module: str) -> None:
        self.now = 0.0
        original = getattr(CompiledSrbm, function)

        def timed(*arguments: Any, **options: Any) -> Any:
            self.now += 0.5 if self.now else 100.0
            return original(*arguments, **options)

        monkeypatch.setattr(CompiledSrbm, function, timed)
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(perf_counter=lambda: self.now))


def test_seconds_are_without_what_comes_once(folder, monkeypatch):
    Stopwatch(monkeypatch, "train", "snnhw.srbm.train")
    assert train_srbm(plan_of()).seconds == 0.5


def test_speed_is_without_what_comes_once(monkeypatch):
    Stopwatch(monkeypatch, "infer", "snnhw.srbm.evaluate")
    assert evaluate_srbm(small_model(), Dataset(*bars(5, 1), "bars")).images_per_second == 10


def test_labels_may_be_unknown():
    evaluation = evaluate_srbm(small_model(), Dataset(bars(5, 1)[0], None, "bars"))
    assert evaluation.correct is None and evaluation.confusion is None
    assert evaluation.record()["accuracy"] is None


def test_masks_are_halves():
    left, right, upper, lower = half_masks(4, 6).reshape(4, 4, 6)
    assert left[:, :3].all() and not left[:, 3:].any()
    assert upper[:2].all() and not upper[2:].any()
    assert ((left ^ right) & (upper ^ lower)).all()


PERIOD_8 = (
    "snnhw: a period of 8 ticks for each pixel is less than the 9 that a refractory unit needs: free units cannot "
    "follow it\n"
)
"""What the preset that ships is told of when it learns."""


class TestCommandLine:
    """With the preset that ships, on a few images."""

    @pytest.fixture
    def digits(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from snnhw.data import load

        sample = load("sample")
        (tmp_path / "digits").mkdir()
        np.savez(tmp_path / "digits" / "train.npz", images=sample.images[:80], labels=sample.labels[:80])
        np.savez(tmp_path / "digits" / "test.npz", images=sample.images[80:100], labels=sample.labels[80:100])
        monkeypatch.chdir(tmp_path)

    QUICK = ("srbm-mnist", "--dataset", "digits", "--validation", "20", "--presentations", "60")

    @pytest.mark.usefixtures("digits")
    def test_train_and_evaluate(self, capsys):
        assert run(["train", *self.QUICK, "--json"]) == 0
        captured = capsys.readouterr()
        assert captured.err == PERIOD_8
        shown = json.loads(captured.out)
        assert shown["files"] == {"model": "srbm-mnist.safetensors", "record": "srbm-mnist.training.json"}
        assert shown["presentations"] == 60
        assert run(["evaluate", "srbm-mnist.safetensors", "--dataset", "digits", "--json"]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""  # what was trained is what it is
        counted = json.loads(captured.out)
        assert counted["images"] == 20
        assert counted["correct"] == shown["accuracy"]["correct"]
        assert counted["digest"] == shown["digest"]
        assert counted["ticks"] == load_srbm("srbm-mnist.safetensors").machine.inference_ticks
        assert run(["evaluate", "srbm-mnist.safetensors", "--dataset", "digits"]) == 0
        assert f"{counted['correct']} of 20" in capsys.readouterr().out

    @pytest.mark.usefixtures("digits")
    def test_what_was_trained_is_shown(self, capsys):
        assert run(["train", *self.QUICK]) == 0
        assert "of the test images" in capsys.readouterr().out
        assert run(["train", *self.QUICK]) == 2
        assert "is there already" in capsys.readouterr().err
        assert run(["train", *self.QUICK, "--resume"]) == 0
        captured = capsys.readouterr()
        assert "this training is complete, srbm-mnist.safetensors is its model" in captured.err
        assert "of the test images" in captured.out
        assert run(["train", *self.QUICK, "--resume", "--overwrite"]) == 0
        assert "the training begins anew" in capsys.readouterr().err

    @pytest.mark.usefixtures("digits")
    def test_an_interruption_says_what_is_kept(self, monkeypatch, capsys):
        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(training, "train_srbm", interrupt)
        assert run(["train", *self.QUICK]) == 2
        assert "interrupted; nothing is kept yet" in capsys.readouterr().err
        Path("srbm-mnist.checkpoint").touch()
        assert run(["train", *self.QUICK, "--resume"]) == 2
        assert "the same command with --resume goes on" in capsys.readouterr().err

    @pytest.mark.usefixtures("digits")
    def test_without_numba_it_says_what_to_install(self, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "golden.srbm_kernel", None)
        assert run(["train", *self.QUICK]) == 2
        assert "pip install 'snnhw[srbm]'" in capsys.readouterr().err

    @pytest.mark.parametrize("option", ["--epochs", "--hidden", "--batch-size"])
    def test_options_of_networks_are_refused(self, option, capsys):
        assert run(["train", "srbm-mnist", option, "3"]) == 2
        assert f"{option} is not for a spiking RBM" in capsys.readouterr().err

    def test_presentations_are_not_for_networks(self, capsys):
        assert run(["train", "mnist-mlp", "--presentations", "3"]) == 2
        assert "--presentations is not for a network: it takes --hidden," in capsys.readouterr().err
