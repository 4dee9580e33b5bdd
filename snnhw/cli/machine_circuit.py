"""What ``snnhw verify`` and ``snnhw verilog`` do for a spiking RBM."""

from __future__ import annotations

from functools import partial

import typer

from snnhw.cli.circuit import Lanes
from snnhw.cli.commanded import Comparison, Surroundings, check_lanes, number, print_report, write_circuit
from snnhw.cli.output import Json, print_record, progress
from snnhw.cli.verilog import Folder, Top
from snnhw.subject import SubjectKind


def verilog_machine(
    name: str,
    *,
    lanes: Lanes = None,
    around: Surroundings,
    top: Top = None,
    out: Folder = None,
    as_json: Json = False,
) -> None:
    """Write the circuit of a machine; its levels are loaded when it runs."""
    from gateware.srbm import TOP
    from snnhw.srbm.presets import resolve_srbm
    from snnhw.srbm.verify import LANES
    from snnhw.srbm.verilog import emit

    model, chosen = resolve_srbm(name), check_lanes(lanes, LANES, SubjectKind.SRBM)
    made = partial(emit, model.machine, chosen, top or TOP, shell=around.shell)
    write_circuit(name, model.digest, made, chosen, out=out, as_json=as_json)


def verify_machine(name: str, *, comparison: Comparison, lanes: Lanes = None, as_json: Json = False) -> None:
    """Compare the circuit of a machine with golden while it learns and infers; status 1 where anything differs."""
    from snnhw.srbm.evaluate import inputs
    from snnhw.srbm.presets import resolve_srbm
    from snnhw.srbm.verify import LANES, Plan, verify_srbm

    chosen = check_lanes(lanes, LANES, SubjectKind.SRBM)
    model, usual = resolve_srbm(name), Plan()
    infer = number(comparison.infer_images, usual.infer)
    plan = Plan(
        train=number(comparison.train_images, usual.train),
        infer=infer,
        regenerate=-(-infer // 5),
        dump_every=comparison.dump_every,
    )
    bits, labels = inputs(model, comparison.images(plan))
    assert labels is not None
    with progress("verifying") as update:
        report = verify_srbm(model, bits, labels, plan, lanes=chosen, stall=comparison.stalls, progress=update)
    if as_json:
        print_record({"model": name, "dataset": comparison.dataset, **report.to_json()})
    else:
        print_report(report)
    if not report.equal or report.timing_mismatches:
        raise typer.Exit(1)
