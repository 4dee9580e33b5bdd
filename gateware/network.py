"""A whole network from its model and implementation. Twin of ``golden/network.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.crossbar import Crossbar
from gateware.encoder import Encoder, sample_layout
from gateware.neuron import NeuronBank
from gateware.pipeline import NeuronPipeline
from gateware.readout import Readout
from gateware.serializer import Serializer
from gateware.stream import filled, result_layout
from gateware.weights import WeightLoader, load_layout
from snnhw.implementation import Implementation
from snnhw.interface import Interface, PayloadField, StreamPort, Tap, TapSignal
from snnhw.naming import instances
from snnhw.network import Layer
from snnhw.ranges import LayerRanges
from snnhw.widths import widths

if TYPE_CHECKING:
    from snnhw.model import Model

Order = tuple[tuple[int | None, ...], ...]

TOP = "snn"
"""The name of the top module."""


def neurons_of(
    model: Model, index: int, implementation: Implementation, ranges: LayerRanges
) -> NeuronBank | NeuronPipeline:
    """The neurons of a stage, by its schedule."""
    network = model.network
    layer, shape = network.stages[index], implementation.shapes(network)[index]
    parameters = {name: value.tolist() for name, value in model.parameters(layer.name).items()}
    constant = index == 0 and network.constant_input
    if implementation.schedule == "neuron_major":
        lanes = implementation.layers[index].step_lanes
        return NeuronPipeline(layer.neuron, parameters, ranges, shape, network.num_steps, constant, lanes)
    return NeuronBank(layer.neuron, parameters, ranges, shape, network.num_steps, constant)


class LayerCircuit(wiring.Component):
    """Synapses, neurons and, but for the last layer, the serializer of one stage: events in, events or steps out."""

    def __init__(self, model: Model, index: int, implementation: Implementation, ranges: LayerRanges):
        network = model.network
        layer: Layer = network.stages[index]
        chosen, shape = implementation.layers[index], implementation.shapes(network)[index]
        constant = index == 0 and network.constant_input
        steps = implementation.steps_a_word(network)
        values = network.input_value_range(index)
        self.crossbar = Crossbar(
            model.weight(layer.name).tolist(),
            model.bias(layer.name).tolist(),
            shape,
            values,
            ranges.weight,
            ranges.current,
            chosen.event_lanes,
            1 if constant else steps,
            implementation.slots(network, index) > 1,
            chosen.memory,
            layer.bias,
        )
        self.neurons = neurons_of(model, index, implementation, ranges)
        self.serializer = None
        if index < len(network.stages) - 1:
            self.serializer = Serializer(
                layer.units,
                shape.neuron_lanes,
                layer.neuron.spike.value_range,
                implementation.layers[index + 1].event_lanes,
                steps,
                shape.stride,
            )
        out = self.serializer.events if self.serializer else self.neurons.steps
        super().__init__(
            {
                "events": In(stream.Signature(self.crossbar.events.payload.shape())),
                "out": Out(stream.Signature(out.payload.shape())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crossbar = self.crossbar
        m.submodules.neurons = self.neurons
        wiring.connect(m, wiring.flipped(self.events), self.crossbar.events)
        wiring.connect(m, self.crossbar.currents, self.neurons.currents)
        if self.serializer is None:
            wiring.connect(m, self.neurons.steps, wiring.flipped(self.out))
            return m
        m.submodules.serializer = self.serializer
        steps, words = self.neurons.steps, self.serializer.words
        m.d.comb += [
            words.valid.eq(steps.valid),
            steps.ready.eq(words.ready),
            *(words.payload[name].eq(steps.payload[name]) for name in ("mark", "base")),
            Value.cast(words.payload.value).eq(Value.cast(steps.payload.value)),
            words.payload.filled.eq(filled(steps.payload.value)),
        ]
        wiring.connect(m, self.serializer.events, wiring.flipped(self.out))
        return m


class NetworkCircuit(wiring.Component):
    """The top: ``sample`` in, ``result`` out, ``error`` for ill-framed input. See ``interface`` for the layouts.

    Stages work on different time steps, and on different samples, at the same time; only streams join them, so that
    back-pressure anywhere loses nothing and changes no number. ``snnhw.timing`` says how many cycles a sample takes.

    Where the memory of a layer is no ROM there is a stream ``weights``, see ``WeightLoader``, and ``loaded`` beside it.
    What ``snnhw.weights.image`` makes goes there, while no sample is in the circuit; samples wait until it is loaded.
    """

    def __init__(self, model: Model, implementation: Implementation):
        network = model.network
        implementation.check(network)
        shapes = implementation.shapes(network)
        self.network = network
        self.encoder = Encoder(
            network,
            implementation.pixels_per_beat,
            implementation.overlap,
            implementation.queue,
            implementation.layers[0].event_lanes,
        )
        built = widths(model, implementation)
        self.layers = [
            LayerCircuit(model, index, implementation, built.layers[stage.name])
            for index, stage in enumerate(network.stages)
        ]
        self.shapes = shapes
        self.steps = implementation.steps_a_word(network)
        last = self.layers[-1].neurons.steps.payload.shape()
        self.readout = Readout(network, shapes[-1], last, built.scores, self.steps)
        self.memories = [memory for layer in self.layers for memory in layer.crossbar.memories]
        self.loader = None
        if self.memories:
            starts = all(memory.kind != "spram" for memory in self.memories)
            self.loader = WeightLoader([memory.segment for memory in self.memories], initially=starts)
        loads = {"weights": In(stream.Signature(load_layout())), "loaded": Out(1)} if self.memories else {}
        super().__init__(
            {
                "sample": In(stream.Signature(sample_layout(network, implementation.pixels_per_beat))),
                "result": Out(stream.Signature(result_layout(network.classes, built.scores))),
                "error": Out(1),
                **loads,
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.encoder = self.encoder
        wiring.connect(m, wiring.flipped(self.sample), self.encoder.sample)
        m.d.comb += self.error.eq(self.encoder.error)
        if self.loader is not None:
            self._load(m, self.loader)
        events, names = self.encoder.events, instances(self.network)
        for stage, layer in zip(self.network.stages, self.layers, strict=True):
            m.submodules[names[stage.name]] = layer
            wiring.connect(m, events, layer.events)
            events = layer.out
        m.submodules.readout = self.readout
        wiring.connect(m, events, self.readout.steps)
        wiring.connect(m, self.readout.result, wiring.flipped(self.result))
        return m

    def _load(self, m, loader):
        """Pass an image on to the memories, and let samples in only where there are weights."""
        m.submodules.loader = loader
        wiring.connect(m, wiring.flipped(self.weights), loader.load)
        m.d.comb += self.loaded.eq(loader.loaded)
        with m.If(~loader.loaded):
            m.d.comb += [self.encoder.sample.valid.eq(0), self.sample.ready.eq(0)]
        for number, memory in enumerate(self.memories):
            write, source = memory.write, getattr(loader, f"write_{number}")
            m.d.comb += [write.en.eq(source.en), write.addr.eq(source.addr), write.data.eq(source.data)]

    def tap_signals(self, stage: str) -> dict[str, Signal]:
        """The signals of a stage's tap by name, ``strobe`` among them."""
        names = [layer.name for layer in self.network.stages]
        block = self.encoder if stage == "encoder" else self.layers[names.index(stage)].neurons
        return {"strobe": block.tap_strobe, **block.taps}

    @property
    def interface(self) -> Interface:
        """Ports and taps as data."""
        names = instances(self.network)
        return Interface(
            top=TOP,
            sample=stream_port("sample", "in", self.sample.payload.shape()),
            result=stream_port("result", "out", self.result.payload.shape()),
            weights=None if self.loader is None else stream_port("weights", "in", self.weights.payload.shape()),
            taps=(
                tap_of("encoder", "encoder", self.encoder.events.payload.shape(), self.encoder.taps),
                *(
                    tap_of(
                        stage.name,
                        f"{names[stage.name]}.neurons",
                        layer.neurons.steps.payload.shape(),
                        layer.neurons.taps,
                        shape.order,
                        self.steps,
                    )
                    for stage, layer, shape in zip(self.network.stages, self.layers, self.shapes, strict=True)
                ),
            ),
        )


def stream_port(name: str, direction: str, layout: data.StructLayout) -> StreamPort:
    """A stream of that payload, as data."""
    fields = [_field(key, member) for key, member in layout]
    return StreamPort(name=name, direction=direction, width=layout.size, fields=tuple(fields))


def _field(name: str, member: data.Field) -> PayloadField:
    lanes, shape = _lanes(member.shape)
    return PayloadField(name=name, offset=member.offset, width=shape.width, count=lanes, signed=shape.signed)


def tap_of(
    stage: str, scope: str, layout: data.StructLayout, taps: dict[str, Signal], order: Order = (), steps: int = 1
) -> Tap:
    """Signals that show fields of a payload, as data."""
    signals = []
    for name, signal in taps.items():
        lanes, shape = _lanes(layout[name].shape)
        signals.append(TapSignal(name=name, signal=signal.name, width=shape.width, count=lanes, signed=shape.signed))
    return Tap(stage=stage, scope=scope, strobe="tap_strobe", signals=tuple(signals), order=order, steps=steps)


def _lanes(shape):
    """How many numbers of which shape a field holds."""
    if isinstance(shape, data.ArrayLayout):
        inner, shape_inside = _lanes(shape.elem_shape)
        return shape.length * inner, shape_inside
    return 1, Shape.cast(shape)
