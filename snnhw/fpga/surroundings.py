"""What is built around a circuit: a board's clock, reset and pins, or a harness where there is no board."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydantic import ValidationError

from gateware.board import BoardTop, Harness, Primitive
from snnhw.conversion import convert
from snnhw.errors import BoardError
from snnhw.fpga.boards import Board
from snnhw.fpga.parts import FAMILIES, Part
from snnhw.fpga.pll import find_pll
from snnhw.fpga.stages import BOARD, HARNESS
from snnhw.network import first_complaint
from snnhw.shell import PLAIN, Shell, UartShell
from snnhw.verilog import Emitted

__all__ = ["Surroundings", "around"]


@dataclass(frozen=True)
class Surroundings:
    """The clock, the interface of the circuit, and the module above it.

    ``name`` is that of the module, None where the circuit itself is the top, as it is where nothing will be placed.
    """

    clock_mhz: float
    shell: Shell
    name: str | None
    board: Board | None = None
    pll: Primitive | None = None

    def files(self, emitted: Emitted) -> dict[str, str]:
        """The file of the module above a circuit, by its name; none where there is no such module."""
        if self.name is None:
            return {}
        top = emitted.interface.top
        if self.board is None:
            component: Harness | BoardTop = Harness(top, emitted.shell.ports(emitted.interface))
        else:
            family = FAMILIES[self.board.device.family]
            component = BoardTop(
                top,
                pll=self.pll,
                startup=max(1, math.ceil(family.startup_s * self.clock_mhz * 1e6)),
                reset_low=None if self.board.reset is None else self.board.reset.active_low,
                led_low=None if self.board.led is None else self.board.led.active_low,
                tied=self.board.tied,
            )
        return {f"{self.name}.v": convert(component, self.name).text}


def around(target: Board | Part, clock_mhz: float | None, baud: int | None) -> Surroundings:
    """What is around a circuit on a board or part; raises BoardError for a clock or baud that cannot be."""
    if isinstance(target, Part):
        if baud is not None:
            raise BoardError("a baud is for a board: --board none has no serial line")
        family = FAMILIES[target.family]
        _check_clock(target, clock_mhz or family.usual_mhz)
        return Surroundings(clock_mhz or family.usual_mhz, PLAIN, HARNESS if family.flow else None)
    _check_clock(target.device, clock_mhz or target.core_mhz)
    asked_hz = (clock_mhz or target.core_mhz) * 1e6
    frequency_hz, primitive = float(target.clock.frequency_hz), None
    if asked_hz != frequency_hz:
        pll = find_pll(target.device.family, frequency_hz, asked_hz)
        frequency_hz, primitive = pll.frequency_hz, pll.primitive
    try:
        shell = UartShell(baud=baud or target.uart.baud, clock_hz=round(frequency_hz))
    except ValidationError as error:
        raise BoardError(f"{first_complaint(error)}; choose another --baud or --clock") from error
    return Surroundings(frequency_hz / 1e6, shell, BOARD, target, primitive)


def _check_clock(part: Part, mhz: float) -> None:
    """Raise BoardError for a clock that no circuit in a part runs at."""
    if part.max_mhz is not None and mhz > part.max_mhz:
        raise BoardError(
            f"no circuit runs at {mhz:g} MHz in the {part.name}, whose clock network ends at {part.max_mhz:g} MHz: ask "
            "for a slower --clock"
        )
