"""Pictures in plain text, for terminals: an image, and the spikes of a layer over time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_image", "draw_spikes"]

_RAMP = " .:-=+*#%@"


def draw_image(image: NDArray[np.uint8]) -> Iterator[str]:
    """The lines of an image uint8 [height, width]: a character for two pixels, one below the other.

    Characters are about twice as high as wide, so the proportions stay. Raises ValueError for another shape.
    """
    if image.ndim != 2:
        raise ValueError(f"only an image of height and width can be drawn, not one of shape {list(image.shape)}")
    height, width = image.shape
    padded = np.zeros((height + height % 2, width), np.uint16)
    padded[:height] = image
    brightness = padded.reshape(-1, 2, width).mean(axis=1)
    for row in (brightness * len(_RAMP) / 256).astype(int):
        yield "".join(_RAMP[level] for level in row)


def draw_spikes(spikes: NDArray[np.integer], columns: int) -> Iterator[str]:
    """The lines of a layer's spikes [steps, units]: one a step, in at most ``columns`` characters.

    Where there are more units than characters, each stands for several: the darker, the more of them fired.
    """
    steps, units = spikes.shape
    each = -(-units // columns)
    padded = np.zeros((steps, -(-units // each) * each), bool)
    padded[:, :units] = spikes > 0
    fired = padded.reshape(steps, -1, each).sum(axis=2)
    levels = -(-fired * (len(_RAMP) - 1) // each)
    for row in levels:
        yield "".join(_RAMP[level] for level in row)
