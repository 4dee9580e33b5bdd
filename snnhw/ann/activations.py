"""How large the activations of a chain of stages become: what a conversion scales by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from snnhw.ann.module import Stage

__all__ = ["largest", "outputs"]

_TOGETHER = 500


def outputs(stages: Sequence[Stage], images: NDArray[np.float64]) -> Iterator[Tensor]:
    """What each stage gives of images [B, ...], clipped where it is, before its pools; float64 [B, out, ...]."""
    values = torch.from_numpy(images)
    for stage in stages:
        weight, bias = torch.from_numpy(stage.weight), torch.from_numpy(stage.bias)
        if stage.is_convolution:
            planes = values[:, None] if values.ndim == 3 else values
            values = functional.conv2d(planes, weight, bias, stage.stride, stage.padding)
        else:
            values = functional.linear(values.flatten(1), weight, bias)
        values = values.relu() if stage.clipped else values
        yield values
        for pool in stage.pools:
            pooled = functional.max_pool2d if pool.kind == "max" else functional.avg_pool2d
            values = pooled(values, pool.size)


def largest(
    stages: Sequence[Stage], images: NDArray[np.float64], percentile: float, *, per_channel: bool
) -> list[NDArray[np.float64]]:
    """Below what ``percentile`` of each stage's outputs lie, [out]; of the whole stage where not ``per_channel``."""
    chunks: list[list[NDArray[np.float64]]] = [[] for _ in stages]
    with torch.no_grad():
        for start in range(0, len(images), _TOGETHER):
            for found, values in zip(chunks, outputs(stages, images[start : start + _TOGETHER]), strict=True):
                found.append(values.transpose(0, 1).flatten(1).numpy())
    limits = []
    for found in chunks:
        of_channels = np.concatenate(found, axis=1)
        limit = np.percentile(of_channels, percentile, axis=1 if per_channel else None)
        limits.append(np.broadcast_to(limit, len(of_channels)).astype(np.float64))
    return limits
