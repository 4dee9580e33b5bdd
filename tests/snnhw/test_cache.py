"""The cache of built circuits: whole entries, two builders at once, and a size that stays bounded."""

import os
import time
from pathlib import Path

import pytest

from snnhw.data.places import folder_of
from snnhw.errors import OutputError
from snnhw.simulate import cache


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path))
    return tmp_path / "verilator" / "kind"


def write(text: str):
    return lambda place: (place / "file").write_text(text)


def test_the_first_build_stays():
    assert (cache.cached("kind", "key", write("first")) / "file").read_text() == "first"
    assert (cache.cached("kind", "key", write("second")) / "file").read_text() == "first"
    assert (cache.cached("kind", "other", write("other")) / "file").read_text() == "other"


@pytest.mark.parametrize("seal", ["", "{}", "7", "[" * 9999])
def test_a_build_whose_seal_is_damaged_is_built_anew(folder: Path, seal: str):
    cache.cached("kind", "key", write("first"))
    (folder / "key" / "contents.json").write_text(seal)
    assert (cache.cached("kind", "key", write("second")) / "file").read_text() == "second"


def test_of_two_builders_at_once_the_first_to_end_wins(folder: Path):
    def slow(place: Path) -> None:
        cache.cached("kind", "key", write("quick"))
        write("slow")(place)

    assert (cache.cached("kind", "key", slow) / "file").read_text() == "quick"
    assert os.listdir(folder) == ["key"]


def test_a_build_that_fails_leaves_nothing(folder: Path):
    def fail(place: Path) -> None:
        write("half")(place)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cache.cached("kind", "key", fail)
    assert os.listdir(folder) == []


def test_what_was_not_used_for_longest_goes_first(folder: Path):
    now = time.time()
    for age, name in [(9, "oldest"), (5, "old"), (0, "new"), (4, "middle"), (7, ".building-x")]:
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_bytes(bytes(100))
        os.utime(folder / name, (now - age * 10_000, now - age * 10_000))
    cache.trim(folder, entries=10, octets=1 << 20)
    assert sorted(os.listdir(folder)) == ["middle", "new", "old", "oldest"]
    cache.trim(folder, entries=3, octets=1 << 20)
    assert sorted(os.listdir(folder)) == ["middle", "new", "old"]
    cache.trim(folder, entries=3, octets=1)
    assert os.listdir(folder) == ["new"]


def test_use_keeps_an_entry(folder: Path):
    place = cache.cached("kind", "key", write("text"))
    os.utime(place, (0, 0))
    cache.cached("kind", "key", write("text"))
    assert place.stat().st_mtime > time.time() - 60


def test_a_cache_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot write"):
        cache.cached("kind", "key", write("text"))


@pytest.mark.parametrize("change", [b"", b"firs", b"other"])
def test_what_was_damaged_is_built_again(change: bytes):
    place = cache.cached("kind", "key", write("first"))
    (place / "file").write_bytes(change)
    assert (cache.cached("kind", "key", write("second")) / "file").read_text() == "second"


def test_what_is_no_longer_there_is_built_again():
    (cache.cached("kind", "key", write("first")) / "file").unlink()
    assert (cache.cached("kind", "key", write("second")) / "file").read_text() == "second"


def test_a_full_disk_is_one_line_and_leaves_nothing(folder: Path):
    def fill(place: Path) -> None:
        write("half")(place)
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"cannot build in the cache .*: No space left on device; make room"):
        cache.cached("kind", "key", fill)
    assert os.listdir(folder) == []


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("SNNHW_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(OutputError, match="no home folder: set HOME, or SNNHW_CACHE to a folder"):
        cache.root()
    monkeypatch.delenv("SNNHW_DATA", raising=False)
    with pytest.raises(OutputError, match="no home folder: set HOME, or SNNHW_DATA to a folder"):
        folder_of("mnist")
