"""What a test bench is about: a circuit, samples, and what golden makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from golden.network import Result, run
from snnhw.design import Design
from snnhw.interface import Interface
from snnhw.network import Network
from snnhw.simulate.samples import pack, strangers
from snnhw.simulate.simulation import patience
from snnhw.timing import predict
from snnhw.verilog import Emitted
from snnhw.weights import image

MOST_CYCLES = (1 << 31) - 1
"""The greatest integer of Verilog."""

QUIET_CYCLES = 16
"""Cycles beyond those of any sample after which nothing comes that was not due."""


@dataclass(frozen=True)
class Subject:
    """An emitted circuit, and samples uint8 [B, *sample_shape] for it, B at least 1.

    ``stalls`` and ``seed`` are what the bench's parameters are unless a simulator is told otherwise.
    """

    design: Design
    emitted: Emitted
    samples: NDArray[np.uint8]
    stalls: bool
    seed: int

    @property
    def network(self) -> Network:
        """What the circuit computes."""
        return self.design.network

    @property
    def interface(self) -> Interface:
        """The circuit's streams."""
        return self.emitted.interface

    @property
    def top(self) -> str:
        """The name of the circuit's top module."""
        return self.interface.top

    @property
    def sends_events(self) -> bool:
        """Whether the network's input is events."""
        return self.network.encoder.takes_events

    @cached_property
    def result(self) -> Result:
        """What golden makes of the samples."""
        return run(self.design.model, self.samples, traces=True)

    @cached_property
    def transfers(self) -> list[list[int]]:
        """The payloads of the circuit's own stream, sample by sample."""
        beats = pack(self.network, self.interface.sample, self.samples)
        sent = [sum(int(word) << 32 * i for i, word in enumerate(row)) for row in beats.words]
        ends = np.cumsum(beats.counts).tolist()
        return [sent[end - count : end] for end, count in zip(ends, beats.counts.tolist(), strict=True)]

    @cached_property
    def working(self) -> list[int]:
        """Cycles from the last transfer of each sample to its result, where nothing pauses."""
        latency = predict(self.design, self.result).latency.tolist()
        return [max(0, cycles - len(sent)) for cycles, sent in zip(latency, self.transfers, strict=True)]

    @property
    def quiet(self) -> int:
        """Cycles after which a result would have come that should not."""
        return QUIET_CYCLES + max(self.working)

    @property
    def patience(self) -> int:
        """Cycles without a transfer after which the circuit counts as stuck."""
        return min(patience(self.design), MOST_CYCLES)

    @cached_property
    def image(self) -> bytes:
        """The model's weights, for a circuit that takes them; empty where it takes none."""
        return image(self.design.model, self.design) if self.interface.weights else b""

    @property
    def loads(self) -> list[tuple[int, bool, bool]]:
        """Two loads, the first of them too short: each byte, whether it is the last, whether weights are there then.

        Of an image of one byte there is one load: it cannot be too short.
        """
        *others, end = self.image
        short = [(self.image[0], True, False)] if others else []
        return [*short, *((octet, False, False) for octet in others), (end, True, True)]

    @property
    def has_spram(self) -> bool:
        """Whether the circuit has memories that start empty, and cells that a simulator does not know."""
        return any(layer.chosen.memory == "spram" for layer in self.design.layers)

    @property
    def strangers(self) -> dict[str, int]:
        """The payloads of events of inputs that do not exist, see :func:`snnhw.simulate.samples.strangers`."""
        return strangers(self.network, self.interface.sample)
