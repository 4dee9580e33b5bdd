"""Archives of arrays that cannot be read: one line, of the kind that the caller wants."""

import io
import struct
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


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_is_compressed_in_another_way(tmp_path: Path, method: int):
    """Its errors, where it is damaged as well, are others than those of what NumPy writes."""
    path = tmp_path / "x.npz"
    np.savez(path, a=[1])
    with zipfile.ZipFile(path) as archive:
        content = archive.read("a.npy")
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.npy", content)
    with (
        pytest.raises(DatasetError, match=r"'a' is compressed in a way that NumPy does not use; save it again"),
        open_npz(path, DatasetError) as arrays,
    ):
        arrays["a"]


def test_a_member_that_claims_more_than_the_archive_has(tmp_path: Path):
    """Two gigabytes, in the archive's directory and in the array's header."""
    path, size = tmp_path / "x.npz", 1 << 31
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (size,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", header.getvalue() + b"1234")
    whole = path.read_bytes()
    there = struct.pack("<2L", *[len(header.getvalue()) + 4] * 2)
    claimed = struct.pack("<2L", *[len(header.getvalue()) + size] * 2)
    assert whole.count(there) == 2
    path.write_bytes(whole.replace(there, claimed))
    with (
        pytest.raises(DatasetError, match=r"'a' is cut short: it should have 2147483776 bytes"),
        open_npz(path, DatasetError) as arrays,
    ):
        arrays["a"]


def test_what_a_library_quotes_is_cut(tmp_path: Path):
    path = tmp_path / "x.npz"
    np.savez(path, **{"a" * 300: np.array([1])})  # type: ignore[arg-type]
    whole = bytearray(path.read_bytes())
    whole[30:40] = b"\0" * 10
    path.write_bytes(whole)
    with pytest.raises(DatasetError, match="File name in directory") as raised, open_npz(path, DatasetError) as arrays:
        arrays["a" * 300]
    assert len(str(raised.value)) < 300 + len(str(path))


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
