"""LeNet-5 converted in many ways, its accuracy step by step: ``python -m benchmarks.lenet5 --write docs/lenet5.md``.

First percentile and bursts are chosen, on training images that the network was not trained on. Then the test set is
counted at every step for each way to take a maximum, each start of membranes and each number of spikes.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snnhw.ann.build import trained_module
from snnhw.ann.convert import from_ann
from snnhw.ann.evaluate import evaluate_ann
from snnhw.ann.model import AnnModel
from snnhw.ann.presets import resolve_ann
from snnhw.bench.page import write
from snnhw.bench.plot import save_svg
from snnhw.data import Dataset, load
from snnhw.evaluate import Evaluation, evaluate
from snnhw.recorded import row

BEGIN, END = "<!-- benchmarks lenet5 -->", "<!-- end of benchmarks lenet5 -->"
"""The lines of a page between which the tables stand."""
PLOT = "lenet5-over-time.svg"
PERCENTILES = {False: (80.0, 85.0, 90.0, 95.0, 99.0), True: (97.0, 98.0, 99.0)}
"""Without those activations that are 0, and with them."""
BURSTS = (1, 3, 5)
CHOSEN_AT = 4
"""The step after which percentile and bursts are chosen."""
STEPS = 8
SHOWN = (1, 2, 3, 4, 6, 8)
LATER = (8, 16, 24, 32)
"""Steps after which the maxima of spikes are compared once more, of membranes that start at half a threshold."""
POOL_LAYERS = ("pool1", "pool2")
POOLS = {"lateral_inhibition": "lateral inhibition", "s_max": "SMaxPool", "currents": "over currents"}


@dataclass(frozen=True)
class Way:
    """One way to convert."""

    pool: str
    start: str
    most_spikes: int
    percentile: float
    zeros: bool = False
    per_channel: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """What the conversion takes."""
        return {"max_pooling": self.pool, **{name: value for name, value in vars(self).items() if name != "pool"}}

    @property
    def cells(self) -> list[str]:
        """The way in words."""
        scale = f"{self.percentile:g} of {'all' if self.zeros else 'those above 0'}"
        start = "threshold / 2" if self.start == "half" else "0"
        return [POOLS[self.pool], start, str(self.most_spikes), scale + ("" if self.per_channel else ", by layer")]


def counted(model: AnnModel, seen: Dataset, judged: Dataset, way: Way, num_steps: int) -> Evaluation:
    """What a network that is made on ``seen`` images makes of the ``judged`` ones."""
    made = from_ann(trained_module(model), seen, num_steps=num_steps, **way.options)
    found = evaluate(made, judged)
    print(f"{way}: {found.over_time}", file=sys.stderr, flush=True)
    return found


def right(evaluation: Evaluation, step: int) -> int:
    """How many images are right after a step, from 1."""
    assert evaluation.over_time is not None
    return evaluation.over_time[step - 1]


def held_out(model: AnnModel, seen: Dataset, held: Dataset) -> dict[Way, int]:
    """How many held-out images are right at the step of the choice, by percentile and bursts."""
    tried = [
        Way("lateral_inhibition", "half", bursts, percentile, zeros)
        for zeros, percentiles in PERCENTILES.items()
        for percentile in percentiles
        for bursts in BURSTS
    ]
    return {way: right(counted(model, seen, held, way, CHOSEN_AT), CHOSEN_AT) for way in tried}


def best(correct: dict[Way, int], most_spikes: int | None = None) -> Way:
    """The way that has most right, of those of so many spikes; of equals that of fewest, then the lowest percentile."""
    tried = [way for way in correct if most_spikes in (None, way.most_spikes)]
    return max(tried, key=lambda way: (correct[way], -way.most_spikes, -way.percentile))


def ways(correct: dict[Way, int]) -> Iterator[Way]:
    """All that are counted on the test set; last the student project's: one spike at most, 99 of a whole layer."""
    for pool in POOLS:
        for start in ("half", "zero"):
            for most_spikes in sorted({1, best(correct).most_spikes}):
                yield replace(best(correct, most_spikes), pool=pool, start=start)
    for start in ("half", "zero"):
        yield Way("s_max", start, 1, 99.0, zeros=True, per_channel=False)


def waiting(correct: dict[Way, int]) -> tuple[Way, ...]:
    """The ways that are counted for many steps: both maxima of spikes, of neurons that send one at a time."""
    way = best(correct, most_spikes=1)
    return way, replace(way, pool="s_max")


def later(found: dict[Way, Evaluation]) -> list[str]:
    """The table of what waiting brings."""
    rows = (
        [*way.cells, *(f"{100 * right(each, step) / each.images:.2f}" for step in LATER), spikes_of_pools(each)]
        for way, each in found.items()
    )
    return table(["maximum", "start", "most spikes", "percentile", *map(str, LATER), "events of pools"], rows)


def spikes_of_pools(evaluation: Evaluation) -> str:
    """What both pools send, where they are layers of spikes."""
    return " / ".join(f"{evaluation.events[pool]:,.0f}" for pool in POOL_LAYERS if pool in evaluation.events) or "-"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [row(head), "|" + "---|" * len(head), *map(row, rows)]


def page(
    model: AnnModel,
    choice: dict[Way, int],
    held: Dataset,
    found: dict[Way, Evaluation],
    waited: dict[Way, Evaluation],
) -> str:
    """The tables in Markdown."""
    test = load("mnist")
    reference, reference_held = evaluate_ann(model, test), evaluate_ann(model, held)
    assert reference.correct is not None and reference_held.correct is not None
    chosen = best(choice)
    scales = dict.fromkeys((way.zeros, way.percentile) for way in choice)
    of_scale = {
        scale: [f"{choice[way]:,}" for way in choice if (way.zeros, way.percentile) == scale] for scale in scales
    }
    lines = [
        f"Of {len(held):,} held-out images, after step {CHOSEN_AT} (floating point {reference_held.correct:,}), by "
        "percentile and by the most spikes of a neuron in a step:",
        "",
        *table(
            ["percentile", *map(str, BURSTS)],
            (
                [f"{scale[1]:g} of {'all' if scale[0] else 'those above 0'}", *cells]
                for scale, cells in of_scale.items()
            ),
        ),
        "",
        f"So percentile {chosen.percentile:g} of {'all' if chosen.zeros else 'those above 0'} and "
        f"{chosen.most_spikes} spikes are chosen, and for spikes one at a time percentile "
        f"{best(choice, 1).percentile:g}. Of the {len(test):,} test images, in per cent, after so many steps; floating "
        f"point has {100 * reference.correct / len(test):.2f}. The last column has the events that both pools send in "
        f"{STEPS} steps, an image:",
        "",
        *table(
            ["maximum", "start", "most spikes", "percentile", *map(str, SHOWN), "events of pools"],
            (
                [
                    *way.cells,
                    *(f"{100 * right(each, step) / len(test):.2f}" for step in SHOWN),
                    spikes_of_pools(each),
                ]
                for way, each in found.items()
            ),
        ),
        "",
        f"![accuracy after each step]({PLOT})",
        "",
        f"After up to {LATER[-1]} steps, of spikes that are sent one at a time, so that events are spikes:",
        "",
        *later(waited),
        "",
        f"The network in floating point has the digest {model.digest[:16]}.",
    ]
    return "\n".join(lines) + "\n"


def plot(found: dict[Way, Evaluation], bursts: int, reference: float, path: Path) -> None:
    """Draw the chosen percentile's ways that send ``bursts``, beside the network in floating point."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for way, each in found.items():
        if way.most_spikes == bursts and way.per_channel:
            percents = [100 * right(each, step) / each.images for step in range(1, STEPS + 1)]
            style = "-" if way.start == "half" else ":"
            axes.plot(range(1, STEPS + 1), percents, style, marker=".", label=", ".join(way.cells[:2]))
    axes.axhline(reference, color="tab:grey", linestyle="--", label="floating point")
    axes.set(xlabel="time steps", ylabel="% of the test images", ylim=(80, 100))
    axes.legend(title=f"maximum, start; bursts of {bursts}")
    save_svg(figure, path)


def main() -> None:
    """Count, print, and write the page and its plot."""
    logging.disable(logging.WARNING)  # what is rounded is the same in many ways
    parser = argparse.ArgumentParser(description="Convert LeNet-5 in many ways, and count the test set at each step.")
    parser.add_argument("--model", default="lenet5-ann", help="a network in floating point")
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced; its plot goes beside it")
    chosen = parser.parse_args()
    model, images, test = resolve_ann(chosen.model), load("mnist", "train"), load("mnist")
    trained = model.provenance["samples"]
    seen, held = images.part(slice(trained)), images.part(slice(trained, None))
    choice = held_out(model, seen, held)
    found = {way: counted(model, seen, test, way, STEPS) for way in ways(choice)}
    waited = {way: counted(model, seen, test, way, LATER[-1]) for way in waiting(choice)}
    text = page(model, choice, held, found, waited)
    print(text)
    if chosen.write is not None:
        reference = evaluate_ann(model, test).correct
        assert reference is not None
        write(chosen.write, text, (BEGIN, END))
        plot(found, best(choice).most_spikes, 100 * reference / len(test), chosen.write.parent / PLOT)


if __name__ == "__main__":
    main()
