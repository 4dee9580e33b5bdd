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
from gateware.stream import Mark, current_layout, event_layout, shape_of
from snnhw.convolution import Conv2d
from snnhw.implementation import address_width
from snnhw.network import Range

if TYPE_CHECKING:
    from snnhw.design import DesignLayer

TABLE_INPUTS = 6
"""Bits that a table takes: those of a LUT."""


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
        """Cycles to go over all windows."""
        return self.rows * self.row_visits

    @property
    def latency(self) -> int:
        """Cycles from the visit of a window's last block to the offer of its currents."""
        return 1 + max(weighted.latency for weighted in self.sums)

    @cached_property
    def sums(self) -> list[WeightedSum]:
        """Of each channel what it adds up; inputs are in the order of its weights [in_channels, height, width]."""
        layer = self.layer
        biases = layer.bias[:: layer.shape.positions].tolist() if layer.biased else [0] * layer.channels
        kernels = layer.weight.reshape(layer.channels, -1).tolist()
        return [WeightedSum(kernel, layer.values, bias) for kernel, bias in zip(kernels, biases, strict=True)]

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

    @cached_property
    def table(self) -> list[dict[str, Any]]:
        """An entry for each place that events come from."""
        return [self._entry(place) for place in self.source.places]

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
    constant makes good. Every sum on the way stands in a register: the whole is there ``latency`` cycles after the
    inputs.
    """

    def __init__(self, weights: Sequence[int], values: Range, constant: int) -> None:
        self.weights = weights
        self.planes = values.hi.bit_length()
        places = [place for place, weight in enumerate(weights) if weight]
        self.groups = [places[start : start + TABLE_INPUTS] for start in range(0, len(places), TABLE_INPUTS)]
        lowest = sum(min(0, weight) for weight in weights)
        self.constant = constant + ((1 << self.planes) - 1) * lowest

    @property
    def latency(self) -> int:
        """Tables, the sums of each plane, those of planes, and the constant."""
        return 1 + _levels(len(self.groups)) + _levels(self.planes) + 1

    def build(self, m: Module, moves: Value, inputs: Sequence[Value]) -> Value:
        """The sum; registers keep what they have where not ``moves``."""
        planes = []
        for bit in range(self.planes):
            tables = [self._table(m, moves, group, inputs, bit) for group in self.groups] or [Const(0)]
            planes.append(_added(m, moves, tables, shift=0))
        return _registered(m, moves, _added(m, moves, planes, shift=1) + self.constant)

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
    it is laid on, in blocks of columns. An event takes a cycle; at a mark all windows are visited, `WindowPlan.visits`
    cycles, while events wait. Weights are wired in. The currents of a window, bias included, are offered
    `WindowPlan.latency` cycles after the visit of its last block, in one word, in the order of ``LayerShape.order``;
    while a word waits nothing moves. What was visited is 0 for the next step. After ABORT, and after a reset, all is
    visited without being sent; ``settles`` is 1 meanwhile after a reset, and no sample may be let in.

    Cycles of a step: its events, 1, and the visits; no weight is read, and nothing added for inputs that are 0 costs a
    cycle less. ``layer`` is the design's convolution, in ROM, with all lanes.
    """

    def __init__(self, layer: DesignLayer):
        self.layer = layer
        self.plan = WindowPlan(layer)
        self.memories: list[Any] = []
        self.settles = Signal(init=1)
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(len(layer.sources), layer.values))),
                "currents": Out(stream.Signature(current_layout(layer.shape.neuron_lanes, layer.built.current))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, moves = self.plan, Signal()
        m.d.comb += moves.eq(~self.currents.valid | self.currents.ready)
        visiting, silent = Signal(init=1), Signal(init=1)
        row, block, valid = self._visit(m, moves, visiting, silent)
        window = self._window(m, moves, visiting, row, block, self._taken(m, visiting, silent))
        for channel, weighted in enumerate(plan.sums):
            total = weighted.build(m, moves, window)
            for _ in range(plan.latency - 1 - weighted.latency):
                total = _registered(m, moves, total)
            m.d.comb += self.currents.payload.current[channel].eq(total)
        for _ in range(plan.latency):
            valid = _registered(m, moves, valid, reset_less=False)
        m.d.comb += self.currents.valid.eq(valid)
        return m

    def _visit(self, m, moves, visiting, silent):
        """Row of windows and block of the visit, and whether it completes a window that is to be sent."""
        plan = self.plan
        row, block = Signal(address_width(plan.rows)), Signal(address_width(plan.row_visits))
        row_ends = block == plan.row_visits - 1
        with m.If(visiting & moves):
            m.d.sync += block.eq(Mux(row_ends, 0, block + 1))
            with m.If(row_ends):
                m.d.sync += row.eq(row + 1)
                with m.If(row == plan.rows - 1):
                    m.d.sync += [row.eq(0), visiting.eq(0), self.settles.eq(0)]
        return row, block, visiting & ~silent & (block >= plan.blocks - 1)

    def _taken(self, m, visiting, silent):
        """The entry of the event that was taken a cycle ago, its channel and value, and whether there is one."""
        plan, event = self.plan, self.events.payload
        bits = plan.source.channel_bits
        m.submodules.places = store = memory.Memory(
            shape=plan.table_layout, depth=len(plan.table), init=plan.table, attrs={"ram_style": "block"}
        )
        port = store.read_port()
        channel, value, writes = Signal(max(1, bits)), Signal.like(event.value, reset_less=True), Signal()
        m.d.comb += [self.events.ready.eq(~visiting), port.addr.eq(event.address[bits:])]
        is_mark = self.events.valid & ~visiting & (event.mark != Mark.EVENT)
        m.d.sync += [
            channel.eq(event.address[:bits]),
            value.eq(event.value),
            writes.eq(self.events.valid & ~visiting & (event.mark == Mark.EVENT)),
        ]
        with m.If(is_mark):
            m.d.sync += [visiting.eq(1), silent.eq(event.mark == Mark.ABORT)]
        return port.data, channel if bits else port.data.channel, value, writes

    def _window(self, m, moves, visiting, row, block, taken):
        """The inputs of the window whose last block was visited a cycle ago, in the order of a channel's weights."""
        plan, (entry, channel, value, writes) = self.plan, taken
        depth = plan.rows << len(block)
        held: dict[tuple[int, int, int], list[Value]] = {}
        for k, i, column in product(range(plan.source.channels), range(plan.kernel[0]), range(plan.width)):
            m.submodules[f"cells_{k}_{i}_{column}"] = store = memory.Memory(shape=value.shape(), depth=depth, init=[])
            read, write = store.read_port(domain="comb"), store.write_port()
            own = entry.held[i] & (entry.column == column) & (channel == k)
            place = Mux(visiting, Cat(block, row), Cat(entry.block, entry.row[i]))
            m.d.comb += [
                read.addr.eq(place),
                write.addr.eq(place),
                write.en.eq(Mux(visiting, moves, writes & own)),
                write.data.eq(Mux(visiting, 0, value)),
            ]
            blocks = [read.data]
            for _ in range(plan.blocks):
                blocks.append(_registered(m, moves, blocks[-1]))
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
