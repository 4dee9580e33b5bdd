"""``snnhw demo``: a trained network becomes a circuit, and is found equal to golden."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from snnhw.cli.circuit import lanes_of
from snnhw.cli.named import model_help, shipped_completion
from snnhw.cli.output import Json, console, note, print_record, progress
from snnhw.cli.verify import show
from snnhw.errors import DescriptionError
from snnhw.subject import SubjectKind

_KINDS = (SubjectKind.NETWORK, SubjectKind.SRBM, SubjectKind.STDP)
DemoModel = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL]",
        help=model_help(*_KINDS),
        show_default="mnist-mlp",
        autocompletion=shipped_completion(*_KINDS),
    ),
]
Index = Annotated[int, typer.Option("--index", min=0, metavar="N", help="Show this image of the sample.")]
Verified = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Verify the first N images of the sample only.")
]
Folder = Annotated[
    str | None,
    typer.Option("--out", metavar="DIR", help="Where the Verilog goes; NAME_verilog in this folder unless told."),
]


def demo(model: str, *, index: Index = 0, limit: Verified = None, out: Folder = None, as_json: Json = False) -> None:
    """Turn a network into Verilog, simulate it on real digits, and compare it with golden."""
    from golden.network import run as run_golden
    from snnhw.cli.images import fitted
    from snnhw.data import load
    from snnhw.demo import draw_sample
    from snnhw.design import Design
    from snnhw.presets import resolve_model
    from snnhw.semantics import semantics
    from snnhw.simulate.engines import engine
    from snnhw.verification import verify
    from snnhw.verilog import emit

    screen = console()

    def say(text: str) -> None:
        if not as_json:
            screen.print(text)

    chosen = resolve_model(model)
    design = Design.of(chosen)
    images = load("sample")
    if index >= len(images):
        raise ValueError(f"--index must be below {len(images)}, the number of images in the sample, not {index}")
    shown = fitted(images, chosen.network)
    say(f"The network {model}, trained, as integers:")
    for line in semantics(chosen):
        say(f"  {line}")
    result = run_golden(chosen, shown.images[index : index + 1], traces=True)
    say(f"\nImage {index} of MNIST's test sample, by the golden model (NumPy):\n")
    for line in draw_sample(chosen, images.images[index], result):
        say(line)
    folder = Path(out) if out is not None else Path(f"{Path(model).stem}_verilog")
    files = [str(path) for path in emit(design).write(folder)]
    say(f"\nThe circuit as Verilog is in {folder}:")
    for line in lanes_of(design):
        say(f"  {line}")
    say("\nSimulating the circuit cycle by cycle, and comparing every spike, membrane and score with golden:\n")
    note(engine().note)
    verified = shown.first(limit)
    with progress("verifying") as on_progress:
        report = verify(design, verified.images, verified.labels, progress=on_progress)
    if as_json:
        image = {"index": index, "class": int(result.classes[0]), "scores": result.scores[0].tolist()}
        record = {"model": model, "dataset": images.name, "image": image, "folder": str(folder), "files": files}
        print_record({**record, **report.to_json()})
    else:
        show(report)
    if not report.equal:
        raise typer.Exit(1)


def shown_unless_told(options: Mapping[str, Any]) -> str:
    """The model of a demo that names none."""
    if options["srbm"] and options["stdp"]:
        raise DescriptionError("--srbm and --stdp are of two demos: give one of them")
    return "srbm-mnist" if options["srbm"] else "stdp-mnist" if options["stdp"] else "mnist-mlp"
