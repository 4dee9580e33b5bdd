"""The presets' options are those that the shipped models were trained with."""

import json
from importlib.resources import files

import pytest

from snnhw.presets import PRESETS, resolve_model
from snnhw.resumable import held_back
from snnhw.train import TrainingRecord, TrainOptions


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_the_model_that_ships(name: str):
    record = TrainingRecord.model_validate(
        json.loads((files("snnhw") / "models" / f"{name}.training.json").read_text())
    )
    model = resolve_model(name)
    usual = TrainOptions(**PRESETS[name].training, validation=held_back(60_000, None, "mnist"))
    assert usual == record.options
    assert record.network == PRESETS[name].network().model_dump(mode="json") == model.network.model_dump(mode="json")
    assert record.kept == model.provenance["epoch"]
    assert record.best.test.model_dump().items() <= model.provenance["accuracy"].items()
