"""The method of Wu et al. 2019 taken apart: ``python -m benchmarks.stbp --write docs/stbp.md``.

With and without NeuNorm, in its forms, with thresholds that are too low, and over windows of time: each a training of
its own, which ``--folder`` keeps, so that one that was interrupted goes on. Two processes share the work with
``--part 1/2`` and ``--part 2/2``. Learning rates are chosen on validation images; test images are counted once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.stbp_arms import EXPERIMENTS, RATES, SEEDS, TOO_LOW, WINDOWS, Data, Experiment, Run, Tuned, run
from snnhw.bench.page import write
from snnhw.bench.plot import save_svg
from snnhw.data import load
from snnhw.recorded import Runs, load_runs, record_run, row

BEGIN, END = "<!-- benchmarks stbp -->", "<!-- end of benchmarks stbp -->"
RECORD = "stbp-runs.json"
"""Beside the page, as the plot."""
CONFUSION = "stbp-confusion.svg"
PAIRS = {"zero": ("zero-none", "zero-per_channel"), "subtract": ("subtract-none", "subtract-per_channel")}
FORMS = ("per_channel", "folded", "rank_one", "full")


def say(text: str) -> None:
    """To the terminal, at once."""
    print(text, file=sys.stderr, flush=True)


def rate_of(experiment: Experiment, data: Data, folder: Path) -> float:
    """Its learning rate: its own, that of another experiment, or the one that validates best with the first seed."""
    if experiment.like is not None:
        return rate_of(EXPERIMENTS[experiment.like], data, folder)
    if experiment.rate is not None:
        return experiment.rate
    tried = {rate: run(Tuned(experiment, rate, SEEDS[0]), data, folder, say).validation for rate in RATES}
    say(f"{experiment.name}: right of the validation images by rate {tried}")
    return max(tried, key=lambda rate: tried[rate])


def runs_of(experiment: Experiment, data: Data, folder: Path) -> Iterator[Run]:
    """Those of all its seeds."""
    rate = rate_of(experiment, data, folder)
    for seed in experiment.seeds:
        yield run(Tuned(experiment, rate, seed), data, folder, say)


def percent(runs: Sequence[Run]) -> str:
    """The mean accuracy of some runs, and each."""
    each = [100 * run.correct / run.images for run in runs]
    mean = sum(each) / len(each)
    return f"{mean:.2f}" if len(each) == 1 else f"{mean:.2f} ({', '.join(f'{one:.2f}' for one in each)})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown."""
    return [row(head), "|" + "---|" * len(head), *map(row, rows)]


def pairs(found: Runs[Run]) -> list[str]:
    """With and without NeuNorm, paired by seed, for both resets."""
    rows = []
    for reset, names in PAIRS.items():
        without, normalised = (found.of(name) for name in names)
        gains = [100 * (b.correct - a.correct) / a.images for a, b in zip(without, normalised, strict=True)]
        gain = f"{np.mean(gains):+.2f} ({', '.join(f'{one:+.2f}' for one in gains)})"
        rates = f"{without[0].learning_rate:g} / {normalised[0].learning_rate:g}"
        rows.append([reset, percent(without), percent(normalised), gain, rates])
    return table(["reset", "without", "with NeuNorm, per channel", "gain", "learning rates"], rows)


def forms(found: Runs[Run]) -> list[str]:
    """The forms of NeuNorm beside none, of the first seed."""
    rows = []
    for name in ("none", *FORMS):
        first = found.of(f"zero-{name}")[0]
        rows.append([name.replace("_", " "), percent([first]), f"{first.cpu_seconds:.1f}"])
    return table(["form", "% of the test images", "CPU seconds an epoch"], rows)


def firing(found: Runs[Run]) -> list[str]:
    """How much each layer fires, by depth, with and without."""
    names = ("zero-none", "zero-per_channel", "low-none", "low-per_channel")
    firsts = [found.of(name)[0] for name in names]
    rows = [[EXPERIMENTS[run.experiment].what, *(f"{rate:.3f}" for rate in run.rates.values())] for run in firsts]
    return table(["events of a neuron and step", *firsts[0].rates], rows)


def stress(found: Runs[Run]) -> list[str]:
    """Thresholds that do not fit."""
    rows = []
    for stressed, words in (("zero", "that fit"), ("low", f"{TOO_LOW} times too low")):
        firsts = [found.of(f"{stressed}-{neunorm}")[:1] for neunorm in ("none", "per_channel")]
        rows.append([words, *map(percent, firsts)])
    return table(["thresholds at the start", "without", "with NeuNorm, per channel"], rows)


def windows(found: Runs[Run]) -> list[str]:
    """Accuracy over the window of time."""
    rows = []
    for encoding in ("encoding", "bernoulli"):
        for voting in ("voting", "single"):
            runs = [found.of(f"window-{steps}-{encoding}-{voting}") for steps in WINDOWS]
            rows.append([EXPERIMENTS[runs[0][0].experiment].what, *map(percent, runs)])
    return table(["", *(f"T = {steps}" for steps in WINDOWS)], rows)


def page(found: Runs[Run]) -> str:
    """The tables in Markdown."""
    first = found.runs[0]
    parts = (
        f"Per cent of the {first.images:,} test images after {first.epochs} epochs, the learning rate of each arm "
        f"chosen with the first seed among {', '.join(f'{rate:g}' for rate in RATES)}; in brackets each seed:",
        *pairs(found),
        "The forms, of the first seed:",
        *forms(found),
        f"![confusion matrices]({CONFUSION})",
        "How much layers fire:",
        *firing(found),
        "Thresholds that are too low at the start:",
        *stress(found),
        "Over the window of time, 10 epochs, one seed, without NeuNorm, as many weights with a neuron a class as with "
        "ten:",
        *windows(found),
    )
    lines: list[str] = []
    for before, part in zip(("", *parts), parts, strict=False):
        lines += [part] if part.startswith("|") and before.startswith("|") else ["", part]
    return "\n".join(lines).lstrip("\n") + "\n"


def plot(found: Runs[Run], path: Path) -> None:
    """The votes' confusion matrices without and with NeuNorm side by side, what is right left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), PAIRS["zero"], strict=True):
        first = found.of(name)[0]
        wrong = np.array(first.confusion)
        np.fill_diagonal(wrong, 0)
        axes.imshow(wrong, cmap="Greys", vmin=0)
        for (label, chosen), count in np.ndenumerate(np.array(first.confusion)):
            if count:
                dark = label != chosen and count > wrong.max() / 2
                axes.text(
                    chosen, label, count, ha="center", va="center", fontsize=7, color="white" if dark else "black"
                )
        axes.set(title=EXPERIMENTS[name].what, xlabel="class", ylabel="label", xticks=range(10), yticks=range(10))
    save_svg(figure, path)


def main() -> None:
    """Train what is left to train, then print and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stbp", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/stbp"), help="runs that are kept")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="every N-th experiment from the K-th on alone")
    parser.add_argument("--only", choices=EXPERIMENTS, action="append", help="these experiments alone")
    parser.add_argument("--limit", type=int, help="train and test on the first N images alone")
    parser.add_argument(
        "--read", action="store_true", help=f"train nothing: make the tables of {RECORD} beside the page"
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help=f"the page; {RECORD} and the plot go beside it")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    record = (arguments.write.parent if arguments.write else arguments.folder) / RECORD
    if not arguments.read:
        data = load("mnist", "train", arguments.limit), load("mnist", "test", arguments.limit)
        arguments.folder.mkdir(parents=True, exist_ok=True)
        part, parts = map(int, arguments.part.split("/"))
        chosen = [EXPERIMENTS[name] for name in arguments.only or list(EXPERIMENTS)[part - 1 :: parts]]
        runs = [each for experiment in chosen for each in runs_of(experiment, data, arguments.folder)]
        if arguments.only or parts > 1:
            return
        for each in runs:
            record_run(each, record, EXPERIMENTS)
    found = load_runs(record, Run)
    text = page(found)
    if arguments.write:
        write(arguments.write, text, (BEGIN, END))
        plot(found, arguments.write.parent / CONFUSION)
    print(text)


if __name__ == "__main__":
    main()
