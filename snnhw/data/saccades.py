"""Simulated saccades: an event camera that does not exist moves over still images, and tells what grows brighter.

The sensor has ``SIZE`` x ``SIZE`` pixels. In ``UPDATES`` updates it goes along three straight lines, through the
corners of ``PATH`` and back to the first, eased: of the way of a line, the part ``u`` of its time covers
``u^2 (3 - 2u)``. Each corner is off by a uniform jitter of at most ``JITTER`` pixels in x and in y. With the image
``I`` in 0..1, black around, and the position ``d(k)`` of update ``k``, a pixel ``p`` sees

    L(p, k) = log(I(p + d(k)) + FLOOR),    I between pixels by bilinear interpolation,

and remembers a level ``R(p)``, which starts at ``L(p, 0)``. At each update

    n = trunc((L(p, k) - R(p)) / theta(p)),    R(p) += n theta(p),

and it sends ``|n|`` events: of channel 1 (brighter) where n is above 0, of channel 0 (darker) where it is below. The
thresholds ``theta`` of the pixels, which are the sensor's and the same for all samples, are uniform within
``THRESHOLD`` and a standard deviation of ``MISMATCH`` of it. Time is counted in ``BINS`` bins of as many updates each.

All of it is computed in integers: positions in 64ths of a pixel, levels in 4096ths, and what is random comes from a
counter by way of a hash. So the events of a sample depend on its image, its split and its index alone, on any machine.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["BINS", "CHANNELS", "SIZE", "parameters", "saccades"]

SIZE = 34
CHANNELS = 2
"""Darker and brighter."""
UPDATES = 48
BINS = 24
PATH = ((-2, -2), (0, 2), (2, -2))
"""Corners (x, y) in pixels, from where the image is in the middle."""
JITTER = 0.25
THRESHOLD = 0.3
MISMATCH = 0.03
FLOOR = 0.1
SEED = 1

_FINE_BITS = 6
_FINE = 1 << _FINE_BITS
"""Positions in a pixel."""
_LEVELS = 4096
"""Steps of a level in 1 of the logarithm."""
_DROPPED_BITS = 4
"""Of an interpolation between two rows, so that one between two columns of it fits 16 bits."""
_WHITE = 255 << (_FINE_BITS - _DROPPED_BITS)
"""The brightness of a white pixel, before the logarithm."""
_REACH = 4
"""Pixels of black that are added on each side, beyond those that the sensor sees when it is in the middle."""
_VERSION = 1
"""Of the computation: another one makes other events of the same parameters."""


def parameters() -> str:
    """SHA-256, in hexadecimal, of all that the events depend on beside the images."""
    numbers = (SIZE, CHANNELS, UPDATES, BINS, PATH, JITTER, THRESHOLD, MISMATCH, FLOOR, SEED, _VERSION)
    exact = (_FINE_BITS, _LEVELS, _DROPPED_BITS)
    return hashlib.sha256(repr((numbers, exact)).encode()).hexdigest()


def saccades(images: NDArray[np.uint8], stream: int, first: int) -> NDArray[np.uint8]:
    """How many events the sensor sends of images uint8 [B, height, width]: [B, BINS, CHANNELS, SIZE, SIZE].

    ``stream`` is the number of the split, and ``first`` the index of the first image in it.
    """
    seen = _surrounded(images)
    positions = _positions(stream, np.arange(first, first + len(images)))
    sent = np.zeros((len(images), BINS, CHANNELS, SIZE * SIZE), np.uint8)
    threshold, table = _thresholds(), _logarithm()
    remembered = _levels(seen, positions[:, 0], table)
    for update in range(1, UPDATES):
        change = _levels(seen, positions[:, update], table) - remembered
        place = np.flatnonzero(np.abs(change) >= threshold)
        sample, pixel = np.divmod(place, SIZE * SIZE)
        least = threshold[pixel]
        steps = np.fix(change.ravel()[place] / least).astype(np.int16)
        remembered.ravel()[place] += steps * least
        sent[sample, update * BINS // UPDATES, (steps > 0).astype(np.int64), pixel] += np.abs(steps).astype(np.uint8)
    return sent.reshape(len(images), BINS, CHANNELS, SIZE, SIZE)


def _surrounded(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The images in the middle of black that reaches as far as the sensor moves."""
    sides = [SIZE + 2 * _REACH - length for length in images.shape[1:]]
    return np.pad(images, ((0, 0), *((side // 2, side - side // 2) for side in sides)))


def _levels(seen: NDArray[np.uint8], position: NDArray[np.int64], table: NDArray[np.int16]) -> NDArray[np.int16]:
    """What the sensor sees at positions [B, 2], [B, SIZE * SIZE]; no sum is of more than 16 bits."""
    window = SIZE + 1
    views = np.lib.stride_tricks.sliding_window_view(seen, (window, window), (1, 2))
    x, y = (position + _REACH * _FINE).T
    corner = views[np.arange(len(seen)), y // _FINE, x // _FINE].astype(np.uint16)
    right, down = ((axis % _FINE).astype(np.uint16)[:, None, None] for axis in (x, y))
    rows = (corner[:, :-1] * (_FINE - down) + corner[:, 1:] * down) >> _DROPPED_BITS
    values = (rows[:, :, :-1] * (_FINE - right) + rows[:, :, 1:] * right) >> _FINE_BITS
    levels: NDArray[np.int16] = table[values].reshape(len(seen), -1)
    return levels


def _logarithm() -> NDArray[np.int16]:
    """The level of each brightness."""
    levels = np.log(np.arange(_WHITE + 1) / _WHITE + FLOOR)
    table: NDArray[np.int16] = np.rint(levels * _LEVELS).astype(np.int16)
    return table


def _positions(stream: int, index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the sensor is, [B, UPDATES, (x, y)], in 64ths of a pixel."""
    numbers = 2 * len(PATH)
    counter = ((stream << 32) + index[:, None]) * numbers + np.arange(numbers)
    most = round(JITTER * _FINE)
    jitter = (_hash(counter) % np.uint64(2 * most + 1)).astype(np.int64) - most
    corners = np.array(PATH) * _FINE + jitter.reshape(-1, len(PATH), 2)
    time = np.arange(UPDATES) * len(PATH)
    line, part = time // UPDATES, (time % UPDATES)[:, None]
    eased = part * part * (3 * UPDATES - 2 * part)
    start, way = corners[:, line], (np.roll(corners, -1, axis=1) - corners)[:, line]
    moved: NDArray[np.int64] = start + (2 * way * eased + UPDATES**3) // (2 * UPDATES**3)
    return moved


def _thresholds() -> NDArray[np.int16]:
    """The threshold of each pixel [SIZE * SIZE], in 4096ths."""
    uniform = _hash(np.arange(SIZE * SIZE) - SIZE * SIZE).astype(np.float64) / 2.0**63 - 1
    return np.rint(THRESHOLD * (1 + MISMATCH * 3**0.5 * uniform) * _LEVELS).astype(np.int16)


def _hash(counter: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 bits of each number of a counter: SplitMix64, after Steele, Lea and Flood 2014."""
    state = (counter.astype(np.uint64) + np.uint64(SEED << 48)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
