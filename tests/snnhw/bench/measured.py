"""Points and boards as if they had been measured."""

from __future__ import annotations

from typing import Any

from snnhw.bench.figures import BoardFigures, PointFigures, Table
from snnhw.fpga.boards import find_board
from snnhw.points import POINTS
from snnhw.verdict import Spread


def spread(mean: float) -> Spread:
    return Spread(min=1, mean=mean, max=900)


def figures(name: str, **changes: Any) -> PointFigures:
    point = POINTS[name]
    return PointFigures(**{**_KNOWN, "name": name, "part": point.part, "board": point.board, **changes})


def board_figures(name: str, **changes: Any) -> BoardFigures:
    board = find_board(name)
    known = {
        **{"name": name, "title": board.name, "part": board.part, "point": board.point, "clock_mhz": board.core_mhz},
        **{"model": "small", "digest": "0" * 64, "made": "snn.bin", "bitstream_sha256": "1" * 64},
    }
    return BoardFigures(**{**_KNOWN, **known, **changes})


_KNOWN: dict[str, Any] = {
    **{"lut": 400, "lutram": 8, "inv": 2, "ff": 500, "carry": 30, "bram": 1.5, "spram": 0, "dsp": 0},
    **{"fmax_mhz": None, "clock_mhz": 100.0, "met": True},
    **{"cycles": spread(300.0), "interval": spread(200.0), "floor_cycles": 250.0, "floor_interval": 180.0},
    **{"images": 30, "correct": 5, "mismatches": 0, "timing_mismatches": 0, "problems": (), "values": 9000},
}


def table(*points: PointFigures, **others: Any) -> Table:
    tools = {"pyosys": "0.70"}
    return Table(model="small", digest="0" * 64, dataset="digits", images=30, tools=tools, points=points, **others)
