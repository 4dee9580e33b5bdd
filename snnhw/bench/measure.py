"""Measuring points: built once for each text of Verilog, verified once for each state of the program."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gateware
import golden
from golden.network import Golden, Result
from snnhw.bench.figures import Checked, Figures, Table
from snnhw.data import Dataset, check_images
from snnhw.errors import ToolError
from snnhw.files import write_atomically
from snnhw.fpga import report, tools
from snnhw.fpga.boards import find_board
from snnhw.fpga.build import build
from snnhw.fpga.parts import FAMILIES, find_part
from snnhw.fpga.report import BuildReport, Spread
from snnhw.fpga.surroundings import around
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.points import Point
from snnhw.simulate import cache, compiler
from snnhw.timing import floor
from snnhw.verify import verify
from snnhw.verilog import emit

__all__ = ["measure"]

OnStep = Callable[[int, int, str], None]
"""Told how many of how many points are done, and what is done next."""

_PACKAGE = Path(__file__).parents[1]
_TWINS = (Path(golden.__file__).parent, Path(gateware.__file__).parent)
_KIND = "bench"
_CHECKED = "checked.json"


def measure(name: str, model: Model, points: tuple[Point, ...], dataset: Dataset, on_step: OnStep) -> Table:
    """Build every point and verify it on all images, or take from the cache what was done before.

    Raises DatasetError where the images do not fit the network, and what `snnhw.fpga.build` and `snnhw.verify` raise.
    """
    check_images(dataset, model.network.sample_shape)
    bench, used = _Bench(name, model, dataset), compiler.versions()
    measured = []
    for number, point in enumerate(points):
        tell = partial(_tell, on_step, number, len(points), point.name)
        built = bench.built(point, tell)
        tell(f"{len(dataset):,} images")
        used |= built.tools
        measured.append(bench.figures(point, built))
    return Table(
        model=name,
        digest=model.digest,
        dataset=dataset.name,
        images=len(dataset),
        tools=used,
        points=tuple(measured),
    )


def _tell(on_step: OnStep, number: int, count: int, point: str, step: str) -> None:
    on_step(number, count, f"{point}: {step}")


@dataclass(frozen=True)
class _Bench:
    """A model and the images that its points are measured on."""

    name: str
    model: Model
    dataset: Dataset

    def figures(self, point: Point, built: BuildReport) -> Figures:
        """All that is known of a point."""
        fmax_mhz = built.timing.fmax_mhz if built.timing else None
        checked = self.checked(point.implementation(self.model.network))
        return Figures(
            **built.total.model_dump(),
            **checked.model_dump(),
            name=point.name,
            part=built.part.name,
            board=point.board,
            fmax_mhz=fmax_mhz,
            clock_mhz=fmax_mhz or built.clock_mhz,
            met=built.met,
        )

    def built(self, point: Point, on_step: Callable[[str], None]) -> BuildReport:
        """The point's build: one for each text of Verilog, of clock and pins, and of the tools."""
        target = find_board(point.board) if point.board is not None else find_part(point.part)
        implementation = _quickly_read(point.implementation(self.model.network))
        on_step("Verilog")
        surroundings = around(target, point.clock_mhz, None)
        emitted = emit(self.model, implementation, shell=surroundings.shell)
        part = find_part(point.part)
        flow = FAMILIES[part.family].flow
        key = cache.digest(
            {
                "circuit": [emitted.files, surroundings.verilog(emitted) if surroundings.name is not None else None],
                "clock_mhz": surroundings.clock_mhz,
                "pins": surroundings.board.constraints if surroundings.board is not None else None,
                "part": part.model_dump(),
                "tools": tools.versions("pyosys", *([flow.nextpnr[0], flow.pack[0]] if flow else [])),
                "program": _digest(_PACKAGE / "fpga"),
            }
        )

        def run(folder: Path) -> None:
            build(
                self.model,
                implementation,
                target,
                folder,
                name=self.name,
                clock_mhz=point.clock_mhz,
                on_step=on_step,
            )

        return report.load(cache.cached(_KIND, key, run))

    def checked(self, implementation: Implementation) -> Checked:
        """Cycles, floors and equality with golden, of all images: once for each state of the program."""
        key = cache.digest(
            {
                "model": self.model.digest,
                "implementation": implementation.model_dump(),
                "images": self.dataset.digest,
                "tools": compiler.versions(),
                "program": _digest(_PACKAGE, _PACKAGE / "simulate", *_TWINS),
            }
        )

        def run(folder: Path) -> None:
            write_atomically(folder / _CHECKED, self._check(implementation).model_dump_json())

        return Checked.model_validate_json((cache.cached(_KIND, key, run) / _CHECKED).read_text())

    def _check(self, implementation: Implementation) -> Checked:
        found = verify(self.model, implementation, self._samples, self.dataset.labels, engine="verilator")
        if found.cycles is None:
            raise ToolError(f"the circuit gave no result at all: {'; '.join(found.problems)}")
        least = floor(self.model, implementation, self._golden)
        return Checked(
            cycles=Spread(**vars(found.cycles)),
            interval=Spread(**vars(found.interval or found.cycles)),
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
        return check_images(self.dataset, self.model.network.sample_shape)

    @cached_property
    def _golden(self) -> Result:
        return Golden(self.model).run(self._samples, traces=True)


def _quickly_read(implementation: Implementation) -> Implementation:
    """The same circuit with its weights in files, which yosys reads in a hundredth of the time."""
    return implementation.model_copy(update={"weights": "readmemh"})


def _digest(*folders: Path) -> str:
    """A digest of the program's text in some folders, without those below them."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.suffix in (".py", ".cpp", ".v"):
                digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
