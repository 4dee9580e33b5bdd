"""Training and counting a learner by STDP: it learns, resumes to the same integers, and says what is in the way."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.data import Dataset
from snnhw.errors import DatasetError, ModelFileError, OutputError
from snnhw.stdp import train as training
from snnhw.stdp.evaluate import UNANSWERED, evaluate_stdp, golden
from snnhw.stdp.model import load_stdp, save_stdp
from snnhw.stdp.train import assign, plan_stdp_training, train_stdp
from tests.snnhw.srbm.small import bars
from tests.snnhw.stdp.small import small_learner, small_model, small_preset

pytest.importorskip("numba")


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


def plan_of(**options: Any) -> training.StdpPlan:
    preset = options.pop("preset", small_preset())
    return plan_stdp_training(preset, **{"validation": 50, **options})


def test_it_learns_by_both_answers(folder: Path):
    told: list[tuple[int, int, str]] = []
    trained = train_stdp(plan_of(), lambda *now: told.append(now))
    assert trained.model.provenance["accuracy"]["correct"] >= 45
    assert trained.model.provenance["assignment"]["correct"] >= 45
    assert [(point.stage, point.strength, point.presentations) for point in trained.curve] == [
        ("learn", 64, 100),
        ("learn", 16, 200),
        ("read", 2, 100),
        ("read", 1, 100),
    ]
    assert told[-1][:2] == (4, 4) and told[-1][2].startswith("read, ")
    assert sorted(path.name for path in folder.iterdir()) == ["bars", "bars.safetensors", "bars.training.json"]
    assert load_stdp("bars.safetensors").digest == trained.model.digest
    record = json.loads(Path("bars.training.json").read_text())
    assert record["learning"] == [{"amplitude": 64, "presentations": 100}, {"amplitude": 16, "presentations": 100}]
    assert (record["teaching"], record["reading"], record["preset"]) == ([], [2, 1], "bars")


def test_the_plain_learner_learns_the_same(folder: Path):
    plan = plan_of(supervised=True)
    trained = train_stdp(plan).model
    plain = golden(training.StdpRun(plan).model)
    images, labels = plan.training.images.reshape(100, -1), plan.training.labels.tolist()
    for n in range(200):
        plain.train(images[n % 100], 64 if n < 100 else 16)
    fired = [plain.infer(image) for image in images]
    counts = np.zeros((9, 3), int)
    for spikes, label in zip(fired, labels, strict=True):
        counts[spikes[0][0], label] += 1
    plain.assigned[:] = counts.argmax(axis=1)
    for n in range(50):
        plain.teach(images[n], labels[n], 4 if n < 25 else 2)
    for rate in (2, 1):
        for image, label in zip(images, labels, strict=True):
            plain.train_readout(image, label, rate)
    for name in ("weight", "threshold", "readout", "assigned"):
        np.testing.assert_array_equal(getattr(trained, name), getattr(plain, name))
    assert trained.register == plain.register


@pytest.mark.parametrize("after", [1, 2, 5])
def test_resumed_is_as_if_never_interrupted(folder: Path, monkeypatch: pytest.MonkeyPatch, after: int):
    """While it learns, is taught, and reads."""
    monkeypatch.setattr(training, "EVERY", 60)
    options = {"supervised": True, "seed": 5}
    straight = train_stdp(plan_of(out="straight.safetensors", **options))

    def interrupt(done: int, total: int, text: str) -> None:
        if done == after + 1:
            raise Interrupted

    with pytest.raises(Interrupted):
        train_stdp(plan_of(out="broken.safetensors", **options), interrupt)
    assert Path("broken.checkpoint").exists() and not Path("broken.safetensors").exists()
    told: list[int] = []
    resumed = train_stdp(plan_of(out="broken.safetensors", resume=True, **options), lambda *now: told.append(now[0]))
    assert told[0] == after + 1
    assert resumed.model.digest == straight.model.digest
    assert Path("broken.safetensors").read_bytes() == Path("straight.safetensors").read_bytes()
    assert not Path("broken.checkpoint").exists()


def test_a_checkpoint_in_the_way(folder: Path):
    plan = plan_of()
    save_stdp(small_model(provenance={"training": {"identity": "another", "curve": []}}), plan.checkpoint)
    with pytest.raises(OutputError, match="holds an interrupted training; say --resume"):
        plan_of()
    with pytest.raises(ModelFileError, match="of another training: images, learner, schedule or seed differ"):
        train_stdp(plan_of(resume=True))
    plan_of(overwrite=True)
    assert not plan.checkpoint.exists()


@pytest.mark.parametrize(
    "point", [{"stage": "sleep"}, {"presentations": -1}, {"seconds": None}, {"validation": [3]}, {"step": -1}, None]
)
def test_a_checkpoint_whose_curve_is_none(folder: Path, point: dict[str, Any] | None):
    plan = plan_of(resume=True)
    good = {"stage": "learn", "strength": 4, "presentations": 100, "seconds": 1.0, "validation": 3}
    provenance = {"training": {"identity": plan.identity, "curve": [point and {**good, **point}]}}
    save_stdp(small_model(provenance=provenance), plan.checkpoint)
    with pytest.raises(ModelFileError, match=r"^bars\.checkpoint is no checkpoint of a training; to train anew, re"):
        train_stdp(plan)


def test_a_seed_says_it_all(folder: Path):
    first, again, other = (train_stdp(plan_of(seed=seed, overwrite=True)).model.digest for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"validation": 150}, DatasetError, "150 were to be kept for validation"),
        ({"dataset": "unlabelled"}, DatasetError, "has no labels"),
        ({"dataset": "large"}, DatasetError, "has 49 pixels, and the learner takes 36"),
        ({"dataset": "many"}, DatasetError, "reach 5, and the network has classes 0 to 2"),
        ({"dataset": "few"}, DatasetError, "no training image of few is of class 1, 2: no neuron could be given it"),
        ({"out": "model.bin"}, OutputError, "must end with .safetensors"),
        ({"out": "there.safetensors"}, OutputError, "there.safetensors is there already"),
    ],
)
def test_what_is_wrong_shows_before_it_begins(folder: Path, options: dict[str, Any], error: type, words: str):
    images, labels = bars(60, 3)
    Path("there.safetensors").touch()
    sets: dict[str, dict[str, Any]] = {
        "unlabelled": {"images": images},
        "large": {"images": np.zeros((60, 7, 7), np.uint8), "labels": labels},
        "many": {"images": images, "labels": labels + 3},
        "few": {"images": images, "labels": labels * 0},
    }
    for name, arrays in sets.items():
        Path(name).mkdir()
        for part in ("train", "test"):
            np.savez(Path(name) / f"{part}.npz", **arrays)
    with pytest.raises(error, match=words) as caught:
        plan_of(**options)
    assert "\n" not in str(caught.value)


def test_a_neuron_has_the_class_that_it_won_most_often_and_the_lowest_of_equals():
    fired = np.array([[[0, 1]], [[0, 2]], [[0, 0]], [[1, 0]], [[1, 3]], [[-1, -1]]], np.int32)
    labels = np.array([2, 2, 1, 2, 1, 0])
    assert assign(fired, labels, 3, 3).tolist() == [2, 1, 0]


def test_counting_agrees_with_the_plain_learner():
    model, (images, labels) = small_model(), bars(20, 4)
    evaluation = evaluate_stdp(model, Dataset(images, labels, "bars"))
    plain = golden(model)
    fired = [plain.infer(image) for image in images.reshape(20, -1)]
    read = np.array([plain.score(spikes)[0] for spikes in fired])
    np.testing.assert_array_equal(evaluation.classes, read)
    assert (evaluation.answer, evaluation.correct) == ("readout", np.count_nonzero(read == labels))
    assert evaluation.assigned_correct == sum(
        model.assigned[spikes[0][0]] == label for spikes, label in zip(fired, labels, strict=True)
    )
    assert evaluation.correct == np.trace(evaluation.confusion) == evaluation.readout_correct
    assert evaluation.spikes == 4 and evaluation.first_step == np.mean([spikes[0][1] for spikes in fired])


def test_an_image_without_a_spike_has_no_class_by_assignment():
    zeros, learner = np.zeros((9, 3), int), small_learner(forced=False)
    model = small_model(learner=learner, readout=zeros)
    images, labels = bars(10, 4)
    images[:4] = 0
    evaluation = evaluate_stdp(model, Dataset(images, labels * 0, "bars"))
    assert evaluation.answer == "assignment" and (evaluation.classes[:4] == UNANSWERED).all()
    assert evaluation.confusion.sum() == np.count_nonzero(evaluation.classes != UNANSWERED) <= 6


def test_labels_may_be_unknown():
    evaluation = evaluate_stdp(small_model(), Dataset(bars(5, 1)[0], None, "bars"))
    assert evaluation.correct is None and evaluation.confusion is None and evaluation.readout_correct is None
    assert evaluation.record()["accuracy"] is None


class TestCommandLine:
    """With a preset of the project, on a few images."""

    @pytest.fixture
    def digits(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from snnhw.data import load

        sample = load("sample")
        (tmp_path / "digits").mkdir()
        np.savez(tmp_path / "digits" / "train.npz", images=sample.images[:300], labels=sample.labels[:300])
        np.savez(tmp_path / "digits" / "test.npz", images=sample.images[300:400], labels=sample.labels[300:400])
        monkeypatch.chdir(tmp_path)

    QUICK = ("stdp-mnist-50", "--dataset", "digits", "--validation", "20", "--presentations", "600")

    @pytest.mark.slow
    @pytest.mark.usefixtures("digits")
    def test_train_evaluate_and_info(self, capsys: pytest.CaptureFixture[str]):
        assert run(["train", *self.QUICK, "--supervised", "--json"]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        shown = json.loads(captured.out)
        assert shown["files"] == {"model": "stdp-mnist-50.safetensors", "record": "stdp-mnist-50.training.json"}
        assert shown["presentations"] == 600 and shown["accuracy"]["correct"] > 30
        assert run(["evaluate", "stdp-mnist-50.safetensors", "--dataset", "digits", "--json"]) == 0
        counted = json.loads(capsys.readouterr().out)
        assert (counted["images"], counted["answer"]) == (100, "readout")
        assert counted["correct"] == counted["readout_correct"] == shown["accuracy"]["correct"]
        assert counted["assigned_correct"] == shown["assignment"]["correct"]
        assert counted["digest"] == shown["digest"]
        assert run(["evaluate", "stdp-mnist-50.safetensors", "--dataset", "digits"]) == 0
        assert f"{counted['correct']} of 100" in capsys.readouterr().out
        assert run(["info", "stdp-mnist-50.safetensors"]) == 0
        text = capsys.readouterr().out
        assert "784 pixels, 50 neurons, 10 classes" in text and "of the test images by the readout" in text

    @pytest.mark.slow
    @pytest.mark.usefixtures("digits")
    def test_what_was_trained_is_shown(self, capsys: pytest.CaptureFixture[str]):
        assert run(["train", *self.QUICK]) == 0
        assert "of the test images by the class of the first spike's neuron" in capsys.readouterr().out
        assert run(["train", *self.QUICK]) == 2
        assert "is there already" in capsys.readouterr().err
        assert run(["train", *self.QUICK, "--resume", "--overwrite"]) == 0
        assert "the training begins anew" in capsys.readouterr().err

    @pytest.mark.usefixtures("digits")
    def test_an_interruption_says_what_is_kept(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(training, "train_stdp", interrupt)
        assert run(["train", *self.QUICK]) == 2
        assert "interrupted; nothing is kept yet" in capsys.readouterr().err

    @pytest.mark.usefixtures("digits")
    def test_without_numba_it_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setitem(sys.modules, "golden.stdp_kernel", None)
        assert run(["train", *self.QUICK]) == 2
        assert "pip install 'snnhw[stdp]'" in capsys.readouterr().err

    @pytest.mark.parametrize("option", ["--epochs", "--hidden", "--threads"])
    def test_options_of_others_are_refused(self, option: str, capsys: pytest.CaptureFixture[str]):
        assert run(["train", "stdp-mnist", option, "3"]) == 2
        assert f"{option} is not for a learner by STDP" in capsys.readouterr().err

    def test_supervised_is_for_no_other(self, capsys: pytest.CaptureFixture[str]):
        assert run(["train", "srbm-mnist", "--supervised"]) == 2
        assert "--supervised is not for a spiking RBM" in capsys.readouterr().err


class TestDemo:
    def test_fields_form_and_a_digit_is_answered(self, capsys: pytest.CaptureFixture[str]):
        assert run(["demo", "--stdp", "--index", "2"]) == 0
        text = capsys.readouterr().out
        assert [line for line in text.splitlines() if line.startswith("after ")] == [
            f"after {count} images:" for count in ("0", "300", "1,000", "5,000")
        ]
        assert text.count("  spike ") == 12 and text.count("<-- the class") == 1

    def test_as_one_object(self, capsys: pytest.CaptureFixture[str]):
        assert run(["demo", "stdp-mnist", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["image"]["index"] == 0 and shown["image"]["class"] == int(np.argmax(shown["image"]["scores"]))
        assert len(shown["image"]["spikes"]) == 12
        assert shown["learned"]["presentations"] == 5000 and shown["learned"]["wins"][0] > 20

    def test_an_image_that_is_not_there(self, capsys: pytest.CaptureFixture[str]):
        assert run(["demo", "--stdp", "--index", "1000"]) == 2
        assert "--index must be below 1000" in capsys.readouterr().err

    def test_two_demos_at_once_are_refused(self, capsys: pytest.CaptureFixture[str]):
        assert run(["demo", "--stdp", "--srbm"]) == 2
        assert "--srbm and --stdp are of two demos: give one of them" in capsys.readouterr().err


def test_few_labels_are_used_and_no_others(folder: Path):
    """What is learned without labels is the same; classes and readout come of the first images alone."""
    few, all_known = (replace(small_preset(), labels=labels) for labels in (30, None))
    plans = [plan_of(preset=preset, out=f"{name}.safetensors") for name, preset in (("few", few), ("all", all_known))]
    assert plans[0].labels == 30
    one, other = (train_stdp(plan).model for plan in plans)
    np.testing.assert_array_equal(one.weight, other.weight)
    assert one.readout.tolist() != other.readout.tolist()
    changed = replace(plans[0], training=replace(plans[0].training, labels=_after(plans[0].training.labels, 30)))
    changed = replace(changed, out=Path("again.safetensors"))
    np.testing.assert_array_equal(train_stdp(changed).model.readout, one.readout)


def _after(labels: np.ndarray, first: int) -> np.ndarray:
    """The labels with others from that place on."""
    return np.where(np.arange(len(labels)) < first, labels, (labels + 1) % 3)
