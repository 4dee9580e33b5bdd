"""Print our speed beside the peers', measured in turns on this machine: ``python -m benchmarks --threads 2``.

Figures of one machine at one moment; what lasts is the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import torch

from golden.network import Golden
from snnhw.data import Dataset, load
from snnhw.model import Model
from snnhw.presets import preset, resolve_model
from snnhw.train import TrainOptions, train

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the peers' imports deprecate is not ours
    from benchmarks.peers import SnnTorchNetwork, SpikingJellyNetwork, train_epoch

BATCH_SIZE = 256
REST = 0.5
"""Seconds before each measurement, in which the threads of the one before it stop spinning."""
INFERENCE_BATCH = 10_000


def in_turns(contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median seconds of each contestant, run A B C A B C ... after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            time.sleep(REST)
            taken = run()
            if turn:
                seconds[name].append(taken)
            print(f"{name}: {taken:.3f} s", file=sys.stderr)
    return {name: statistics.median(times) for name, times in seconds.items()}


def timed(run: Callable[[], object]) -> Callable[[], float]:
    """The same, giving its seconds."""

    def measured() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return measured


def inference(model: Model, test: Dataset, threads: int, rounds: int) -> dict[str, float]:
    """Images a second: golden from bytes to classes, the peer from prepared floats to scores."""
    golden = Golden(model)
    pixels = torch.from_numpy(test.images.reshape(len(test), -1) / 255).float()[:INFERENCE_BATCH]
    peers = {
        "snnTorch": SnnTorchNetwork(hoisted=False).eval(),
        "snnTorch, first layer once": SnnTorchNetwork(hoisted=True).eval(),
    }

    def peer(network: torch.nn.Module) -> Callable[[], float]:
        def run() -> None:
            with torch.no_grad():
                network(pixels).argmax(1)

        return timed(run)

    contestants = {"golden": timed(lambda: golden.run(test.images, threads=threads))}
    contestants |= {name: peer(network) for name, network in peers.items()}
    return {name: len(pixels) / taken for name, taken in in_turns(contestants, rounds).items()}


def epochs(data: Dataset, threads: int, rounds: int) -> dict[str, float]:
    """Seconds of an epoch over 60,000 images: ours quantisation-aware, the peers' in plain floats."""
    pixels = torch.from_numpy(data.images.reshape(len(data), -1) / 255).float()
    labels = torch.tensor(data.labels)
    options = TrainOptions(epochs=1, batch_size=BATCH_SIZE, augment=None, validation=0, threads=threads)

    def ours() -> float:
        _, record = train(preset("mnist-mlp"), data, options)
        return record.epochs[0].seconds

    contestants = {
        "snnhw, quantisation-aware": ours,
        "snnTorch, float": timed(train_epoch(SnnTorchNetwork(hoisted=False), pixels, labels, BATCH_SIZE)),
        "SpikingJelly, float": timed(train_epoch(SpikingJellyNetwork(), pixels, labels, BATCH_SIZE)),
    }
    return in_turns(contestants, rounds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    figures = {
        "threads": arguments.threads,
        "inference_images_per_s": inference(
            resolve_model("mnist-mlp"), load("mnist", "test"), arguments.threads, arguments.rounds
        ),
        "epoch_seconds": epochs(load("mnist", "train"), arguments.threads, arguments.rounds),
    }
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"784-128-10, 4 steps, {arguments.threads} threads, medians of {arguments.rounds}")
    for name, rate in figures["inference_images_per_s"].items():
        print(f"  {name:28} {rate:10,.0f} images/s")
    for name, taken in figures["epoch_seconds"].items():
        print(f"  {name:28} {taken:10.2f} s an epoch of 60,000 images, batches of {BATCH_SIZE}")


if __name__ == "__main__":
    main()
