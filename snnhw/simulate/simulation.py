"""What every cycle simulator takes and gives: one interface for all engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from gateware.windows import WindowPlan
from golden.network import LayerTrace
from snnhw.design import Design
from snnhw.errors import OutputError, ToolError
from snnhw.interface import Interface, StreamPort, Tap
from snnhw.network import Network
from snnhw.simulate.bits import Words
from snnhw.simulate.faults import Fault
from snnhw.simulate.taps import EncoderTrace, decode_encoder, decode_layer, unpack_field
from snnhw.wording import digits, quoted, shown, sizes

Mode = Literal["isolated", "stream"]
"""``isolated``: a sample is sent when the circuit is idle. ``stream``: samples follow each other without a pause."""

WaveformFormat = Literal["vcd", "fst"]
"""The format of a waveform, which is also the suffix of its file; FST is the compressed one."""

IDLE_CYCLES = 8
"""Cycles without a transfer before an isolated sample, and after the last result."""


def slowest(design: Design) -> int:
    """About the cycles that the slowest sample could need: one in which every input and neuron sends in every step."""
    step = sum(int(layer.weight_words.clip(min=1).sum()) + layer.units for layer in design.layers)
    plans = [WindowPlan(layer) for layer in design.layers if layer.chosen.visits == "windows"]
    step += sum(plan.visits * plan.phases for plan in plans)
    network = design.network
    repeats = network.encoder.value_range.hi if network.encoder.repeats else 1
    return network.num_steps * repeats * (step + network.inputs) + network.inputs


def patience(design: Design) -> int:
    """Cycles without a transfer at the ports after which a circuit counts as stuck: some times the slowest sample."""
    return 10_000 + 4 * slowest(design)


def stuck_message(sample: int, cycle: int, patience: int) -> str:
    """What there is to say of a run that ended before its last result."""
    return (
        f"the circuit gave no result for sample {sample} by cycle {cycle}, {patience} cycles after its ports were "
        "last active"
    )


class SimulationError(ToolError):
    """A circuit that gave no result within any time that it could need."""


@dataclass(frozen=True)
class Stall:
    """Random pauses from a seed: chances, out of 256 in each cycle, that source or sink is not ready."""

    seed: int = 0
    source: int = 64
    sink: int = 64

    def __post_init__(self) -> None:
        if not (0 <= self.source < 256 and 0 <= self.sink < 256 and self.seed >= 0):
            raise ValueError(f"stalls must have chances of 0 to 255 and a seed of at least 0, not {self}")


@dataclass(frozen=True)
class Waveform:
    """A file to write, of the time from sample ``first`` to the result of sample ``last`` (None: to the end).

    Raises OutputError where the suffix of ``path`` is not that of a format.
    """

    path: Path
    first: int = 0
    last: int | None = None

    def __post_init__(self) -> None:
        if self.path.suffix[1:] not in get_args(WaveformFormat):
            raise OutputError(f"the name of a waveform must end with .vcd or .fst, not {quoted(self.path.name)}")

    @property
    def format(self) -> WaveformFormat:
        """The format, by the suffix."""
        return "fst" if self.path.suffix == ".fst" else "vcd"

    def require(self, formats: tuple[WaveformFormat, ...]) -> None:
        """Raise OutputError where an engine that writes ``formats`` does not write this one."""
        if self.format not in formats:
            raise OutputError(
                f"Amaranth's simulator does not write .{self.format}: name a .vcd file in the place of "
                f"'{self.path.name}', or take --engine verilator, for which g++, c++ or clang++ must be installed"
            )


@dataclass(frozen=True)
class Simulation:
    """What a circuit did with B samples; R <= B of them gave a result."""

    network: Network
    interface: Interface
    samples: int
    """B"""
    results: Words
    """[R, words] payloads of the stream ``result``."""
    started: NDArray[np.int64]
    """[B or less] the cycle in which each sample's first transfer happened."""
    finished: NDArray[np.int64]
    """[R] the cycle of each result's transfer."""
    cycles: int
    """The length of the run."""
    error: bool
    """Whether the circuit's error flag was ever 1."""
    extra_results: int
    """Results beyond one a sample."""
    stuck: str | None
    """Why the run ended before the last result, in one line; None where it did not."""
    records: dict[str, Words] = field(default_factory=dict)
    """What the taps showed, by stage: [records, words], each signal from a word of its own."""
    errors: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    """[B + faults or less] the error flag after each sample and fault, in the order in which they were sent: in the
    cycle after its last transfer, or in the first one after its reset."""

    def __repr__(self) -> str:
        ended = "" if self.stuck is None else f"stuck: {self.stuck}"
        count = f"{len(self.finished)} results of {self.samples} samples"
        layers = sizes([self.network.inputs, *(layer.units for layer in self.network.layers)])
        return shown(self, layers, count, f"{digits(self.cycles)} cycles", ended)

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """The class of each result, [R]."""
        return self._result_field("class")[:, 0]

    @cached_property
    def scores(self) -> NDArray[np.int64]:
        """The scores of each result, [R, classes]."""
        return self._result_field("scores")

    @property
    def latency(self) -> NDArray[np.int64]:
        """Cycles from the transfer of a sample's first beat to that of its result, [R]."""
        return self.finished - self.started[: len(self.finished)]

    @property
    def interval(self) -> NDArray[np.int64]:
        """Cycles between results, [R - 1]."""
        return np.diff(self.finished)

    def require_complete(self) -> Simulation:
        """Return itself; raise SimulationError where a sample has no result."""
        if self.stuck is not None:
            raise SimulationError(self.stuck)
        return self

    def layer(self, stage: str) -> LayerTrace:
        """A layer's trace: arrays [num_steps, whole, units], whole <= B being the samples that were shown in full."""
        return decode_layer(self._tap(stage), self.records[stage], self.network.num_steps, self.samples)

    def surplus(self, stage: str) -> int:
        """How many records of a layer there are beyond B samples; negative where some are missing."""
        tap = self._tap(stage)
        return len(self.records[stage]) - self.samples * self.network.num_steps // tap.steps * len(tap.order)

    def encoder(self) -> EncoderTrace:
        """What the encoder sent."""
        return decode_encoder(self._tap("encoder"), self.records["encoder"])

    def _tap(self, stage: str) -> Tap:
        return next(tap for tap in self.interface.taps if tap.stage == stage)

    def _result_field(self, name: str) -> NDArray[np.int64]:
        return unpack_field(self.interface.result.field(name), self.results).astype(np.int64)


class Simulator(Protocol):
    """A circuit made ready to run; `run` may be called from several threads at once."""

    @property
    def sample_port(self) -> StreamPort:
        """The circuit's stream ``sample``."""
        ...

    def run(
        self,
        samples: NDArray[np.uint8],
        *,
        mode: Mode = "isolated",
        traces: bool = True,
        stall: Stall | None = None,
        faults: Sequence[Fault] = (),
        waveform: Waveform | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Simulation:
        """Run samples uint8 [B, *sample_shape] from reset, each run in a circuit of its own.

        ``traces`` records the taps. ``stall`` makes source and sink pause. Fault i of ``faults``, fewer than B, is sent
        between samples i and i + 1. ``progress`` is told the number of results now and then. A circuit that stops
        answering gives a simulation with ``stuck`` set. Raises OutputError for a waveform of a format that the engine
        does not write.
        """
        ...
