"""The mean cycles of a spiking RBM's commands by lanes, on MNIST's first test images: rows of a table in Markdown.

``python tools/cycles_srbm.py`` for the machine that ships, ``--small`` for 14 x 14 pixels and 64 hidden, untrained.
They are what ``snnhw.srbm.timing`` predicts from golden's ticks, which ``snnhw verify`` holds against the circuit.
"""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from golden.srbm import Srbm, Tick
from snnhw.data import load
from snnhw.srbm.grid import Grid
from snnhw.srbm.machine import Machine
from snnhw.srbm.model import SrbmModel, initial_levels
from snnhw.srbm.presets import resolve_srbm
from snnhw.srbm.timing import Timing

LANES = (1, 2, 4, 8, 16, 32)
STEP = 8


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="the reduced machine")
    parser.add_argument("--images", type=int, default=10)
    asked = parser.parse_args()
    images = load("mnist", limit=asked.images)
    assert images.labels is not None
    pixels = images.images
    model = resolve_srbm("srbm-mnist")
    if asked.small:
        machine = Machine(pixels=196, hidden=64)
        model = SrbmModel(machine, *initial_levels(machine, 58.0, seed=1))
        pixels = pixels.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    machine = model.machine
    golden = Srbm(machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)
    known = np.arange(machine.pixels) < machine.pixels // 2
    timings = [Timing(Grid(machine, lanes)) for lanes in LANES]
    cycles: dict[str, list[list[int]]] = {"a training image": [], "an inference": [], "a regeneration": []}
    for image, label in zip((pixels.reshape(len(pixels), -1) > 0.3 * 255).astype(np.uint8), images.labels, strict=True):
        for name, run in (
            ("a training image", partial(golden.train, image, int(label), STEP)),
            ("an inference", partial(golden.infer, image)),
            ("a regeneration", partial(golden.regenerate, image * known, known)),
        ):
            ticks: list[Tick] = []
            run(trace=ticks.append)
            fired = np.array([tick.rows for tick in ticks]), np.array([tick.columns for tick in ticks])
            cycles[name].append([_cycles(timing, name, *fired, known) for timing in timings])
    for name, counts in cycles.items():
        print("|", name, "|", " | ".join(f"{mean:,.0f}" for mean in np.mean(counts, axis=0)), "|")


def _cycles(timing: Timing, name: str, rows: np.ndarray, columns: np.ndarray, known: np.ndarray) -> int:
    """What a command takes."""
    if name == "a training image":
        return timing.train(rows, columns, False)
    return timing.infer(rows, columns) if name == "an inference" else timing.regenerate(rows, columns, known)


if __name__ == "__main__":
    main()
