"""Print what yosys makes of the shipped models for Xilinx 7: ``python -m benchmarks.resources``; minutes.

``synth_xilinx -family xc7 -flatten``, nothing placed; LUT counts logic of any size, LUT RAM apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.presets import resolve_model
from snnhw.verilog import emit

LANES = {"mnist-mlp": (None, 16, 8), "mnist-graded": (None, 8)}

_SYNTHESIS = """
from pyosys import libyosys
design = libyosys.Design()
for command in ("read_verilog snn.v", "synth_xilinx -family xc7 -flatten -top snn", "tee -q -o stat.json stat -json"):
    libyosys.run_pass(command, design)
"""


def cells(model: Model, lanes: int | None) -> dict[str, int]:
    """The cells of a circuit by type."""
    with tempfile.TemporaryDirectory() as folder:
        emit(model, Implementation.of(model.network, lanes=lanes)).write(folder)
        subprocess.run([sys.executable, "-c", _SYNTHESIS], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        text = (Path(folder) / "stat.json").read_text()
    counted: dict[str, int] = json.loads(text[text.index("{") :])["design"]["num_cells_by_type"]
    return counted


def main() -> None:
    """Print a table in Markdown."""
    print("| model | synapse lanes | LUT | LUT RAM (RAM32M) | FF | CARRY4 | RAMB18 + RAMB36 | DSP |")
    print("|---|---|---|---|---|---|---|---|")
    for name, choices in LANES.items():
        for lanes in choices:
            found = cells(resolve_model(name), lanes)
            luts = sum(found.get(f"LUT{size}", 0) for size in range(1, 7))
            flops = sum(found.get(kind, 0) for kind in ("FDRE", "FDSE", "FDCE", "FDPE"))
            blocks = f"{found.get('RAMB18E1', 0)} + {found.get('RAMB36E1', 0)}"
            rest = f"{found.get('RAM32M', 0)} | {flops:,} | {found.get('CARRY4', 0)} | {blocks}"
            print(f"| `{name}` | {lanes or 'all'} | {luts:,} | {rest} | {found.get('DSP48E1', 0)} |", flush=True)


if __name__ == "__main__":
    main()
