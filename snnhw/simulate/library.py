"""A circuit that was compiled, loaded: its cycles, its taps, and what goes wrong. Twin of ``circuit.h``.

A driver's own C functions take the circuit first, and are called by name through :meth:`CompiledCircuit.call`.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from snnhw.errors import OutputError, ToolError
from snnhw.interface import Tap
from snnhw.simulate.bits import Words
from snnhw.simulate.taps import record_words

__all__ = ["FOREVER", "INT", "INT64", "POINTER", "TEXT", "UINT64", "CompiledCircuit", "Library", "Signature"]

POINTER, TEXT = ctypes.c_void_p, ctypes.c_char_p
INT, INT64, UINT64 = ctypes.c_int, ctypes.c_int64, ctypes.c_uint64

Signature = tuple[Any, ...]
"""What a C function returns, then what it takes behind the circuit."""

SLICE = 1 << 18
"""Cycles that run in one call: between two calls Python can be interrupted."""

FOREVER = (1 << 63) - 1
"""Patience without end."""

_MESSAGE_BYTES = 1 << 10

_RUNNING, _DONE, _STUCK, _FAILED = range(4)

_SHARED: Mapping[str, Signature] = {
    "circuit_delete": (None,),
    "circuit_message": (TEXT,),
    "circuit_add_tap": (INT, TEXT, TEXT, INT, POINTER, POINTER),
    "circuit_run": (INT, INT64, INT64),
    "circuit_cycle": (INT64,),
    "circuit_tap_count": (INT64, INT),
    "circuit_copy_tap": (None, INT, POINTER),
}


@dataclass(frozen=True)
class Library:
    """A circuit that was compiled, and its weights, which are no part of what was compiled."""

    path: Path
    """The shared library."""
    memories: Mapping[str, str] = field(default_factory=dict)
    """The files that ``$readmemh`` reads when a circuit starts, by name."""


class CompiledCircuit:
    """One instance of a circuit in C++, freed at the end of its block; calls let other threads run.

    ``functions`` are those of its driver. Raises ToolError where the library cannot be loaded or the circuit cannot be
    started, OutputError where the files that it reads cannot be written.
    """

    def __init__(self, library: Library, functions: Mapping[str, Signature]) -> None:
        self._library = _load(library.path)
        for name, (result, *arguments) in {**_SHARED, **functions}.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, [POINTER, *arguments]
        message = ctypes.create_string_buffer(_MESSAGE_BYTES)
        with _folder_of(library.memories) as folder:
            self._handle = self._library.circuit_new(f"{folder}/".encode(), message, len(message))
        if not self._handle:
            raise ToolError(f"the compiled circuit cannot be started: {message.value.decode(errors='replace')}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the circuit."""
        self.call("circuit_delete")

    def call(self, name: str, *arguments: Any) -> Any:
        """What a C function says of this circuit."""
        return getattr(self._library, name)(self._handle, *arguments)

    @property
    def message(self) -> str:
        """What went wrong last."""
        return str(self.call("circuit_message").decode(errors="replace"))

    @property
    def cycle(self) -> int:
        """The cycle that comes next, counted from the end of the first reset."""
        return int(self.call("circuit_cycle"))

    def advance(self, cycles: int, patience: int) -> int:
        """Run so many cycles at most; the status. Raises ToolError where the simulation fails."""
        status = int(self.call("circuit_run", cycles, patience))
        if status == _FAILED:
            raise ToolError(f"the simulation failed in cycle {self.cycle}: {self.message}")
        return status

    def run(self, patience: int, progress: Callable[[], None] | None = None) -> bool:
        """Run until the driver is done; True where nothing moved for ``patience`` cycles before.

        ``progress`` is called now and then.
        """
        status = _RUNNING
        while status == _RUNNING:
            status = self.advance(SLICE, patience)
            if progress:
                progress()
        return status == _STUCK

    def add_tap(self, top: str, tap: Tap) -> int:
        """Have a tap of the circuit of that top module recorded, and return its number."""
        count = len(tap.signals)
        names = (TEXT * count)(*(signal.signal.encode() for signal in tap.signals))
        widths = (INT * count)(*(signal.width * signal.count for signal in tap.signals))
        scope = ".".join(part for part in ("TOP", top, tap.scope) if part).encode()
        number = int(self.call("circuit_add_tap", scope, tap.strobe.encode(), count, names, widths))
        if number < 0:
            raise ToolError(f"tap of stage '{tap.stage}': {self.message}")
        return number

    def records(self, number: int, tap: Tap) -> Words:
        """What a tap of that number has shown: [records, words], each signal from a word of its own."""
        words = np.zeros((int(self.call("circuit_tap_count", number)), record_words(tap)), np.uint32)
        self.call("circuit_copy_tap", number, words.ctypes.data)
        return words


@contextmanager
def _folder_of(memories: Mapping[str, str]) -> Iterator[str]:
    """A folder with these files, for the time of the block."""
    try:
        with tempfile.TemporaryDirectory(prefix="snnhw_") as folder:
            for name, text in memories.items():
                (Path(folder) / name).write_text(text)
            yield folder
    except OSError as error:
        raise OutputError(
            f"cannot write the weights of a simulation ({error.strerror}): make room, or set TMPDIR to another folder"
        ) from error


@lru_cache(maxsize=16)
def _load(path: Path) -> ctypes.CDLL:
    """The library, with the one function that takes no circuit."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolError(f"cannot load the compiled circuit: {error}; remove {path.parent} and try again") from error
    library.circuit_new.restype, library.circuit_new.argtypes = POINTER, [TEXT, TEXT, INT64]
    return library
