"""What ``snnhw demo --srbm`` does: a spiking RBM completes a digit, and learns on golden and circuit side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from snnhw.cli.commanded import print_report
from snnhw.cli.demo import Folder, Index, Verified
from snnhw.cli.machine import described
from snnhw.cli.output import Json, console, print_record, progress
from snnhw.errors import DescriptionError

_SRBM = typer.Option("--srbm", help="Show the spiking RBM that ships.")


def demo_machine(
    name: str,
    *,
    index: Index = 0,
    limit: Verified = None,
    out: Folder = None,
    srbm: Annotated[bool, _SRBM] = False,
    as_json: Json = False,
) -> None:
    """Complete an image of the sample, or classify its features; write the Verilog; compare the circuit with golden.

    ``srbm`` says no more than that the subject is one, which it is here.
    """
    from golden.srbm import Srbm
    from snnhw.data import load
    from snnhw.srbm.demo import draw_completion, draw_scores
    from snnhw.srbm.evaluate import half_masks, inputs
    from snnhw.srbm.presets import resolve_srbm
    from snnhw.srbm.verify import LANES, Plan, verify_srbm
    from snnhw.srbm.verilog import emit

    screen = console()

    def say(text: str) -> None:
        if not as_json:
            screen.print(text)

    model = resolve_srbm(name)
    machine, images = model.machine, load("sample")
    if index >= len(images):
        raise DescriptionError(f"--index must be below {len(images)}, the number of images in the sample, not {index}")
    bits, labels = inputs(model, images)
    say(f"The spiking RBM {name}: {described(machine)}\n")
    golden = Srbm(machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)
    if model.pixels.name == "threshold":
        height, width = images.images.shape[1:]
        known = half_masks(height, width)[1]
        classified, scores, completed = golden.regenerate(bits[index] * known, known)
        for line in draw_completion(bits[index], known, completed, (height, width)):
            say(line)
        seen = "that half alone"
    else:
        classified, scores = golden.infer(bits[index])
        seen = f"the features of image {index}"
    say(f"\nspikes of the label units in {machine.inference_ticks} ticks, from {seen}:")
    for line in draw_scores(scores, classified):
        say(line)
    folder = Path(out) if out is not None else Path(f"{Path(name).stem}_verilog")
    files = [str(path) for path in emit(machine, LANES).write(folder)]
    say(f"\nThe circuit as Verilog, {LANES} lanes, is in {folder}.")
    plan = Plan(train=2, infer=5 if limit is None else limit, regenerate=1)
    say("\nThe circuit learns, infers and completes, and every spike, membrane and level is compared with golden:\n")
    assert labels is not None
    with progress("verifying") as update:
        report = verify_srbm(model, bits, labels, plan, progress=update)
    if as_json:
        shown = {"index": index, "class": classified, "scores": scores.tolist()}
        print_record({"model": name, "image": shown, "folder": str(folder), "files": files, **report.to_json()})
    else:
        print_report(report)
    if not report.equal:
        raise typer.Exit(1)
