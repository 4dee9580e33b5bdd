"""Datasets through torchvision: its own reading of IDX files, and one line where it cannot."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from snnhw.data import load
from snnhw.data.catalogue import TORCHVISION
from snnhw.errors import DatasetError, DownloadError, ToolMissingError
from snnhw.train.vision import NAMES, PREFIX, _torchvision


@pytest.fixture
def kmnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Three images of another MNIST, where torchvision looks for them."""
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    labels = np.array([3, 1, 4], np.uint8)
    raw = tmp_path / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        (raw / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, 3, 28, 28) + images.tobytes())
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 3) + labels.tobytes())
    return images, labels


@pytest.mark.parametrize("split", ["test", "train"])
def test_a_set_is_read_as_it_is(kmnist, split: str):
    images, labels = kmnist
    dataset = load("torchvision:KMNIST", split)
    assert (dataset.images == images).all()
    assert (dataset.labels == labels).all()
    assert dataset.split == split


def test_the_limit_holds(kmnist):
    assert len(load("torchvision:KMNIST", limit=2)) == 2


def test_the_names_are_those_that_commands_list():
    assert tuple(f"{PREFIX}{name}" for name in NAMES) == TORCHVISION


def test_an_unknown_set_is_refused_with_the_list():
    with pytest.raises(DatasetError, match="one of MNIST, FashionMNIST, KMNIST"):
        load("torchvision:CIFAR10")


def test_a_failed_download_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kmnist = _torchvision().datasets.KMNIST  # a bare import of torchvision may fail: see there

    def fails(self):
        raise RuntimeError("Error downloading t10k-labels-idx1-ubyte.gz")

    monkeypatch.setenv("SNNHW_DATA", str(tmp_path))
    monkeypatch.setattr(kmnist, "download", fails)
    with pytest.raises(DownloadError, match=r"could not be fetched .*KMNIST/raw$"):
        load("torchvision:KMNIST")


@pytest.mark.parametrize("file", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("start", [b"", b"\0\0\x08\x09", b"\0\0\x0a\x03", b"\0\0\x0d\x03" + b"\x7f" * 12, bytes(50)])
def test_damaged_files_are_named(kmnist, tmp_path: Path, file: str, start: bytes):
    path = tmp_path / "KMNIST" / "raw" / file
    path.write_bytes(start)
    with pytest.raises(
        DatasetError, match=r"^the files of torchvision:KMNIST in .*KMNIST/raw are damaged: remove them"
    ):
        load("torchvision:KMNIST")


def test_without_pytorch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "snnhw.train.vision", None)
    with pytest.raises(ToolMissingError, match=r"pip install 'snnhw\[train\]'"):
        load("torchvision:KMNIST")
