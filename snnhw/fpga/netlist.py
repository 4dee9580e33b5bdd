"""The circuit after synthesis against golden: the netlist of a part's cells, simulated as yosys describes them.

A netlist has no verification taps, since nobody reads them: classes, scores and cycles are compared.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golden.network import Golden
from snnhw.compare import compare
from snnhw.design import Design
from snnhw.errors import DescriptionError, ToolError
from snnhw.fpga import synthesis, tools
from snnhw.fpga.memories import split_emitted
from snnhw.fpga.parts import FAMILIES
from snnhw.fpga.stages import Stages
from snnhw.labels import checked_labels
from snnhw.recovery import check_recovery
from snnhw.samples import check_samples
from snnhw.simulate.engines import starts_empty
from snnhw.simulate.simulation import Stall, patience
from snnhw.simulate.verilator import VerilatorSimulator
from snnhw.timing import mistimed, predict
from snnhw.verdict import Spread, Verdict
from snnhw.verification import MODES
from snnhw.verilog import emit
from snnhw.weights import image
from snnhw.wording import digits, one_of

__all__ = ["NetlistReport", "simulator", "verify_netlist"]

CELLS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ice40": ("ice40/cells_sim.v", ()),
        "ecp5": ("ecp5/cells_sim.v", ("block_ram.v", "ecp5.v")),
        "xc7": ("xilinx/cells_sim.v", ("block_ram.v", "xc7.v")),
    }
)
"""Yosys's models of a family's cells, in its own folder, and this package's of those that yosys leaves empty."""

_VERILOG = "netlist.v"
_LOG = "netlist.log"
_WRITE = f"""
from pyosys import libyosys
design = libyosys.Design()
libyosys.run_pass("read_json {synthesis.NETLIST}", design)
libyosys.run_pass("delete */t:$scopeinfo", design)
libyosys.run_pass("splitnets", design)
libyosys.run_pass("write_verilog -noattr {_VERILOG}", design)
"""
# Split, because whole vectors of a carry chain would seem to depend on themselves.


@dataclass(frozen=True, repr=False)
class NetlistReport(Verdict):
    """What `verify_netlist` found; the fields are those of `snnhw.verification.Report` of the same names."""

    family: str
    images: int
    mismatches: int
    """Images of which the class or a score differs in any mode."""
    correct: int | None
    cycles: Spread | None
    interval: Spread | None
    timing_mismatches: int
    recoveries: int
    cells: int
    """Cells of the netlist."""
    digest: str
    problems: tuple[str, ...]
    seconds: float
    build_seconds: float

    @property
    def equal(self) -> bool:
        """Whether the netlist is golden's equal on these images, cycles included."""
        return super().equal and not self.timing_mismatches

    @property
    def shown_parts(self) -> tuple[str, ...]:
        """What was compared, in a line."""
        return (f"{self.images - self.mismatches} of {self.images} images", f"{digits(self.cells)} {self.family} cells")


def verify_netlist(
    design: Design,
    samples: NDArray[np.uint8],
    labels: NDArray[Any] | None = None,
    *,
    family: str,
    stall: Stall | None = None,
    on_step: Callable[[str], None] | None = None,
) -> NetlistReport:
    """Synthesise the circuit of a model for a family of parts, run samples uint8 [B, *sample_shape], and compare.

    ``labels`` are integers [B], each a class. ``stall`` makes source and sink pause; cycles are then not compared.
    ``on_step`` is told what is done next. Raises DescriptionError for an unknown family, ToolError or ToolMissingError;
    ValueError for samples or labels of another kind, shape or range.
    """
    samples = check_samples(design.network, samples)
    if labels is not None:
        labels = checked_labels(labels, len(samples), design.network.classes)
    told = on_step or (lambda step: None)
    begun = time.perf_counter()
    told("synthesis")
    circuit = simulator(design, family)
    told("compiling the netlist")
    circuit.prepare()
    built = time.perf_counter()
    told("images")
    golden = Golden(design.model)
    expected = golden.run(samples, traces=True)
    runs = {mode: circuit.run(samples, mode=mode, stall=stall) for mode in MODES}
    isolated, stream = runs["isolated"], runs["stream"]
    comparisons = [compare(run, expected, mode) for mode, run in runs.items()]
    differs = np.any([comparison.differs for comparison in comparisons], axis=0)
    recovery = check_recovery(circuit, golden, samples, stall=stall)
    predicted = predict(design, expected)
    unlike = 0
    if stall is None:
        unlike = mistimed(isolated.latency, predicted.latency) + mistimed(stream.interval, predicted.interval)
    known = isolated.classes[: len(samples)]
    return NetlistReport(
        family=family,
        images=len(samples),
        mismatches=int(np.count_nonzero(differs)),
        correct=None if labels is None else int(np.count_nonzero(known == labels[: len(known)])),
        cycles=Spread.rounded(isolated.latency),
        interval=Spread.rounded(stream.interval),
        timing_mismatches=unlike,
        recoveries=recovery.dropped,
        cells=len(re.findall(_INSTANCE, circuit.verilog)),
        digest=design.model.digest,
        problems=(*(problem for found in comparisons for problem in found.problems), *recovery.besides(differs)),
        seconds=round(time.perf_counter() - built, 3),
        build_seconds=round(built - begun, 3),
    )


def simulator(design: Design, family: str) -> VerilatorSimulator:
    """The netlist of a model's circuit, with the models of its cells, made ready to run; its interface has no taps.

    What starts empty is loaded first.
    """
    if family not in CELLS:
        raise DescriptionError(one_of("the family of a netlist", family, CELLS))
    emitted = emit(design)
    top = emitted.interface.top
    with tempfile.TemporaryDirectory(prefix="snnhw_") as temporary:
        folder = Path(temporary)
        split_emitted(emitted).write(folder, top)
        synthesis.synthesise([f"{top}.v"], top, FAMILIES[family], folder, Stages.of(design.network))
        if tools.run([sys.executable, "-c", _WRITE], folder, _LOG) != 0:
            raise tools.first_error(folder, _LOG, "yosys")
        netlist = (folder / _VERILOG).read_text()
    return VerilatorSimulator(
        network=design.network,
        interface=emitted.interface.model_copy(update={"taps": ()}),
        verilog=netlist + cells(netlist, family),
        patience=patience(design),
        optimise=False,  # a netlist is large, and runs for a few images
        images=(image(design.model, design),) if starts_empty(design) else (),
    )


def cells(netlist: str, family: str) -> str:
    """The models of the cells that a netlist instantiates."""
    source, own = CELLS[family]
    package = resources.files("snnhw.fpga").joinpath("cells")
    ours = "".join(package.joinpath(name).read_text() for name in own)
    theirs = _ATTRIBUTE.sub("", _included(_yosys_share() / source))
    # This package's stand in the place of those that yosys leaves empty.
    texts = {found[1]: found[0] for text in (theirs, ours) for found in _MODULE_TEXT.finditer(text)}
    used: set[str] = set()
    wanted = set(_INSTANCE.findall(netlist)) & set(texts)
    while wanted:  # cells consist of others
        used |= wanted
        parts = {word for name in wanted for word in _WORD.findall(texts[name])}
        wanted = (parts & set(texts)) - used

    def kept(text: str) -> str:
        return _MODULE_TEXT.sub(lambda found: found[0] if found[1] in used and found[0] in texts.values() else "", text)

    return kept(ours) + kept(theirs)


_INSTANCE = re.compile(r"^  (\w+) (?:#\(|\\\S+ +\(|\w+ \()", re.MULTILINE)
"""A cell of a netlist, as yosys writes it."""
_ATTRIBUTE = re.compile(r"\(\*(?!\)).*?\*\)", re.DOTALL)
_WORD = re.compile(r"\w+")
_MODULE_TEXT = re.compile(r"^module\s+\\?([\w$]+).*?\bendmodule\b", re.MULTILINE | re.DOTALL)


def _yosys_share() -> Path:
    """The folder of yosys's own files."""
    tools.require("pyosys")
    spec = find_spec("pyosys")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "share"
    if not folder.is_dir():
        raise ToolError(f"pyosys lacks its folder {folder}; install it again")
    return folder


def _included(path: Path) -> str:
    """A file's text, with those that it includes in their places."""
    return re.sub(r'^`include "(.+?)"$', lambda found: _included(path.parent / found[1]), path.read_text(), flags=re.M)
