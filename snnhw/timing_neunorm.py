"""How long convolutions with NeuNorm take. Twin of ``gateware/neunorm.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateware.neunorm import parts
from golden.network import Result
from snnhw.design import DesignLayer
from snnhw.timing import _Neurons, _Sent, _Serializer
from snnhw.timing_convolution import Convolution, Pool, Words, conv2d


class NeuNormConvolution:
    """A convolution of events beside one of auxiliary neurons' states; an event is taken when both sides take it."""

    def __init__(self, layer: DesignLayer, bank: _Neurons) -> None:
        convolution, neurons, weighing = parts(layer)
        self.bank = bank
        self.spiking, weighed = _convolution(convolution, bank), _convolution(weighing, bank)
        self.weighing = _Weighing(weighed)
        self.auxiliary = Pool(neurons, _Serializer(self.weighing))
        self.kept = {"auxiliary": self.auxiliary}
        self.step_cycles = max(self.spiking.step_cycles, weighed.step_cycles)
        self.left = -1
        """When the neurons took the last word."""

    @staticmethod
    def weighed(layer: DesignLayer, result: Result) -> tuple[NDArray[Any], DesignLayer]:
        """Whether the auxiliary neurons have sent an event, [steps, B, positions], and the layer that takes it."""
        states = result.traces[f"{layer.name}.auxiliary"].value
        numbers = layer.tensors.get("position")
        return (states if numbers is None else states * numbers.ravel()) != 0, parts(layer)[2]

    @staticmethod
    def sent(layer: DesignLayer, result: Result) -> dict[str, _Sent]:
        """What the auxiliary neurons have sent, position by position."""
        sent, weighing = NeuNormConvolution.weighed(layer, result)
        positions = np.arange(weighing.inputs)
        return {"auxiliary": _Sent(sent, positions.tolist(), positions, weighing.event_passes, 1)}

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events, see `Counts`, one after the other; when the last of them was taken."""
        for transfer in self.spiking.transfers(events):
            taken = self._taken(offered)
            self.spiking.take_events(taken, [transfer])
            self.auxiliary.take_events(taken, [1])
            offered = taken + 1
        return taken

    def take_mark(self, offered: int) -> int:
        """A mark, and all that follows from it: a word of each side goes when the other's is there too."""
        taken = self._taken(offered)
        self.auxiliary.take_mark(taken)
        words = self.spiking.marked(taken)
        sides, offers = (words, self.weighing.words), [next(words), self.weighing.offered]
        while offers:
            joined = max(*offers, self.left)
            self.left = self.bank.take(joined + 1)
            offers = [at for side in sides for at in _following(side, joined)]
        return taken

    def _taken(self, offered: int) -> int:
        """When both sides take what is offered then."""
        while (taken := max(self.spiking.taken(offered), self.auxiliary.taken(offered))) > offered:
            offered = taken
        return taken


def _following(words: Words, taken: int) -> list[int]:
    """When the next word is offered, after one that was taken then; empty after the last."""
    try:
        return [words.send(taken)]
    except StopIteration:
        return []


class _Weighing:
    """A convolution whose words are taken by whoever asks for them."""

    def __init__(self, convolution: Convolution) -> None:
        self.convolution = convolution
        self.step_cycles = convolution.step_cycles
        self.words: Words
        """Of the last mark, all but the first."""
        self.offered = 0
        """When the first of them is offered."""

    def take_events(self, offered: int, events: list[int]) -> int:
        """Events, see `Counts`, one after the other once the first has been taken; when the last of them was."""
        return self.convolution.take_events(offered, events)

    def take_mark(self, offered: int) -> int:
        """A mark; when it was taken."""
        taken = self.convolution.taken(offered)
        self.words = self.convolution.marked(offered)
        self.offered = next(self.words)
        return taken


def _convolution(layer: DesignLayer, bank: _Neurons) -> Convolution:
    made = conv2d(layer, bank)
    assert isinstance(made, Convolution)
    return made
