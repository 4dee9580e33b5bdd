"""What the demo shows of one image: the digit, the spikes of its layers over time, and the scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from golden.network import LayerTrace, Result
from snnhw.drawing import draw_image, draw_spikes
from snnhw.model import Model

__all__ = ["draw_sample"]

_COLUMNS = 96
_BAR = 32


def draw_sample(model: Model, image: NDArray[np.uint8], result: Result) -> Iterator[str]:
    """The lines for an image uint8 [height, width], from golden's result of it alone, with traces."""
    yield from draw_image(image)
    for layer in model.network.layers:
        if not layer.has_neuron or layer.neuron.fires:
            yield ""
            yield f"spikes of layer {layer.name}, {layer.units} neurons from left to right, step by step:"
            yield from _layer(result.traces[layer.name])
    yield ""
    yield f"scores ({model.network.readout.kind}):"
    yield from _scores(result)


def _layer(trace: LayerTrace) -> Iterator[str]:
    spikes = (trace.value if trace.spike is None else trace.spike)[:, 0]
    for step, line in enumerate(draw_spikes(spikes, _COLUMNS)):
        yield f"  {step:>3} |{line}| {np.count_nonzero(spikes[step])} spikes"


def _scores(result: Result) -> Iterator[str]:
    scores = result.scores[0]
    low, span = int(scores.min()), max(1, int(np.ptp(scores)))
    for index, score in enumerate(scores.tolist()):
        bar = "#" * ((score - low) * _BAR // span)
        chosen = "  <-- the class" if index == result.classes[0] else ""
        yield f"  {index:>3} {score:>8} {bar}{chosen}"
