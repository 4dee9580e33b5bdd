"""Implementations by name: what a network is built like, from few cycles to few cells, for any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Literal

from snnhw.errors import DescriptionError
from snnhw.implementation import Implementation, LayerImplementation, LayerShape, MemoryKind, Visits
from snnhw.network import Network, PlacedLayer
from snnhw.wording import no_such

__all__ = ["POINTS", "ChannelChoice", "LayerChoice", "Point", "find_point", "point"]


@dataclass(frozen=True)
class LayerChoice:
    """What a layer asks for; it has fewer lanes where it has fewer neurons, or words that do not begin at even ones.

    ``all_steps`` computes all steps of a neuron in a cycle, where the schedule goes neuron by neuron.
    """

    synapse_lanes: int
    neuron_lanes: int
    event_lanes: int = 1
    memory: MemoryKind = "rom"
    all_steps: bool = False


Positions = Literal["all", "row", "one"]


@dataclass(frozen=True)
class ChannelChoice:
    """What a layer with channels asks for: lanes of channels, of which there are fewer where it has fewer.

    ``positions`` are those that an event reaches in a cycle. With ``windows`` a first layer whose input is the same at
    every step goes over windows, if that takes no more than `MOST_TAPS` weights, and computes all steps at once. With
    ``queue`` as many words as a step has can wait for the next layer.
    """

    synapse_lanes: int
    neuron_lanes: int
    positions: Positions = "all"
    windows: bool = False
    queue: bool = False


MOST_TAPS = 512
"""Weights that are wired in at most, unless asked for: each is one or two LUTs for every bit or two of its input."""


@dataclass(frozen=True)
class Point:
    """A named implementation.

    ``channels`` is for layers with channels, ``output`` for the last layer, and ``hidden`` for every other. The
    schedule goes neuron by neuron wherever the network allows it. ``part`` is what it was made for, on ``board`` and
    behind its serial line where that is given; ``clock_mhz`` is the clock to be reached there, the usual one where it
    is None.
    """

    name: str
    summary: str
    part: str
    hidden: LayerChoice
    output: LayerChoice
    channels: ChannelChoice
    pixels_per_beat: int = 8
    overlap: bool = True
    queue: bool = True
    board: str | None = None
    clock_mhz: float | None = None

    def implementation(self, network: Network) -> Implementation:
        """The point for a network."""
        neuron_major = network.allows_neuron_major
        stride = 1 if network.encoder.takes_events else self.pixels_per_beat
        layers = []
        for stage in network.layers:
            if stage.synapse.channelled:
                layers.append(self._with_channels(stage, self.channels, stride))
                stride = LayerShape.of(stage, layers[-1]).stride
                continue
            choice = self.output if stage.last else self.hidden
            synapse_lanes = min(choice.synapse_lanes, stage.channels) if stage.synapse.takes_turns else stage.channels
            neuron_lanes = min(choice.neuron_lanes, synapse_lanes)
            layer = LayerImplementation(
                synapse_lanes=synapse_lanes,
                neuron_lanes=neuron_lanes,
                position_lanes=stage.synapse.position_lanes(stage.in_shape)[0],
                event_lanes=2 if choice.event_lanes == stage.synapse.most_event_lanes == 2 and stride % 2 == 0 else 1,
                step_lanes=network.num_steps if choice.all_steps and neuron_major else 1,
                memory=choice.memory if stage.has_weights else "rom",
            )
            layers.append(layer)
            stride = LayerShape.of(stage, layer).stride
        chosen = Implementation(
            pixels_per_beat=self.pixels_per_beat,
            overlap=self.overlap,
            layers=tuple(layers),
            schedule="neuron_major" if neuron_major else "step_major",
            queue=self.queue,
        )
        chosen.check(network)
        return chosen

    @staticmethod
    def _with_channels(stage: PlacedLayer, choice: ChannelChoice, stride: int) -> LayerImplementation:
        """What a layer with channels gets."""
        possible, taps = stage.synapse.position_lanes(stage.in_shape), prod(stage.tensor_shapes.get("weight", ()))
        windows = choice.windows and stage.constant and "windows" in stage.synapse.visits and taps <= MOST_TAPS
        lanes = min(choice.synapse_lanes, stage.channels) if stage.synapse.takes_turns else stage.channels
        if windows:
            lanes = stage.channels
        apart = windows and stage.has_neuron and not stage.last
        visits: Visits = "windows" if windows else "events"
        both = stage.synapse.event_lanes(stage.in_shape, visits, first=stage.index == 0) == 2
        layer = LayerImplementation(
            synapse_lanes=lanes,
            neuron_lanes=lanes if windows else min(choice.neuron_lanes, lanes),
            position_lanes=possible[{"all": 0, "row": min(1, len(possible) - 1), "one": -1}[choice.positions]],
            visits=visits,
            bit_lanes=stage.values.hi.bit_length() if windows else 1,
            event_lanes=2 if both and stride % 2 == 0 else 1,
            step_lanes=stage.network.num_steps if apart else 1,
        )
        if choice.queue and not stage.last and layer.step_lanes == 1:
            layer = layer.model_copy(update={"queued_words": LayerShape.of(stage, layer).words})
        return layer


POINTS: Mapping[str, Point] = MappingProxyType(
    {
        chosen.name: chosen
        for chosen in (
            Point(
                name="fast",
                summary="the fewest cycles: a weight of every hidden neuron a cycle",
                part="xc7a35t",
                hidden=LayerChoice(synapse_lanes=128, neuron_lanes=4, event_lanes=2, all_steps=True),
                output=LayerChoice(synapse_lanes=10, neuron_lanes=2, all_steps=True),
                channels=ChannelChoice(synapse_lanes=32, neuron_lanes=32, windows=True, queue=True),
                pixels_per_beat=16,
            ),
            Point(
                name="balanced",
                summary="the fewest cycles times LUTs",
                part="xc7a35t",
                hidden=LayerChoice(synapse_lanes=32, neuron_lanes=1, event_lanes=2, all_steps=True),
                output=LayerChoice(synapse_lanes=10, neuron_lanes=2),
                channels=ChannelChoice(synapse_lanes=16, neuron_lanes=16, windows=True, queue=True),
                pixels_per_beat=16,
            ),
            Point(
                name="small",
                summary="few LUTs",
                part="xc7a35t",
                hidden=LayerChoice(synapse_lanes=4, neuron_lanes=1, event_lanes=2),
                output=LayerChoice(synapse_lanes=1, neuron_lanes=1),
                channels=ChannelChoice(synapse_lanes=16, neuron_lanes=4, positions="row", queue=True),
                pixels_per_beat=2,
                overlap=False,
                queue=False,
            ),
            Point(
                name="tiny",
                summary="the fewest LUTs: a weight a cycle",
                part="xc7a35t",
                hidden=LayerChoice(synapse_lanes=1, neuron_lanes=1),
                output=LayerChoice(synapse_lanes=1, neuron_lanes=1),
                channels=ChannelChoice(synapse_lanes=1, neuron_lanes=1, positions="one"),
                pixels_per_beat=1,
                overlap=False,
                queue=False,
            ),
            Point(
                name="up5k",
                summary="a whole iCEBreaker: hidden weights in the four single-port RAMs, the serial line around it",
                part="up5k",
                board="icebreaker",
                hidden=LayerChoice(synapse_lanes=8, neuron_lanes=1, event_lanes=2, memory="spram"),
                output=LayerChoice(synapse_lanes=1, neuron_lanes=1),
                channels=ChannelChoice(synapse_lanes=4, neuron_lanes=1, positions="one"),
                pixels_per_beat=2,
                overlap=False,
                queue=False,
            ),
            Point(
                name="ecp5",
                summary="a fast clock on the smallest ECP5",
                part="lfe5u-25f",
                clock_mhz=110,
                hidden=LayerChoice(synapse_lanes=32, neuron_lanes=2, event_lanes=2, all_steps=True),
                output=LayerChoice(synapse_lanes=10, neuron_lanes=2, all_steps=True),
                channels=ChannelChoice(synapse_lanes=16, neuron_lanes=16, windows=True, queue=True),
            ),
        )
    }
)
"""The points by name."""


def find_point(name: str) -> Point:
    """The point of that name; raises DescriptionError with the list of those there are."""
    if name not in POINTS:
        raise DescriptionError(no_such("point", name, POINTS))
    return POINTS[name]


def point(name: str, network: Network) -> Implementation:
    """The implementation of that name for a network; raises DescriptionError for a name that there is not."""
    return find_point(name).implementation(network)
