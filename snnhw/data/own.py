"""A user's own data, which works wherever the name of a dataset does.

- ``NAME.npy``: images, [B, ...]; labels, [B], in ``NAME_labels.npy`` beside it, where they are known.
- ``NAME.npz``: an array `images`, and one `labels` where they are known.
- A folder of ``.png`` of one size, grey, 8 bits: in sub-folders called by their label (0, 1, ...), or all together
  where labels are not known. Images go by file name, then by label.
- A folder with any of these under the names `train` and `test`: then each split has its own. Otherwise both splits are
  the whole.

Images are integers in 0..255, or what `snnhw.data.convert` makes such. Nothing that is loaded is executed.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from snnhw.data.dataset import Dataset
from snnhw.errors import DatasetError
from snnhw.npyfile import read_array
from snnhw.npzfile import DAMAGED, LARGEST, open_npz, unreadable

__all__ = ["read_own"]

_PIXELS_PER_BYTE = 8 * 1032
"""The most that a byte of a .png can make: of one bit each, and of bytes that are compressed as far as can be."""


def read_own(path: Path, split: str, limit: int | None = None) -> Dataset:
    """Load what lies at `path`; folders of .png are read only as far as `limit`.

    Raises DatasetError where it is of no known form, damaged, or too large.
    """
    place = _of_split(path, split)
    part = None if place == path else split
    if place.is_dir():
        return _read_folder(place, limit, str(path), part)
    if place.suffix == ".npy":
        images, labels = _read_npy(place)
    elif place.suffix == ".npz":
        images, labels = _read_npz(place)
    else:
        raise DatasetError(f"{place} is no dataset: it must be a .npy, a .npz or a folder of .png")
    return Dataset(images, labels, str(path), part)


def _of_split(path: Path, split: str) -> Path:
    for name in (split, f"{split}.npz", f"{split}.npy") if path.is_dir() else ():
        if (path / name).exists():
            return path / name
    return path


def _read_npy(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    labels = path.with_name(f"{path.stem}_labels.npy")
    return _array(path), _array(labels) if labels.exists() else None


def _array(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as stream:
            return read_array(stream, path.stat().st_size)
    except DAMAGED as error:
        raise unreadable(path, error, DatasetError) from error


def _read_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    with open_npz(path, DatasetError) as arrays:
        if "images" not in arrays:
            there = ", ".join(arrays) or "none"
            raise DatasetError(f"{path} has no array called images (its arrays: {there}): save it under that name")
        return arrays["images"], arrays.get("labels")


def _read_folder(folder: Path, limit: int | None, name: str, split: str | None) -> Dataset:
    places = [place for place in folder.iterdir() if place.is_dir() and not place.name.startswith(".")]
    others = sorted(place.name for place in places if not place.name.isdecimal() and _pngs(place))
    if others:
        raise DatasetError(
            f"{folder} has .png in folders that are called by no number, such as {others[0]}: call each by its label, "
            "0, 1, ..., alike for training and test, or move it away"
        )
    numbered = [place for place in places if place.name.isdecimal()]
    labelled = [(path, int(place.name)) for place in numbered for path in _pngs(place)]
    loose = _pngs(folder)
    if bool(labelled) == bool(loose):
        came = "both" if loose else "neither"
        raise DatasetError(f"{folder} must hold .png or folders of .png called by their label, and holds {came}")
    notes = _left_out([folder] if loose else numbered)
    if loose:
        return Dataset(_images(sorted(loose)[:limit]), None, name, split, notes=notes)
    labelled.sort(key=lambda item: (item[0].name, item[1]))
    chosen = labelled[:limit]
    images, labels = _images([path for path, _ in chosen]), np.array([label for _, label in chosen], np.int64)
    numbers = [label for _, label in labelled]
    return Dataset(images, labels, name, split, notes=notes, label_range=(min(numbers), max(numbers)))


def _pngs(folder: Path) -> list[Path]:
    return [path for path in _files(folder) if path.suffix.lower() == ".png"]


def _files(folder: Path) -> list[Path]:
    """What lies in a folder and is not hidden."""
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _left_out(folders: list[Path]) -> tuple[str, ...]:
    """Notes on the files that are no .png and not hidden, and on the .png that are hidden, where there are any."""
    found = [path for folder in folders for path in folder.iterdir() if path.is_file()]
    others = [path for path in found if path.suffix.lower() != ".png" and not path.name.startswith(".")]
    hidden = [path for path in found if path.suffix.lower() == ".png" and path.name.startswith(".")]
    whys = {
        "is no .png and is left out: convert what is an image": others,
        "is hidden and is left out, as what macOS writes beside images: rename what is an image": hidden,
    }
    return tuple(f"{min(paths)}{_more(paths)} {why}" for why, paths in whys.items() if paths)


def _more(paths: list[Path]) -> str:
    return f" and {len(paths) - 1} more" if paths[1:] else ""


def _images(paths: list[Path]) -> NDArray[np.uint8]:
    first = _grey(paths[0]) if paths else np.zeros((0, 0), np.uint8)
    if len(paths) * first.nbytes > LARGEST:
        raise DatasetError(f"{len(paths)} images of the size of {paths[0]} are too much: choose fewer of them")
    images = np.empty((len(paths), *first.shape), np.uint8)
    for image, path in zip(images, paths, strict=True):
        image[...] = _grey(path, first.shape)
    return images


def _opened(content: bytes) -> Image.Image:
    """A .png of which the header was read; raises ValueError where that says more than the content can hold.

    It comes as bytes because a file makes room for all that is asked for, and the lengths in a .png are any numbers.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # of what is large, and may be so
        image = Image.open(io.BytesIO(content), formats=["PNG"])
    if image.width * image.height > _PIXELS_PER_BYTE * len(content):
        raise ValueError(f"it is cut short: its header says {image.width} x {image.height} pixels")
    return image


def _grey(path: Path, shape: tuple[int, ...] | None = None) -> NDArray[np.uint8]:
    """The pixels of a .png, [height, width], which must be of `shape` where that is given."""
    try:
        with _opened(path.read_bytes()) as image:
            came = (image.height, image.width)
            if shape is not None and came != shape:
                raise DatasetError(f"{path} is of {came[1]} x {came[0]} pixels, and others of {shape[1]} x {shape[0]}")
            if image.mode in ("1", "L") and "transparency" not in image.info:
                return np.asarray(image.convert("L"))
            pixels = np.asarray(image.convert("RGBA")) if not image.mode.startswith("I") else None
    except (*DAMAGED, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise unreadable(path, error, DatasetError) from error
    if pixels is None or (pixels[..., :3] != pixels[..., :1]).any() or (pixels[..., 3] != 255).any():
        raise DatasetError(f"{path} must be grey, of 8 bits, without transparency: convert it")
    return pixels[..., 0]
