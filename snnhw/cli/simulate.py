"""``snnhw simulate``: the circuit, cycle by cycle, on chosen images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snnhw.cli.circuit import CircuitOptions, Engine, engine_name
from snnhw.cli.output import DatasetName, Json, console, note, print_record, progress, table
from snnhw.errors import DescriptionError
from snnhw.wording import digits

if TYPE_CHECKING:
    from snnhw.data import Dataset
    from snnhw.network import Network
    from snnhw.simulate.simulation import Simulation

_INDEX = typer.Option("--index", min=0, metavar="N", help="The first image, counted from 0.")
_LIMIT = typer.Option("--limit", min=1, metavar="N", help="How many images.")
_STREAM = typer.Option("--stream", help="Send images back to back, not each alone.")
_VCD = typer.Option("--vcd", metavar="FILE", help="Write the waveform of these images, .vcd or .fst.")
_PICTURES = typer.Option(
    "--pictures", metavar="DIR", help="Draw spike values over time, and the waveforms of encoder and layers, as .png."
)
_EVENTS = typer.Option(
    "--events",
    metavar="FILE",
    help="Take a camera's events, a .npz of arrays x, y, p and t, not a dataset.",
)
_BIN = typer.Option("--bin", min=1, metavar="N", help="The time of a bin; all events make one sample unless told.")
_TRACES = typer.Option("--traces", metavar="FILE", help="Write every number that golden computes of them, as .npz.")


def simulate(
    model: str,
    *,
    dataset: DatasetName = "sample",
    index: Annotated[int, _INDEX] = 0,
    limit: Annotated[int, _LIMIT] = 10,
    events: Annotated[str | None, _EVENTS] = None,
    bin_time: Annotated[int | None, _BIN] = None,
    stream: Annotated[bool, _STREAM] = False,
    vcd: Annotated[str | None, _VCD] = None,
    traces: Annotated[str | None, _TRACES] = None,
    pictures: Annotated[str | None, _PICTURES] = None,
    circuit: CircuitOptions,
    engine: Engine = "auto",
    as_json: Json = False,
) -> None:
    """Run the circuit on images: class, scores and cycles of each, and their waveform where it is asked for."""
    from golden.network import run as run_golden
    from snnhw.cli.images import fitted
    from snnhw.data import load
    from snnhw.presets import resolve_model
    from snnhw.simulate.engines import engine as choose
    from snnhw.simulate.simulation import Waveform
    from snnhw.traces import save_traces

    waveform = Waveform(Path(vcd)) if vcd is not None else None
    chosen = resolve_model(model)
    design = circuit.design(chosen)
    if bin_time is not None and events is None:
        raise DescriptionError("--bin goes with --events, which it cuts into bins")
    images = (
        load(dataset, limit=index + limit, network=chosen.network)
        if events is None
        else _recorded(events, bin_time, chosen.network)
    )
    if index >= len(images):
        raise ValueError(f"--index must be below {len(images)}, the number of images in {images.name}, not {index}")
    choice = choose(engine_name(engine))
    note(choice.note)
    if waveform is not None:
        waveform.require(choice.engine.waveforms)
    most = min(limit, choice.sample_limit or limit)
    images = fitted(images, chosen.network)
    samples = images.images[index : index + most]
    files, drawn = {}, list[str]()
    if pictures is not None:
        from snnhw.bench.plot import require
        from snnhw.simulate.pictures import draw

        require()
    if traces is not None:
        files["traces"] = str(save_traces(run_golden(chosen, samples, traces=True), traces))
    with progress("simulating") as update:
        simulation = choice.engine.simulator(design, len(samples)).run(
            samples,
            mode="stream" if stream else "isolated",
            traces=pictures is not None,
            waveform=waveform,
            progress=lambda done: update(done, len(samples)),
        )
    simulation.require_complete()
    if vcd is not None:
        files["vcd"] = vcd
    if pictures is not None:
        drawn = [str(path) for path in draw(simulation, Path(model).stem, pictures)]
    rows = _rows(simulation, images, index)
    if as_json:
        interval = simulation.interval.tolist() if stream else None
        record = {"model": model, "dataset": images.name, "digest": chosen.digest, "engine": choice.engine.name}
        print_record(
            {
                **record,
                "images": rows,
                "interval": interval,
                "cycles": simulation.cycles,
                "files": files,
                "pictures": drawn,
            }
        )
    else:
        _show(rows, [*files.values(), *drawn])


def _recorded(path: str, duration: int | None, network: Network) -> Dataset:
    """The samples of a recording, after a note of what is sent and what is dropped."""
    import numpy as np

    from snnhw.data import Dataset
    from snnhw.eventfile import read_recording

    recording = read_recording(path)
    samples = recording.cut(network, duration)
    sent = sum(int(each.sample.sum(dtype=np.int64)) for each in samples)
    doubles, outside = sum(each.doubles for each in samples), sum(each.outside for each in samples)
    count = f"{len(samples)} sample{'s' if len(samples) > 1 else ''}"
    note(
        f"{digits(len(recording))} events in {count}: {digits(sent)} sent, {digits(doubles)} double and "
        f"{digits(outside)} outside dropped"
    )
    return Dataset(np.stack([each.sample for each in samples]), None, path)


def _rows(simulation: Simulation, images: Dataset, index: int) -> list[dict[str, Any]]:
    labels = None if images.labels is None else images.labels.tolist()
    return [
        {
            "index": index + number,
            "label": None if labels is None else labels[index + number],
            "class": chosen,
            "scores": scores,
            "cycles": cycles,
        }
        for number, (chosen, scores, cycles) in enumerate(
            zip(
                simulation.classes.tolist(),
                simulation.scores.tolist(),
                simulation.latency.tolist(),
                strict=True,
            )
        )
    ]


def _show(rows: list[dict[str, Any]], files: list[str]) -> None:
    screen = console()
    shown = table("image", "label", "class", "cycles", "scores", right=("image", "label", "class", "cycles"))
    for row in rows:
        label = "" if row["label"] is None else str(row["label"])
        scores = " ".join(map(str, row["scores"]))
        shown.add_row(str(row["index"]), label, str(row["class"]), str(row["cycles"]), scores)
    screen.print(shown)
    for file in files:
        screen.print(f"wrote {file}")
