"""The presets' options are those that the shipped models were trained with."""

import json
from importlib.resources import files

import numpy as np
import pytest

from snnhw.data import Dataset
from snnhw.presets import PRESETS, resolve_model
from snnhw.shipped import shipped_models
from snnhw.subject import SubjectKind
from snnhw.train import TrainingRecord, TrainOptions
from snnhw.train.split import fitted


@pytest.mark.parametrize("name", shipped_models(SubjectKind.NETWORK))
def test_a_preset_trains_the_model_that_ships(name: str):
    record = TrainingRecord.model_validate(
        json.loads((files("snnhw") / "models" / f"{name}.training.json").read_text())
    )
    model = resolve_model(name)
    images = Dataset(np.zeros((60_000, 28, 28), np.uint8), np.zeros(60_000, int), "of MNIST's size")
    assert fitted(TrainOptions(**PRESETS[name].training), PRESETS[name].network(), images) == record.options
    assert record.network == PRESETS[name].network().model_dump(mode="json") == model.network.model_dump(mode="json")
    assert record.kept == model.provenance["epoch"]
    assert record.best.test.model_dump().items() <= model.provenance["accuracy"].items()
