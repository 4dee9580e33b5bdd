"""Readouts, differentiable: scores [B, classes] of what the last layer did. Twin of :mod:`golden.readout`."""

from __future__ import annotations

import torch
from torch import Tensor

from snnhw.train.neuron import Activity

__all__ = ["count", "first_spike", "membrane"]


def membrane(activity: Activity, classes: int) -> Tensor:
    """The membranes after the last step."""
    return activity.last_membrane


def first_spike(activity: Activity, classes: int) -> Tensor:
    """The number of steps before each neuron's first spike."""
    spikes = torch.stack(activity.spikes)
    return (1 - spikes.clamp(max=1)).cumprod(dim=0).sum(dim=0)


def count(activity: Activity, classes: int) -> Tensor:
    """The spikes of each class's neurons, which are neighbours."""
    spikes = torch.stack(activity.spikes)
    _, batch, units = spikes.shape
    return spikes.sum(dim=0).reshape(batch, classes, units // classes).sum(dim=2)
