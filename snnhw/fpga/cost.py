"""What an image costs a circuit: cycles, weights added, bits of weights read, and an estimate of energy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import Golden, Result
from snnhw.data import Dataset, check_images
from snnhw.design import Design, DesignLayer
from snnhw.fpga.report import Cycles, Work
from snnhw.kinds import twin
from snnhw.timing import predict
from snnhw.verdict import Spread

__all__ = ["cost"]

ADD_PJ_PER_BIT = 0.1 / 32
READ_PJ_PER_BIT = 10 / 64
"""Both as ``ENERGY_SOURCE`` of the report says."""


def cost(design: Design, dataset: Dataset) -> tuple[Cycles, Work]:
    """Cycles and work of a dataset's images; raises DatasetError where they do not fit the network."""
    images = check_images(dataset, design.network)
    result = Golden(design.model).run(images, traces=True)
    prediction = predict(design, result)
    interval = prediction.interval if len(images) > 1 else prediction.latency
    cycles = Cycles(
        dataset=dataset.name,
        images=len(images),
        latency=Spread.of(prediction.latency),
        interval=Spread.of(interval),
    )
    return cycles, work(design, result)


def work(design: Design, result: Result) -> Work:
    """The work of the mean image, from a golden result that holds traces.

    Every event is added to the neurons that it reaches, and reads words of weights, for each group of lanes and each of
    its passes one. A layer that visits windows reads no weights, and adds all inputs of every window whether events
    came or not. What layers without weights do is not counted.
    """
    operations = bits = energy = 0.0
    assert result.encoded is not None
    spikes = (result.traces[layer.name].value != 0 for layer in design.layers[:-1])
    sources = [design.network.encoder.times(result.encoded), *spikes]
    for sent, layer in zip(sources, design.layers, strict=True):
        if not layer.has_weights:
            continue
        added = float(result.operations[layer.name].sum()) / len(result.classes)
        if layer.chosen.visits == "windows":
            steps = 1 if layer.constant else design.network.num_steps
            added = steps * layer.units * layer.synapse.fan_in(layer.in_shape)
        read = _bits_read(sent, layer)
        # What synapses keep and send within the layer is among the operations, and reads weights of its own.
        weighed = getattr(twin(layer.synapse, "timing"), "weighed", None)
        read += _bits_read(*weighed(layer, result)) if weighed else 0.0
        operations += added
        bits += read
        energy += added * layer.ranges.current.width * ADD_PJ_PER_BIT + read * READ_PJ_PER_BIT
    return Work(synaptic_operations=operations, weight_bits_read=bits, energy_nj=energy / 1000)


def _bits_read(sent: NDArray[Any], layer: DesignLayer) -> float:
    """Bits of weights that the events of a mean sample read, of which there are so many [steps, B, inputs]."""
    lanes = layer.shape.synapse_lanes * layer.chosen.position_lanes
    words = int(sent.sum(axis=(0, 1), dtype=np.int64) @ layer.weight_words)
    return float(words / sent.shape[1] * lanes * layer.ranges.weight.width)
