"""Summaries, against a model that can be counted by hand."""

import json

import numpy as np

from snnhw.data import Dataset
from snnhw.model import Model
from snnhw.network import Range
from snnhw.summary import summarise, summarise_dataset, summarise_network


def test_a_model():
    model = Model.from_arrays(
        [[[1, -2], [3, 0], [0, 0]], [[1, 1, -4]]],
        biases=[[5, -1, 0], None],
        thresholds=np.array([1, 2, 3]),
        weight_bits=5,
        refractory=2,
        membrane=Range(lo=-8, hi=7),
        num_steps=2,
        provenance={"seed": 3},
    )
    summary = summarise(model)
    hidden, output = summary["layers"]
    assert (hidden["inputs"], hidden["units"], hidden["weight_bits"]) == (2, 3, 5)
    assert hidden["parameters"] == 6 + 3 + 3
    assert hidden["ranges"]["weight"] == {"lo": -2, "hi": 3, "width": 3}
    assert hidden["ranges"]["current"] == {"lo": 5 - 2 * 255, "hi": -1 + 3 * 255, "width": 11}
    assert hidden["saturates"] is True
    assert hidden["memory_bits"] == {"weights": 6 * 3, "biases": 3 * 4, "state": 3 * (4 + 2)}
    assert output["memory_bits"]["biases"] == 0
    assert summary["parameters"] == 12 + 3
    assert summary["provenance"] == {"seed": 3}
    assert summary["digest"] == model.digest
    assert json.loads(json.dumps(summary)) == summary


def test_a_network_without_weights_has_the_same_fields():
    model = Model.from_arrays([[[1, -2], [3, 0]], [[1, 1]]], thresholds=[[1, 2]], num_steps=2)
    known, unknown = summarise(model), summarise_network(model.network)
    assert unknown.keys() == known.keys()
    assert unknown["tensors"] == {"hidden.weight": [2, 2], "hidden.threshold": [2], "output.weight": [1, 2]}
    depends = {name for name, value in unknown.items() if value != known[name]}
    assert depends == {"digest", "semantics", "layers", "scores", "memory_bits"}
    for one, other in zip(unknown["layers"], known["layers"], strict=True):
        assert one == {**other, "ranges": None, "saturates": None, "memory_bits": None}
    assert json.loads(json.dumps(unknown)) == unknown


def test_a_dataset():
    dataset = Dataset(np.zeros((3, 2, 2), np.uint8), np.array([4, 4, 0]), "made up")
    summary = summarise_dataset(dataset)
    assert (summary["images"], summary["shape"], summary["labels"]) == (3, [2, 2], {"0": 1, "4": 2})
    assert summarise_dataset(Dataset(dataset.images, None, "x"))["labels"] is None
    assert json.loads(json.dumps(summary)) == summary
