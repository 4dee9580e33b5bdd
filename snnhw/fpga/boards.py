"""Boards as data: a description in TOML and the pins in the language of the part's tools, read and checked."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, model_validator

from snnhw.errors import BoardError
from snnhw.fpga.parts import FAMILIES, Part, constraints, find_part
from snnhw.kinds import Frozen
from snnhw.network import first_complaint
from snnhw.points import POINTS
from snnhw.wording import no_such, quoted

__all__ = ["Board", "board_names", "find_board"]

Level = Literal[0, 1]


class _Table(Frozen):
    model_config = ConfigDict(strict=True)


class Clock(_Table):
    """The oscillator at the port ``clk``."""

    frequency_hz: Annotated[int, Field(ge=1)]


class Uart(_Table):
    """The serial line at the ports ``rx`` and ``tx``."""

    baud: Annotated[int, Field(ge=1)]


class Active(_Table):
    """A button at the port ``rst``, or a light at the port ``led``."""

    active_low: bool


class Board(_Table):
    """A board: what stands in its file, which ``constraints/README.md`` explains, and the text of its pins."""

    name: str
    part: str
    package: str | None = None
    pins: str
    core_mhz: Annotated[float, Field(gt=0)]
    point: str | None = None
    model: str = "mnist-mlp"
    clock: Clock
    uart: Uart
    reset: Active | None = None
    led: Active | None = None
    tied: dict[str, Level] = Field(default_factory=dict)
    programmer: tuple[str, ...] = ()
    constraints: str = ""
    """The text of the file ``pins``."""

    @model_validator(mode="after")
    def _tied_are_others(self) -> Board:
        if taken := sorted({"clk", "rx", "tx", "rst", "led"} & set(self.tied)):
            raise ValueError(f"tied: {taken[0]} is a port already")
        return self

    @model_validator(mode="after")
    def _point_is_known(self) -> Board:
        if self.point is not None and self.point not in POINTS:
            raise ValueError(f"point: {no_such('point', self.point, POINTS)}")
        return self

    @property
    def device(self) -> Part:
        """The part, in the board's package."""
        part = find_part(self.part)
        return part if self.package is None else part.model_copy(update={"package": self.package})

    @property
    def ports(self) -> set[str]:
        """The ports that need a pin."""
        return {
            *("clk", "rx", "tx"),
            *(["rst"] if self.reset else []),
            *(["led"] if self.led else []),
            *self.tied,
        }


def board_names() -> tuple[str, ...]:
    """The boards that there is data of."""
    return tuple(sorted(_files()))


def find_board(name: str) -> Board:
    """The board of that name, or that a file describes; raises BoardError with the list of those there are."""
    if name.endswith(".toml"):
        return _read(Path(name))
    found = _files().get(name)
    if found is None:
        raise BoardError(
            f"{no_such('board', name, board_names())}; give the path of a .toml file for one of your own, or none with "
            "--part for an estimate"
        )
    return _read(found)


def _files() -> dict[str, Path]:
    return {file.stem: file for file in constraints().glob("*/*.toml")}


def _read(file: Path) -> Board:
    """The board that a file describes, its pins checked."""
    text = _text(file, f"there is no file {file}; a board is described by a .toml file")
    try:
        entries = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BoardError(f"{file} is no TOML: {error}") from error
    try:
        board = Board.model_validate(_tuples(entries))
    except ValidationError as error:
        raise BoardError(f"{file}: {first_complaint(error)}") from error
    if not board.pins or Path(board.pins).name != board.pins:
        raise BoardError(f"{file}: pins: must be the name of a file beside it, not {quoted(board.pins)}")
    pins = file.with_name(board.pins)
    missing = f"{file}: pins: there is no file {board.pins} beside it"
    board = board.model_copy(update={"constraints": _text(pins, missing)})
    _check_pins(board, str(pins))
    return board


def _text(file: Path, missing: str) -> str:
    """What stands in a file; BoardError where it cannot be read, ``missing`` where it is not there."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise BoardError(missing) from error
    except UnicodeDecodeError as error:
        raise BoardError(f"{file} is no text in UTF-8: {error}") from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise BoardError(f"cannot read {file}: {reason.lower()}") from error


def _tuples(entries: dict[str, Any]) -> dict[str, Any]:
    """TOML's lists as tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entries.items()}


def _check_pins(board: Board, file: str) -> None:
    """Raise BoardError where a port has no pin, a pin is of no port, or one is used twice."""
    pattern = re.compile(FAMILIES[board.device.family].pin)
    found = [match for line in board.constraints.splitlines() if (match := pattern.match(line.strip()))]
    pins = [(match["port"], match["pin"]) for match in found]
    ports = [port for port, _ in pins]
    if missing := sorted(board.ports - set(ports)):
        raise BoardError(f"{file}: port {missing[0]} has no pin")
    if unknown := sorted(set(ports) - board.ports):
        raise BoardError(f"{file}: {no_such('port', unknown[0], sorted(board.ports))}")
    for what, count in (*Counter(ports).items(), *Counter(pin for _, pin in pins).items()):
        if count > 1:
            raise BoardError(f"{file}: {what} is there {count} times")
