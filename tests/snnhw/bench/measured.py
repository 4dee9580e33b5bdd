"""Points as if they had been measured."""

from __future__ import annotations

from typing import Any

from snnhw.bench.figures import Figures, Table
from snnhw.fpga.report import Spread
from snnhw.points import POINTS


def spread(mean: float) -> Spread:
    return Spread(min=1, mean=mean, max=900)


def figures(name: str, **changes: Any) -> Figures:
    point = POINTS[name]
    known = {
        **{"name": name, "part": point.part, "board": point.board, "lut": 400, "lutram": 8, "inv": 2, "ff": 500},
        **{"carry": 30, "bram": 1.5, "spram": 0, "dsp": 0, "fmax_mhz": None, "clock_mhz": 100.0, "met": True},
        **{"cycles": spread(300.0), "interval": spread(200.0), "floor_cycles": 250.0, "floor_interval": 180.0},
        **{"images": 30, "correct": 5, "mismatches": 0, "timing_mismatches": 0, "problems": (), "values": 9000},
    }
    return Figures(**{**known, **changes})


def table(*points: Figures) -> Table:
    tools = {"pyosys": "0.70"}
    return Table(model="small", digest="0" * 64, dataset="digits", images=30, tools=tools, points=points)
