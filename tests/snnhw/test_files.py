"""Files appear whole or not at all, and what cannot be written is one line."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from snnhw.errors import OutputError, SnnhwError
from snnhw.files import make_folder, move_folder, replacing, write_atomically


def test_text_and_bytes_are_written_as_given(tmp_path: Path):
    assert write_atomically(tmp_path / "a" / "b" / "text", "ä\r\nb\n").read_bytes() == "ä\r\nb\n".encode()
    assert write_atomically(tmp_path / "bytes", b"\x00\r\n").read_bytes() == b"\x00\r\n"
    assert sorted(os.listdir(tmp_path)) == ["a", "bytes"]


def test_an_old_file_is_replaced(tmp_path: Path):
    path = tmp_path / "file"
    write_atomically(path, "a long first version")
    write_atomically(path, "second")
    assert path.read_text() == "second"


def test_the_writer_gets_a_path_of_the_same_suffix(tmp_path: Path):
    with replacing(tmp_path / "array.npz") as temporary:
        np.savez(temporary, x=np.arange(3))
        assert not (tmp_path / "array.npz").exists()
    with np.load(tmp_path / "array.npz", allow_pickle=False) as loaded:
        assert loaded["x"].tolist() == [0, 1, 2]
    assert os.listdir(tmp_path) == ["array.npz"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, interruption: type[BaseException]):
    path = write_atomically(tmp_path / "file", "old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_stays_a_link(tmp_path: Path):
    target = write_atomically(tmp_path / "target", "old")
    link = tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("place", ["file/below", "folder"])
def test_what_cannot_be_written_is_named_in_one_line(tmp_path: Path, place: str):
    write_atomically(tmp_path / "file", "old")
    make_folder(tmp_path / "folder")
    with pytest.raises(OutputError, match=r"^cannot write .*; .*") as raised:
        write_atomically(tmp_path / place, "new")
    assert str(tmp_path / "f") in str(raised.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_device_is_not_replaced():
    with pytest.raises(OutputError, match="is not a file"):
        write_atomically(os.devnull, "new")
    assert not Path(os.devnull).is_file()


def test_an_unwritable_folder_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # a folder without permissions does not stop the superuser
    with pytest.raises(OutputError, match=r"cannot write .*file: permission denied; choose a place"):
        write_atomically(tmp_path / "file", "new")
    assert os.listdir(tmp_path) == []


def test_a_disk_that_is_read_only_is_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match=r"cannot write .*file: read-only file system; choose a place"):
        write_atomically(tmp_path / "file", "new")


def test_a_full_disk_is_named_in_one_line(tmp_path: Path):
    with pytest.raises(OutputError, match="no space left on device"), replacing(tmp_path / "file"):
        raise OSError(28, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_messages_are_one_line():
    assert str(SnnhwError("a file\n  is  broken\n")) == "a file is  broken"
    assert SnnhwError("x").exit_status == 2


def test_messages_are_printable_and_not_too_long_whatever_they_quote():
    assert str(SnnhwError("a\x00b\x1b[31m\ud800\u2028c\x7f é")) == r"a\x00b\x1b[31m\ud800 c\x7f é"
    long = str(SnnhwError(f"begin {'x' * 5000} end"))
    assert len(long) < 1000 and long.startswith("begin xxx") and long.endswith("xxx end")


def test_a_folder_takes_the_place_of_another_or_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("new", "old"):
        write_atomically(tmp_path / name / "file", name)
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if path.name == "new":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refused)
        with pytest.raises(OutputError, match=r"cannot write .*old: permission denied; choose a place"):
            move_folder(tmp_path / "new", tmp_path / "old")
    assert {name: (tmp_path / name / "file").read_text() for name in os.listdir(tmp_path)} == {
        "new": "new",
        "old": "old",
    }
    move_folder(tmp_path / "new", tmp_path / "old")
    assert {name: (tmp_path / name / "file").read_text() for name in os.listdir(tmp_path)} == {"old": "new"}
