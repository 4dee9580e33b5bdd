"""Dropout: in training, events that leave a layer are dropped at random, the same ones at every step of a sample.

Events that are kept count ``1 / (1 - probability)`` times, so that currents keep their mean and the integers need no
change afterwards. Only training drops events: evaluation, golden and circuit know nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Generator, Tensor

from snnhw.errors import DescriptionError
from snnhw.network import Network
from snnhw.wording import no_such

__all__ = ["NOTHING_DROPPED", "Dropout", "Factors", "thinned"]

Factors = Mapping[str, Tensor]
"""By layer [B, units]: what the values of its events are multiplied by, 0 where they are dropped."""

NOTHING_DROPPED: Factors = MappingProxyType({})


class Dropout:
    """Draws the factors of each batch, by the probabilities of layers to drop an event.

    Raises DescriptionError for a layer that there is not, and for the last one, whose events no other layer gets.
    """

    def __init__(self, network: Network, probabilities: Mapping[str, float]) -> None:
        names = [layer.name for layer in network.layers]
        for name in probabilities:
            if name not in names:
                raise DescriptionError(f"dropout: {no_such('layer', name, names)}")
            if name == names[-1]:
                raise DescriptionError(f"dropout: layer '{name}' is the last, and no layer gets its events")
        self.units = {layer.name: layer.units for layer in network.layers if probabilities.get(layer.name)}
        self.kept = {name: 1 - probabilities[name] for name in self.units}
        """The probability to be kept; layers that drop nothing are left out, and draw nothing."""

    def draw(self, batch: int, generator: Generator) -> Factors:
        """The factors of ``batch`` samples, each 0 or 1 / kept."""
        return {
            name: torch.empty(batch, units).bernoulli_(self.kept[name], generator=generator).div_(self.kept[name])
            for name, units in self.units.items()
        }


def thinned(events: Tensor, layer: str, factors: Factors) -> Tensor:
    """The events [S, B, units] that a layer has sent, less those that are dropped."""
    return events * factors[layer] if layer in factors else events
