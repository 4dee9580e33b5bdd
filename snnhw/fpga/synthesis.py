"""Synthesis by yosys, from the emitted Verilog, and what it makes of each stage of a circuit."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from snnhw.design import Design
from snnhw.errors import ToolError
from snnhw.fpga import tools
from snnhw.fpga.blocks import Block, find
from snnhw.fpga.memories import Memory, split_emitted
from snnhw.fpga.parts import FAMILIES, Cells, Family
from snnhw.fpga.stages import Stages
from snnhw.verilog import emit

__all__ = ["NETLIST", "Netlist", "cells", "stage_cells", "synthesise"]

NETLIST = "netlist.json"
LOG = "yosys.log"

_YOSYS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


@dataclass(frozen=True)
class Netlist:
    """How many cells of each type every stage of a circuit has after synthesis.

    ``blocks`` are the block RAMs that hold memories which can be patched, and ``fixed`` the memories whose contents
    synthesis has mixed with logic.
    """

    types: Mapping[str, Mapping[str, int]]
    blocks: tuple[Block, ...] = ()
    fixed: frozenset[str] = frozenset()

    def stages(self, family: Family) -> dict[str, Cells]:
        """What each stage comes to."""
        return {stage: family.count(types) for stage, types in self.types.items()}

    def total(self, family: Family) -> Cells:
        """What all stages come to together."""
        return sum(self.stages(family).values(), Cells())


_NONE: Mapping[str, Memory] = MappingProxyType({})


def synthesise(
    sources: Sequence[str],
    top: str,
    family: Family,
    folder: Path,
    stages: Stages,
    memories: Mapping[str, Memory] = _NONE,
) -> Netlist:
    """Run the family's recipe on Verilog files of ``folder``; leaves ``NETLIST`` and a log there.

    Everything is flattened, so that stages are optimised together. ``memories`` are contents that the files give; in
    the netlist tags stand for those that are found again (see `snnhw.fpga.blocks`). Raises ToolError or
    ToolMissingError.
    """
    tools.require("pyosys")
    commands = [
        *(f"read_verilog {source}" for source in sources),
        f"{family.synthesis} -top {top}",
        "autoname",
        f"write_json {NETLIST}",
    ]
    if tools.run([sys.executable, "-c", _YOSYS, *commands], folder, LOG) != 0:
        raise tools.first_error(folder, LOG, "yosys")
    netlist = read(folder / NETLIST, top, stages)
    if not memories:
        return netlist
    blocks, fixed = find(folder / NETLIST, top, family.name, memories)
    return Netlist(netlist.types, tuple(blocks), frozenset(fixed))


def read(path: Path, top: str, stages: Stages) -> Netlist:
    """The cells of a flat netlist in yosys's JSON."""
    try:
        found = json.loads(path.read_text())["modules"][top]["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise ToolError(f"yosys has left no netlist of {top}; install pyosys again") from error
    counted: dict[str, Counter[str]] = {}
    for name, cell in found.items():
        if not cell["type"].startswith("$"):
            counted.setdefault(stages.stage(name), Counter())[cell["type"]] += 1
    return Netlist({stage: dict(types) for stage, types in counted.items()})


def stage_cells(design: Design, family: str) -> dict[str, Cells]:
    """What each stage of the circuit with plain streams comes to in a family of parts; seconds to minutes.

    Raises ToolError or ToolMissingError.
    """
    chosen = FAMILIES[family]
    emitted = emit(design)
    top = emitted.interface.top
    with tempfile.TemporaryDirectory(prefix="snnhw_") as folder:
        split_emitted(emitted).write(Path(folder), top)
        return synthesise([f"{top}.v"], top, chosen, Path(folder), Stages.of(design.network)).stages(chosen)


def cells(design: Design, family: str = "xc7") -> Cells:
    """What all of them come to together."""
    return sum(stage_cells(design, family).values(), Cells())
