"""Caches of tools lie below SNNHW_CACHE, and are done without where that cannot be written."""

import json
import sys
from pathlib import Path

import pytest

from gateware.crc import Crc
from snnhw import yosys
from snnhw.conversion import convert
from snnhw.fpga import tools as fpga_tools
from snnhw.simulate import compiler
from snnhw.toolcache import cache_variables
from tests import tools

_SAY = "import json, os; print(json.dumps([os.environ['XDG_CACHE_HOME'], os.environ['YOWASP_CACHE_DIR']]))"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tools"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where no cache can be written."""
    (tmp_path / "file").touch()
    monkeypatch.delenv("SNNHW_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))


def test_every_tool_keeps_its_cache_below_ours(folder: Path, tmp_path: Path):
    assert json.loads(yosys._child(["-c", _SAY], "").stdout)[0] == str(folder)
    assert fpga_tools.run([sys.executable, "-c", _SAY], tmp_path, "log") == 0
    assert json.loads((tmp_path / "log").read_text()) == [str(folder), str(folder / "YoWASP")]
    assert json.loads(compiler.run([sys.executable, "-c", _SAY], "python"))[0] == str(folder)


@pytest.mark.usefixtures("nowhere")
def test_where_no_cache_can_be_written_there_is_one_for_this_process(tmp_path: Path):
    program = "from snnhw.toolcache import cache_variables as v; print(v()['XDG_CACHE_HOME'], v() == v())"
    place, same = tools.run(tmp_path, sys.executable, "-c", program).split()
    assert same == "True"
    assert not Path(place).exists()
    assert Path(cache_variables()["XDG_CACHE_HOME"]).is_dir()
    assert cache_variables()["XDG_CACHE_HOME"] != str(tmp_path / "file")


@pytest.mark.slow
@pytest.mark.usefixtures("nowhere")
def test_verilog_is_written_where_no_cache_can_be():
    assert "module crc(" in convert(Crc(), "crc").text
