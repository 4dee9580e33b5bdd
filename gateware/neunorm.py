"""Convolutions with NeuNorm: events become currents, less a moving average. Twin of ``golden/neunorm.py``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.convolution import Convolution
from gateware.pooling import Pool
from gateware.serializer import Serializer
from gateware.stream import current_layout, filled, lookup, shape_of
from gateware.weights import Contents
from snnhw.errors import DescriptionError
from snnhw.network import Range
from snnhw.neunorm import AuxiliaryNeurons as Auxiliary
from snnhw.neunorm import NeuNormConv2d, auxiliary, auxiliary_neurons, spiking

if TYPE_CHECKING:
    from snnhw.design import DesignLayer
    from snnhw.model import ModelLayer


def parts(layer: DesignLayer) -> tuple[DesignLayer, DesignLayer, DesignLayer]:
    """The convolution of events, the auxiliary neurons, and the convolution of their states.

    The latter multiplies, which takes far more than adding: it has fewer lanes of positions, those of a row where the
    other reaches all. Raises DescriptionError for folded weights that are too wide.
    """
    neurons = auxiliary_neurons(layer)
    neurons = replace(neurons, chosen=layer.chosen.model_copy(update={"synapse_lanes": 1, "neuron_lanes": 1}))
    convolution, own = auxiliary(layer), layer.chosen.position_lanes
    if convolution.weight_span.width > (most := convolution.synapse.weight_range.width):
        raise DescriptionError(
            f"layer '{layer.name}': its numbers folded over channels need {convolution.weight_span.width} bits, more "
            f"than {most}: round them with snnhw.neunorm.folded"
        )
    possible = layer.synapse.position_lanes(layer.in_shape)
    fewer = possible[min(1, len(possible) - 1)] if own == possible[0] else own
    chosen = layer.chosen.model_copy(update={"position_lanes": fewer})
    return spiking(layer), neurons, replace(convolution, chosen=chosen, before=None)


class NeuNormConvolution(wiring.Component):
    """The convolution of the events, less that of the auxiliary neurons' states; see `NeuNormConv2d`.

    Events go to the convolution and to the auxiliary neurons at once, in a cycle in which both take one. At a mark the
    latter send their states, a position a cycle, to a convolution of their own, which lies beside the other and gives
    its words of currents in the same order: a word of both becomes one, a cycle later. Where both stand ready, that of
    the events does not wait; the rate is that of the slower.

    ``layer`` is the design's; it is not loadable.
    """

    def __init__(self, layer: DesignLayer):
        assert isinstance(layer.synapse, NeuNormConv2d)
        self.layer = layer
        self.shift = layer.synapse.shift
        convolution, neurons, weighing = parts(layer)
        self.spiking = Convolution(convolution)
        self.auxiliary = AuxiliaryNeurons(neurons)
        self.weighing = Convolution(weighing)
        self.serializer = Serializer(neurons.units, 1, weighing.values)
        self.memories: list[wiring.Component] = []
        self.kept = {"auxiliary": self.auxiliary}
        self.settles = Signal()
        super().__init__(
            {
                "events": In(self.spiking.events.signature.flip()),
                "currents": Out(stream.Signature(current_layout(layer.shape.neuron_lanes, layer.built.current))),
            }
        )

    @staticmethod
    def contents(layer: DesignLayer, numbers: ModelLayer) -> Iterator[Contents]:
        """What stands in the memories: those of the events' convolution, then those of the states'."""
        convolution, _, weighing = parts(layer)
        yield from Convolution.contents(convolution, spiking(numbers))
        yield from Convolution.contents(weighing, auxiliary(numbers))

    def elaborate(self, platform):
        m = Module()
        m.submodules.spiking, m.submodules.auxiliary = self.spiking, self.auxiliary
        m.submodules.serializer, m.submodules.weighing = self.serializer, self.weighing
        m.d.comb += self.settles.eq(self.spiking.settles | self.auxiliary.settles | self.weighing.settles)
        self._fork(m, self.spiking.events, self.auxiliary.events)
        self._weigh(m)
        self._join(m, self.spiking.currents, self.weighing.currents)
        return m

    def _fork(self, m, one, other):
        """Events go to both where both take them."""
        m.d.comb += [
            one.payload.eq(self.events.payload),
            other.payload.eq(self.events.payload),
            one.valid.eq(self.events.valid & other.ready),
            other.valid.eq(self.events.valid & one.ready),
            self.events.ready.eq(one.ready & other.ready),
        ]

    def _weigh(self, m):
        """The states as events, times the positions' numbers where there are some."""
        steps, words, value = self.auxiliary.steps, self.serializer.words, self.serializer.words.payload.value
        state = steps.payload.value[0]
        if "position" in self.layer.tensors:
            numbers = self.layer.tensors["position"].ravel().tolist()
            state = state * lookup(steps.payload.base, numbers, shape_of(Range(lo=0, hi=max(numbers))))
        m.d.comb += [
            words.valid.eq(steps.valid),
            steps.ready.eq(words.ready),
            words.payload.mark.eq(steps.payload.mark),
            words.payload.base.eq(steps.payload.base),
            value[0].eq(state),
            words.payload.filled.eq(filled([Value.cast(state)])),
        ]
        wiring.connect(m, self.serializer.events, self.weighing.events)

    def _join(self, m, one, other):
        """A word of each, the second shifted and taken from the first."""
        currents, goes = self.currents, Signal()
        m.d.comb += [
            goes.eq(~currents.valid | currents.ready),
            one.ready.eq(goes & other.valid),
            other.ready.eq(goes & one.valid),
        ]
        with m.If(goes):
            m.d.sync += currents.valid.eq(one.valid & other.valid)
            for lane in range(self.layer.shape.neuron_lanes):
                less = one.payload.current[lane] - (other.payload.current[lane] >> self.shift)
                m.d.sync += currents.payload.current[lane].eq(less)


class AuxiliaryNeurons(Pool):
    """At each position a leaky sum of what all channels send from there; ``steps`` shows the states.

    What is kept is the state as it decays for the next step, to which events add: it is the step's own at the mark.
    """

    def combined(self, old: Value, new: Value) -> Value:
        """The sum, which the description's range of states holds."""
        return old + new

    def left(self, old: Value, ends: Value) -> Value:
        """The state less what decays, rounded up; 0 where a sample ends."""
        assert isinstance(self.layer.synapse, Auxiliary)
        bits = self.layer.synapse.decay_bits
        return Mux(ends, 0, (old - ((old + ((1 << bits) - 1)) >> bits))[: len(old)])
