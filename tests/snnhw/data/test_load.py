"""Published datasets: where they are looked for, and that only the right content counts."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from snnhw.data import folder_of, load
from snnhw.errors import DatasetError
from snnhw.files import write_atomically
from tests.snnhw.data.published import Published


def put(published: Published, folder: Path, compressed: bool = False) -> None:
    for name, content in published.contents.items():
        if compressed:
            write_atomically(folder / f"{name}.gz", gzip.compress(content))
        else:
            write_atomically(folder / name, content)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("split", ["test", "train"])
def test_images_and_labels_are_those_published(tiny: Published, split: str, compressed: bool):
    put(tiny, tiny.folder, compressed)
    dataset = load("tiny", split)
    assert np.array_equal(dataset.images, tiny.images[split])
    assert np.array_equal(dataset.labels, tiny.labels[split])
    assert (dataset.name, dataset.split, dataset.labels.dtype) == ("tiny", split, np.int64)
    assert len(load("tiny", split, limit=2)) == 2


@pytest.mark.parametrize("compressed", [False, True])
def test_the_layout_of_torchvision_is_read(tiny: Published, compressed: bool):
    put(tiny, tiny.folder.parent / "Tiny" / "raw", compressed)
    assert np.array_equal(load("tiny").images, tiny.images["test"])


def test_a_missing_dataset_says_how_to_get_it(tiny: Published):
    with pytest.raises(
        DatasetError, match=r"run `snnhw data fetch tiny`, or put test-images, test-labels, train-"
    ) as e:
        load("tiny")
    assert str(tiny.folder) in str(e.value)


def test_altered_content_is_refused(tiny: Published):
    put(tiny, tiny.folder)
    content = tiny.contents["test-images"]
    for altered in (content[:-1], content + b"\0", content[:-1] + bytes([content[-1] ^ 1]), b""):
        write_atomically(tiny.folder / "test-images", altered)
        with pytest.raises(DatasetError, match="it is damaged or altered; remove it and run `snnhw data fetch tiny`"):
            load("tiny")
    assert len(load("tiny", "train")) == 9


def test_damaged_or_exploding_compression_is_refused(tiny: Published):
    put(tiny, tiny.folder, compressed=True)
    whole = gzip.compress(tiny.contents["test-images"])
    for damaged in (whole[:-9], b"no gzip", gzip.compress(bytes(1 << 24)), whole[:12] + b"\xff\xff\xff" + whole[15:]):
        write_atomically(tiny.folder / "test-images.gz", damaged)
        with pytest.raises(DatasetError, match="it is damaged or altered"):
            load("tiny")


def test_an_unreadable_file_is_named(tiny: Published, monkeypatch: pytest.MonkeyPatch):
    put(tiny, tiny.folder)

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DatasetError, match=r"cannot read .*test-images: Permission denied"):
        load("tiny")


def test_the_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SNNHW_DATA", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert folder_of("mnist") == tmp_path / ".cache/snnhw/data/mnist"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert folder_of("mnist") == tmp_path / ".cache/snnhw/data/mnist", "only absolute ones count"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert folder_of("mnist") == tmp_path / "cache/snnhw/data/mnist"
    monkeypatch.setenv("SNNHW_DATA", "~/sets")
    assert folder_of("mnist") == tmp_path / "sets/mnist"
