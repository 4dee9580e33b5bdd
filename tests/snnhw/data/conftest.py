"""A dataset of a few images that is published, fetched and loaded as the real ones are."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from snnhw.data import catalogue
from snnhw.data.catalogue import Source
from tests.snnhw.data.published import Published, encode_idx, source_file


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Published:
    random = np.random.default_rng(1)
    images = {split: random.integers(0, 256, (count, 3, 4), np.uint8) for split, count in (("test", 5), ("train", 9))}
    labels = {split: random.integers(0, 10, len(images[split]), np.uint8) for split in images}
    contents = {}
    files = {}
    for split in images:
        for kind, array in (("images", images[split]), ("labels", labels[split])):
            contents[f"{split}-{kind}"] = encode_idx(array)
        files[split] = (source_file(f"{split}-images", contents), source_file(f"{split}-labels", contents))
    source = Source("tiny", files, (), PurePosixPath("Tiny/raw"), debian="dataset-tiny")
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny", source)
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path / "data"))
    return Published(source, images, labels, contents, tmp_path / "data" / "tiny")
