"""A circuit of commands behind AXI: its streams with stalls, its registers, a soft reset."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from amaranth.sim import Simulator

from gateware.commandaxi import CommandAxiTop
from snnhw.commandshell import COMMAND_IDENTITY, COMMAND_REGISTERS, axi_stream, streams_in, streams_out
from snnhw.payloads import pack_beats, unpack_beats
from tests import adder

INTERFACE = adder.interface()
DIGEST = "0123456789abcdef" * 4
AT = {register.name: register.address for register in COMMAND_REGISTERS}


@dataclass
class Around:
    """Sources and sinks of a top's streams, each of which pauses with a probability; what came, with TLAST."""

    pause: float
    waiting: dict[str, list[int]] = field(default_factory=lambda: {port.name: [] for port in streams_in(INTERFACE)})
    arrived: dict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: {port.name: [] for port in streams_out(INTERFACE)}
    )

    def send(self, command: Any) -> None:
        for name, fields in command.inputs(INTERFACE).items():
            port = INTERFACE.stream(name)
            beats = pack_beats(port, fields)
            size = -(-port.width // 8)
            self.waiting[name] += [int.from_bytes(beats[at : at + size], "little") for at in range(0, len(beats), size)]

    async def run(self, ctx: Any, top: Any) -> None:
        random = Random(7)
        offered: dict[str, bool] = dict.fromkeys(self.waiting, False)
        held: dict[str, Any] = dict.fromkeys(self.arrived)
        while True:
            moves = []
            for name, queue in self.waiting.items():
                prefix = f"s_axis_{name}"
                offered[name] = offered[name] or (bool(queue) and random.random() >= self.pause)
                ctx.set(getattr(top, f"{prefix}_tvalid"), offered[name])
                ctx.set(getattr(top, f"{prefix}_tdata"), queue[0] if offered[name] else 0)
                if offered[name] and ctx.get(getattr(top, f"{prefix}_tready")):
                    moves.append(name)
            for name, found in self.arrived.items():
                prefix = f"m_axis_{name}"
                ctx.set(getattr(top, f"{prefix}_tready"), ready := random.random() >= self.pause)
                shown = tuple(ctx.get(getattr(top, f"{prefix}_t{part}")) for part in ("valid", "data", "last"))
                assert held[name] in (None, shown), f"{name} changed while it was offered"
                held[name] = shown if shown[0] and not ready else None
                if shown[0] and ready:
                    found.append(shown[1:])
            await ctx.tick()
            for name in moves:
                del self.waiting[name][0]
                offered[name] = False


def in_simulation(pause: float, bench: Any) -> Around:
    top, around = CommandAxiTop(adder.Adder(), INTERFACE, DIGEST), Around(pause)

    async def driven(ctx: Any) -> None:
        ctx.set(top.aresetn, 1)
        ctx.set(top.s_axi_bready, 1)
        ctx.set(top.s_axi_rready, 1)
        await bench(ctx, top, around)

    async def surroundings(ctx: Any) -> None:
        await around.run(ctx, top)

    async def clock(ctx: Any) -> None:
        while True:
            for level in (0, 1):
                ctx.set(top.aclk, level)
                await ctx.delay(1e-6)

    simulator = Simulator(top)
    simulator.add_testbench(clock, background=True)
    simulator.add_testbench(driven)
    simulator.add_testbench(surroundings, background=True)
    simulator.run()
    return around


async def read(ctx: Any, top: Any, name: str, index: int = 0) -> tuple[int, int]:
    """A register, and the answer."""
    ctx.set(top.s_axi_araddr, AT.get(name, 0x30) + 4 * index)
    ctx.set(top.s_axi_arvalid, 1)
    await ctx.tick().until(top.s_axi_arready)
    ctx.set(top.s_axi_arvalid, 0)
    *_, value, answer = await ctx.tick().sample(top.s_axi_rdata, top.s_axi_rresp).until(top.s_axi_rvalid)
    return value, answer.value if hasattr(answer, "value") else answer


async def write(ctx: Any, top: Any, name: str, value: int) -> int:
    for channel, port, sent in (("aw", "awaddr", AT[name]), ("w", "wdata", value)):
        ctx.set(getattr(top, f"s_axi_{port}"), sent)
        ctx.set(getattr(top, f"s_axi_{channel}valid"), 1)
    ctx.set(top.s_axi_wstrb, 15)
    await ctx.tick()
    ctx.set(top.s_axi_awvalid, 0)
    ctx.set(top.s_axi_wvalid, 0)
    *_, answer = await ctx.tick().sample(top.s_axi_bresp).until(top.s_axi_bvalid)
    return answer.value if hasattr(answer, "value") else answer


@pytest.fixture(scope="module")
def commands() -> Any:
    return adder.random_commands(Random(5), 20)


@pytest.mark.parametrize("pause", [0.0, 0.5, 0.9])
def test_commands_are_done_whatever_waits(commands: Any, pause: float):
    given, sums = commands

    async def bench(ctx: Any, top: Any, around: Around) -> None:
        for command in [*given, adder.dump(), given[0]]:
            around.send(command)
        while len(around.arrived["result"]) <= len(given) or len(around.arrived["words_out"]) < adder.WORDS:
            await ctx.tick()
        assert await read(ctx, top, "commands") == (len(given) + 2, 0)
        assert await read(ctx, top, "results") == (len(given) + 1, 0)

    around = in_simulation(pause, bench)
    size = -(-INTERFACE.stream("result").width // 8)
    beats = b"".join(data.to_bytes(size, "little") for data, _ in around.arrived["result"])
    fields = unpack_beats(INTERFACE.stream("result"), beats)
    assert list(zip(fields["sum"][:-1, 0].tolist(), fields["count"][:-1, 0].tolist(), strict=True)) == sums
    assert {last for _, last in around.arrived["result"]} == {1}
    words = around.arrived["words_out"]
    assert [data for data, _ in words] == [(sums[-1][0] + place) % (1 << 12) for place in range(adder.WORDS)]
    assert [last for _, last in words] == [0] * (adder.WORDS - 1) + [1]


def test_registers():
    async def bench(ctx: Any, top: Any, around: Around) -> None:
        assert await read(ctx, top, "identity") == (COMMAND_IDENTITY, 0)
        assert await read(ctx, top, "version") == (1, 0)
        assert [(await read(ctx, top, "digest", index))[0] for index in range(8)] == [0x01234567, 0x89ABCDEF] * 4
        assert await read(ctx, top, "nothing") == (0, 2)
        assert await write(ctx, top, "scratch", 0x12345678) == 0
        assert await read(ctx, top, "scratch") == (0x12345678, 0)
        assert await write(ctx, top, "status", 1) == 2
        assert await read(ctx, top, "status") == (0, 0)
        around.send(adder.add(1, 2, 3))
        await ctx.tick().repeat(20)
        # The command, its weight in the next cycle, its result in the one after that.
        assert await read(ctx, top, "cycles") == (3, 0)

    in_simulation(0.0, bench)


def test_a_soft_reset_forgets_a_command_that_waits_for_beats():
    async def bench(ctx: Any, top: Any, around: Around) -> None:
        command = adder.add(5, 7, 3)
        around.send(command)
        await ctx.tick().repeat(20)
        around.waiting["command"].append(0)
        await ctx.tick().repeat(20)
        assert await read(ctx, top, "status") == (1, 0)
        assert await write(ctx, top, "control", 1) == 0
        await ctx.tick().repeat(2)
        assert await read(ctx, top, "status") == (0, 0)
        assert await read(ctx, top, "commands") == (0, 0)
        around.send(command)
        await ctx.tick().repeat(20)

    around = in_simulation(0.0, bench)
    fields = [data for data, _ in around.arrived["result"]]
    # The adder's sum is a register, and begins anew: only what stands in memories stays.
    assert fields == [9 | 1 << 32, 9 | 1 << 32]


def test_ports_are_named_as_tools_expect():
    names = {axi_stream(port) for port in INTERFACE.streams}
    assert names == {"s_axis_command", "s_axis_weights_in", "m_axis_result", "m_axis_words_out"}
