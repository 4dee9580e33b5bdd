"""The sample that ships inside the package."""

from importlib import resources

import numpy as np
import pytest

from snnhw.data import load
from snnhw.errors import DatasetError

DIGEST = "13c46b73b549be97ef92206c8829ba08987c373d28c087f30962541150b5bfb2"


def test_it_is_what_was_published():
    sample = load("sample")
    assert sample.digest == DIGEST
    assert sample.images.shape == (1000, 28, 28)
    assert sample.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9], "the test set begins so"


def test_every_class_comes_100_times():
    assert np.bincount(load("sample").labels).tolist() == [100] * 10


def test_indices_lead_back_to_the_test_set():
    indices = load("sample").indices
    assert indices[:10].tolist() == list(range(10)), "the first 100 of each class start with the first images"
    assert np.all(np.diff(indices) > 0)
    assert indices[-1] < 10_000


def test_a_part_of_it_is_its_beginning():
    assert load("sample", limit=10).indices.tolist() == list(range(10))


def test_it_is_not_for_training():
    with pytest.raises(DatasetError, match="not for training"):
        load("sample", "train")


def test_origin_and_licence_lie_beside_it():
    text = (resources.files("snnhw.data") / "sample.txt").read_text()
    assert "MNIST" in text
    assert "Attribution-ShareAlike 3.0" in text
