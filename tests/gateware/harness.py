"""Runs a component in Amaranth's simulator: feeds its input streams, collects its output streams, counts cycles.

Sources and sinks wait at random but repeatably, and every output is held against the rules of streams: valid and
payload hold until the transfer, and neither depends on ready. An idle source shows junk. A component that stops moving
is a failure with a message, not a test that hangs.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.hdl import ClockDomain, Module, Shape, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, Out
from amaranth.sim import Simulator
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from snnhw.implementation import LayerShape

PATIENCE = 60
"""Cycles without anything offered or taken, after which a component is taken to be done."""

LIMIT = 10_000
"""Cycles after which a component that still moves is taken never to end."""


def examples(count: int) -> settings:
    """Settings of a property: as many examples, the same ones every time."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=checks)


@dataclass(frozen=True)
class Stall:
    """How often sources and sinks wait: a probability per cycle. ``lazy`` sinks want to have seen valid first."""

    source: float = 0.0
    sink: float = 0.0
    lazy: bool = False
    seed: int = 0

    @property
    def slowness(self) -> int:
        """How many times longer things may take because sources and sinks wait."""
        return round(4 / (1 - min(0.99, max(self.source, self.sink))))


stalls = st.builds(
    Stall,
    source=st.sampled_from([0.0, 0.3, 0.8]),
    sink=st.sampled_from([0.0, 0.3, 0.8, 0.95]),
    lazy=st.booleans(),
    seed=st.integers(0, 1 << 16),
)


@dataclass(frozen=True)
class Transfer:
    """One transfer: the cycle in which it was first offered, the one in which it was taken, and what it carried."""

    offered: int
    taken: int
    payload: Any


@dataclass
class Run:
    """What happened: transfers by stream, plain outputs by cycle, and samples of what was watched, by name."""

    transfers: dict[str, list[Transfer]] = field(default_factory=dict)
    ports: dict[str, list[int]] = field(default_factory=dict)
    watched: dict[str, list[dict[str, int]]] = field(default_factory=dict)

    def payloads(self, name: str) -> list[Any]:
        """What a stream carried, in order."""
        return [transfer.payload for transfer in self.transfers[name]]

    def taken(self, name: str) -> list[int]:
        """The cycles of a stream's transfers."""
        return [transfer.taken for transfer in self.transfers[name]]

    def offered(self, name: str) -> list[int]:
        """The cycles in which each of a stream's transfers was first offered."""
        return [transfer.offered for transfer in self.transfers[name]]


class _End:
    """One end of a stream of the component."""

    def __init__(self, name: str, port: Any, wait: float, seed: int) -> None:
        self.name = name
        self.port = port
        self.layout = port.payload.shape()
        self.raw = Value.cast(port.payload)
        self.wait = wait
        self.random = random.Random(f"{seed} {name}")
        self.transfers: list[Transfer] = []
        self.since: int | None = None

    def waits(self) -> bool:
        return self.random.random() < self.wait

    def transfer(self, cycle: int, raw: int) -> None:
        assert self.since is not None
        self.transfers.append(Transfer(self.since, cycle, unpack(self.layout, raw)))
        self.since = None


class _Source(_End):
    """Offers payloads one after the other, each until it is taken."""

    def __init__(self, name: str, port: Any, stall: Stall, payloads: Iterable[Any]) -> None:
        super().__init__(name, port, stall.source, stall.seed)
        self.queue = [pack(self.layout, payload) for payload in payloads]

    @property
    def pending(self) -> bool:
        return len(self.transfers) < len(self.queue)

    def drive(self, ctx: Any, cycle: int) -> None:
        if self.since is None:
            starts = self.pending and not self.waits()
            self.since = cycle if starts else None
            junk = self.random.getrandbits(len(self.raw))
            ctx.set(self.raw, self.queue[len(self.transfers)] if starts else junk)
            ctx.set(self.port.valid, starts)

    def sample(self, ctx: Any, cycle: int) -> bool:
        """Whether a transfer happens in this cycle."""
        moves = self.since is not None and bool(ctx.get(self.port.ready))
        if moves:
            self.transfer(cycle, self.queue[len(self.transfers)])
        return moves

    def __str__(self) -> str:
        return f"'{self.name}' has taken {len(self.transfers)} of {len(self.queue)}"


class _Sink(_End):
    """Takes what comes, and checks that it is offered by the rules."""

    def __init__(self, name: str, port: Any, stall: Stall) -> None:
        super().__init__(name, port, stall.sink, stall.seed)
        self.lazy = stall.lazy
        self.valid = self.payload = 0

    @property
    def pending(self) -> bool:
        return self.since is not None

    def drive(self, ctx: Any, cycle: int) -> None:
        held = (self.valid, self.payload) if self.since is not None else None
        ctx.set(self.port.ready, 0)
        self.valid, self.payload = ctx.get(self.port.valid), ctx.get(self.raw)
        assert held in (None, (self.valid, self.payload)), (
            f"cycle {cycle}: '{self.name}' must hold valid and payload until the transfer"
        )
        ready = not self.waits() and not (self.lazy and self.since is None)
        if self.valid and self.since is None:
            self.since = cycle
        if ready:
            ctx.set(self.port.ready, 1)
            now = (ctx.get(self.port.valid), ctx.get(self.raw) if self.valid else self.payload)
            assert now == (self.valid, self.payload), f"cycle {cycle}: '{self.name}' must not depend on its ready"
        self.moves = bool(ready and self.valid)

    def sample(self, ctx: Any, cycle: int) -> bool:
        """Whether a transfer happens in this cycle."""
        if self.moves:
            self.transfer(cycle, self.payload)
        return self.moves

    def __str__(self) -> str:
        return f"'{self.name}' has given {len(self.transfers)}"


class Watch:
    """Signals to be sampled in each cycle in which ``strobe`` is 1."""

    def __init__(self, strobe: Signal, signals: Mapping[str, Signal]) -> None:
        self.strobe = strobe
        self.signals = signals
        self.samples: list[dict[str, int]] = []

    def sample(self, ctx: Any) -> bool:
        """Whether the strobe is 1 in this cycle."""
        strobe = bool(ctx.get(self.strobe))
        if strobe:
            self.samples.append({name: ctx.get(signal) for name, signal in self.signals.items()})
        return strobe


def simulate(
    dut: Component,
    inputs: Mapping[str, Iterable[Any]],
    stall: Stall | None = None,
    *,
    watches: Mapping[str, Watch] | None = None,
    patience: int = PATIENCE,
    limit: int = LIMIT,
) -> Run:
    """Feed ``inputs`` by stream, and go on until nothing has been offered or taken for ``patience`` cycles.

    Raises AssertionError where a rule of streams is broken, where an offer is not taken for much longer than that, and
    where it goes on beyond ``limit`` cycles.
    """
    stall, watches = stall or Stall(), dict(watches or {})
    streams = dict(_streams(dut))
    ends: list[_Source | _Sink] = [
        _Sink(name, getattr(dut, name), stall)
        if flow == Out
        else _Source(name, getattr(dut, name), stall, inputs[name])
        for name, flow in streams.items()
    ]
    ends.sort(key=lambda end: isinstance(end, _Sink))
    ports = {name: getattr(dut, name) for name, member in dut.signature.members.items() if not member.is_signature}
    run = Run(ports={name: [] for name in ports})

    async def clockwork(ctx):
        idle = quiet = cycle = 0
        while quiet < patience:
            assert idle < patience * stall.slowness and cycle < limit, (
                f"stuck at cycle {cycle}: {', '.join(map(str, ends))}"
            )
            for end in ends:
                end.drive(ctx, cycle)
            moved = [end.sample(ctx, cycle) for end in ends] + [watch.sample(ctx) for watch in watches.values()]
            for name, port in ports.items():
                run.ports[name].append(ctx.get(port))
            idle = 0 if any(moved) else idle + 1
            quiet = 0 if any(moved) or any(end.pending for end in ends) else quiet + 1
            cycle += 1
            await ctx.tick()

    drive(_clocked(dut), clockwork)
    run.transfers = {end.name: end.transfers for end in ends}
    run.watched = {name: watch.samples for name, watch in watches.items()}
    return run


def drive(dut: Any, bench: Callable[[Any], Any]) -> None:
    """Run a test bench, a coroutine of the simulator's context, to its end in Amaranth's simulator."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def _streams(dut: Component) -> Iterator[tuple[str, Any]]:
    for name, member in dut.signature.members.items():
        if member.is_signature and isinstance(member.signature, stream.Signature):
            yield name, member.flow


def _clocked(dut: Component) -> Module:
    """The component in a module with a clock, which one without registers would lack."""
    m = Module()
    m.domains.sync = ClockDomain()
    m.submodules.dut = dut
    return m


def filled_lanes(values: Sequence[Any]) -> int:
    """Field ``filled`` of a word of those values, numbers or one a step each."""
    return sum(1 << lane for lane, value in enumerate(values) if np.any(value))


def pack(shape: Any, value: Any) -> int:
    """The bits of a payload, given as a number, or as lists and dicts of numbers; nothing is missing or truncated."""
    if isinstance(shape, data.StructLayout):
        assert set(value) == set(shape.members), f"{sorted(value)} are not {sorted(shape.members)}"
        return sum(pack(member.shape, value[key]) << member.offset for key, member in shape)
    if isinstance(shape, data.ArrayLayout):
        assert len(value) == shape.length, f"{value} are not {shape.length}"
        return sum(pack(member.shape, value[key]) << member.offset for key, member in shape)
    width, signed = _number(shape)
    lowest = -(1 << (width - 1)) if signed else 0
    assert lowest <= value < lowest + (1 << width), f"{value} does not fit {width} bits"
    return value & ((1 << width) - 1)


def unpack(shape: Any, raw: int) -> Any:
    """The numbers of a payload: what :func:`pack` has packed."""
    if isinstance(shape, data.Layout):
        parts = {key: unpack(member.shape, raw >> member.offset) for key, member in shape}
        return list(parts.values()) if isinstance(shape, data.ArrayLayout) else parts
    width, signed = _number(shape)
    raw &= (1 << width) - 1
    return raw - (1 << width) if signed and raw >> (width - 1) else raw


def _number(shape: Any) -> tuple[int, bool]:
    cast = Shape.cast(shape)
    return cast.width, cast.signed


def to_words(shape: LayerShape, numbers: Sequence[int], empty: int = 0) -> list[list[int]]:
    """A number of each neuron, laid out in words; ``empty`` lanes read so."""
    return [[empty if unit is None else numbers[unit] for unit in lanes] for lanes in shape.order]


def from_words(shape: LayerShape, words: Sequence[Sequence[int]]) -> list[int]:
    """The number of each neuron, from one step's words."""
    numbers = [0] * shape.units
    for lanes, word in zip(shape.order, words, strict=True):
        for unit, number in zip(lanes, word, strict=True):
            if unit is not None:
                numbers[unit] = number
    return numbers


def in_steps(words: Sequence[Any], count: int) -> list[Sequence[Any]]:
    """Words in packets of ``count``, one a step; a packet that is not full is a failure."""
    assert len(words) % count == 0, f"{len(words)} words are not whole steps of {count}"
    return [words[start : start + count] for start in range(0, len(words), count)]


def events_of(run: Run, name: str = "events") -> list[Any]:
    """What a stream of events carried, as golden's serializer has it: mark, address and value of each transfer.

    Lists are tuples, and what means nothing reads 0: the address and value of a mark, the address of an empty lane.
    """
    return [_event(**transfer) for transfer in run.payloads(name)]


def _event(mark: int, address: Any, value: Any) -> tuple[int, Any, Any]:
    value = _map(value, lambda number: 0 if mark else number)
    if isinstance(address, int):
        return mark, 0 if mark else address, value
    return mark, tuple(0 if _empty(own) else place for place, own in zip(address, value, strict=True)), value


def _map(value: Any, change: Callable[[int], int]) -> Any:
    """Every number changed, lists as tuples."""
    return tuple(_map(part, change) for part in value) if isinstance(value, list) else change(value)


def _empty(value: Any) -> bool:
    return not (any(value) if isinstance(value, tuple) else value)


def evaluate(signals: Sequence[Signal], outputs: Sequence[Value], rows: Iterable[Sequence[int]]) -> list[list[int]]:
    """The numbers of ``outputs`` for each row of numbers of ``signals``."""
    found: list[list[int]] = []

    async def bench(ctx: Any) -> None:
        for row in rows:
            for signal, number in zip(signals, row, strict=True):
                ctx.set(signal, number)
            found.append([ctx.get(output) for output in outputs])

    simulator = Simulator(Module())
    simulator.add_testbench(bench)
    simulator.run()
    return found
