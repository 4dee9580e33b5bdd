"""The dense synapse crossbar, event-driven. Twin of ``golden/crossbar.py``."""

from collections.abc import Sequence

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.drain import Drain, clears, levels
from gateware.fetch import Direct, Replay
from gateware.multiples import accumulate, choose, multiples, terms
from gateware.stream import Mark, event_layout, shape_of
from gateware.weights import WeightMemory, weight_rows
from snnhw.implementation import LayerShape, MemoryKind
from snnhw.network import Range


def crossbar_latency(
    shape: LayerShape, slots: int, weights: Range, values: Range, event_lanes: int, biased: bool
) -> int:
    """Cycles from a mark's being let in to the offer of its first currents; ``slots`` is the transfers of a word."""
    fetch = Direct.latency if shape.groups == 1 else Replay.latency
    return fetch + 4 + clears(shape, slots) + levels(len(terms(shape_of(weights), values, event_lanes)), biased)


class Crossbar(wiring.Component):
    """Adds, for each event, its value times its column of weights to the accumulators of all neurons.

    Takes one transfer of events a cycle, each address at most once a step. At a mark the sums become ``currents``,
    bias included, in words of ``neuron_lanes`` and in the order of ``LayerShape.order``, and the accumulators start
    anew; ABORT discards them. With one group (``synapse_lanes`` = fan-out) events are used as they come. With G groups
    they are listed and used once for each: a step of n transfers takes G * (n + 1) + 1 cycles. A group's words wait in
    registers of their own while the next group accumulates; its mark waits until the words before have been taken.
    The first word is offered ``crossbar_latency`` cycles after its mark was let in.

    With ``steps`` above 1 events carry a value a step, and words a current a step: one accumulator each. Where it is
    ``serial`` these come one after the other, in as many transfers.

    ``weight`` is [units][inputs], ``bias`` [units], both plain ints; ``values`` the range of event values;
    ``weights`` and ``currents`` the ranges that widths come from (see ``snnhw.ranges``). Unless ``memory`` is ``rom``,
    any weights in that range can be loaded into ``memories``, and any biases where the layer is ``biased``.
    """

    def __init__(
        self,
        weight: Sequence[Sequence[int]],
        bias: Sequence[int],
        shape: LayerShape,
        values: Range,
        weights: Range,
        currents: Range,
        event_lanes: int = 1,
        steps: int = 1,
        serial: bool = False,
        memory: MemoryKind = "rom",
        biased: bool = False,
    ):
        self.inputs = inputs = len(weight[0])
        self.shape = shape
        self.event_lanes = event_lanes
        self.steps = steps
        self._check(weight, weights, bias, currents)
        rows = [weight_rows(weight, shape, event_lanes, lane) for lane in range(event_lanes)]
        self._banks = [WeightMemory(bank, weights, memory) for bank in rows]
        self._terms = terms(shape_of(weights), values, event_lanes)
        # Of what may be loaded nothing is known but its bits: all of them ones are the most.
        widest = weight if memory == "rom" else [[-1] * inputs]
        widths = [self._width(widest, term, values) for term in self._terms]
        if shape.groups == 1:
            self.fetch = Direct(inputs, values, event_lanes, steps)
        else:
            self.fetch = Replay(inputs, shape.groups, values, event_lanes, steps)
        self.drain = Drain(
            shape, bias, self._terms, widths, currents, steps, serial, loadable=biased and memory != "rom"
        )
        self.memories = [*self._banks, *self.drain.memories] if memory != "rom" else []
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(inputs, values, event_lanes, steps))),
                "currents": Out(stream.Signature(self.drain.currents.payload.shape())),
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

    def _width(self, weight: Sequence[Sequence[int]], term, values: Range) -> int:
        """The bits that hold the sum of a term over all inputs, for every neuron."""
        lanes = self.event_lanes
        most = 0
        for row in weight:
            padded = [*row, *[0] * (-len(row) % lanes)]
            most = max(most, sum(term.most(padded[i : i + lanes], values) for i in range(0, len(row), lanes)))
        return max(1, most.bit_length())

    def elaborate(self, platform):
        m = Module()
        m.submodules.fetch = fetch = self.fetch
        m.submodules.drain = drain = self.drain
        wiring.connect(m, wiring.flipped(self.events), fetch.events)
        wiring.connect(m, drain.currents, wiring.flipped(self.currents))
        weights = self._weights(m, fetch.row)
        value, mark, ends = Signal.like(fetch.value), Signal(Mark), Signal(Mark)
        m.d.comb += [
            fetch.busy.eq(drain.busy),
            drain.reserve.eq(fetch.reserve),
            drain.load.eq((ends == Mark.STEP) | (ends == Mark.SAMPLE)),
        ]
        m.d.sync += [value.eq(fetch.value), mark.eq(fetch.mark), ends.eq(mark)]
        for step in range(self.steps):
            table: list[Signal] = []
            for multiple in multiples([value[lane][step] for lane in range(self.event_lanes)]):
                table.append(Signal.like(multiple, name=f"multiple_{len(table)}"))
                m.d.sync += table[-1].eq(multiple)
            for lane, columns in enumerate(weights):
                for term, total in zip(self._terms, drain.sums[lane][step], strict=True):
                    kept = Signal.like(total, name="accumulator")
                    m.d.comb += total.eq(kept)
                    m.d.sync += kept.eq(accumulate(kept, choose(term, columns, table)))
                    with m.If(ends != Mark.EVENT):
                        m.d.sync += kept.eq(0)
        return m

    def _weights(self, m, rows):
        """The weights that ``rows`` asked for two cycles ago: [lane][event lane]."""
        banks = []
        for bank, store in enumerate(self._banks):
            m.submodules[f"weights_{bank}"] = store
            read = Signal.like(store.data, name=f"read_{bank}", reset_less=True)
            m.d.comb += [store.addr.eq(rows[bank]), store.en.eq(1)]
            m.d.sync += read.eq(store.data)
            banks.append(read)
        return [[bank[lane] for bank in banks] for lane in range(self.shape.synapse_lanes)]
