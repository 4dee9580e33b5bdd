"""Convolutions with NeuNorm, differentiable. Twin of :mod:`golden.neunorm`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from snnhw.convolution import planes
from snnhw.network import PlacedLayer
from snnhw.neunorm import NeuNormConv2d
from snnhw.train.quantise import shift

__all__ = ["neunorm_conv2d"]


def neunorm_conv2d(layer: PlacedLayer, tensors: Mapping[str, Tensor], events: Tensor) -> Tensor:
    """The currents [S, B, units] of events [S, B, inputs], exact where the format holds every partial sum.

    ``tensors`` are the integers of ``weight``, ``auxiliary``, ``position`` and ``bias``, such as there are. Gradients
    pass through all roundings.
    """
    synapse = layer.synapse
    assert isinstance(synapse, NeuNormConv2d)
    steps, batch, _ = events.shape
    _, height, width = planes(layer.in_shape, synapse.kind)
    images = events.reshape(steps * batch, -1, height, width)

    def convolved(images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return functional.conv2d(images, weight, bias, synapse.stride, synapse.padding)

    currents = convolved(images, tensors["weight"], tensors.get("bias"))
    states = _states(synapse, events.reshape(steps, batch, -1, height * width).sum(dim=2))
    states = states.reshape(steps * batch, 1, height, width)
    if "position" in tensors:
        states = states * tensors["position"]
    numbers = tensors["auxiliary"]
    if synapse.form == "full":
        weighed = convolved(states * numbers, tensors["weight"])
    else:
        if synapse.form == "per_channel":
            numbers = torch.einsum("fckl,c->fkl", tensors["weight"], numbers)
        weighed = convolved(states, numbers[:, None])
    less: Tensor = currents - shift(weighed, synapse.shift)
    return less.reshape(steps, batch, -1)


def _states(synapse: NeuNormConv2d, sent: Tensor) -> Tensor:
    """The auxiliary neurons' states [S, B, positions] from the sums of what all channels send."""
    states = [sent[0]]
    factor = (1 << synapse.decay_bits) - 1
    for own in sent[1:]:
        states.append(shift(states[-1] * factor, synapse.decay_bits) + own)
    return torch.stack(states)
