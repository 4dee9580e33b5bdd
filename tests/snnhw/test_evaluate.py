"""What `evaluate` counts, against counting by hand."""

import numpy as np
import pytest

from golden.network import run
from snnhw.data import Dataset
from snnhw.errors import DatasetError
from snnhw.evaluate import evaluate
from snnhw.model import Model
from snnhw.network import Direct, Events

COUNT = 3000
"""More images than are computed at once."""


def model(direct: bool = True) -> Model:
    rng = np.random.default_rng(2)
    weights = [rng.integers(-8, 8, (7, 12)), rng.integers(-8, 8, (3, 7))]
    return Model.from_arrays(
        weights,
        thresholds=60 if direct else 5,
        encoder=Direct(bits=4) if direct else Events(),
        input_shape=(3, 4),
        num_steps=5,
        provenance={"accuracy": {"correct": 1, "total": 2}, "float_accuracy": {"correct": 2, "total": 2}, "seed": 1},
    )


def dataset(labels: bool = True) -> Dataset:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (COUNT, 3, 4), dtype=np.uint8) * (rng.random((COUNT, 3, 4)) < 0.5)
    return Dataset(images.astype(np.uint8), rng.integers(0, 3, COUNT) if labels else None, "made up")


def test_counts():
    network, images = model(), dataset()
    seen: list[tuple[int, int]] = []
    evaluation = evaluate(network, images, on_progress=lambda done, total: seen.append((done, total)))
    result = run(network, images.images)
    assert images.labels is not None
    assert np.array_equal(evaluation.classes, result.classes)
    assert evaluation.correct == (result.classes == images.labels).sum()
    assert evaluation.accuracy == evaluation.correct / COUNT
    assert evaluation.confusion is not None
    for label in range(3):
        for given in range(3):
            count = ((images.labels == label) & (result.classes == given)).sum()
            assert evaluation.confusion[label, given] == count
    pixels, spikes = np.count_nonzero(images.images >> 4), result.events["hidden"].sum()
    assert evaluation.events == {"encoder": pixels / COUNT, "hidden": spikes / COUNT, "output": 0}
    assert evaluation.synaptic_operations == pytest.approx((pixels * 7 + spikes * 3) / COUNT)
    assert evaluation.images_per_second > 0
    assert seen == [(2048, COUNT), (COUNT, COUNT)]
    assert evaluation.provenance_accuracy == {
        "accuracy": {"correct": 1, "total": 2},
        "float_accuracy": {"correct": 2, "total": 2},
    }
    assert evaluation.record()["confusion"] == evaluation.confusion.tolist()


def test_layers_that_send_nothing_are_named():
    rng = np.random.default_rng(2)
    weights = [rng.integers(-8, 8, (7, 12)), rng.integers(0, 1, (4, 7)), rng.integers(-8, 8, (3, 4))]
    dead = Model.from_arrays(weights, thresholds=[60, 5, None], encoder=Direct(bits=4), input_shape=(3, 4), num_steps=5)
    evaluation = evaluate(dead, dataset())
    assert evaluation.silent == (dead.network.layers[1].name,)
    assert evaluation.record()["silent_layers"] == list(evaluation.silent)
    assert evaluate(model(), dataset()).silent == ()
    dark = Dataset(np.zeros((3, 3, 4), np.uint8), None, "dark")
    assert evaluate(dead, dark).silent == ()


def test_images_without_labels():
    evaluation = evaluate(model(), dataset(labels=False))
    assert (evaluation.correct, evaluation.accuracy, evaluation.confusion) == (None, None, None)
    assert evaluation.record()["correct"] is None


def test_samples_of_events():
    rng = np.random.default_rng(4)
    spikes = Dataset(rng.integers(0, 2, (40, 5, 3, 4), dtype=np.uint8), rng.integers(0, 3, 40), "spikes")
    evaluation = evaluate(model(direct=False), spikes)
    assert evaluation.events["encoder"] == np.count_nonzero(spikes.images) / 40


def test_labels_beyond_the_classes():
    images = Dataset(np.zeros((2, 3, 4), np.uint8), np.array([0, 3]), "made up")
    with pytest.raises(DatasetError, match="the labels of made up reach 3, and the network has classes 0 to 2: choose"):
        evaluate(model(), images)
