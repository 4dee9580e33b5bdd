"""Samples as transfers, written out by hand."""

import numpy as np
import pytest

from snnhw.network import Events, IntegrateFire
from snnhw.simulate.samples import pack
from tests.snnhw.inputs import event_port, network, pixel_port


def test_pixels_fill_beats_from_lane_0_and_the_last_is_padded():
    samples = np.arange(1, 11, dtype=np.uint8).reshape(2, 1, 5)
    beats = pack(network(IntegrateFire(), (1, 5), 3), pixel_port(4), samples)
    assert beats.counts.tolist() == [2, 2]
    assert beats.words.tolist() == [[0x04030201, 0], [0x05, 1], [0x09080706, 0], [0x0A, 1]]


def test_one_pixel_a_beat():
    beats = pack(network(IntegrateFire(), (2,), 3), pixel_port(1), np.array([[7, 255]], np.uint8))
    assert beats.words.tolist() == [[7], [0x1FF]]


def test_events_are_what_is_not_zero_and_steps_end():
    samples = np.zeros((2, 2, 5), np.uint8)
    samples[0, 1, [1, 4]] = [9, 15]
    samples[1, 0, 0] = 1
    beats = pack(network(Events(bits=4), (5,), 2), event_port(), samples)
    event, end = (lambda address, value: [address | value << 3]), [1 << 7]
    assert beats.words.tolist() == [end, event(1, 9), event(4, 15), end, event(0, 1), end, end]
    assert beats.counts.tolist() == [4, 3]


@pytest.mark.parametrize("samples", [np.zeros((1, 5), np.uint8), np.zeros((1, 4), np.int64)])
def test_other_shapes_and_kinds_are_refused(samples: np.ndarray):
    with pytest.raises(ValueError, match=r"must be uint8 \[B, 4\], not"):
        pack(network(IntegrateFire(), (4,), 1), pixel_port(2), samples)


def test_events_of_a_value_that_does_not_fit_are_refused():
    samples = np.array([[[0, 15, 0, 16, 1]]], np.uint8)
    with pytest.raises(ValueError, match="at most 15, not 16"):
        pack(network(Events(bits=4), (5,), 1), event_port(), samples)
