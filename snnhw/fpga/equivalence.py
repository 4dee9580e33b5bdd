"""Proof that what synthesis makes of a layer's neurons is what was described, for every input and at every time.

Both are run side by side, the description and the netlist of a family's cells, and their outputs and the registers that
both have are shown equal by induction. Memories are cut out of both first: what goes into one is compared, and what
comes out of it is any number, the same for both.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateware.layer import neurons_of
from snnhw.conversion import convert
from snnhw.design import Design
from snnhw.errors import DescriptionError, ToolError
from snnhw.fpga import netlist, tools
from snnhw.fpga.parts import FAMILIES

__all__ = ["Proof", "netlist_of", "prove", "prove_neurons"]

TOP = "bank"
_DESCRIBED, _NETLIST, _CELLS, _LOG = "described.v", "netlist.v", "cells.v", "proof.log"
_CUT, _GOLD, _GATE = "cut.json", "gold.json", "gate.json"
_LONGEST = 8
"""Steps of induction that are tried: registers of both sides are compared, so few are needed."""
_CUT_PORTS = {"RD_ADDR": "output", "RD_DATA": "input", "WR_ADDR": "output", "WR_DATA": "output", "WR_EN": "output"}
"""The ports of a memory that matter, seen from outside."""

_YOSYS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


@dataclass(frozen=True)
class Proof:
    """What was found: ``proved`` for all inputs and times, or not."""

    family: str
    layer: str
    proved: bool
    seconds: float


def prove_neurons(design: Design, layer: str, *, family: str, seconds: int = 120) -> Proof:
    """Synthesise the neurons of a layer, and prove the netlist equal to them; it takes ``seconds`` at most.

    Raises DescriptionError for an unknown layer or family, ToolError where a tool fails or the time is over.
    """
    begun = time.perf_counter()
    described = description(design, layer)
    proved = prove(described, netlist_of(described, family), family, seconds)
    return Proof(family, layer, proved, round(time.perf_counter() - begun, 3))


def description(design: Design, layer: str) -> str:
    """The neurons of a layer as Verilog, a module ``TOP``."""
    return convert(neurons_of(design.layer(layer)), TOP).text


def netlist_of(described: str, family: str) -> str:
    """What synthesis makes of a module ``TOP`` whose memories are cut out, as Verilog."""
    if family not in netlist.CELLS:
        raise DescriptionError(f"netlists are proved for {', '.join(netlist.CELLS)}, not for '{family}'")
    recipe = FAMILIES[family].synthesis + (" -noiopad -noclkbuf" if family == "xc7" else "")
    with tempfile.TemporaryDirectory(prefix="snnhw_") as temporary:
        folder = Path(temporary)
        (folder / _CUT).write_text(_cut(described, folder))
        _run(folder, f"read_json {_CUT}", f"{recipe} -top {TOP}", "splitnets", f"write_verilog -noattr {_NETLIST}")
        return (folder / _NETLIST).read_text()


def prove(described: str, gates: str, family: str, seconds: int) -> bool:
    """Whether a netlist of ``netlist_of`` does what a module does."""
    with tempfile.TemporaryDirectory(prefix="snnhw_") as temporary:
        folder = Path(temporary)
        (folder / _CUT).write_text(_cut(described, folder))
        (folder / _NETLIST).write_text(gates)
        (folder / _CELLS).write_text(netlist.cells(gates, family))
        # FPGAs start every register at 0 that is not told otherwise.
        finish = ("splitnets", "dffunmap", "setundef -init -zero", "opt_clean")
        _run(folder, f"read_json {_CUT}", *finish, f"rename {TOP} gold", f"write_json {_GOLD}")
        read = (f"read_verilog {_NETLIST}", f"read_verilog -formal {_CELLS}", f"hierarchy -check -top {TOP}")
        _run(folder, *read, "proc", "flatten", *finish, f"rename {TOP} gate", f"write_json {_GATE}")
        _show_shared_registers(folder)
        _run(
            folder,
            *(f"read_json {_GOLD}", f"read_json {_GATE}", "miter -equiv -make_assert -flatten gold gate miter"),
            *("hierarchy -top miter", "async2sync", "dffunmap", "setundef -zero", "opt_clean"),
            f"sat -prove-asserts -tempinduct -maxsteps {_LONGEST} -timeout {seconds} miter",
        )
        log = (folder / _LOG).read_text(errors="replace")
        if "Interrupted SAT solver: TIMEOUT" in log:
            raise ToolError(f"the proof takes longer than {seconds} s; allow it more, or take fewer neuron lanes")
        return "Induction step proven: SUCCESS!" in log


def _cut(described: str, folder: Path) -> str:
    """A module without its memories, as yosys's JSON: their ports are the module's."""
    (folder / _DESCRIBED).write_text(described)
    _run(
        folder,
        *(f"read_verilog {_DESCRIBED}", f"hierarchy -top {TOP}", "proc -norom", "flatten", "opt_clean"),
        # What a memory is given while it is not written is said by nobody: 0 for both.
        *("memory_collect", "setundef -zero", "opt_clean", f"write_json {_CUT}"),
    )
    design: dict[str, Any] = json.loads((folder / _CUT).read_text())
    module = design["modules"][TOP]
    for name in [name for name, cell in module["cells"].items() if cell["type"] == "$mem_v2"]:
        cell = module["cells"].pop(name)
        for port, direction in _CUT_PORTS.items():
            if bits := cell["connections"][port]:
                module["ports"][f"{name}_{port}"] = {"direction": direction, "bits": bits}
    return json.dumps(design)


def _show_shared_registers(folder: Path) -> None:
    """Make outputs of the registers that both sides have, by name, so that the proof can lean on their being equal."""
    designs = {side: json.loads((folder / f"{side}.json").read_text()) for side in ("gold", "gate")}
    found = {side: _registers(design["modules"][side]) for side, design in designs.items()}
    for side, design in designs.items():
        module = design["modules"][side]
        for name in set(found["gold"]) & set(found["gate"]) - set(module["ports"]):
            module["ports"][name] = {"direction": "output", "bits": [found[side][name]]}
        (folder / f"{side}.json").write_text(json.dumps(design))


def _registers(module: dict[str, Any]) -> dict[str, int]:
    """The bits that registers hold, by name."""
    held = {bit for cell in module["cells"].values() if "dff" in cell["type"] for bit in cell["connections"]["Q"]}
    nets = {name: net["bits"] for name, net in module["netnames"].items()}
    return {name: bits[0] for name, bits in nets.items() if len(bits) == 1 and bits[0] in held}


def _run(folder: Path, *commands: str) -> None:
    """Have yosys run commands in a folder; raises ToolError where it fails."""
    tools.require("pyosys")
    if tools.run([sys.executable, "-c", _YOSYS, *commands], folder, _LOG) != 0:
        raise tools.first_error(folder, _LOG, "yosys")
