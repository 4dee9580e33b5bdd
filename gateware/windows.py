"""Two-dimensional convolutions, window by window. Another circuit for ``golden/convolution.py``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.places import Source
from gateware.stream import LUT_INPUTS, Mark, choose, current_layout, each, event_layout, shape_of
from snnhw.convolution import Conv2d
from snnhw.implementation import address_width
from snnhw.network import Range

if TYPE_CHECKING:
    from snnhw.design import DesignLayer

TAKEN = 2
"""Cycles from taking an event until it stands in the memories of inputs, and from taking a mark to the first visit."""


class WindowPlan:
    """What is known of a convolution that goes window by window before it is built.

    Columns of the padded input are taken in blocks of as many as the stride, so that a window is some blocks, and the
    next window begins a block later. A row of windows is visited from its first block to its last, a block a cycle.
    """

    def __init__(self, layer: DesignLayer) -> None:
        assert isinstance(layer.synapse, Conv2d)
        self.layer = layer
        self.kernel, self.stride, self.padding = layer.synapse.kernel, layer.synapse.stride, layer.synapse.padding
        self.rows, self.columns = layer.out_shape[1:]
        self.source = Source.of(layer)
        self.blocks = -(-self.kernel[1] // self.stride[1])
        """Of a window."""
        self.width = min(self.stride[1], self.kernel[1])
        """Columns of a block that windows have."""

    @property
    def row_visits(self) -> int:
        """Blocks of a row of windows."""
        return self.columns + self.blocks - 1

    @property
    def visits(self) -> int:
        """Blocks that are visited to go over all windows: as many cycles where there is one phase."""
        return self.rows * self.row_visits

    @property
    def phases(self) -> int:
        """Cycles that a window stands where its inputs are added up: some bits of them in each."""
        return -(-self.layer.values.hi.bit_length() // self.layer.chosen.bit_lanes)

    @property
    def latency(self) -> int:
        """Cycles from the visit of a window's last block to the offer of its currents."""
        return self.phases + max(weighted.latency for weighted in self.sums)

    @cached_property
    def sums(self) -> list[WeightedSum]:
        """Of each channel what it adds up; inputs are in the order of its weights [in_channels, height, width]."""
        layer = self.layer
        biases = layer.bias[:: layer.shape.positions].tolist() if layer.biased else [0] * layer.channels
        kernels = layer.weight.reshape(layer.channels, -1).tolist()
        bits = layer.chosen.bit_lanes
        return [WeightedSum(kernel, layer.values, bias, bits) for kernel, bias in zip(kernels, biases, strict=True)]

    @property
    def table_layout(self) -> data.StructLayout:
        """An entry of the table: for each row of the kernel whether and in which row of windows the place lies.

        And its ``block``, the ``column`` there, and the ``channel`` where an address does not say it.
        """
        return data.StructLayout(
            {
                "held": self.kernel[0],
                "row": data.ArrayLayout(address_width(self.rows), self.kernel[0]),
                "block": address_width(self.row_visits),
                "column": address_width(self.width),
                "channel": address_width(self.source.channels),
            }
        )

    @property
    def event_lanes(self) -> int:
        """Events taken a cycle."""
        return self.layer.chosen.event_lanes

    def table(self, lane: int) -> list[dict[str, Any]]:
        """An entry for each place that the events of a lane come from."""
        return [self._entry(place) for place in self.source.places[lane :: self.event_lanes]]

    def lane(self, column: int) -> int:
        """The event lane of the inputs in a column of a block; columns of the input are even and odd in turns."""
        return (column - self.padding[1]) % self.event_lanes

    def _entry(self, place: tuple[int, int, int] | None) -> dict[str, Any]:
        channel, down, right = place or (0, 0, 0)
        block, column = divmod(right + self.padding[1], self.stride[1])
        if place is None or block >= self.row_visits or column >= self.width:
            return {"held": 0, "row": [0] * self.kernel[0], "block": 0, "column": 0, "channel": 0}
        rows = [divmod(down + self.padding[0] - tap, self.stride[0]) for tap in range(self.kernel[0])]
        held = [rest == 0 and 0 <= row < self.rows for row, rest in rows]
        return {
            "held": sum(1 << tap for tap, seen in enumerate(held) if seen),
            "row": [row if seen else 0 for (row, _), seen in zip(rows, held, strict=True)],
            "block": block,
            "column": column,
            "channel": channel,
        }


class WeightedSum:
    """A sum of inputs within ``values`` times constants, plus a constant, from tables of bits of the same weight.

    A table of six inputs is a LUT for each bit of its sum. Tables are raised so that none is negative, which the
    constant makes good. Inputs come ``bits`` bits at a time, a part of all of them, the highest first. Every sum on the
    way stands in a register: the whole is there ``latency`` cycles after the last bits.
    """

    def __init__(self, weights: Sequence[int], values: Range, constant: int, bits: int) -> None:
        self.weights = weights
        self.planes = bits
        self.serial = bits < values.hi.bit_length()
        self.most = (1 << values.hi.bit_length()) - 1
        places = [place for place, weight in enumerate(weights) if weight]
        self.groups = [places[start : start + LUT_INPUTS] for start in range(0, len(places), LUT_INPUTS)]
        lowest = sum(min(0, weight) for weight in weights)
        self.constant = constant + self.most * lowest

    @property
    def latency(self) -> int:
        """Tables, the sums of each plane, those of planes or of phases, and the constant."""
        return 1 + _levels(len(self.groups)) + _levels(self.planes) + self.serial + 1

    def build(self, m: Module, moves: Value, inputs: Sequence[Value], first: Value) -> Value:
        """The sum; registers keep what they have where not ``moves``. ``first`` is 1 with the first bits."""
        planes = []
        for bit in range(self.planes):
            tables = [self._table(m, moves, group, inputs, bit) for group in self.groups] or [Const(0)]
            planes.append(_added(m, moves, tables, shift=0))
        total = _added(m, moves, planes, shift=1)
        if self.serial:
            for _ in range(self.latency - 2):
                first = _registered(m, moves, first)
            greatest = self.most * sum(map(abs, self.weights))
            so_far = Signal(shape_of(Range(lo=0, hi=max(1, greatest))), reset_less=True)
            with m.If(moves):
                m.d.sync += so_far.eq(Mux(first, 0, so_far << self.planes) + total)
            total = so_far
        return _registered(m, moves, total + self.constant)

    def _table(self, m: Module, moves: Value, group: Sequence[int], inputs: Sequence[Value], bit: int) -> Value:
        """What the inputs of a group that have this bit add, raised by what their negative weights could take away."""
        weights = [self.weights[place] for place in group]
        raised = -sum(min(0, weight) for weight in weights)
        sums = [
            raised + sum(weight for place, weight in enumerate(weights) if chosen >> place & 1)
            for chosen in range(1 << len(group))
        ]
        shape = shape_of(Range(lo=0, hi=max(1, *sums)))
        found = Signal(shape)
        m.d.comb += found.eq(Array(Const(total, shape) for total in sums)[Cat(inputs[place][bit] for place in group)])
        return _registered(m, moves, found)


class WindowConvolution(wiring.Component):
    """Takes in a step's events, then gives the currents of all channels, a window after the other.

    Inputs stand in memories, ``cells``, as windows want them: for each row of the kernel those rows of the input that
    it is laid on, in blocks of columns. An event takes a cycle, or two of them, of even and odd addresses, with two
    ``event_lanes``; at a mark all windows are visited, a block a cycle, while events wait. Weights are wired in. With
    fewer ``bit_lanes`` than a value has bits each window is added up in `WindowPlan.phases` cycles, which the visit of
    its last block then takes. The currents of a window, bias included, are offered `WindowPlan.latency` cycles after
    that visit began, in one word, in the order of ``LayerShape.order``; while a word waits nothing moves. What was
    visited is 0 for the next step. After ABORT, and after a reset, all is visited without being sent; ``settles`` is 1
    meanwhile after a reset, and no sample may be let in.

    Cycles of a step: its events, ``TAKEN``, and the visits; which inputs are 0 makes no difference to these, and no
    weight is read. ``layer`` is the design's convolution, in ROM, with all lanes.
    """

    def __init__(self, layer: DesignLayer):
        self.layer = layer
        self.plan = WindowPlan(layer)
        self.memories: list[Any] = []
        self.settles = Signal(init=1)
        super().__init__(
            {
                "events": In(
                    stream.Signature(event_layout(len(layer.sources), layer.values, layer.chosen.event_lanes))
                ),
                "currents": Out(stream.Signature(current_layout(layer.shape.neuron_lanes, layer.built.current))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, moves = self.plan, Signal()
        m.d.comb += moves.eq(~self.currents.valid | self.currents.ready)
        visiting, silent = Signal(init=1), Signal(init=1)
        phase, steps = Signal(range(plan.phases)), Signal()
        m.d.comb += steps.eq(moves & (phase == 0))
        row, block, completes = self._visit(m, steps, visiting, silent)
        with m.If(moves):
            m.d.sync += phase.eq(Mux(phase == 0, Mux(completes, plan.phases - 1, 0), phase - 1))
        taken = self._taken(m, visiting, silent)
        window = self._window(m, steps, visiting, row, block, taken)
        if plan.phases > 1:
            bits = self.layer.chosen.bit_lanes
            parts = [[value[bits * part :][:bits] for part in range(plan.phases)] for value in window]
            window = [choose(of_value, phase) for of_value in parts]
        for channel, weighted in enumerate(plan.sums):
            total = weighted.build(m, moves, window, phase == plan.phases - 1)
            for _ in range(plan.latency - plan.phases - weighted.latency):
                total = _registered(m, moves, total)
            m.d.comb += self.currents.payload.current[channel].eq(total)
        valid = completes & (phase == 0)
        for _ in range(plan.latency):
            valid = _registered(m, moves, valid, reset_less=False)
        m.d.comb += self.currents.valid.eq(valid)
        return m

    def _visit(self, m, steps, visiting, silent):
        """Row of windows and block of the visit, and whether it completes a window that is to be sent."""
        plan = self.plan
        row, block = Signal(address_width(plan.rows)), Signal(address_width(plan.row_visits))
        row_ends = block == plan.row_visits - 1
        with m.If(visiting & steps):
            m.d.sync += block.eq(Mux(row_ends, 0, block + 1))
            with m.If(row_ends):
                m.d.sync += row.eq(row + 1)
                with m.If(row == plan.rows - 1):
                    m.d.sync += [row.eq(0), visiting.eq(0), self.settles.eq(0)]
        return row, block, visiting & ~silent & (block >= plan.blocks - 1)

    def _taken(self, m, visiting, silent):
        """Of each lane the entry of what was taken ``TAKEN`` cycles ago, channel, value, and whether that is an event.

        A register stands behind the table: block RAM takes half of a cycle to show anything.
        """
        plan, event = self.plan, self.events.payload
        bits, lanes = plan.source.channel_bits, []
        addresses, values = each(event.address, plan.event_lanes), each(event.value, plan.event_lanes)
        taken, is_event, ended = self.events.valid & self.events.ready, event.mark == Mark.EVENT, Signal()
        for lane, (address, given) in enumerate(zip(addresses, values, strict=True)):
            table = plan.table(lane)
            m.submodules[f"places_{lane}"] = store = memory.Memory(
                shape=plan.table_layout, depth=len(table), init=table, attrs={"ram_style": "block"}
            )
            port, entry = store.read_port(), Signal(plan.table_layout, name=f"entry_{lane}", reset_less=True)
            channel, value, writes = address[:bits], given, taken & is_event & given.any()
            for _ in range(TAKEN):
                channel, value = (_registered(m, Const(1), kept) for kept in (channel, value))
                writes = _registered(m, Const(1), writes, reset_less=False)
            m.d.comb += port.addr.eq(address[bits:])
            m.d.sync += entry.eq(port.data)
            lanes.append((entry, channel if bits else entry.channel, value, writes))
        m.d.comb += self.events.ready.eq(~visiting & ~ended)
        m.d.sync += ended.eq(taken & ~is_event)
        with m.If(taken & ~is_event):
            m.d.sync += silent.eq(event.mark == Mark.ABORT)
        with m.If(ended):
            m.d.sync += visiting.eq(1)
        return lanes

    def _window(self, m, steps, visiting, row, block, taken):
        """The inputs of the window whose last block was visited the last time, in the order of a channel's weights."""
        plan = self.plan
        depth = plan.rows << len(block)
        held: dict[tuple[int, int, int], list[Value]] = {}
        for k, i, column in product(range(plan.source.channels), range(plan.kernel[0]), range(plan.width)):
            entry, channel, value, writes = taken[plan.lane(column)]
            m.submodules[f"cells_{k}_{i}_{column}"] = store = memory.Memory(shape=value.shape(), depth=depth, init=[])
            read, write = store.read_port(domain="comb"), store.write_port()
            own = entry.held[i] & (entry.column == column) & (channel == k)
            place = Mux(visiting, Cat(block, row), Cat(entry.block, entry.row[i]))
            m.d.comb += [
                read.addr.eq(place),
                write.addr.eq(place),
                write.en.eq(Mux(visiting, steps, writes & own)),
                write.data.eq(Mux(visiting, 0, value)),
            ]
            blocks = [read.data]
            for _ in range(plan.blocks):
                blocks.append(_registered(m, steps, blocks[-1]))
            held[k, i, column] = blocks[:0:-1]
        taps = product(range(plan.source.channels), range(plan.kernel[0]), range(plan.kernel[1]))
        return [held[k, i, j % plan.stride[1]][j // plan.stride[1]] for k, i, j in taps]


def _levels(count: int) -> int:
    """Levels of a tree that adds so many numbers."""
    return (max(1, count) - 1).bit_length()


def _added(m: Module, moves: Value, numbers: Sequence[Value], shift: int) -> Value:
    """The sum of numbers, each worth ``2 ** shift`` times the one before, in a tree of registers."""
    while len(numbers) > 1:
        pairs = [numbers[start : start + 2] for start in range(0, len(numbers), 2)]
        sums = [pair[0] + (pair[1] << shift) if len(pair) == 2 else pair[0] for pair in pairs]
        numbers, shift = [_registered(m, moves, total) for total in sums], 2 * shift
    return numbers[0]


def _registered(m: Module, moves: Value, value: Value, reset_less: bool = True) -> Signal:
    """A value a cycle later, where it ``moves``."""
    register = Signal(value.shape(), reset_less=reset_less)
    with m.If(moves):
        m.d.sync += register.eq(value)
    return register
