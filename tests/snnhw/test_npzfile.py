"""Archives of arrays that cannot be read: one line, of the kind that the caller wants."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from snnhw.errors import DatasetError, ModelFileError
from snnhw.npzfile import open_npz


def test_arrays_by_name(tmp_path: Path):
    np.savez(tmp_path / "x.npz", a=[1, 2], b=3)
    with open_npz(tmp_path / "x.npz", ModelFileError) as arrays:
        assert {name: arrays[name].tolist() for name in arrays} == {"a": [1, 2], "b": 3}


@pytest.mark.parametrize("failure", [DatasetError, ModelFileError])
def test_what_is_missing_is_the_callers_failure(tmp_path: Path, failure):
    with (
        pytest.raises(failure, match=r"cannot read .*x\.npz: .*; save it again"),
        open_npz(tmp_path / "x.npz", failure),
    ):
        pass


def test_an_archive_behind_a_password(tmp_path: Path):
    path = tmp_path / "x.npz"
    np.savez(path, a=[1])
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    locked = bytearray(path.read_bytes())
    locked[6] |= 1
    locked[start + 8] |= 1
    path.write_bytes(locked)
    with pytest.raises(DatasetError, match=r"cannot read .*password"), open_npz(path, DatasetError) as arrays:
        arrays["a"]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    np.savez(tmp_path / "x.npz", a=[1])

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)  # permissions do not stop the superuser
    with (
        pytest.raises(DatasetError, match=r"cannot read .*x\.npz: permission denied; make it readable"),
        open_npz(tmp_path / "x.npz", DatasetError),
    ):
        pass
