"""``snnhw verilog``: a model becomes Verilog."""

from __future__ import annotations

from typing import Annotated

import typer

from snnhw.cli import circuit
from snnhw.cli.output import Json, ModelName, console, print_record

_OUT = typer.Option("--out", metavar="DIR", help="The folder; NAME_verilog in this folder unless told.")


def verilog(
    model: ModelName,
    lanes: circuit.Lanes = None,
    synapse_lanes: circuit.SynapseLanes = None,
    neuron_lanes: circuit.NeuronLanes = None,
    pixels_per_beat: circuit.PixelsPerBeat = 8,
    overlap: circuit.Overlap = True,
    weights: Annotated[str, typer.Option("--weights", help="inline, or files for $readmemh: readmemh.")] = "inline",
    out: Annotated[str | None, _OUT] = None,
    as_json: Json = False,
) -> None:
    """Write the circuit of a model: Verilog, a description of its ports as JSON, an instantiation template."""
    from pathlib import Path

    from snnhw.presets import resolve_model
    from snnhw.verilog import emit

    chosen = resolve_model(model)
    choices = circuit.implementation(
        chosen.network, lanes, synapse_lanes, neuron_lanes, pixels_per_beat, overlap, weights
    )
    emitted = emit(chosen, choices)
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_verilog")
    files = [str(path) for path in emitted.write(folder)]
    if as_json:
        record = {"model": model, "digest": chosen.digest, "implementation": choices.model_dump(mode="json")}
        print_record({**record, "top": emitted.interface.top, "folder": str(folder), "files": files})
        return
    screen = console()
    for stage, layer in zip(chosen.network.stages, choices.layers, strict=True):
        screen.print(f"layer {stage.name}: {layer.synapse_lanes} synapse lanes, {layer.neuron_lanes} neuron lanes")
    for file in files:
        screen.print(f"wrote {file}")
