"""Convolutions and pools by themselves: layers with tensors, and the events that reach them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import ResetInserter, Signal
from numpy.typing import NDArray

from golden import convolution as golden
from golden.serializer import Serializer
from snnhw.design import Design, DesignLayer
from snnhw.interface import ABORT, EVENT, SAMPLE, STEP
from snnhw.model import Model
from snnhw.network import Conv2d, Dense, Events, Layer, MembraneReadout, Network, Neuron, Spike
from tests.gateware.harness import drive, pack, unpack

Values = NDArray[np.int64]

LAST = Layer(name="out", synapse=Dense(units=2, weight_bits=2), neuron=Neuron.integrator())


def network(synapse: Any, shape: tuple[int, ...], bits: int = 1, bias: bool = True, num_steps: int = 2) -> Network:
    """A network whose first layer has these synapses, on events of ``bits`` bits."""
    neuron = Neuron(threshold=5) if synapse.gives_currents else None
    first = Layer(name="first", synapse=synapse, bias=bias and neuron is not None, neuron=neuron)
    return Network(
        input_shape=shape,
        encoder=Events(bits=bits),
        stages=(first, LAST),
        readout=MembraneReadout(),
        num_steps=num_steps,
    )


def after_channels(synapse: Any, shape: tuple[int, int, int], bits: int = 1, num_steps: int = 2) -> Network:
    """The same behind a layer ``before``, whose events it takes: of ``shape``, and of ``bits`` bits."""
    spike = Spike() if bits == 1 else Spike(kind="count", bound=(1 << bits) - 1)
    synapse_before = conv(shape[0], (1, 3), padding=(0, 1))
    before = Layer(name="before", synapse=synapse_before, bias=False, neuron=Neuron(threshold=4, spike=spike))
    chosen = network(synapse, (1, *shape[1:]), 2, num_steps=num_steps)
    return Network.model_validate({**dict(chosen), "stages": (before, *chosen.stages)})


def model(chosen: Network, seed: int = 0) -> Model:
    """Random weights over all their bits, and biases."""
    random = np.random.default_rng(seed)
    tensors = {}
    for layer in chosen.layers:
        for name, shape in layer.tensor_shapes.items():
            span = layer.synapse.tensor_ranges.get(name)
            ends = (-30, 30) if span is None else (span.lo, span.hi)
            tensors[f"{layer.name}.{name}"] = random.integers(*ends, shape, endpoint=True)
    return Model(chosen, tensors)


def built(chosen: Model, **choices: Any) -> DesignLayer:
    """The layer ``first``, built with these choices."""
    given: dict[str, Any] = {name: {"first": value} for name, value in choices.items()}
    return Design.of(chosen, **given).layer("first")


def in_two_lanes(chosen: Model, words: int, **choices: Any) -> DesignLayer:
    """The same, two events a cycle; the layer ``before`` has words of so many neurons."""
    given: dict[str, Any] = {name: {"first": value} for name, value in {**choices, "event_lanes": 2}.items()}
    given["neuron_lanes"] = {**given.get("neuron_lanes", {}), "before": words}
    return Design.of(chosen, **given).layer("first")


def conv(channels: int = 3, kernel: Any = 3, **fields: Any) -> Conv2d:
    """A convolution with weights of 4 bits."""
    return Conv2d.model_validate({"channels": channels, "kernel": kernel, "weight_bits": 4, **fields})


def events(inputs: int, bits: int, steps: int, seed: int = 0) -> Values:
    """Values [steps, inputs] of some events; none in the second step, all of them in the third."""
    random = np.random.default_rng(seed)
    values = random.integers(1, 1 << bits, (steps, inputs)) * (random.random((steps, inputs)) < 0.4)
    values[1:2], values[2:3] = 0, (1 << bits) - 1
    return values.astype(np.int64)


def values_of(layer: DesignLayer, steps: int, seed: int = 0) -> Values:
    """See :func:`events`."""
    return events(layer.inputs, layer.values.width, steps, seed)


def transfers_of(values: Values, marks: Sequence[int]) -> list[dict[str, int]]:
    """Values [steps, inputs] as transfers, in the order of addresses but for odd steps, which go backwards."""
    transfers: list[dict[str, int]] = []
    for step, (row, mark) in enumerate(zip(values, marks, strict=True)):
        sent = [(address, int(value)) for address, value in enumerate(row) if value]
        ordered = sent[::-1] if step % 2 else sent
        transfers += [{"mark": EVENT, "address": address, "value": value} for address, value in ordered]
        transfers.append({"mark": mark, "address": 0, "value": 0})
    return transfers


def pairs_of(layer: DesignLayer, values: Values, marks: Sequence[int]) -> list[dict[str, Any]]:
    """The same in two event lanes, as words of the layer before give them; those of odd steps come backwards."""
    shape, transfers = layer.before, list[dict[str, Any]]()
    assert shape is not None
    order = [[unit for unit in word if unit is not None] for word in shape.order]
    for step, (row, mark) in enumerate(zip(values.tolist(), marks, strict=True)):
        words = [(EVENT, shape.address(word[0]), [row[unit] for unit in word]) for word in order]
        sent = Serializer(event_lanes=2).serialize([*words[:: -1 if step % 2 else 1], (mark, 0, [0])])
        transfers += [{"mark": mark, "address": [*address], "value": [*value]} for mark, address, value in sent]
    return transfers


def run_golden(layer: DesignLayer, values: Values, marks: Sequence[int] | None = None) -> list[list[int]]:
    """The currents of each step that is not aborted."""
    kept = [row for row, mark in zip(values, marks or [STEP] * len(values), strict=True) if mark != ABORT]
    currents: list[list[int]] = golden.Convolution(layer).accumulate(np.array(kept)).tolist()
    return currents


def words_after_resets(
    dut: Any, before: Values, after: Values, cuts: Iterable[int], cycles: int = 400, transfers: Any = transfers_of
) -> list[list[Any]]:
    """The currents that come of ``after``, each time after so many cycles of ``before`` and a reset of one cycle."""
    reset, found = Signal(), list[list[Any]]()
    stream, currents = dut.events, dut.currents

    async def feed(ctx: Any, values: Values, cycles: int, ready: int) -> None:
        queue = [pack(stream.payload.shape(), sent) for sent in transfers(values, [SAMPLE] * len(values))]
        ctx.set(currents.ready, ready)
        for _ in range(cycles):
            may = bool(queue) and not ctx.get(dut.settles)
            ctx.set(stream.valid, may)
            if may:
                ctx.set(stream.payload.as_value(), queue[0])
                if ctx.get(stream.ready):
                    queue.pop(0)
            if ctx.get(currents.valid):
                found[-1].append(unpack(currents.payload.shape(), ctx.get(currents.payload.as_value()))["current"])
            await ctx.tick()

    async def clockwork(ctx: Any) -> None:
        for cut in cuts:
            found.append([])
            await feed(ctx, before, cut, ready=cut % 2)
            ctx.set(stream.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            found[-1].clear()
            await feed(ctx, after, cycles, ready=1)

    drive(ResetInserter(reset)(dut), clockwork)
    return found


CASES: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "stride 1": (conv(3, 3), (2, 5, 5), 1),
    "stride 2, padding 2": (conv(3, 5, stride=2, padding=2), (1, 7, 7), 2),
    "stride larger than the kernel": (conv(2, 2, stride=3), (1, 7, 8), 1),
    "odd sizes": (conv(5, (3, 2), stride=(2, 1), padding=(1, 0)), (3, 5, 4), 3),
    "a column": (conv(2, (1, 3), padding=(0, 2)), (1, 4, 1), 1),
    "one position": (conv(4, 3), (2, 3, 3), 1),
    "fewer positions than the kernel reaches": (conv(2, 5), (1, 6, 7), 1),
    "a pool": (conv(3, 3, padding=1, max_pool=2), (2, 4, 5), 1),
    "42 positions": (conv(3, 2, padding=1), (1, 5, 6), 1),
}
"""Synapses, the shape of the input, and the bits of its events."""

PAIRS: dict[str, tuple[Any, tuple[int, int, int], int, int, dict[str, Any]]] = {
    "all at once": (conv(3, 3), (4, 5, 5), 1, 4, {}),
    "stride 2, padding 2, a row": (conv(2, 5, stride=2, padding=2), (2, 7, 7), 1, 2, {"position_lanes": 3}),
    "graded, one position": (conv(3, 2), (3, 3, 4), 3, 2, {"position_lanes": 1, "neuron_lanes": 2}),
    "graded, groups": (conv(5, (3, 2), padding=(1, 0)), (6, 4, 3), 2, 4, {"synapse_lanes": 2, "neuron_lanes": 1}),
    "groups of a row": (conv(3, 3), (5, 4, 4), 1, 2, {"synapse_lanes": 1, "position_lanes": 2}),
    "a pool": (conv(3, 3, padding=1, max_pool=2), (2, 4, 5), 1, 2, {}),
    "words beyond a position": (conv(2, 2, stride=2), (8, 4, 4), 1, 6, {}),
    "weights to be loaded": (conv(3, 2), (3, 3, 3), 2, 2, {"memory": "ram", "synapse_lanes": 2}),
}
"""The same of two event lanes, with the neurons in a word of the layer before, and choices."""
