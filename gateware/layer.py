"""What a layer does: its synapses, then its neurons where it has any. Twin of ``golden/layer.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Module, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.intake import WordQueue
from gateware.neuron import NeuronBank
from gateware.pipeline import NeuronPipeline
from gateware.serializer import Serializer
from gateware.steps import StepQueues
from gateware.stream import filled
from snnhw.kinds import twin

if TYPE_CHECKING:
    from snnhw.design import DesignLayer


def neurons_of(layer: DesignLayer) -> NeuronBank | NeuronPipeline:
    """The neurons of a layer, by the schedule."""
    return NeuronPipeline(layer) if layer.neuron_major else NeuronBank(layer)


class Layer(wiring.Component):
    """Synapses, neurons where there are any and, but for the last layer, the serializer: events in, events or steps.

    The synapses are what the twin of their kind makes of the layer: a component with a stream ``events`` and, where
    they give currents, a stream ``currents`` to the neurons. Where they give events they have what a bank of neurons
    has: a stream ``steps`` with ``mark``, ``base`` and ``value`` [neuron_lanes], a word of `LayerShape.order` in each
    transfer, and ``tap_strobe`` and ``taps``. ``memories`` are those that can be loaded, [] where there are none.
    Where they keep what a tap of their own shows they have ``kept``: by name and instance, what has that too.
    """

    def __init__(self, layer: DesignLayer):
        self.layer = layer
        made = twin(layer.synapse, "gateware")
        self.synapses = made.windows(layer) if layer.chosen.visits == "windows" else made(layer)
        self.neurons = neurons_of(layer) if layer.has_neuron else None
        self.serializer: Serializer | None = None
        self.queue: StepQueues | WordQueue | None = None
        if not layer.last:
            shape, steps = layer.shape, 1 if layer.splits else layer.steps
            self.serializer = Serializer(
                shape.addresses, shape.neuron_lanes, layer.out_values, layer.out_lanes, steps, shape.stride
            )
            room = (shape.addresses, shape.neuron_lanes, layer.out_values)
            if layer.splits:
                self.queue = StepQueues(*room, layer.steps, shape.words)
            elif layer.chosen.queued_words:
                self.queue = WordQueue(*room, layer.chosen.queued_words, early=True)
        out = self.serializer.events if self.serializer else self.shown.steps
        super().__init__(
            {
                "events": In(stream.Signature(self.synapses.events.payload.shape())),
                "out": Out(stream.Signature(out.payload.shape())),
            }
        )

    @property
    def shown(self):
        """What its tap shows, and whose words go out: the neurons, or else the synapses."""
        return self.neurons or self.synapses

    @property
    def block(self) -> str:
        """The name of the instance that is shown."""
        return "neurons" if self.neurons else self.synapses_name

    @property
    def synapses_name(self) -> str:
        """The name of the synapses' instance: that of their class."""
        return type(self.synapses).__name__.lower()

    @property
    def step_layout(self) -> data.StructLayout:
        """What is said of one word."""
        return self.shown.steps.payload.shape()

    @property
    def kept(self):
        """What the synapses show of what they keep beside the neurons, by name and instance."""
        return getattr(self.synapses, "kept", {})

    def elaborate(self, platform):
        m = Module()
        m.submodules[self.synapses_name] = self.synapses
        wiring.connect(m, wiring.flipped(self.events), self.synapses.events)
        if self.neurons:
            m.submodules.neurons = self.neurons
            wiring.connect(m, self.synapses.currents, self.neurons.currents)
        steps = self.shown.steps
        if self.serializer is None:
            wiring.connect(m, steps, wiring.flipped(self.out))
            return m
        m.submodules.serializer = self.serializer
        words = self.serializer.words
        if self.queue:
            m.submodules.queue = self.queue
            wiring.connect(m, self.queue.kept, words)
            words = self.queue.words
        m.d.comb += [
            words.valid.eq(steps.valid),
            steps.ready.eq(words.ready),
            *(words.payload[name].eq(steps.payload[name]) for name in ("mark", "base")),
            Value.cast(words.payload.value).eq(Value.cast(steps.payload.value)),
            words.payload.filled.eq(filled(steps.payload.value)),
        ]
        wiring.connect(m, self.serializer.events, wiring.flipped(self.out))
        return m
