"""Recordings of cameras: what is read, how it is cut into bins, and what is refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.errors import DatasetError
from snnhw.eventfile import Recording, read_recording
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import AddressEvents, CountReadout, Dense, Encoder, Events, Layer, Network, Neuron


def network(encoder: Encoder, shape: tuple[int, ...] = (2, 2, 3), num_steps: int = 2) -> Network:
    layer = Layer(name="layer", synapse=Dense(units=2, weight_bits=2), neuron=Neuron(threshold=3))
    return Network(input_shape=shape, encoder=encoder, stages=(layer,), readout=CountReadout(), num_steps=num_steps)


def recording(*events: tuple[int, int, int, int]) -> Recording:
    """Of x, y, polarity and time each."""
    return Recording(*np.array(events, np.int64).T)


SOME = recording((2, 1, 1, 107), (0, 0, 0, 100), (2, 1, 1, 109), (0, 0, 0, 104), (3, 0, 0, 101), (0, 0, 1, 100))


def test_events_are_counted_by_hand():
    (found,) = SOME.cut(network(AddressEvents(bits=2)))
    assert found.sample.tolist() == [
        [[[2, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]]],
        [[[0] * 3] * 2, [[0] * 3, [0, 0, 2]]],
    ]
    assert (found.doubles, found.outside) == (0, 1)
    (found,) = SOME.cut(network(AddressEvents()))
    assert (found.sample.max(), found.sample.sum(), found.doubles, found.outside) == (1, 3, 2, 1)


def test_bins_of_a_time_make_several_samples():
    first, second = SOME.cut(network(AddressEvents()), 3)
    assert [first.sample.sum(axis=(1, 2, 3)).tolist(), second.sample.sum(axis=(1, 2, 3)).tolist()] == [[2, 1], [1, 1]]
    assert (first.outside, second.outside) == (1, 0)


def written(folder: Path, **arrays: Any) -> Path:
    events: dict[str, Any] = {"x": [1, 2], "y": [0, 1], "p": [-1, 1], "t": [5, 9]}
    np.savez(folder / "events.npz", **(events | arrays))
    return folder / "events.npz"


def test_a_file_is_read_whatever_the_polarities_are_called(tmp_path: Path):
    found = read_recording(written(tmp_path))
    assert [part.tolist() for part in (found.x, found.y, found.polarity, found.time)] == [
        [1, 2],
        [0, 1],
        [0, 1],
        [5, 9],
    ]
    assert read_recording(written(tmp_path, p=[True, False])).polarity.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"t": [0.5, 1.5]}, "array t of .* must be integers"),
        ({"x": [[1, 2]]}, "array x of .* must be integers"),
        ({"y": [1]}, "as many x, y, p and t"),
        ({"x": [], "y": [], "p": [], "t": []}, "must be integers|one at least"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, arrays: dict[str, Any], message: str):
    with pytest.raises(DatasetError, match=message):
        read_recording(written(tmp_path, **arrays))


def test_a_file_without_times_or_that_is_none_is_refused(tmp_path: Path):
    np.savez(tmp_path / "images.npz", images=np.zeros(3))
    with pytest.raises(DatasetError, match="has no array x: save events with np"):
        read_recording(tmp_path / "images.npz")
    with pytest.raises(DatasetError, match="cannot read"):
        read_recording(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("encoder", "duration", "message"),
    [
        (Events(), None, "needs the encoder 'address_events', the network has 'events'"),
        (AddressEvents(), 0, "a bin must take 1 at least, not 0"),
        (AddressEvents(), 1, "10001 samples, and 10000 is the most"),
    ],
)
def test_what_cannot_be_cut_is_refused(encoder: Encoder, duration: int | None, message: str):
    with pytest.raises(DatasetError, match=message):
        recording((0, 0, 0, 0), (0, 0, 0, 20_000)).cut(network(encoder), duration)


def test_simulate_takes_a_recording_and_says_what_was_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    chosen = network(AddressEvents())
    save(
        Model(chosen, {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(chosen).items()}),
        "m.safetensors",
    )
    written(tmp_path, x=[1, 1, 1, 3], y=[0, 0, 0, 0], p=[0, 0, 1, 0], t=[0, 1, 2, 9])
    assert run(["simulate", "m.safetensors", "--events", "events.npz", "--engine", "amaranth"]) == 0
    assert "4 events in 1 sample: 2 sent, 1 double and 1 outside dropped" in capsys.readouterr().err
    assert run(["simulate", "m.safetensors", "--bin", "3"]) == 2
    assert "--bin goes with --events" in capsys.readouterr().err
