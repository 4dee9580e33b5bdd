"""What the commands on circuits have in common: the options of an implementation, and of a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.errors import DescriptionError, ModelFileError

if TYPE_CHECKING:
    from snnhw.design import Design
    from snnhw.implementation import MemoryKind
    from snnhw.model import Model
    from snnhw.simulate.engines import EngineName

_LAYER = "LAYER=N"
_ENGINES: tuple[EngineName, ...] = ("auto", "verilator", "amaranth")

PointName = Annotated[
    str | None,
    typer.Option("--point", metavar="NAME", help="All of the choices below by one name, such as balanced."),
]
Lanes = Annotated[
    int | None,
    typer.Option(
        "--lanes", min=1, metavar="N", help="At most N synapse lanes a layer; without it, all neurons at once."
    ),
]
SynapseLanes = Annotated[
    list[str] | None,
    typer.Option("--synapse-lanes", metavar=_LAYER, help="Weights read a cycle by one layer; repeatable."),
]
NeuronLanes = Annotated[
    list[str] | None,
    typer.Option("--neuron-lanes", metavar=_LAYER, help="Neurons updated a cycle by one layer; repeatable."),
]
PixelsPerBeat = Annotated[
    int | None,
    typer.Option(
        "--pixels-per-beat", min=1, max=128, metavar="K", help="Pixels in a transfer of the input; 8 unless told."
    ),
]
Overlap = Annotated[
    bool | None,
    typer.Option(
        "--overlap/--no-overlap", help="Take the next sample in while one is worked on, as it does unless told."
    ),
]
Weights = Annotated[
    str, typer.Option("--weights", metavar="WHERE", help="inline, or readmemh: in files that the Verilog reads.")
]
Memory = Annotated[
    list[str] | None,
    typer.Option(
        "--memory", metavar="LAYER=KIND", help="What a layer's weights stand in: rom, ram or spram; repeatable."
    ),
]
Engine = Annotated[str, typer.Option("--engine", metavar="ENGINE", help=f"One of {', '.join(_ENGINES)}.")]


def design(
    model: Model,
    *,
    point: str | None = None,
    lanes: int | None = None,
    synapse_lanes: list[str] | None = None,
    neuron_lanes: list[str] | None = None,
    pixels_per_beat: int | None = None,
    overlap: bool | None = None,
    weights: str = "inline",
    memory: list[str] | None = None,
) -> Design:
    """The design that the options ask for; raises DescriptionError where they do not fit the model's network.

    A point says all but where the Verilog has its weights.
    """
    from snnhw.design import Design
    from snnhw.points import find_point

    if weights not in ("inline", "readmemh"):
        raise DescriptionError(f"--weights must be inline or readmemh, not '{weights}'")
    if point is not None:
        chosen = find_point(point).implementation(model.network)
        given = {
            "--lanes": lanes,
            "--synapse-lanes": synapse_lanes,
            "--neuron-lanes": neuron_lanes,
            "--pixels-per-beat": pixels_per_beat,
            "--overlap": overlap,
            "--memory": memory,
        }
        if surplus := [option for option, value in given.items() if value is not None and value != []]:
            raise DescriptionError(f"--point {point} says all of the lanes and memories: leave {surplus[0]} out")
        return Design(model, chosen.model_copy(update={"weights": weights}))
    return Design.of(
        model,
        lanes=lanes,
        synapse_lanes=_by_layer("--synapse-lanes", synapse_lanes),
        neuron_lanes=_by_layer("--neuron-lanes", neuron_lanes),
        pixels_per_beat=8 if pixels_per_beat is None else pixels_per_beat,
        overlap=overlap is not False,
        memory=_memories(memory),
        weights="readmemh" if weights == "readmemh" else "inline",
    )


def built_as(path: str, built: Model) -> Design:
    """How the circuit of a model was built, from the JSON beside its Verilog, or the report of a build.

    Raises ModelFileError where the file says nothing of this kind, or is another model's.
    """
    import json
    from pathlib import Path

    from pydantic import ValidationError

    from snnhw.design import Design
    from snnhw.implementation import Implementation

    try:
        found = json.loads(Path(path).read_text())
        digest = str(found["digest"])
        implementation = Implementation.model_validate_json(json.dumps(found["implementation"]))
    except FileNotFoundError as error:
        raise ModelFileError(f"there is no file {path}; it is written beside the Verilog of a circuit") from error
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise ModelFileError(f"{path} does not describe a circuit; it must be the JSON beside its Verilog") from error
    if digest != built.digest:
        raise ModelFileError(
            f"the circuit of {path} was built from the model of digest {digest[:16]}; that of --built is "
            f"{built.digest[:16]}"
        )
    return Design(built, implementation)


def engine_name(name: str) -> EngineName:
    """The engine of ``--engine``; raises DescriptionError for another word."""
    for engine in _ENGINES:
        if name == engine:
            return engine
    raise DescriptionError(f"--engine must be one of {', '.join(_ENGINES)}, not '{name}'")


def lanes_of(design: Design) -> list[str]:
    """A line on the lanes of each layer."""
    return [
        f"layer {layer.name}: {layer.chosen.synapse_lanes} synapse lanes, {layer.chosen.neuron_lanes} neuron lanes"
        for layer in design.layers
    ]


def spread(cycles: dict[str, Any] | None) -> str:
    """Least, mean and greatest on one line."""
    return "unknown" if cycles is None else f"{cycles['min']} / {cycles['mean']:.1f} / {cycles['max']}"


def _memories(settings: list[str] | None) -> dict[str, MemoryKind]:
    """LAYER=KIND, parsed."""
    from snnhw.implementation import MEMORY_KINDS

    memories: dict[str, MemoryKind] = {}
    for setting in settings or []:
        layer, _, word = setting.partition("=")
        kind = next((kind for kind in MEMORY_KINDS if kind == word), None)
        if not layer or kind is None:
            raise DescriptionError(
                f"--memory takes LAYER=KIND, such as hidden=ram, KIND one of {', '.join(MEMORY_KINDS)}, not '{setting}'"
            )
        memories[layer] = kind
    return memories


def _by_layer(option: str, settings: list[str] | None) -> dict[str, int]:
    """LAYER=N, parsed."""
    numbers = {}
    for setting in settings or []:
        layer, _, number = setting.partition("=")
        if not (layer and number.isdecimal()):
            raise DescriptionError(f"{option} takes {_LAYER}, such as hidden=8, not '{setting}'")
        numbers[layer] = int(number)
    return numbers
