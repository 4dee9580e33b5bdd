"""How large the activations of a chain of stages become: what a conversion scales by."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from snnhw.ann.module import Stage, evaluated, short
from snnhw.errors import ModelError

__all__ = ["check_equal", "largest", "outputs"]

_TOGETHER = 500
_MOST = 1 << 25
"""Outputs of a stage that are kept, of every image or of every so many: a quarter of a gigabyte."""
_CHECKED = 16
"""Images on which a module is compared with its stages."""
_SLACK = 1e-6
"""How far both may be apart, as a part of the largest output: both compute in float64."""


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


def check_equal(module: nn.Module, stages: Sequence[Stage], images: NDArray[np.float64]) -> None:
    """Raise ModelError where a module computes something else than its stages do, on a few images.

    Hooks, what is done in place beside the chain, and shapes are not in the chain that was traced.
    """
    few = images[:_CHECKED]
    with torch.no_grad():
        try:
            *_, found = outputs(stages, few)
        except RuntimeError as error:
            raise ModelError(f"images of {list(images.shape[1:])} do not suit the module: {short(error)}") from error
        wanted = _run(evaluated(module), torch.from_numpy(few))
        alike = wanted.shape == found.shape and any(_close(given, wanted) for given in (found, found.log_softmax(1)))
    if not alike:
        raise ModelError(
            "the module gives other outputs than its chain of layers: it has hooks, or does something beside the "
            "chain; give a torch.nn.Sequential without"
        )


def _close(found: Tensor, wanted: Tensor) -> bool:
    return float((found - wanted).abs().max()) <= _SLACK * max(1e-12, float(wanted.abs().max()))


def _run(module: nn.Module, images: Tensor) -> Tensor:
    """What the module makes of images in the shape that it takes: with channels, without, or in a row."""
    planes = images[:, None] if images.ndim == 3 else images
    reason = ""
    for shaped in (planes, images, images.flatten(1)):
        try:
            given = module(shaped)
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
            reason = reason or short(error)
            continue
        if isinstance(given, Tensor):
            return given
        reason = f"it gives a {type(given).__name__}, not a tensor"
    raise ModelError(f"the module itself takes no images of {list(images.shape[1:])}: {reason}")


def largest(
    stages: Sequence[Stage], images: NDArray[np.float64], percentile: float, *, per_channel: bool, zeros: bool
) -> list[NDArray[np.float64]]:
    """Below what ``percentile`` of each stage's outputs lie, [out]; of the whole stage where not ``per_channel``.

    Of those that are above 0 alone, unless ``zeros`` count too; 0 where there are none.
    """
    chunks: list[list[NDArray[np.float64]]] = [[] for _ in stages]
    with torch.no_grad():
        for start in range(0, len(images), _TOGETHER):
            for found, values in zip(chunks, outputs(stages, images[start : start + _TOGETHER]), strict=True):
                every = math.ceil(len(images) * values[0].numel() / _MOST)
                found.append(values[::every].transpose(0, 1).flatten(1).numpy())
    limits = []
    for found in chunks:
        of_channels = np.concatenate(found, axis=1)
        groups = of_channels if per_channel else of_channels.reshape(1, -1)
        limit = [_percentile(group if zeros else group[group > 0], percentile) for group in groups]
        limits.append(np.resize(limit, len(of_channels)).astype(np.float64))
    return limits


def _percentile(values: NDArray[np.float64], percentile: float) -> float:
    return float(np.percentile(values, percentile)) if values.size else 0.0
