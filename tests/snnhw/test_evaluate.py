"""What `evaluate` counts, against counting by hand."""

from pathlib import Path

import numpy as np
import pytest

from golden.network import run
from snnhw.data import Dataset
from snnhw.errors import DatasetError, OutputError
from snnhw.evaluate import evaluate
from snnhw.model import Model
from snnhw.network import Direct, Events
from snnhw.overtime import draw

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


def test_after_each_step_it_is_the_network_of_so_many_steps():
    network, images = model(), dataset()
    evaluation = evaluate(network, images)
    assert evaluation.over_time is not None and len(evaluation.over_time) == 5
    for steps, correct in enumerate(evaluation.over_time, start=1):
        shorter = Model(network.network.model_copy(update={"num_steps": steps}), network.tensors)
        assert evaluate(shorter, images).correct == correct
    assert len(set(evaluation.over_time)) > 1
    assert evaluation.record()["correct_over_time"] == list(evaluation.over_time)


def test_accuracy_over_time_is_drawn_beside_that_in_floating_point(tmp_path: Path):
    pytest.importorskip("matplotlib")
    evaluation = evaluate(model(), dataset())
    assert evaluation.float_accuracy == (2, 2)
    assert draw(evaluation, tmp_path / "over.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputError, match=r"must end with .png, not 'over.pdf'"):
        draw(evaluation, tmp_path / "over.pdf")
    with pytest.raises(DatasetError, match="made up has no labels, which an accuracy needs"):
        draw(evaluate(model(), dataset(labels=False)), tmp_path / "other.png")
    assert not (tmp_path / "other.png").exists()


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
