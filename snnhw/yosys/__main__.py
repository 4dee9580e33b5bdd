"""Compile a program in WebAssembly to a file, or run yosys from such a file: a process of its own, run by the package.

Its exit status is that of yosys, 0 or 1, or another where wasmtime fails.
"""

import sys
from pathlib import Path
from typing import cast

from wasmtime import Config, Engine, ExitTrap, Func, Linker, Module, Store, WasiConfig, WasmtimeError, _ffi

_WINCH = 2
"""WASMTIME_STRATEGY_WINCH in wasmtime's header for C: its Python has no name for it."""
_UNUSABLE = 3


def engine() -> Engine:
    """An engine that compiles with Winch."""
    config = Config()
    _ffi.wasmtime_config_strategy_set(config.ptr(), _WINCH)
    return Engine(config)


def compile_program(program: str, target: str) -> None:
    """Compile a program in WebAssembly to a file."""
    Path(target).write_bytes(Module(engine(), Path(program).read_bytes()).serialize())


def run(compiled: str) -> int:
    """The exit status of yosys, run from a file for the script on standard input."""
    own = engine()
    linker = Linker(own)
    linker.define_wasi()
    wasi = WasiConfig()
    wasi.argv = ("yosys", "-q", "-")
    wasi.inherit_stdin()
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store = Store(own)
    store.set_wasi(wasi)
    start = cast(Func, linker.instantiate(store, Module.deserialize_file(own, compiled)).exports(store)["_start"])
    try:
        start(store)
    except ExitTrap as ended:
        return ended.code
    return 0


def main(command: str, *files: str) -> int:
    """Do what the arguments say."""
    try:
        if command == "run":
            return run(*files)
        compile_program(*files)
    except WasmtimeError as error:
        sys.stderr.write(f"{error}\n")
        return _UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
