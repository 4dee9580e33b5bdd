"""``snnhw info``: what a model is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from snnhw.cli.named import model_help, shipped_completion
from snnhw.cli.output import Json, console, print_record, printed, table
from snnhw.subject import SubjectKind
from snnhw.wording import digits, percent

InfoModel = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL]",
        help=f"{model_help(*SubjectKind)} Unless told, these are listed.",
        autocompletion=shipped_completion(),
    ),
]


def info(model: str | None, *, as_json: Json = False) -> None:
    """Show a network: layers, ranges and widths, what it computes, where it comes from; or list the models that ship.

    Of a description without weights it shows what there is to say, and which arrays would make a model of it.
    """
    from snnhw.presets import resolve_model, resolve_network
    from snnhw.summary import layer_table, summarise, summarise_network
    from snnhw.tensorfile import lacks_tensors, wanted

    if model is None:
        _list(as_json)
        return
    if lacks_tensors(model):
        network = resolve_network(model)
        record, advice = summarise_network(network), wanted(network, model)
    else:
        record, advice = summarise(resolve_model(model)), None
    if as_json:
        print_record({"model": model, **record})
        return
    screen = console()
    for line in record["semantics"]:
        screen.print(line)
    screen.print()
    screen.print(printed(layer_table(record)))
    screen.print(f"parameters  {digits(record['parameters'])}")
    if advice is not None:
        screen.print(f"no weights  {advice}")
        return
    memory = record["memory_bits"]
    screen.print("memory      " + ", ".join(f"{kind} {digits(bits)} bits" for kind, bits in memory.items()))
    screen.print(f"digest      {record['digest']}")
    for name, value in record["provenance"].items():
        screen.print(f"{name:<11} {value_text(value)}")


def _list(as_json: bool) -> None:
    """Print the models that ship."""
    from snnhw.summary import summarise_shipped

    models = summarise_shipped()
    if as_json:
        print_record({"models": models})
        return
    shown = table("model", "kind", "what it is", "of the test images")
    for each in models:
        shown.add_row(each["name"], each["kind"], each["summary"], percent(**each["accuracy"]))
    console().print(shown)


def value_text(value: Any) -> str:
    """A value of the provenance on one line."""
    if not isinstance(value, dict):
        return f"{value}"
    counts = [percent(value["correct"], value["total"])] if value.keys() >= {"correct", "total"} else []
    others = {name: part for name, part in value.items() if not (counts and name in ("correct", "total"))}
    rest = [f"{name} {value_text(part)}" for name, part in others.items()]
    return ", ".join([*counts, *rest])
