import json
import re
from pathlib import Path

import pytest

from snnhw.emission import EmittedCommandCircuit
from snnhw.errors import DescriptionError
from snnhw.srbm.machine import Machine, RandomSampling, Synapse
from snnhw.srbm.verilog import emit
from tests.tools import EDITIONS, SYSTEM_VERILATOR, lint, needs_icarus, needs_system_verilator, run

TOY = Machine(pixels=9, classes=3, labels_per_class=2, hidden=7, biases=2)
ONE_DEVICE = Synapse(cell="3T1R", update="gradual", refresh_rows=0)
CASES = {
    "one lane": (TOY, 1),
    "four lanes": (TOY, 4),
    "more lanes than units": (TOY.model_copy(update={"biases": 0}), 8),
    "one device": (TOY.model_copy(update={"synapse": ONE_DEVICE, "noise": RandomSampling()}), 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_verilator_finds_nothing_but_what_is_waived(tmp_path: Path, case: str):
    emit(*CASES[case], name="learner").write(tmp_path)
    assert lint(tmp_path, "--top-module", "learner", "learner.vlt", "learner.v") == set()


@pytest.mark.slow
@needs_system_verilator
def test_so_does_an_old_verilator(tmp_path: Path):
    emit(TOY, 4, name="learner").write(tmp_path)
    files = ("--top-module", "learner", "learner.vlt", "learner.v")
    assert lint(tmp_path, *files, program=SYSTEM_VERILATOR) == set()


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("edition", EDITIONS)
def test_icarus_accepts_it_without_a_word(tmp_path: Path, edition: str):
    emit(TOY, 4, name="learner").write(tmp_path)
    assert run(tmp_path, "iverilog", edition, "-Wall", "-o", "learner.vvp", "learner.v") == ""


@pytest.fixture(scope="module")
def learner() -> EmittedCommandCircuit:
    return emit(TOY, 4, "learner")


@pytest.mark.slow
def test_the_same_machine_gives_the_same_text(learner: EmittedCommandCircuit):
    assert emit(TOY, 4, "learner").files == learner.files


def test_ports_are_those_described(learner: EmittedCommandCircuit):
    text = re.search(r"^module learner\((.*)\);", learner.verilog, re.MULTILINE)[1]
    assert set(text.split(", ")) == {port.name for port in learner.interface.ports}
    described = json.loads(learner.description)
    assert described["machine"] == TOY.model_dump(mode="json")
    assert [stream["name"] for stream in described["interface"]["streams"]] == [
        *("command", "pixels", "levels_in"),
        *("result", "image", "levels_out"),
    ]


def test_what_a_load_must_bring_is_said(learner: EmittedCommandCircuit):
    said = f"// A load must bring a walk other than 0 and a refresh below {TOY.rows}, the number of rows.\n"
    assert said in learner.verilog


def test_levels_stand_in_memories_alone(learner: EmittedCommandCircuit):
    """A bank is a module of its own, and no line gives a synapse its first level."""
    text = learner.verilog
    assert len(re.findall(r"^  learner_bank #\(", text, re.MULTILINE)) == 4
    assert text.count("module learner_bank") == 1
    assert "levels[0] =" not in text


@pytest.mark.parametrize("name", ["2learner", ""])
def test_a_name_that_verilog_has_not_is_refused(name: str):
    with pytest.raises(DescriptionError):
        emit(TOY, 4, name)
