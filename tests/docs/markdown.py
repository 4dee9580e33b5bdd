"""Enough of Markdown to hold a page against the program: sections, tables, fenced blocks, code and links."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

Table = list[list[str]]
"""Rows of cells, the header first."""


def page(name: str) -> str:
    """The text of a page by its path in the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def fences(text: str, language: str) -> list[str]:
    """The content of the fenced blocks of a language, "" for those that name none."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def without_fences(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """What stands under each heading of the second level."""
    parts = re.split(r"^## (.+)\n", without_fences(text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def tables(text: str) -> list[Table]:
    """The tables of a text."""
    blocks = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    return [[_cells(line) for line in block.splitlines() if not re.fullmatch(r"[|\- ]+", line)] for block in blocks]


def table(text: str, *header: str) -> Table:
    """The rows below the header of the first table that begins with these headings; none where there is no such."""
    for found in tables(text):
        if found[0][: len(header)] == list(header):
            return found[1:]
    return []


def code(text: str) -> list[str]:
    """What stands between back-ticks, outside fenced blocks; broken lines are joined."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", without_fences(text))]


def links(text: str) -> list[str]:
    """The targets of links."""
    return re.findall(r"\]\(([^)]+)\)", without_fences(text))


def anchors(text: str) -> set[str]:
    """The names by which links reach the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_fences(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
