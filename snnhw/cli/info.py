"""``snnhw info``: what a model is."""

from __future__ import annotations

from typing import Any

from snnhw.cli.output import Json, console, digits, percent, print_record, table

_SPANS = ("current", "integrated", "membrane")


def info(model: str, *, as_json: Json = False) -> None:
    """Show a network: layers, ranges and widths, what it computes, where it comes from.

    Of a description without weights it shows what there is to say, and which arrays would make a model of it.
    """
    from snnhw.presets import resolve_model, resolve_network
    from snnhw.summary import summarise, summarise_network
    from snnhw.tensorfile import lacks_tensors, wanted

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
    screen.print(_layers(record))
    screen.print(f"parameters  {digits(record['parameters'])}")
    if advice is not None:
        screen.print(f"no weights  {advice}")
        return
    memory = record["memory_bits"]
    screen.print("memory      " + ", ".join(f"{kind} {digits(bits)} bits" for kind, bits in memory.items()))
    screen.print(f"digest      {record['digest']}")
    for name, value in record["provenance"].items():
        screen.print(f"{name:<11} {_text(value)}")


def _layers(record: dict[str, Any]) -> Any:
    layers = table("layer", "shape", "weights", *_SPANS, "saturates", right=("shape",))
    for layer in record["layers"]:
        cells = [f"{layer['weight_bits']} bits"] + ["unknown"] * (len(_SPANS) + 1)
        if layer["ranges"] is not None:
            cells = [_span(layer["ranges"][name]) for name in ("weight", *_SPANS)]
            cells.append("yes" if layer["saturates"] else "no")
        layers.add_row(layer["name"], f"{layer['units']} x {layer['inputs']}", *cells)
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
