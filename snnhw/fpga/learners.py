"""Circuits that learn as a build takes them: a learner by STDP, a spiking RBM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np

import gateware.srbm
import gateware.stdp
import snnhw.srbm.evaluate
import snnhw.srbm.timing
import snnhw.srbm.verilog
import snnhw.stdp.evaluate
import snnhw.stdp.timing
import snnhw.stdp.verilog
from golden.srbm import Srbm, Tick
from golden.stdp import spike_steps
from snnhw.data import Dataset
from snnhw.fpga.report import CommandImplementation, Cycles, Work
from snnhw.fpga.subject import BuildSubject
from snnhw.srbm.grid import Grid
from snnhw.srbm.model import SrbmModel
from snnhw.stdp.grid import StdpGrid, WeightMemory
from snnhw.stdp.model import StdpModel
from snnhw.verdict import Spread

__all__ = ["LEARNER_ADVICE", "MACHINE_ADVICE", "MOST_IMAGES", "srbm_subject", "stdp_subject"]

MOST_IMAGES = 20
"""Images of a dataset whose inferences are predicted, for a spiking RBM takes a tenth of a second for each."""

_FEWER = "take fewer lanes (--lanes N), or another board or part (--board)"
_LANES = dict.fromkeys(("logic cells", "flip-flops", "LUTs", "LUT RAMs", "multipliers"), _FEWER)
LEARNER_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **_LANES,
        "block RAMs": "take another board or part (--board), weights in single-port RAM where the part has it "
        "(--spram), or a model of fewer neurons or bits; other lanes (--lanes N) may waste less",
        "single-port RAMs": "leave --spram out, or take another board or part (--board), or a model of fewer neurons",
    }
)
"""What to change where a part has not enough for a learner by STDP."""
MACHINE_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **_LANES,
        "block RAMs": "take another board or part (--board), or a model of fewer hidden units; other lanes (--lanes N) "
        "may waste less",
    }
)
"""What to change where a part has not enough for a spiking RBM."""


def stdp_subject(model: StdpModel, lanes: int, memory: WeightMemory = "bram") -> BuildSubject:
    """A learner by STDP in so many lanes as a build takes it; what it has learned is not in its circuit.

    Raises ValueError for lanes or a memory that do not fit.
    """
    learner, grid = model.learner, StdpGrid(model.learner, lanes, memory)

    def cycles(dataset: Dataset) -> Iterator[int]:
        images, _ = snnhw.stdp.evaluate.inputs(learner, dataset)
        golden, timing = snnhw.stdp.evaluate.golden(model), snnhw.stdp.timing.Timing(grid)
        for image in images:
            yield timing.infer(spike_steps(image, learner.num_steps), golden.infer(image))

    return BuildSubject(
        digest=model.digest,
        semantics=(snnhw.stdp.verilog.size_line(learner),),
        implementation=CommandImplementation(lanes=lanes, memory=memory),
        instances=gateware.stdp.PARTS,
        emit=lambda shell: snnhw.stdp.verilog.emit(learner, lanes, memory=memory, shell=shell),
        cost=lambda dataset: _cost(dataset, cycles),
        advice=LEARNER_ADVICE,
        spram=memory == "spram",
    )


def srbm_subject(model: SrbmModel, lanes: int) -> BuildSubject:
    """A spiking RBM in so many lanes as a build takes it; what it has learned is not in its circuit.

    Raises ValueError for lanes that do not fit.
    """
    machine, grid = model.machine, Grid(model.machine, lanes)

    def cycles(dataset: Dataset) -> Iterator[int]:
        images, _ = snnhw.srbm.evaluate.inputs(model, dataset)
        golden = Srbm(machine, model.gp, model.gm, walk=model.walk, refresh=model.refresh)
        timing = snnhw.srbm.timing.Timing(grid)
        for bits in images:
            ticks = list[Tick]()
            golden.infer(bits, trace=ticks.append)
            yield timing.infer(np.array([tick.rows for tick in ticks]), np.array([tick.columns for tick in ticks]))

    return BuildSubject(
        digest=model.digest,
        semantics=(snnhw.srbm.verilog.size_line(machine),),
        implementation=CommandImplementation(lanes=lanes),
        instances=gateware.srbm.PARTS,
        emit=lambda shell: snnhw.srbm.verilog.emit(machine, lanes, shell=shell),
        cost=lambda dataset: _cost(dataset, cycles),
        advice=MACHINE_ADVICE,
    )


def _cost(dataset: Dataset, cycles: Callable[[Dataset], Iterator[int]]) -> tuple[Cycles, Work | None]:
    """Cycles of inferences of a dataset's first images; the next command is taken in the cycle after a result."""
    latency = np.fromiter(cycles(dataset.first(MOST_IMAGES)), np.int64)
    interval = latency + 1
    spreads = {"latency": Spread.of(latency), "interval": Spread.of(interval)}
    return Cycles(dataset=dataset.name, images=len(latency), **spreads), None
