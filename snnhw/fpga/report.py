"""The report of a build: what the circuit takes of a part, how fast it is, what an image costs.

A report is data, the JSON beside the bitstream, and a page of text made from it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from snnhw.errors import BoardError
from snnhw.fpga.parts import Cells, Part
from snnhw.implementation import Implementation
from snnhw.network import first_complaint
from snnhw.shell import Shell
from snnhw.verdict import Positive, Spread
from snnhw.wording import digits, shown

__all__ = ["BuildReport", "Cycles", "Time", "Timing", "Work", "load"]

REPORT, PAGE = "report.json", "report.txt"
"""The files of a report in the folder of a build."""

ENERGY_SOURCE = (
    "M. Horowitz, Computing's energy problem, ISSCC 2014: in 45 nm, 0.1 pJ for an addition of 32 bits and 10 pJ for "
    "64 bits read from 8 KB of SRAM; of the weights read and added alone, without clocks, wires and leakage of an FPGA"
)


class _Part(BaseModel):
    """What follows from other fields is written too, for readers of the JSON, and passed over when it is read."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Cycles(_Part):
    """Cycles of the network's circuit on a dataset's images, as ``snnhw.timing`` predicts them.

    The interface around it is not in them: bytes on a serial line take longer than all that a network does.
    """

    dataset: str
    images: int
    latency: Spread
    interval: Spread


class Time(_Part):
    """The mean image's time at the clock that was asked for."""

    latency_us: float
    interval_us: float
    images_per_s: float


class Work(_Part):
    """What the mean image costs: weights added, bits of weights read (lanes without a neuron included), energy."""

    synaptic_operations: float
    weight_bits_read: float
    energy_nj: float
    energy_source: str = ENERGY_SOURCE


class Timing(_Part):
    """The clock that was asked for, and the fastest one after place and route."""

    asked_mhz: Positive
    fmax_mhz: Positive
    worst_path_ns: float
    worst_path: tuple[str, ...]
    """The blocks that the worst path leads through, in order."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def slack_ns(self) -> float:
        """How much earlier than needed the worst path is done; negative where it is late."""
        return 1000 / self.asked_mhz - 1000 / self.fmax_mhz

    @computed_field  # type: ignore[prop-decorator]
    @property
    def met(self) -> bool:
        """Whether the circuit can run at the clock that was asked for."""
        return self.slack_ns >= 0


class BuildReport(_Part):
    """Everything that is known of a build."""

    schema_version: int = 1
    name: str
    digest: str
    semantics: tuple[str, ...]
    implementation: Implementation
    shell: Shell
    board: str | None
    programmer: tuple[str, ...]
    """How openFPGALoader is told of the board."""
    part: Part
    stages: dict[str, Cells]
    """What each stage takes after synthesis."""
    harness: Cells | None
    """What stands in for pins where there is no board; in no sum."""
    placed: dict[str, tuple[int, int]]
    """What place and route used of what there is, by its own names, the harness included."""
    clock_mhz: Positive
    timing: Timing | None
    """None where no tool that comes as a package places the part."""
    cycles: Cycles | None
    """None where there are no images of the network's shape."""
    work: Work | None
    seed: int
    tools: dict[str, str]
    bitstream: str | None
    """The name of the file beside the report; None where there is no board, or timing was missed."""
    bitstream_sha256: str | None
    patched_from: str | None = None
    """The digest of the model that was built, where these weights were put in the place of its."""
    seconds: dict[str, float]

    def __repr__(self) -> str:
        place = self.part.name if self.board is None else f"{self.board} ({self.part.name})"
        met = "timing unknown" if self.timing is None else "timing met" if self.timing.met else "timing missed"
        return shown(self, repr(self.name), place, f"{self.clock_mhz:g} MHz", met, f"{digits(self.total.lut)} LUT")

    def __str__(self) -> str:
        return repr(self)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> Cells:
        """What the circuit takes, all stages together."""
        return sum(self.stages.values(), Cells())

    @computed_field  # type: ignore[prop-decorator]
    @property
    def time(self) -> Time | None:
        """None where cycles are not known."""
        if self.cycles is None:
            return None
        latency, interval = (cycles.mean / self.clock_mhz for cycles in (self.cycles.latency, self.cycles.interval))
        return Time(latency_us=latency, interval_us=interval, images_per_s=1e6 / interval)

    @property
    def met(self) -> bool:
        """Whether nothing says that the circuit cannot run at the clock that was asked for."""
        return self.timing is None or self.timing.met

    @property
    def missed(self) -> str:
        """One line on timing that was missed; empty where it was not."""
        if self.timing is None or self.timing.met:
            return ""
        fastest = int(self.timing.fmax_mhz)
        return (
            f"timing missed: {self.timing.asked_mhz:g} MHz asked for, {self.timing.fmax_mhz:.1f} MHz reached; the "
            f"worst path ({self.timing.worst_path_ns:.1f} ns) leads through {' -> '.join(self.timing.worst_path)}; "
            f"ask for --clock {fastest}, fewer lanes or another --seed"
        )

    def record(self) -> dict[str, Any]:
        """The report as plain data for JSON, with what follows from it."""
        return self.model_dump(mode="json")


def load(path: str | os.PathLike[str]) -> BuildReport:
    """The report in a file, or in the folder of a build. Raises BoardError where there is none that can be read."""
    file = Path(path) / REPORT if Path(path).is_dir() else Path(path)
    try:
        return BuildReport.model_validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise BoardError(f"there is no report {file}: `snnhw build` writes report.json into its folder") from error
    except ValidationError as error:
        raise BoardError(f"{file} is no report of `snnhw build`: {first_complaint(error)}") from error
