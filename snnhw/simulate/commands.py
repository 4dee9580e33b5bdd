"""A circuit that does one command after the other, in Verilator: what is sent to its streams, and all that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.commands import Command
from snnhw.emission import EmittedCircuit
from snnhw.errors import ToolError
from snnhw.interface import CommandInterface
from snnhw.payloads import pack_fields
from snnhw.simulate import compiler
from snnhw.simulate.bits import Words, words_for
from snnhw.simulate.library import INT, INT64, POINTER, TEXT, UINT64, CompiledCircuit, Library
from snnhw.simulate.simulation import Stall
from snnhw.simulate.taps import public_names, tap_numbers, unpack_field

__all__ = ["CommandCircuit", "build"]

Array = NDArray[Any]

_FUNCTIONS = {
    "commands_add_stream": (INT, TEXT, INT),
    "commands_stall": (None, UINT64, INT, INT),
    "commands_send": (None, INT, POINTER, INT64),
    "commands_clear": (None,),
    "commands_transfers": (INT64, INT),
    "commands_copy": (None, INT, POINTER, POINTER),
}


def build(emitted: EmittedCircuit, interface: CommandInterface, *, optimise: bool = True) -> Library:
    """The library of a circuit of commands, compiled now or out of the cache; see ``compiler.build_library``."""
    driver = resources.files("snnhw.simulate").joinpath("commands.cpp").read_text()
    return compiler.build_library(
        emitted.verilog,
        interface.top,
        public_names([interface.tap]),
        memories=emitted.memories,
        driver=driver,
        optimise=optimise,
    )


class CommandCircuit(CompiledCircuit):
    """A circuit fresh from reset; what its streams and its tap give is kept until `clear`.

    ``library`` is what `build` made. ``patience``: cycles without anything at ports and tap after which the circuit
    counts as stuck. Sources and sinks pause where there is a ``stall``.
    """

    def __init__(
        self, library: Library, interface: CommandInterface, patience: int, stall: Stall | None = None
    ) -> None:
        super().__init__(library, _FUNCTIONS)
        self.interface = interface
        self.patience = patience
        self._numbers = {port.name: number for number, port in enumerate(interface.streams)}
        for port in interface.streams:
            if self.call("commands_add_stream", port.name.encode(), port.direction == "out"):
                raise ToolError(f"stream '{port.name}': {self.message}")
        self._tap = self.add_tap(interface.top, interface.tap)
        if stall is not None:
            self.call("commands_stall", stall.seed, stall.source, stall.sink)

    def send(self, stream: str, fields: Mapping[str, Array]) -> None:
        """Put payloads into the queue of a stream, by its fields, see `pack_fields`."""
        words = pack_fields(self.interface.stream(stream), fields)
        self.call("commands_send", self._numbers[stream], words.ctypes.data, len(words))

    def give(self, command: Command) -> bool:
        """Give a command with all that it takes, and wait until the next one may come; True where it got stuck."""
        for stream, fields in command.inputs(self.interface).items():
            self.send(stream, fields)
        return self.run(self.patience)

    def transfers(self, stream: str) -> tuple[NDArray[np.int64], Words]:
        """The cycles [n] and payloads [n, words] of all that a stream has sent or given."""
        number, width = self._numbers[stream], words_for(self.interface.stream(stream).width)
        count = int(self.call("commands_transfers", number))
        cycles, words = np.zeros(count, np.int64), np.zeros((count, width), np.uint32)
        self.call("commands_copy", number, cycles.ctypes.data, words.ctypes.data)
        return cycles, words

    def fields(self, stream: str) -> dict[str, Array]:
        """The fields [n, count] of all that a stream has sent or given."""
        _, words = self.transfers(stream)
        return {member.name: unpack_field(member, words) for member in self.interface.stream(stream).fields}

    def tapped(self) -> dict[str, Array]:
        """The signals [n, count] of all that the tap has shown."""
        return tap_numbers(self.interface.tap, self.records(self._tap, self.interface.tap))

    def clear(self) -> None:
        """Forget what streams and tap have given."""
        self.call("commands_clear")
