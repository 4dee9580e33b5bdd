"""What a dataset must be, and whether it fits a network."""

from typing import Any

import numpy as np
import pytest

from snnhw.data import Dataset, check_images
from snnhw.errors import DatasetError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_arrays_are_kept_as_documented():
    dataset = Dataset(IMAGES.astype(np.int32), np.array([1, 2], np.uint8), "x")
    assert (dataset.images.dtype, dataset.labels.dtype, len(dataset)) == (np.uint8, np.int64, 2)
    assert np.array_equal(dataset.images, IMAGES)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 1
    assert IMAGES.flags.writeable, "the caller's array stays as it was"


def test_booleans_are_zero_and_one():
    flags: Any = IMAGES > 7
    assert Dataset(flags, None, "x").images.tolist() == flags.astype(int).tolist()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES.astype(float), "must be integers, not float64"),
        (IMAGES.astype(np.int16) - 1, "must not be negative, and -1 is"),
        (IMAGES.astype(np.uint16) + 250, "must be at most 255, and 273 is"),
        (IMAGES[:0], "not empty"),
        (IMAGES.ravel(), "must be an array"),
        (np.array([["a"]]), "must be integers"),
    ],
)
def test_images_of_another_kind_are_refused(images: np.ndarray, message: str):
    with pytest.raises(DatasetError, match=f"^the images of x .*{message}"):
        Dataset(images, None, "x")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, int), r"must be of shape \(2,\), not \(3,\)"),
        (np.zeros((2, 10), int), r"must be of shape \(2,\), not \(2, 10\)"),
        (np.array([0, -1]), "must not be negative"),
        (np.array([0.0, 1.0]), "must be integers, not float64"),
        (np.array([0, 2**63], np.uint64), "must be at most"),
    ],
)
def test_labels_of_another_kind_are_refused(labels: np.ndarray, message: str):
    with pytest.raises(DatasetError, match=f"^the labels of x {message}"):
        Dataset(IMAGES, labels, "x")


def test_the_digest_is_of_the_data_alone():
    dataset = Dataset(IMAGES, np.array([1, 2]), "x")
    assert dataset.digest == Dataset(IMAGES.astype(np.int64), np.array([1, 2], np.uint8), "y", "test").digest
    others = [
        Dataset(IMAGES, None, "x"),
        Dataset(IMAGES, np.array([2, 1]), "x"),
        Dataset(IMAGES.reshape(2, 12), np.array([1, 2]), "x"),
        Dataset(IMAGES + np.uint8(1), np.array([1, 2]), "x"),
    ]
    assert len({dataset.digest, *(other.digest for other in others)}) == 5


def test_the_first_images_keep_what_belongs_to_them():
    dataset = Dataset(IMAGES, np.array([4, 5]), "x", "test", np.array([10, 20]))
    first = dataset.first(1)
    assert (first.images.tolist(), first.labels.tolist(), first.indices.tolist()) == ([IMAGES[0].tolist()], [4], [10])
    assert (first.name, first.split) == ("x", "test")
    assert dataset.first(None) is dataset.first(3) is dataset
    with pytest.raises(ValueError, match="at least 1"):
        dataset.first(0)


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (3, 4, 1), (12,), (1, 12)])
def test_a_network_takes_images_of_its_shape_or_flat(shape: tuple[int, ...]):
    images = check_images(Dataset(IMAGES, None, "x"), shape)
    assert images.shape == (2, *shape)
    assert images.ravel().tolist() == IMAGES.ravel().tolist()


def test_a_network_takes_flat_images_in_raster_order():
    assert check_images(Dataset(IMAGES.reshape(2, 12), None, "x"), (3, 4)).shape == (2, 3, 4)


@pytest.mark.parametrize("shape", [(28, 28), (4, 3), (13,), (2, 6), (3, 2, 2)])
def test_images_of_another_size_are_refused(shape: tuple[int, ...]):
    with pytest.raises(DatasetError, match=r"^the network takes images of .*, and those of x are of 3 x 4: "):
        check_images(Dataset(IMAGES, None, "x"), shape)
