"""What a circuit of commands takes of a part behind a harness that stands in for pins, and how fast it is there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateware.board import Harness
from snnhw.conversion import convert
from snnhw.emission import EmittedCommandCircuit
from snnhw.errors import DescriptionError
from snnhw.files import write_atomically
from snnhw.fpga import place, synthesis
from snnhw.fpga.parts import FAMILIES, Cells, Part
from snnhw.fpga.stages import HARNESS, Stages

__all__ = ["Fit", "place_harnessed"]


@dataclass(frozen=True)
class Fit:
    """A circuit, placed on a part behind registers instead of pins."""

    part: str
    cells: dict[str, Cells]
    """By the circuit's parts, and what is around it."""
    used: dict[str, tuple[int, int]]
    """Of how many there are, by nextpnr's names; the harness is in it."""
    fmax_mhz: float
    worst_path: tuple[str, ...]
    """The parts that the slowest path leads through."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The fit as plain data."""
        cells = {name: found.model_dump() for name, found in self.cells.items()}
        return {**vars(self), "cells": cells, "worst_path": list(self.worst_path)}


def place_harnessed(
    emitted: EmittedCommandCircuit,
    parts: tuple[str, ...],
    part: Part,
    *,
    clock_mhz: float = 100,
    seed: int = 1,
    on_synthesis: Callable[[dict[str, Cells]], None] | None = None,
) -> Fit:
    """Synthesise, place and route a circuit that has instances of these names; minutes.

    ``on_synthesis`` is called with the cells of each of its parts before they are placed. Raises DescriptionError for a
    part that nothing here places, FitError where the part is too small, ToolError or ToolMissingError.
    """
    family, begun = FAMILIES[part.family], time.perf_counter()
    if family.flow is None:
        raise DescriptionError(f"nothing that comes from a package places {part.family} parts: choose another part")
    top = emitted.interface.top
    stages = Stages(parts, around=HARNESS)
    with tempfile.TemporaryDirectory(prefix="snnhw_") as work:
        folder = Path(work)
        harness = convert(Harness(top, emitted.interface.ports), HARNESS).text
        sources = {f"{top}.v": emitted.verilog, f"{HARNESS}.v": harness}
        for name, text in sources.items():
            write_atomically(folder / name, text)
        cells = synthesis.synthesise(list(sources), HARNESS, family, folder, stages).stages(family)
        if on_synthesis is not None:
            on_synthesis(cells)
        placement = place.place(part, None, clock_mhz, seed, folder, stages)
    return Fit(
        part=part.name,
        cells=cells,
        used=dict(placement.used),
        fmax_mhz=round(placement.fmax_mhz, 2),
        worst_path=placement.worst.blocks,
        seconds=round(time.perf_counter() - begun, 1),
    )
