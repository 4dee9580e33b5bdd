"""What the demo shows of the spiking RBM: a digit with one half known, its completion, and the labels' spikes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.drawing import draw_image

__all__ = ["draw_completion", "draw_scores"]

_GAP = "    "
_UNKNOWN = 96
"""How bright an unknown pixel is drawn: neither on nor off."""


def draw_completion(
    bits: NDArray[np.uint8], known: NDArray[np.uint8], image: NDArray[np.uint8], shape: tuple[int, int]
) -> Iterator[str]:
    """The lines of three pictures side by side: the digit, what is known of it, and what came out; bits [pixels]."""
    given = np.where(known.astype(bool), bits * 255, _UNKNOWN)
    pictures = [draw_image(picture.reshape(shape).astype(np.uint8)) for picture in (bits * 255, given, image * 255)]
    width = shape[1]
    yield _GAP.join(f"{name:<{width}}" for name in ("the digit", "what is known", "what came out"))
    for lines in zip(*pictures, strict=True):
        yield _GAP.join(lines)


def draw_scores(scores: NDArray[Any], classified: int) -> Iterator[str]:
    """A line a class: spikes of its labels."""
    for index, score in enumerate(scores.tolist()):
        chosen = "  <-- the class" if index == classified else ""
        yield f"  {index:>3} {score:>4} {'#' * score}{chosen}"
