"""What the commands on circuits have in common: the options of an implementation, and of a simulation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from snnhw.errors import DescriptionError
from snnhw.wording import one_of, quoted

if TYPE_CHECKING:
    from snnhw.design import Design
    from snnhw.implementation import Implementation
    from snnhw.model import Model
    from snnhw.network import Network
    from snnhw.simulate.engines import EngineName

_LAYER, _KIND, _WHAT = "LAYER=N", "LAYER=KIND", "LAYER=WHAT"
_ENGINES: tuple[EngineName, ...] = ("auto", "verilator", "amaranth")

_POINT = typer.Option("--point", metavar="NAME", help="All of the choices below by one name, such as balanced.")
_FILE = typer.Option(
    "--implementation",
    metavar="FILE",
    help="All of them from a file: a .toml, or the JSON beside the Verilog of a circuit.",
)
_SYNAPSE_LANES = typer.Option("--synapse-lanes", metavar=_LAYER, help="Weights read a cycle by one layer; repeatable.")
_NEURON_LANES = typer.Option("--neuron-lanes", metavar=_LAYER, help="Neurons updated a cycle by one layer; repeatable.")
_POSITION_LANES = typer.Option(
    "--position-lanes", metavar=_LAYER, help="Positions that an event reaches a cycle in one layer; repeatable."
)
_VISITS = typer.Option(
    "--visits",
    metavar=_WHAT,
    help="What a layer goes over: events or, of a convolution, windows, its weights wired in; repeatable.",
)
_EVENT_LANES = typer.Option("--event-lanes", metavar=_LAYER, help="Events taken a cycle by one layer; repeatable.")
_BIT_LANES = typer.Option(
    "--bit-lanes", metavar=_LAYER, help="Bits of its input added a cycle by a layer that visits windows; repeatable."
)
_STEP_LANES = typer.Option(
    "--step-lanes",
    metavar=_LAYER,
    help="Time steps of a neuron computed a cycle by one layer: 1, or all with --schedule neuron_major, and under "
    "either schedule in a first layer of direct encoding; repeatable.",
)
_QUEUED_WORDS = typer.Option(
    "--queued-words",
    metavar=_LAYER,
    help="Words of neurons of one layer that can wait in block RAM while the next layer is busy, 0 unless told; "
    "repeatable.",
)
_PIXELS = typer.Option(
    "--pixels-per-beat", min=1, max=128, metavar="K", help="Pixels in a transfer of the input; 8 unless told."
)
_OVERLAP = typer.Option(
    "--overlap/--no-overlap", help="Take the next sample in while one is worked on, as it does unless told."
)
_QUEUE = typer.Option("--queue/--no-queue", help="Let input wait in block RAM while the first layer is busy.")
_SCHEDULE = typer.Option(
    "--schedule", metavar="ORDER", help="step_major, all neurons step by step, or neuron_major, all steps of a neuron."
)
_WEIGHTS = typer.Option(
    "--weights", metavar="WHERE", help="inline, unless told, or readmemh: in files that the Verilog reads."
)
_MEMORY = typer.Option(
    "--memory", metavar=_KIND, help="What a layer's weights stand in: rom, ram or spram; repeatable."
)

Lanes = Annotated[
    int | None,
    typer.Option(
        "--lanes",
        min=1,
        metavar="N",
        help="At most N synapse lanes a layer, all positions counted; all at once unless told.",
    ),
]
Engine = Annotated[str, typer.Option("--engine", metavar="ENGINE", help=f"One of {', '.join(_ENGINES)}.")]


@dataclass(frozen=True)
class CircuitOptions:
    """The options that say how a circuit is built: by the name of a point, by a file, or one by one.

    Where the Verilog has its weights is said beside any of these.
    """

    point: Annotated[str | None, _POINT] = None
    implementation: Annotated[str | None, _FILE] = None
    lanes: Lanes = None
    synapse_lanes: Annotated[list[str] | None, _SYNAPSE_LANES] = None
    neuron_lanes: Annotated[list[str] | None, _NEURON_LANES] = None
    position_lanes: Annotated[list[str] | None, _POSITION_LANES] = None
    visits: Annotated[list[str] | None, _VISITS] = None
    event_lanes: Annotated[list[str] | None, _EVENT_LANES] = None
    bit_lanes: Annotated[list[str] | None, _BIT_LANES] = None
    step_lanes: Annotated[list[str] | None, _STEP_LANES] = None
    queued_words: Annotated[list[str] | None, _QUEUED_WORDS] = None
    pixels_per_beat: Annotated[int | None, _PIXELS] = None
    overlap: Annotated[bool | None, _OVERLAP] = None
    queue: Annotated[bool | None, _QUEUE] = None
    schedule: Annotated[str | None, _SCHEDULE] = None
    weights: Annotated[str | None, _WEIGHTS] = None
    memory: Annotated[list[str] | None, _MEMORY] = None

    @property
    def given(self) -> dict[str, Any]:
        """The options that were given, by field, but for where the Verilog has its weights."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "weights"}
        return {name: value for name, value in values.items() if value not in (None, [])}

    def design(self, model: Model) -> Design:
        """The design of a model that the options ask for; DescriptionError where they do not fit its network."""
        from snnhw.design import Design
        from snnhw.implementation import Schedule, Weights

        for name, words in (("weights", Weights), ("schedule", Schedule)):
            value, known = getattr(self, name), get_args(words)
            if value is not None and value not in known:
                raise DescriptionError(one_of(f"--{name}", value, known))
        chosen = self._chosen(model.network)
        return Design(model, chosen if self.weights is None else chosen.model_copy(update={"weights": self.weights}))

    def _chosen(self, network: Network) -> Implementation:
        from snnhw.implementation import Implementation
        from snnhw.implementationfile import load_implementation
        from snnhw.points import find_point

        given = self.given
        for whole in ("point", "implementation"):
            if whole in given and (surplus := [name for name in given if name != whole]):
                said = f"--{whole} {given[whole]} says all of the lanes and memories"
                raise DescriptionError(f"{said}: leave {option_of(surplus[0])} out")
        if self.point is not None:
            return find_point(self.point).implementation(network)
        if self.implementation is not None:
            return load_implementation(self.implementation, network)
        for name, value in given.items():
            if isinstance(value, list):
                given[name] = _by_layer(name, value)
        return Implementation.of(network, **given)


def option_of(name: str) -> str:
    """An option as it is typed, by the name of its field."""
    return f"--{name.replace('_', '-')}"


def engine_name(name: str) -> EngineName:
    """The engine of ``--engine``; raises DescriptionError for another word."""
    for engine in _ENGINES:
        if name == engine:
            return engine
    raise DescriptionError(one_of("--engine", name, _ENGINES))


def lanes_of(design: Design) -> list[str]:
    """A line on the lanes of each layer, and what it visits where that is not events."""
    lines = []
    for layer in design.layers:
        lanes = f"{layer.chosen.synapse_lanes} synapse lanes, {layer.chosen.neuron_lanes} neuron lanes"
        visits = "" if layer.chosen.visits == "events" else f", visits {layer.chosen.visits}"
        lines.append(f"layer {layer.name}: {lanes}{visits}")
    return lines


def _by_layer(name: str, settings: list[str]) -> dict[str, int | str]:
    """What an option says of layers, parsed from LAYER=N, LAYER=KIND of memories, or LAYER=WHAT of visits."""
    from snnhw.implementation import MEMORY_KINDS, VISITS

    known: tuple[str, ...] = {"memory": MEMORY_KINDS, "visits": VISITS}.get(name, ())
    form = f"{_LAYER}, such as hidden=8"
    if known:
        metavar = _KIND if name == "memory" else _WHAT
        form = f"{metavar}, such as hidden={known[1]}, {metavar.partition('=')[2]} one of {', '.join(known)}"
    chosen: dict[str, int | str] = {}
    for setting in settings:
        layer, _, word = setting.partition("=")
        if not layer or not (word in known if known else word.isdecimal()):
            raise DescriptionError(f"{option_of(name)} takes {form}, not {quoted(setting)}")
        if layer in chosen:
            raise DescriptionError(f"{option_of(name)} says two things of layer '{layer}': leave one out")
        chosen[layer] = word if known else int(word)
    return chosen
