"""Measuring points and boards: built once for each text of Verilog, verified once for each state of the program."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gateware
import golden
from golden.network import Golden, Result
from snnhw.bench.figures import BoardFigures, Checked, PointFigures, Table
from snnhw.data import Dataset, check_images, check_labels
from snnhw.design import Design
from snnhw.errors import FitError, ToolError
from snnhw.files import write_atomically
from snnhw.fpga import report, tools, vivado
from snnhw.fpga.boards import Board, find_board
from snnhw.fpga.build import build_in
from snnhw.fpga.parts import FAMILIES, Part, find_part
from snnhw.fpga.report import BuildReport
from snnhw.fpga.room import check_design
from snnhw.fpga.surroundings import around
from snnhw.model import Model
from snnhw.points import Point, point
from snnhw.simulate import cache, compiler
from snnhw.timing import floor
from snnhw.verification import verify
from snnhw.verilog import emit

__all__ = ["Example", "measure"]

OnStep = Callable[[int, int, str], None]
"""Told how many of how many points and boards are done, and what is done next."""

_PACKAGE = Path(__file__).parents[1]
_TWINS = (Path(golden.__file__).parent, Path(gateware.__file__).parent)
_KIND = "bench"
_CHECKED = "checked.json"


@dataclass(frozen=True)
class Example:
    """A model that is to be built for a board, whose name is the one that ``--board`` takes."""

    name: str
    board: Board
    model_name: str
    model: Model

    @property
    def design(self) -> Design:
        """What a build for the board is unless told."""
        if self.board.point is None:
            return Design.of(self.model)
        return Design(self.model, point(self.board.point, self.model.network))


def measure(
    name: str,
    model: Model,
    points: tuple[Point, ...],
    examples: tuple[Example, ...],
    dataset: Dataset,
    on_step: OnStep,
) -> Table:
    """Build every point of a model, and every example, and verify it on all images, or take both from the cache.

    What a part has no room for is told apart. Raises DatasetError where images or labels do not fit a network, and what
    `snnhw.fpga.build` and `snnhw.verification` raise else.
    """
    for each in (model, *(example.model for example in examples)):
        check_images(dataset, each.network)
        check_labels(dataset, each.network.classes)
    used = compiler.versions()
    bench, no_room = _Bench(name, model, dataset, used), dict[str, str]()
    tell = partial(_tell, on_step, len(points) + len(examples))
    measured: list[PointFigures] = []
    boards: list[BoardFigures] = []
    for number, chosen in enumerate(points):
        with _noted(no_room, chosen.name):
            measured.append(bench.point_figures(chosen, partial(tell, number, chosen.name)))
    for number, example in enumerate(examples, len(points)):
        own = _Bench(example.model_name, example.model, dataset, used)
        with _noted(no_room, example.name):
            boards.append(own.board_figures(example, partial(tell, number, example.name)))
    return Table(
        model=name,
        digest=model.digest,
        dataset=dataset.name,
        images=len(dataset),
        tools=used,
        points=tuple(measured),
        boards=tuple(boards),
        beside_peers=not any(layer.synapse.channelled for layer in model.network.layers),
        no_room=no_room,
    )


@contextmanager
def _noted(no_room: dict[str, str], name: str) -> Iterator[None]:
    """Keep what is said of a part that is too small."""
    try:
        yield
    except FitError as error:
        no_room[name] = str(error)


def _tell(on_step: OnStep, count: int, number: int, name: str, step: str) -> None:
    on_step(number, count, f"{name}: {step}")


@dataclass(frozen=True)
class _Bench:
    """A model and the images that it is measured on; the versions of the tools are added to those that are used."""

    name: str
    model: Model
    dataset: Dataset
    used: dict[str, str] = field(default_factory=dict)

    def point_figures(self, chosen: Point, on_step: Callable[[str], None]) -> PointFigures:
        """All that is known of a point, built for its board or part."""
        target = find_board(chosen.board) if chosen.board is not None else find_part(chosen.part)
        design = Design(self.model, chosen.implementation(self.model.network))
        built = self.built(target, design, chosen.clock_mhz, on_step)
        fields = self._fields(built, design, on_step)
        return PointFigures(
            **fields, name=chosen.name, board=chosen.board, clock_mhz=fields["fmax_mhz"] or built.clock_mhz
        )

    def board_figures(self, example: Example, on_step: Callable[[str], None]) -> BoardFigures:
        """All that is known of what is built for a board."""
        built = self.built(example.board, example.design, None, on_step)
        return BoardFigures(
            **self._fields(built, example.design, on_step),
            name=example.name,
            clock_mhz=built.clock_mhz,
            title=example.board.name,
            model=self.name,
            digest=self.model.digest,
            point=example.board.point,
            made=built.bitstream if built.timing else vivado.SCRIPT,
            bitstream_sha256=built.bitstream_sha256,
        )

    def _fields(self, built: BuildReport, design: Design, on_step: Callable[[str], None]) -> dict[str, Any]:
        """What is told of points and boards alike."""
        on_step(f"{len(self.dataset):,} images")
        self.used.update(built.tools)
        return {
            **built.total.model_dump(),
            **self.checked(design).model_dump(),
            "part": built.part.name,
            "fmax_mhz": built.timing.fmax_mhz if built.timing else None,
            "met": built.met,
        }

    def built(
        self,
        target: Board | Part,
        design: Design,
        clock_mhz: float | None,
        on_step: Callable[[str], None],
    ) -> BuildReport:
        """A build: one for each text of Verilog, of clock and pins, and of the tools."""
        part = target if isinstance(target, Part) else target.device
        check_design(design, part)
        on_step("elaborating")
        surroundings = around(target, clock_mhz, None)
        emitted = emit(design, shell=surroundings.shell)
        flow = FAMILIES[part.family].flow
        key = cache.digest(
            {
                "circuit": emitted.files | surroundings.files(emitted),
                "clock_mhz": surroundings.clock_mhz,
                "pins": surroundings.board.constraints if surroundings.board is not None else None,
                "part": part.model_dump(),
                "tools": tools.versions("pyosys", *([flow.nextpnr[0], flow.pack[0]] if flow else [])),
                "program": _digest(_PACKAGE / "fpga"),
            }
        )

        def run(folder: Path) -> None:
            build_in(
                folder,
                design,
                target,
                name=self.name,
                clock_mhz=clock_mhz,
                on_step=on_step,
            )

        return report.load(cache.cached(_KIND, key, run))

    def checked(self, design: Design) -> Checked:
        """Cycles, floors and equality with golden, of all images: once for each state of the program."""
        key = cache.digest(
            {
                "model": self.model.digest,
                "implementation": design.implementation.model_dump(),
                "images": self.dataset.digest,
                "tools": compiler.versions(),
                "program": _digest(_PACKAGE, _PACKAGE / "simulate", *_TWINS),
            }
        )

        def run(folder: Path) -> None:
            write_atomically(folder / _CHECKED, self._check(design).model_dump_json())

        return Checked.model_validate_json((cache.cached(_KIND, key, run) / _CHECKED).read_text())

    def _check(self, design: Design) -> Checked:
        found = verify(design, self._samples, self.dataset.labels, engine="verilator")
        if found.cycles is None:
            raise ToolError(f"the circuit gave no result at all: {'; '.join(found.problems)}")
        least = floor(design, self._golden)
        return Checked(
            cycles=found.cycles,
            interval=found.interval or found.cycles,
            floor_cycles=float(least.latency.mean()),
            floor_interval=least.interval,
            images=found.images,
            correct=found.correct,
            mismatches=found.mismatches,
            timing_mismatches=found.timing_mismatches or 0,
            problems=found.problems,
            values=found.values,
        )

    @cached_property
    def _samples(self) -> NDArray[np.uint8]:
        return check_images(self.dataset, self.model.network)

    @cached_property
    def _golden(self) -> Result:
        return Golden(self.model).run(self._samples, traces=True)


def _digest(*folders: Path) -> str:
    """A digest of the program's text in some folders, without those below them."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.suffix in (".py", ".cpp", ".v"):
                digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
