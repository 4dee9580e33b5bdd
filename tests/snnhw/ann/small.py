"""A small network in floating point, and images to train it on."""

from pathlib import Path

import numpy as np

from snnhw.ann.model import AnnModel
from snnhw.ann.network import parse_ann
from snnhw.ann.presets import AnnPreset
from snnhw.data import load

PRESET = AnnPreset(
    name="small",
    summary="784-4c5-P4-10",
    ann=parse_ann(
        {
            "input_shape": (28, 28),
            "parts": [
                {"kind": "conv2d", "channels": 4, "kernel": 5},
                {"kind": "batch_norm"},
                {"kind": "relu"},
                {"kind": "max_pool2d", "size": 4},
                {"kind": "flatten"},
                {"kind": "linear", "units": 10},
            ],
        }
    ),
    dataset="digits",
    training={"epochs": 2, "batch_size": 32, "validation": 50},
    conversion={},
    spiking="small-spiking",
)


def small_network() -> AnnModel:
    """The network of the preset, without torch: weights that count."""
    shapes = PRESET.ann.tensor_shapes
    return AnnModel(
        PRESET.ann, {name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for name, shape in shapes.items()}
    )


def write_digits(folder: Path) -> None:
    """A dataset `digits`: 300 images to train on and 100 to test with."""
    sample = load("sample")
    assert sample.labels is not None
    (folder / "digits").mkdir()
    np.savez(folder / "digits" / "train.npz", images=sample.images[:300], labels=sample.labels[:300])
    np.savez(folder / "digits" / "test.npz", images=sample.images[300:400], labels=sample.labels[300:400])
