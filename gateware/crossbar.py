"""The dense synapse crossbar, event-driven. Twin of ``golden/crossbar.py``."""

from collections.abc import Sequence

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.stream import Mark, current_layout, event_layout, shape_of
from snnhw.implementation import LayerShape, address_width
from snnhw.network import Range


class Crossbar(wiring.Component):
    """Adds, for each event, its value times its column of weights to the accumulators of all neurons.

    Accepts one event a cycle, at most one an address and step. At a mark the sums become ``currents``, bias
    included, in words of ``neuron_lanes`` and in the order of ``LayerShape.order``, and the accumulators start anew;
    ABORT discards them. With one group (``synapse_lanes`` = fan-out) events are used as they come. With G groups the
    first is served as events come, while they are listed; the other G - 1 replay the list, input waiting: a step of n
    events takes G * (n + 1) cycles. The first word of a group is offered 2 cycles after its mark was taken.
    A group's words wait in a register of their own while the next group accumulates; where the consumer is so slow
    that they are still there at the next group's mark, the pipeline waits, and with it the input.

    ``weight`` is [units][inputs], ``bias`` [units], both plain ints; ``values`` the range of event values;
    ``weights`` and ``currents`` the ranges that widths come from (see ``snnhw.ranges``).
    """

    def __init__(
        self,
        weight: Sequence[Sequence[int]],
        bias: Sequence[int],
        shape: LayerShape,
        values: Range,
        weights: Range,
        currents: Range,
    ):
        self.inputs = len(weight[0])
        self.shape = shape
        self.values = values
        lanes = shape.synapse_lanes
        padded = [*weight, *[[0] * self.inputs] * (shape.groups * lanes - shape.units)]
        starts = [group * lanes for group in range(shape.groups)]
        self._check(weight, weights, bias, currents)
        self._rows = [
            [padded[start + lane][i] for lane in range(lanes)] for start in starts for i in range(self.inputs)
        ]
        bias = [*bias, *[0] * (shape.groups * lanes - shape.units)]
        self._bias = [bias[start : start + lanes] for start in starts]
        self._weight_shape, self._current_shape = shape_of(weights), shape_of(currents)
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(self.inputs, values))),
                "currents": Out(stream.Signature(current_layout(shape.neuron_lanes, currents))),
            }
        )

    def _check(self, weight: Sequence[Sequence[int]], weights: Range, bias: Sequence[int], currents: Range) -> None:
        if len(weight) != self.shape.units:
            raise ValueError(f"weight must have {self.shape.units} rows, not {len(weight)}")
        for row in weight:
            if len(row) != self.inputs or any(value not in weights for value in row):
                raise ValueError(f"weight rows must be {self.inputs} integers in {weights.lo}..{weights.hi}")
        if len(bias) != self.shape.units or any(value not in currents for value in bias):
            raise ValueError(f"bias must be {self.shape.units} integers in {currents.lo}..{currents.hi}")

    def elaborate(self, platform):
        m = Module()
        lanes = self.shape.synapse_lanes
        m.submodules.weights = rom = memory.Memory(
            shape=data.ArrayLayout(self._weight_shape, lanes), depth=len(self._rows), init=self._rows
        )
        m.submodules.fetch = fetch = _Fetch(self.inputs, self.shape.groups, self.values)
        m.submodules.drain = drain = _Drain(self.shape, self._current_shape)
        column = rom.read_port()
        mark, value, valid = Signal(Mark), Signal.like(fetch.value), Signal()
        ends = Signal()
        wiring.connect(m, wiring.flipped(self.events), fetch.events)
        m.d.comb += [
            ends.eq(valid & (mark != Mark.EVENT) & (mark != Mark.ABORT)),
            fetch.advance.eq(~(ends & drain.busy)),
            column.addr.eq(fetch.row),
            column.en.eq(fetch.advance),
        ]
        with m.If(fetch.advance):
            m.d.sync += [valid.eq(fetch.valid), mark.eq(fetch.mark), value.eq(fetch.value)]
        accumulator = [
            Signal(self._current_shape, name=f"accumulator_{lane}", init=self._bias[0][lane]) for lane in range(lanes)
        ]
        fresh = self._fresh_accumulators(m, ends & fetch.advance, mark == Mark.ABORT)
        with m.If(valid & fetch.advance):
            with m.If(mark == Mark.EVENT):
                for lane in range(lanes):
                    product = column.data[lane] if self.values.hi == 1 else column.data[lane] * value
                    m.d.sync += accumulator[lane].eq(accumulator[lane] + product)
            with m.Else():
                m.d.sync += [accumulator[lane].eq(fresh[lane]) for lane in range(lanes)]
        m.d.comb += [
            drain.load.eq(ends & fetch.advance),
            Cat(drain.sums).eq(Cat(accumulator)),
        ]
        wiring.connect(m, drain.currents, wiring.flipped(self.currents))
        return m

    def _fresh_accumulators(self, m, group_ends, aborts):
        """What the accumulators start from after a mark: the biases of the group that comes next.

        An ABORT comes while the first group is served, which then starts anew.
        """
        if self.shape.groups == 1:
            return [Const(bias, self._current_shape) for bias in self._bias[0]]
        group = Signal(address_width(self.shape.groups), init=1)
        with m.If(group_ends):
            m.d.sync += group.eq(Mux(group == self.shape.groups - 1, 0, group + 1))
        m.submodules.biases = rom = memory.Memory(
            shape=data.ArrayLayout(self._current_shape, self.shape.synapse_lanes),
            depth=self.shape.groups,
            init=self._bias,
        )
        port = rom.read_port(domain="comb")
        m.d.comb += port.addr.eq(Mux(aborts, 0, group))
        return [port.data[lane] for lane in range(self.shape.synapse_lanes)]


class _Fetch(wiring.Component):
    """Which row of weights comes next: from the event stream, then from the list of the step's events, group by group.

    ``valid``, ``mark``, ``value`` and ``row`` describe this cycle's item and are taken where ``advance`` is 1.
    """

    def __init__(self, inputs: int, groups: int, values: Range):
        self.inputs = inputs
        self.groups = groups
        self._entry = data.StructLayout({"address": address_width(inputs), "value": shape_of(values)})
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(inputs, values))),
                "advance": In(1),
                "valid": Out(1),
                "mark": Out(Mark),
                "value": Out(shape_of(values)),
                "row": Out(address_width(inputs * groups)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        event = self.events.payload
        m.d.comb += [
            self.valid.eq(self.events.valid),
            self.mark.eq(event.mark),
            self.value.eq(event.value),
            self.row.eq(event.address),
            self.events.ready.eq(self.advance),
        ]
        if self.groups > 1:
            self._replay(m)
        return m

    def _replay(self, m):
        """List the events of a step as they come, and go over the list for each further group."""
        event = self.events.payload
        m.submodules.list = store = memory.Memory(shape=self._entry, depth=self.inputs, init=[])
        write, read = store.write_port(), store.read_port()
        count, position, following = (
            Signal(range(self.inputs + 1), name=n) for n in ("count", "position", "following")
        )
        replaying, row = Signal(), Signal.like(self.row)
        taken = self.events.valid & self.events.ready
        m.d.comb += [
            write.addr.eq(count),
            write.data.address.eq(event.address),
            write.data.value.eq(event.value),
            write.en.eq(taken & (event.mark == Mark.EVENT)),
            read.addr.eq(following),
            read.en.eq(self.advance),
        ]
        with m.If(replaying):
            ends = Signal()
            m.d.comb += [
                ends.eq(position == count),
                following.eq(Mux(ends, 0, position + 1)),
                self.events.ready.eq(0),
                self.valid.eq(1),
                self.mark.eq(Mux(ends, Mark.STEP, Mark.EVENT)),
                self.value.eq(read.data.value),
                self.row.eq(row + read.data.address),
            ]
            with m.If(self.advance):
                m.d.sync += position.eq(following)
                with m.If(ends):
                    m.d.sync += row.eq(row + self.inputs)
                    with m.If(row == self.inputs * (self.groups - 1)):
                        m.d.sync += [replaying.eq(0), count.eq(0)]
        with m.Else(), m.If(taken), m.Switch(event.mark):
            with m.Case(Mark.EVENT):
                m.d.sync += count.eq(count + 1)
            with m.Case(Mark.ABORT):
                m.d.sync += count.eq(0)
            with m.Default():
                m.d.sync += [replaying.eq(1), position.eq(0), row.eq(self.inputs)]


class _Drain(wiring.Component):
    """Holds a group's sums and sends them as words; ``load`` takes ``sums``, allowed where ``busy`` is 0."""

    def __init__(self, shape: LayerShape, current):
        self.shape = shape
        self.sums = [Signal(current, name=f"sum_{lane}") for lane in range(shape.synapse_lanes)]
        layout = data.StructLayout({"current": data.ArrayLayout(current, shape.neuron_lanes)})
        super().__init__({"load": In(1), "busy": Out(1), "currents": Out(stream.Signature(layout))})

    def elaborate(self, platform):
        m = Module()
        lanes, sizes = self.shape.neuron_lanes, self.shape.group_sizes
        held = [Signal.like(signal, name=f"held_{lane}") for lane, signal in enumerate(self.sums)]
        word, group = Signal(address_width(max(sizes))), Signal(address_width(len(sizes)))
        last = Signal()
        m.d.comb += [
            last.eq(word == Mux(group == len(sizes) - 1, sizes[-1] - 1, sizes[0] - 1)),
            self.busy.eq(self.currents.valid & ~(self.currents.ready & last)),
        ]
        for lane in range(lanes):
            choices = held[lane::lanes]
            m.d.comb += self.currents.payload.current[lane].eq(
                choices[0] if len(choices) == 1 else Array(choices)[word]
            )
        with m.If(self.currents.valid & self.currents.ready):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
            with m.If(last):
                m.d.sync += [group.eq(Mux(group == len(sizes) - 1, 0, group + 1)), self.currents.valid.eq(0)]
        with m.If(self.load):
            m.d.sync += [self.currents.valid.eq(1), *(h.eq(s) for h, s in zip(held, self.sums, strict=True))]
        return m
