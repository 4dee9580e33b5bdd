"""The presets' options are those that the shipped models were trained with."""

import json
from importlib.resources import files

import numpy as np
import pytest

from snnhw.ann.convert import AnnOptions
from snnhw.ann.presets import ANN_PRESETS, resolve_ann
from snnhw.ann.train import AnnRecord, AnnTraining
from snnhw.data import Dataset
from snnhw.presets import PRESETS, resolve_model
from snnhw.shipped import shipped_models
from snnhw.subject import SubjectKind
from snnhw.train import TrainingRecord, TrainOptions
from snnhw.train.split import fitted

TRAINED = [name for name in shipped_models(SubjectKind.NETWORK) if PRESETS[name].converted is None]
CONVERTED = [name for name in shipped_models(SubjectKind.NETWORK) if name not in TRAINED]


@pytest.mark.parametrize("name", TRAINED)
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


@pytest.mark.parametrize("name", CONVERTED)
def test_a_preset_converts_the_model_that_ships(name: str):
    source = str(PRESETS[name].converted)
    model, ann = resolve_model(name), resolve_ann(source)
    assert model.network == PRESETS[name].network()
    options = AnnOptions.model_validate(ANN_PRESETS[source].conversion)
    assert model.provenance["converted"] == options.model_dump(mode="json")
    assert (model.provenance["ann"], ANN_PRESETS[source].spiking) == (ann.digest, name)
    assert model.provenance["float_accuracy"] == ann.provenance["accuracy"]


@pytest.mark.parametrize("name", ANN_PRESETS)
def test_a_preset_trains_the_network_in_floating_point_that_ships(name: str):
    record = AnnRecord.model_validate(json.loads((files("snnhw") / "models" / f"{name}.training.json").read_text()))
    model = resolve_ann(name)
    assert record.options == AnnTraining.model_validate(ANN_PRESETS[name].training)
    assert record.network == ANN_PRESETS[name].ann.model_dump(mode="json") == model.ann.model_dump(mode="json")
    assert (record.kept, record.samples) == (model.provenance["epochs"], model.provenance["samples"])
    assert record.epochs[-1].validation.model_dump().items() <= model.provenance["validation"].items()
