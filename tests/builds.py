"""Any way to build a network: implementations and shells of every kind, chosen as :mod:`tests.kinds` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from snnhw.implementation import MEMORY_KINDS, Implementation, LayerImplementation, LayerShape, bit_lanes
from snnhw.network import Network, PlacedLayer
from snnhw.points import POINTS, point
from snnhw.shell import PLAIN, AerShell, AxiShell, Shell, UartShell
from tests.draws import Draws, flag
from tests.kinds import SMALL, Limits

SCHEDULES = get_args(Implementation.model_fields["schedule"].annotation)
WEIGHTS = get_args(Implementation.model_fields["weights"].annotation)

QUEUED_WORDS = (0, 1, 2, 5, 20)

SHELLS: dict[str, Callable[[Draws], Shell]] = {
    "stream": lambda draws: PLAIN,
    "axi": lambda draws: AxiShell(tdata=draws.choice((32, 8, 64))),
    "uart": lambda draws: UartShell(clock_hz=draws.choice((12_000_000, 921_600, 100_000_000))),
    "aer": lambda draws: AerShell(bin_cycles=draws.choice((0, 1, 1000, 65_536))),
}

LONG_BEAT = 32
"""Pixels per beat above which Amaranth takes a minute to convert what gathers them from a serial line."""


def implementation(draws: Draws, chosen: Network, limits: Limits = SMALL, memories: bool = False) -> Implementation:
    """Any way to build a network: lanes from one to all, also where they do not divide the neurons.

    With ``memories`` weights stand in memories of any kind, inline or in files; otherwise they are built in.
    """
    schedule = draws.choice(SCHEDULES if chosen.allows_neuron_major else SCHEDULES[:1])
    neuron_major = schedule == "neuron_major"
    pixels = draws.choice(limits.pixels_per_beat)
    stride = 1 if chosen.encoder.takes_events else pixels
    layers = []
    for stage, follows in zip(chosen.layers, (*chosen.layers[1:], None), strict=True):
        adds = stage.index == 0 and chosen.encoder.repeats
        visits = "events" if adds else draws.choice(stage.synapse.visits)
        windows = visits == "windows"
        events = stage.event_lanes(visits)
        apart = stage.constant and stage.has_neuron and not stage.last
        step_lanes = draws.choice((1, chosen.num_steps) if neuron_major or apart else (1,))
        queues = not stage.last and step_lanes == 1 and not neuron_major
        turns = stage.synapse.takes_turns and not windows and not adds
        synapse_lanes = draws.integer(1, stage.channels) if turns else stage.channels
        pairs = follows is not None and follows.event_lanes("events") == 2
        neuron_lanes = range(1, synapse_lanes + 1)
        if pairs and synapse_lanes > 1 and flag(draws):
            neuron_lanes = neuron_lanes[1::2]
        layer = LayerImplementation(
            synapse_lanes=synapse_lanes,
            neuron_lanes=synapse_lanes if windows else draws.choice(neuron_lanes),
            visits=visits,
            position_lanes=draws.choice(stage.synapse.position_lanes(stage.in_shape)),
            event_lanes=draws.choice((1, 2) if stride % 2 == 0 and events == 2 else (1,)),
            bit_lanes=draws.choice(bit_lanes(stage) if windows else (1,)),
            step_lanes=step_lanes,
            queued_words=draws.choice(QUEUED_WORDS if queues else QUEUED_WORDS[:1]),
            memory=draws.choice(MEMORY_KINDS if memories and _loads(stage) and not windows else ("rom",)),
        )
        layers.append(layer)
        stride = LayerShape.of(stage, layer).stride
    made = Implementation(
        pixels_per_beat=pixels,
        overlap=flag(draws),
        layers=tuple(layers),
        schedule=schedule,
        queue=flag(draws),
        weights=draws.choice(WEIGHTS) if memories else "inline",
    )
    made.check(chosen)
    return made


def named_implementation(draws: Draws, chosen: Network) -> Implementation:
    """One of the points that have a name."""
    return point(draws.choice(tuple(POINTS)), chosen)


def shell(draws: Draws, chosen: Network, built: Implementation) -> Shell:
    """A shell of any kind that a network can be reached through."""
    source = chosen.encoder
    suits = {
        "uart": not source.takes_events and built.pixels_per_beat <= LONG_BEAT,
        "aer": not source.carries_values and all(layer.memory == "rom" for layer in built.layers),
    }
    return SHELLS[draws.choice([kind for kind in SHELLS if suits.get(kind, True)])](draws)


def _loads(stage: PlacedLayer) -> bool:
    """Whether a layer can have weights that are loaded."""
    return stage.has_weights and stage.synapse.loadable
