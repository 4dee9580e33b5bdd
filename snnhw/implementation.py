"""How a network is built in hardware: lanes, pixels per beat, banks. It changes cycles and area, never a number."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from snnhw.errors import DescriptionError
from snnhw.network import Network, first_complaint

DEFAULT_NEURON_LANES = 8

Lanes = Annotated[int, Field(ge=1)]


class LayerImplementation(BaseModel):
    """The parallelism of one layer.

    ``synapse_lanes``: weights read and accumulated a cycle; below the fan-out, a step's events are kept and replayed
    for each group of lanes. ``neuron_lanes``: neurons updated a cycle, at most the synapse lanes. ``event_lanes``:
    events taken a cycle, those of even and those of odd addresses apart. ``step_lanes``: time steps of a neuron
    computed a cycle, 1 or all of them, where the schedule goes neuron by neuron.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    synapse_lanes: Lanes
    neuron_lanes: Lanes
    event_lanes: Literal[1, 2] = 1
    step_lanes: Lanes = 1


class Implementation(BaseModel):
    """The choices for a whole network; ``layers`` holds one entry a stage.

    ``pixels_per_beat``: pixels in one transfer of the input stream. ``overlap``: a second bank of pixels in encoders
    that visit them once a step, so that the next sample is taken in meanwhile. ``weights``: inline in the Verilog or
    in files that ``$readmemh`` reads. ``schedule``: all neurons of a layer step by step, or all steps neuron by
    neuron, which needs an input that is the same at every step (direct encoding).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixels_per_beat: int = Field(default=8, ge=1, le=128)
    overlap: bool = True
    layers: tuple[LayerImplementation, ...]
    weights: Literal["inline", "readmemh"] = "inline"
    schedule: Literal["step_major", "neuron_major"] = "step_major"

    @classmethod
    def of(
        cls,
        network: Network,
        *,
        lanes: int | None = None,
        synapse_lanes: dict[str, int] | None = None,
        neuron_lanes: dict[str, int] | None = None,
        pixels_per_beat: int = 8,
        overlap: bool = True,
        weights: Literal["inline", "readmemh"] = "inline",
    ) -> Implementation:
        """The usual choices for a network.

        ``lanes`` caps the synapse lanes of every layer (without it, all neurons at once); ``synapse_lanes`` and
        ``neuron_lanes`` set single layers by name. Raises DescriptionError for lanes that a layer cannot use.
        """
        if lanes is not None and lanes < 1:
            raise DescriptionError(f"lanes must be at least 1, not {lanes}")
        synapses, neurons = dict(synapse_lanes or {}), dict(neuron_lanes or {})
        for name in [*synapses, *neurons]:
            if name not in [stage.name for stage in network.stages]:
                names = ", ".join(stage.name for stage in network.stages)
                raise DescriptionError(f"there is no layer '{name}' to give lanes to; the layers are {names}")
        layers = []
        for stage in network.stages:
            synapse = synapses.get(stage.name, min(lanes or stage.units, stage.units))
            neuron = neurons.get(stage.name, min(DEFAULT_NEURON_LANES, synapse))
            if not (isinstance(synapse, int) and isinstance(neuron, int)):
                raise TypeError(f"lanes of layer '{stage.name}' must be integers, not {synapse!r} and {neuron!r}")
            layers.append(LayerImplementation.model_construct(synapse_lanes=synapse, neuron_lanes=neuron))
        try:
            chosen = cls(pixels_per_beat=pixels_per_beat, overlap=overlap, layers=tuple(layers), weights=weights)
        except ValidationError as error:
            raise DescriptionError(first_complaint(error)) from error
        chosen.check(network)
        return chosen

    def check(self, network: Network) -> None:
        """Raise DescriptionError where these choices do not fit the network."""
        if len(self.layers) != len(network.stages):
            raise DescriptionError(
                f"the implementation has {len(self.layers)} layers, the network has {len(network.stages)}"
            )
        for stage, layer in zip(network.stages, self.layers, strict=True):
            if not 1 <= layer.synapse_lanes <= stage.units:
                raise DescriptionError(
                    f"layer '{stage.name}' has {stage.units} neurons, so 1 to {stage.units} synapse lanes, "
                    f"not {layer.synapse_lanes}"
                )
            if not 1 <= layer.neuron_lanes <= layer.synapse_lanes:
                raise DescriptionError(
                    f"layer '{stage.name}' has {layer.synapse_lanes} synapse lanes, so 1 to {layer.synapse_lanes} "
                    f"neuron lanes, not {layer.neuron_lanes}"
                )

    def shapes(self, network: Network) -> tuple[LayerShape, ...]:
        """The order of each layer's neurons in the circuit."""
        return tuple(
            LayerShape(units=stage.units, synapse_lanes=layer.synapse_lanes, neuron_lanes=layer.neuron_lanes)
            for stage, layer in zip(network.stages, self.layers, strict=True)
        )

    def beats(self, network: Network) -> int:
        """The transfers that carry one sample's pixels."""
        return -(-network.inputs // self.pixels_per_beat)


class LayerShape(BaseModel):
    """How ``units`` neurons are laid out: groups of ``synapse_lanes``, each passed on as words of ``neuron_lanes``.

    The last group, and the last word of a group, may be part empty; words without a neuron do not exist.
    """

    model_config = ConfigDict(frozen=True)

    units: int
    synapse_lanes: int
    neuron_lanes: int

    @property
    def groups(self) -> int:
        """Passes over a step's events."""
        return -(-self.units // self.synapse_lanes)

    def group_words(self, group: int) -> int:
        """Words of a group."""
        lanes = min(self.synapse_lanes, self.units - group * self.synapse_lanes)
        return -(-lanes // self.neuron_lanes)

    @property
    def words(self) -> int:
        """Words of a step: cycles that the neuron bank needs for it."""
        return sum(self.group_words(group) for group in range(self.groups))

    @property
    def order(self) -> tuple[tuple[int | None, ...], ...]:
        """The neuron in each lane of each word, None where the lane is empty: [words][neuron_lanes]."""
        words: list[tuple[int | None, ...]] = []
        for group in range(self.groups):
            start = group * self.synapse_lanes
            end = min(start + self.synapse_lanes, self.units)
            for word in range(self.group_words(group)):
                first = start + word * self.neuron_lanes
                lanes = range(first, first + self.neuron_lanes)
                words.append(tuple(unit if unit < end else None for unit in lanes))
        return tuple(words)

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """Words of each group."""
        return tuple(self.group_words(group) for group in range(self.groups))


def address_width(count: int) -> int:
    """Bits that number ``count`` things from 0; at least 1."""
    return max(1, (count - 1).bit_length())
