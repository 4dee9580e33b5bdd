"""Pictures in plain text."""

import numpy as np
import pytest

from snnhw.drawing import draw_image, draw_spikes


def test_an_image_has_a_character_for_two_pixels():
    image = np.array([[0, 255, 0], [0, 255, 255], [255, 0, 0]], np.uint8)
    assert list(draw_image(image)) == [" @=", "=  "]


def test_what_is_no_image():
    with pytest.raises(ValueError, match=r"height and width can be drawn, not one of shape \[784\]"):
        list(draw_image(np.zeros(784, np.uint8)))


def test_spikes_that_fit():
    assert list(draw_spikes(np.array([[0, 1, 0], [3, 0, 0]]), columns=10)) == [" @ ", "@  "]


def test_more_neurons_than_characters():
    spikes = np.zeros((2, 10), int)
    spikes[0, 0] = spikes[1, :8] = 1
    assert list(draw_spikes(spikes, columns=3)) == ["-  ", "@@ "]
