"""What the demo shows of a learner by STDP: receptive fields as they form, and the spikes that answer an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from golden.stdp import Stdp
from snnhw.drawing import draw_image
from snnhw.stdp.evaluate import compiled
from snnhw.stdp.model import StdpModel

__all__ = ["SHOWN_AT", "Formation", "draw_fields", "draw_spikes", "form"]

SHOWN_AT = (0, 300, 1000, 5000)
"""Presentations after which receptive fields are shown."""

_AMPLITUDE = 64
_FIELDS = 3
_GAP = "    "


@dataclass(frozen=True)
class Formation:
    """How the fields of the neurons that won most often came about."""

    neurons: list[int]
    wins: list[int]
    fields: NDArray[np.uint8]
    """[stages, neurons, pixels]: weights, as parts of 255, at each stage of `SHOWN_AT`."""


def form(model: StdpModel, images: NDArray[np.uint8]) -> Formation:
    """Let the model's learner begin anew and learn images [n, pixels], again and again."""
    top = model.learner.weight.hi
    begun = StdpModel.of(Stdp(model.learner))
    learner, stages = compiled(begun), [begun.weight.astype(np.int64)]
    winners: list[NDArray[np.int32]] = []
    for first, end in pairwise(SHOWN_AT):
        winners.append(learner.train(images[np.arange(first, end) % len(images)], _AMPLITUDE)[:, 0])
        stages.append(learner.weight.astype(np.int64))
    won = np.concatenate(winners)
    wins = np.bincount(won[won >= 0], minlength=model.learner.neurons)
    chosen = np.argsort(-wins, kind="stable")[:_FIELDS]
    fields = np.stack(stages)[:, :, chosen].transpose(0, 2, 1) * 255 // top
    return Formation(chosen.tolist(), wins[chosen].tolist(), fields.astype(np.uint8))


def draw_fields(formation: Formation, shape: tuple[int, int]) -> Iterator[str]:
    """The lines of the fields at each stage, side by side."""
    for presentations, fields in zip(SHOWN_AT, formation.fields, strict=True):
        yield f"after {presentations:,} images:"
        pictures = [draw_image(field.reshape(shape)) for field in fields]
        for lines in zip(*pictures, strict=True):
            yield _GAP.join(lines)


def draw_spikes(fired: list[tuple[int, int]], assigned: NDArray[np.uint8], scores: NDArray[np.int64]) -> Iterator[str]:
    """A line for each spike, with the class of its neuron, and one for each class with its score."""
    for place, (neuron, step) in enumerate(fired):
        yield f"  spike {place + 1:>2}: neuron {neuron:>4} in step {step}, of class {assigned[neuron]}"
    answer = int(scores.argmax())
    for index, score in enumerate(scores.tolist()):
        yield f"  {index:>3} {score:>8}{'  <-- the class' if index == answer else ''}"
