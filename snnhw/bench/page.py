"""Measured points and boards as text: tables in Markdown, and their place in a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from snnhw.bench.figures import BoardFigures, Figures, PointFigures, Table
from snnhw.bench.peers import PEERS, Peer
from snnhw.errors import OutputError
from snnhw.files import write_atomically
from snnhw.points import POINTS

__all__ = ["around", "marks", "page", "plot_name", "write"]

FAR = 1.5
"""From so many times the floor on, the page says what is in the way."""


def marks(model: str) -> tuple[str, str]:
    """The lines of a page between which the tables of a model stand: a page can have those of several."""
    name = Path(model).stem
    return f"<!-- snnhw bench {name} -->", f"<!-- end of snnhw bench {name} -->"


def plot_name(model: str) -> str:
    """The name of a model's plot."""
    return f"points-{Path(model).stem}.svg"


def page(table: Table) -> str:
    """The tables of points, of peers and of boards, in Markdown."""
    parts = (
        *(_points(table) if table.points else ()),
        *(_boards(table) if table.boards else ()),
        [f"There is no room for `{name}`: {reason}." for name, reason in table.no_room.items()],
        ["Tools: " + ", ".join(f"{tool} {version}" for tool, version in table.tools.items()) + "."],
    )
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def write(path: Path, text: str, marks: tuple[str, str]) -> Path:
    """Put text between the marks of a page; raises OutputError where it has none."""
    before, after = around(path, marks)
    return write_atomically(path, f"{before}{marks[0]}\n\n{text}\n{marks[1]}{after}")


def around(path: Path, marks: tuple[str, str]) -> tuple[str, str]:
    """What stands before and after the marks of a page; raises OutputError where it has none."""
    first, last = marks
    try:
        before, begin, rest = path.read_text().partition(first)
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"cannot read {path}: {error}; give a page that has the line {first}") from error
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise OutputError(f"{path} must have the lines {first} and {last}, between which the tables go")
    return before, after


def _points(table: Table) -> Iterator[list[str]]:
    """The points, and others beside them."""
    yield [f"`{table.model}`, digest {table.digest[:16]}, {_checked(table, table.points, 'points')}"]
    yield _cycles(table.points)
    yield [_far(figures) for figures in table.points if figures.floor_ratio > FAR]
    yield [_missed(figures) for figures in table.points if not figures.met]
    yield _cells(table.points)
    yield [_legend(table.points)]
    others = " and of others" if table.beside_peers else ""
    yield [f"![latency and LUTs of the points{others}]({plot_name(table.model)})"]
    if table.beside_peers:
        yield _peers()


def _boards(table: Table) -> Iterator[list[str]]:
    """What is built for boards."""
    yield [f"On boards, {_checked(table, table.boards, 'boards')}"]
    yield _bitstreams(table.boards)
    yield [_missed(figures) for figures in table.boards if not figures.met]
    yield [_BOARDS]


def _checked(table: Table, measured: Sequence[Figures], what: str) -> str:
    """What was compared, in a sentence."""
    different = [figures.name for figures in measured if not figures.equal]
    values = sum(figures.values for figures in measured)
    if different:
        return f"{table.images:,} images of {table.dataset}: {', '.join(different)} NOT EQUAL to golden."
    return (
        f"{table.images:,} images of {table.dataset}, each alone and in a stream: {values:,} values of all {what} "
        f"compared with golden, and none differs; all cycles are as predicted."
    )


def _missed(figures: Figures) -> str:
    return f"`{figures.name}` misses the clock that was asked for: {figures.fmax_mhz:.1f} MHz is what it reaches."


def _far(figures: Figures) -> str:
    rest = figures.cycles.mean - figures.floor_cycles
    return (
        f"`{figures.name}` takes {figures.floor_ratio:.2f} times its floor: the other {rest:,.0f} cycles are words of "
        "neurons, the layers' pipelines and the comparison of the scores, all of which follow the last read."
    )


def _cycles(points: Sequence[PointFigures]) -> list[str]:
    head = (
        "point|what it is|cycles an image, min / mean / max|floor|times floor|back to back|floor|clock MHz|"
        "us an image|images/s|correct"
    )
    rows = []
    for figures in points:
        cycles = figures.cycles
        placed = "Fmax" if figures.fmax_mhz else "assumed"
        rows.append(
            f"`{figures.name}`|{POINTS[figures.name].summary}|{cycles.min:,} / {cycles.mean:,.1f} / {cycles.max:,}|"
            f"{figures.floor_cycles:,.1f}|{figures.floor_ratio:.2f}|{figures.interval.mean:,.1f}|"
            f"{figures.floor_interval:,.1f}|{figures.clock_mhz:.1f} ({placed})|{figures.latency_us:.2f}|"
            f"{figures.images_per_s:,.0f}|{_number(figures.correct)}"
        )
    return _table(head, rows)


def _cells(points: Sequence[PointFigures]) -> list[str]:
    head = "point|part|LUT|of them RAM|INV|FF|carry cells|block RAM|SPRAM|DSP|LUT x cycles"
    rows = [
        f"`{figures.name}`|{figures.board or figures.part}|{figures.lut:,}|{figures.lutram:,}|{figures.inv:,}|"
        f"{figures.ff:,}|{figures.carry:,}|{figures.bram:g}|{figures.spram}|{figures.dsp}|{figures.lut_cycles:,.0f}"
        for figures in points
    ]
    return _table(head, rows)


def _legend(points: Sequence[PointFigures]) -> str:
    """What the columns mean, and how far figures can be compared."""
    boards = [f"`{figures.name}`" for figures in points if figures.board]
    on_board = f" Cells of {', '.join(boards)} include the board's clock and the serial line." if boards else ""
    return (
        "LUT counts those of LUT RAM; inverters (INV), which yosys leaves as cells of their own, and carry cells "
        "(CARRY4 in Xilinx's parts) take sites besides. LUTs have 6 inputs in Xilinx's parts and 4 in the others; a "
        f"block of RAM has 36 kbit in Xilinx's parts, 4 in iCE40 and 16 in ECP5.{on_board} Times are told for the "
        "clock that place and route reached (Fmax), or for an assumed one where no open tool places the part."
    )


def _bitstreams(boards: Sequence[BoardFigures]) -> list[str]:
    head = (
        "board|model|`--point`|part|LUT|FF|block RAM|SPRAM|clock MHz|Fmax MHz|cycles an image, mean|us an image|"
        "correct|comes to"
    )
    rows = []
    for figures in boards:
        fmax = "not placed" if figures.fmax_mhz is None else f"{figures.fmax_mhz:.1f}"
        rows.append(
            f"`{figures.name}`|`{figures.model}`|{figures.point or '-'}|{figures.part}|"
            f"{figures.lut:,}|{figures.ff:,}|{figures.bram:g}|{figures.spram}|{figures.clock_mhz:g}|{fmax}|"
            f"{figures.cycles.mean:,.1f}|{figures.latency_us:,.2f}|{_number(figures.correct)}|{figures.made or '-'}"
        )
    return _table(head, rows)


_BOARDS = (
    "Cells include the board's clock and the serial line, cycles and times are the network's own. `snnhw build MODEL "
    "--board NAME` builds each of them."
)


def _peers() -> list[str]:
    head = "work of others|network|steps|LUT|FF|block RAM|cycles an image|LUT x cycles|accuracy %|figures|remark"
    return _table(head, [_peer(peer) for peer in PEERS])


def _peer(peer: Peer) -> str:
    product = None if peer.cycles is None else peer.lut * peer.cycles
    accuracy = "-" if peer.accuracy is None else f"{peer.accuracy:.2f}"
    return (
        f"{peer.name}|{peer.network}|{_number(peer.steps)}|{_number(peer.lut)}|{_number(peer.ff)}|{_number(peer.bram)}|"
        f"{_number(peer.cycles)}|{_number(product)}|{accuracy}|{peer.source}|{peer.remark}"
    )


def _table(head: str, rows: list[str]) -> list[str]:
    lines = [head, "|".join(["---"] * len(head.split("|"))), *rows]
    return [f"| {line.replace('|', ' | ')} |" if line is not lines[1] else f"|{line}|" for line in lines]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,g}" if value < 1000 else f"{value:,.0f}"
