"""The simulated sensor: its equations, that a sample depends on itself alone, and the file that is kept."""

import dataclasses
import hashlib
import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.data import catalogue, load, load_events, saccades, simulated
from snnhw.errors import DatasetError
from snnhw.files import write_atomically
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.network import CountReadout, Dense, Direct, Events, Layer, Network, Neuron
from tests.snnhw.data.published import encode_idx, source_file

RANDOM = np.random.default_rng(7)
IMAGES = RANDOM.integers(0, 256, (6, 28, 28), np.uint8)
IMAGES[0] = 0
IMAGES[1, :, :14] = 0


def reference(image, stream: int, index: int):
    """One sample, pixel by pixel, in floating point, of the equations in the module's docstring."""
    path = saccades._positions(stream, np.array([index]))[0] / 64
    theta = saccades._thresholds() / 4096
    field = np.zeros((60, 60))
    field[16:44, 16:44] = image / 255
    counts = np.zeros((saccades.BINS, 2, 34, 34), int)
    for row in range(34):
        for column in range(34):
            seen = []
            for x, y in path:
                across, down = column + 13 + x, row + 13 + y
                left, top = math.floor(across), math.floor(down)
                right, bottom = across - left, down - top
                upper = field[top, left] * (1 - right) + field[top, left + 1] * right
                lower = field[top + 1, left] * (1 - right) + field[top + 1, left + 1] * right
                seen.append(math.log(upper * (1 - bottom) + lower * bottom + 0.1))
            level, limit = seen[0], theta[row * 34 + column]
            for update, now in enumerate(seen):
                n = math.trunc((now - level) / limit)
                level += n * limit
                counts[update // 2, int(n > 0), row, column] += abs(n)
    return counts


def test_events_are_those_of_the_equations():
    made = saccades.saccades(IMAGES[1:2], 1, 5)[0].astype(int)
    wanted = reference(IMAGES[1], 1, 5)
    assert wanted.sum() > 5000
    # Levels are rounded to 4096ths and brightness to 10 bits, so a few events come an update earlier or later.
    assert np.abs(made.sum(axis=0) - wanted.sum(axis=0)).sum() < 0.02 * wanted.sum()
    assert np.abs(made - wanted).sum() < 0.03 * wanted.sum()


def test_thresholds_and_path_are_as_stated():
    thresholds = saccades._thresholds() / 4096
    assert thresholds.mean() == pytest.approx(0.3, rel=0.002)
    assert thresholds.std() == pytest.approx(0.009, rel=0.05)
    positions = saccades._positions(0, np.arange(500)) / 64
    corners = positions[:, [0, 16, 32]]
    assert np.abs(corners - saccades.PATH).max() == 0.25
    assert np.allclose(corners.mean(axis=0), saccades.PATH, atol=0.03)
    assert np.abs(positions).max() <= 2.25
    quarter = corners[:, 0] + (corners[:, 1] - corners[:, 0]) * 0.15625  # u^2 (3 - 2u) of u = 1/4
    assert np.abs(positions[:, 4] - quarter).max() <= 0.5 / 64


def test_a_sample_depends_on_its_image_split_and_index_alone():
    whole = saccades.saccades(IMAGES, 1, 0)
    apart = [saccades.saccades(IMAGES[index : index + 1], 1, index) for index in range(len(IMAGES))]
    assert np.array_equal(whole, np.concatenate(apart))
    assert not whole[0].any()
    assert not np.array_equal(whole, saccades.saccades(IMAGES, 0, 0))
    assert not np.array_equal(whole[1], saccades.saccades(IMAGES[1:2], 1, 0)[0])


def test_the_events_are_known_by_their_digest():
    digest = hashlib.sha256(saccades.saccades(IMAGES, 1, 0).tobytes()).hexdigest()
    assert digest == "dd197900434c49d5c7576cdbf57ef051dfbd4b9c2e6df6482fe9768c5f733e76"


def test_the_set_of_mnist_has_the_events_that_are_documented():
    made = simulated.simulate_events(load("sample", limit=200))
    assert len(made["t"]) / 200 == pytest.approx(4478, rel=0.05)


def network(num_steps: int, bits: int) -> Network:
    layer = Layer(name="output", synapse=Dense(units=10, weight_bits=4), neuron=Neuron(threshold=8))
    return Network(
        input_shape=(2, 34, 34), num_steps=num_steps, encoder=Events(bits=bits), stages=(layer,), readout=CountReadout()
    )


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A catalogue in which mnist has these few images."""
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path))
    monkeypatch.setattr(simulated, "_TOGETHER", 4)
    labels = np.arange(len(IMAGES)).astype(np.uint8)
    contents = {"images": encode_idx(IMAGES), "labels": encode_idx(labels)}
    files = (source_file("images", contents), source_file("labels", contents))
    source = dataclasses.replace(catalogue.MNIST, files={"train": files, "test": files})
    monkeypatch.setitem(catalogue.CATALOGUE, "mnist", source)
    for name, content in contents.items():
        write_atomically(tmp_path / "mnist" / name, content)
    return tmp_path / "saccades-mnist"


def test_it_is_made_once_and_says_so(mnist: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, "snnhw"):
        first = load_events("saccades-mnist", "train")
    assert caplog.messages == ["saccades-mnist is made, once: 0 of 6 samples for train"]
    assert [path.name for path in mnist.iterdir()] == ["train.npz"]
    caplog.clear()
    again = load_events("saccades-mnist", "train")
    assert caplog.messages == []
    wanted = saccades.saccades(IMAGES, 1, 0)
    for dataset in (first, again):
        assert dataset.labels.tolist() == [0, 1, 2, 3, 4, 5]
        assert "simulated" in dataset.notes[0]
        assert np.array_equal(dataset.framed(24, 8).images, wanted)
    assert not simulated.is_made("test")


def test_frames_are_those_of_the_network(mnist: Path):
    wanted = saccades.saccades(IMAGES, 0, 0).reshape(6, 4, 6, 2, 34, 34).sum(axis=2, dtype=int)
    counted = load("saccades-mnist", "test", network=network(4, 3))
    assert np.array_equal(counted.images, np.minimum(wanted, 7))
    assert wanted.max() > 7
    binary = load("saccades-mnist", "test", limit=2, network=network(4, 1))
    assert np.array_equal(binary.images, np.minimum(wanted, 1)[:2])


@pytest.mark.parametrize("change", ["sensor", "images", "file"])
def test_a_stale_file_is_made_anew(mnist: Path, monkeypatch: pytest.MonkeyPatch, change: str):
    before = load_events("saccades-mnist", "train")
    if change == "sensor":
        monkeypatch.setattr(saccades, "THRESHOLD", 0.6)
    elif change == "images":
        contents = {"images": encode_idx(IMAGES[::-1]), "labels": encode_idx(np.arange(6).astype(np.uint8))}
        files = (source_file("images", contents), source_file("labels", contents))
        monkeypatch.setitem(catalogue.CATALOGUE, "mnist", dataclasses.replace(catalogue.MNIST, files={"train": files}))
        write_atomically(mnist.parent / "mnist" / "images", contents["images"])
    else:
        write_atomically(mnist / "train.npz", b"PK")
    assert not simulated.is_made("train")
    after = load_events("saccades-mnist", "train")
    assert simulated.is_made("train")
    same = np.array_equal(before.framed(24, 8).images, after.framed(24, 8).images)
    assert same == (change == "file")


def test_a_kept_file_that_is_altered_is_refused(mnist: Path):
    load_events("saccades-mnist", "train")
    path = mnist / "train.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=r"train\.npz is damaged: remove it, and it is made anew"):
        load_events("saccades-mnist", "train")


def test_what_takes_pixels_does_not_take_it(mnist: Path):
    pixels = network(4, 1).model_copy(update={"encoder": Direct()})
    with pytest.raises(DatasetError, match="holds events, and the network takes pixels: give it the encoder 'events'"):
        load("saccades-mnist", network=pixels)
    with pytest.raises(DatasetError, match="saccades-mnist holds events, not pixels: give a network"):
        load("saccades-mnist")
    with pytest.raises(DatasetError, match=r"the 24 bins of .* into 5 equal steps: .* divides them .1, 2, 3, 4, 6, 8"):
        load("saccades-mnist", network=network(5, 1))


def test_without_mnist_it_says_how_to_get_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path))
    with pytest.raises(DatasetError, match="mnist is not on this machine: run `snnhw data fetch mnist`"):
        load_events("saccades-mnist")


def test_commands_make_show_and_evaluate_it(mnist: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["data", "fetch", "saccades-mnist", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "saccades-mnist", "folder": str(mnist)}
    assert sorted(path.name for path in mnist.iterdir()) == ["test.npz", "train.npz"]
    assert run(["data", "show", "saccades-mnist"]) == 0
    shown = capsys.readouterr()
    assert "saccades-mnist: 6 samples of events of 2 x 34 x 34" in shown.out
    assert "saccades-mnist is simulated" in shown.err
    chosen = network(4, 4)
    tensors = {name: np.ones(shape, np.int64) for name, shape in tensor_shapes(chosen).items()}
    model = save(Model(chosen, tensors), mnist.parent / "net.safetensors")
    assert run(["evaluate", str(model), "--dataset", "saccades-mnist", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out.splitlines()[-1])["images"] == 6
    assert "saccades-mnist is simulated" in shown.err
    assert run(["evaluate", "mnist-mlp", "--dataset", "saccades-mnist"]) == 2
    assert "holds events, and the network takes pixels" in capsys.readouterr().err
