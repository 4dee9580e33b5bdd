import json
import re
from importlib import resources
from pathlib import Path

import pytest

from snnhw.errors import DescriptionError
from snnhw.stdp.grid import WeightMemory
from snnhw.stdp.learner import Learner
from snnhw.stdp.verilog import emit
from tests.tools import EDITIONS, lint, needs_icarus, run

TOY = Learner.usual(7, 4, pixels=9, classes=3, spikes=3)
CELL = "SB_SPRAM256KA.v"
CASES: dict[str, tuple[Learner, int, WeightMemory]] = {
    "one lane": (TOY, 1, "bram"),
    "four lanes": (TOY, 4, "bram"),
    "hard bounds": (TOY.model_copy(update={"bounds": "hard"}), 2, "bram"),
    "single-port RAM": (TOY, 2, "spram"),
}


def written(folder: Path, case: str) -> list[str]:
    """The files of a case's Verilog: the top module, and the cell that it has, if any."""
    learner, lanes, memory = CASES[case]
    emit(learner, lanes, "layer", memory=memory).write(folder)
    if memory == "bram":
        return ["layer.v"]
    (folder / CELL).write_text(resources.files("snnhw.simulate").joinpath("spram.v").read_text())
    return ["layer.v", CELL]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_verilator_finds_nothing_but_what_is_waived(tmp_path: Path, case: str):
    files = written(tmp_path, case)
    assert lint(tmp_path, "--top-module", "layer", "layer.vlt", *files) == set()


@pytest.mark.slow
@needs_icarus
@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("case", ["four lanes", "single-port RAM"])
def test_icarus_accepts_it_without_a_word(tmp_path: Path, case: str, edition: str):
    files = written(tmp_path, case)
    assert run(tmp_path, "iverilog", edition, "-Wall", "-s", "layer", "-o", "layer.vvp", *files) == ""


@pytest.mark.slow
def test_ports_are_those_described():
    made = emit(TOY, 2, "layer")
    found = re.search(r"^module layer\((.*?)\);", made.verilog, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert set(re.split(r"\s*,\s*", found[1].strip())) == {port.name for port in made.interface.ports}
    described = json.loads(made.description)
    assert described["learner"] == TOY.model_dump(mode="json")
    assert [stream["name"] for stream in described["interface"]["streams"]] == [
        *("command", "pixels", "weights_in", "neurons_in"),
        *("result", "weights_out", "neurons_out"),
    ]


@pytest.mark.parametrize("name", ["2learner", ""])
def test_a_name_that_verilog_has_not_is_refused(name: str):
    with pytest.raises(DescriptionError):
        emit(TOY, 4, name)
