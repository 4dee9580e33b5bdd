"""The most lanes that a part has room for, found by building."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from snnhw.errors import FitError
from snnhw.fpga.boards import Board
from snnhw.fpga.build import build, check_room
from snnhw.fpga.parts import Part
from snnhw.fpga.report import BuildReport
from snnhw.fpga.synthesis import stage_cells
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.network import Network

__all__ = ["build_largest", "candidates"]


def candidates(network: Network) -> list[int]:
    """Lanes to try: those of the widest layer in 1, 2, 4, ... groups, the most first."""
    widest = max(stage.units for stage in network.stages)
    groups = [2**n for n in range(widest.bit_length() + 1)]
    return sorted({-(-widest // count) for count in groups}, reverse=True)


def build_largest(
    model: Model, choose: Callable[[int], Implementation], target: Board | Part, out: Path, **options: Any
) -> BuildReport:
    """Build with the most lanes that fit.

    ``choose`` makes an implementation of a cap on lanes, ``options`` are those of `build`. Where not even the fewest
    lanes fit, one synthesis says so before the long builds. Raises FitError then, and what `build` raises.
    """
    part = target if isinstance(target, Part) else target.device
    *more, fewest = candidates(model.network)
    check_room(part, stage_cells(model, choose(fewest), part.family))
    for lanes in more:
        try:
            return build(model, choose(lanes), target, out, **options)
        except FitError:
            continue
    return build(model, choose(fewest), target, out, **options)
