"""``snnhw run`` on a simulated circuit: what it prints, its status, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from golden.network import Result
from golden.network import run as run_golden
from snnhw.cli.app import run
from snnhw.data import load
from snnhw.implementation import Implementation
from snnhw.model import Model
from snnhw.modelfile import save
from tests import circuits
from tests.snnhw.host.simple import emit_once

pytestmark = pytest.mark.slow

SIMULATED = ["--port", "sim", "--dataset", "images.npz"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a small model and images for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("snnhw.host.simulated.emit_apart", emit_once)
    save(circuits.model("direct"), "small.safetensors")
    np.savez("images.npz", images=circuits.samples("direct", 30), labels=np.arange(30) % 4)
    return tmp_path


def test_images_and_labels(capsys: pytest.CaptureFixture[str]):
    assert run(["run", "small.safetensors", *SIMULATED, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    shown = json.loads(captured.out)
    golden = run_golden(circuits.model("direct"), circuits.samples("direct", 30))
    assert (shown["images"], shown["equal"], shown["difference"]) == (30, 30, None)
    assert shown["correct"] == (golden.classes == np.arange(30) % 4).sum()
    assert shown["digest"] == circuits.model("direct").digest
    assert shown["images_per_second"] == pytest.approx(30 / shown["seconds"])
    assert run(["run", "small.safetensors", *SIMULATED, "--limit", "3"]) == 0
    assert capsys.readouterr().out.endswith("equal: 3 of 3 images\n")


def test_booleans_and_text_are_what_golden_takes_them_for(capsys: pytest.CaptureFixture[str]):
    images = circuits.samples("direct", 30) > 90
    classes = run_golden(circuits.model("direct"), 255 * images.astype(np.uint8)).classes
    np.savez("images.npz", images=images, labels=classes.astype(str))
    assert run(["run", "small.safetensors", *SIMULATED, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["correct"] == 30
    lines = captured.err.splitlines()
    assert [line.partition(":")[2].partition(":")[0] for line in lines] == [
        " the images of images.npz are booleans",
        " the labels of images.npz are text",
    ]


def test_a_circuit_that_differs_is_status_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def other(model: Model, samples: NDArray[np.uint8]) -> Result:
        golden = run_golden(model, samples)
        golden.scores[7, 2] += 1
        return golden

    monkeypatch.setattr("snnhw.host.run.run_golden", other)
    assert run(["run", "small.safetensors", *SIMULATED]) == 1
    text = capsys.readouterr().out
    assert "NOT EQUAL: 29 of 30 images" in text
    assert "first difference    image 7: golden class " in text


def test_another_model_is_status_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    small = circuits.model("direct")
    tensors = {name: np.clip(-tensor, -8, 7) for name, tensor in small.tensors.items()}
    other = Model(small.network, tensors)
    save(other, "other.safetensors")
    monkeypatch.setattr(
        "snnhw.host.simulated.emit_apart", lambda design, **more: emit_once(replace(design, model=small), **more)
    )
    assert run(["run", "other.safetensors", *SIMULATED]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert f"is of the model {small.digest[:16]}..., not {other.digest[:16]}...: program" in captured.err


def test_weights_are_loaded_before_images(capsys: pytest.CaptureFixture[str]):
    small = circuits.model("direct")
    other = Model(small.network, {**small.tensors, "layer1.weight": np.clip(-small.tensors["layer1.weight"], -8, 7)})
    save(other, "other.safetensors")
    assert run(["verilog", "small.safetensors", "--memory", "layer1=spram", "--out", "made"]) == 0
    capsys.readouterr()
    circuit = [*SIMULATED, "--circuit", "made/snn.json"]
    for words, model in (["small.safetensors"], small), (["other.safetensors", "--built", "small.safetensors"], other):
        assert run(["run", *words, *circuit, "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["digest"], shown["equal"]) == (model.digest, 30)
        assert shown["bytes_loaded"] > 0
    assert run(["run", "other.safetensors", *circuit]) == 2
    assert f"was built from the model of digest {small.digest[:16]}; that of --built" in capsys.readouterr().err


def test_a_circuit_without_its_weights_says_how_they_come(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    built = Implementation.of(circuits.model("direct").network, memory={"layer1": "spram"})
    monkeypatch.setattr(
        "snnhw.host.simulated.emit_apart",
        lambda design, **more: emit_once(replace(design, implementation=built), **more),
    )
    assert run(["run", "small.safetensors", *SIMULATED]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "has no weights yet: load its weights, with --circuit and the JSON that was written" in captured.err


@pytest.mark.long
def test_a_circuit_of_rom_is_simulated_as_it_was_built(capsys: pytest.CaptureFixture[str]):
    assert run(["verilog", "small.safetensors", "--lanes", "2", "--out", "made"]) == 0
    capsys.readouterr()
    assert run(["run", "small.safetensors", *SIMULATED, "--json"]) == 0
    fast = json.loads(capsys.readouterr().out)
    assert run(["run", "small.safetensors", *SIMULATED, "--circuit", "made/snn.json", "--json"]) == 0
    slow = json.loads(capsys.readouterr().out)
    assert (slow["equal"], slow["bytes_loaded"]) == (30, 0)
    assert slow["cycles"]["mean"] > fast["cycles"]["mean"]


@pytest.mark.long
def test_a_shipped_model(capsys: pytest.CaptureFixture[str]):
    assert run(["run", "mnist-mlp", "--port", "sim", "--limit", "12", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["equal"] == 12
    assert shown["correct"] >= 10
    assert load("sample").name == shown["dataset"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["small.safetensors"], "Missing option '--port'"),
        (["small.safetensors", "--port", "/dev/none"], "there is no port /dev/none: "),
        (["small.safetensors", "--port", "sim", "--baud", "0"], "--baud"),
        (["small.safetensors", "--port", "sim", "--dataset", "none.npz"], "none.npz"),
        (["small.safetensors", "--port", "sim", "--built", "small.safetensors"], "--built goes with --circuit"),
        (["small.safetensors", "--port", "sim", "--circuit", "none.json"], "there is no file none.json"),
        (["small.safetensors", "--port", "sim", "--circuit", "images.npz"], "images.npz does not describe a circuit"),
        (
            ["events.safetensors", "--port", "sim", "--dataset", "events.npy"],
            "input is events cannot be reached over a UART",
        ),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    save(circuits.model("events"), "events.safetensors")
    np.save("events.npy", circuits.samples("events", 2))
    if "--dataset" not in arguments:
        arguments = [*arguments, "--dataset", "images.npz"]
    assert run(["run", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_no_compiler(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert run(["run", "small.safetensors", *SIMULATED]) == 2
    assert "CXX names 'no-such-compiler', which is no program here" in capsys.readouterr().err
