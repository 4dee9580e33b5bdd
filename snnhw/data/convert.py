"""Arrays as users have them, made into integers: what is certainly meant is converted and said, all else refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from snnhw.errors import DatasetError
from snnhw.wording import quoted

__all__ = ["Converted", "Form", "integers", "labels", "pixels"]

Form = Literal["integers", "binary", "fractions"]
"""How images came: as integers, or whole floats; as booleans, or floats of 0 and 1; as other floats in 0..1."""

_WHITE = 255
_MOST_DIGITS = 18
"""A decimal number of so many digits fits 64 bits."""


@dataclass(frozen=True)
class Converted:
    """An array that is read-only and contiguous, and what was assumed of the one that came, a line each."""

    values: NDArray[Any]
    notes: tuple[str, ...] = ()
    form: Form = "integers"
    """Of images; all but integers were multiplied by 255."""


def pixels(values: Any, what: str) -> Converted:
    """Images as uint8; DatasetError where they are none. Booleans and floats in 0..1 become 255 times as much."""
    array = np.asarray(values)
    if array.dtype.kind == "b":
        note = f"{what} are booleans: true is a pixel of {_WHITE}, or an event of 1; save integers to have others"
        return Converted(_kept(np.multiply(array, _WHITE, dtype=np.uint8), np.uint8), (note,), "binary")
    if array.dtype.kind == "f" and array.size:
        return _float_pixels(array, what)
    return Converted(integers(array, what, np.uint8))


def _float_pixels(array: NDArray[Any], what: str) -> Converted:
    if not np.isfinite(array).all():
        raise DatasetError(f"{what} must be finite, and some values are infinite or not numbers: replace them first")
    low, high = float(array.min()), float(array.max())
    whole = bool((array == np.rint(array)).all())
    if low >= 0 and high <= 1:
        meaning = f"1 is a pixel of {_WHITE}" + (", or an event of 1" if whole else "")
        note = f"{what} are floats in 0..1: {meaning}; save integers to have others"
        scaled = np.rint(np.multiply(array, _WHITE, dtype=np.result_type(array.dtype, np.float32)))
        return Converted(_kept(scaled, np.uint8), (note,), "binary" if whole else "fractions")
    if low < 0 or high > _WHITE:
        raise DatasetError(
            f"{what} are floats from {low:.4g} to {high:.4g}, and must be integers 0..{_WHITE}, or floats in 0..1: "
            "undo their normalisation (times its deviation, plus its mean)"
        )
    if not whole:
        raise DatasetError(
            f"{what} are floats up to {high:.4g} that are not whole, and must be integers 0..{_WHITE}, or floats in "
            f"0..1: round them, or divide them by {_WHITE}, first"
        )
    note = f"{what} are floats that are whole: they are taken as integers of 0..{_WHITE}; scale them to have others"
    return Converted(_kept(array, np.uint8), (note,))


def labels(values: Any, count: int, what: str) -> Converted:
    """Labels as int64 [count], not negative; DatasetError where they are none.

    Whole floats, decimal numbers as text, and rows of zeros with a single 1 become integers.
    """
    array, notes = np.asarray(values), list[str]()
    if array.dtype.kind in "US":
        array = _numbers(array, what)
        notes.append(f"{what} are text: its decimal numbers are taken; save integers to have others")
    elif array.dtype.kind == "f" and array.size:
        if not (
            np.isfinite(array).all() and (array == np.rint(array)).all() and np.abs(array).max() < 10**_MOST_DIGITS
        ):
            raise DatasetError(
                f"{what} must be integers, and are floats that are not whole: save the number of each image's class"
            )
        array = array.astype(np.int64)
        notes.append(f"{what} are floats that are whole: they are taken as integers; save integers to have others")
    array = integers(array, what, np.int64)
    if array.shape == (count, 1):
        array = array[:, 0]
    elif array.ndim == 2 and len(array) == count:
        array = _columns(array, what)
        notes = [f"{what} are one-hot: the column of the 1 is taken, from 0; save integers to have others"]
    if array.shape != (count,):
        raise DatasetError(f"{what} must be of shape {(count,)}, not {array.shape}")
    return Converted(_kept(array, np.int64), tuple(notes))


def _numbers(array: NDArray[Any], what: str) -> NDArray[np.int64]:
    """The decimal numbers that words are."""
    words = [word.decode(errors="replace") if isinstance(word, bytes) else str(word) for word in array.ravel().tolist()]
    for word in words:
        if not word.strip().isdecimal() or len(word) > _MOST_DIGITS:
            raise DatasetError(
                f"{what} must be integers, and {quoted(word)} is among them: number the classes from 0, alike for "
                "training and test, such as with numpy.searchsorted(names, labels), names being all of them in order"
            )
    return np.array([int(word) for word in words], np.int64).reshape(array.shape)


def _columns(array: NDArray[np.int64], what: str) -> NDArray[np.int64]:
    """Where the 1 of each row is."""
    if array.max(initial=0) > 1 or (array.sum(axis=1) != 1).any():
        raise DatasetError(
            f"{what} must be one for each image, not {array.shape[1]}: where they are scores, take their argmax(axis=1)"
        )
    columns: NDArray[np.int64] = array.argmax(axis=1)
    return columns


def integers(values: Any, what: str, kind: type[np.integer[Any]]) -> NDArray[Any]:
    """Integers or booleans as ``kind``; DatasetError where they are none that fit it, or negative."""
    array = np.asarray(values)
    if array.dtype.kind not in "biu":
        raise DatasetError(f"{what} must be integers, not {array.dtype}: convert them first")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    if low < 0:
        raise DatasetError(f"{what} must not be negative, and {low} is among them")
    if high > np.iinfo(kind).max:
        raise DatasetError(f"{what} must be at most {np.iinfo(kind).max}, and {high} is among them")
    return _kept(array, kind)


def _kept(array: NDArray[Any], kind: type[np.integer[Any]]) -> NDArray[Any]:
    """A read-only, contiguous array of ``kind``."""
    kept = np.ascontiguousarray(array, dtype=kind).view()
    kept.flags.writeable = False
    return kept
