"""What ``snnhw verify`` and ``snnhw verilog`` do for a learner by STDP."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from snnhw.cli.circuit import Lanes
from snnhw.cli.commanded import Comparison, Surroundings, check_lanes, number, print_report, write_circuit
from snnhw.cli.output import Json, print_record, progress
from snnhw.cli.verilog import Folder, Top
from snnhw.subject import SubjectKind

if TYPE_CHECKING:
    from snnhw.stdp.grid import WeightMemory

_TEACH_IMAGES = typer.Option(
    "--teach-images", min=0, metavar="N", help="Images that a learner by STDP learns with their classes; 4 unless told."
)
_READOUT_IMAGES = typer.Option(
    "--readout-images", min=0, metavar="N", help="Images that the readout of one learns from; 4 unless told."
)
_AMPLITUDE = typer.Option(
    "--amplitude", min=1, metavar="A", help="Of the changes of its synapses, a power of two up to 64; 32 unless told."
)
_SPRAM = typer.Option("--spram", help="Weights of a learner by STDP stand in the single-port RAM of iCE40UP5K.")
_UNTRAINED = typer.Option("--untrained", help="Begin with what its seed draws, not with what it has learned.")


Spram = Annotated[bool, _SPRAM]


def verilog_learner(
    name: str,
    *,
    lanes: Lanes = None,
    spram: Spram = False,
    around: Surroundings,
    top: Top = None,
    out: Folder = None,
    as_json: Json = False,
) -> None:
    """Write the circuit of a learner; what it has learned is loaded when it runs."""
    from gateware.stdp import TOP
    from snnhw.stdp.presets import resolve_stdp
    from snnhw.stdp.verify import LANES
    from snnhw.stdp.verilog import emit

    model, chosen = resolve_stdp(name), check_lanes(lanes, LANES, SubjectKind.STDP)
    made = partial(emit, model.learner, chosen, top or TOP, memory=_memory(spram), shell=around.shell)
    write_circuit(name, model.digest, made, chosen, out=out, as_json=as_json)


def verify_learner(
    name: str,
    *,
    comparison: Comparison,
    lanes: Lanes = None,
    teach_images: Annotated[int | None, _TEACH_IMAGES] = None,
    readout_images: Annotated[int | None, _READOUT_IMAGES] = None,
    amplitude: Annotated[int | None, _AMPLITUDE] = None,
    untrained: Annotated[bool, _UNTRAINED] = False,
    spram: Spram = False,
    as_json: Json = False,
) -> None:
    """Compare the circuit of a learner with golden while it learns and infers; status 1 where anything differs."""
    from golden.stdp import Stdp
    from snnhw.stdp.evaluate import golden, inputs
    from snnhw.stdp.presets import resolve_stdp
    from snnhw.stdp.verify import LANES, Plan, verify_stdp

    chosen = check_lanes(lanes, LANES, SubjectKind.STDP)
    model, usual = resolve_stdp(name), Plan()
    plan = Plan(
        train=number(comparison.train_images, usual.train),
        teach=number(teach_images, usual.teach),
        infer=number(comparison.infer_images, usual.infer),
        readout=number(readout_images, usual.readout),
        amplitude=number(amplitude, usual.amplitude),
        dump_every=comparison.dump_every,
    )
    images, labels = inputs(model.learner, comparison.images(plan))
    assert labels is not None
    begun = Stdp(model.learner, assigned=model.assigned) if untrained else golden(model)
    with progress("verifying") as update:
        report = verify_stdp(
            begun, images, labels, plan, lanes=chosen, memory=_memory(spram), stall=comparison.stalls, progress=update
        )
    if as_json:
        print_record({"model": name, "digest": model.digest, "dataset": comparison.dataset, **report.to_json()})
    else:
        print_report(report)
    if not report.equal or report.timing_mismatches:
        raise typer.Exit(1)


def _memory(spram: bool) -> WeightMemory:
    return "spram" if spram else "bram"
