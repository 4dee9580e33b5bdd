"""Implementations by name: what a network is built like, from few cycles to few cells, for any network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

from snnhw.errors import DescriptionError
from snnhw.implementation import Implementation, LayerImplementation, LayerShape, MemoryKind, bit_lanes
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


@dataclass(frozen=True)
class ChannelChoice:
    """What layers with channels ask for: the first that goes over events ``lanes``, the next half of them, and so on.

    Later layers have fewer positions, and less comes to them. Lanes are of all channels, at as many positions as there
    are lanes for, or of some channels at one position. ``neuron_lanes`` are those of the first of them, the next, and
    so on, the last number serving all that follow. A first layer whose input is the same at every step goes over
    windows instead, if that takes no more than `MOST_TAPS` weights, with at most ``window_bits`` bits of its input a
    cycle, unless these are 0, and with ``all_steps`` computes all steps at once. With ``queue`` as many words as a step
    has can wait for the next layer. ``hidden`` and ``output`` are for layers without channels of a network that has
    others, and ``pixels_per_beat`` for such a network; those of the point where they are None.
    """

    lanes: int
    neuron_lanes: tuple[int, ...]
    hidden: LayerChoice | None = None
    output: LayerChoice | None = None
    window_bits: int = 0
    all_steps: bool = False
    queue: bool = False
    pixels_per_beat: int | None = None


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
        has_channels = network.layers[0].synapse.channelled
        pixels_per_beat = (has_channels and self.channels.pixels_per_beat) or self.pixels_per_beat
        stride = 1 if network.encoder.takes_events else pixels_per_beat
        lanes, neurons = self.channels.lanes, self.channels.neuron_lanes
        layers: list[LayerImplementation] = []
        for stage in network.layers:
            if stage.synapse.channelled:
                layer = self._with_windows(stage, stride)
                if layer is None:
                    layer = self._with_channels(stage, lanes, neurons[0])
                    lanes, neurons = lanes // 2, neurons[1:] or neurons
                layers.append(layer)
                stride = LayerShape.of(stage, layers[-1]).stride
                continue
            hidden = (has_channels and self.channels.hidden) or self.hidden
            output = (has_channels and self.channels.output) or self.output
            choice = output if stage.last else hidden
            turns = stage.synapse.takes_turns and not (stage.index == 0 and network.encoder.repeats)
            synapse_lanes = min(choice.synapse_lanes, stage.channels) if turns else stage.channels
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
            pixels_per_beat=pixels_per_beat,
            overlap=self.overlap,
            layers=tuple(layers),
            schedule="neuron_major" if neuron_major else "step_major",
            queue=self.queue,
        )
        chosen.check(network)
        return chosen

    def _with_channels(self, stage: PlacedLayer, lanes: int, neuron_lanes: int) -> LayerImplementation:
        """What a layer with channels gets where it goes over events."""
        synapse, channels = stage.synapse, stage.channels
        possible = synapse.position_lanes(stage.in_shape)
        turns = synapse.takes_turns and not (stage.index == 0 and stage.network.encoder.repeats)
        synapse_lanes = _even_share(channels, max(1, lanes)) if turns else channels
        layer = LayerImplementation(
            synapse_lanes=synapse_lanes,
            neuron_lanes=_even_share(synapse_lanes, neuron_lanes),
            position_lanes=next((count for count in possible if count * channels <= lanes), possible[-1]),
        )
        return self._queued(stage, layer)

    def _with_windows(self, stage: PlacedLayer, stride: int) -> LayerImplementation | None:
        """What a layer gets that goes over windows, its events in words of ``stride``; None where it does not."""
        synapse, taps = stage.synapse, prod(stage.tensor_shapes.get("weight", ()))
        wanted = self.channels.window_bits and stage.constant and taps <= MOST_TAPS
        if not wanted or "windows" not in synapse.visits:
            return None
        both = stage.event_lanes("windows") == 2 and stride % 2 == 0
        apart = self.channels.all_steps and stage.has_neuron and not stage.last
        layer = LayerImplementation(
            synapse_lanes=stage.channels,
            neuron_lanes=stage.channels,
            position_lanes=synapse.position_lanes(stage.in_shape)[0],
            visits="windows",
            bit_lanes=max(bits for bits in bit_lanes(stage) if bits <= self.channels.window_bits),
            event_lanes=2 if both else 1,
            step_lanes=stage.network.num_steps if apart else 1,
        )
        return self._queued(stage, layer)

    def _queued(self, stage: PlacedLayer, layer: LayerImplementation) -> LayerImplementation:
        """The same, its words queued where they are to be, and can be."""
        if not self.channels.queue or stage.last or layer.step_lanes > 1:
            return layer
        return layer.model_copy(update={"queued_words": LayerShape.of(stage, layer).words})


def _even_share(lanes: int, most: int) -> int:
    """At most so many of some lanes, such that a power of two of them are all lanes.

    Then what neurons of a channel have of their own is looked up by some bits of a word's number, and no group has
    lanes that idle. Where only more would be such a share, as many as there may be.
    """
    shares = [lanes >> halvings for halvings in range(lanes.bit_length()) if lanes % (1 << halvings) == 0]
    return next((share for share in shares if share <= most), min(lanes, most))


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
                channels=ChannelChoice(
                    lanes=288,
                    neuron_lanes=(16,),
                    hidden=LayerChoice(synapse_lanes=128, neuron_lanes=4),
                    window_bits=8,
                    all_steps=True,
                    queue=True,
                ),
                pixels_per_beat=16,
            ),
            Point(
                name="balanced",
                summary="the fewest cycles times LUTs",
                part="xc7a35t",
                hidden=LayerChoice(synapse_lanes=32, neuron_lanes=1, event_lanes=2, all_steps=True),
                output=LayerChoice(synapse_lanes=10, neuron_lanes=2),
                channels=ChannelChoice(lanes=144, neuron_lanes=(16,), window_bits=8, all_steps=True, queue=True),
                pixels_per_beat=16,
            ),
            Point(
                name="small",
                summary="few LUTs",
                part="xc7a35t",
                hidden=LayerChoice(synapse_lanes=4, neuron_lanes=1, event_lanes=2),
                output=LayerChoice(synapse_lanes=1, neuron_lanes=1),
                channels=ChannelChoice(
                    lanes=100,
                    neuron_lanes=(8, 5),
                    output=LayerChoice(synapse_lanes=10, neuron_lanes=1),
                    window_bits=1,
                    queue=True,
                    pixels_per_beat=8,
                ),
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
                channels=ChannelChoice(lanes=1, neuron_lanes=(1,)),
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
                channels=ChannelChoice(lanes=8, neuron_lanes=(1,)),
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
                channels=ChannelChoice(lanes=144, neuron_lanes=(4,), window_bits=8, all_steps=True, queue=True),
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
