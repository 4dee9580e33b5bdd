"""Learners by STDP by name: the learner, and how it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from snnhw.shipped import find_named, resolve_shipped
from snnhw.stdp.learner import Learner
from snnhw.stdp.model import StdpModel, load_stdp
from snnhw.subject import SubjectKind
from snnhw.wording import shown

__all__ = [
    "COARSE",
    "FINE",
    "STDP_PRESETS",
    "Block",
    "StdpPreset",
    "blocks_of",
    "find_stdp_preset",
    "register_of",
    "resolve_stdp",
]

TAUGHT = 60_000
"""Presentations with labels, of a supervised training."""


@dataclass(frozen=True)
class Block:
    """A part of a training: so many ``presentations`` with changes of one ``amplitude``."""

    amplitude: int
    presentations: int


def blocks_of(amplitudes: tuple[int, ...], presentations: int) -> tuple[Block, ...]:
    """A block for each amplitude, of equal parts of the presentations; what is left over goes to the first ones."""
    part, left = divmod(presentations, len(amplitudes))
    return tuple(Block(amplitude, part + (place < left)) for place, amplitude in enumerate(amplitudes))


def register_of(seed: int) -> int:
    """What the random register starts with, for a seed that people count from 1."""
    return (0xACE1 + 0x9E3779B9 * (seed - 1)) % (1 << 32) or 1


@dataclass(frozen=True)
class StdpPreset:
    """A named learner and its training on ``dataset``: ``learning`` without labels, then the readout's passes.

    ``teaching`` comes between them where it is asked for: with labels. ``reading`` has the rate of each pass of the
    readout over all images.
    """

    name: str
    summary: str
    learner: Learner
    dataset: str
    learning: tuple[Block, ...]
    teaching: tuple[Block, ...] = blocks_of((4, 2, 1), TAUGHT)
    reading: tuple[int, ...] = (4, 2, 1, 1)
    seed: int = 1
    labels: int | None = None
    """The first so many training images alone have labels that are used; None: all."""

    def __repr__(self) -> str:
        return shown(self, repr(self.name), self.summary)

    def seeded(self, seed: int) -> StdpPreset:
        """The same with another seed, and the register that belongs to it."""
        return replace(self, seed=seed, learner=self.learner.model_copy(update={"seed": register_of(seed)}))

    def lasting(self, presentations: int) -> StdpPreset:
        """The same with so many presentations without labels; no block is left without any."""
        total = sum(block.presentations for block in self.learning)
        shares = [max(1, round(block.presentations * presentations / total)) for block in self.learning]
        blocks = (Block(block.amplitude, share) for block, share in zip(self.learning, shares, strict=True))
        return replace(self, learning=tuple(blocks))


FINE: Final = (32, 16, 16, 8, 8, 4)
COARSE: Final = (64, 64, 32, 32, 16, 8)
"""Amplitudes block by block, of few neurons and of many."""
_PRESENTATIONS = 180_000

STDP_PRESETS: Mapping[str, StdpPreset] = MappingProxyType(
    {
        chosen.name: chosen
        for chosen in (
            StdpPreset(
                name="stdp-mnist",
                summary="784 pixels, 400 neurons, 10 classes; weights of 4 bits",
                learner=Learner.usual(400, 4),
                dataset="mnist",
                learning=blocks_of(COARSE, _PRESENTATIONS),
            ),
            StdpPreset(
                name="stdp-mnist-100",
                summary="784 pixels, 100 neurons, 10 classes; weights of 4 bits",
                learner=Learner.usual(100, 4),
                dataset="mnist",
                learning=blocks_of(FINE, _PRESENTATIONS),
            ),
            StdpPreset(
                name="stdp-mnist-50",
                summary="784-50-10, the student project's network; weights of 8 bits",
                learner=Learner.usual(50, 8),
                dataset="mnist",
                learning=blocks_of(FINE, _PRESENTATIONS),
            ),
        )
    }
)
"""The presets by name."""


def find_stdp_preset(name: str) -> StdpPreset:
    """The preset of that name; raises DescriptionError with the list of those there are."""
    return find_named(name, STDP_PRESETS, SubjectKind.STDP)


def resolve_stdp(name_or_path: str | Path) -> StdpModel:
    """The model in a file, or the one that ships under that name. Raises ModelFileError."""
    return resolve_shipped(name_or_path, SubjectKind.STDP, load_stdp, STDP_PRESETS)
