"""``snnhw verify``: is the circuit golden's equal?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli import circuit
from snnhw.cli.output import DatasetName, Json, Limit, ModelName, console, digits, note, percent, print_record, progress
from snnhw.errors import DescriptionError

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.design import Design
    from snnhw.verification import Report

_FAMILIES = "ice40, ecp5 or xc7"
_NETLIST = typer.Option("--netlist", metavar="FAMILY", help=f"Verify the netlist after synthesis for {_FAMILIES}.")
_TRAIN_IMAGES = typer.Option(
    "--train-images", min=0, metavar="N", help="Images that a spiking RBM learns; 4 unless told."
)
_INFER_IMAGES = typer.Option("--infer-images", min=0, metavar="N", help="Images that it infers; 10 unless told.")
_WAVEFORM = typer.Option(
    "--vcd", metavar="FILE", help="Where the waveform of the first image that differs goes, .vcd or .fst."
)


def verify(
    model: ModelName,
    dataset: DatasetName = "sample",
    limit: Limit = None,
    point: circuit.PointName = None,
    lanes: circuit.Lanes = None,
    synapse_lanes: circuit.SynapseLanes = None,
    neuron_lanes: circuit.NeuronLanes = None,
    pixels_per_beat: circuit.PixelsPerBeat = None,
    overlap: circuit.Overlap = None,
    weights: circuit.Weights = "inline",
    memory: circuit.Memory = None,
    engine: circuit.Engine = "auto",
    vcd: Annotated[str | None, _WAVEFORM] = None,
    netlist: Annotated[str | None, _NETLIST] = None,
    train_images: Annotated[int | None, _TRAIN_IMAGES] = None,
    infer_images: Annotated[int | None, _INFER_IMAGES] = None,
    as_json: Json = False,
) -> None:
    """Compare every spike, membrane, score and cycle of the circuit with golden; status 1 where any differs."""
    from snnhw.cli.images import fitted
    from snnhw.data import load
    from snnhw.presets import resolve_model
    from snnhw.simulate.engines import engine as choose
    from snnhw.srbm.presets import is_srbm
    from snnhw.verification import verify as run

    if is_srbm(model):
        from snnhw.cli.machine_circuit import verify_machine

        others: dict[str, object] = {
            "--point": point,
            "--synapse-lanes": synapse_lanes,
            "--neuron-lanes": neuron_lanes,
            "--pixels-per-beat": pixels_per_beat,
            "--overlap": overlap,
            "--weights": weights,
            "--memory": memory,
            "--engine": engine,
            "--vcd": vcd,
            "--netlist": netlist,
        }
        verify_machine(model, dataset, limit, lanes, train_images, infer_images, others, as_json)
        return
    if train_images is not None or infer_images is not None:
        raise DescriptionError("--train-images and --infer-images are for a spiking RBM: use --limit for a network")
    chosen = resolve_model(model)
    design = circuit.design(
        chosen,
        point=point,
        lanes=lanes,
        synapse_lanes=synapse_lanes,
        neuron_lanes=neuron_lanes,
        pixels_per_beat=pixels_per_beat,
        overlap=overlap,
        weights=weights,
        memory=memory,
    )
    images = fitted(load(dataset, limit=limit), chosen.network)
    if netlist is not None:
        verify_netlist(design, images, netlist, {"model": model}, as_json)
        return
    waveform = Path(vcd) if vcd is not None else Path(f"{Path(model).stem}_divergence.vcd")
    name = circuit.engine_name(engine)
    note(choose(name).note)
    with progress("verifying") as on_progress:
        report = run(
            design,
            images.images,
            images.labels,
            engine=name,
            waveform=waveform,
            progress=on_progress,
        )
    if as_json:
        print_record({"model": model, "dataset": images.name, **report.to_json()})
    else:
        show(report, recoveries=True)
    if not report.equal or report.timing_mismatches:
        raise typer.Exit(1)


def verify_netlist(
    design: Design,
    images: Dataset,
    family: str,
    names: dict[str, str],
    as_json: bool,
) -> None:
    """The same of what synthesis makes of the circuit, as far as it can be seen from outside, on fitted images."""
    from snnhw.fpga.netlist import verify_netlist as run

    with progress("verifying") as update:
        report = run(
            design,
            images.images,
            images.labels,
            family=family,
            on_step=lambda step: update(0, 1, f"({step})"),
        )
    record = {**names, "dataset": images.name, **report.to_json()}
    if as_json:
        print_record(record)
    else:
        screen = console()
        if report.correct is not None:
            screen.print(f"correct             {percent(report.correct, report.images)}")
        screen.print(f"cycles an image     {circuit.spread(record['cycles'])} (min / mean / max)")
        screen.print(f"cycles between      {circuit.spread(record['interval'])} (results, images back to back)")
        unlike = f"{report.timing_mismatches} are not as predicted" if report.timing_mismatches else "all as predicted"
        screen.print(f"cycles predicted    {unlike}")
        screen.print(f"compared            classes and scores of a netlist of {digits(report.cells)} {family} cells")
        screen.print(_recovery(report.recoveries))
        screen.print(f"time                {report.build_seconds:.1f} s to build it, {report.seconds:.1f} s to run it")
        for problem in report.problems:
            screen.print(f"problem             {problem}")
        same = report.images - report.mismatches
        screen.print(f"{'equal' if report.equal else 'NOT EQUAL'}: {same} of {report.images} images")
    if not report.equal:
        raise typer.Exit(1)


def _recovery(recoveries: int) -> str:
    return f"recovery            {recoveries} ill-framed or interrupted samples dropped, and only those"


def show(report: Report, *, recoveries: bool = False) -> None:
    """Print a report for people, with how many faults of the source the circuit recovered from where that is wanted."""
    screen = console()
    if report.correct is not None:
        screen.print(f"correct             {percent(report.correct, report.images)}")
    record = report.to_json()
    screen.print(f"cycles an image     {circuit.spread(record['cycles'])} (min / mean / max)")
    screen.print(f"cycles between      {circuit.spread(record['interval'])} (results, images back to back)")
    if report.timing_mismatches is not None:
        unlike = f"{report.timing_mismatches} are not as predicted" if report.timing_mismatches else "all as predicted"
        screen.print(f"cycles predicted    {unlike}")
    screen.print(f"compared            {digits(report.values)} values, by {report.engine}")
    if recoveries:
        screen.print(_recovery(report.recoveries))
    screen.print(
        f"time                {report.build_seconds:.1f} s to build the circuit, {report.seconds:.1f} s to run it"
    )
    for problem in report.problems:
        screen.print(f"problem             {problem}")
    if report.divergence is not None:
        screen.print(f"first difference    {report.divergence}")
    if report.waveform is not None:
        screen.print(f"waveform            {report.waveform}")
    same = report.images - report.mismatches
    screen.print(f"{'equal' if report.equal else 'NOT EQUAL'}: {same} of {report.images} images")
