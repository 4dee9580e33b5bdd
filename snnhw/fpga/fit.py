"""The most lanes that a part has room for, found by building."""

from __future__ import annotations

from collections.abc import Callable

from snnhw.design import Design
from snnhw.errors import FitError
from snnhw.fpga.boards import Board
from snnhw.fpga.parts import Part
from snnhw.fpga.report import BuildReport
from snnhw.fpga.room import check_design, check_room
from snnhw.fpga.synthesis import stage_cells
from snnhw.network import Network

__all__ = ["build_largest", "candidates"]


def candidates(network: Network) -> list[int]:
    """Lanes to try: those of the widest layer in 1, 2, 4, ... groups, the most first.

    A convolution is as wide as its channels at all positions that an event reaches.
    """
    widest = max(layer.channels * layer.synapse.position_lanes(layer.in_shape)[0] for layer in network.layers)
    groups = [2**n for n in range(widest.bit_length() + 1)]
    return sorted({-(-widest // count) for count in groups}, reverse=True)


def build_largest(
    network: Network,
    choose: Callable[[int], Design],
    target: Board | Part,
    build: Callable[[Design], BuildReport],
) -> BuildReport:
    """Build with the most lanes that fit.

    ``choose`` makes a design of a cap on lanes, which ``build`` builds for the target. Where not even the fewest lanes
    fit, their design or one synthesis says so before the long builds. Raises FitError then, and what ``build`` raises.
    """
    part = target if isinstance(target, Part) else target.device
    *more, fewest = candidates(network)
    smallest = choose(fewest)
    check_design(smallest, part)
    check_room(part, stage_cells(smallest, part.family))
    for lanes in more:
        try:
            return build(choose(lanes))
        except FitError:
            continue
    return build(smallest)
