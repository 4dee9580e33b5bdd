# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001
"""The smallest circuit of commands that notices a beat too many or too few; as gateware, and as lines of Python."""

from __future__ import annotations

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.ports import streams_of, tap_of
from snnhw.commands import Command
from snnhw.commandshell import CommandShell
from snnhw.commandverilog import emit_commands
from snnhw.emission import EmittedCommandCircuit
from snnhw.interface import CommandInterface
from snnhw.payloads import pack_beats, unpack_beats

ADD, DUMP = range(2)
WORDS = 300
"""What a dump gives: more than a head of beats counts, and more than a small buffer holds."""

_COMMAND = data.StructLayout({"kind": 1, "value": signed(5)})
_RESULT = data.StructLayout({"sum": signed(32), "count": 8})


class Adder(wiring.Component):
    """ADD takes a pair of weights, and gives the new sum and a count; DUMP gives 300 words from the sum on."""

    def __init__(self) -> None:
        super().__init__(
            {
                "command": In(stream.Signature(_COMMAND)),
                "weights_in": In(stream.Signature(data.StructLayout({"weight": data.ArrayLayout(signed(6), 2)}))),
                "result": Out(stream.Signature(_RESULT)),
                "words_out": Out(stream.Signature(data.StructLayout({"word": 12}))),
            }
        )
        self.tapped = data.StructLayout({"sum": signed(32)})
        self.tap_strobe = Signal()
        self.taps = {"sum": Signal(signed(32), name="tap_sum")}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        command, weights = self.command.payload, self.weights_in.payload.weight
        value, total, count, word = Signal(signed(5)), Signal(signed(32)), Signal(8), Signal(range(WORDS))
        m.d.comb += [
            self.result.payload.sum.eq(total),
            self.result.payload.count.eq(count),
            self.words_out.payload.word.eq(Cat(total[:12]) + word),
            self.taps["sum"].eq(total),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.command.ready.eq(1)
                m.d.sync += [value.eq(command.value), word.eq(0)]
                with m.If(self.command.valid):
                    m.next = "ADD"
                    with m.If(command.kind == DUMP):
                        m.next = "DUMP"
            with m.State("ADD"):
                m.d.comb += [self.weights_in.ready.eq(1), self.tap_strobe.eq(self.weights_in.valid)]
                with m.If(self.weights_in.valid):
                    m.d.sync += [total.eq(total + value + weights[0] - weights[1]), count.eq(count + 1)]
                    m.next = "RESULT"
            with m.State("RESULT"):
                m.d.comb += self.result.valid.eq(1)
                with m.If(self.result.ready):
                    m.next = "IDLE"
            with m.State("DUMP"):
                m.d.comb += self.words_out.valid.eq(1)
                with m.If(self.words_out.ready):
                    m.d.sync += word.eq(word + 1)
                    with m.If(word == WORDS - 1):
                        m.next = "IDLE"
        return m


def interface(name: str = "adder") -> CommandInterface:
    """Its streams and its tap."""
    circuit = Adder()
    tap = tap_of("sums", "", circuit.tapped, circuit.taps)
    return CommandInterface(top=name, streams=streams_of(circuit), tap=tap, beats={"words_out": WORDS})


def emit(shell: CommandShell, name: str = "adder") -> EmittedCommandCircuit:
    """It in a shell, as Verilog."""
    return emit_commands(
        Adder(), interface(name), shell, {"adder": 1, "lanes": 1}, what="an adder", before=["It adds."], after=[]
    )


def add(value: int, first: int, second: int) -> Command:
    """The command that adds ``value`` + ``first`` - ``second``."""
    weights = {"weight": np.array([[first, second]])}
    return Command("ADD", {"kind": ADD, "value": value}, {"result": 1}, {"weights_in": weights})


def dump() -> Command:
    """The command that reads words."""
    return Command("DUMP", {"kind": DUMP}, {"words_out": WORDS}, {})


class AdderTwin:
    """What the circuit makes of the bytes of its streams."""

    def __init__(self) -> None:
        self.total = self.count = 0
        self._ports = {port.name: port for port in interface().streams}
        self._inputs = [port for port in interface().streams if port.direction == "in"]
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._octets = b""

    def feed(self, octets: bytes) -> bytes:
        """Take bytes as they stand in the inbox, and give those for the outbox."""
        self._octets += octets
        while self._beats():
            pass
        given = b""
        while self._waiting:
            command = self._waiting[0][1]
            if command["kind"][0, 0] == DUMP:
                words = (self.total + np.arange(WORDS)) % (1 << 12)
                beats = pack_beats(self._ports["words_out"], {"word": words})
                given += b"".join(b"\x01" + beats[place : place + 2] for place in range(0, len(beats), 2))
                self._waiting = self._waiting[1:]
            elif len(self._waiting) > 1:
                weight = self._waiting[1][1]["weight"][0]
                self.total += int(command["value"][0, 0]) + int(weight[0]) - int(weight[1])
                self.count = (self.count + 1) % 256
                result = {"sum": np.array([self.total]), "count": np.array([self.count])}
                given += b"\x00" + pack_beats(self._ports["result"], result)
                self._waiting = self._waiting[2:]
            else:
                break
        return given

    def _beats(self) -> bool:
        """Take a head and its beats, where they are there."""
        if len(self._octets) < 2:
            return False
        port, count = self._inputs[self._octets[0]], self._octets[1] + 1
        size = -(-port.width // 8)
        if len(self._octets) < 2 + count * size:
            return False
        for place in range(2, 2 + count * size, size):
            self._waiting.append((port.name, unpack_beats(port, self._octets[place : place + size])))
        self._octets = self._octets[2 + count * size :]
        return True


def random_commands(random: Any, count: int) -> tuple[list[Command], list[tuple[int, int]]]:
    """Commands that add, and the sum and count after each."""
    commands, expected, total = [], [], 0
    for number in range(count):
        value, first, second = random.randrange(-16, 16), random.randrange(-32, 32), random.randrange(-32, 32)
        commands.append(add(value, first, second))
        total += value + first - second
        expected.append((total, (number + 1) % 256))
    return commands, expected


def results(outcomes: Any) -> list[tuple[int, int]]:
    """Sum and count of what commands that add have given."""
    port = interface().stream("result")
    fields = [unpack_beats(port, outcome["result"]) for outcome in outcomes]
    return [(int(each["sum"][0, 0]), int(each["count"][0, 0])) for each in fields]
