"""Place and route by nextpnr: what it takes of a part, and how fast its clock can be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snnhw.errors import FitError, ToolError
from snnhw.fpga import tools
from snnhw.fpga.parts import FAMILIES, Flow, Part
from snnhw.fpga.stages import Stages
from snnhw.fpga.synthesis import NETLIST

__all__ = ["ADVICE", "PLACED", "Placement", "WorstPath", "pack", "place"]

LOG = "nextpnr.log"
PACK_LOG = "pack.log"
PLACED = "placed"
REPORT = "nextpnr.json"

RESOURCES: Mapping[str, str] = {
    "ICESTORM_LC": "logic cells",
    "ICESTORM_RAM": "block RAMs",
    "ICESTORM_SPRAM": "single-port RAMs",
    "ICESTORM_DSP": "multipliers",
    "SB_IO": "pins",
    "SB_GB": "global buffers",
    "TRELLIS_COMB": "logic cells",
    "TRELLIS_FF": "flip-flops",
    "TRELLIS_RAMW": "LUT RAMs",
    "DP16KD": "block RAMs",
    "MULT18X18D": "multipliers",
    "LUT4": "LUTs",
    "DFF": "flip-flops",
    "BSRAM": "block RAMs",
    "RAM16SDP4": "LUT RAMs",
    "IOB": "pins",
    "TRELLIS_IO": "pins",
}
"""nextpnr's names of what circuits run out of, in words."""

ADVICE: Mapping[str, str] = {
    "logic cells": "take fewer lanes (--lanes N, or --fit), or a larger part",
    "flip-flops": "take fewer lanes (--lanes N, or --fit), or a larger part",
    "LUTs": "take fewer lanes (--lanes N, or --fit), or a larger part",
    "LUT RAMs": "take fewer lanes (--lanes N, or --fit), or a larger part",
    "block RAMs": "take fewer lanes and neuron lanes (wide memories of few words waste blocks), weights in single-port "
    "RAM where the part has it (--memory LAYER=spram), or a larger part",
    "single-port RAMs": "take a larger part, a smaller network, or weights of fewer bits",
    "multipliers": "take fewer lanes (--lanes N, or --fit), or a larger part",
}
"""What to change where a part has not enough of something."""


@dataclass(frozen=True)
class WorstPath:
    """The path that limits the clock: its delay, and the blocks that it leads through, in order, by name."""

    delay_ns: float
    blocks: tuple[str, ...]


@dataclass(frozen=True)
class Placement:
    """What nextpnr reports: ``used`` of what is ``available`` by nextpnr's names, and the fastest clock."""

    used: Mapping[str, tuple[int, int]]
    fmax_mhz: float
    worst: WorstPath


def does_not_fit(
    part: str,
    resource: str,
    wanted: float,
    available: int,
    where: str = "",
    advice: Mapping[str, str] = ADVICE,
    at_least: bool = False,
) -> FitError:
    """The exception for what a part has not enough of; ``where`` says which stage wants most of it.

    ``advice`` tells by resource, in words, what to change; a larger part of what it does not name. ``at_least`` says
    that ``wanted`` is a lower bound.
    """
    change = advice.get(resource, "take a larger part")
    amount = f"{'at least ' if at_least else ''}{wanted:,.10g}"
    return FitError(f"the circuit needs {amount} {resource}{where}, and the {part} has {available:,}: {change}")


def place(
    part: Part,
    pins: str | None,
    clock_mhz: float,
    seed: int,
    folder: Path,
    stages: Stages,
    advice: Mapping[str, str] = ADVICE,
) -> Placement:
    """Place and route the netlist in ``folder``, leaving ``PLACED``, reports and a log there.

    ``pins`` is the file of pins, None for any pins at all; timing that is missed is reported and no error; ``advice``
    is that of `does_not_fit`. The same arguments give the same result. Raises FitError, ToolError or ToolMissingError.
    """
    flow = FAMILIES[part.family].flow
    if flow is None:
        raise ToolError(f"nothing that comes from a package places {part.family} parts")
    words = (*flow.options, *(flow.unpinned if pins is None else flow.pinned))
    names = {**part.model_dump(), "pins": pins, "placed": PLACED}
    command = [
        *(word.format(**names) for word in words),
        *("--json", NETLIST, "--report", REPORT, "--seed", str(seed), "--freq", f"{clock_mhz:.6f}"),
        "--timing-allow-fail",
    ]
    status = tools.call(*flow.nextpnr, command, folder, LOG)
    used = utilisation((folder / LOG).read_text(errors="replace"))
    for name, (wanted, available) in used.items():
        if wanted > available:
            raise does_not_fit(part.name, RESOURCES.get(name, name), wanted, available, advice=advice)
    if status != 0:
        raise tools.first_error(folder, LOG, "place and route")
    return read(json.loads((folder / REPORT).read_text()), used, stages)


def pack(part: Part, flow: Flow, folder: Path) -> bytes:
    """The bitstream of what was placed in ``folder``. Raises ToolError or ToolMissingError."""
    names = {**part.model_dump(), "placed": PLACED, "bitstream": "bitstream"}
    words = [word.format(**names) for word in flow.pack_options]
    if tools.call(*flow.pack, words, folder, PACK_LOG) != 0:
        raise tools.first_error(folder, PACK_LOG, "packing")
    return (folder / "bitstream").read_bytes()


def utilisation(log: str) -> dict[str, tuple[int, int]]:
    """What is used of what there is, from nextpnr's log, without what is not used at all."""
    found = re.findall(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%$", log, re.MULTILINE)
    return {name: (int(used), int(available)) for name, used, available in found if int(used)}


def read(report: Mapping[str, Any], used: Mapping[str, tuple[int, int]], stages: Stages) -> Placement:
    """The placement of a report of nextpnr's; the slowest clock is the circuit's."""
    if not report["fmax"]:
        raise ToolError("nextpnr found no path from register to register, so nothing says how fast the clock can be")
    slowest = min(report["fmax"], key=lambda clock: float(report["fmax"][clock]["achieved"]))
    paths = report["critical_paths"]
    path = next(p["path"] for p in paths if slowest in p["from"] and slowest in p["to"])
    return Placement(used, float(report["fmax"][slowest]["achieved"]), worst_path(path, stages))


def worst_path(path: Sequence[Mapping[str, Any]], stages: Stages) -> WorstPath:
    """The path in the words of the circuit's blocks."""
    cells = [path[0]["from"]["cell"], *(segment["to"]["cell"] for segment in path)]
    blocks = [stages.block(cell) for cell in cells if "." in cell] or [stages.block(cells[0])]
    kept = [block for index, block in enumerate(blocks) if index == 0 or block != blocks[index - 1]]
    return WorstPath(sum(float(segment["delay"]) for segment in path), tuple(kept))
