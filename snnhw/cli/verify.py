"""``snnhw verify``: is the circuit golden's equal?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.circuit import CircuitOptions, Engine, engine_name
from snnhw.cli.output import DatasetName, Json, Limit, console, note, print_record, progress
from snnhw.wording import digits, percent, silence, spread

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.design import Design
    from snnhw.verification import Report

_FAMILIES = "ice40, ecp5 or xc7"
_NETLIST = typer.Option("--netlist", metavar="FAMILY", help=f"Verify the netlist after synthesis for {_FAMILIES}.")
_WAVEFORM = typer.Option(
    "--vcd", metavar="FILE", help="Where the waveform of the first image that differs goes, .vcd or .fst."
)


def verify(
    model: str,
    *,
    dataset: DatasetName = "sample",
    limit: Limit = None,
    circuit: CircuitOptions,
    engine: Engine = "auto",
    vcd: Annotated[str | None, _WAVEFORM] = None,
    netlist: Annotated[str | None, _NETLIST] = None,
    as_json: Json = False,
) -> None:
    """Compare the circuit of a network with golden; status 1 where any number or cycle differs."""
    from snnhw.cli.images import fitted
    from snnhw.data import load
    from snnhw.presets import resolve_model
    from snnhw.simulate.engines import engine as choose
    from snnhw.verification import verify as run

    chosen = resolve_model(model)
    design = circuit.design(chosen)
    images = fitted(load(dataset, limit=limit, network=chosen.network), chosen.network)
    if netlist is not None:
        verify_netlist(design, images, netlist, {"model": model}, as_json)
        return
    waveform = Path(vcd) if vcd is not None else Path(f"{Path(model).stem}_divergence.vcd")
    name = engine_name(engine)
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
    note(silence(report.silent))
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
    from snnhw.verification import predicted, recovered

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
        screen.print(f"cycles an image     {spread(record['cycles'])} (min / mean / max)")
        screen.print(f"cycles between      {spread(record['interval'])} (results, images back to back)")
        screen.print(f"cycles predicted    {predicted(report.timing_mismatches)}")
        screen.print(f"compared            classes and scores of a netlist of {digits(report.cells)} {family} cells")
        name, text = recovered(report.recoveries)
        screen.print(f"{name:<19} {text}")
        screen.print(f"time                {report.build_seconds:.1f} s to build it, {report.seconds:.1f} s to run it")
        for problem in report.problems:
            screen.print(f"problem             {problem}")
        same = report.images - report.mismatches
        screen.print(f"{'equal' if report.equal else 'NOT EQUAL'}: {same} of {report.images} images")
    if not report.equal:
        raise typer.Exit(1)


def show(report: Report, *, recoveries: bool = False) -> None:
    """Print a report for people, with how many faults of the source the circuit recovered from where that is wanted."""
    *rows, (verdict, images) = report.table(recoveries=recoveries).rows
    for name, text in rows:
        console().print(f"{name:<19} {text}")
    console().print(f"{verdict}: {images}")
