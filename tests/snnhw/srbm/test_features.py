"""Bits from images: each kind against a plain reading of its definition, and the front ends against torch."""

from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save as to_safetensors

from snnhw.data import Dataset, load
from snnhw.errors import DatasetError, ModelFileError
from snnhw.files import write_atomically
from snnhw.srbm.cnn import FRONT_ENDS, Convolution, FrontEnd, load_front_end, read_front_end, save_front_end
from snnhw.srbm.features import FEATURES, bits, digest
from snnhw.train.frontend import Options, train_front_end


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return load("sample").images[:50]


def test_threshold_is_above_and_not_at():
    image = np.array([[[0, 76], [77, 255]]], np.uint8)
    assert bits("threshold", image, 0.3).tolist() == [[0, 0, 1, 1]]  # 0.3 * 255 = 76.5
    assert bits("threshold", image, 77 / 255).tolist() == [[0, 0, 0, 1]]


def standardised(pixels: list[float]) -> list[bool]:
    mean = sum(pixels) / len(pixels)
    return [pixel - mean > 0 for pixel in pixels]


@pytest.mark.parametrize(("name", "chosen"), [("average", lambda block: sum(block) / 4), ("maximum", max)])
def test_pooling_as_loops_lay_it_out(images, name, chosen):
    for image, row in zip(images[:5], bits(name, images[:5]), strict=True):
        source, target = image.reshape(-1).tolist(), [0.0] * 784
        for i in range(14):
            for j in range(14):
                value = chosen([source[2 * (28 * i + j) + 28 * k + m] for k in range(2) for m in range(2)])
                for k in range(2):
                    for m in range(2):
                        target[28 * i + j + 14 * (28 * k + m)] = value
        assert row.astype(bool).tolist() == standardised(target)


def test_combination_has_means_above_and_extremes_below(images):
    for image, row in zip(images[:5].astype(int), bits("combination", images[:5]).reshape(5, 28, 28), strict=True):
        blocks = image.reshape(14, 2, 14, 2).transpose(0, 2, 1, 3).reshape(14, 14, 4)
        means, most, fewest = blocks.mean(2), blocks.max(2), blocks.min(2)
        assert np.array_equal(row[:14, :14], means > means.mean())
        assert np.array_equal(row[:14, 14:], row[:14, :14])
        assert np.array_equal(row[14:, :14], most > most.mean())
        assert np.array_equal(row[14:, 14:], fewest > fewest.mean())


def torch_bits(front_end: FrontEnd, images: np.ndarray) -> np.ndarray:
    values = torch.from_numpy(images[:, None].astype(np.float64))
    for index, layer in enumerate(front_end.convolutions):
        weight, bias = (torch.from_numpy(part.astype(np.float64)) for part in (layer.weight, layer.bias))
        values = torch.nn.functional.conv2d(values, weight, bias)
        last = index == len(front_end.convolutions) - 1
        values = (values > 0).double() if last else torch.clip(torch.floor(values / 2**layer.shift), 0, 255)
        if layer.pooled:
            values = torch.nn.functional.max_pool2d(values, 2)
    return values.flatten(1).numpy().astype(np.uint8)


@pytest.mark.parametrize(("name", "units"), [("cnn1", 12 * 12 * 5), ("cnn2", 8 * 8 * 12), ("cnn2-dense", 8 * 8 * 12)])
def test_a_front_ends_bits_are_those_of_torch(images, name, units):
    features = bits(name, images)
    assert features.shape == (50, units) and 0.05 < features.mean() < 0.3
    assert np.array_equal(features, torch_bits(load_front_end(name), images))


FROZEN = {
    "threshold": "7508fe7cbae69a40",
    "average": "a7cb8c3a67dadcba",
    "maximum": "f56f1a2c29a19ee0",
    "combination": "f8cd10366ba7985f",
    "cnn1": "d62ef5b0494496ff",
    "cnn2": "2b6a562c035a4309",
    "cnn2-dense": "43154c2f8d604b7b",
}


@pytest.mark.parametrize("name", FEATURES)
def test_the_bits_of_the_sample_are_frozen(images, name):
    assert digest(bits(name, images))[:16] == FROZEN[name]


def test_sums_are_exact_at_the_ends_of_the_ranges():
    layer = Convolution(np.full((1, 12, 3, 3), -128, np.int8), np.array([-(1 << 31)], np.int32), 0, False)
    sums = layer.sums(np.full((1, 12, 3, 3), 255, np.uint8))
    assert sums.reshape(-1).tolist() == [-128 * 255 * 108 - (1 << 31)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cnn1", "cnn2-dense"])
def test_a_front_end_is_trained_saved_and_read_again(tmp_path, images, name):
    lines: list[tuple[int, float, float]] = []
    options = Options(epochs=1, validation=200, seed=3)
    made = train_front_end(name, load("sample"), options, lambda *line: lines.append(line))
    read = read_front_end(save_front_end(made, tmp_path / "own.safetensors"))
    assert len(lines) == 1 and read.digest == made.digest != load_front_end(name).digest
    assert np.array_equal(read.bits(images), made.bits(images))
    assert read.provenance["options"]["seed"] == 3


def test_a_front_end_is_trained_on_ten_classes():
    sample = load("sample")
    shifted = Dataset(sample.images, sample.labels + 1, "own")
    with pytest.raises(
        DatasetError, match="the labels of own go from 1 to 10, and the network has classes 0 to 9: sub"
    ):
        train_front_end("cnn1", shifted, Options(epochs=1), lambda *line: None)


def test_what_cannot_be_is_said(tmp_path, images):
    with pytest.raises(DatasetError, match="no kind of features 'wavelets'"):
        bits("wavelets", images)
    with pytest.raises(DatasetError, match="28 x 28, not 27 x 28"):
        bits("cnn2", images[:, 1:])
    with pytest.raises(ModelFileError, match="no front end 'cnn3'"):
        load_front_end("cnn3")
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelFileError, match="is no front end"):
        read_front_end(tmp_path / "broken.safetensors")


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"layers": "[]", "provenance": "{}"},
        {"layers": "[" * 9999, "provenance": "{}", "digest": ""},
        {"layers": '[{"shift": Infinity, "pooled": true}]', "provenance": "{}", "digest": ""},
    ],
)
def test_a_front_end_whose_header_is_not_whole_is_refused(tmp_path, header):
    tensors: dict[str, Any] = {"0.weight": np.zeros((1, 1, 3, 3), np.int8), "0.bias": np.zeros(1, np.int32)}
    path = write_atomically(tmp_path / "front.safetensors", to_safetensors(tensors, header))
    with pytest.raises(ModelFileError, match="is no front end"):
        read_front_end(path)


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_the_validation_images_were_not_trained_on(name):
    provenance = load_front_end(name).provenance
    assert provenance["images"] == 55_000 and provenance["options"]["validation"] == 5_000
