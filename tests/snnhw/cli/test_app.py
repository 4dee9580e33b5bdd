"""What holds for every command: one object on standard output, statuses, errors of one line."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnhw import cli
from snnhw.cli.app import run
from snnhw.data.catalogue import NAMES, TORCHVISION
from snnhw.descriptionfile import save_description
from snnhw.model import Model, tensor_shapes
from snnhw.modelfile import save
from snnhw.presets import preset, resolve_model

ROOT = Path(__file__).parents[3]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model file in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    network = preset("mnist-mlp", hidden=6)
    rng = np.random.default_rng(1)
    tensors = {name: rng.integers(-8, 8, shape) for name, shape in tensor_shapes(network).items()}
    return save(Model(network, tensors, {"accuracy": {"correct": 9, "total": 10}}), tmp_path / "small.safetensors")


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command that cannot run says so; nothing else is printed."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("snnhw: ")
    assert captured.err.count("\n") == 1
    return captured.err


def record(arguments: list[str], capsys: pytest.CaptureFixture[str], status: int = 0) -> dict[str, Any]:
    """The one object that a command prints with --json; nothing else is printed."""
    assert run([*arguments, "--json"]) == status
    captured = capsys.readouterr()
    assert captured.err == ""
    parsed: dict[str, Any] = json.loads(captured.out)
    assert captured.out.count("\n") == 1
    return parsed


def test_info(model: Path, capsys: pytest.CaptureFixture[str]):
    shown = record(["info", str(model)], capsys)
    assert [layer["units"] for layer in shown["layers"]] == [6, 10]
    assert shown["provenance"] == {"accuracy": {"correct": 9, "total": 10}}
    assert run(["info", str(model)]) == 0
    text = capsys.readouterr().out
    assert shown["digest"] in text
    assert "accuracy    9 of 10 (90.00 %)" in text
    assert "fires where integrated >= 256" in text


def test_info_of_a_description(model: Path, capsys: pytest.CaptureFixture[str]):
    network = preset("mnist-mlp", hidden=6)
    save_description(network, "net.toml")
    shown = record(["info", "net.toml"], capsys)
    assert (shown["model"], shown["digest"], shown["parameters"]) == ("net.toml", None, 6 * 784 + 6 + 60 + 10)
    assert run(["info", "net.toml"]) == 0
    text = capsys.readouterr().out
    assert "fires where integrated >= 256" in text
    assert "put integers into net.npz as arrays hidden.weight [6, 784], hidden.bias [6], output.weight [10, 6]" in text
    for command in ("evaluate", "simulate", "verify", "verilog", "demo"):
        assert "net.toml has no weights beside it: put integers into net.npz" in fails([command, "net.toml"], capsys)
    tensors: dict[str, Any] = dict(resolve_model(model).tensors)
    np.savez("net.npz", **tensors)
    shown = record(["info", "net.toml"], capsys)
    assert shown["digest"] == resolve_model(model).digest
    assert record(["evaluate", "net.toml", "--limit", "3"], capsys)["images"] == 3


def test_evaluate(model: Path, capsys: pytest.CaptureFixture[str]):
    shown = record(["evaluate", str(model), "--limit", "30"], capsys)
    assert shown["images"] == 30
    assert np.sum(shown["confusion"]) == 30
    assert np.trace(shown["confusion"]) == shown["correct"]
    assert run(["evaluate", str(model), "--limit", "30"]) == 0
    text = capsys.readouterr().out
    assert f"{shown['correct']} of 30" in text
    assert "the model, when it was trained: 9 of 10 (90.00 %) correct" in text
    assert "synaptic operations" in text


def test_evaluate_over_time(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["evaluate", str(model), "--limit", "30", "--over-time"]) == 0
    text = capsys.readouterr().out
    counts = record(["evaluate", str(model), "--limit", "30"], capsys)["correct_over_time"]
    for steps, correct in enumerate(counts, start=1):
        assert re.search(rf"^ *{steps} +{correct} of 30 ", text, re.MULTILINE)
    pytest.importorskip("matplotlib")
    shown = record(["evaluate", str(model), "--limit", "30", "--plot", "over.png"], capsys)
    assert shown["plot"] == "over.png" and Path("over.png").exists()


def test_evaluate_own_data_without_labels(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    np.save(tmp_path / "own.npy", np.zeros((3, 28, 28), np.uint8))
    shown = record(["evaluate", str(model), "--dataset", "own.npy"], capsys)
    assert (shown["images"], shown["correct"], shown["confusion"]) == (3, None, None)
    assert run(["evaluate", str(model), "--dataset", "own.npy"]) == 0
    assert "3 images, whose labels are not known" in capsys.readouterr().out


def test_doctor(capsys: pytest.CaptureFixture[str]):
    healthy = {True: 0, False: 1}
    status = run(["doctor", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert status == healthy[shown["healthy"]]
    assert {check["name"] for check in shown["checks"]} >= {"python", "numpy", "C++ compiler", "sample", "mnist"}
    assert run(["doctor"]) == status
    assert "compiled circuits" in capsys.readouterr().out


def test_data_list(capsys: pytest.CaptureFixture[str]):
    shown = record(["data", "list"], capsys)
    assert sorted(dataset["name"] for dataset in shown["datasets"]) == sorted(NAMES)
    assert shown["torchvision"] == list(TORCHVISION)
    assert run(["data", "list"]) == 0
    text = capsys.readouterr().out
    assert "fashion-mnist" in text
    assert "torchvision:KMNIST" in text
    assert re.search(r"saccades-mnist .*\(simulated\)", text)
    assert "https://www.garrickorchard.com/datasets/n-mnist" in text


def test_data_show(capsys: pytest.CaptureFixture[str]):
    shown = record(["data", "show", "sample"], capsys)
    assert shown["labels"] == {str(label): 100 for label in range(10)}
    assert shown["shape"] == [28, 28]
    assert run(["data", "show", "sample", "--index", "5"]) == 0
    drawn = capsys.readouterr().out.splitlines()[-14:]
    assert any("@" in line for line in drawn)


def test_data_fetch_of_what_is_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("snnhw.data.fetch", lambda name, on_progress: Path("/data") / name)
    assert record(["data", "fetch", "mnist"], capsys) == {"name": "mnist", "folder": "/data/mnist"}
    assert run(["data", "fetch", "mnist"]) == 0
    assert capsys.readouterr().out == "mnist is in /data/mnist\n"


CANNOT: dict[str, tuple[list[str], str]] = {
    "unknown model": (["info", "mnist"], "there is no model 'mnist' (did you mean 'mnist-mlp'?); give the path"),
    "missing file": (["evaluate", "x.safetensors"], "model file x.safetensors is not there"),
    "unknown command": (["inform"], "No such command 'inform'. Did you mean 'info'? (snnhw --help says what there is)"),
    "unknown option": (["info", "--xml", "x"], "No such option: --xml (snnhw info --help says what there is)"),
    "missing argument": (["data", "show"], "Missing argument 'DATA'. (snnhw data show --help says what there is)"),
    "no number": (["evaluate", "small.safetensors", "--limit", "x"], "Invalid value for '--limit'"),
    "too small": (["evaluate", "small.safetensors", "--limit", "0"], "Invalid value for '--limit'"),
    "unknown dataset": (["evaluate", "small.safetensors", "--dataset", "x"], "no dataset and no file is called x"),
    "beyond the end": (["data", "show", "sample", "--index", "1000"], "--index must be below 1000"),
    "sample needs no fetching": (["data", "fetch", "sample"], "there is nothing to fetch"),
    "unknown to fetch": (["data", "fetch", "x"], "there is no dataset to fetch 'x'; there are mnist, fashion-mnist"),
}


@pytest.mark.usefixtures("model")
@pytest.mark.parametrize("case", CANNOT)
def test_what_cannot_run_says_so_in_one_line(case: str, capsys: pytest.CaptureFixture[str]):
    arguments, message = CANNOT[case]
    assert message in fails(arguments, capsys)
    assert message in fails([*arguments, "--json"], capsys)


def test_a_damaged_model(model: Path, capsys: pytest.CaptureFixture[str]):
    data = model.read_bytes()
    model.write_bytes(data[:-1])
    assert "is damaged or no .safetensors file" in fails(["info", str(model)], capsys)
    model.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "the file was changed after it was written" in fails(["evaluate", str(model)], capsys)
    model.write_bytes(data.replace(b'"schema":"1"', b'"schema":"9"'))
    assert "schema must be 1, not '9'" in fails(["info", str(model), "--json"], capsys)


@pytest.mark.parametrize(
    ("name", "images", "message"),
    [
        ("small.npy", np.zeros((2, 27, 28), np.uint8), "the network takes images of 28 x 28, and those"),
        ("floats.npy", np.full((2, 28, 28), -1.0), "or floats in 0..1: undo their normalisation"),
        ("bright.npy", np.full((2, 28, 28), 256), "must be at most 255"),
        ("flat.npy", np.zeros(784, np.uint8), "must be an array [images, ...]"),
        ("labelled.npy", np.zeros((1, 28, 28), np.uint8), "and the network has classes 0 to 9"),
    ],
)
def test_images_that_do_not_fit(
    model: Path, tmp_path: Path, name: str, images: np.ndarray, message: str, capsys: pytest.CaptureFixture[str]
):
    np.save(tmp_path / name, images)
    np.save(tmp_path / "labelled_labels.npy", [10])
    assert message in fails(["evaluate", str(model), "--dataset", name], capsys)


def raising(error: BaseException) -> Any:
    def fail(*_: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyboardInterrupt(), "interrupted; what was finished is kept"),
        (ValueError("wrong\n  value"), "snnhw: wrong value\n"),
        (PermissionError(13, "Permission denied", "/x"), "snnhw: /x: permission denied; correct this, or"),
        (OSError(28, "No space left on device"), "snnhw: no space left on device\n"),
        (OSError("odd"), "snnhw: odd\n"),
        (RuntimeError("odd"), "a defect of snnhw, please report it with what --debug adds: RuntimeError: odd"),
        (AssertionError(), "a defect of snnhw, please report it with what --debug adds: AssertionError\n"),
    ],
    ids=repr,
)
def test_every_error_is_one_line(
    error: BaseException, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("snnhw.presets.resolve_model", raising(error))
    assert message in fails(["info", "mnist-mlp"], capsys)


@pytest.mark.parametrize("arguments", [["--debug", "info", "x"], ["info", "x", "--debug"], ["info", "--debug", "x"]])
def test_a_traceback_where_it_is_wanted(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert run(arguments) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("Traceback")
    assert captured.splitlines()[-1].startswith("snnhw: there is no model 'x'")


def test_interrupted_before_a_command_has_begun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr("typer.core.TyperGroup.parse_args", raising(KeyboardInterrupt()))
    assert fails(["info", "x"], capsys) == "snnhw: interrupted\n"


def test_version_and_help(capsys: pytest.CaptureFixture[str]):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("snnhw ")
    assert run(["-h"]) == 0
    assert "evaluate" in capsys.readouterr().out
    assert run([]) == 2
    captured = capsys.readouterr()
    assert "evaluate" in captured.out
    assert captured.err == ""


def test_the_command_ends_the_process_with_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["snnhw", "info", "x"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 2
    monkeypatch.setattr("snnhw.cli.app.run", raising(KeyboardInterrupt()))
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 2
    assert capsys.readouterr().err == "snnhw: interrupted\n"


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["info", "small.safetensors"], ["data", "show", "sample"]])
def test_commands_load_no_framework(model: Path, arguments: list[str]):
    program = (
        "import sys; from snnhw.cli.app import run; status = run(sys.argv[1:]); "
        "sys.exit(status or bool({'torch', 'amaranth', 'matplotlib', 'PIL.ImageDraw'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=model.parent, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_reader_that_leaves_early_is_no_error(model: Path):
    program = "from snnhw.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "info", str(model)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (2, b"")
