"""Convolutions and pools, differentiable. Twin of :mod:`golden.convolution` and :mod:`golden.pooling`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from snnhw.convolution import Conv2d, planes
from snnhw.network import PlacedLayer
from snnhw.pooling import Pool2d, SMaxPool2d

__all__ = ["conv2d", "max_pool2d", "s_max_pool2d", "sum_pool2d"]


def conv2d(layer: PlacedLayer, tensors: Mapping[str, Tensor], events: Tensor) -> Tensor:
    """The currents [S, B, units] of events [S, B, inputs], exact where the format holds every partial sum.

    ``tensors`` are the integers of ``weight`` and, where there is one, of ``bias``.
    """
    synapse = layer.synapse
    assert isinstance(synapse, Conv2d)
    images = _images(layer, events)
    currents = functional.conv2d(images, tensors["weight"], tensors.get("bias"), synapse.stride, synapse.padding)
    if synapse.max_pool != (1, 1):
        currents = functional.max_pool2d(currents, synapse.max_pool)
    return currents.reshape(*events.shape[:2], -1)


def max_pool2d(layer: PlacedLayer, tensors: Mapping[str, Tensor], events: Tensor) -> Tensor:
    """The values of windows [S, B, units] from those of events [S, B, inputs]."""
    assert isinstance(layer.synapse, Pool2d)
    return functional.max_pool2d(_images(layer, events), layer.synapse.size).reshape(*events.shape[:2], -1)


def sum_pool2d(layer: PlacedLayer, tensors: Mapping[str, Tensor], events: Tensor) -> Tensor:
    """The values of windows [S, B, units] from those of events [S, B, inputs]."""
    assert isinstance(layer.synapse, Pool2d)
    (height, width), (rows, columns) = layer.synapse.size, layer.out_shape[1:]
    images = _images(layer, events)[..., : rows * height, : columns * width]
    # The rows of a window stand side by side, times which inputs are a window's: several times as fast as avg_pool2d.
    of_window = torch.eye(columns, dtype=events.dtype).repeat_interleave(width, dim=0).repeat(height, 1)
    return (images.reshape(-1, len(of_window)) @ of_window).reshape(*events.shape[:2], -1)


def s_max_pool2d(layer: PlacedLayer, tensors: Mapping[str, Tensor], events: Tensor) -> Tensor:
    """The values of windows [S, B, units] from those of events [S, B, inputs], of all steps of a sample.

    The gradient is that of the units that are passed on, equal ones sharing it; of lateral inhibition that of sums.
    """
    synapse = layer.synapse
    assert isinstance(synapse, SMaxPool2d)
    (height, width), accumulated = synapse.size, events.cumsum(dim=0)
    if synapse.lateral_inhibition:
        greatest = functional.max_pool2d(_images(layer, accumulated), synapse.size).reshape(*events.shape[:2], -1)
        return torch.cat([greatest[:1], greatest[1:] - greatest[:-1]])
    values, sums = (
        _images(layer, part).unfold(2, height, height).unfold(3, width, width).flatten(4)
        for part in (events, accumulated)
    )
    passes = sums == sums.amax(dim=4, keepdim=True)
    return torch.where(passes, values, -1).amax(dim=4).reshape(*events.shape[:2], -1)


def _images(layer: PlacedLayer, events: Tensor) -> Tensor:
    """The steps of all samples as images [S * B, channels, height, width]."""
    return events.reshape(-1, *planes(layer.in_shape, layer.synapse.kind))
