"""Serial ports, and what can be wrong with them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from snnhw.errors import LinkError, ToolMissingError

_HELP = "pyserial is not installed in this Python: pip install 'snnhw[host]'"
_WRITE_SECONDS = 30.0
_LISTED = 8


class Link(Protocol):
    """A line of bytes to a circuit and back. Both raise LinkError where it is gone."""

    name: str

    def write(self, octets: bytes) -> None:
        """Send bytes."""
        ...

    def read(self, seconds: float) -> bytes:
        """What has come; waits at most ``seconds`` for the first byte."""
        ...


class SerialLink:
    """A serial port, 8N1."""

    def __init__(self, name: str, port: Any) -> None:
        self.name = name
        self._port = port

    def write(self, octets: bytes) -> None:
        """See :class:`Link`."""
        with self._watched():
            self._port.write(octets)

    def read(self, seconds: float) -> bytes:
        """See :class:`Link`."""
        with self._watched():
            self._port.timeout = seconds
            first: bytes = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else first

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # pyserial's own exceptions are of this kind
            raise LinkError(f"{self.name} has gone in the middle of a transfer ({error}): is it plugged in?") from error


@contextmanager
def open_link(name: str, baud: int) -> Iterator[SerialLink]:
    """Open a serial port for the time of the block, for this program alone.

    What has come before is dropped. Raises LinkError where that is not possible, and ToolMissingError without
    pyserial.
    """
    try:
        import serial
    except ImportError as error:
        raise ToolMissingError(_HELP) from error
    try:
        port = serial.Serial(name, baud, timeout=0, write_timeout=_WRITE_SECONDS, exclusive=True)
    except (OSError, ValueError) as error:
        raise LinkError(_reason(name, baud, error)) from error
    with port:
        port.reset_input_buffer()
        yield SerialLink(name, port)


def _reason(name: str, baud: int, error: Exception) -> str:
    """Why a port cannot be opened, and what to do."""
    number = _number(error)
    if isinstance(error, ValueError):
        return f"{name} cannot be set to {baud} baud: choose a rate that the adapter has"
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return f"there is no port {name}: {_others()}"
    if number in (errno.EACCES, errno.EPERM):
        return f"{name} may not be opened by this user: join the group that owns it, often dialout, and log in again"
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return f"{name} is in use by another program: close that one"
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return f"{name} is no serial port: {_others()}"
    return f"{name} cannot be opened: {error}"


def _number(error: BaseException) -> int | None:
    """The operating system's number of an error, or of the one that it comes from."""
    for found in (error, error.__context__):
        if isinstance(found, OSError) and found.errno:
            return found.errno
        if found is not None and found.args and isinstance(found.args[0], int):
            return found.args[0]
    return None


def _others() -> str:
    from serial.tools.list_ports import comports

    names = sorted(str(port.device) for port in comports())
    if not names:
        return "this machine has no serial port now, plug the board in, or use --port sim"
    return f"the ports here are {', '.join(names[:_LISTED])}{', ...' if len(names) > _LISTED else ''}"
