"""A simulated circuit behind a pseudo-terminal: to a program it is a serial port with a board behind it."""

from __future__ import annotations

import ctypes
import os
import select
import threading
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources

from snnhw.design import Design
from snnhw.emission import EmittedCircuit
from snnhw.errors import LinkError, ToolError
from snnhw.shell import LEAST_CYCLES_PER_BIT, UartShell, pixel_bits
from snnhw.simulate import compiler
from snnhw.simulate.library import FOREVER, INT, INT64, TEXT, CompiledCircuit, Signature
from snnhw.verilog import emit_apart

SHELL = UartShell(baud=1_000_000, clock_hz=1_000_000 * LEAST_CYCLES_PER_BIT)
"""The fastest line for a given number of cycles."""

_SLICE = 1 << 14
"""Cycles that run in one call."""

_FUNCTIONS: Mapping[str, Signature] = {
    "line_set_bit": (None, INT64),
    "line_put": (None, TEXT, INT64),
    "line_idle": (INT,),
    "line_received": (INT64,),
    "line_take": (None, TEXT),
}


class Line:
    """A circuit at the end of its serial line, in Verilator, bit by bit; emitted in the shell :data:`SHELL`.

    The library is built, or comes out of the cache. Raises ToolMissingError without a C++ compiler.
    """

    def __init__(self, emitted: EmittedCircuit) -> None:
        driver = resources.files("snnhw.host").joinpath("line.cpp").read_text()
        library = compiler.build_library(
            emitted.verilog, emitted.interface.top, [], memories=emitted.memories, driver=driver
        )
        self._circuit = CompiledCircuit(library, _FUNCTIONS)
        self._circuit.call("line_set_bit", LEAST_CYCLES_PER_BIT)

    def close(self) -> None:
        """Free the circuit."""
        self._circuit.close()

    @property
    def idle(self) -> bool:
        """Whether nothing happens any more until bytes come."""
        return bool(self._circuit.call("line_idle"))

    def run(self, octets: bytes) -> bytes:
        """Put bytes on the line, run for a while, and return those that have come."""
        self._circuit.call("line_put", octets, len(octets))
        self._circuit.advance(_SLICE, FOREVER)
        received = ctypes.create_string_buffer(self._circuit.call("line_received"))
        self._circuit.call("line_take", received)
        return received.raw


@contextmanager
def simulated_port(design: Design) -> Iterator[str]:
    """The name of a port with the circuit of a design behind it; see :func:`port_of`.

    Raises DescriptionError for a model whose input is events.
    """
    pixel_bits(design.network)
    with port_of(emit_apart(design, shell=SHELL)) as name:
        yield name


@contextmanager
def port_of(emitted: EmittedCircuit) -> Iterator[str]:
    """The name of a port with a simulated circuit behind it, for the time of the block; see :class:`Line`.

    Raises LinkError where the machine has no pseudo-terminals, ToolMissingError without a C++ compiler, and at the end
    of the block ToolError where the circuit has failed meanwhile.
    """
    line = Line(emitted)
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
