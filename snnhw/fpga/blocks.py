"""Which block RAM of a placed circuit holds what of a memory, and other contents in its place.

yosys maps a memory onto block RAMs of one width, the lowest addresses first, and of the same addresses the lowest
bits. That is no promise of its, so it is checked: every bit of a placeholder must be where it is expected.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateware.board import CORE
from snnhw.errors import ToolError
from snnhw.fpga.memories import Memory

__all__ = ["GEOMETRIES", "Block", "Geometry", "fill", "find"]


class Block(BaseModel):
    """A block RAM that holds ``bits`` bits from ``bit`` on of a memory's words from ``word`` on."""

    model_config = ConfigDict(frozen=True)

    cell: str
    memory: str
    word: int
    bit: int
    bits: int


@dataclass(frozen=True)
class Geometry:
    """The block RAMs of a family: ``rows`` of ``row_bits`` each.

    ``widths`` are those that a block can have, and what is beyond ``usable`` bits of a row stays empty in all that are
    narrower than a row.
    """

    rows: int
    row_bits: int
    usable: int
    widths: tuple[int, ...]
    reversed_bits: bool
    """Whether the bits of a row stand in the order of their numbers' bits reversed."""
    parameters: tuple[str, ...]
    """Of a cell in a netlist, the first with the lowest rows; in each of them"""
    rows_apart: tuple[tuple[int, int], ...]
    """the first bit and the number of bits of each row."""
    cells: re.Pattern[str]
    """The type of cells."""
    section: re.Pattern[str]
    """The contents of a block in the placed circuit, ``rows`` being those in hexadecimal digits, and"""
    digits: int
    """of each row; in"""
    line: int
    """rows a line,"""
    descending: bool
    """the highest first and not apart."""

    def place(self, width: int, address: int, bit: int) -> tuple[int, int]:
        """Row and bit of the row where a bit of a word stands in a block of that width."""
        if width > self.row_bits:
            return address * (width // self.row_bits) + bit // self.row_bits, bit % self.row_bits
        words = self.usable // width if width < self.row_bits else 1
        number = address % words * width + bit
        return address // words, _reversed(number, self.row_bits) if self.reversed_bits else number

    def depth(self, width: int) -> int:
        """The words of a block of that width."""
        if width >= self.row_bits:
            return self.rows * self.row_bits // width
        return self.rows * (self.usable // width)

    def contents(self, block: Block, memory: Memory) -> list[int]:
        """The rows of a block; what no word reaches is 0."""
        rows = [0] * self.rows
        mask = (1 << block.bits) - 1
        for address, word in enumerate(memory.words[block.word : block.word + self.depth(block.bits)]):
            value = word >> block.bit & mask
            for bit in range(min(block.bits, memory.bits - block.bit)):
                if value >> bit & 1:
                    row, place = self.place(block.bits, address, bit)
                    rows[row] |= 1 << place
        return rows

    def used(self, block: Block, memory: Memory) -> list[int]:
        """Of each row, which bits hold something."""
        return self.contents(block, Memory(memory.bits, ((1 << memory.bits) - 1,) * len(memory.words)))

    def blocks(self, cells: Sequence[str], name: str, memory: Memory, width: int) -> list[Block]:
        """What each cell holds of a memory, were it of that width; none where there are more or fewer."""
        parts = [
            (word, bit)
            for word in range(0, len(memory.words), self.depth(width))
            for bit in range(0, memory.bits, width)
        ]
        if len(parts) != len(cells):
            return []
        return [
            Block(cell=cell, memory=name, word=word, bit=bit, bits=width)
            for cell, (word, bit) in zip(cells, parts, strict=True)
        ]

    def tag(self, cell: str) -> list[int]:
        """Rows of random bits that stand in a cell, and nowhere else, while it is placed."""
        source = random.Random(cell)
        return [source.getrandbits(self.row_bits) for _ in range(self.rows)]

    def read(self, parameters: Mapping[str, str]) -> list[str]:
        """The rows of a cell in a netlist, as characters 0, 1 and x, lowest bit first."""
        texts = [parameters[name][::-1] for name in self.parameters]
        return [text[start : start + bits] for text in texts for start, bits in self.rows_apart]

    def write(self, parameters: dict[str, str], rows: Sequence[int]) -> None:
        """Give a cell of a netlist other contents."""
        remaining = iter(rows)
        for name in self.parameters:
            bits = ["0"] * len(parameters[name])
            for start, count in self.rows_apart:
                bits[start : start + count] = f"{next(remaining):0{count}b}"[::-1]
            parameters[name] = "".join(reversed(bits))

    def parse(self, text: str) -> tuple[int, ...]:
        """The rows of a block in the text of a placed circuit."""
        rows: list[int] = []
        for line in text.split("\n")[:-1]:
            packed = line.replace(" ", "")
            found = [int(packed[start : start + self.digits], 16) for start in range(0, len(packed), self.digits)]
            rows += reversed(found) if self.descending else found
        return tuple(rows)

    def format(self, rows: Sequence[int]) -> str:
        """Rows as the text of a placed circuit has them."""
        lines = []
        for start in range(0, self.rows, self.line):
            words = [f"{row:0{self.digits}x}" for row in rows[start : start + self.line]]
            lines.append("".join(reversed(words)) if self.descending else " ".join(words))
        return "".join(f"{line}\n" for line in lines)


def _reversed(number: int, count: int) -> int:
    """A number below ``count``, a power of two, with its bits in the other order."""
    bits = (count - 1).bit_length()
    return int(f"{number:0{bits}b}"[::-1], 2)


GEOMETRIES: Mapping[str, Geometry] = MappingProxyType(
    {
        "ice40": Geometry(
            rows=256,
            row_bits=16,
            usable=16,
            widths=(16, 8, 4, 2),
            reversed_bits=True,
            parameters=tuple(f"INIT_{number:X}" for number in range(16)),
            rows_apart=tuple((16 * row, 16) for row in range(16)),
            cells=re.compile(r"SB_RAM40_4K\w*"),
            section=re.compile(r"\.ram_data \d+ \d+\n(?P<rows>(?:[0-9a-f]{64}\n){16})"),
            digits=4,
            line=16,
            descending=True,
        ),
        "ecp5": Geometry(
            rows=2048,
            row_bits=9,
            usable=8,
            widths=(36, 18, 9, 4, 2, 1),
            reversed_bits=False,
            parameters=tuple(f"INITVAL_{number:02X}" for number in range(64)),
            rows_apart=tuple((20 * pair + half, 9) for pair in range(16) for half in (0, 9)),
            cells=re.compile(r"DP16KD|PDPW16KD"),
            section=re.compile(r"\.bram_init \d+\n(?P<rows>(?:(?:[0-9a-f]{3} ?)+\n){256})"),
            digits=3,
            line=8,
            descending=False,
        ),
    }
)
"""The families whose bitstreams can be patched."""


def find(netlist: Path, top: str, family: str, memories: Mapping[str, Memory]) -> tuple[list[Block], set[str]]:
    """The block RAMs that hold these contents in a netlist, which then gets tags in their place.

    Also the names of the memories that are not found bit for bit, and keep theirs.
    """
    geometry = GEOMETRIES[family]
    design = json.loads(netlist.read_text())
    cells = design["modules"][top]["cells"]
    ours: dict[str, list[tuple[int, str]]] = {}
    for cell, described in cells.items():
        path, _, number = cell.rpartition(".")
        memory = path.rpartition(".")[0]
        if geometry.cells.fullmatch(described["type"]) and number.isdecimal():
            ours.setdefault(memory, []).append((int(number), cell))
    blocks: list[Block] = []
    missing: set[str] = set()
    for name, memory in memories.items():
        named = [cell for _, cell in sorted(ours.get(CORE + name[name.index(".") :], []))]
        held = next(_held(geometry, cells, named, name, memory), [])
        blocks += held
        if not held:
            missing.add(name)
    for block in blocks:
        geometry.write(cells[block.cell]["parameters"], geometry.tag(block.cell))
    netlist.write_text(json.dumps(design))
    return blocks, missing


def _held(
    geometry: Geometry, cells: Mapping[str, Any], named: Sequence[str], name: str, memory: Memory
) -> Iterator[list[Block]]:
    """What the cells of a memory hold, for each width with which all of it is there."""
    for width in geometry.widths:
        blocks = geometry.blocks(named, name, memory, width)
        if blocks and all(_holds(geometry, cells[block.cell]["parameters"], block, memory) for block in blocks):
            yield blocks


def _holds(geometry: Geometry, parameters: Mapping[str, str], block: Block, memory: Memory) -> bool:
    """Whether a cell holds its part of a memory, bit for bit; what no word reaches may be anything."""
    rows = zip(geometry.read(parameters), geometry.contents(block, memory), geometry.used(block, memory), strict=True)
    return all(
        text[place] == str(expected >> place & 1)
        for text, expected, used in rows
        for place in range(geometry.row_bits)
        if used >> place & 1
    )


def fill(placed: str, family: str, blocks: Sequence[Block], memories: Mapping[str, Memory]) -> str:
    """The text of a placed circuit with the contents of its memories in the place of the tags.

    Raises ToolError where a tag does not stand there just once.
    """
    geometry = GEOMETRIES[family]
    wanted = {tuple(geometry.tag(block.cell)): block for block in blocks}
    filled: list[str] = []

    def replaced(found: re.Match[str]) -> str:
        block = wanted.get(geometry.parse(found["rows"]))
        if block is None:
            return found[0]
        filled.append(block.cell)
        rows = geometry.contents(block, memories[block.memory])
        return found[0].replace(found["rows"], geometry.format(rows))

    text = geometry.section.sub(replaced, placed)
    if sorted(filled) != sorted(block.cell for block in blocks):
        raise ToolError("the placed circuit does not hold each block RAM of weights just once: build it again")
    return text
