"""Latency against LUTs: points and peers in one picture; and how figures are made of tiles, and written."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snnhw.bench.figures import Table
from snnhw.bench.peers import PEERS, PUBLISHED
from snnhw.errors import ToolMissingError
from snnhw.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["mosaic", "plot", "require", "save_png", "save_svg"]

_DPI = 110


def require() -> None:
    """Raise ToolMissingError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise ToolMissingError("matplotlib is not installed in this Python: pip install 'snnhw[plot]'")


def plot(table: Table, path: str | os.PathLike[str]) -> Path:
    """Draw the points of a table, and beside them peers whose cycles are known, as SVG; the same table, the same file.

    Raises ToolMissingError without matplotlib, OutputError where the file cannot be written.
    """
    require()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    points = [(figures.name, figures.lut, figures.cycles.mean) for figures in table.points]
    shown = PEERS if table.beside_peers else ()
    peers = [(peer.name, peer.lut, float(peer.cycles)) for peer in shown if peer.cycles is not None]
    below = {peer.name for peer in PEERS if peer.source == PUBLISHED}
    groups = ((f"{table.model}, by snnhw", points, "tab:blue", "left"), ("others", peers, "tab:grey", "right"))
    for label, group, color, side in groups[: 1 + table.beside_peers]:
        axes.scatter([lut for _, lut, _ in group], [cycles for _, _, cycles in group], c=color, label=label)
        for name, lut, cycles in group:
            place = (5 if side == "left" else -6, -10 if name in below else 3)
            axes.annotate(name, (lut, cycles), textcoords="offset points", xytext=place, ha=side, fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="LUTs", ylabel="cycles an image, mean")
    axes.margins(0.15)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(loc="best")
    return save_svg(figure, path)


def save_svg(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as SVG, all or nothing; the same figure gives the same file."""
    from matplotlib import rc_context

    with replacing(path) as temporary, rc_context({"svg.hashsalt": "snnhw", "svg.fonttype": "none"}):
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    return Path(path)


def save_png(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG, all or nothing, without what margins are blank."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DPI, bbox_inches="tight", metadata={"Software": None})
    return Path(path)


def mosaic(tiles: NDArray[np.float64], border: float) -> NDArray[np.float64]:
    """Tiles [down, across, height, width] as one image, with a line of ``border`` before each and above it."""
    down, across, height, width = tiles.shape
    framed = np.full((down, across, height + 1, width + 1), border)
    framed[:, :, 1:, 1:] = tiles
    return framed.transpose(0, 2, 1, 3).reshape(down * (height + 1), across * (width + 1))
