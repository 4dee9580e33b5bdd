"""Serial ports that work, and those that do not: each with a line of its own."""

import errno
import os
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import serial
from serial.tools import list_ports

from snnhw.errors import LinkError, ToolMissingError
from snnhw.host.link import open_link


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """The controlling end of a pseudo-terminal, and the port's name."""
    controller, port = os.openpty()
    tty.setraw(port)
    yield controller, os.ttyname(port)
    for end in (controller, port):
        try:
            os.close(end)
        except OSError:
            assert end == controller


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without serial ports."""
    monkeypatch.setattr(list_ports, "comports", list)


def test_bytes_both_ways(terminal: tuple[int, str]):
    controller, name = terminal
    with open_link(name, 1_000_000) as link:
        link.write(b"\x00\x11\x13\x03\xff\n\r")
        assert os.read(controller, 100) == b"\x00\x11\x13\x03\xff\n\r"
        os.write(controller, b"\x04\x7f\r\n\x1a")
        received = b""
        while len(received) < 5:
            received += link.read(1.0)
        assert received == b"\x04\x7f\r\n\x1a"
        assert link.read(0.01) == b""


def test_a_port_that_is_not_there(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(LinkError, match="there is no port /dev/no-such-port: this machine has no serial port now"):
        refused("/dev/no-such-port")
    some = [type("Port", (), {"device": f"/dev/ttyUSB{index}"}) for index in range(9)]
    monkeypatch.setattr(list_ports, "comports", lambda: some)
    with pytest.raises(
        LinkError, match=r"there is no port here: the ports here are /dev/ttyUSB0, .*/dev/ttyUSB7, \.\.\."
    ):
        refused("here")


def test_a_port_that_is_in_use(terminal: tuple[int, str]):
    with open_link(terminal[1], 9600), pytest.raises(LinkError, match="is in use by another program: close that one"):
        refused(terminal[1])


def test_a_file_is_no_port(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path):
        with pytest.raises(LinkError, match="is no serial port"):
            refused(str(path))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            serial.SerialException(errno.EACCES, "no"),
            "port may not be opened by this user: join the group that owns it",
        ),
        (serial.SerialException(errno.EBUSY, "no"), "port is in use"),
        (ValueError("Not a valid baudrate"), "port cannot be set to 9600 baud"),
        (serial.SerialException("something new"), "port cannot be opened: something new"),
    ],
)
def test_a_port_that_cannot_be_opened(error: Exception, expected: str, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(serial, "Serial", fail)
    with pytest.raises(LinkError, match=expected):
        refused("port")


def test_a_board_that_is_pulled_out(terminal: tuple[int, str]):
    controller, name = terminal
    with open_link(name, 9600) as link:
        os.close(controller)
        with pytest.raises(LinkError, match="has gone in the middle of a transfer"):
            link.read(1.0)


def test_without_pyserial():
    program = (
        "import sys; sys.modules['serial'] = None\n"
        "from snnhw.cli.app import run\n"
        "sys.exit(run(['run', 'mnist-mlp', '--port', 'x', '--limit', '1']))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == ToolMissingError.exit_status
    assert result.stderr == "snnhw: pyserial is not installed in this Python: pip install 'snnhw[host]'\n"


def refused(name: str) -> None:
    with open_link(name, 9600):
        raise AssertionError("the port was opened")
