"""What others built for MNIST on FPGAs, and where their figures come from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PEERS", "PUBLISHED", "Peer"]

_MEASURED = "their code, by ghdl 2.0 and yosys 0.23 (synth_xilinx without -abc9), nothing placed"
PUBLISHED = "as published"
_SURVEY = "as a survey gives it"


@dataclass(frozen=True)
class Peer:
    """A circuit by others; None is what its source does not say."""

    name: str
    network: str
    steps: int | None
    lut: int
    ff: int | None
    bram: float | None
    cycles: int | None
    """An image's."""
    accuracy: float | None
    """Per cent of MNIST's test set."""
    source: str
    remark: str = ""


PEERS = (
    Peer("Spiker+ 2.0.3", "784-128-10, weights of 4 bits", 100, 7_224, 2_389, 14.5, 92_565, None, _MEASURED),
    Peer(
        "SFATTI (Spiker+ 2.0.3)",
        "784-75-10, weights of 6 bits",
        10,
        8_967,
        None,
        12.5,
        8_685,
        96.91,
        _MEASURED,
        "accuracy counted over all 10,000 images; 97.54 is printed",
    ),
    Peer(
        "tinyODIN",
        "256 neurons, none trained",
        None,
        1_284,
        1_728,
        8.5,
        None,
        None,
        _MEASURED,
        "1 + 2N cycles an event",
    ),
    Peer("Spiker+ (2024)", "784-128-10", 100, 7_612, None, 18, 78_000, 93.85, PUBLISHED, "780 us at 100 MHz"),
    Peer("im-afan/snn-fpga (2025)", "784-128-10, weights of 8 bits", 100, 6_358, None, 40.5, None, None, _SURVEY),
    Peer(
        "Syn2Logic (2026)",
        "784-128-64-10, pruned and unrolled",
        25,
        18_759,
        None,
        None,
        25,
        93.80,
        PUBLISHED,
        "logic elements of Intel",
    ),
)
"""Those whose figures are measured here stand first."""
