"""Boards as data: what ships is whole, and what is wrong with a file is said in one line."""

import re
import shutil
from pathlib import Path

import pytest

from snnhw.errors import BoardError
from snnhw.fpga.boards import board_names, find_board
from snnhw.fpga.parts import FAMILIES, constraints, find_part, parts
from snnhw.fpga.pll import find_pll
from snnhw.fpga.surroundings import around
from snnhw.points import POINTS
from snnhw.shell import UartShell
from snnhw.shipped import shipped_models
from snnhw.subject import SubjectKind

LINES = {
    ".pcf": r"^set_io(?: -pullup yes)? (?P<port>\w+) (?P<pin>\w+)$",
    ".lpf": r'^LOCATE COMP "(?P<port>\w+)" SITE "(?P<pin>\w+)";$',
    ".xdc": r"^set_property -dict {PACKAGE_PIN (?P<pin>\w+) .*} \[get_ports (?P<port>\w+)\]$",
    ".cst": r'^IO_LOC "(?P<port>\w+)" (?P<pin>\w+);$',
}
"""How pins are written in the files that ship, apart from the expressions of the toolkit."""


@pytest.mark.parametrize("name", board_names())
def test_every_port_has_a_pin_of_its_own(name: str):
    board = find_board(name)
    found = list(re.finditer(LINES[Path(board.pins).suffix], board.constraints, re.MULTILINE))
    assert sorted(match["port"] for match in found) == sorted(board.ports)
    assert len({match["pin"] for match in found}) == len(found)
    assert "chematic" in board.constraints, "the source of the pins is named"


@pytest.mark.parametrize("name", board_names())
def test_the_usual_clock_of_a_board_can_be_made(name: str):
    board = find_board(name)
    surroundings = around(board, None, None)
    assert surroundings.clock_mhz == pytest.approx(board.core_mhz)
    assert isinstance(surroundings.shell, UartShell)
    assert surroundings.shell.baud == board.uart.baud
    assert surroundings.shell.clock_hz == board.core_mhz * 1e6
    assert (surroundings.pll is None) == (board.core_mhz * 1e6 == board.clock.frequency_hz)


def test_the_boards_that_ship():
    for board in map(find_board, board_names()):
        assert board.point in POINTS
        assert board.model in shipped_models(SubjectKind.NETWORK)
    assert board_names() == ("arty-a7", "icebreaker", "tangnano9k", "ulx3s-25f", "ulx3s-85f")
    assert {part.family for part in parts().values()} == set(FAMILIES)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A board of one's own, as yet a copy."""
    shutil.copytree(constraints() / "ulx3s", tmp_path / "mine")
    return tmp_path / "mine" / "ulx3s-25f.toml"


def test_a_board_of_ones_own_needs_no_code(own: Path):
    own.write_text(own.read_text().replace('name = "ULX3S 25F"', 'name = "Mine"'))
    assert find_board(str(own)).name == "Mine"


@pytest.mark.parametrize("file", ["pins.lpf", "ulx3s-25f.toml"])
def test_a_byte_order_mark_is_passed_over(file: str, own: Path):
    before = find_board(str(own))
    own.with_name(file).write_bytes(b"\xef\xbb\xbf" + own.with_name(file).read_bytes())
    assert find_board(str(own)) == before


WRONG: dict[str, tuple[str, str, str, str]] = {
    "no pin": ("pins.lpf", 'LOCATE COMP "tx" SITE "L4";', "", "pins.lpf: port tx has no pin"),
    "no port": ("pins.lpf", 'COMP "tx"', 'COMP "uart_tx"', "port tx has no pin"),
    "pin of no port": ("pins.lpf", 'LOCATE COMP "tx"', 'LOCATE COMP "x" SITE "A1";\nLOCATE COMP "tx"', "no port 'x'"),
    "pin twice": ("pins.lpf", 'SITE "L4"', 'SITE "M1"', "pins.lpf: M1 is there 2 times"),
    "unknown part": (
        "ulx3s-25f.toml",
        "lfe5u-25f",
        "lfe5u-99f",
        "no part 'lfe5u-99f'",
    ),
    "unknown key": ("ulx3s-25f.toml", "[uart]", "[usb]\nx = 1\n[uart]", "there is no key 'usb'; there are name, part"),
    "missing key": ("ulx3s-25f.toml", "frequency_hz = 25_000_000", "", "clock.frequency_hz: Field required"),
    "wrong kind": ("ulx3s-25f.toml", "baud = 1_000_000", 'baud = "fast"', "uart.baud: Input should be a valid integer"),
    "no TOML": ("ulx3s-25f.toml", "[uart]", "[uart", "is no TOML"),
    "nested TOML": ("ulx3s-25f.toml", "[uart]", f"x = {'[' * 3000}\n[uart]", "is no TOML: maximum recursion depth"),
    "pins elsewhere": (
        "ulx3s-25f.toml",
        "pins.lpf",
        "../pins.lpf",
        "must be the name of a file beside it, not '../pins",
    ),
    "pins of no name": ("ulx3s-25f.toml", "pins.lpf", "\\u0000", "embedded null"),
    "no pins": ("ulx3s-25f.toml", "pins.lpf", "needles.lpf", "there is no file needles.lpf beside it"),
    "unknown point": (
        "ulx3s-25f.toml",
        '"ecp5"',
        '"ecp6"',
        "point: there is no point 'ecp6' (did you mean 'ecp5'?)",
    ),
    "tied twice": ("ulx3s-25f.toml", "wifi_gpio0 = 1", "tx = 1", "tied: tx is a port already"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str, own: Path):
    file, before, after, message = WRONG[case]
    text = own.with_name(file).read_text()
    assert before in text
    own.with_name(file).write_text(text.replace(before, after))
    with pytest.raises(BoardError, match=re.escape(message)):
        find_board(str(own))


@pytest.mark.parametrize("file", ["pins.lpf", "ulx3s-25f.toml"])
def test_what_is_no_text_is_named(file: str, own: Path):
    own.with_name(file).write_bytes(b"# \x80")
    with pytest.raises(BoardError, match=rf"{file} is no text in UTF-8"):
        find_board(str(own))
    own.with_name(file).unlink()
    own.with_name(file).mkdir()
    with pytest.raises(BoardError, match=rf"cannot read .*{file}: is a directory"):
        find_board(str(own))


def test_unknown_names_come_with_a_list():
    with pytest.raises(BoardError, match=r"no board 'icebraker' \(did you mean 'icebreaker'\?\); there are arty-a7"):
        find_board("icebraker")
    with pytest.raises(BoardError, match=r"there is no file missing\.toml"):
        find_board("missing.toml")
    assert find_part("UP5K").package == "sg48"


REFERENCE: dict[str, tuple[str, float, float, dict[str, object]]] = {
    "icepll -i 12 -o 24": (
        "ice40",
        12e6,
        24e6,
        {"DIVR": (0, 4), "DIVF": (63, 7), "DIVQ": (5, 3), "FILTER_RANGE": (1, 3)},
    ),
    "icepll -i 100 -o 60": ("ice40", 100e6, 60e6, {"DIVR": (4, 4), "DIVF": (47, 7), "DIVQ": (4, 3)}),
    "ecppll -i 25 -o 110": ("ecp5", 25e6, 110e6, {"CLKI_DIV": 5, "CLKFB_DIV": 22, "CLKOP_DIV": 5}),
}


@pytest.mark.parametrize("case", REFERENCE)
def test_loops_are_those_of_the_vendors_calculators(case: str):
    family, reference, asked, expected = REFERENCE[case]
    pll = find_pll(family, reference, asked)
    assert pll.frequency_hz == asked
    assert {name: pll.primitive.parameters[name] for name in expected} == expected


def test_a_clock_is_never_faster_than_asked():
    pll = find_pll("xc7", 100e6, 33e6)
    settings = {name: float(value) for name, value in pll.primitive.parameters.items() if isinstance(value, int)}
    made = 100e6 / settings["DIVCLK_DIVIDE"] * settings["CLKFBOUT_MULT"] / settings["CLKOUT0_DIVIDE"]
    assert made == pytest.approx(pll.frequency_hz)
    assert 0.99 * 33e6 <= pll.frequency_hz <= 33e6


def test_clocks_and_bauds_that_cannot_be():
    board = find_board("icebreaker")
    with pytest.raises(BoardError, match=r"no phase-locked loop of ice40 makes 3 MHz from 12 MHz"):
        around(board, 3.0, None)
    with pytest.raises(BoardError, match=r"a baud of 9000000 needs a clock of at least 72000000 Hz, not 24000000"):
        around(board, None, 9_000_000)
    with pytest.raises(BoardError, match="no serial line"):
        around(find_part("up5k"), None, 9600)


def test_every_part_says_where_its_clock_network_ends():
    for part in parts().values():
        assert part.max_mhz is not None, part.name
        assert around(part, part.max_mhz, None).clock_mhz == part.max_mhz > FAMILIES[part.family].usual_mhz
        with pytest.raises(BoardError, match=f"in the {part.name}, whose clock network ends at {part.max_mhz:g} MHz"):
            around(part, part.max_mhz + 1, None)
    own = find_part("up5k").model_copy(update={"max_mhz": None})
    assert around(own, 999, None).clock_mhz == 999, "where nobody knows, nothing is refused"


def test_loops_make_no_clock_beyond_their_outputs():
    assert find_pll("ice40", 12e6, 16.5e6).frequency_hz == 16.5e6
    for family, reference, asked in (("ice40", 12e6, 15e6), ("ice40", 12e6, 300e6), ("ecp5", 25e6, 500e6)):
        with pytest.raises(BoardError, match="no phase-locked loop of"):
            find_pll(family, reference, asked)


def test_an_unknown_part_is_told_the_file_that_is_there():
    with pytest.raises(BoardError, match=r"there is no part 'x'; there are ice40: ") as raised:
        find_part("x")
    (file,) = re.findall(r"\((\S+) takes more\)$", str(raised.value))
    assert Path(file).is_file() and file.endswith("constraints/parts.toml")
