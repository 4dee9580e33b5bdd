"""Spiking RBMs by name: the machine, what its pixels are, and how it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from snnhw.shipped import find_named, resolve_shipped
from snnhw.srbm.machine import Machine, Periods, RandomWalk
from snnhw.srbm.model import Pixels, SrbmModel, load_srbm
from snnhw.subject import SubjectKind
from snnhw.wording import shown

__all__ = ["SRBM_PRESETS", "SrbmPreset", "Stage", "find_srbm_preset", "resolve_srbm"]


@dataclass(frozen=True)
class Stage:
    """A part of a training: ``presentations`` images with updates of ``step`` levels.

    ``hold`` per cent of them, evenly spread, hold their pixels throughout, see ``golden.srbm.Srbm.train``.
    """

    step: int
    presentations: int
    hold: int = 0


@dataclass(frozen=True)
class SrbmPreset:
    """A named machine and its training on ``dataset``, which starts from weights of the spread ``sigma``."""

    name: str
    summary: str
    machine: Machine
    pixels: Pixels
    dataset: str
    sigma: float
    stages: tuple[Stage, ...]
    seed: int = 1

    def __repr__(self) -> str:
        return shown(self, repr(self.name), self.summary)

    @property
    def presentations(self) -> int:
        """Images of the whole training."""
        return sum(stage.presentations for stage in self.stages)

    def schedule(self) -> Iterator[tuple[int, bool]]:
        """The step of each presentation, and whether it holds its pixels."""
        for stage in self.stages:
            for index in range(stage.presentations):
                yield stage.step, (index + 1) * stage.hold // 100 > index * stage.hold // 100


SRBM_PRESETS: Mapping[str, SrbmPreset] = MappingProxyType(
    {
        chosen.name: chosen
        for chosen in (
            SrbmPreset(
                name="srbm-mnist",
                summary="784 pixels, 10 x 4 labels, 500 hidden units; two devices of 12 bits a synapse",
                machine=Machine(periods=Periods(pixel=8), noise=RandomWalk(step=800)),
                pixels=Pixels("threshold", 0.3),
                dataset="mnist",
                sigma=58.0,
                stages=(Stage(4, 20_000), Stage(2, 40_000, hold=70), Stage(1, 60_000, hold=70)),
            ),
        )
    }
)
"""The presets by name."""


def find_srbm_preset(name: str) -> SrbmPreset:
    """The preset of that name; raises DescriptionError with the list of those there are."""
    return find_named(name, SRBM_PRESETS, SubjectKind.SRBM)


def resolve_srbm(name_or_path: str | Path) -> SrbmModel:
    """The model in a file, or the one that ships under that name. Raises ModelFileError."""
    return resolve_shipped(name_or_path, SubjectKind.SRBM, load_srbm, SRBM_PRESETS)
