"""Sets of events: samples, parts of them, and frames by hand."""

from functools import partial

import numpy as np
import pytest

from snnhw.data import load_events
from snnhw.data.events import EventDataset, Events, Packed, Recordings
from snnhw.errors import DatasetError
from snnhw.network import Conv2d, Dense, Layer, MembraneReadout, Network, Neuron
from snnhw.network import Events as Spikes


def packed() -> Packed:
    address = np.array([3, 3, 3, 0, 5, 1], np.uint16)
    t = np.array([0, 4, 5, 9, 0, 8], np.uint8)
    return Packed(address, t, np.array([0, 4, 4, 6]), 10)


def dataset(samples=None) -> EventDataset:
    return EventDataset(samples or packed(), np.array([2, 0, 1]), (2, 1, 3), "few", "test")


def test_frames_count_events_in_equal_spans():
    frames = dataset().framed(2, bits=2)
    assert frames.images.shape == (3, 2, 2, 1, 3)
    assert frames.images.reshape(3, 2, 6).tolist() == [
        [[0, 0, 0, 2, 0, 0], [1, 0, 0, 1, 0, 0]],
        [[0] * 6, [0] * 6],
        [[0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0]],
    ]
    assert (frames.name, frames.split, frames.labels.tolist()) == ("few", "test", [2, 0, 1])


def test_frames_are_clamped_to_the_bits():
    assert dataset().framed(1).images.max() == 1
    assert dataset().framed(1, bits=2).images.max() == 3
    many = Recordings((lambda: Events(np.zeros(300, np.int64), np.zeros(300, np.int64), 1),) * 3)
    assert dataset(many).framed(1, bits=8).images.reshape(3, 6)[0].tolist() == [255, 0, 0, 0, 0, 0]


def test_a_network_of_fewer_pixels_takes_squares_of_them():
    """5 x 7 pixels as 2 x 3: what is in the last row or column fills no square; the second channel stays apart."""
    places = [(0, 0, 0), (0, 1, 1), (0, 2, 5), (1, 3, 2), (0, 4, 0), (1, 0, 6)]
    address = np.array([(channel * 5 + y) * 7 + x for channel, y, x in places])
    events = EventDataset(
        Recordings((lambda: Events(address, np.zeros(6, np.int64), 1),)), np.array([0]), (2, 5, 7), "a"
    )
    synapse = Conv2d(channels=1, kernel=1, weight_bits=2)
    first = Layer(name="first", synapse=synapse, neuron=Neuron(threshold=1))
    last = Layer(name="last", synapse=Dense(units=2, weight_bits=2), neuron=Neuron.integrator())
    network = Network(
        input_shape=(2, 2, 3), encoder=Spikes(bits=2), stages=(first, last), readout=MembraneReadout(), num_steps=1
    )
    frames = events.framed_for(network).images
    assert frames.tolist() == [[[[[2, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 1, 0]]]]]


def test_what_comes_after_the_duration_counts_into_the_last_step():
    late = Recordings((lambda: Events(np.array([4]), np.array([99]), 10),) * 3)
    assert dataset(late).framed(2).images.reshape(3, 2, 6)[0].tolist() == [[0] * 6, [0, 0, 0, 0, 1, 0]]


@pytest.mark.parametrize(
    "samples", [packed(), Recordings(tuple(partial(Events, e.address, e.t, e.duration) for e in packed()))]
)
def test_a_part_has_the_range_of_labels_of_the_whole(samples):
    part = dataset(samples).first(2)
    assert (len(part), part.labels.tolist(), part.label_range) == (2, [2, 0], (0, 2))
    assert np.array_equal(part.framed(2).images, dataset(samples).framed(2).images[:2])
    assert part.first(1).framed(2).label_range == (0, 2)
    assert dataset(samples).first(None) is not part
    assert "2 samples of events of 2 x 1 x 3" in repr(part)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        part.first(0)


def test_samples_and_labels_must_be_as_many():
    with pytest.raises(DatasetError, match="few has 3 samples and 2 labels"):
        EventDataset(packed(), np.array([0, 1]), (2, 1, 3), "few")


def test_unknown_sets_of_events_are_told():
    with pytest.raises(DatasetError, match=r"no set of events 'mnist' .*; there are saccades-mnist, n-mnist"):
        load_events("mnist")
