"""What a machine's circuit takes of a part, and how fast its clock can be there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateware.board import Harness
from gateware.srbm import PARTS
from snnhw.conversion import convert
from snnhw.errors import DescriptionError
from snnhw.files import write_atomically
from snnhw.fpga import place, synthesis
from snnhw.fpga.parts import FAMILIES, Cells, Part
from snnhw.fpga.stages import HARNESS, Stages
from snnhw.srbm.machine import Machine
from snnhw.srbm.verilog import emit

__all__ = ["Fit", "fit_srbm"]

Step = Callable[[str], None]


@dataclass(frozen=True)
class Fit:
    """A machine's circuit, placed on a part behind registers instead of pins."""

    part: str
    lanes: int
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


def fit_srbm(
    machine: Machine, lanes: int, part: Part, *, clock_mhz: float = 100, seed: int = 1, on_step: Step | None = None
) -> Fit:
    """Synthesise, place and route the circuit of a machine; minutes.

    Raises DescriptionError for a part that nothing here places, FitError where the part is too small, ToolError or
    ToolMissingError.
    """
    family, begun = FAMILIES[part.family], time.perf_counter()
    if family.flow is None:
        raise DescriptionError(f"nothing that comes from a package places {part.family} parts: choose another part")
    emitted, step = emit(machine, lanes), on_step or (lambda _: None)
    harness = Harness(emitted.interface.top, emitted.interface.ports)
    around = convert(harness, HARNESS).text
    stages = Stages(PARTS, around=HARNESS)
    with tempfile.TemporaryDirectory(prefix="snnhw_") as work:
        folder = Path(work)
        sources = {f"{emitted.interface.top}.v": emitted.verilog, f"{HARNESS}.v": around}
        for name, text in sources.items():
            write_atomically(folder / name, text)
        step("synthesis")
        netlist = synthesis.synthesise(list(sources), HARNESS, family, folder, stages)
        step("place and route")
        placement = place.place(part, None, clock_mhz, seed, folder, stages)
    return Fit(
        part=part.name,
        lanes=lanes,
        cells=netlist.stages(family),
        used=dict(placement.used),
        fmax_mhz=round(placement.fmax_mhz, 2),
        worst_path=placement.worst.blocks,
        seconds=round(time.perf_counter() - begun, 1),
    )
