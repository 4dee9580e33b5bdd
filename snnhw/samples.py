"""Samples as arrays, in whatever shape they are kept, as a network takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnhw.network import Network

__all__ = ["check_samples"]


def check_samples(network: Network, samples: ArrayLike) -> NDArray[np.uint8]:
    """Samples uint8 [B, ...] as [B, *sample_shape], where :meth:`snnhw.network.Network.takes` their shape.

    Raises ValueError for another kind or shape, and for events of more than the network's bits.
    """
    array = np.asarray(samples)
    if array.dtype != np.uint8 or array.ndim == 0 or not network.takes(array.shape[1:]):
        wanted = ", ".join(map(str, ("B", *network.sample_shape)))
        raise ValueError(
            f"samples must be uint8 [{wanted}], not {array.dtype} {list(array.shape)}{_advice(network, array)}"
        )
    highest = network.encoder.sample_range.hi
    if int(array.max(initial=0)) > highest:
        raise ValueError(f"events must carry at most {highest}, not {int(array.max())}")
    return array.reshape(len(array), *network.sample_shape)


def _advice(network: Network, array: NDArray[Any]) -> str:
    """What is wrong with a shape, where it is clear."""
    shape = array.shape
    if network.takes(shape):
        return ": put one sample alone into a batch, sample[None]"
    if network.encoder.takes_events and len(shape) > 1 and network.takes((shape[0], *shape[2:])):
        return ": put the batch in front of the time steps, samples.swapaxes(0, 1)"
    return ""
