"""Hypothesis strategies: small networks of every variant, models of them, samples, and implementations.

All shrink towards one layer of one neuron, zero weights and dark pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from snnhw.implementation import Implementation, LayerImplementation, LayerShape
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    PER_NEURON,
    Bernoulli,
    CountReadout,
    Dense,
    Direct,
    Encoder,
    Events,
    FirstSpikeReadout,
    IntegrateFire,
    Latency,
    Layer,
    Leak,
    MembraneReadout,
    Network,
    Neuron,
    Parameter,
    PlacedLayer,
    Range,
    Rate,
    Readout,
    Spike,
    VoteReadout,
)

MAX_LAYERS, MAX_UNITS, MAX_INPUTS, MAX_STEPS = 3, 6, 12, 6

CORNER_PIXELS = (0, 1, 127, 128, 254, 255)

magnitudes = st.one_of(st.integers(0, 3), st.integers(0, 40), st.integers(0, 3000))
"""Numbers of the sizes that membranes of such networks have, small ones first."""

leaks: SearchStrategy[Leak] = st.one_of(
    st.just(Leak()),
    st.builds(Leak, kind=st.just("subtract"), amount=st.one_of(magnitudes, st.just(PER_NEURON))),
    st.builds(Leak, kind=st.just("shift"), bits=st.integers(1, 6), rounding=st.sampled_from(["floor", "toward_zero"])),
    st.integers(1, 8).flatmap(
        lambda bits: st.builds(
            Leak,
            kind=st.just("multiply"),
            bits=st.just(bits),
            amount=st.one_of(st.integers(0, 1 << bits), st.just(PER_NEURON)),
            rounding=st.sampled_from(["floor", "toward_zero"]),
        )
    ),
)

spikes: SearchStrategy[Spike] = st.one_of(
    st.just(Spike()),
    st.builds(Spike, kind=st.just("residue"), bits=st.integers(1, 10)),
    st.builds(Spike, kind=st.just("count"), bound=st.integers(1, 5)),
)

encoders: SearchStrategy[Encoder] = st.one_of(
    st.builds(Direct, bits=st.integers(1, 8)),
    st.just(IntegrateFire()),
    st.builds(Bernoulli, seed=st.integers(1, (1 << 32) - 1)),
    st.integers(1, 3).flatmap(
        lambda period: st.builds(
            Rate, threshold=st.integers(0, 255), period=st.just(period), phase=st.integers(0, period - 1)
        )
    ),
    st.just(Latency()),
    st.builds(Events, bits=st.integers(1, 8)),
)


@st.composite
def _membranes(draw: DrawFn, least_hi: int) -> Range | None:
    """No saturation, or a range around 0 that reaches ``least_hi`` and is often soon left."""
    if draw(st.booleans()):
        return None
    return Range(lo=-draw(magnitudes), hi=least_hi + draw(magnitudes))


def _initials(membrane: Range | None) -> SearchStrategy[Parameter]:
    lo, hi = (-40, 40) if membrane is None else (membrane.lo, membrane.hi)
    return st.one_of(st.just(0), st.integers(lo, hi), st.just(PER_NEURON))


@st.composite
def neurons(draw: DrawFn) -> Neuron:
    """A neuron that fires, of any variant."""
    membrane, reset, spike = draw(_membranes(1)), draw(st.sampled_from(["subtract", "zero", "none"])), draw(spikes)
    reset_delay = reset != "none" and draw(st.booleans())
    highest = 3000 if membrane is None else membrane.hi
    threshold = draw(st.one_of(st.integers(1, min(highest, 40)), st.integers(1, highest), st.just(PER_NEURON)))
    bounded = membrane if reset == "subtract" and not reset_delay else None
    most = _highest_reset(highest if threshold == PER_NEURON else int(threshold), spike, bounded)
    reset_amount = draw(st.one_of(st.none(), st.integers(0, most), st.just(PER_NEURON)))
    return Neuron(
        leak=draw(leaks),
        threshold=threshold,
        reset=reset,
        reset_amount=reset_amount,
        reset_delay=reset_delay,
        refractory=draw(st.one_of(st.just(0), st.integers(1, 3))),
        spike=spike,
        membrane=membrane,
        initial=draw(_initials(membrane)),
    )


def _highest_reset(threshold: int, spike: Spike, bounded: Range | None) -> int:
    """The greatest reset amount that goes with a threshold; ``bounded`` holds what is left at once, where it must."""
    if spike.kind == "residue":
        return threshold
    return threshold - bounded.lo if bounded is not None else 3000


@st.composite
def integrators(draw: DrawFn) -> Neuron:
    """A neuron that never fires."""
    membrane = draw(_membranes(0))
    return Neuron.integrator(leak=draw(leaks), membrane=membrane, initial=draw(_initials(membrane)))


@st.composite
def _readouts(draw: DrawFn, units: int) -> Readout:
    divisors = [classes for classes in range(1, units + 1) if units % classes == 0]
    vote = st.builds(VoteReadout, classes=st.sampled_from(divisors))
    return draw(st.one_of(st.just(MembraneReadout()), st.just(CountReadout()), st.just(FirstSpikeReadout()), vote))


@st.composite
def networks(draw: DrawFn, encoder: SearchStrategy[Encoder] = encoders) -> Network:
    """Any small network whose encoder comes from ``encoder``."""
    inputs = draw(st.integers(1, MAX_INPUTS))
    shapes = [(inputs,), (1, inputs)] + [(2, inputs // 2)] * (inputs % 2 == 0)
    units = draw(st.lists(st.integers(1, MAX_UNITS), min_size=1, max_size=MAX_LAYERS))
    readout = draw(_readouts(units[-1]))
    silent = len(units) - 1 if readout.kind == "membrane" else None
    stages = [
        Layer(
            name=f"layer{index}",
            synapse=Dense(units=count, weight_bits=draw(st.sampled_from([4, 1, 2, 8, 16]))),
            bias=draw(st.booleans()),
            neuron=draw(integrators() if index == silent else neurons()),
        )
        for index, count in enumerate(units)
    ]
    return Network(
        input_shape=draw(st.sampled_from(shapes)),
        encoder=draw(encoder),
        stages=tuple(stages),
        readout=readout,
        num_steps=draw(st.integers(1, MAX_STEPS)),
    )


def tensor(shape: tuple[int, ...], lo: int, hi: int) -> SearchStrategy[NDArray[np.int64]]:
    """Integers of a shape from ``lo`` to ``hi``, the ends among them more often than by chance."""
    elements = st.one_of(st.integers(lo, hi), st.sampled_from([lo, hi]))
    return arrays(np.int64, shape, elements=elements, fill=st.just(min(max(0, lo), hi)))


@st.composite
def models(draw: DrawFn, network: SearchStrategy[Network] | None = None) -> Model:
    """A model of any small network, or of one from ``network``."""
    chosen = draw(networks() if network is None else network)
    given: dict[str, NDArray[np.int64]] = {}
    shapes = tensor_shapes(chosen)
    for layer in chosen.layers:
        weights = layer.synapse.weight_range
        given[f"{layer.name}.weight"] = draw(tensor(shapes[f"{layer.name}.weight"], weights.lo, weights.hi))
        if layer.biased:
            given[f"{layer.name}.bias"] = draw(tensor((layer.units,), -300, 300))
        for name, values in _neuron_tensors(draw, layer).items():
            given[f"{layer.name}.{name}"] = values
    return Model(chosen, given)


def _neuron_tensors(draw: DrawFn, layer: PlacedLayer) -> dict[str, NDArray[np.int64]]:
    """The parameters of each neuron, where the description asks for them, as the checks of models want them."""
    neuron, shape = layer.neuron, (layer.units,)
    values: dict[str, NDArray[np.int64]] = {}
    bounded = neuron.membrane if neuron.reset == "subtract" and not neuron.reset_delay else None
    if neuron.parameters.get("leak_amount") == PER_NEURON:
        values["leak_amount"] = draw(tensor(shape, 0, min(neuron.leak.amount_range.hi, 3000)))
    if neuron.threshold == PER_NEURON:
        reset_amount = neuron.reset_amount if isinstance(neuron.reset_amount, int) else 0
        below = reset_amount if neuron.spike.kind == "residue" else reset_amount + bounded.lo if bounded else 1
        values["threshold"] = draw(tensor(shape, max(1, below), neuron.membrane.hi if neuron.membrane else 3000))
    if neuron.reset_amount == PER_NEURON and "reset_amount" in neuron.parameters:
        thresholds = values.get("threshold", np.full(shape, neuron.threshold if neuron.threshold != PER_NEURON else 0))
        most = _highest_reset(int(thresholds.min()), neuron.spike, bounded)
        values["reset_amount"] = draw(tensor(shape, 0, most))
    if neuron.initial == PER_NEURON:
        ends = neuron.membrane or Range(lo=-300, hi=300)
        values["initial"] = draw(tensor(shape, ends.lo, ends.hi))
    return values


def samples(network: Network, count: int = 1) -> SearchStrategy[NDArray[np.uint8]]:
    """Samples uint8 [count, *sample_shape] for a network, with many dark and extreme pixels."""
    highest = network.encoder.value_range.hi if network.encoder.kind == "events" else 255
    corners = [pixel for pixel in CORNER_PIXELS if pixel <= highest] + [highest]
    elements: Any = st.one_of(st.sampled_from(corners), st.integers(0, highest))
    return arrays(np.uint8, (count, *network.sample_shape), elements=elements, fill=st.just(0))


@st.composite
def implementations(draw: DrawFn, network: Network) -> Implementation:
    """Any way to build a network: lanes from one to all, also where they do not divide the neurons."""
    schedules = ["step_major", "neuron_major"] if network.constant_input else ["step_major"]
    schedule = draw(st.sampled_from(schedules))
    steps = [1, network.num_steps] if schedule == "neuron_major" else [1]
    pixels = draw(st.sampled_from([8, 1, 2, 3, 4, 16]))
    stride = 1 if network.encoder.kind == "events" else pixels
    layers = []
    for stage in network.layers:
        synapse_lanes = draw(st.integers(1, stage.units))
        layer = LayerImplementation(
            synapse_lanes=synapse_lanes,
            neuron_lanes=draw(st.integers(1, synapse_lanes)),
            event_lanes=draw(st.sampled_from([1, 2] if stride % 2 == 0 else [1])),
            step_lanes=draw(st.sampled_from(steps)),
        )
        layers.append(layer)
        shape = LayerShape(units=stage.units, synapse_lanes=synapse_lanes, neuron_lanes=layer.neuron_lanes)
        stride = shape.stride
    chosen = Implementation(
        pixels_per_beat=pixels,
        overlap=draw(st.booleans()),
        layers=tuple(layers),
        schedule=schedule,
        queue=draw(st.booleans()),
    )
    chosen.check(network)
    return chosen
