"""The dense synapse crossbar, event-driven. Twin of ``golden/crossbar.py``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.drain import Drain, clears, levels
from gateware.fetch import Direct, Replay
from gateware.multiples import accumulate, choose, multiples, terms
from gateware.stream import Mark, event_layout, shape_of
from gateware.weights import Contents, WeightMemory, bias_rows, weight_rows
from snnhw.network import Range

if TYPE_CHECKING:
    from snnhw.design import DesignLayer
    from snnhw.model import ModelLayer


def crossbar_latency(layer: DesignLayer) -> int:
    """Cycles from a mark's being let in to the offer of its first currents."""
    fetch = Direct.latency if layer.shape.groups == 1 else Replay.latency
    summands = terms(shape_of(layer.built.weight), layer.values, layer.chosen.event_lanes)
    biased = layer.biased if layer.loadable else bool(layer.bias.any())
    return fetch + 4 + clears(layer.shape, layer.slots) + levels(len(summands), biased)


def by_address(layer: DesignLayer, weight: Sequence[Sequence[int]]) -> list[list[int]]:
    """Weights [units][inputs] as [units][addresses of events]; 0 where an address is no input's."""
    return [[0 if source is None else row[source] for source in layer.sources] for row in weight]


class Crossbar(wiring.Component):
    """Adds, for each event, its value times its column of weights to the accumulators of all neurons.

    Takes one transfer of events a cycle, each address at most once a step. At a mark the sums become ``currents``,
    bias included, in words of ``neuron_lanes`` and in the order of ``LayerShape.order``, and the accumulators start
    anew; ABORT discards them. With one group (``synapse_lanes`` = fan-out) events are used as they come. With G groups
    they are listed and used once for each: a step of n transfers takes G * (n + 1) + 1 cycles. A group's words wait in
    registers of their own while the next group accumulates; its mark waits until the words before have been taken.
    The first word is offered ``crossbar_latency`` cycles after its mark was let in.

    Where words of neurons hold several time steps, events carry a value a step, and words a current a step: one
    accumulator each. With several ``slots`` these come one after the other, in as many transfers.

    ``layer`` is the design's dense layer; where it is loadable, any weights can be loaded into ``memories``, and any
    biases where it is biased.
    """

    def __init__(self, layer: DesignLayer):
        self.shape = shape = layer.shape
        self.event_lanes = event_lanes = layer.chosen.event_lanes
        self.steps = steps = layer.current_steps
        weight, weights, values = by_address(layer, layer.weight.tolist()), layer.built.weight, layer.values
        addresses = len(layer.sources)
        rows = [weight_rows(weight, shape, event_lanes, lane) for lane in range(event_lanes)]
        self._banks = [WeightMemory(bank, weights, layer.chosen.memory) for bank in rows]
        self._terms = terms(shape_of(weights), values, event_lanes)
        # Of what may be loaded nothing is known but its bits: all of them ones are the most.
        widest = [[-1] * addresses] if layer.loadable else weight
        widths = [self._width(widest, term, values) for term in self._terms]
        if shape.groups == 1:
            self.fetch = Direct(addresses, values, event_lanes, steps)
        else:
            self.fetch = Replay(addresses, shape.groups, values, event_lanes, steps)
        self.drain = Drain(layer, self._terms, widths)
        self.memories = [*self._banks, *self.drain.memories] if layer.loadable else []
        super().__init__(
            {
                "events": In(stream.Signature(event_layout(addresses, values, event_lanes, steps))),
                "currents": Out(stream.Signature(self.drain.currents.payload.shape())),
            }
        )

    @staticmethod
    def contents(layer: DesignLayer, numbers: ModelLayer) -> Iterator[Contents]:
        """What ``memories`` hold where the layer's weights and biases are those of ``numbers``, weights first."""
        weight, lanes = by_address(layer, numbers.weight.tolist()), layer.chosen.event_lanes
        for lane in range(lanes):
            yield Contents(weight_rows(weight, layer.shape, lanes, lane), layer.built.weight)
        if layer.biased:
            yield Contents(bias_rows(numbers.bias.tolist(), layer.shape), layer.built.current)

    def _width(self, weight: Sequence[Sequence[int]], term, values: Range) -> int:
        """The bits that hold the sum of a term over all inputs, for every neuron."""
        lanes = self.event_lanes
        most = max(term.most([row[lane::lanes] for lane in range(lanes)], values) for row in weight)
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
