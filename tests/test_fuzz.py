"""The fuzz: every reader takes what is valid and refuses what is damaged, and a reader that does not is found."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snnhw.errors import DatasetError
from tests.fuzz import run, valid
from tests.fuzz.__main__ import main
from tests.fuzz.mutate import CHANGES, mutate
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.run import MOST_BYTES, Bench, complaint_of, damage, fuzz
from tests.long_run import ENOUGH
from tests.snnhw.data.published import encode_idx

LIGHT = [reader for reader in READERS if not reader.name.startswith(("torchvision", "checkpoint", "board-talk"))]
"""Readers that neither load PyTorch nor wait for answers."""

IDX = next(reader for reader in READERS if reader.name == "idx")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SNNHW_DATA", "SNNHW_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_readers_refuse_damaged_files(tmp_path: Path):
    """So many of each as there is time for in a test, the same ones every time."""
    tallies = fuzz(1, tmp_path, lambda number: number < 15 * len(LIGHT), LIGHT)
    assert [line for tally in tallies.values() for line in tally.failures] == []
    assert {tally.cases for tally in tallies.values()} == {15}


@pytest.mark.parametrize("reader", LIGHT, ids=lambda reader: reader.name)
def test_damage_is_the_same_for_a_seed_and_differs_from_what_is_valid(reader: Reader, tmp_path: Path):
    valid = (Bench(tmp_path).folder(reader) / reader.damaged).read_bytes()
    made = [damage(reader, valid, 1, number) for number in range(20)]
    assert made == [damage(reader, valid, 1, number) for number in range(20)]
    assert len(set(made) - {valid}) > 10


@pytest.mark.parametrize("content", [b"", b"x", b'{"a": [1, 22]}', bytes(200)])
def test_any_content_can_be_changed(content: bytes):
    for number in range(200):
        mutate(content, np.random.default_rng(number))
    assert {change(content, np.random.default_rng(3)) for change in CHANGES}


def planted(read: Callable[[Path], object]) -> Reader:
    return replace(IDX, read=read)


def fails(error: BaseException) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        raise error

    return read


def hides_want_of_memory(folder: Path) -> object:
    try:
        raise MemoryError
    except MemoryError as error:
        raise DatasetError("it is damaged") from error


@pytest.mark.parametrize(
    ("read", "complaint"),
    [
        (fails(KeyError("digest")), "KeyError: 'digest'"),
        (fails(DatasetError("")), "its message is not one line of printable text: ''"),
        (lambda folder: time.sleep(60), "it was not done after 0.1 seconds"),
        (hides_want_of_memory, "it asked for more memory than there is, and took its refusal for damage"),
        (fails(DatasetError("it is cut short; save it again")), None),
        (lambda folder: 7, None),
    ],
)
def test_what_a_reader_must_not_do(
    read: Callable[[Path], object], complaint: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "MOST_SECONDS", 0.1)
    found = complaint_of(planted(read), tmp_path)
    assert found is None if complaint is None else re.fullmatch(complaint, found)


def careless(folder: Path) -> object:
    """Reads IDX as one would who trusts the file."""
    content = (folder / "images").read_bytes()
    return np.frombuffer(content, np.uint8, offset=16).reshape(5, 3, 4)


def test_a_careless_reader_is_found_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.fuzz.__main__.READERS", (planted(careless),))
    monkeypatch.setattr(run, "READERS", (planted(careless),))
    assert main(["--minutes", "0.1", "--seed", "1", "--only", "idx", "--out", "failed"]) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("failed: idx: ValueError")]
    assert len(failed) == ENOUGH
    place = Path(failed[0].partition("--replay ")[2].rstrip(")"))
    assert (place / "images").read_bytes() != encode_idx(np.zeros((5, 3, 4), np.uint8))
    assert f"python -m tests.fuzz --replay {place}" in (place / "failure.txt").read_text()
    assert main(["--replay", str(place)]) == 1
    monkeypatch.setattr(run, "READERS", READERS)
    assert main(["--replay", str(place)]) == 0


def takes_memory() -> None:
    np.empty(MOST_BYTES + (64 << 20), np.uint8)


def ends_the_process() -> None:
    os._exit(3)


def cannot_be_interrupted() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(60)


@pytest.mark.parametrize(
    ("does", "complaint"),
    [
        (takes_memory, r"idx: it took 5\d\d,\d{3},\d{3} bytes of memory"),
        (ends_the_process, "idx: it ended the process: 3"),
        (cannot_be_interrupted, "idx: it could not be interrupted"),
    ],
)
def test_what_a_reader_does_to_its_process_is_found(
    does: Callable[[], None], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def read(folder: Path) -> None:
        if (folder / "images").read_bytes() != encode_idx(valid.IMAGES):
            does()

    monkeypatch.setattr(run, "STUCK_SECONDS", 0.2)
    tally = fuzz(1, tmp_path / "failed", lambda number: True, [planted(read)])["idx"]
    assert tally.cases == ENOUGH
    assert all(re.match(complaint, line) for line in tally.failures)
    assert len(list((tmp_path / "failed").iterdir())) == ENOUGH


def test_a_reader_that_refuses_what_is_valid_ends_the_run(tmp_path: Path):
    with pytest.raises(RuntimeError, match="a reader refuses what is valid"):
        fuzz(1, tmp_path, lambda number: True, [planted(fails(ValueError("no")))])
