import json
from pathlib import Path

import numpy as np
import pytest

from golden.stdp import Stdp
from snnhw.cli.app import run
from snnhw.simulate.simulation import Stall
from snnhw.stdp import verify
from snnhw.stdp.learner import Learner
from snnhw.stdp.model import StdpModel, save_stdp
from snnhw.stdp.verify import Plan, StdpReport
from snnhw.tally import Divergence

LEARNER = Learner.usual(3, 4, spikes=2)
RESULTS = ("membranes", "spikes", "weights", "neurons", "results", "mismatches", "timing_mismatches")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    learned = Stdp(LEARNER, assigned=np.array([3, 1, 2]))
    learned.weight[0, 0] = LEARNER.weight.hi
    return str(save_stdp(StdpModel.of(learned), tmp_path_factory.mktemp("learner") / "l.safetensors"))


def report(**fields: object) -> StdpReport:
    names = ("train", "teach", "infer", "readout")
    images = {f"{name}_images": number for number, name in enumerate(names, 1)}
    cycles = dict.fromkeys((*(f"{name}_cycles" for name in names), "train_floor"), None)
    rest = {"lanes": 16, "divergence": None, "problems": (), "seconds": 1.0, "build_seconds": 2.0}
    return StdpReport(**{**images, **dict.fromkeys(RESULTS, 0), **cycles, **rest, **fields})


class Stub:
    """Stands in for the comparison, and keeps what it was asked for."""

    def __init__(self, answer: StdpReport) -> None:
        self.answer = answer

    def __call__(self, golden, images, labels, plan, *, lanes, memory, stall, progress):
        self.golden, self.images, self.plan, self.stall = golden, len(images), plan, stall
        self.lanes, self.memory = lanes, memory
        return self.answer


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Stub:
    found = Stub(report())
    monkeypatch.setattr(verify, "verify_stdp", found)
    return found


ASKED = ["--train-images", "3", "--teach-images", "5", "--infer-images", "7", "--readout-images", "6"]


def test_what_is_asked_for(model: str, stub: Stub, capsys: pytest.CaptureFixture[str]):
    more = ["--amplitude", "8", "--dump-every", "2", "--lanes", "4", "--stall", "9", "--spram"]
    assert run(["verify", model, *ASKED, *more, "--json"]) == 0
    assert stub.plan == Plan(train=3, teach=5, infer=7, readout=6, amplitude=8, dump_every=2)
    assert (stub.lanes, stub.memory, stub.images, stub.stall) == (4, "spram", 7, Stall(9))
    printed = json.loads(capsys.readouterr().out)
    assert (printed["model"], printed["dataset"], printed["equal"]) == (model, "sample", True)


def test_what_is_run_unless_told(model: str, stub: Stub, capsys: pytest.CaptureFixture[str]):
    assert run(["verify", model]) == 0
    assert (stub.plan, stub.lanes, stub.memory, stub.stall) == (Plan(), verify.LANES, "bram", None)
    assert stub.golden.weight[0, 0] == LEARNER.weight.hi
    assert "equal: 1 training images, 2 with classes, 3 inferences, 4 for the readout" in capsys.readouterr().out


def test_an_untrained_learner_has_its_classes_alone(model: str, stub: Stub):
    assert run(["verify", model, "--untrained"]) == 0
    assert np.array_equal(stub.golden.weight, Stdp(LEARNER).weight)
    assert stub.golden.assigned.tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        report(mismatches=2, divergence=Divergence("train 3", "step 5", "membrane", 2, 7, 8)),
        report(problems=("the circuit got stuck",)),
        report(timing_mismatches=1),
    ],
    ids=["a value", "a problem", "a cycle"],
)
def test_status_1_where_something_differs(
    model: str, stub: Stub, answer: StdpReport, capsys: pytest.CaptureFixture[str]
):
    stub.answer = answer
    assert run(["verify", model]) == 1
    printed = capsys.readouterr().out
    if answer.divergence is not None:
        assert "train 3, step 5, membrane 2: golden 7, circuit 8" in printed


NOTHING = [word for option in ASKED[::2] for word in (option, "0")]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["verify", "MODEL", "--lanes", "3"],
            "--lanes of a learner by STDP must be a power of two of at most 32, not 3",
        ),
        (["verify", "MODEL", *NOTHING], "there is nothing to compare"),
        (["verify", "MODEL", "--split", "train"], "is not for training: use mnist"),
        (["verify", "MODEL", "--amplitude", "3"], "amplitude must be a power of two up to 64, not 3"),
        (["verify", "mnist-mlp", "--teach-images", "2"], "--teach-images is not for a network: it takes --dataset"),
        (["verilog", "MODEL", "--out", "/dev/null/x"], "cannot write /dev/null/x: not a directory"),
        (["verilog", "MODEL", "--tdata", "8"], "--tdata is not for a learner by STDP: it takes --lanes"),
        (["verilog", "MODEL", "--interface", "uart"], "--interface uart needs --clock-hz"),
        (["verilog", "MODEL", "--interface", "axi", "--baud", "9600"], "--baud goes with --interface uart alone"),
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
def test_verilog_of_a_learner(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["--lanes", "2", "--spram", "--top", "layer", "--interface", "axi", "--out", str(tmp_path)]
    assert run(["verilog", model, *asked, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [Path(file).name for file in printed["files"]] == ["layer.v", "layer.json", "layer.vlt"]
    assert "module layer(" in (tmp_path / "layer.v").read_text()
    described = json.loads((tmp_path / "layer.json").read_text())
    assert described["learner"] == LEARNER.model_dump(mode="json")
    assert (described["lanes"], described["memory"], printed["top"]) == (2, "spram", "layer")
    assert (tmp_path / "layer.v").read_text().count("  SB_SPRAM256KA ") == 4
    assert (printed["shell"], printed["circuit_digest"]) == ({"kind": "axi"}, described["digest"])
    assert "s_axis_pixels_tdata" in (tmp_path / "layer.v").read_text()
