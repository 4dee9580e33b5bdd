"""Training in floating point: the same seed gives the same numbers, also after an interruption."""

import json
from pathlib import Path

import numpy as np
import pytest

from snnhw.ann.train import AnnPlan, AnnProgress, AnnTraining, plan_ann_training, train_ann
from snnhw.errors import DatasetError, DescriptionError, ModelFileError, OutputError
from snnhw.train import CheckpointError
from tests.snnhw.ann.small import PRESET, write_digits


@pytest.fixture(autouse=True)
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datasets in the working folder: `digits`, and two that do not suit."""
    write_digits(tmp_path)
    np.savez(tmp_path / "wide.npz", images=np.zeros((90, 9, 9), np.uint8), labels=np.zeros(90, int))
    np.savez(tmp_path / "unlabelled.npz", images=np.zeros((90, 28, 28), np.uint8))
    monkeypatch.chdir(tmp_path)


def plan(out: str = "small.safetensors", *, resume: bool = False, **options: object) -> AnnPlan:
    return plan_ann_training(PRESET, options=options, out=out, resume=resume)


def test_a_training_learns_and_leaves_its_files():
    told: list[AnnProgress] = []
    trained = train_ann(plan(epochs=6), told.append)
    assert {name: str(path) for name, path in trained.files.items()} == {
        "model": "small.safetensors",
        "record": "small.training.json",
    }
    losses = [epoch.loss for epoch in trained.record.epochs]
    assert losses[-1] < 0.6 * losses[0]
    assert trained.model.provenance["accuracy"]["dataset"] == "digits"
    assert trained.model.provenance["accuracy"]["correct"] > 60
    assert trained.model.provenance["validation"]["total"] == 50
    assert trained.model.provenance["samples"] == 250
    assert [now.epoch for now in told if now.scored] == [1, 2, 3, 4, 5, 6]
    assert json.loads(Path("small.training.json").read_text())["kept"] == 6
    assert not Path("small.checkpoint").exists()


def test_a_seed_gives_the_same_numbers_and_another_others():
    digests = [train_ann(plan(f"{name}.safetensors", seed=seed)).model.digest for name, seed in (("a", 1), ("b", 1))]
    assert digests[0] == digests[1] != train_ann(plan("c.safetensors", seed=2)).model.digest


def test_what_was_interrupted_goes_on_to_the_same_end():
    def interrupt(now: AnnProgress) -> None:
        if now.epoch == 2:
            raise KeyboardInterrupt

    whole = train_ann(plan("whole.safetensors"))
    with pytest.raises(KeyboardInterrupt):
        train_ann(plan(), interrupt)
    with pytest.raises(OutputError, match="holds an interrupted training"):
        plan()
    with pytest.raises(CheckpointError, match=r"is of another training: its options\.epochs is 2, not 3"):
        train_ann(plan(resume=True, epochs=3))
    assert train_ann(plan(resume=True)).model.digest == whole.model.digest


def test_a_training_that_ended_is_shown_again():
    trained = train_ann(plan())
    assert train_ann(plan(resume=True)).model.digest == trained.model.digest
    with pytest.raises(ModelFileError, match=r"is of another training: its options\.seed is 1, not 5"):
        plan(resume=True, seed=5)
    with pytest.raises(OutputError, match="is there already"):
        plan()


def test_bad_options_and_data_are_one_line():
    with pytest.raises(DescriptionError, match="training options: epochs: Input should be greater than or equal to 1"):
        plan(epochs=0)
    with pytest.raises(DatasetError, match=r"has samples of shape \[9, 9\], and the network takes \[1, 28, 28\]"):
        plan_ann_training(PRESET, dataset="wide.npz")
    with pytest.raises(DatasetError, match="has no labels, which training and accuracy need"):
        plan_ann_training(PRESET, dataset="unlabelled.npz")


def test_a_training_that_diverges_stops_there():
    with pytest.raises(DescriptionError, match="the training diverged in epoch 1: give a smaller learning rate"):
        train_ann(plan(learning_rate=1e30))
    assert not Path("small.safetensors").exists()


def test_the_defaults_deform_images():
    assert AnnTraining().augment is not None and AnnTraining(augment=None).augment is None
