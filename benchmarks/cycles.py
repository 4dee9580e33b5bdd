"""Print the cycles of the shipped models by lanes, beside their floors: ``python -m benchmarks.cycles``.

The cycles are predicted from golden's event counts on the full MNIST test set. Prediction and circuit agree to the
cycle: ``snnhw verify`` says so for any of the rows.
"""

from __future__ import annotations

from golden.network import run
from snnhw.data import load
from snnhw.implementation import Implementation
from snnhw.presets import resolve_model, shipped_models
from snnhw.timing import floor, predict

LANES = (None, 32, 16, 8, 3, 1)


def main() -> None:
    """Print a table in Markdown."""
    samples = load("mnist").images
    print("| model | synapse lanes | cycles an image, min / mean / max | floor | back to back | floor |")
    print("|---|---|---|---|---|---|")
    for name in shipped_models():
        model = resolve_model(name)
        result = run(model, samples, traces=True)
        for lanes in LANES:
            implementation = Implementation.of(model.network, lanes=lanes)
            cycles = predict(model, implementation, result)
            least = floor(model, implementation, result)
            shown = " + ".join(str(layer.synapse_lanes) for layer in implementation.layers)
            spread = f"{cycles.latency.min():,} / {cycles.latency.mean():,.1f} / {cycles.latency.max():,}"
            print(
                f"| `{name}` | {shown} | {spread} | {least.latency.mean():,.1f} "
                f"| {cycles.interval.mean():,.1f} | {least.interval:,.1f} |"
            )


if __name__ == "__main__":
    main()
