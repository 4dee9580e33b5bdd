"""What a dataset must be, and whether it fits a network."""

from typing import Any

import numpy as np
import pytest

from snnhw.data import Dataset, check_images, check_labels, remarks
from snnhw.errors import DatasetError
from snnhw.network import Dense, Direct, Encoder, Events, Layer, MembraneReadout, Network, Neuron

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def test_arrays_are_kept_as_documented():
    dataset = Dataset(IMAGES.astype(np.int32), np.array([1, 2], np.uint8), "x")
    assert (dataset.images.dtype, dataset.labels.dtype, len(dataset)) == (np.uint8, np.int64, 2)
    assert np.array_equal(dataset.images, IMAGES)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 1
    assert IMAGES.flags.writeable, "the caller's array stays as it was"


@pytest.mark.parametrize(
    ("images", "message"),
    [
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
        (np.array([0, -1]), "must not be negative"),
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


def network(shape: tuple[int, ...], encoder: Encoder | None = None, steps: int = 3) -> Network:
    layer = Layer(name="only", synapse=Dense(units=2, weight_bits=4), neuron=Neuron.integrator())
    return Network(
        input_shape=shape, encoder=encoder or Direct(), stages=(layer,), readout=MembraneReadout(), num_steps=steps
    )


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (3, 4, 1), (12,), (1, 12)])
def test_a_network_takes_images_of_its_shape_or_flat(shape: tuple[int, ...]):
    images = check_images(Dataset(IMAGES, None, "x"), network(shape))
    assert images.shape == (2, *shape)
    assert images.ravel().tolist() == IMAGES.ravel().tolist()


def test_a_network_takes_flat_images_in_raster_order():
    assert check_images(Dataset(IMAGES.reshape(2, 12), None, "x"), network((3, 4))).shape == (2, 3, 4)


@pytest.mark.parametrize("shape", [(28, 28), (4, 3), (13,), (2, 6), (3, 2, 2)])
def test_images_of_another_size_are_refused(shape: tuple[int, ...]):
    with pytest.raises(DatasetError, match=r"^the network takes images of .*, and those of x are of 3 x 4: bring them"):
        check_images(Dataset(IMAGES, None, "x"), network(shape))


@pytest.mark.parametrize("shape", [(5, 6, 3), (4, 5, 6), (5, 1, 6, 3)])
def test_images_in_colour_are_to_be_made_grey(shape: tuple[int, ...]):
    coloured = Dataset(np.zeros((2, *shape), np.uint8), None, "x")
    with pytest.raises(DatasetError, match=r"takes images of 5 x 6, and those of x are of .*: make them grey, of one"):
        check_images(coloured, network((5, 6)))


EVENTS: Any = (IMAGES > 7).reshape(2, 3, 2, 2)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_events_are_1_whatever_they_came_as(kind: type, bits: int):
    values = check_images(Dataset(EVENTS.astype(kind), None, "x"), network((2, 2), Events(bits=bits)))
    assert values.dtype == np.uint8
    assert values.tolist() == EVENTS.astype(int).tolist()


def test_pixels_are_255_where_they_came_as_true():
    values = check_images(Dataset(EVENTS, None, "x"), network((3, 2, 2)))
    assert values.tolist() == (255 * EVENTS.astype(int)).tolist()


@pytest.mark.parametrize(
    ("events", "bits", "message"),
    [
        (EVENTS * 2, 1, "integers of 0 to 1, and those of x reach 2: save such integers"),
        (EVENTS * 255, 2, "integers of 0 to 3, and those of x reach 255: save such integers"),
        (EVENTS * 0.5, 8, "integers of 0 to 255, and those of x are floats between 0 and 1: save such integers"),
    ],
)
def test_events_that_the_network_has_no_bits_for_are_refused(events: np.ndarray, bits: int, message: str):
    with pytest.raises(DatasetError, match=f"^the network takes events, {message}"):
        check_images(Dataset(events, None, "x"), network((2, 2), Events(bits=bits)))


def labelled(*labels: int) -> Dataset:
    return Dataset(np.zeros((len(labels), 2), np.uint8), np.array(labels), "x")


def test_labels_that_are_classes_are_given_as_they_are():
    assert check_labels(labelled(1, 2), 3).tolist() == [1, 2]
    assert check_labels(Dataset(IMAGES, None, "x"), 3) is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((1, 2, 3), "go from 1 to 3, and the network has classes 0 to 2: subtract 1 from each"),
        ((0, 3), "reach 3, and the network has classes 0 to 2: choose another dataset, or a model of more classes"),
        ((1, 4), "reach 4, and the network has classes 0 to 2: choose another dataset, or a model of more classes"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: tuple[int, ...], message: str):
    with pytest.raises(DatasetError, match=f"^the labels of x {message}"):
        check_labels(labelled(*labels), 3)


def test_the_first_images_tell_too_that_the_whole_set_counts_from_1():
    with pytest.raises(DatasetError, match="go from 1 to 3"):
        check_labels(labelled(1, 2, 3).first(2), 3)


@pytest.mark.parametrize(("high", "doubted"), [(0, False), (1, True), (16, True), (63, True), (64, False)])
def test_images_without_a_bright_pixel_are_remarked_upon(high: int, doubted: bool):
    dim = Dataset(np.array([[0, high]]), None, "x", notes=("assumed",))
    said = (f"no pixel of x is above {high}, and 255 is white: scale them to 0..255 where {high} is meant so",)
    for target in (network((2,)), None):
        assert remarks(dim, target) == ("assumed", *(said if doubted else ()))


def test_events_are_no_dark_pixels():
    assert remarks(Dataset(EVENTS.astype(int), None, "x"), network((2, 2), Events())) == ()
