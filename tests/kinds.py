"""What a random network is: descriptions of every kind, models and samples.

Each function takes its choices from :class:`tests.draws.Draws`, and what it gives is valid. Each table holds what there
is of one thing, by its kind: a kind that is added to the product is added here, and then every property and the soak
meet it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from snnhw.kinds import kinds_of
from snnhw.model import Model, tensor_shapes
from snnhw.network import (
    INT32,
    AddressEvents,
    Bernoulli,
    Conv2d,
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
    MaxPool2d,
    MembraneReadout,
    Network,
    NeuNormConv2d,
    Neuron,
    Parameter,
    PlacedLayer,
    Range,
    Rate,
    Readout,
    Shape,
    SMaxPool2d,
    Spike,
    SumPool2d,
    Synapse,
    VoteReadout,
)
from tests.draws import Draws, flag

T = TypeVar("T")

EACH: Parameter = "per_neuron"
SHARED = (EACH, "per_channel")


@dataclass(frozen=True)
class Limits:
    """How far numbers and sizes go; what is not said here goes as far as a description lets it."""

    layers: int = 3
    units: int = 6
    inputs: int = 12
    side: int = 5
    """Of images."""
    channels: int = 3
    steps: int = 6
    magnitude: int = 3000
    """Of thresholds, leaks and what else is compared with a membrane."""
    membrane: int = 3000
    """Of the ends of a membrane's range."""
    tensor: int = 300
    """Of biases, and of initial membranes where there is no range."""
    shift: int = 6
    factor_bits: int = 8
    residue_bits: int = 10
    bound: int = 5
    refractory: int = 3
    period: int = 3
    pixels_per_beat: tuple[int, ...] = (8, 1, 2, 3, 4, 16)
    names: tuple[str, ...] = ()
    """What layers may be called beside layer0, layer1, ..."""


SMALL = Limits()
"""Numbers of the sizes that membranes of small networks have."""

WIDE = Limits(
    magnitude=INT32.hi,
    membrane=1 << 45,
    tensor=INT32.hi,
    shift=16,
    factor_bits=16,
    residue_bits=16,
    bound=255,
    refractory=255,
    period=1 << 12,
    pixels_per_beat=(8, 1, 2, 3, 5, 16, 128),
    names=("module", "reg", "a__b", "x" * 32, "clk", "sample", "snn"),
)
"""Every number as far as descriptions go, and names that Verilog has a meaning for."""


def _of(table: Mapping[str, Callable[[Draws, Limits], T]], draws: Draws, limits: Limits) -> T:
    return table[draws.choice(tuple(table))](draws, limits)


def magnitude(draws: Draws, most: int, least: int = 0) -> int:
    """A number from ``least`` to ``most``, a small one as often as any."""
    reach = draws.choice((3, 40, 3000, most))
    return draws.integer(least, max(least, min(reach, most)))


def _parameter(draws: Draws, number: int) -> Parameter:
    """A number for the whole layer, or one for each neuron."""
    return draws.choice((number, number, EACH))


def _rounding(draws: Draws) -> str:
    return draws.choice(("floor", "toward_zero"))


def _multiply(draws: Draws, limits: Limits) -> Leak:
    bits = draws.integer(1, limits.factor_bits)
    amount = _parameter(draws, draws.integer(0, 1 << bits))
    return Leak.model_validate({"kind": "multiply", "bits": bits, "amount": amount, "rounding": _rounding(draws)})


LEAKS: dict[str, Callable[[Draws, Limits], Leak]] = {
    "none": lambda draws, limits: Leak(),
    "subtract": lambda draws, limits: Leak(
        kind="subtract", amount=_parameter(draws, magnitude(draws, limits.magnitude))
    ),
    "shift": lambda draws, limits: Leak.model_validate(
        {"kind": "shift", "bits": draws.integer(1, limits.shift), "rounding": _rounding(draws)}
    ),
    "multiply": _multiply,
}

SPIKES: dict[str, Callable[[Draws, Limits], Spike]] = {
    "binary": lambda draws, limits: Spike(),
    "residue": lambda draws, limits: Spike(kind="residue", bits=draws.integer(1, limits.residue_bits)),
    "count": lambda draws, limits: Spike(kind="count", bound=draws.integer(1, limits.bound)),
}

RESETS = ("subtract", "zero", "none")


def _rate(draws: Draws, limits: Limits) -> Rate:
    period = draws.integer(1, limits.period)
    return Rate(threshold=draws.integer(0, 255), period=period, phase=draws.integer(0, period - 1))


ENCODERS: dict[str, Callable[[Draws, Limits], Encoder]] = {
    "direct": lambda draws, limits: Direct(bits=draws.integer(1, 8)),
    "integrate_fire": lambda draws, limits: IntegrateFire(),
    "bernoulli": lambda draws, limits: Bernoulli(seed=draws.integer(1, (1 << 32) - 1)),
    "rate": _rate,
    "latency": lambda draws, limits: Latency(),
    "events": lambda draws, limits: Events(bits=draws.integer(1, 8)),
    "address_events": lambda draws, limits: AddressEvents(bits=draws.integer(1, 4)),
}

READOUTS: dict[str, Callable[[Draws, int], Readout]] = {
    "membrane": lambda draws, units: MembraneReadout(),
    "count": lambda draws, units: CountReadout(),
    "first_spike": lambda draws, units: FirstSpikeReadout(),
    "vote": lambda draws, units: VoteReadout(
        classes=draws.choice([classes for classes in range(1, units + 1) if units % classes == 0])
    ),
}


def _conv2d(draws: Draws, limits: Limits, shape: Shape) -> Conv2d:
    sides = shape[-2:]
    padding = [draws.integer(0, 2) for _ in sides]
    kernel = [draws.integer(1, min(3, side + 2 * pad)) for side, pad in zip(sides, padding, strict=True)]
    described = {
        "channels": draws.integer(1, limits.channels),
        "kernel": kernel,
        "stride": [draws.integer(1, 3) for _ in sides],
        "padding": padding,
        "weight_bits": draws.choice((4, 1, 2, 8, 16)),
    }
    high, wide = Conv2d.model_validate(described).convolved(shape)
    pool = [draws.integer(1, min(2, side)) if flag(draws) else 1 for side in (high, wide)]
    return Conv2d.model_validate({**described, "max_pool": pool})


def _neunorm(draws: Draws, limits: Limits, shape: Shape) -> NeuNormConv2d:
    """Of the forms that a circuit has, with numbers that it can fold."""
    plain = _conv2d(draws, limits, shape).model_dump(exclude={"kind", "max_pool", "weight_bits"})
    numbers = draws.choice(
        (
            {"form": "folded", "auxiliary_bits": draws.integer(2, 16), "weight_bits": draws.choice((4, 1, 16))},
            {"form": "per_channel", "auxiliary_bits": draws.integer(2, 8), "weight_bits": draws.choice((4, 1, 2))},
        )
    )
    decay, position = draws.integer(1, 3), draws.choice((0, draws.integer(1, 4)))
    shared = {"decay_bits": decay, "position_bits": position, "shift": draws.integer(0, 9)}
    return NeuNormConv2d.model_validate({**plain, **numbers, **shared})


def _pool(draws: Draws, shape: Shape) -> tuple[int, int]:
    height, width = (draws.integer(1, min(3, side)) for side in shape[-2:])
    return height, width


SYNAPSES: dict[str, Callable[[Draws, Limits, Shape], Synapse]] = {
    "dense": lambda draws, limits, shape: Dense(
        units=draws.integer(1, limits.units), weight_bits=draws.choice((4, 1, 2, 8, 16))
    ),
    "conv2d": _conv2d,
    "neunorm_conv2d": _neunorm,
    "max_pool2d": lambda draws, limits, shape: MaxPool2d(size=_pool(draws, shape)),
    "sum_pool2d": lambda draws, limits, shape: SumPool2d(size=_pool(draws, shape)),
    "s_max_pool2d": lambda draws, limits, shape: SMaxPool2d(size=_pool(draws, shape), lateral_inhibition=flag(draws)),
}


def encoder(draws: Draws, limits: Limits = SMALL) -> Encoder:
    """An encoder of any kind."""
    return _of(ENCODERS, draws, limits)


def _membrane(draws: Draws, limits: Limits, least_hi: int) -> Range | None:
    """No saturation, or a range around 0 that reaches ``least_hi`` and is often soon left."""
    if not flag(draws):
        return None
    return Range(lo=-magnitude(draws, limits.membrane), hi=least_hi + magnitude(draws, limits.membrane))


def _initial(draws: Draws, membrane: Range | None) -> Parameter:
    lo, hi = (-40, 40) if membrane is None else (max(membrane.lo, INT32.lo), min(membrane.hi, INT32.hi))
    return draws.choice((0, draws.integer(lo, hi), EACH))


def _of_channels(draws: Draws, own: Neuron, synapse: Synapse) -> Neuron:
    """The neuron, with numbers of every channel in the place of some that are of every neuron."""
    if not synapse.channelled:
        return own
    shared = {}
    for name in ("threshold", "reset_amount", "initial"):
        if getattr(own, name) == EACH and flag(draws):
            shared[name] = "per_channel"
    leak = (
        own.leak.model_copy(update={"amount": "per_channel"}) if own.leak.amount == EACH and flag(draws) else own.leak
    )
    return own.model_copy(update={**shared, "leak": leak})


def neuron(draws: Draws, limits: Limits = SMALL) -> Neuron:
    """A neuron that fires, of any variant."""
    membrane, reset, spike = _membrane(draws, limits, 1), draws.choice(RESETS), _of(SPIKES, draws, limits)
    reset_delay = reset != "none" and flag(draws)
    highest = limits.magnitude if membrane is None else min(membrane.hi, INT32.hi)
    threshold = _parameter(draws, magnitude(draws, highest, 1))
    bounded = membrane if reset == "subtract" and not reset_delay else None
    most = highest_reset(highest if threshold == EACH else int(threshold), spike, bounded, limits)
    amount = draws.choice((None, draws.integer(0, most), EACH))
    return Neuron.model_validate(
        {
            "leak": _of(LEAKS, draws, limits),
            "threshold": threshold,
            "reset": reset,
            "reset_amount": amount,
            "reset_delay": reset_delay,
            "refractory": draws.choice((0, draws.integer(1, limits.refractory))),
            "spike": spike,
            "membrane": membrane,
            "initial": _initial(draws, membrane),
        }
    )


def highest_reset(threshold: int, spike: Spike, bounded: Range | None, limits: Limits) -> int:
    """The greatest reset amount that goes with a threshold; ``bounded`` holds what is left at once, where it must."""
    if spike.kind == "residue":
        return threshold
    return min(INT32.hi, threshold - bounded.lo) if bounded is not None else limits.magnitude


def integrator(draws: Draws, limits: Limits = SMALL) -> Neuron:
    """A neuron that never fires."""
    membrane = _membrane(draws, limits, 0)
    return Neuron.integrator(leak=_of(LEAKS, draws, limits), membrane=membrane, initial=_initial(draws, membrane))


def _shape(draws: Draws, limits: Limits) -> Shape:
    """Of inputs in a row, or of an image of some channels."""
    if flag(draws):
        inputs = draws.integer(1, limits.inputs)
        return draws.choice([(inputs,), (1, inputs)])
    return _image(draws, limits)


def _image(draws: Draws, limits: Limits) -> Shape:
    """Of an image of some channels."""
    height, width = draws.integer(1, limits.side), draws.integer(1, limits.side)
    return draws.choice([(height, width), (draws.integer(1, limits.channels), height, width)])


def network(draws: Draws, limits: Limits = SMALL) -> Network:
    """A network of any kind; some have several layers with channels more often than by chance."""
    deep = limits.layers > 2 and draws.integer(0, 3) == 3
    source, shape = encoder(draws, limits), (_image if deep else _shape)(draws, limits)
    synapses: list[Synapse] = []
    shapes: list[Shape] = [shape]
    last = limits.layers - 1 if deep else draws.integer(1, limits.layers) - 1
    for index in range(last + 1):
        needs_neurons = index == last or (index == 0 and source.once)
        adds = index == 0 and source.repeats
        synapses.append(_synapse(draws, limits, shapes[-1], needs_neurons, index == last, deep, adds))
        shapes.append(synapses[-1].out_shape(shapes[-1]))
    readout = READOUTS[draws.choice(tuple(READOUTS))](draws, math.prod(shapes[-1]))
    stages: list[Layer] = []
    for index, synapse in enumerate(synapses):
        taken = {layer.name for layer in stages}
        names = [f"layer{index}", *(name for name in limits.names if name not in taken)]
        name = draws.choice(names)
        if not synapse.gives_currents:
            stages.append(Layer(name=name, synapse=synapse, bias=False))
            continue
        silent = index == last and readout.reads_membranes
        own = _of_channels(draws, integrator(draws, limits) if silent else neuron(draws, limits), synapse)
        stages.append(Layer(name=name, synapse=synapse, bias=flag(draws), neuron=own))
    return Network(
        input_shape=shape,
        encoder=source,
        stages=tuple(stages),
        readout=readout,
        num_steps=draws.integer(1, limits.steps),
    )


def _synapse(
    draws: Draws, limits: Limits, shape: Shape, needs_neurons: bool, last: bool, deep: bool, adds: bool
) -> Synapse:
    """Synapses of any kind that takes such a shape; of one that gives currents where neurons are needed.

    Of one that ``adds`` events where inputs send several in a step.

    The last have no channels: the circuit's readout wants neurons in order. Where it is ``deep``, half of the others
    have channels and neurons.
    """
    known = kinds_of(Synapse)
    image = len(shape) > 1 and not last
    drawn = [kind for kind in SYNAPSES if known[kind].gives_currents or not needs_neurons]
    drawn = [kind for kind in drawn if image or not known[kind].channelled]
    drawn = [kind for kind in drawn if not (needs_neurons and known[kind].remembers)]
    drawn = [kind for kind in drawn if known[kind].adds_events or not adds]
    if deep and flag(draws):
        drawn = [kind for kind in drawn if known[kind].channelled and known[kind].gives_currents] or drawn
    return SYNAPSES[draws.choice(drawn)](draws, limits, shape)


def model(draws: Draws, chosen: Network, limits: Limits = SMALL) -> Model:
    """A model of a network; raises ModelError where its numbers could get wider than models may have them."""
    given: dict[str, NDArray[np.int64]] = {}
    shapes = tensor_shapes(chosen)
    for layer in chosen.layers:
        for name, span in layer.synapse.tensor_ranges.items():
            given[f"{layer.name}.{name}"] = draws.array(shapes[f"{layer.name}.{name}"], span.lo, span.hi)
        if not layer.has_neuron:
            continue
        if layer.biased:
            most = magnitude(draws, limits.tensor)
            given[f"{layer.name}.bias"] = draws.array((layer.channels,), -most, most)
        for name, values in _neuron_tensors(draws, layer, limits).items():
            given[f"{layer.name}.{name}"] = values
    return Model(chosen, given)


def _neuron_tensors(draws: Draws, layer: PlacedLayer, limits: Limits) -> dict[str, NDArray[np.int64]]:
    """The parameters of each neuron, where the description asks for them, as the checks of models want them."""
    own, values = layer.neuron, dict[str, NDArray[np.int64]]()
    shapes = {
        name: layer.tensor_shapes.get(name, (1,)) for name in ("leak_amount", "threshold", "reset_amount", "initial")
    }
    bounded = own.membrane if own.reset == "subtract" and not own.reset_delay else None
    if own.parameters.get("leak_amount") in SHARED:
        values["leak_amount"] = draws.array(shapes["leak_amount"], 0, min(own.leak.amount_range.hi, limits.magnitude))
    if own.threshold in SHARED:
        reset_amount = own.reset_amount if isinstance(own.reset_amount, int) else 0
        below = reset_amount if own.spike.kind == "residue" else reset_amount + bounded.lo if bounded else 1
        highest = min(own.membrane.hi, INT32.hi) if own.membrane else max(below, limits.magnitude)
        values["threshold"] = draws.array(shapes["threshold"], max(1, below), highest)
    if own.reset_amount in SHARED and "reset_amount" in own.parameters:
        least = int(values["threshold"].min()) if "threshold" in values else int(own.threshold or 0)
        most = highest_reset(least, own.spike, bounded, limits)
        values["reset_amount"] = draws.array(shapes["reset_amount"], 0, most)
    if own.initial in SHARED:
        ends = own.membrane or Range(lo=-limits.tensor, hi=limits.tensor)
        values["initial"] = draws.array(shapes["initial"], max(ends.lo, INT32.lo), min(ends.hi, INT32.hi))
    return values


CORNER_PIXELS = (0, 1, 127, 128, 254, 255)


def highest_pixel(chosen: Network) -> int:
    """The highest value in a sample of a network."""
    return chosen.encoder.sample_range.hi


def samples(draws: Draws, chosen: Network, count: int = 1) -> NDArray[np.uint8]:
    """Samples uint8 [count, *sample_shape] for a network, with many dark and extreme pixels."""
    highest = highest_pixel(chosen)
    corners = [pixel for pixel in CORNER_PIXELS if pixel <= highest] + [highest]
    return draws.array((count, *chosen.sample_shape), 0, highest, corners).astype(np.uint8)
