"""The soak meets every kind there is, finds what is planted, and keeps it so that it can be found again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import golden.neuron
from snnhw.design import Design
from snnhw.implementation import MEMORY_KINDS, Implementation
from snnhw.model import Model
from snnhw.network import PER_CHANNEL, PER_NEURON, Leak, Neuron, Spike
from snnhw.points import POINTS, point
from snnhw.shell import Shell
from snnhw.simulate.amaranth import AmaranthSimulator
from tests import kinds
from tests.long_run import ENOUGH, Tally, report
from tests.soak.__main__ import main
from tests.soak.case import FIRST, Case, draw_case, read_case, write_case
from tests.soak.checks import CHECKS, Check, Refusal
from tests.soak.run import complaint_of, soak

CASES = [draw_case(1, number) for number in range(FIRST + 160)]
NEURONS = [layer.neuron for case in CASES for layer in case.model.network.stages if layer.neuron is not None]


SMALL = next(
    case
    for case in CASES[FIRST:]
    if len(case.model.network.stages) == 1
    and case.model.network.readout.kind == "membrane"
    and case.implementation.layers[0].synapse_lanes > 1
    and case.implementation.layers[0].memory == "rom"
)


def check(name: str) -> Check:
    return next(each for each in CHECKS if each.name == name)


def choices(field: Any) -> set[Any]:
    """What a field of a description can be."""
    return set(get_args(field.annotation))


def differ(expected: Iterable[Any], found: Iterable[Any]) -> set[Any]:
    return set(expected) ^ set(found)


def test_every_kind_of_network_occurs():
    networks = [case.model.network for case in CASES]
    stages = [stage for network in networks for stage in network.stages]
    assert not differ(kinds.SYNAPSES, (stage.synapse.kind for stage in stages))
    assert not differ(kinds.ENCODERS, (network.encoder.kind for network in networks))
    assert not differ(kinds.READOUTS, (network.readout.kind for network in networks))
    for kind, name, found in (
        (Leak, "kind", (neuron.leak for neuron in NEURONS)),
        (Leak, "rounding", (neuron.leak for neuron in NEURONS)),
        (Spike, "kind", (neuron.spike for neuron in NEURONS)),
        (Neuron, "reset", NEURONS),
    ):
        assert not differ(choices(kind.model_fields[name]), (getattr(each, name) for each in found)), name


def test_every_option_of_a_neuron_occurs():
    of_each = {name for neuron in NEURONS for name, value in neuron.parameters.items() if value == PER_NEURON}
    of_channels = {name for neuron in NEURONS for name, value in neuron.parameters.items() if value == PER_CHANNEL}
    assert of_each == of_channels == {"leak_amount", "threshold", "reset_amount", "initial"}
    for name in Neuron.model_fields:
        others = [neuron for neuron in NEURONS if getattr(neuron, name) != Neuron.model_fields[name].get_default()]
        assert others and (name == "threshold" or len(others) < len(NEURONS)), name


def test_every_way_to_build_occurs():
    built = [case.implementation for case in CASES]
    for name in ("schedule", "weights"):
        found = (getattr(each, name) for each in built)
        assert not differ(choices(Implementation.model_fields[name]), found), name
    assert {(each.queue, each.overlap) for each in built} == {(a, b) for a in (False, True) for b in (False, True)}
    assert not differ(MEMORY_KINDS, (layer.memory for each in built for layer in each.layers))
    lanes = {
        (stage.synapse.kind, layer.visits, layer.event_lanes)
        for case in CASES
        for stage, layer in zip(case.model.network.layers, case.implementation.layers, strict=True)
    }
    assert lanes >= {("dense", "events", 1), ("dense", "events", 2), ("conv2d", "events", 1), ("conv2d", "events", 2)}
    named = {name for case in CASES for name in POINTS if case.implementation == point(name, case.model.network)}
    assert named == set(POINTS)
    shells = {each.model_fields["kind"].default for each in get_args(get_args(Shell)[0])}
    assert not differ(shells, (case.shell.kind for case in CASES))


def test_the_edge_comes_first():
    first = CASES[:FIRST]
    for least in (1, 2, 3):
        assert any(case.model.network.inputs == least for case in first)
    assert any({layer.units for layer in case.model.layers} == {1} for case in first)
    assert any(case.model.network.num_steps == 1 for case in first)
    assert any(case.implementation.pixels_per_beat > case.model.network.inputs for case in first)
    assert {1, 16} <= {layer.synapse.weight_range.width for case in first for layer in case.model.network.stages}
    weighted = [layer for case in first for layer in case.model.layers if layer.has_weights]
    assert any((layer.weight == layer.synapse.weight_range.lo).all() for layer in weighted)
    assert all(case.samples[0].max() == 0 and case.samples[1].min() > 0 for case in first)


def test_a_case_is_the_same_whenever_it_is_drawn():
    again = draw_case(1, 70)
    assert again.model.digest == CASES[70].model.digest
    assert (again.implementation, again.shell, again.stall) == (
        CASES[70].implementation,
        CASES[70].shell,
        CASES[70].stall,
    )
    assert np.array_equal(again.samples, CASES[70].samples)
    assert draw_case(2, 70).model.digest != again.model.digest


def test_a_case_comes_back_from_its_files(tmp_path: Path):
    case, name = read_case(write_case(CASES[9], "yosys", "it is wrong", tmp_path))
    assert name == "yosys"
    assert (case.name, case.model.digest) == (CASES[9].name, CASES[9].model.digest)
    assert (case.implementation, case.shell, case.stall) == (
        CASES[9].implementation,
        CASES[9].shell,
        CASES[9].stall,
    )
    assert np.array_equal(case.samples, CASES[9].samples)
    assert [path.name for path in tmp_path.iterdir()] == [f"{case.name}-yosys"]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("name", ["oracle", "trainer"])
def test_a_fault_in_golden_is_found_and_found_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    import_module("snnhw.train.evaluate")  # torch takes seconds, which are not the soak's
    monkeypatch.chdir(tmp_path)
    command = ["--minutes", "0.1", "--seed", "1", "--only", name, "--out", "failed"]
    right = golden.neuron.leak
    monkeypatch.setattr(golden.neuron, "leak", lambda *arguments: right(*arguments) - 1)
    assert main(command) == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("failed: ")]
    assert len(failed) == ENOUGH
    place = Path(failed[0].partition("--replay ")[2].rstrip(")"))
    assert {path.name for path in place.iterdir()} == {
        "model.safetensors",
        "implementation.json",
        "samples.npz",
        "failure.txt",
    }
    assert f"python -m tests.soak --replay {place}" in (place / "failure.txt").read_text()
    number = int(place.name.split("-")[2])
    assert number < 10, "within a few cases"
    assert main(["--replay", str(place)]) == 1
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNNHW_CACHE", str(tmp_path))
    assert main(["--replay", str(place)]) == 0
    assert capsys.readouterr().out.endswith(f"{name}: passes now\n")


def test_a_fault_in_the_verilog_is_found():
    assert complaint_of(check("verilator-lint"), SMALL) is None
    case = replace(SMALL)
    case.__dict__["emitted"] = replace(SMALL.emitted, verilog=SMALL.emitted.verilog.replace("begin", "bgin", 1))
    assert "syntax error" in complaint_of(check("verilator-lint"), case)


def simulated(model: Model, implementation: Implementation) -> Case:
    """A case whose circuit is that of a model, built another way, in Amaranth's simulator."""
    case = replace(SMALL)
    case.__dict__["simulator"] = AmaranthSimulator(Design(model, implementation))
    return case


@pytest.mark.slow
def test_a_fault_in_the_circuit_is_found():
    name, *_ = SMALL.model.tensors
    wrong = {**SMALL.model.tensors, name: -1 - SMALL.model.tensors[name]}
    case = simulated(Model(SMALL.model.network, wrong), SMALL.implementation)
    for name in ("circuit", "pauses"):
        assert re.search(r"layer0, neuron \d+, integrated: golden", complaint_of(check(name), case))


@pytest.mark.slow
def test_cycles_that_are_not_as_predicted_are_found():
    slow = SMALL.implementation.layers[0].model_copy(update={"synapse_lanes": 1, "neuron_lanes": 1})
    case = simulated(SMALL.model, SMALL.implementation.model_copy(update={"layers": (slow,)}))
    assert complaint_of(check("circuit"), case) is None
    assert "are not as predicted" in complaint_of(check("cycles"), case)


@pytest.mark.parametrize("name", ["description", "model-file", "emission", "yosys"])
def test_whatever_a_check_raises_is_a_failure_of_one_line(name: str, monkeypatch: pytest.MonkeyPatch):
    def fails(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("in\ntwo lines")

    for replaced in ("load_description", "modelfile.load", "yosys", "json.loads"):
        monkeypatch.setattr(f"tests.soak.checks.{replaced}", fails)
    assert complaint_of(check(name), SMALL) == "ZeroDivisionError: in two lines"


def test_what_is_not_installed_is_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    missing = Check("tool", lambda case: "no", lacks=lambda: "a tool is not installed")
    unfit = Check("unfit", lambda case: refuse())
    tallies = soak(1, tmp_path, lambda number: number < 3, [missing, unfit])
    assert (tallies["tool"].cases, tallies["unfit"].cases, tallies["unfit"].refused) == (0, 0, 3)
    assert report(tallies)
    assert "a tool is not installed" in capsys.readouterr().out


def refuse() -> str:
    raise Refusal("it is not for this")


def test_a_check_that_has_failed_enough_is_left_out(tmp_path: Path):
    tallies = soak(1, tmp_path, lambda number: True, [Check("no", lambda case: "no")])
    assert tallies["no"].cases == ENOUGH == len(list(tmp_path.iterdir()))
    assert not report({"no": Tally(failures=["no"])})


def test_checks_take_turns(tmp_path: Path):
    seen: list[str] = []
    checks = [Check("each", lambda case: seen.append("each")), Check("third", lambda case: seen.append("third"), 3)]
    soak(1, tmp_path, lambda number: number < 4, checks)
    assert seen == ["each", "third", "each", "each", "each", "third"]
