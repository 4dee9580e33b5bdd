"""``snnhw verilog``: a model becomes Verilog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli import circuit
from snnhw.cli.output import DatasetName, Json, ModelName, console, print_record

if TYPE_CHECKING:
    from snnhw.implementation import Implementation
    from snnhw.interface import Interface
    from snnhw.model import Model

_OUT = typer.Option("--out", metavar="DIR", help="The folder; NAME_verilog in this folder unless told.")
_VECTORS = typer.Option("--limit", min=1, metavar="N", help="Images that the test bench sends.")


def verilog(
    model: ModelName,
    lanes: circuit.Lanes = None,
    synapse_lanes: circuit.SynapseLanes = None,
    neuron_lanes: circuit.NeuronLanes = None,
    pixels_per_beat: circuit.PixelsPerBeat = 8,
    overlap: circuit.Overlap = True,
    weights: circuit.Weights = "inline",
    top: Annotated[str, typer.Option("--top", metavar="NAME", help="The name of the top module.")] = "snn",
    testbench: Annotated[bool, typer.Option("--testbench", help="Write a self-checking test bench too.")] = False,
    dataset: DatasetName = "sample",
    limit: Annotated[int, _VECTORS] = 10,
    out: Annotated[str | None, _OUT] = None,
    as_json: Json = False,
) -> None:
    """Write the circuit of a model: Verilog, a description of its ports as JSON, an instantiation template."""
    from snnhw.files import write_atomically
    from snnhw.presets import resolve_model
    from snnhw.verilog import emit

    chosen = resolve_model(model)
    choices = circuit.implementation(
        chosen.network, lanes, synapse_lanes, neuron_lanes, pixels_per_beat, overlap, weights
    )
    emitted = emit(chosen, choices, top)
    bench = _bench(chosen, choices, emitted.interface, dataset, limit) if testbench else {}
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_verilog")
    paths = [*emitted.write(folder), *(write_atomically(folder / name, text) for name, text in bench.items())]
    files = [str(path) for path in paths]
    if as_json:
        record = {"model": model, "digest": chosen.digest, "implementation": choices.model_dump(mode="json")}
        print_record({**record, "top": emitted.interface.top, "folder": str(folder), "files": files})
        return
    screen = console()
    for line in [*circuit.lanes_of(chosen.network, choices), *(f"wrote {file}" for file in files)]:
        screen.print(line)


def _bench(model: Model, choices: Implementation, interface: Interface, dataset: str, limit: int) -> dict[str, str]:
    """The files of a test bench that sends the first images of a dataset."""
    from golden.network import run
    from snnhw.data import check_images, load
    from snnhw.testbench import testbench

    samples = check_images(load(dataset, limit=limit), model.network.sample_shape)
    return testbench(model.network, choices, interface, samples, run(model, samples))
