import json
from pathlib import Path

import pytest

from snnhw.cli.app import run
from snnhw.simulate.simulation import Stall
from snnhw.srbm import verify
from snnhw.srbm.machine import Machine
from snnhw.srbm.model import SrbmModel, initial_levels, save_srbm
from snnhw.srbm.verify import Plan, SrbmReport
from snnhw.tally import Divergence

MACHINE = Machine(hidden=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("machine") / "m.safetensors"
    return str(save_srbm(SrbmModel(MACHINE, *initial_levels(MACHINE, 58.0, seed=1)), path))


def report(**fields: object) -> SrbmReport:
    counts = dict.fromkeys(("spikes", "membranes", "levels", "results", "mismatches", "timing_mismatches"), 0)
    images = {"train_images": 1, "infer_images": 0, "regenerate_images": 0, "lanes": 16}
    cycles = dict.fromkeys(("train_cycles", "infer_cycles", "regenerate_cycles"), None)
    rest = {"divergence": None, "problems": (), "seconds": 1.0, "build_seconds": 2.0, "digest": "0"}
    return SrbmReport(**{**images, **counts, **cycles, **rest, **fields})


class Stub:
    """Stands in for the comparison, and keeps what it was asked for."""

    def __init__(self, answer: SrbmReport) -> None:
        self.answer = answer

    def __call__(self, model, bits, labels, plan, *, lanes, stall, progress):
        self.images, self.plan, self.lanes, self.stall = len(bits), plan, lanes, stall
        return self.answer


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    found = Stub(report())
    monkeypatch.setattr(verify, "verify_srbm", found)
    return found


def test_what_is_asked_for(model: str, stub: Stub, capsys: pytest.CaptureFixture[str]):
    assert run(["verify", model, "--train-images", "3", "--infer-images", "7", "--lanes", "4", "--json"]) == 0
    assert (stub.plan, stub.lanes, stub.images) == (Plan(train=3, infer=7, regenerate=2), 4, 7)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["model"], printed["dataset"], printed["equal"]) == (model, "sample", True)


def test_what_is_run_unless_told(model: str, stub: Stub, capsys: pytest.CaptureFixture[str]):
    assert run(["verify", model]) == 0
    assert (stub.plan, stub.lanes, stub.stall) == (Plan(), verify.LANES, None)
    assert "equal: 1 training images, 0 inferences, 0 regenerations" in capsys.readouterr().out


def test_pauses_and_rare_dumps_where_they_are_asked_for(model: str, stub: Stub, capsys: pytest.CaptureFixture[str]):
    stub.answer = report(timing_mismatches=None)
    assert run(["verify", model, "--stall", "7", "--dump-every", "3"]) == 0
    assert (stub.plan, stub.stall) == (Plan(dump_every=3), Stall(7))
    assert "cycles predicted            not compared: sources and sinks paused" in capsys.readouterr().out


@pytest.mark.parametrize(
    "answer",
    [
        report(mismatches=2, divergence=Divergence("train 3", "tick 5", "hidden", 2, 7, -7)),
        report(problems=("the circuit got stuck",)),
        report(timing_mismatches=1),
    ],
    ids=["a value", "a problem", "a cycle"],
)
def test_status_1_where_something_differs(
    model: str, stub: Stub, answer: SrbmReport, capsys: pytest.CaptureFixture[str]
):
    stub.answer = answer
    assert run(["verify", model]) == 1
    printed = capsys.readouterr().out
    if answer.divergence is not None:
        assert "train 3, tick 5, hidden 2: golden 7, circuit -7" in printed


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["verify", "MODEL", "--lanes", "3"], "--lanes of a spiking RBM must be a power of two of at most 32, not 3"),
        (["verify", "MODEL", "--lanes", "64"], "not 64"),
        (["verify", "MODEL", "--netlist", "ecp5"], "--netlist is not for a spiking RBM: it takes --dataset"),
        (["verify", "MODEL", "--train-images", "0", "--infer-images", "0"], "there is nothing to compare"),
        (["verify", "mnist-mlp", "--train-images", "2"], "--train-images is not for a network: it takes --dataset"),
        (["verilog", "MODEL", "--tdata", "8"], "--tdata is not for a spiking RBM: it takes --lanes"),
        (["verilog", "MODEL", "--interface", "uart"], "--interface uart needs --clock-hz"),
        (["verilog", "MODEL", "--interface", "axi", "--baud", "9600"], "--baud goes with --interface uart alone"),
        (["verilog", "MODEL", "--testbench"], "--testbench is not for a spiking RBM"),
        (["verilog", "MODEL", "--top", "2srbm"], "a module's name must be letters, digits and _"),
        (["verilog", "MODEL", "--top", "bit"], "'bit' is a word of Verilog's own"),
        (["verilog", "MODEL", "--out", "/dev/null/x"], "cannot write /dev/null/x: not a directory"),
    ],
)
def test_status_2_and_one_line_for_what_cannot_be(
    model: str, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
):
    assert run([model if word == "MODEL" else word for word in words]) == 2
    complained = capsys.readouterr().err
    assert complaint in complained
    assert len(complained.strip().splitlines()) == 1


@pytest.mark.slow
def test_verilog_of_a_machine(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    around = ["--interface", "uart", "--baud", "9600", "--clock-hz", "1000000"]
    assert run(["verilog", model, "--lanes", "2", *around, "--top", "learner", "--out", str(tmp_path), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in printed["files"]] == ["learner.v", "learner.json", "learner.vlt"]
    text = (tmp_path / "learner.v").read_text()
    modules = [line.split()[1].strip("\\").split("(")[0] for line in text.splitlines() if line.startswith("module ")]
    assert "learner" in modules
    assert all(name.startswith("learner") for name in modules)
    described = json.loads((tmp_path / "learner.json").read_text())
    assert printed["shell"] == {"kind": "uart", "baud": 9600, "clock_hz": 1_000_000}
    assert [port["name"] for port in described["ports"]] == ["clk", "rst", "rx", "tx", "busy", "error"]
    assert described["machine"] == MACHINE.model_dump(mode="json")
    assert described["lanes"] == 2
