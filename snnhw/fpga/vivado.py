"""A project for Vivado, for parts that no tool that comes as a package places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from snnhw.files import write_atomically
from snnhw.fpga.boards import Board
from snnhw.fpga.parts import Part

__all__ = ["SCRIPT", "VENDORS", "write_project"]

SCRIPT = "build.tcl"
VENDORS = "snn.bit"
"""The bitstream that the script makes."""


def write_project(part: Part, board: Board, sources: Sequence[str], top: str, folder: Path) -> Path:
    """Write the script beside the Verilog and the pins; ``vivado -mode batch -source build.tcl`` makes ``VENDORS``."""
    device = f"{part.device}{part.package}-{part.speed}"
    read = "".join(f"read_verilog {source}\n" for source in sources)
    return write_atomically(
        folder / SCRIPT,
        f"""# Builds {board.name} with Vivado, in this folder: vivado -mode batch -source {SCRIPT}
cd [file dirname [file normalize [info script]]]
set_part {device}
{read}read_xdc {board.pins}
synth_design -top {top} -part {device}
opt_design
place_design
phys_opt_design
route_design
report_utilization -hierarchical -file vivado_utilization.txt
report_timing_summary -file vivado_timing.txt
if {{[get_property SLACK [get_timing_paths]] < 0}} {{
    error "timing missed: see vivado_timing.txt"
}}
write_bitstream -force {VENDORS}
""",
    )
