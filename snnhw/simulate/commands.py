"""A circuit that does one command after the other, in Verilator: what is sent to its streams, and all that it gives."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnhw.emission import EmittedCircuit
from snnhw.errors import ToolError
from snnhw.interface import CommandInterface, StreamPort
from snnhw.network import Range
from snnhw.simulate import compiler
from snnhw.simulate.bits import Words, insert, words_for
from snnhw.simulate.library import INT, INT64, POINTER, TEXT, UINT64, CompiledCircuit, Library
from snnhw.simulate.simulation import Stall
from snnhw.simulate.taps import public_names, tap_numbers, unpack_field

__all__ = ["CommandCircuit", "build", "pack_fields"]

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

    def command(self, **fields: int) -> bool:
        """Give a command, whose other fields are 0, and wait until the next one may come; True where it got stuck."""
        named = dict.fromkeys((member.name for member in self.interface.stream("command").fields), 0) | fields
        self.send("command", {name: np.array([value]) for name, value in named.items()})
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


def pack_fields(port: StreamPort, fields: Mapping[str, Array]) -> Words:
    """Payloads of a stream from their fields, integers [n], of a field of several lanes [n, lanes].

    Raises ValueError for a number that its field cannot hold.
    """
    count = len(next(iter(fields.values())))
    words = np.zeros((count, words_for(port.width)), np.uint32)
    rows = np.arange(count)
    for member in port.fields:
        numbers, room = np.asarray(fields[member.name]), Range.of_bits(member.width, signed=member.signed)
        if count and not room.lo <= int(numbers.min()) <= int(numbers.max()) <= room.hi:
            raise ValueError(
                f"field '{member.name}' of stream '{port.name}' must lie in {room.lo}..{room.hi}, not in "
                f"{numbers.min()}..{numbers.max()}"
            )
        held = numbers.astype(np.uint64).reshape(count, member.count) & np.uint64((1 << member.width) - 1)
        for lane in range(member.count):
            insert(words, rows, held[:, lane], offset=member.offset + lane * member.width, width=member.width)
    return words
