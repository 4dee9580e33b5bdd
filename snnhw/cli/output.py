"""What commands have in common: options, printing, progress."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from snnhw.wording import percent

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from snnhw.tables import Table as RowsOfText

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
DATASET_HELP = "A name of `snnhw data list`, such as sample or mnist; or a .npy, a .npz or a folder of .png."
DatasetName = Annotated[str, typer.Option("--dataset", metavar="DATA", help=DATASET_HELP)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Take the first N images only.")]

_WIDTH_OF_FILES = 120
"""Columns where the output is no terminal."""


def print_record(record: dict[str, Any]) -> None:
    """Print the one object of ``--json``."""
    print(json.dumps(record, allow_nan=False))


def console() -> Console:
    """Where text and tables go; text is printed as it is, whatever brackets a path may hold."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
    return Console(markup=False, highlight=False, soft_wrap=True, width=width)


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table of these columns, those of ``right`` aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def printed(rows: RowsOfText) -> Table:
    """A table of text as the console prints it."""
    made = table(*rows.columns, right=rows.right)
    for row in rows.rows:
        made.add_row(*row)
    return made


def confusion_table(counts: list[list[int]]) -> Table:
    """The confusion matrix; what never happened is left empty."""
    names = [str(index) for index in range(len(counts))]
    matrix = table("is \\ said", *names, "correct", right=(*names, "correct"))
    for index, row in enumerate(counts):
        share = f"{100 * row[index] / sum(row):.1f} %" if sum(row) else ""
        matrix.add_row(str(index), *(str(count) if count else "" for count in row), share)
    return matrix


def show_counted(name: str, dataset: str, images: int, correct: int | None, counts: list[list[int]] | None) -> None:
    """Print how many images of a dataset a model got right, with the confusion matrix, where the labels are known."""
    screen = console()
    if correct is None or counts is None:
        screen.print(f"{name} on {dataset}: {images} images, whose labels are not known")
    else:
        screen.print(f"{name} on {dataset}: {percent(correct, images)} correct")
        screen.print()
        screen.print(confusion_table(counts))


class Update(Protocol):
    """Tells a progress bar how far the work is."""

    def __call__(self, done: int, total: int, text: str = "") -> None: ...


@contextmanager
def progress(label: str, *, stages: bool = False) -> Iterator[Update]:
    """A progress bar on standard error, where that is a terminal, for the time of the block.

    With ``stages`` the texts name the stages of the work, and where there is no terminal each is a note when it begins.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task, shown = bar.add_task(label, total=None), ""

        def update(done: int, total: int, text: str = "") -> None:
            nonlocal shown
            if stages and not screen.is_terminal and text != shown:
                note(text)
                shown = text
            bar.update(task, completed=done, total=total, description=f"{label} {text}".rstrip())

        yield update


def note(text: str | None) -> None:
    """Print a note on standard error, where there is one."""
    if text:
        print(f"snnhw: {text}", file=sys.stderr)


@contextmanager
def library_notes() -> Iterator[None]:
    """Print what the library logs as notes, for the time of the block."""
    logger, handler = logging.getLogger("snnhw"), _NoteHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _NoteHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())
