"""Print the CPU seconds of `snnhw verify`, called programs included: ``python -m benchmarks.waiting``.

Each case is a `snnhw verify` of its own, of a few images. The first has a home folder and a cache with nothing in them,
and compiles the Python modules whose bytecode is not there yet.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from snnhw import Model, save_model

_SHAPES = {"first": 16, "another shape": 12}
"""Hidden neurons of networks 4-N-3."""


def write(folder: Path) -> dict[str, list[str]]:
    """Write models and images; what `snnhw verify` takes in each case, in order."""
    random = np.random.default_rng(0)
    images = folder / "images.npy"
    np.save(images, random.integers(0, 256, (50, 1, 4), np.uint8))
    weights = {}
    for name, hidden in _SHAPES.items():
        weights[name] = [random.integers(-7, 8, (hidden, 4)), random.integers(-7, 8, (3, hidden))]
    # Sums of the same numbers in another order have the same bounds, and so the same widths.
    weights["new weights"] = [np.ascontiguousarray(weights["first"][0][:, ::-1]), weights["first"][1]]
    cases = {}
    for name, arrays in weights.items():
        path = folder / f"{name.replace(' ', '_')}.safetensors"
        save_model(Model.from_arrays(arrays, thresholds=[8], weight_bits=4, num_steps=4), path)
        cases[name] = [str(path), "--dataset", str(images)]
    return {**cases, "mnist-mlp": ["mnist-mlp", "--limit", "100"]}


def cpu_seconds(arguments: list[str], home: Path) -> float:
    """User and system seconds of a `snnhw verify`, and of all that it calls."""
    other = ("XDG_", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(other)}
    environment |= {"HOME": str(home), "SNNHW_CACHE": str(home / "cache")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", "from snnhw.cli import main; main()", "verify", *arguments]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiting", description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        figures = {name: cpu_seconds(case, home) for name, case in write(Path(folder)).items()}
    if arguments.json:
        print(json.dumps({"cpu_seconds": figures}))
        return
    for name, taken in figures.items():
        print(f"{name:16} {taken:6.1f} CPU seconds")


if __name__ == "__main__":
    main()
