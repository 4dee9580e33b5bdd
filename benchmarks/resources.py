"""Print what yosys makes of the shipped models for Xilinx 7: ``python -m benchmarks.resources``; minutes.

Nothing is placed; ``snnhw.fpga.parts`` says what is counted as what.
"""

from __future__ import annotations

from snnhw.fpga.synthesis import cells
from snnhw.implementation import Implementation
from snnhw.presets import resolve_model

LANES = {"mnist-mlp": (None, 16, 8), "mnist-graded": (None, 8)}


def main() -> None:
    """Print a table in Markdown."""
    print("| model | synapse lanes | LUT | of them RAM | FF | CARRY4 | RAMB18 + RAMB36 | DSP |")
    print("|---|---|---|---|---|---|---|---|")
    for name, choices in LANES.items():
        model = resolve_model(name)
        for lanes in choices:
            found = cells(model, Implementation.of(model.network, lanes=lanes), "xc7")
            counts = f"{found.lut:,} | {found.lutram:,} | {found.ff:,} | {found.carry:,}"
            blocks = f"{found.ramb18} + {found.ramb36}"
            print(f"| `{name}` | {lanes or 'all'} | {counts} | {blocks} | {found.dsp} |", flush=True)


if __name__ == "__main__":
    main()
