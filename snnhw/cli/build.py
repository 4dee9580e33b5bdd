"""``snnhw build``: a model becomes a bitstream, or an estimate, with a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snnhw.cli import circuit
from snnhw.cli.output import DATASET_HELP, Json, ModelName, console, note, print_record, progress
from snnhw.errors import BoardError

_BOARD = typer.Option("--board", metavar="NAME", help="A board, or none: resources and timing without pins.")
_PART = typer.Option("--part", metavar="PART", help="The part, where there is no board.")
_CLOCK = typer.Option("--clock", min=0.1, max=1000, metavar="MHZ", help="The clock; the part's usual one unless told.")
_DATASET = typer.Option("--dataset", metavar="DATA", help=f"Images whose cycles are reported: {DATASET_HELP}")
_OUT = typer.Option("--out", metavar="DIR", help="The folder; MODEL_PART in this folder unless told.")


def build(
    model: ModelName,
    board: Annotated[str, _BOARD] = "none",
    part: Annotated[str | None, _PART] = None,
    clock: Annotated[float | None, _CLOCK] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of place and route.")] = 1,
    lanes: circuit.Lanes = None,
    synapse_lanes: circuit.SynapseLanes = None,
    neuron_lanes: circuit.NeuronLanes = None,
    pixels_per_beat: circuit.PixelsPerBeat = 8,
    overlap: circuit.Overlap = True,
    weights: circuit.Weights = "inline",
    dataset: Annotated[str, _DATASET] = "sample",
    out: Annotated[str | None, _OUT] = None,
    as_json: Json = False,
) -> None:
    """Build a model for a board or a part; status 1 where it cannot run at the clock that is asked for."""
    from snnhw.data import load
    from snnhw.fpga.build import build as run
    from snnhw.fpga.pages import page
    from snnhw.fpga.parts import FAMILIES, find_part
    from snnhw.presets import resolve_model

    if part is None:
        raise BoardError("--board none needs --part")
    chosen = resolve_model(model)
    choices = circuit.implementation(
        chosen.network, lanes, synapse_lanes, neuron_lanes, pixels_per_beat, overlap, weights
    )
    target = find_part(part)
    images = load(dataset)
    fits = images.images.shape[1:] == chosen.network.sample_shape
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_{target.name}")
    with progress("building") as update:
        report = run(
            chosen,
            choices,
            target,
            folder,
            name=model,
            clock_mhz=clock or FAMILIES[target.family].usual_mhz,
            seed=seed,
            dataset=images if fits else None,
            on_step=lambda step: update(0, 1, step),
        )
    if as_json:
        print_record({**report.record(), "folder": str(folder)})
    else:
        console().print(page(report).rstrip())
    if not report.met:
        note(report.missed)
        raise typer.Exit(1)
