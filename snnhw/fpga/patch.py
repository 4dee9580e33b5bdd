"""Other weights in the bitstream of a build: neither synthesis nor place and route, and the same as a rebuild."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from snnhw.data import Dataset
from snnhw.design import Design
from snnhw.errors import BoardError, DescriptionError, ModelError
from snnhw.files import write_atomically
from snnhw.fpga import place, tools
from snnhw.fpga.base import BASE, PLACED, Base
from snnhw.fpga.base import load as load_base
from snnhw.fpga.build import Step
from snnhw.fpga.cost import cost
from snnhw.fpga.folder import filled_beside
from snnhw.fpga.memories import Memory, split, split_emitted
from snnhw.fpga.pages import page
from snnhw.fpga.parts import FAMILIES
from snnhw.fpga.report import PAGE, REPORT, BuildReport, load
from snnhw.model import Model
from snnhw.semantics import semantics
from snnhw.verilog import Emitted, emit

__all__ = ["patch"]


def patch(
    build: str | os.PathLike[str],
    model: Model,
    out: str | os.PathLike[str],
    *,
    name: str = "snn",
    dataset: Dataset | None = None,
    overwrite: bool = False,
    on_step: Step | None = None,
) -> BuildReport:
    """Put the weights of a model into the circuit that lies in the folder ``build``, and write what comes of it.

    ``out`` is then as if the model had been built there, by the same tools and seed: its Verilog, its report, which
    also says whose build it was, and its bitstream, bit for bit. ``dataset`` are the images whose cycles and work are
    reported. ``out`` appears when it is whole, and a build that is there already is replaced with ``overwrite`` alone,
    as by `snnhw.fpga.build.build`.

    Raises BoardError where the build cannot be patched, and ModelError where the model's circuit differs from the
    build's in more than the contents of its memories; ToolError, ToolMissingError or OutputError.
    """
    folder, target = Path(build), Path(out)
    report, base = _patchable(folder)
    if target.resolve() == folder.resolve():
        raise BoardError(f"{out} is the build itself: choose another folder for the patched one")
    _check_network(model, folder)
    with filled_beside(out, overwrite=overwrite) as filled:
        return _patch_in(filled, folder, report, base, model, name, dataset, on_step or (lambda step: None))


def _patch_in(
    out: Path,
    folder: Path,
    report: BuildReport,
    base: Base,
    model: Model,
    name: str,
    dataset: Dataset | None,
    on_step: Step,
) -> BuildReport:
    """Patch the build in ``folder``, and write what comes of it into the empty folder ``out``."""
    start = time.perf_counter()
    design = Design(model, report.implementation)
    on_step("elaborating")
    emitted = emit(design, shell=report.shell)
    parts = split_emitted(emitted, base.built_in)
    if parts.digest != base.circuit:
        raise ModelError(
            f"the circuit of the model differs from the build's in more than the contents of its memories, first in "
            f"{_first_difference(parts.circuit, folder, emitted, base)}: build the model anew"
        )
    on_step("packing the bitstream")
    bitstream = _pack(report, base, parts.memories, folder, out)
    packed = time.perf_counter()
    cycles, work = None, None
    if dataset is not None:
        on_step("predicting the cycles of the images")
        cycles, work = cost(design, dataset)
    patched = report.model_copy(
        update={
            "name": name,
            "digest": model.digest,
            "semantics": tuple(semantics(model)),
            "cycles": cycles,
            "work": work,
            "bitstream_sha256": hashlib.sha256(bitstream).hexdigest(),
            "patched_from": report.patched_from or report.digest,
            "seconds": {"patching": round(packed - start, 3), "images": round(time.perf_counter() - packed, 3)},
        }
    )
    _write(patched, bitstream, emitted, folder, out)
    return patched


def _patchable(folder: Path) -> tuple[BuildReport, Base]:
    """The report of a build, and what it has kept."""
    report = load(folder)
    if report.board is None:
        raise BoardError(f"{folder} was built without a board, and has no bitstream: build it again with --board")
    if report.bitstream is None:
        raise BoardError(f"{folder} has no bitstream to be patched: {report.missed or 'its part is not placed here'}")
    return report, load_base(folder)


def _check_network(model: Model, folder: Path) -> None:
    """Raise ModelError where the build is of another network."""
    try:
        built = dict(json.loads((folder / "snn.json").read_text())["network"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BoardError(f"{folder / 'snn.json'} does not say what was built: build it again") from error
    wanted = model.network.model_dump(mode="json")
    if unlike := [field for field in wanted if wanted[field] != built.get(field)]:
        raise ModelError(f"{folder} was built for another network: {', '.join(unlike)} differ; build the model anew")


def _first_difference(circuit: str, folder: Path, emitted: Emitted, base: Base) -> str:
    """The first module of which the text is another."""
    top = emitted.interface.top
    try:
        files = {path.name: path.read_text() for path in folder.glob("*.hex")}
        built = split((folder / f"{top}.v").read_text(), files, base.built_in).circuit
    except (OSError, ValueError, KeyError) as error:
        raise BoardError(f"{folder / top}.v was changed since it was built: build it again") from error
    theirs = _modules(built)
    unlike = [module for module, text in _modules(circuit).items() if theirs.get(module) != text]
    more = f" and {len(unlike) - 1} more" if len(unlike) > 1 else ""
    return f"{unlike[0] if unlike else top}{more}"


def _modules(circuit: str) -> dict[str, str]:
    """The text of each module."""
    found = re.finditer(r"^module \\?(\S+?) ?\(.*?^endmodule", circuit, re.MULTILINE | re.DOTALL)
    return {module[1]: module[0] for module in found}


def _pack(report: BuildReport, base: Base, memories: Mapping[str, Memory], folder: Path, out: Path) -> bytes:
    """The bitstream of the placed circuit with these contents; the log goes into ``out``."""
    family = FAMILIES[report.part.family]
    if family.flow is None:
        raise DescriptionError(f"nothing that comes from a package packs {family.name} parts")
    with tempfile.TemporaryDirectory(prefix="snnhw_") as work:
        placed = Path(work) / place.PLACED
        shutil.copyfile(folder / PLACED, placed)
        base.fill(placed, family.name, memories)
        with tools.log_kept(Path(work), place.PACK_LOG, out):
            return place.pack(report.part, family.flow, Path(work))


def _write(report: BuildReport, bitstream: bytes, emitted: Emitted, folder: Path, target: Path) -> None:
    """Everything that a build leaves, the report last."""
    replaced = {REPORT, PAGE, BASE, place.PACK_LOG, report.bitstream, *emitted.files}
    for path in folder.iterdir():
        if path.is_file() and path.name not in replaced and path.suffix != ".hex":
            write_atomically(target / path.name, path.read_bytes())
    for file, text in emitted.files.items():
        write_atomically(target / file, text)
    write_atomically(target / BASE, (folder / BASE).read_bytes())
    write_atomically(target / str(report.bitstream), bitstream)
    write_atomically(target / PAGE, page(report))
    write_atomically(target / REPORT, report.model_dump_json(indent=1) + "\n")
