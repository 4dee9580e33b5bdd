"""Tables of text: rows that the command line prints and a notebook shows."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

__all__ = ["Table"]


@dataclass(frozen=True)
class Table:
    """Rows of cells, the first column naming each; ``columns`` are the headings, empty where there are none."""

    rows: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    """The columns of numbers, aligned to the right."""

    @property
    def html(self) -> str:
        """The table for a notebook, with every cell escaped."""
        sides = ["right" if column in self.right else "left" for column in self.columns]
        lines = [f"<tr>{_cells('th', self.columns, sides)}</tr>"] if self.columns else []
        for row in self.rows:
            lines.append(f"<tr>{_cells('td', row, sides or ['left'] * len(row))}</tr>")
        return "\n".join(["<table>", *lines, "</table>"])


def _cells(tag: str, cells: tuple[str, ...], sides: list[str]) -> str:
    return "".join(
        f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in zip(cells, sides, strict=True)
    )
