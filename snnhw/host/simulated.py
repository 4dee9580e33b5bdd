"""A simulated circuit behind a pseudo-terminal: to a program it is a serial port with a board behind it."""

from __future__ import annotations

import ctypes
import os
import select
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from snnhw.design import Design
from snnhw.errors import LinkError, ToolError
from snnhw.shell import LEAST_CYCLES_PER_BIT, UartShell, pixel_bits
from snnhw.simulate import compiler
from snnhw.verilog import emit

SHELL = UartShell(baud=1_000_000, clock_hz=1_000_000 * LEAST_CYCLES_PER_BIT)
"""The fastest line for a given number of cycles."""

_SLICE = 1 << 14
"""Cycles that run in one call."""


class Line:
    """The circuit of a design at the end of its serial line, in Verilator, bit by bit.

    The library is built, or comes out of the cache. Raises ToolMissingError without a C++ compiler.
    """

    def __init__(self, design: Design) -> None:
        emitted = emit(design, shell=SHELL)
        driver = resources.files("snnhw.host").joinpath("line.cpp").read_text()
        path = compiler.build_library(
            emitted.verilog, emitted.interface.top, [], memories=emitted.memories, driver=driver
        )
        self._library = _functions(path)
        self._handle = self._library.snnhw_line_new(LEAST_CYCLES_PER_BIT)
        if not self._handle:
            raise ToolError("the compiled circuit cannot be started: it does not settle after reset")
        self._bytes = ctypes.create_string_buffer(_SLICE)

    def close(self) -> None:
        """Free the circuit."""
        self._library.snnhw_line_delete(self._handle)

    @property
    def idle(self) -> bool:
        """Whether nothing happens any more until bytes come."""
        return bool(self._library.snnhw_line_idle(self._handle))

    def run(self, octets: bytes) -> bytes:
        """Put bytes on the line, run for a while, and return those that have come."""
        self._library.snnhw_line_put(self._handle, octets, len(octets))
        count = self._library.snnhw_line_run(self._handle, _SLICE, self._bytes)
        if count < 0:
            message = self._library.snnhw_line_message(self._handle).decode(errors="replace")
            raise ToolError(f"the simulated circuit failed: {message}")
        return self._bytes.raw[:count]


@contextmanager
def simulated_port(design: Design) -> Iterator[str]:
    """The name of a port with a simulated circuit behind it, for the time of the block.

    Raises DescriptionError for a model whose input is events, LinkError where the machine has no pseudo-terminals,
    ToolMissingError without a C++ compiler, and at the end of the block ToolError where the circuit has failed
    meanwhile.
    """
    pixel_bits(design.network)
    line = Line(design)
    try:
        with _terminal() as (controller, name):
            wake, waker = os.pipe()
            worker = _Worker(line, controller, wake)
            worker.start()
            try:
                yield name
            finally:
                os.close(waker)
                worker.join()
                os.close(wake)
    finally:
        line.close()
    if worker.failure is not None:
        raise worker.failure


@contextmanager
def _terminal() -> Iterator[tuple[int, str]]:
    """The controlling end of a pseudo-terminal that changes no byte, and the name of the other one."""
    try:
        controller, port = os.openpty()
    except OSError as error:
        raise LinkError(f"this machine gives no pseudo-terminal ({error.strerror}): --port sim needs one") from error
    try:
        tty.setraw(port)
        os.set_blocking(controller, False)
        yield controller, os.ttyname(port)
    finally:
        os.close(controller)
        os.close(port)


class _Worker(threading.Thread):
    """Runs the circuit while there is something to do, and sleeps until bytes come; ends when ``wake`` is closed."""

    def __init__(self, line: Line, controller: int, wake: int) -> None:
        super().__init__(name="snnhw simulated circuit", daemon=True)
        self.failure: ToolError | None = None
        self._line = line
        self._controller = controller
        self._wake = wake

    def run(self) -> None:
        waiting = b""
        try:
            while True:
                busy = not self._line.idle
                writers = [self._controller] if waiting and not busy else []
                readable, _, _ = select.select([self._controller, self._wake], writers, [], 0 if busy else None)
                if self._wake in readable:
                    return
                received = os.read(self._controller, 1 << 16) if readable else b""
                waiting += self._line.run(received)
                try:
                    waiting = waiting[os.write(self._controller, waiting) :]
                except BlockingIOError:
                    continue  # the program reads slowly: what is left is offered again
        except ToolError as error:
            self.failure = error


def _functions(path: Path) -> ctypes.CDLL:
    """The library with its functions' types; calls let other threads run."""
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolError(f"cannot load the compiled circuit: {error}; remove {path.parent} and try again") from error
    handle, number = ctypes.c_void_p, ctypes.c_int64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "new": (handle, [number]),
        "delete": (None, [handle]),
        "put": (None, [handle, ctypes.c_char_p, number]),
        "run": (number, [handle, number, ctypes.c_char_p]),
        "idle": (ctypes.c_int, [handle]),
        "message": (ctypes.c_char_p, [handle]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"snnhw_line_{name}")
        function.restype, function.argtypes = result, arguments
    return library
