"""Images and labels that are no integers yet: what is converted and said, and what is refused with a remedy."""

from typing import Any

import numpy as np
import pytest

from snnhw.data import Dataset
from snnhw.errors import DatasetError

BYTES = np.arange(256, dtype=np.uint8).reshape(2, 8, 16)
FLAGS: Any = BYTES > 100


def dataset(images: Any = BYTES, labels: Any = None) -> Dataset:
    return Dataset(images, labels, "mine.npz")


@pytest.mark.parametrize("kind", [bool, np.float16, np.float32, np.float64])
def test_black_and_white_is_0_and_255(kind: type):
    made = dataset(FLAGS.astype(kind))
    assert np.array_equal(made.images, 255 * FLAGS.astype(np.uint8))
    assert made.form == "binary"
    (note,) = made.notes
    came = "booleans: true" if kind is bool else r"floats in 0..1: 1"
    assert note == (
        f"the images of mine.npz are {came} is a pixel of 255, or an event of 1; save integers to have others"
    )


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_bytes_divided_by_255_come_back(kind: type):
    made = dataset(BYTES.astype(kind) / kind(255))
    assert np.array_equal(made.images, BYTES)
    assert made.form == "fractions"
    assert made.notes == (
        "the images of mine.npz are floats in 0..1: 1 is a pixel of 255; save integers to have others",
    )


def test_fractions_are_rounded_and_not_cut():
    assert dataset(np.array([[0.0, 0.499 / 255, 0.501 / 255, 254.6 / 255]])).images.tolist() == [[0, 0, 1, 255]]


def test_whole_floats_are_taken_as_they_are():
    made = dataset(BYTES.astype(np.float32))
    assert np.array_equal(made.images, BYTES)
    assert made.form == "integers"
    assert "floats that are whole: they are taken as integers of 0..255; scale them" in made.notes[0]


def test_integers_are_taken_without_a_word():
    for kind in (np.uint8, np.int16, np.uint64):
        assert dataset(BYTES.astype(kind), [3, 0]).notes == ()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (FLAGS * 2.0 - 1, "floats from -1 to 1, and must be integers 0..255, or floats in 0..1: undo their normalisa"),
        ((BYTES / 255 - 0.1307) / 0.3081, "floats from -0.4242 to 2.821, and must .*undo their normalisation"),
        (BYTES * 2.0, "floats from 0 to 510, and must .*undo their normalisation"),
        (BYTES / 2, "floats up to 127.5 that are not whole, and must .*: round them, or divide them by 255, first"),
        (np.where(FLAGS, np.nan, 0.5), "must be finite, and some values are infinite or not numbers: replace them"),
        (np.where(FLAGS, np.inf, 0.5), "must be finite"),
        (BYTES * 1j, "must be integers, not complex128: convert them first"),
        (BYTES.astype(np.int16) - 128, "must not be negative, and -128 is among them"),
        (BYTES.astype(np.uint16) * 257, "must be at most 255, and 65535 is among them"),
    ],
    ids=["signed", "normalised", "too bright", "not whole", "nan", "inf", "complex", "int8", "16 bits"],
)
def test_images_of_no_certain_meaning_are_refused(images: np.ndarray, message: str):
    with pytest.raises(DatasetError, match=f"^the images of mine.npz (are )?{message}"):
        dataset(images)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (np.array([3.0, 0.0], np.float32), "floats that are whole: they are taken as integers; save integers"),
        (np.array(["3", " 00"]), "text: its decimal numbers are taken; save integers"),
        (np.array([b"3", b"0"]), "text: its decimal numbers are taken; save integers"),
        (np.array([[0, 0, 0, 1], [1, 0, 0, 0]]), "one-hot: the column of the 1 is taken, from 0; save integers"),
        (np.array([[0.0, 0, 0, 1], [1, 0, 0, 0]]), "one-hot: the column of the 1 is taken, from 0; save integers"),
        (np.array([[0, 0, 0, 1], [1, 0, 0, 0]]) > 0, "one-hot: the column of the 1 is taken, from 0; save integers"),
        (np.array([[3], [0]]), None),
        (np.array([3, 0], np.uint8), None),
    ],
    ids=["floats", "text", "bytes", "one-hot", "float one-hot", "boolean one-hot", "a column", "integers"],
)
def test_labels_of_certain_meaning_are_integers(labels: np.ndarray, note: str | None):
    made = dataset(labels=labels)
    assert (made.labels.tolist(), made.labels.dtype) == ([3, 0], np.int64)
    assert made.notes == (() if note is None else (f"the labels of mine.npz are {note} to have others",))


def test_labels_of_two_classes_may_be_booleans():
    made = dataset(labels=np.array([True, False]))
    assert (made.labels.tolist(), made.notes) == ([1, 0], ())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ["cat", "dog"],
            "must be integers, and 'cat' is among them: number the classes from 0, alike for training and",
        ),
        (["1", "-1"], "must be integers, and '-1' is among them"),
        (["1", "9" * 5000], "must be integers, and '9{36} ... 9{36}' is among them"),
        ([0.5, 1.0], "must be integers, and are floats that are not whole: save the number of each image's class"),
        ([np.nan, 1.0], "must be integers, and are floats that are not whole"),
        ([1e300, 1.0], "must be integers, and are floats that are not whole"),
        ([-1e300, 1.0], "must be integers, and are floats that are not whole"),
        ([-1.0, 1.0], "must not be negative, and -1 is among them"),
        ([[0, 2], [1, 0]], r"must be one for each image, not 2: where they are scores, take their argmax\(axis=1\)"),
        ([[1, 1], [1, 0]], r"must be one for each image, not 2: .* argmax\(axis=1\)"),
        ([[0, 0], [1, 0]], r"must be one for each image, not 2: .* argmax\(axis=1\)"),
        ([[0.2, 0.8], [1, 0]], "must be integers, and are floats that are not whole"),
        ([[1, 0]], r"must be of shape \(2,\), not \(1, 2\)"),
        ([1, 0, 1], r"must be of shape \(2,\), not \(3,\)"),
    ],
)
def test_labels_of_no_certain_meaning_are_refused(labels: Any, message: str):
    with pytest.raises(DatasetError, match=f"^the labels of mine.npz {message}"):
        dataset(labels=labels)


def test_what_was_assumed_stays_with_a_part():
    made = Dataset(FLAGS, np.array([1.0, 10.0]), "x", notes=("a note of the file",))
    first = made.first(1)
    assert first.notes == made.notes
    assert (len(first.notes), first.notes[0]) == (3, "a note of the file")
    assert (first.form, first.label_range) == ("binary", (1, 10))
    assert np.array_equal(first.images, made.images[:1])
