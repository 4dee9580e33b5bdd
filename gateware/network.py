"""A whole network from its model and implementation. Twin of ``golden/network.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gateware.encoder import Encoder, sample_layout
from gateware.layer import Layer
from gateware.ports import stream_port, tap_of
from gateware.readout import Readout
from gateware.stream import result_layout
from gateware.weights import WeightLoader, load_layout
from snnhw.interface import COUNT_BITS, Interface
from snnhw.naming import instances

if TYPE_CHECKING:
    from snnhw.design import Design, DesignLayer

TOP = "snn"
"""The name of the top module."""


class NetworkCircuit(wiring.Component):
    """The top: ``sample`` in, ``result`` out, ``error`` for ill-framed input. See ``interface`` for the layouts.

    What the encoder counts of its input, see ``counts`` of :class:`snnhw.encoder.Encoder`, is there as a port each.

    Stages work on different time steps, and on different samples, at the same time; only streams join them, so that
    back-pressure anywhere loses nothing and changes no number. ``snnhw.timing`` says how many cycles a sample takes.

    Where the memory of a layer is no ROM there is a stream ``weights``, see ``WeightLoader``, and ``loaded`` beside it.
    What ``snnhw.weights.image`` makes goes there, while no sample is in the circuit; samples wait until it is loaded.
    """

    def __init__(self, design: Design):
        network, implementation = design.network, design.implementation
        self.design = design
        self.encoder = Encoder(
            network,
            implementation.pixels_per_beat,
            implementation.overlap,
            implementation.queue,
            implementation.layers[0].event_lanes,
        )
        self.layers = [Layer(layer) for layer in design.layers]
        last = self.layers[-1].step_layout
        self.readout = Readout(network, design.layers[-1].shape, last, design.scores, design.steps)
        self.memories = [memory for layer in self.layers for memory in layer.synapses.memories]
        self.loader = None
        if self.memories:
            starts = all(memory.kind != "spram" for memory in self.memories)
            self.loader = WeightLoader([memory.segment for memory in self.memories], initially=starts)
        loads = {"weights": In(stream.Signature(load_layout())), "loaded": Out(1)} if self.memories else {}
        super().__init__(
            {
                "sample": In(stream.Signature(sample_layout(network, implementation.pixels_per_beat))),
                "result": Out(stream.Signature(result_layout(network.classes, design.scores))),
                "error": Out(1),
                **{name: Out(COUNT_BITS) for name in network.encoder.counts},
                **loads,
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.encoder = self.encoder
        wiring.connect(m, wiring.flipped(self.sample), self.encoder.sample)
        m.d.comb += self.error.eq(self.encoder.error)
        m.d.comb += [getattr(self, name).eq(getattr(self.encoder, name)) for name in self.design.network.encoder.counts]
        if self.loader is not None:
            self._load(m, self.loader)
        self._let_settle(m)
        events, names = self.encoder.events, instances(self.design.network)
        for name, layer in zip(names.values(), self.layers, strict=True):
            m.submodules[name] = layer
            wiring.connect(m, events, layer.events)
            events = layer.out
        m.submodules.readout = self.readout
        wiring.connect(m, events, self.readout.steps)
        wiring.connect(m, self.readout.result, wiring.flipped(self.result))
        return m

    def _let_settle(self, m):
        """Let samples in only where what layers keep has been made ready after a reset."""
        settling = [layer.synapses.settles for layer in self.layers if hasattr(layer.synapses, "settles")]
        if settling:
            with m.If(Cat(settling).any()):
                m.d.comb += [self.encoder.sample.valid.eq(0), self.sample.ready.eq(0)]

    def _load(self, m, loader):
        """Pass an image on to the memories, and let samples in only where there are weights, the last one written."""
        m.submodules.loader = loader
        wiring.connect(m, wiring.flipped(self.weights), loader.load)
        m.d.comb += self.loaded.eq(loader.loaded)
        with m.If(~loader.loaded | loader.writes):
            m.d.comb += [self.encoder.sample.valid.eq(0), self.sample.ready.eq(0)]
        for number, memory in enumerate(self.memories):
            write, source = memory.write, getattr(loader, f"write_{number}")
            m.d.comb += [write.en.eq(source.en), write.addr.eq(source.addr), write.data.eq(source.data)]

    def tap_signals(self, stage: str) -> dict[str, Signal]:
        """The signals of a stage's tap by name, ``strobe`` among them."""
        if stage == "encoder":
            return {"strobe": self.encoder.tap_strobe, **self.encoder.taps}
        shown = {name: part for name, (_, part, _) in self._shown().items()}[stage]
        return {"strobe": shown.tap_strobe, **shown.taps}

    def _shown(self):
        """Of each tap but the encoder's the block that it shows, where that is, and of which layer.

        By stage: LAYER, and before it LAYER.NAME of what its synapses keep beside neurons.
        """
        names: dict[str, str] = instances(self.design.network)
        shown: dict[str, tuple[str, Any, DesignLayer]] = {}
        for layer, circuit in zip(self.design.layers, self.layers, strict=True):
            within = f"{names[layer.name]}.{circuit.synapses_name}"
            shown |= {f"{layer.name}.{name}": (f"{within}.{name}", part, layer) for name, part in circuit.kept.items()}
            shown[layer.name] = (f"{names[layer.name]}.{circuit.block}", circuit.shown, layer)
        return shown

    @property
    def interface(self) -> Interface:
        """Ports and taps as data."""
        return Interface(
            top=TOP,
            sample=stream_port("sample", "in", self.sample.payload.shape()),
            result=stream_port("result", "out", self.result.payload.shape()),
            counts=self.design.network.encoder.counts,
            weights=None if self.loader is None else stream_port("weights", "in", self.weights.payload.shape()),
            taps=(
                tap_of("encoder", "encoder", self.encoder.events.payload.shape(), self.encoder.taps),
                *(
                    tap_of(stage, scope, part.steps.payload.shape(), part.taps, part.shape.order, layer.steps)
                    for stage, (scope, part, layer) in self._shown().items()
                ),
            ),
        )
