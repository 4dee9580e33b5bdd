"""Sets that nobody but the user can get: read from the files as their authors publish them, put into a folder.

The folder is that of `snnhw.data.folder_of`. Files are checked by their number, size and content as they are read, and
never executed. Samples go by their number in the set, or in the class, so that classes alternate wherever the authors
have sorted by them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.data.catalogue import CIFAR_CLASSES, IMAGE_SETS, RECORDED_SETS
from snnhw.data.dataset import Dataset
from snnhw.data.events import EventDataset, Events, Packed, Recordings
from snnhw.data.places import folder_of
from snnhw.data.recordings import Recording, decode_aedat2, decode_aedat3, decode_atis
from snnhw.errors import DatasetError, ToolMissingError
from snnhw.npzfile import DAMAGED

__all__ = ["check_there", "load_images", "load_recorded"]

_CIFAR_PIXELS = (3, 32, 32)
_CIFAR_RECORDS = 10_000
"""Of a file, each of a byte for the label and 3,072 for the pixels: red, green and blue, row by row."""
_DIGITS = tuple(map(str, range(10)))
_SPLIT_FOLDERS = {"train": "Train", "test": "Test"}
_NMNIST_SAMPLES = {"train": 60_000, "test": 10_000}
_DVS_SAMPLES = 1000
"""Of a class; the first nine of ten, by their numbers, are for training, which is this project's choice."""
_GESTURES = 11
_SPOKEN = 20
_CHANNELS = 700
_SPEECH_US = 1_400_000
"""The time that the steps divide, the same for all samples; what comes later counts into the last of them."""


def load_images(name: str, split: str) -> Dataset:
    """The images of a set of `IMAGE_SETS`; raises DatasetError where files are missing, damaged or cut short."""
    check_there(name, split)
    parts = [_cifar_records(folder_of(name) / file) for file in IMAGE_SETS[name].files[split]]
    records = np.concatenate(parts)
    images = records[:, 1:].reshape(-1, *_CIFAR_PIXELS)
    return Dataset(images, records[:, 0].astype(np.int64), name, split)


def load_recorded(name: str, split: str) -> EventDataset:
    """The events of a set of `RECORDED_SETS`; those of cameras are read from their files when they are asked for.

    Raises DatasetError where files are missing, damaged or cut short.
    """
    check_there(name, split)
    return _READERS[name](folder_of(name), name, split)


def check_there(name: str, *splits: str) -> None:
    """Raise DatasetError, in a line that says what to do, where files of a set of the user's are not there."""
    needed, folder = {**IMAGE_SETS, **RECORDED_SETS}[name], folder_of(name)
    if not all((folder / file).exists() for split in splits for file in needed.files[split]):
        raise DatasetError(
            f"{name} is not on this machine: put {needed.text} into {folder}; they are published at {needed.published}"
        )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}; put it there, and make it readable") from error


def _cifar_records(path: Path) -> NDArray[np.uint8]:
    """The records of a file, [records, 3073]."""
    length = 1 + int(np.prod(_CIFAR_PIXELS))
    content = np.frombuffer(_content(path), np.uint8)
    if len(content) != _CIFAR_RECORDS * length:
        raise DatasetError(f"{path} has {len(content)} bytes of {_CIFAR_RECORDS * length}: get it anew")
    records = content.reshape(-1, length)
    if records[:, 0].max() >= len(CIFAR_CLASSES):
        raise DatasetError(
            f"{path} is damaged: a label is {records[:, 0].max()}, of {len(CIFAR_CLASSES)} classes; get it anew"
        )
    return records


def _camera(name: str, split: str, side: int, samples: Sequence[tuple[Callable[[], Events], int]]) -> EventDataset:
    """A set of a camera's recordings: how each is read, and its label."""
    each, labels = zip(*samples, strict=True)
    return EventDataset(Recordings(each), np.array(labels, np.int64), (2, side, side), name, split)


def _read(path: Path, decode: Callable[[bytes, str], Recording], side: int) -> Events:
    return decode(_content(path), str(path)).events(side, side, str(path))


def _numbered(folder: Path, classes: tuple[str, ...], suffix: str, wanted: int) -> list[tuple[Path, int, int]]:
    """The files in folders by class, with their number, which ends their name, and their label; by number and label."""
    found = []
    for label, name in enumerate(classes):
        paths = [path for path in (folder / name).glob(f"*{suffix}") if path.stem[-1:].isdecimal()]
        found += [(path, int(re.split(r"\D", path.stem)[-1]), label) for path in paths]
    if len(found) != wanted:
        raise DatasetError(f"{folder} has {len(found)} {suffix} in its folders, and the set {wanted}: unpack it anew")
    return sorted(found, key=lambda item: item[1:])


def _nmnist(folder: Path, name: str, split: str) -> EventDataset:
    found = _numbered(folder / _SPLIT_FOLDERS[split], _DIGITS, ".bin", _NMNIST_SAMPLES[split])
    return _camera(name, split, 34, [(partial(_read, path, decode_atis, 34), label) for path, _, label in found])


def _cifar10_dvs(folder: Path, name: str, split: str) -> EventDataset:
    found = _numbered(folder, CIFAR_CLASSES, ".aedat", _DVS_SAMPLES * len(CIFAR_CLASSES))
    first_of_test = _DVS_SAMPLES * 9 // 10
    chosen = [(path, label) for path, number, label in found if (number >= first_of_test) == (split == "test")]
    return _camera(name, split, 128, [(partial(_read, path, decode_aedat2, 128), label) for path, label in chosen])


def _dvs_gesture(folder: Path, name: str, split: str) -> EventDataset:
    trials = folder / f"trials_to_{split}.txt"
    samples = []
    for word in _content(trials).decode(errors="replace").split():
        recording = folder / Path(word).name
        gestures = _gestures(recording.with_name(f"{recording.stem}_labels.csv"))
        samples += [(partial(_gesture, recording, start, end), label) for label, start, end in gestures]
    if not samples:
        raise DatasetError(f"{trials} names no recordings: get it anew")
    return _camera(name, split, 128, samples)


def _gestures(path: Path) -> list[tuple[int, int, int]]:
    """Label, start and end of each gesture of a recording; labels count from 0, and from 1 in the file."""
    rows = list(csv.reader(_content(path).decode(errors="replace").splitlines()))[1:]
    try:
        gestures = [(int(label) - 1, int(start), int(end)) for label, start, end in rows]
    except ValueError as error:
        raise DatasetError(f"{path} is damaged: a line is not a class, a start and an end; get it anew") from error
    if not gestures or not all(0 <= label < _GESTURES and start < end for label, start, end in gestures):
        raise DatasetError(f"{path} is damaged: it must have gestures of classes 1 to {_GESTURES}; get it anew")
    return gestures


def _gesture(path: Path, start: int, end: int) -> Events:
    return _session(path).between(start, end).events(128, 128, str(path))


@lru_cache(maxsize=1)
def _session(path: Path) -> Recording:
    """A recording of several gestures, which are asked for one after the other."""
    return decode_aedat3(_content(path), str(path))


def _shd(folder: Path, name: str, split: str) -> EventDataset:
    path = folder / f"shd_{split}.h5"
    try:
        import h5py
    except ImportError as error:
        raise ToolMissingError(f"{name} needs h5py ({error}): pip install 'snnhw[events]'") from error
    try:
        with h5py.File(path, "r") as file:
            times, units, labels = (file[key][:] for key in ("spikes/times", "spikes/units", "labels"))
            lengths = [len(units) for units in units]
            t = np.rint(np.concatenate(times).astype(np.float64) * 1e6)
            address, labels = np.concatenate(units), np.asarray(labels, np.int64)
    except (*DAMAGED, KeyError, TypeError) as error:
        raise DatasetError(f"{path} is damaged, or no HDF5 with spikes and labels ({error}): get it anew") from error
    whole = [len(some) for some in times] == lengths and len(lengths) == len(labels)
    if not (whole and _within(address, _CHANNELS) and _within(labels, _SPOKEN) and _within(t, 1 << 32)):
        raise DatasetError(
            f"{path} is damaged: each sample must have as many times as channels, of {_CHANNELS}, and one label of "
            f"{_SPOKEN}; get it anew"
        )
    samples = Packed(address.astype(np.uint16), t.astype(np.uint32), np.cumsum([0, *lengths]), _SPEECH_US)
    return EventDataset(samples, labels, (_CHANNELS,), name, split)


def _within(values: NDArray[Any], end: int) -> bool:
    return bool(values.min(initial=0) >= 0 and values.max(initial=0) < end)


_READERS: dict[str, Callable[[Path, str, str], EventDataset]] = {
    "n-mnist": _nmnist,
    "cifar10-dvs": _cifar10_dvs,
    "dvs-gesture": _dvs_gesture,
    "shd": _shd,
}
