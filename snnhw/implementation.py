"""How a network is built in hardware: lanes, pixels per beat, banks. It changes cycles and area, never a number."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Annotated, Any, Literal, TypedDict, Unpack, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from snnhw.errors import DescriptionError
from snnhw.kinds import Frozen, plain
from snnhw.network import Integer, Network, PlacedLayer, first_complaint
from snnhw.wording import no_such, one_of, quoted, shown, sizes

DEFAULT_NEURON_LANES = 8

MemoryKind = Literal["rom", "ram", "spram"]
"""What weights stand in: built in, loadable, or loadable in the large memories of iCE40UP5K, which start empty."""
MEMORY_KINDS: tuple[MemoryKind, ...] = get_args(MemoryKind)

Weights = Literal["inline", "readmemh"]
Schedule = Literal["step_major", "neuron_major"]

Visits = Literal["events", "windows"]
"""What a layer goes over: the events that come, or the windows of a convolution, whose weights are then wired in."""
VISITS: tuple[Visits, ...] = get_args(Visits)

MOST_QUEUED_WORDS = 1 << 16
"""Of a layer."""

Lanes = Annotated[Integer, Field(ge=1)]


class Choices(TypedDict, total=False):
    """What can be chosen of a network's implementation; what is left out is as usual.

    Those of layers are by layer name, see :class:`LayerImplementation`; the others are fields of
    :class:`Implementation`.
    """

    lanes: int | None
    """Most synapse lanes of a layer, of a convolution those of all positions; None or left out: all at once."""
    synapse_lanes: Mapping[str, int]
    neuron_lanes: Mapping[str, int]
    position_lanes: Mapping[str, int]
    visits: Mapping[str, Visits]
    bit_lanes: Mapping[str, int]
    event_lanes: Mapping[str, int]
    step_lanes: Mapping[str, int]
    queued_words: Mapping[str, int]
    memory: Mapping[str, MemoryKind]
    pixels_per_beat: int
    overlap: bool
    weights: Weights
    schedule: Schedule
    queue: bool


class LayerImplementation(Frozen):
    """The parallelism of one layer.

    ``synapse_lanes``: weights read and accumulated a cycle; below the fan-out, a step's events are kept and replayed
    for each group of lanes. Of a convolution they are lanes of output channels, and there are ``position_lanes`` of
    each: the output positions that are reached in a cycle, all that an event can reach, a row of them, or one.
    ``neuron_lanes``: neurons updated a cycle, at most the synapse lanes. ``event_lanes``: events taken a cycle, those
    of even and those of odd addresses apart; of a convolution that goes over events these are two channels of one
    position. ``step_lanes``: time steps of a neuron computed a cycle, 1 or all of them, where the schedule goes neuron
    by neuron; a first layer whose input is the same at every step can compute all under either schedule, and its events
    then wait for their step. ``queued_words``: so many words of neurons that spiked can wait in block RAM, rounded up
    to a power of two, so that a layer goes on while the next is busy; 0 for none. ``visits``: whether a convolution
    adds up what each event contributes, or takes a step's events in and goes over its windows, a cycle for all taps and
    channels of one, with weights wired in; there ``bit_lanes`` are the bits of every input that are added a cycle,
    which divide all of them. ``memory``: what the weights stand in; unless it is ``rom``, weights and biases can be
    loaded while the circuit runs.
    """

    synapse_lanes: Lanes
    neuron_lanes: Lanes
    position_lanes: Lanes = 1
    visits: Visits = "events"
    bit_lanes: Lanes = 1
    event_lanes: Literal[1, 2] = 1
    step_lanes: Lanes = 1
    queued_words: Annotated[Integer, Field(ge=0, le=MOST_QUEUED_WORDS)] = 0
    memory: MemoryKind = "rom"

    @classmethod
    def usual(cls, layer: PlacedLayer, lanes: int | None, named: Mapping[str, Any]) -> LayerImplementation:
        """That of a layer with at most ``lanes`` synapse lanes, at all positions together, but for what is ``named``.

        Whether it fits the layer is for :meth:`Implementation.check` to say.
        """
        windows = named.get("visits") == "windows"
        cap = lanes if layer.synapse.takes_turns and not windows else None
        synapse = named.get("synapse_lanes", min(cap or layer.channels, layer.channels))
        neurons = synapse if windows else min(DEFAULT_NEURON_LANES, synapse)
        bits = layer.values.hi.bit_length() if windows else 1
        usual = {"synapse_lanes": synapse, "neuron_lanes": neurons, "bit_lanes": bits}
        possible = layer.synapse.position_lanes(layer.in_shape)
        room = layer.channels * possible[0] if cap is None else cap
        width = synapse if isinstance(synapse, int) else 1
        usual["position_lanes"] = next((count for count in possible if count * width <= room), possible[-1])
        choices = {**usual, **named}
        for kind, count in choices.items():
            counted = kind.endswith("_lanes") or kind == "queued_words"
            if counted and (not isinstance(count, int) or isinstance(count, bool)):
                raise TypeError(f"{kind} of layer '{layer.name}' must be an integer, not {quoted(count)}")
        return cls.model_construct(**choices)


class Implementation(Frozen):
    """The choices for a whole network; ``layers`` holds one entry a stage.

    ``pixels_per_beat``: pixels in one transfer of the input stream. ``overlap``: a second bank of pixels in encoders
    that visit them once a step, so that the next sample is taken in meanwhile. ``weights``: inline in the Verilog or
    in files that ``$readmemh`` reads. ``schedule``: all neurons of a layer step by step, or all steps neuron by
    neuron, which needs an input that is the same at every step (direct encoding). ``queue``: beats wait in block RAM
    while the first layer is busy; without it the source waits.
    """

    pixels_per_beat: Integer = Field(default=8, ge=1, le=128)
    overlap: bool = True
    layers: tuple[LayerImplementation, ...]
    weights: Weights = "inline"
    schedule: Schedule = "step_major"
    queue: bool = True

    def __repr__(self) -> str:
        memories = dict.fromkeys(layer.memory for layer in self.layers)
        return shown(self, *self.shown_parts, f"{self.pixels_per_beat} pixels a beat", " and ".join(memories))

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What there is to say of it in a line: synapse lanes layer by layer, and the schedule."""
        return (f"{sizes([layer.synapse_lanes for layer in self.layers])} lanes", self.schedule)

    @classmethod
    def of(cls, network: Network, **choices: Unpack[Choices]) -> Implementation:
        """The implementation of a network with these choices, and the usual ones for what they leave out.

        Raises DescriptionError for lanes that a layer cannot use, and TypeError for what is no choice.
        """
        for name in choices:
            if name not in Choices.__annotations__:
                raise TypeError(no_such("choice", name, Choices.__annotations__))
        given: dict[str, Any] = {name: plain(value) for name, value in choices.items()}
        lanes = given.get("lanes")
        if lanes is not None and lanes < 1:
            raise DescriptionError(f"lanes must be at least 1, not {lanes}")
        whole = {name: value for name, value in given.items() if name in cls.model_fields}
        by_layer = {name: given.get(name) or {} for name in LayerImplementation.model_fields}
        _check_names(network, by_layer)
        layers = []
        for layer in network.layers:
            named = {name: plain(values[layer.name]) for name, values in by_layer.items() if layer.name in values}
            layers.append(LayerImplementation.usual(layer, lanes, named))
        try:
            chosen = cls(layers=tuple(layers), **whole)
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
        for stage, layer in zip(network.layers, self.layers, strict=True):
            self._check_synapse_lanes(stage, layer)
            if not 1 <= layer.neuron_lanes <= layer.synapse_lanes:
                raise DescriptionError(
                    f"layer '{stage.name}' has {layer.synapse_lanes} synapse lanes, so 1 to {layer.synapse_lanes} "
                    f"neuron lanes, not {layer.neuron_lanes}"
                )
            self._check_visits(stage, layer)
            self._check_queued_words(stage, layer)
            try:
                stage.synapse.check_circuit(stage.in_shape)
            except ValueError as error:
                raise DescriptionError(f"layer '{stage.name}': {error}") from error
            if layer.memory not in MEMORY_KINDS:
                raise DescriptionError(one_of(f"the memory of layer '{stage.name}'", layer.memory, MEMORY_KINDS))
            if layer.memory != "rom" and not stage.has_weights:
                raise DescriptionError(f"layer '{stage.name}' has no weights to load: leave its memory rom")
            if layer.memory != "rom" and not stage.synapse.loadable:
                raise DescriptionError(
                    f"layer '{stage.name}' of kind '{stage.synapse.kind}' cannot have weights that are loaded: leave "
                    "its memory rom"
                )
        last = network.layers[-1]
        if last.positions > 1:
            raise DescriptionError(
                f"layer '{last.name}' is the last and has {last.positions} positions: end with a dense layer, or with "
                "channels of one position"
            )
        self._check_schedule(network)
        self._check_event_lanes(network)
        self._check_repeats(network)

    @staticmethod
    def _check_synapse_lanes(stage: PlacedLayer, layer: LayerImplementation) -> None:
        most, what = stage.channels, "channels" if stage.synapse.channelled else "neurons"
        if not stage.synapse.takes_turns and layer.synapse_lanes != most:
            raise DescriptionError(f"layer '{stage.name}' needs {most} synapse lanes, not {layer.synapse_lanes}")
        if not 1 <= layer.synapse_lanes <= most:
            raise DescriptionError(
                f"layer '{stage.name}' has {most} {what}, so 1 to {most} synapse lanes, not {layer.synapse_lanes}"
            )
        possible = stage.synapse.position_lanes(stage.in_shape)
        if layer.position_lanes not in possible:
            choices = " or ".join(str(lanes) for lanes in sorted(possible))
            raise DescriptionError(
                f"layer '{stage.name}' can have {choices} position lanes, not {layer.position_lanes}"
            )

    @staticmethod
    def _check_visits(stage: PlacedLayer, layer: LayerImplementation) -> None:
        possible = stage.synapse.visits
        if layer.visits not in VISITS:
            raise DescriptionError(one_of(f"what layer '{stage.name}' visits", layer.visits, VISITS))
        if layer.visits not in possible:
            raise DescriptionError(f"layer '{stage.name}' can visit {' or '.join(possible)}, not {layer.visits}")
        bits = bit_lanes(stage) if layer.visits == "windows" else (1,)
        if layer.bit_lanes not in bits:
            choices = " or ".join(map(str, bits))
            raise DescriptionError(f"layer '{stage.name}' can have {choices} bit lanes, not {layer.bit_lanes}")
        if layer.visits == "events":
            return
        if layer.neuron_lanes != stage.channels:
            raise DescriptionError(
                f"layer '{stage.name}' visits windows, so it needs {stage.channels} synapse and neuron lanes, all of "
                f"its channels, not {layer.synapse_lanes} and {layer.neuron_lanes}"
            )
        if layer.memory != "rom":
            raise DescriptionError(
                f"layer '{stage.name}' visits windows, with weights wired in: leave its memory rom, or visit events"
            )

    def _check_queued_words(self, stage: PlacedLayer, layer: LayerImplementation) -> None:
        if not 0 <= layer.queued_words <= MOST_QUEUED_WORDS:
            raise DescriptionError(
                f"layer '{stage.name}' can have 0 to {MOST_QUEUED_WORDS} queued words, not {layer.queued_words}"
            )
        if layer.queued_words and (stage.last or layer.step_lanes > 1 or self.schedule == "neuron_major"):
            raise DescriptionError(
                f"no words of layer '{stage.name}' can be queued: they can where a layer that is not the last goes "
                "step by step"
            )

    def _check_schedule(self, network: Network) -> None:
        if self.schedule == "neuron_major" and not network.constant_input:
            raise DescriptionError(
                f"the schedule 'neuron_major' needs an input that is the same at every step: direct encoding, not "
                f"{network.encoder.kind}"
            )
        if self.schedule == "neuron_major" and not network.allows_neuron_major:
            without = next((layer.name for layer in network.layers if not layer.has_neuron), None)
            if without is not None:
                raise DescriptionError(
                    f"the schedule 'neuron_major' needs neurons in every layer: '{without}' has none"
                )
            stepwise = next(layer for layer in network.layers if not layer.synapse.all_steps)
            raise DescriptionError(
                f"the schedule 'neuron_major' is not for layers of kind '{stepwise.synapse.kind}', which "
                f"'{stepwise.name}' is"
            )
        for stage, layer in zip(network.layers, self.layers, strict=True):
            apart = stage.constant and stage.has_neuron and not stage.last
            possible = (1, network.num_steps) if self.schedule == "neuron_major" or apart else (1,)
            if layer.step_lanes not in possible:
                choices = " or ".join(str(lanes) for lanes in sorted(set(possible)))
                raise DescriptionError(
                    f"layer '{stage.name}' can have {choices} step lanes with schedule '{self.schedule}', "
                    f"not {layer.step_lanes}"
                )

    def _check_event_lanes(self, network: Network) -> None:
        """Events of even and of odd addresses can be told apart by their lane only where words begin at even ones."""
        source, stride = "pixels in a beat", self.pixels_per_beat
        if network.encoder.takes_events:
            source, stride = "event in a transfer of the input", 1
        for stage, layer in zip(network.layers, self.layers, strict=True):
            if layer.event_lanes not in (1, 2):
                raise DescriptionError(f"layer '{stage.name}' can have 1 or 2 event lanes, not {layer.event_lanes}")
            if layer.event_lanes > stage.event_lanes(layer.visits):
                raise DescriptionError(
                    f"layer '{stage.name}' of kind '{stage.synapse.kind}' has 1 event lane, not {layer.event_lanes}"
                )
            if stride % layer.event_lanes:
                raise DescriptionError(
                    f"layer '{stage.name}' cannot have {layer.event_lanes} event lanes with {stride} {source}: "
                    "make that even"
                )
            source, stride = f"neurons in a word of layer '{stage.name}'", LayerShape.of(stage, layer).stride

    def _check_repeats(self, network: Network) -> None:
        """Lists and windows have room for one event of an input in a step."""
        first, layer = network.layers[0], self.layers[0]
        if not network.encoder.repeats:
            return
        if layer.visits != "events" or layer.synapse_lanes != first.channels:
            what = "channels" if first.synapse.channelled else "neurons"
            raise DescriptionError(
                f"encoder '{network.encoder.kind}' counts beyond 1 and sends several events of an input in a step: "
                f"layer '{first.name}' needs {first.channels} synapse lanes, all of its {what}, and to visit events"
            )


def bit_lanes(stage: PlacedLayer) -> tuple[int, ...]:
    """The bits of its input that a layer which goes over windows can add a cycle: what divides all of them."""
    width = stage.values.hi.bit_length()
    return tuple(bits for bits in range(1, width + 1) if width % bits == 0)


def _check_names(network: Network, by_layer: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise DescriptionError for a choice of a layer that the network does not have."""
    layers = [layer.name for layer in network.layers]
    for choice, values in by_layer.items():
        for name in values:
            if name not in layers:
                raise DescriptionError(f"{choice}: {no_such('layer', name, layers)}")


class LayerShape(BaseModel):
    """How ``units`` neurons are laid out: groups of ``synapse_lanes``, each passed on as words of ``neuron_lanes``.

    The last group, and the last word of a group, may be part empty; words without a neuron do not exist. Where every
    channel has a neuron at each of ``positions``, groups and words are of channels, and a group's words go position by
    position: neuron ``channel * positions + position`` is where its channel is.
    """

    model_config = ConfigDict(frozen=True)

    units: int
    synapse_lanes: int
    neuron_lanes: int
    positions: int = 1

    @classmethod
    def of(cls, layer: PlacedLayer, chosen: LayerImplementation) -> LayerShape:
        """That of a layer with these lanes."""
        return cls(
            units=layer.units,
            synapse_lanes=chosen.synapse_lanes,
            neuron_lanes=chosen.neuron_lanes,
            positions=layer.positions,
        )

    @property
    def channels(self) -> int:
        """Neurons of a position."""
        return self.units // self.positions

    @property
    def groups(self) -> int:
        """Passes over a step's events."""
        return -(-self.channels // self.synapse_lanes)

    def position_words(self, group: int) -> int:
        """Words of a group at each position."""
        lanes = min(self.synapse_lanes, self.channels - group * self.synapse_lanes)
        return -(-lanes // self.neuron_lanes)

    def group_words(self, group: int) -> int:
        """Words of a group."""
        return self.positions * self.position_words(group)

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
            end = min(start + self.synapse_lanes, self.channels)
            for position in range(self.positions):
                for word in range(self.position_words(group)):
                    first = start + word * self.neuron_lanes
                    lanes = range(first, first + self.neuron_lanes)
                    words.append(tuple(lane * self.positions + position if lane < end else None for lane in lanes))
        return tuple(words)

    @property
    def channel_bits(self) -> int:
        """The lowest bits of an address that are the channel, where there are positions; those above are where."""
        return (self.channels - 1).bit_length() if self.positions > 1 else 0

    def address(self, unit: int) -> int:
        """What the events of a neuron carry: the neuron, or its position and below it, in whole bits, its channel."""
        if self.positions == 1:
            return unit
        channel, position = divmod(unit, self.positions)
        return position << self.channel_bits | channel

    @property
    def addresses(self) -> int:
        """The number of addresses, some of which may be no neuron's."""
        return self.units if self.positions == 1 else self.positions << self.channel_bits

    @property
    def starts(self) -> tuple[int, ...]:
        """The address of the first neuron of every word."""
        return tuple(self.address(word[0]) for word in self.order if word[0] is not None)

    @property
    def stride(self) -> int:
        """What the address of the first neuron of every word is a multiple of."""
        return gcd(*self.starts) or self.neuron_lanes

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """Words of each group."""
        return tuple(self.group_words(group) for group in range(self.groups))


def address_width(count: int) -> int:
    """Bits that number ``count`` things from 0; at least 1."""
    return max(1, (count - 1).bit_length())


def queue_depth(words: int) -> int:
    """The words that a queue's memory holds where so many are asked for: a power of two, for which counters wrap."""
    return 1 << address_width(words)
