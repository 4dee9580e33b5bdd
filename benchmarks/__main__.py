"""Print our speed beside the peers', measured in turns on this machine: ``python -m benchmarks --threads 2``.

With ``--network conv`` that of a convolutional network, of fewer images.

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
from snnhw.network import Conv2d, Dense, Direct, Layer, MembraneReadout, Network, Neuron
from snnhw.presets import preset, resolve_model
from snnhw.train import TrainOptions, train

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what the peers' imports deprecate is not ours
    from benchmarks.peers import (
        CLASSES,
        CONVOLUTIONS,
        NUM_STEPS,
        SIDE,
        SnnTorchConvNetwork,
        SnnTorchNetwork,
        SpikingJellyConvNetwork,
        SpikingJellyNetwork,
        train_epoch,
    )

BATCH_SIZE = 256
REST = 0.5
"""Seconds before each measurement, in which the threads of the one before it stop spinning."""
INFERENCE_BATCH = 10_000
CONV_IMAGES = 3_000
"""Images of a turn of the convolutional network."""


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


def conv_network() -> Network:
    """28x28-12c5-32c5-64c3-10, each convolution of stride 2, with weights of 4 bits and neurons that do not leak."""
    stages = [
        Layer(
            name=f"conv{index}",
            synapse=Conv2d(channels=channels, kernel=kernel, stride=2, padding=kernel // 2, weight_bits=4),
            neuron=Neuron(threshold="per_channel"),
        )
        for index, (channels, kernel) in enumerate(CONVOLUTIONS, start=1)
    ]
    last = Layer(name="output", synapse=Dense(units=CLASSES, weight_bits=4), neuron=Neuron.integrator())
    return Network(
        input_shape=(1, SIDE, SIDE),
        encoder=Direct(bits=4),
        stages=(*stages, last),
        readout=MembraneReadout(),
        num_steps=NUM_STEPS,
    )


def conv_inference(model: Model, test: Dataset, threads: int, rounds: int) -> dict[str, float]:
    """Images a second, as `inference`, of the convolutional network."""
    golden = Golden(model)
    pixels = torch.from_numpy(test.images.reshape(len(test), -1) / 255).float()
    peers = {
        "snnTorch": SnnTorchConvNetwork(hoisted=False).eval(),
        "snnTorch, first layer once": SnnTorchConvNetwork(hoisted=True).eval(),
        "SpikingJelly": SpikingJellyConvNetwork(hoisted=False).eval(),
        "SpikingJelly, first layer once": SpikingJellyConvNetwork(hoisted=True).eval(),
    }

    def peer(network: torch.nn.Module) -> Callable[[], float]:
        def run() -> None:
            with torch.no_grad():
                for batch in pixels.split(BATCH_SIZE):
                    network(batch).argmax(1)

        return timed(run)

    contestants = {"golden": timed(lambda: golden.run(test.images, threads=threads))}
    contestants |= {name: peer(network) for name, network in peers.items()}
    return {name: len(pixels) / taken for name, taken in in_turns(contestants, rounds).items()}


def conv_epochs(data: Dataset, threads: int, rounds: int) -> tuple[Model, dict[str, float]]:
    """The convolutional network after an epoch, and the seconds of one, as `epochs`."""
    pixels = torch.from_numpy(data.images.reshape(len(data), -1) / 255).float()
    labels = torch.tensor(data.labels)
    options = TrainOptions(epochs=1, batch_size=BATCH_SIZE, augment=None, validation=0, threads=threads)
    model, _ = train(conv_network(), data, options)

    def ours() -> float:
        _, record = train(conv_network(), data, options)
        return record.epochs[0].seconds

    def peer(network: torch.nn.Module) -> Callable[[], float]:
        return timed(train_epoch(network, pixels, labels, BATCH_SIZE))

    contestants = {
        "snnhw, quantisation-aware": ours,
        "snnTorch": peer(SnnTorchConvNetwork(hoisted=False)),
        "snnTorch, first layer once": peer(SnnTorchConvNetwork(hoisted=True)),
        "SpikingJelly": peer(SpikingJellyConvNetwork(hoisted=False)),
        "SpikingJelly, first layer once": peer(SpikingJellyConvNetwork(hoisted=True)),
    }
    return model, in_turns(contestants, rounds)


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
    parser.add_argument("--network", choices=("mlp", "conv"), default="mlp")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    threads, rounds = arguments.threads, arguments.rounds
    if arguments.network == "conv":
        title, images = "28x28-12c5-32c5-64c3-10", CONV_IMAGES
        model, seconds = conv_epochs(load("mnist", "train", images), threads, rounds)
        rates = conv_inference(model, load("mnist", "test", images), threads, rounds)
    else:
        title, data = "784-128-10", load("mnist", "train")
        images = len(data)
        rates = inference(resolve_model("mnist-mlp"), load("mnist", "test"), threads, rounds)
        seconds = epochs(data, threads, rounds)
    if arguments.json:
        print(json.dumps({"threads": threads, "inference_images_per_s": rates, "epoch_seconds": seconds}))
        return
    print(f"{title}, {NUM_STEPS} steps, {threads} threads, medians of {rounds}")
    for name, rate in rates.items():
        print(f"  {name:31} {rate:10,.0f} images/s")
    for name, taken in seconds.items():
        print(f"  {name:31} {taken:10.2f} s an epoch of {images:,} images, batches of {BATCH_SIZE}")


if __name__ == "__main__":
    main()
