"""``snnhw run`` on simulated circuits that learn: what it prints, its status, its file, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from snnhw.cli.app import run
from snnhw.host.simulated import SHELL, port_of
from snnhw.srbm.model import load_srbm, save_srbm
from snnhw.stdp.model import load_stdp, save_stdp
from snnhw.stdp.verilog import emit
from tests.snnhw.srbm.small import bars
from tests.snnhw.srbm.small import small_model as small_rbm
from tests.snnhw.stdp.small import small_model

pytestmark = pytest.mark.slow

SIMULATED = ["--port", "sim", "--dataset", "bars", "--lanes", "4", "--limit", "6"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with small models and images for them."""
    monkeypatch.chdir(tmp_path)
    save_stdp(small_model(), "learner.safetensors")
    save_srbm(small_rbm(), "rbm.safetensors")
    Path("bars").mkdir()
    for split, seed in (("train", 1), ("test", 2)):
        images, labels = bars(20, seed)
        np.savez(f"bars/{split}.npz", images=images, labels=labels)
    return tmp_path


def test_a_learner_learns_and_is_written(capsys: pytest.CaptureFixture[str]):
    words = ["run", "learner.safetensors", *SIMULATED]
    assert run([*words, "--learn", "9", "--out", "made.safetensors", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["images"], shown["learned"], shown["equal"], shown["mismatches"]) == (6, 9, True, 0)
    assert shown["kept"] == shown["kept_equal"] == {"weights": 36 * 9, "thresholds": 9, "classes": 9, "readout": 27}
    made, begun = load_stdp("made.safetensors"), small_model()
    assert (made.weight != begun.weight).any()
    assert made.provenance == {
        "learned_from": begun.digest,
        "dataset": "bars",
        "presentations": 9,
        "port": "sim",
    }
    assert run([*words, "--learn", "9", "--out", "made.safetensors"]) == 2
    assert "made.safetensors is there already; give another name with --out" in capsys.readouterr().err
    assert run(["run", "made.safetensors", *SIMULATED]) == 0
    text = capsys.readouterr().out
    assert text.endswith("equal: 6 images inferred\n") and "golden's" not in text


def test_a_board_is_known_by_its_digest(capsys: pytest.CaptureFixture[str]):
    """A port that is none of its own making: the circuit says which it is."""
    words = ["run", "learner.safetensors", "--dataset", "bars", "--limit", "3"]
    with port_of(emit(small_model().learner, 4, shell=SHELL)) as port:
        assert run([*words, "--port", port, "--lanes", "4"]) == 0
        assert capsys.readouterr().out.endswith("equal: 3 images inferred\n")
        assert run([*words, "--port", port, "--lanes", "8"]) == 2
        error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "program the board with this model's circuit, or give the lanes that it was built with (--lanes)" in error


@pytest.mark.long
def test_a_learner_begins_with_nothing(capsys: pytest.CaptureFixture[str]):
    words = ["run", "learner.safetensors", *SIMULATED, "--learn", "15"]
    for more in (["--untrained"], ["--supervised", "--amplitude", "16"]):
        assert run([*words, *more]) == 0
        text = capsys.readouterr().out
        assert "weights             324 of 324 are golden's\n" in text
        assert text.endswith("equal: 6 images inferred, 15 learned\n")


@pytest.mark.long
def test_a_spiking_rbm_learns_and_is_written(capsys: pytest.CaptureFixture[str]):
    words = ["run", "rbm.safetensors", *SIMULATED, "--learn", "5", "--step", "200", "--out", "made.safetensors"]
    assert run([*words, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["images"], shown["learned"], shown["equal"]) == (6, 5, True)
    assert shown["kept"] == shown["kept_equal"]
    assert (load_srbm("made.safetensors").gp != small_rbm().gp).any()


def test_a_circuit_that_differs_is_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def other(self: object, fired: list[tuple[int, int]]) -> tuple[int, np.ndarray]:
        return 0, np.array([7, 8, 9])

    monkeypatch.setattr("golden.stdp.Stdp.score", other)
    assert run(["run", "learner.safetensors", *SIMULATED]) == 1
    text = capsys.readouterr().out
    assert "NOT EQUAL: 6 images inferred" in text
    assert "first difference    infer 0, " in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["learner.safetensors"], "Missing option '--port'"),
        (["learner.safetensors", "--port", "/dev/none"], "there is no port /dev/none: "),
        (["learner.safetensors", "--port", "sim", "--out", "x.safetensors"], "--out goes with --learn N"),
        (["learner.safetensors", "--port", "sim", "--untrained"], "--untrained goes with --learn N"),
        (["rbm.safetensors", "--port", "sim", "--step", "3"], "--step goes with --learn N"),
        (["learner.safetensors", "--port", "sim", "--lanes", "3"], "--lanes of a learner by STDP must be a power of"),
        (["learner.safetensors", "--port", "sim", "--learn", "2", "--out", "x.npz"], "x.npz"),
        (["learner.safetensors", "--port", "sim", "--learn", "2", "--amplitude", "3"], "amplitude must be a power of"),
        (["learner.safetensors", "--port", "sim", "--dataset", "sample"], "784 pixels, and the learner takes 36"),
        (["rbm.safetensors", "--port", "sim", "--dataset", "plain.npy", "--learn", "2"], "has no labels"),
        (
            ["learner.safetensors", "--port", "sim", "--dataset", "plain.npy", "--learn", "2", "--supervised"],
            "has no labels",
        ),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    np.save("plain.npy", bars(4, 1)[0])
    if "--dataset" not in arguments:
        arguments = [*arguments, "--dataset", "bars"]
    assert run(["run", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err
