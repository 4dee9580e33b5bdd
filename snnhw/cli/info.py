"""``snnhw info``: what a model is."""

from __future__ import annotations

from typing import Any

from snnhw.cli.output import Json, ModelName, console, digits, percent, print_record, table


def info(model: ModelName, as_json: Json = False) -> None:
    """Show a model: layers, ranges and widths, what it computes, where it comes from."""
    from snnhw.presets import resolve_model
    from snnhw.summary import summarise

    record = summarise(resolve_model(model))
    if as_json:
        print_record({"model": model, **record})
        return
    screen = console()
    for line in record["semantics"]:
        screen.print(line)
    screen.print()
    screen.print(_layers(record))
    memory = record["memory_bits"]
    screen.print(f"parameters  {digits(record['parameters'])}")
    screen.print("memory      " + ", ".join(f"{kind} {digits(bits)} bits" for kind, bits in memory.items()))
    screen.print(f"digest      {record['digest']}")
    for name, value in record["provenance"].items():
        screen.print(f"{name:<11} {_text(value)}")


def _layers(record: dict[str, Any]) -> Any:
    layers = table("layer", "shape", "weights", "current", "integrated", "membrane", "saturates", right=("shape",))
    for layer in record["layers"]:
        spans = [_span(layer["ranges"][name]) for name in ("weight", "current", "integrated", "membrane")]
        saturates = "yes" if layer["saturates"] else "no"
        layers.add_row(layer["name"], f"{layer['units']} x {layer['inputs']}", *spans, saturates)
    return layers


def _span(span: dict[str, int]) -> str:
    return f"{span['lo']}..{span['hi']} ({span['width']} bits)"


def _text(value: Any) -> str:
    """A value of the provenance on one line."""
    if not isinstance(value, dict):
        return f"{value}"
    counts = [percent(value["correct"], value["total"])] if value.keys() >= {"correct", "total"} else []
    rest = [f"{name} {_text(part)}" for name, part in value.items() if not (counts and name in ("correct", "total"))]
    return ", ".join([*counts, *rest])
