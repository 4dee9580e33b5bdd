"""Train a CNN and the spiking network of the same layers, beside the figures of the report that compares them.

``python -m benchmarks.cnn_beside_snn --write docs`` trains each to its number of epochs, from where its course and
checkpoint are in ``--folder``, measures the CPU seconds of batches trained in turns, and writes record, table, plots.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.arms import ARMS, BATCH_SIZE, Arm, Data, adam, batches, cnn, improve, options, pixels, training
from benchmarks.course_page import BEGIN, END, Comparison, Seconds, plot, table
from snnhw.bench.page import write as write_page
from snnhw.data import load
from snnhw.files import write_atomically
from snnhw.train import Progress, train
from snnhw.train.record import versions

RECORD, PAGE = "cnn-beside-snn.json", "cnn-beside-snn.md"
SLOW = "snn-50"
"""The arm that has epochs of its own number."""


def say(line: str) -> None:
    """Tell of progress."""
    print(line, file=sys.stderr, flush=True)


def steps(arm: Arm, data: Data, count: int) -> list[float]:
    """The CPU seconds of so many training steps in a row, after one that does not count."""
    moments: list[float] = []
    few = data[0].first((count + 1) * BATCH_SIZE)
    if arm.num_steps is None:
        network = cnn(arm.relu)
        optimiser, generator = adam(network), torch.Generator().manual_seed(0)
        images, labels = pixels(few), torch.tensor(few.labels)
        for batch in batches(images, labels, generator):
            improve(network, optimiser, *batch)
            moments.append(time.process_time())
    else:

        def after(progress: Progress) -> None:
            if progress.scored is None:
                moments.append(time.process_time())

        train(arm.network, few, options(1), on_progress=after)
    return [after - before for before, after in pairwise(moments)]


def in_turns(data: Data, rounds: int, count: int) -> Seconds:
    """The CPU seconds of a training step of each arm: ``rounds`` times ``count`` of each, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in ARMS}
    for turn in range(rounds):
        for name, arm in ARMS.items():
            taken[name] += steps(arm, data, count)
        say(f"turn {turn + 1}: " + ", ".join(f"{name} {statistics.median(of):.4f} s" for name, of in taken.items()))
    medians = {name: round(statistics.median(of), 5) for name, of in taken.items()}
    return Seconds(batches=rounds * count, medians=medians)


def compare(data: Data, arguments: argparse.Namespace) -> Comparison:
    """Train what is left to train, then measure, where that has not been done."""
    courses = []
    for name, arm in ARMS.items():
        epochs = arguments.slow_epochs if name == SLOW else arguments.epochs
        courses.append(training(arm, data, epochs, arguments.folder, say))
    measured = arguments.folder / "seconds.json"
    if not measured.exists():
        write_atomically(measured, in_turns(data, arguments.rounds, arguments.batches).model_dump_json() + "\n")
    seconds = Seconds.model_validate_json(measured.read_bytes())
    return Comparison(courses=courses, seconds=seconds, versions=versions())


def main() -> None:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cnn_beside_snn", description=__doc__)
    parser.add_argument("--epochs", type=int, default=30, help="of all but the SNN over 50 steps")
    parser.add_argument("--slow-epochs", type=int, default=3, help="of the SNN over 50 steps")
    parser.add_argument("--limit", type=int, help="train and test on the first N images alone")
    parser.add_argument("--folder", type=Path, default=Path("build/cnn-beside-snn"), help="courses and checkpoints")
    parser.add_argument("--rounds", type=int, default=3, help="turns of the measurement of seconds")
    parser.add_argument("--batches", type=int, default=8, help="batches of each turn")
    parser.add_argument("--only", choices=ARMS, help="train this alone, and measure nothing")
    parser.add_argument("--read", type=Path, metavar="FILE", help="train nothing: make the table of this record")
    parser.add_argument("--write", type=Path, metavar="FOLDER", help=f"of {PAGE}, its plots and {RECORD}")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.read:
        made = Comparison.model_validate_json(arguments.read.read_bytes())
    else:
        data = load("mnist", "train", arguments.limit), load("mnist", "test", arguments.limit)
        if arguments.only:
            epochs = arguments.slow_epochs if arguments.only == SLOW else arguments.epochs
            training(ARMS[arguments.only], data, epochs, arguments.folder, say)
            return
        made = compare(data, arguments)
    text = table(made)
    if arguments.write:
        write_atomically(arguments.write / RECORD, made.model_dump_json() + "\n")
        plot(made, arguments.write)
        write_page(arguments.write / PAGE, text, (BEGIN, END))
    print(text)


if __name__ == "__main__":
    main()
