"""``snnhw data``: the datasets that are known, getting them, looking at them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from snnhw.cli.output import DATASET_HELP, Json, console, note, print_record, progress, table

app = typer.Typer(no_args_is_help=True, help="List, fetch and look at datasets.")

_SPLIT = typer.Option("--split", help="test or train, where the dataset has both.")


@app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """List the datasets that are known by name, and whether they are on this machine."""
    from snnhw.data import load
    from snnhw.data.catalogue import SACCADES, TORCHVISION
    from snnhw.doctor import dataset_states

    states = dataset_states()
    if as_json:
        known = [{"name": state.name, "present": state.present, "place": state.place} for state in states]
        sample = {"name": "sample", "present": True, "place": None}
        print_record({"datasets": [sample, *known], "torchvision": list(TORCHVISION)})
        return
    rows = table("name", "on this machine", "what")
    rows.add_row("sample", "yes", f"{len(load('sample'))} images of MNIST's test set, in the package")
    for state in states:
        here = "yes" if state.present else "no"
        simulated = " (simulated)" if state.name == SACCADES else ""
        rows.add_row(state.name, here, (state.place if state.present else _way_to(state.name)) + simulated)
    screen = console()
    screen.print(rows)
    screen.print(f"With the extra train also {', '.join(TORCHVISION)}, fetched when they are first used.")


def _way_to(name: str) -> str:
    """How a dataset comes to this machine."""
    from snnhw.data.catalogue import IMAGE_SETS, RECORDED_SETS

    needed = {**IMAGE_SETS, **RECORDED_SETS}.get(name)
    return f"snnhw data fetch {name}" if needed is None else f"{needed.text.rstrip(',')}: {needed.published}"


@app.command("fetch")
def fetch_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME", help="mnist, fashion-mnist, or saccades-mnist (simulated).")],
    as_json: Json = False,
) -> None:
    """Bring a dataset to this machine, or make it; files that are there already and whole are kept."""
    from snnhw.data import fetch

    with progress(f"fetching {name}") as on_progress:
        folder = fetch(name, lambda file, done, total: on_progress(done, total, file))
    if as_json:
        print_record({"name": name, "folder": str(folder)})
    else:
        console().print(f"{name} is in {folder}")


@app.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(metavar="DATA", help=DATASET_HELP)],
    split: Annotated[str, _SPLIT] = "test",
    index: Annotated[int | None, typer.Option("--index", min=0, help="Draw this image.")] = None,
    as_json: Json = False,
) -> None:
    """Show how many images a dataset has, of which classes, and one of them."""
    from snnhw.data import EVENT_SETS, load, load_events
    from snnhw.drawing import draw_image
    from snnhw.summary import summarise_dataset, summarise_events

    if name in EVENT_SETS:
        if index is not None:
            raise ValueError(f"--index draws images, and {name} holds events: leave it out")
        events = load_events(name, split)
        for line in events.notes:
            note(line)
        show_summary(name, summarise_events(events), as_json)
        return
    dataset = load(name, split)
    for line in dataset.notes:
        note(line)
    if index is not None and index >= len(dataset):
        raise ValueError(f"--index must be below {len(dataset)}, the number of images in {name}, not {index}")
    show_summary(name, summarise_dataset(dataset), as_json)
    if index is not None and not as_json:
        for line in draw_image(dataset.images[index].squeeze()):
            console().print(line)


def show_summary(name: str, record: dict[str, Any], as_json: bool) -> None:
    """Print what is known of a dataset."""
    if as_json:
        print_record(record)
        return
    screen, what = console(), "images" if record["digest"] else "samples of events"
    screen.print(f"{name}: {record['images']} {what} of {' x '.join(map(str, record['shape']))}")
    for label, count in (record["labels"] or {}).items():
        screen.print(f"label {label:<4} {count}")
    if record["digest"]:
        screen.print(f"digest {record['digest']}")
